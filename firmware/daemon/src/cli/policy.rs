//! `apply`, `export` and `mode`.

use std::path::Path;

use trunkguard_core::policy::Mode;
use trunkguard_store::file;

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
    print(file::render(&crate::policy::definition(state)?))
}

pub fn mode(state: &Path, wanted: Option<Mode>, json: bool) -> anyhow::Result<Answer> {
    let running = match wanted {
        Some(mode) => crate::policy::set_mode(state, mode)?.words(),
        None => "",
    };
    let mode = crate::policy::definition(state)?.settings.mode;
    if json {
        print(format!("{}\n", serde_json::json!({ "mode": mode })))
    } else if running.is_empty() {
        print(format!("{}\n", crate::words::mode(mode)))
    } else {
        print(format!("{}; {running}\n", crate::words::mode(mode)))
    }
}
