//! How words of the core are written in the history: numbers that never change their meaning.
//!
//! Add to the end; never reuse a number. The core may order its words as it likes.

use trunkguard_core::{
    number::Kind,
    policy::Mode,
    verdict::{Level, Rule},
};

/// A word with a number on disk.
pub(crate) trait Coded: Sized {
    /// Its number.
    fn code(self) -> u8;
    /// The word of a number, or `None` for one that this version does not know.
    fn from_code(code: u8) -> Option<Self>;
}

macro_rules! codes {
    ($type:ident { $($code:literal $name:ident,)* }) => {
        impl Coded for $type {
            fn code(self) -> u8 {
                match self { $($type::$name => $code,)* }
            }
            fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some($type::$name),)* _ => None }
            }
        }
    };
}

codes!(Rule {
    1 Loop,
    2 Emergency,
    3 AlwaysAllowed,
    4 Lockdown,
    5 TollFree,
    6 Service,
    7 Tampering,
    8 NotANumber,
    9 Scanner,
    10 Network,
    11 Number,
    12 Prefix,
    13 Kind,
    14 Country,
    15 Simultaneous,
    16 PerMinute,
    17 PerHour,
    18 PerDay,
    19 SameNumber,
    20 Spellings,
    21 Sequential,
    22 NewCountry,
    23 NewPhone,
    24 Default,
});

codes!(Level {
    1 BuiltIn,
    2 Everybody,
    3 Client,
    4 Group,
    5 Caller,
});

codes!(Mode {
    1 Detect,
    2 Prevent,
    3 Lockdown,
});

codes!(Kind {
    1 Domestic,
    2 UsCanada,
    3 NanpAbroad,
    4 Abroad,
    5 Premium,
    6 SharedCost,
    7 TollFree,
    8 Personal,
    9 Satellite,
    10 GlobalNetwork,
    11 Directory,
});
