//! Which data this version reads and writes: what an update has to know before it is installed (docs/updates.md).

use crate::policy_store;

/// The data of a state directory, as a whole. A version of the firmware that changes the tables of any file
/// counts this up: by a step of the policy's tables, whose version it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// What it writes.
    pub data: u32,
    /// The oldest that it takes over.
    pub oldest: u32,
}

/// This version's.
pub fn schema() -> Schema {
    Schema {
        data: policy_store::newest_version(),
        oldest: 1,
    }
}
