//! `box boot-backend`: what RAUC asks and wishes (B17).

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use trunkguard_boot::{
    canary::{self, Told},
    device::Device,
    rauc::{self, Change, Question, Worth},
    state::Slot,
};

use super::partition_or;
use crate::cli::{Answer, print};

#[derive(Args)]
pub struct Arguments {
    /// The partition `bootstate`; unless said, the one of the disk that the system runs from.
    #[arg(long, value_name = "PATH")]
    device: Option<PathBuf>,
    #[command(subcommand)]
    said: Said,
}

#[derive(Clone, Copy, Subcommand)]
enum Said {
    /// Print the slot that the next start is meant for.
    GetPrimary,
    /// Print the slot that runs.
    GetCurrent,
    /// Print `good` or `bad`.
    GetState {
        #[arg(value_parser = slot)]
        slot: Slot,
    },
    /// Try this slot at the next starts.
    SetPrimary {
        #[arg(value_parser = slot)]
        slot: Slot,
    },
    /// Say what a slot is worth.
    SetState {
        #[arg(value_parser = slot)]
        slot: Slot,
        worth: Word,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Word {
    Good,
    Bad,
}

fn slot(name: &str) -> Result<Slot, String> {
    Slot::named(name).ok_or_else(|| "a slot is A or B".into())
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Answer> {
    let path = partition_or(arguments.device.as_deref(), "bootstate")?;
    let told = canary::told(&fs::read_to_string("/proc/cmdline")?);
    match arguments.said {
        Said::GetPrimary => ask(&path, told, Question::Primary),
        Said::GetCurrent => ask(&path, told, Question::Current),
        Said::GetState { slot } => ask(&path, told, Question::State(slot)),
        Said::SetPrimary { slot } => change(&path, told, Change::Primary(slot)),
        Said::SetState { slot, worth } => {
            let worth = match worth {
                Word::Good => Worth::Good,
                Word::Bad => Worth::Bad,
            };
            change(&path, told, Change::State(slot, worth))
        }
    }
}

fn ask(path: &Path, told: Option<Told>, question: Question) -> anyhow::Result<Answer> {
    let state = Device::open_to_read(path)?.read()?.newest.state;
    let answer = rauc::answer(question, state, told)
        .context("the kernel was not told which slot it is of: not started by the box's script")?;
    print(format!("{answer}\n"))
}

fn change(path: &Path, told: Option<Told>, wanted: Change) -> anyhow::Result<Answer> {
    let note = Path::new(canary::NOTE);
    let device = Device::open(path)?;
    let (mut before, mut outcome) = (0, Ok(()));
    // Looked at while nobody else can write: what is refused leaves the record as it was.
    let after = device.change(|state| {
        before = state.sequence;
        let canary = canary::check(told, canary::noted(note), state);
        rauc::change(wanted, state, (told, canary)).unwrap_or_else(|refusal| {
            outcome = Err(refusal);
            state
        })
    })?;
    outcome?;
    if after.sequence != before {
        canary::note(note, after.sequence).with_context(|| {
            format!("the record was written, and {} cannot be: no further change is made before the next start", note.display())
        })?;
        super::trial::note(path)?;
    }
    Ok(Answer::Yes)
}
