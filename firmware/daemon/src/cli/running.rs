//! Questions about the firewall that the running daemon answers: it alone knows what is in force.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use super::{Answer, print};
use crate::{control::Decision, operations};

/// Where the state is, before or behind an action.
#[derive(clap::Args)]
pub struct Asked {
    /// The state directory.
    #[arg(long = "state", value_name = "DIR", global = true)]
    dir: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

impl Asked {
    /// The state directory. What may stand in two places cannot be required by clap.
    ///
    /// # Errors
    /// When it is missing.
    pub fn state(&self) -> anyhow::Result<&Path> {
        self.dir
            .as_deref()
            .context("--state DIR is missing; name the daemon's state directory")
    }

    /// Was JSON asked for?
    pub fn json(&self) -> bool {
        self.json
    }

    /// Prints a list, as JSON where that was asked for.
    ///
    /// # Errors
    /// When it cannot be printed.
    pub fn show<T: Serialize + ?Sized>(
        &self,
        list: &T,
        text: fn(&T) -> String,
    ) -> anyhow::Result<Answer> {
        print(if self.json {
            serde_json::to_string_pretty(list)? + "\n"
        } else {
            text(list)
        })
    }
}

/// Has the daemon do what a person decided, and prints what it says.
///
/// # Errors
/// When no daemon runs, or it refuses.
pub fn decide(state: &Path, decision: Decision) -> anyhow::Result<Answer> {
    print(format!("{}\n", operations::decide(state, decision)?))
}

/// Prints the script of the rules that are to be in force.
///
/// # Errors
/// When no daemon runs, or the settings make no rules.
pub fn ruleset(state: &Path) -> anyhow::Result<Answer> {
    print(operations::ruleset(state)?)
}

/// Prints what was dropped, or would have been.
///
/// # Errors
/// When no daemon runs.
pub fn report(state: &Path, json: bool) -> anyhow::Result<Answer> {
    let view = operations::view(state)?;
    if json {
        return print(format!("{}\n", operations::report_json(&view)));
    }
    let problem = view.status.problem.map_or_else(String::new, |problem| {
        format!("The rules are not those that were set: {problem}\n\n")
    });
    let report = view.report.map_or_else(
        || "With --firewall dry-run no rule is loaded, and nothing is counted.\n".to_owned(),
        |report| report.to_string(),
    );
    print(problem + &report)
}
