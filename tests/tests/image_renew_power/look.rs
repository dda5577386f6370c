//! What is on a card after the power was cut, before anybody starts from it.

use std::fs;

use anyhow::{Context, Result, ensure};
use trunkguard_boot::state::{Slot, State};
use trunkguard_tests::machine::{Card, Kept, at};

use crate::{
    cut::Cut,
    story::{self, Story},
};

/// Looks at all that was promised; answers the record in force.
pub fn look(story: &Story, cut: &Cut, card: &Card) -> Result<State> {
    let state = if cut.given_up {
        story.first
    } else {
        record(story, cut, card)?
    };
    let found = story::newest(card)?;
    // Whatever may be started is whole.
    for slot in [found.primary(), found.good] {
        let (as_it_was, partitions) = match slot {
            Slot::A => (&story.before, at::BOOT_A..at::BOOT_B),
            Slot::B => (&story.after, at::BOOT_B..at::DATA),
        };
        ensure!(
            card.is_same(as_it_was, partitions)?,
            "{state:?} would start slot {slot}, which is neither old nor new"
        );
    }
    let folder = story.folder.join("kept");
    let kept = Kept::read(card, &folder)?;
    let owed = story.owed(cut.count);
    let missing: Vec<_> = owed
        .iter()
        .filter(|number| !kept.calls.contains(**number))
        .collect();
    ensure!(
        missing.is_empty(),
        "approved calls that are not in the history: {missing:?}"
    );
    ensure!(
        kept.policy == story.policy,
        "another policy:\n{}",
        kept.policy
    );
    ensure!(
        kept.id == story.id,
        "another box: {} was {}",
        kept.id,
        story.id
    );
    let updates = folder.join("trunkguard-update");
    ensure!(
        !updates.join("record.damaged").exists(),
        "a damaged record of updates"
    );
    if let Ok(text) = fs::read_to_string(updates.join("record.json")) {
        serde_json::from_str::<serde_json::Value>(&text).context("the record of updates")?;
    }
    Ok(found)
}

/// The record in force is one that was written, and not older than the last one that was flushed.
fn record(story: &Story, cut: &Cut, card: &Card) -> Result<State> {
    let found = story::newest(card)?;
    let first_open = story
        .writes
        .unflushed(cut.count)
        .first()
        .copied()
        .unwrap_or(cut.count);
    let written = story
        .changes
        .iter()
        .filter(|change| change.index < cut.count);
    let known = written.clone().any(|change| change.state == found) || found == story.first;
    ensure!(known, "a record that nobody wrote: {found:?}");
    let flushed = written
        .filter(|change| change.index < first_open)
        .map(|change| change.state.sequence)
        .max();
    ensure!(
        flushed.is_none_or(|least| found.sequence >= least),
        "record {flushed:?} was flushed, and {found:?} is in force"
    );
    Ok(found)
}

/// A record in a few words.
pub fn words(state: State) -> String {
    match state.trial {
        Some(trial) => format!(
            "{}: {}, {} may be tried {} times",
            state.sequence, state.good, trial.slot, trial.tries
        ),
        None => format!("{}: {}", state.sequence, state.good),
    }
}
