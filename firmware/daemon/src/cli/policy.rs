//! `apply`, `export` and `mode`.

use std::path::Path;

use trunkguard_core::policy::Mode;
use trunkguard_store::{file, policy_store::PolicyStore};

use super::{Answer, print};

pub fn apply(state: &Path, path: &Path) -> anyhow::Result<Answer> {
    let (summary, running) = take_file(state, path)?;
    print(format!("applied: {summary}; {running}\n"))
}

/// Sets everything from a file, all of it or nothing. Answers how much it was, and whether it is in
/// force already.
pub fn take_file(state: &Path, path: &Path) -> anyhow::Result<(String, &'static str)> {
    let definition = crate::policy::read_file(path)?;
    let running = crate::policy::put_in_force(state, None, &definition)?;
    let summary = format!(
        "{} clients, {} groups, {} callers, {} lists",
        definition.clients.len(),
        definition.groups.len(),
        definition.callers.len(),
        definition.lists.len()
    );
    Ok((summary, running.words()))
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
            crate::policy::take_over(state)
                .or_else(|problem| crate::policy::take_back(&mut store, &before, problem))?
                .words()
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
