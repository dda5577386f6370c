//! Texts for people in two languages. Files to paste stay English.

use serde::{Deserialize, Serialize};

/// The language of steps, warnings and checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    English,
    /// French.
    French,
}

/// One sentence in the wanted language, with the names of values in braces.
macro_rules! say {
    ($language:expr, $english:literal, $french:literal $(,)?) => {
        match $language {
            $crate::Language::English => format!($english),
            $crate::Language::French => format!($french),
        }
    };
}

pub(crate) use say;
