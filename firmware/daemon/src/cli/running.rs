//! Questions about the firewall that the running daemon answers: it alone knows what is in force.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use super::{Answer, print};
use crate::{
    control::{self, Ask, Decision},
    firewall::view::View,
};

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

/// What there is to see of the firewall.
///
/// # Errors
/// When no daemon runs.
pub fn view(state: &Path) -> anyhow::Result<View> {
    ask(state, &Ask::Firewall)
}

/// Has the daemon do what a person decided, and prints what it says.
///
/// # Errors
/// When no daemon runs, or it refuses.
pub fn decide(state: &Path, decision: Decision) -> anyhow::Result<Answer> {
    let said: String = ask(state, &Ask::Decide(decision))?;
    print(format!("{said}\n"))
}

fn ask<T: serde::de::DeserializeOwned>(state: &Path, ask: &Ask) -> anyhow::Result<T> {
    control::ask(state, ask)?.with_context(|| {
        format!(
            "no daemon runs on {}; start it: trunkguard run --state {0}",
            state.display()
        )
    })
}

/// Prints the script of the rules that are to be in force.
///
/// # Errors
/// When no daemon runs, or the settings make no rules.
pub fn ruleset(state: &Path) -> anyhow::Result<Answer> {
    let view = view(state)?;
    match view.status.problem {
        Some(problem) if view.ruleset.is_empty() => anyhow::bail!("{problem}"),
        _ => print(view.ruleset),
    }
}

/// Prints what was dropped, or would have been.
///
/// # Errors
/// When no daemon runs.
pub fn report(state: &Path, json: bool) -> anyhow::Result<Answer> {
    let view = view(state)?;
    if json {
        let json = serde_json::json!({ "status": view.status, "report": view.report });
        return print(format!("{json}\n"));
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
