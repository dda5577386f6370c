//! `box fetch`, `box provision` and `box report` (B13): root brings the file, the daemon's user applies
//! it, root writes down what came of it. So nobody who reads the file's text may do more than the daemon.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use jiff::Timestamp;
use trunkguard_boot::{
    files,
    provision::{self, Applied, FILE, Fetched},
};

use super::partition_or;
use crate::cli::{Answer, policy, print};

/// Where file and outcome lie between the three.
const RUNTIME: &str = "/run/trunkguard-provision";

/// Seconds since 1970 that a clock stands at which somebody has set: 2026.
const CLOCK_IS_SET: i64 = 1_767_225_600;

#[derive(Args)]
pub struct Card {
    /// The firmware partition, or a folder with its files; unless said, the one of the disk that the
    /// system runs from.
    #[arg(long, value_name = "PATH")]
    firmware: Option<PathBuf>,
    /// Where file and outcome lie in between.
    #[arg(long, value_name = "DIR", default_value = RUNTIME)]
    runtime: PathBuf,
}

#[derive(Args)]
pub struct Arguments {
    /// The daemon's state directory.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Where it is kept what was applied last.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/data/box/provision/applied"
    )]
    applied: PathBuf,
    /// Where file and outcome lie in between.
    #[arg(long, value_name = "DIR", default_value = RUNTIME)]
    runtime: PathBuf,
}

pub fn fetch(card: &Card) -> anyhow::Result<Answer> {
    let firmware = partition_or(card.firmware.as_deref(), "firmware")?;
    let found = provision::with_firmware(&firmware, false, |files| {
        provision::fetch(files, &card.runtime)
    })
    .with_context(|| format!("cannot look for {FILE}"))?;
    print(match found {
        Fetched::Nothing => format!("no {FILE} on the card\n"),
        Fetched::File => format!("brought {FILE}\n"),
        Fetched::Problem => format!("{FILE} could not be brought; the result file will say why\n"),
    })
}

/// Never fails because of the file: the box starts with what it had.
pub fn run(arguments: &Arguments) -> anyhow::Result<Answer> {
    let runtime = &arguments.runtime;
    if let Some(problem) = provision::problem(runtime) {
        return say(runtime, &refused(&problem));
    }
    let path = runtime.join(FILE);
    let octets = match files::read(&path, provision::LONGEST) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return print("nothing to apply\n");
        }
        read => read.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let hash = provision::hash(&octets);
    if let Some(applied) = Applied::read(&arguments.applied).filter(|last| last.hash == hash) {
        return say(runtime, &applied.outcome);
    }
    match policy::take_file(&arguments.state, &path) {
        Err(problem) => say(runtime, &refused(&words(&problem, &path))),
        Ok((summary, _)) => {
            let outcome = accepted(&summary, &hash);
            let applied = Applied { hash, outcome };
            applied.keep(&arguments.applied).with_context(|| {
                format!(
                    "{FILE} was applied, but not noted in {}",
                    arguments.applied.display()
                )
            })?;
            say(runtime, &applied.outcome)
        }
    }
}

pub fn report(card: &Card) -> anyhow::Result<Answer> {
    let Some(outcome) = provision::said(&card.runtime) else {
        return print("nothing to report\n");
    };
    let firmware = partition_or(card.firmware.as_deref(), "firmware")?;
    let written = if firmware.is_dir() {
        provision::report(&firmware, &outcome)
    } else if provision::with_firmware(&firmware, false, |files| {
        Ok(provision::reported(files, &outcome))
    })? {
        Ok(false)
    } else {
        provision::with_firmware(&firmware, true, |files| provision::report(files, &outcome))
    };
    let written = written.with_context(|| format!("cannot write {}", provision::RESULT))?;
    print(if written {
        "reported\n"
    } else {
        "reported before\n"
    })
}

/// Leaves the outcome for `box report`, and prints it for the log.
fn say(runtime: &Path, outcome: &str) -> anyhow::Result<Answer> {
    provision::say(runtime, outcome)
        .with_context(|| format!("cannot leave the outcome in {}", runtime.display()))?;
    print(outcome)
}

fn accepted(summary: &str, hash: &str) -> String {
    let now = Timestamp::now();
    // Most boards have no clock of their own, and this comes before the network.
    let when = if now.as_second() > CLOCK_IS_SET {
        now.strftime("on %Y-%m-%d at %H:%M UTC").to_string()
    } else {
        "at a start at which the box did not know the time".into()
    };
    format!(
        "TRUNKGUARD: {FILE} WAS APPLIED\n\n\
         {summary}; {when}.\n\n\
         It is not applied again unless it changes: what was set since then on the box stays. \
         The file may be\nremoved from the card. Its SHA-256 is\n{hash}\n"
    )
}

fn refused(problem: &str) -> String {
    format!(
        "TRUNKGUARD: {FILE} WAS NOT APPLIED\n\n\
         {problem}\n\n\
         The box runs with what it had before. Put the file right, save it as UTF-8 text, and start the \
         box with\nthe card again. What each key means is in the manual, under \"The policy file\".\n"
    )
}

/// The error and its causes, with the file's name as the installer knows it.
fn words(problem: &anyhow::Error, path: &Path) -> String {
    let chain: Vec<String> = problem.chain().map(ToString::to_string).collect();
    chain
        .join("\nbecause: ")
        .replace(&*path.to_string_lossy(), FILE)
}
