//! A box that is started from the card that a power cut left.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use trunkguard_boot::state::{Slot, State};
use trunkguard_tests::machine::{
    Card, Guest, Machine,
    updating::{confirmed, json, said, version},
};

use crate::story::{STATE, Story, UPDATE, answers, approve};

/// An update is fetched, written and started within so long.
const RENEWED: Duration = Duration::from_secs(400);

/// What is waited for once the box is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    Nothing,
    /// The trial's good end.
    Confirmed,
    /// The update from its beginning, until the new slot starts.
    Again,
}

/// What was seen of a box.
pub struct Started {
    pub slot: Slot,
    pub version: String,
    /// Approved calls in its history that were promised.
    pub calls: usize,
    /// In words.
    pub said: String,
}

/// Starts a box and asks it for all that it owes.
pub fn start(
    story: &Story,
    card: &Card,
    state: State,
    owed: &[&str],
    after: After,
) -> Result<Started> {
    let mut machine = story.start(card)?;
    let outcome = asked(story, &mut machine, state, owed, after);
    if outcome.is_err() {
        println!("{}", said(&mut machine));
    }
    machine.cut_power();
    outcome
}

fn asked(
    story: &Story,
    machine: &mut Machine,
    state: State,
    owed: &[&str],
    after: After,
) -> Result<Started> {
    let mut guest = machine.guest()?;
    settled(&mut guest)?;
    let wanted = state.primary();
    let line = "trunkguard: slot ";
    ensure!(
        machine.console().matches(line).count() == 1,
        "more than one start"
    );
    let (slot, good, trial) = slots(&mut guest)?;
    ensure!(
        slot == wanted && machine.console().contains(&format!("{line}{wanted} seq")),
        "slot {slot} runs, and {state:?} says {wanted}"
    );
    // Confirmed, or on a trial that is counted: nothing else is left behind.
    let on_trial = state.good != slot;
    ensure!(
        good == state.good && trial.is_some() == on_trial,
        "{good} is confirmed and {trial:?} on trial, after {state:?}"
    );
    let found = Started {
        slot,
        version: version(&mut guest)?,
        calls: owed.len(),
        said: String::new(),
    };
    owes(story, &mut guest, owed)?;
    let pending = pending(&mut guest, slot)?;
    ensure!(
        !story.is_by_service || pending == on_trial,
        "slot {slot}, on trial: {on_trial}; an update is pending: {pending}"
    );
    let said = match (after, on_trial) {
        (After::Confirmed, true) => {
            drop(guest);
            confirmed(machine, slot.name())?;
            "sound, complete, confirmed afterwards"
        }
        (After::Again, false) => {
            again(machine, guest)?;
            "sound, complete, written again and started"
        }
        (_, true) => "sound, complete, on trial",
        (_, false) => "sound, complete",
    };
    Ok(Started {
        said: said.into(),
        ..found
    })
}

/// Waits until the start is over, but for the trial, which takes its time; nothing has failed.
fn settled(guest: &mut Guest) -> Result<()> {
    guest
        .until(
            "jobs=$(systemctl list-jobs --no-legend --no-pager | grep -v -F trunkguard-confirm.service); echo \"$jobs\"; test -z \"$jobs\" && systemctl is-active \"$(systemctl get-default)\"",
        )
        .context("the start does not end")?;
    let failed = guest.must("systemctl --failed --no-pager --no-legend")?;
    ensure!(failed.trim().is_empty(), "failed:\n{failed}");
    answers(guest)
}

/// Which slot runs, which one is confirmed, and how often the one on trial may still be started.
fn slots(guest: &mut Guest) -> Result<(Slot, Slot, Option<u64>)> {
    let state = json(guest, "trunkguard box state --json")?;
    let slot = |name: &str| {
        let named = state[name].as_str().and_then(Slot::named);
        named.with_context(|| format!("no {name}: {state:#}"))
    };
    ensure!(
        state["canary"] == "same" && state["updates"] == true,
        "the box takes no updates: {state:#}"
    );
    Ok((
        slot("started")?,
        slot("good")?,
        state["trial"]["tries"].as_u64(),
    ))
}

/// The policy is the one that was set, every call that was answered is in the history, and the next one is decided.
fn owes(story: &Story, guest: &mut Guest, owed: &[&str]) -> Result<()> {
    let policy = guest.must(&format!("trunkguard export --state {STATE}"))?;
    ensure!(
        policy.trim() == story.policy.trim(),
        "another policy:\n{policy}"
    );
    let calls = json(
        guest,
        &format!("trunkguard calls --state {STATE} --limit 10000 --json"),
    )?;
    let calls = calls.as_array().context("no list of calls")?;
    let approved: HashSet<&str> = calls
        .iter()
        .filter(|call| call["approved"] == true)
        .filter_map(|call| call["dialled"].as_str())
        .collect();
    let missing: Vec<_> = owed
        .iter()
        .filter(|number| !approved.contains(**number))
        .collect();
    ensure!(
        missing.is_empty(),
        "approved calls that are not in the history: {missing:?}"
    );
    approve(guest, 99)?;
    Ok(())
}

/// Does the process that installs still wait for an end?
fn pending(guest: &mut Guest, slot: Slot) -> Result<bool> {
    let view = json(guest, &format!("{UPDATE} status --json"))?;
    let status = &view["status"];
    ensure!(
        status["slot"] == slot.name() && status["problem"] == Value::Null,
        "updates: {view:#}"
    );
    Ok(!status["pending"].is_null())
}

/// Has the box make the update that was cut off.
fn again(machine: &mut Machine, mut guest: Guest) -> Result<()> {
    let asked = guest.must(&format!("{UPDATE} check"))?;
    ensure!(asked.contains("offered"), "{asked}");
    guest.must(&format!("{UPDATE} install >/run/said 2>&1 &"))?;
    let began = Instant::now();
    while !machine.console().contains("trunkguard: slot B seq") {
        ensure!(
            began.elapsed() < RENEWED,
            "slot B was not started again: {}",
            guest.run("cat /run/said")?.out
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}
