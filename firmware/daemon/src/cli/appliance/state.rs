//! `box state`: the record that U-Boot and the box share, in words.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::json;
use trunkguard_boot::{
    canary::{self, Canary},
    device::{Device, Found},
    state::{Place, Slot, Standing},
};

use super::partition_or;
use crate::cli::{Answer, print};

#[derive(Args)]
pub struct Arguments {
    /// The partition `bootstate`; unless said, the one of the disk that the system runs from.
    #[arg(long, value_name = "PATH")]
    device: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Answer> {
    let path = partition_or(arguments.device.as_deref(), "bootstate")?;
    let device = Device::open_to_read(&path)?;
    let (found, reset) = (device.read()?, device.reset_wanted()?);
    let told = canary::told(&fs::read_to_string("/proc/cmdline")?);
    let noted = canary::noted(Path::new(canary::NOTE));
    let canary = canary::check(told, noted, found.newest.state);
    if arguments.json {
        let state = found.newest.state;
        let text = json!({
            "sequence": state.sequence,
            "good": state.good.name(),
            "trial": state.trial.map(|trial| json!({ "slot": trial.slot.name(), "tries": trial.tries })),
            "next_start": state.primary().name(),
            "started": told.map(|told| told.slot.name()),
            "record": record(&found),
            "updates": canary == Canary::Same,
            "canary": name(canary),
            "reset_wanted": reset,
        });
        print(format!("{text:#}\n"))?;
    } else {
        print(text(&found, canary, reset))?;
    }
    let wrong = matches!(
        canary,
        Canary::OtherSequence { .. } | Canary::OtherSlot { .. }
    );
    Ok(if found.damaged || wrong {
        Answer::No
    } else {
        Answer::Yes
    })
}

fn record(found: &Found) -> &'static str {
    match (found.newest.at, found.damaged) {
        (Some(Place::First), _) => "first",
        (Some(Place::Second), _) => "second",
        (None, true) => "damaged",
        (None, false) => "none",
    }
}

fn name(canary: Canary) -> &'static str {
    match canary {
        Canary::Same => "same",
        Canary::NotTold => "not-told",
        Canary::OtherSequence { .. } => "other-sequence",
        Canary::OtherSlot { .. } => "other-slot",
    }
}

fn text(found: &Found, canary: Canary, reset: bool) -> String {
    let state = found.newest.state;
    let slot = |slot: Slot| {
        let standing = match (state.standing(slot), state.trial) {
            (Standing::Confirmed, _) => "confirmed".into(),
            (Standing::Tried, Some(trial)) => format!("on trial, {} starts left", trial.tries),
            _ => "starts only if the other one does not load".into(),
        };
        format!("slot {slot}      {standing}\n")
    };
    let record = match record(found) {
        "damaged" => {
            "both are damaged: U-Boot starts slot A. Install an update to have one again".into()
        }
        "none" => "none was written yet: slot A is the confirmed one".into(),
        which => format!("number {:x}, the {which} of two", state.sequence),
    };
    let canary = match canary {
        Canary::Same => "sees the same".into(),
        Canary::NotTold => {
            "has said nothing to the kernel: not started by the box's script; no updates are taken"
                .into()
        }
        Canary::OtherSequence { expected } => format!(
            "saw record {expected:x}: it reads another place than this; no updates are taken"
        ),
        Canary::OtherSlot { expected } => format!(
            "could not load slot {expected} and started the other one; no updates are taken"
        ),
    };
    let reset = if reset {
        "reset       at the next start\n"
    } else {
        ""
    };
    format!(
        "next start  slot {}\n{}{}record      {record}\nU-Boot      {canary}\n{reset}",
        state.primary(),
        slot(Slot::A),
        slot(Slot::B),
    )
}
