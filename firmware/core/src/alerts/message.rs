//! What is told: the facts, not the words. Kept in the outbox as it is, and rendered when it leaves.

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use crate::policy::Mode;

/// Incidents that one message lists; of more it gives the number.
pub const MOST_ENTRIES: usize = 50;

/// One message to the owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Names this message and no other: 32 hexadecimal digits.
    pub token: String,
    /// When it was made, in milliseconds since 1970.
    pub unix_ms: i64,
    /// The same by the office's clock, `2026-11-26 18:20`.
    pub at: String,
    /// The mode at the time: in Detect what is alerted went through.
    pub mode: Mode,
    /// Leaves in quiet hours too.
    pub urgent: bool,
    /// What it says.
    pub content: Content,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// Incidents that need a look.
    Alert {
        /// The newest first, at most [`MOST_ENTRIES`].
        entries: Vec<Entry>,
        /// How many there are beside.
        more: u64,
    },
    /// The day.
    Digest(Summary),
    /// Nothing happened: somebody tries the channel.
    Test,
}

/// One incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number in the history.
    pub incident: i64,
    /// Its kind.
    pub kind: String,
    /// The client, or empty: the box itself.
    pub client: String,
    /// The extension, or empty.
    pub caller: String,
    /// The number, or a sentence. Strangers choose parts of it.
    pub text: String,
    /// How often.
    pub count: u64,
    /// The count that was told before; 0 where this is the first time.
    pub told: u64,
    /// First time, in milliseconds since 1970.
    pub first_ms: i64,
    /// Last time.
    pub last_ms: i64,
    /// First time by the office's clock.
    pub first: String,
    /// Last time by the office's clock.
    pub last: String,
}

/// A day in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Calls that went through.
    pub approved: u64,
    /// Of those, against the policy (Detect).
    pub would_deny: u64,
    /// Calls that were refused.
    pub denied: u64,
    /// Calls that cost money.
    pub chargeable: u64,
    /// Emergency calls.
    pub emergency: u64,
    /// Incidents that nobody has acknowledged, of any day.
    pub open: u64,
    /// The day's incidents, the newest first, at most [`MOST_ENTRIES`].
    pub entries: Vec<Entry>,
    /// How many there are beside.
    pub more: u64,
}

impl Message {
    /// Says nothing but that alerts do not arrive: were its own failure an incident, that would be told
    /// again, and so on.
    pub fn is_of_alerts_only(&self) -> bool {
        match &self.content {
            Content::Alert { entries, more } => {
                *more == 0
                    && entries
                        .iter()
                        .all(|entry| entry.kind == "alerts-undelivered")
            }
            Content::Digest(_) | Content::Test => false,
        }
    }
}
