//! `doctor`: the usual mistakes of an installation.

use std::path::PathBuf;

use clap::Args;
use trunkguard_board::Profile;

use super::{Answer, print};
use crate::{
    doctor::{self, Severity},
    operations,
};

/// Where to look.
#[derive(Args)]
pub struct Arguments {
    /// The state directory.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// The board's profile, for its ports.
    #[arg(long, value_name = "PROFILE", default_value = "sim")]
    board: String,
    /// Print JSON: what was found, and the facts that it was judged by.
    #[arg(long)]
    json: bool,
    /// Show also what is as it should be.
    #[arg(long)]
    all: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Answer> {
    let board = Profile::load(&arguments.board)?;
    let (findings, facts) = operations::doctor(&arguments.state, Some(&board));
    if arguments.json {
        let json = operations::doctor_json(&findings, &facts);
        print(serde_json::to_string_pretty(&json)? + "\n")?;
    } else {
        let shown = |f: &&doctor::Finding| arguments.all || f.severity > Severity::Ok;
        let mut text: String = findings
            .iter()
            .filter(shown)
            .map(|f| format!("{f}\n"))
            .collect();
        let well = findings
            .iter()
            .filter(|f| f.severity == Severity::Ok)
            .count();
        text.push_str(&format!("{well} of {} checks are well\n", findings.len()));
        print(text)?;
    }
    Ok(if doctor::is_wrong(&findings) {
        Answer::No
    } else {
        Answer::Yes
    })
}
