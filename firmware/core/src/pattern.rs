//! Asterisk dial patterns (stub; the numbers helper fills it).
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// An Asterisk pattern such as `_011NX.`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Pattern(String);
impl TryFrom<String> for Pattern {
    type Error = String;
    fn try_from(t: String) -> Result<Self, String> {
        Ok(Pattern(t))
    }
}
impl From<Pattern> for String {
    fn from(p: Pattern) -> String {
        p.0
    }
}
