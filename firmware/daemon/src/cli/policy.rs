//! `apply`, `export` and `mode`.

use std::path::Path;

use anyhow::Context;
use trunkguard_core::policy::{Definition, Mode};
use trunkguard_store::{file, policy_store::PolicyStore};

use super::{Answer, print};
use crate::control::{self, Ask};

pub fn apply(state: &Path, path: &Path) -> anyhow::Result<Answer> {
    let (summary, running) = take_file(state, path)?;
    print(format!("applied: {summary}; {running}\n"))
}

/// Sets everything from a file, all of it or nothing. Answers how much it was, and whether it is in
/// force already.
pub fn take_file(state: &Path, path: &Path) -> anyhow::Result<(String, &'static str)> {
    let definition = crate::policy::read_file(path)?;
    let running = change(state, |stored| *stored = definition.clone())?;
    let summary = format!(
        "{} clients, {} groups, {} callers, {} lists",
        definition.clients.len(),
        definition.groups.len(),
        definition.callers.len(),
        definition.lists.len()
    );
    Ok((summary, running))
}

/// Changes the stored policy and has a running daemon take it over: all of it or nothing. Answers whether it is in force
/// already.
pub fn change(state: &Path, edit: impl FnOnce(&mut Definition)) -> anyhow::Result<&'static str> {
    let (mut store, _) = PolicyStore::open(state)?;
    let before = store.definition()?;
    let mut definition = before.clone();
    edit(&mut definition);
    store.replace(&definition)?;
    take_over(state).or_else(|problem| take_back(&mut store, &before, problem))
}

/// Puts another policy in force in the place of `before`, or leaves everything as it was.
///
/// # Errors
/// What is wrong with it; that what is stored is not `before` any more; or why the daemon does not take it over.
pub fn put(state: &Path, before: &Definition, after: &Definition) -> anyhow::Result<()> {
    let (mut store, _) = PolicyStore::open(state)?;
    anyhow::ensure!(
        store.definition()? == *before,
        "somebody else has changed the policy meanwhile; load the page again and repeat the change"
    );
    store.replace(after)?;
    take_over(state).or_else(|problem| take_back(&mut store, before, problem))?;
    Ok(())
}

pub fn export(state: &Path) -> anyhow::Result<Answer> {
    let (store, _) = PolicyStore::open(state)?;
    print(file::render(&store.definition()?))
}

pub fn mode(state: &Path, wanted: Option<Mode>, json: bool) -> anyhow::Result<Answer> {
    let (mut store, _) = PolicyStore::open(state)?;
    let running = match wanted {
        Some(mode) => {
            let before = store.definition()?;
            store.set_mode(mode)?;
            take_over(state).or_else(|problem| take_back(&mut store, &before, problem))?
        }
        None => "",
    };
    let mode = store.definition()?.settings.mode;
    if json {
        print(format!("{}\n", serde_json::json!({ "mode": mode })))
    } else if running.is_empty() {
        print(format!("{}\n", crate::words::mode(mode)))
    } else {
        print(format!("{}; {running}\n", crate::words::mode(mode)))
    }
}

/// The daemon goes on with what was before: so does the store.
fn take_back<T>(
    store: &mut PolicyStore,
    before: &Definition,
    problem: anyhow::Error,
) -> anyhow::Result<T> {
    store
        .replace(before)
        .context("what the daemon did not take over stays stored")?;
    Err(problem)
}

/// Makes the running daemon take the stored policy over, and says whether one runs.
fn take_over(state: &Path) -> anyhow::Result<&'static str> {
    let reply: Option<serde_json::Value> = control::ask(state, &Ask::Reload)
        .context("the running daemon did not take it over; everything is as before")?;
    Ok(match reply {
        Some(_) => "in force now",
        None => "in force at the next start (no daemon runs on this state directory)",
    })
}
