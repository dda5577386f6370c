//! Which slot runs, and which one is meant to: a small file that root writes at a start and after each change of the boot state, because
//! nobody else may read the disk.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// Where it is. In memory: it is of this start.
pub const PATH: &str = "/run/trunkguard-box/boot.json";

/// The version that RAUC began to write last, a line: root notes it when RAUC asks whether it may.
pub const BEGUN: &str = "/run/trunkguard-box/begun";

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// The slot that runs, `A` or `B`.
    pub running: String,
    /// The slot that was confirmed.
    pub confirmed: String,
    /// The slot that is tried, if one is.
    pub trial: Option<String>,
    /// Why this box takes no updates: boot loader and system do not see the same record.
    pub problem: Option<String>,
}

impl Boot {
    /// Runs on trial.
    pub fn on_trial(&self) -> bool {
        self.trial.as_ref() == Some(&self.running)
    }

    /// The slot that does not run.
    pub fn other(&self) -> &'static str {
        if self.running == "A" { "B" } else { "A" }
    }

    /// Reads the file; nothing where this is no box.
    pub fn read(path: &Path) -> Option<Boot> {
        serde_json::from_str(&crate::places::read(path, 4_096)?).ok()
    }
}
