//! Who is banned: evidence against strangers, scored over time, and what follows from it.
//!
//! A source address can be forged, so a ban is never worth more than what it keeps out: it ends by
//! itself, it holds for one service, it takes several datagrams over several seconds, and it never
//! meets anybody who is allowed ([`Never`]). docs/security.md F15, docs/decisions/bans-score.md.

use core::fmt;

use serde::{Deserialize, Serialize};

pub mod evidence;
pub mod ledger;
mod never;
pub mod packet;
mod record;
mod table;

pub use evidence::{Evidence, Kind, Watched};
pub use ledger::{Banned, Effect, Kept, Ledger, Refused};
pub use never::Never;

/// What somebody is banned from. Somebody who guesses the page's password loses the page and not the
/// phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// SIP, IAX2 and RTP, to the PBX and to the box.
    Sip,
    /// The page and SSH.
    Page,
}

impl Service {
    /// Both.
    pub const ALL: [Service; 2] = [Service::Sip, Service::Page];

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Service::Sip => "sip",
            Service::Page => "page",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
