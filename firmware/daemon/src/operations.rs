//! What a person or a program asks of the box: the command line prints these answers, and the API sends them as JSON.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use jiff::{Timestamp, civil::DateTime};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use trunkguard_board::Profile;
use trunkguard_core::{gate::Gate, policy::Definition, verdict::Rule};
use trunkguard_store::{
    file,
    history::{History, Incident},
    outbox::{self, Line},
    policy_store::StoreError,
    suggest::Suggestion,
};

use crate::{
    clock::Clock,
    control::{self, Ask, Decision, ExplainAsk},
    doctor,
    firewall::view::View,
    policy::{self, Force},
    reasons::{self, Explanation},
};

/// No daemon runs on a state directory, and what was asked takes one.
#[derive(Debug, thiserror::Error)]
#[error("no daemon runs on {}; start it: trunkguard run --state {}", .0.display(), .0.display())]
pub struct NotRunning(pub PathBuf);

/// What was to be changed is not there.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotThere(pub &'static str);

/// Asks the running daemon.
///
/// # Errors
/// [`NotRunning`], or what the daemon says.
pub fn ask<T: DeserializeOwned>(state: &Path, ask: &Ask) -> anyhow::Result<T> {
    control::ask(state, ask)?.ok_or_else(|| NotRunning(state.to_owned()).into())
}

/// What there is to see of the firewall.
///
/// # Errors
/// When no daemon runs.
pub fn view(state: &Path) -> anyhow::Result<View> {
    ask(state, &Ask::Firewall)
}

/// Has the daemon do what a person decided, and answers with the sentence that it says.
///
/// # Errors
/// When no daemon runs, or it refuses.
pub fn decide(state: &Path, decision: Decision) -> anyhow::Result<String> {
    ask(state, &Ask::Decide(decision))
}

/// The script of the rules that are to be in force.
///
/// # Errors
/// When no daemon runs, or the settings make no rules.
pub fn ruleset(state: &Path) -> anyhow::Result<String> {
    let view = view(state)?;
    match view.status.problem {
        Some(problem) if view.ruleset.is_empty() => bail!("{problem}"),
        _ => Ok(view.ruleset),
    }
}

/// State of the firewall, and what was dropped.
pub fn report_json(view: &View) -> Value {
    json!({ "status": view.status, "report": view.report })
}

/// The history, with the calls in it that a running daemon has not written yet.
///
/// # Errors
/// A history that cannot be read.
pub fn history(state: &Path) -> anyhow::Result<History> {
    let _: Option<bool> = control::ask(state, &Ask::Flush)?;
    Ok(History::open(state)?)
}

/// Incidents, the newest first; or only those that nobody has acknowledged.
///
/// # Errors
/// A history that cannot be read.
pub fn incidents(history: &History, only_open: bool) -> anyhow::Result<Vec<Incident>> {
    const MOST: u32 = 1_000;
    Ok(history.incidents(only_open, MOST)?)
}

/// The rule of this name.
///
/// # Errors
/// When there is none; says which there are.
pub fn rule(name: &str) -> anyhow::Result<Rule> {
    match Rule::ALL.iter().find(|rule| rule.name() == name) {
        Some(&rule) => Ok(rule),
        None => {
            let names: Vec<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
            bail!("there is no rule `{name}`; there is {}", names.join(", "))
        }
    }
}

/// Marks an incident as seen, or all of them. Only the daemon writes to the history, so one has to run.
///
/// # Errors
/// When none does, there is no such incident, or the history takes nothing.
pub fn acknowledge(state: &Path, incident: Option<i64>) -> anyhow::Result<()> {
    if let Some(id) = incident {
        let known = incidents(&history(state)?, false)?;
        ensure!(
            known.iter().any(|incident| incident.id == id),
            NotThere("there is no such incident; the list of alerts has their numbers (`id`)")
        );
    }
    match ask(state, &Ask::Acknowledge { incident })? {
        true => Ok(()),
        false => bail!("the history cannot be written to; `trunkguard status` says why"),
    }
}

/// What was sent, what waits and what was given up, the newest first.
///
/// # Errors
/// An outbox that cannot be read.
pub fn outbox(state: &Path) -> anyhow::Result<Vec<Line>> {
    Ok(match outbox::read_only(state)? {
        Some(outbox) => outbox.list()?,
        None => Vec::new(),
    })
}

/// What became of a test message, by target, for programs: why it was not taken.
pub fn tested_json(outcomes: Vec<(String, Option<String>)>) -> Value {
    let each = outcomes
        .into_iter()
        .map(|(target, why)| json!({ "target": target, "accepted": why.is_none(), "error": why }));
    each.collect()
}

/// A proposal, for programs.
pub fn suggestion_json(suggestion: &Suggestion) -> Value {
    json!({
        "policy": suggestion.rules,
        "reasons": suggestion.reasons,
        "calls": suggestion.calls,
        "days": suggestion.days,
    })
}

/// What a call would get: asked of the running daemon, whose figures are live; without one, the stored policy decides with
/// no calls made.
///
/// # Errors
/// No such client, or a policy that cannot be read.
pub fn explain(state: &Path, ask: &ExplainAsk) -> anyhow::Result<Explanation> {
    if let Some(explanation) = control::ask(state, &Ask::Explain(ask.clone()))? {
        return Ok(explanation);
    }
    let (compiled, _) = policy::load(state, None)?;
    let mut clock = Clock::new(&compiled.settings.time_zone).map_err(anyhow::Error::msg)?;
    let gate = Gate::new(compiled.into(), (0, 0));
    let mut explanation = Explanation::from(&reasons::explain(&gate, &mut clock, ask)?);
    explanation.note = Some(
        "no daemon runs on this state directory: limits are shown as if no call had been made"
            .into(),
    );
    Ok(explanation)
}

/// A time that a person wrote, in ms since 1970: `2026-12-24T18:30` in the office's time zone, or with an offset.
///
/// # Errors
/// What is no time.
pub fn instant(state: &Path, text: &str) -> anyhow::Result<i64> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.as_millisecond());
    }
    let Ok(civil) = text.parse::<DateTime>() else {
        bail!("`{text}` is not a time; write it as 2026-12-24T18:30");
    };
    let zone = policy::zone(state)?;
    let at = civil
        .to_zoned(zone)
        .with_context(|| format!("`{text}` is no time in the office's time zone"))?;
    Ok(at.timestamp().as_millisecond())
}

/// What tells one policy from every other: 32 hexadecimal digits.
pub fn mark(definition: &Definition) -> String {
    let hash = Sha256::digest(file::render(definition));
    hash.iter().take(16).map(|b| format!("{b:02x}")).collect()
}

/// Puts another policy in force, all of it or nothing; with `expected`, only where the one that is stored has this [`mark`].
///
/// # Errors
/// [`StoreError::Changed`]; as [`policy::put_in_force`].
pub fn replace_policy(
    state: &Path,
    definition: &Definition,
    expected: Option<&str>,
) -> anyhow::Result<Force> {
    let Some(expected) = expected else {
        return policy::put_in_force(state, None, definition);
    };
    let stored = policy::definition(state)?;
    if mark(&stored) != expected {
        return Err(StoreError::Changed.into());
    }
    policy::put_in_force(state, Some(&stored), definition)
}

/// The usual mistakes of an installation, and the facts that they were judged by.
pub fn doctor(state: &Path, board: Option<&Profile>) -> (Vec<doctor::Finding>, doctor::Facts) {
    let facts = doctor::gather::facts(state, board);
    (doctor::examine(&facts), facts)
}

/// The same, for programs.
pub fn doctor_json(findings: &[doctor::Finding], facts: &doctor::Facts) -> Value {
    json!({ "findings": findings, "facts": facts })
}
