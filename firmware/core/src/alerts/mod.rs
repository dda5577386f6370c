//! When an incident is told to whom, as pure functions of time and of what was told before
//! (docs/alerts.md). What is said is rendered elsewhere; who sends it, too.

mod digest;
mod kinds;
mod message;
mod plan;
mod retry;
mod words;

pub use digest::{Step, digest};
pub use kinds::{EMERGENCY_CALL, KINDS, Kind, When, of_call};
pub use message::{Content, Entry, MOST_ENTRIES, Message, Summary};
pub use plan::{FORGOTTEN_MS, GAP_MS, GATHER_MS, PER_HOUR, Plan, Seen, Told, may_leave, plan};
pub use retry::{After, GIVEN_UP_MS, LEAST_TRIES, after, is_due};
pub use words::{Words, words};
