//! What a card holds after a power cut, read by this machine's own programs from a copy.

use std::{collections::HashSet, fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Card;
use crate::tools;

/// What is on the data partition.
pub struct Kept {
    /// Approved numbers in the history, as they were dialled.
    pub calls: HashSet<String>,
    /// The policy in force, as `trunkguard export` writes it.
    pub policy: String,
    /// The box's identifier.
    pub id: String,
}

impl Kept {
    /// Looks at a card, which is not changed; the folder takes the copy.
    ///
    /// # Errors
    /// When file system or a database is not sound.
    pub fn read(card: &Card, folder: &Path) -> Result<Kept> {
        let _ = fs::remove_dir_all(folder);
        card.data(folder)?;
        let state = folder.join("trunkguard");
        let mut databases = 0;
        for entry in fs::read_dir(&state)?.flatten() {
            let path = entry.path();
            let name = path.display().to_string();
            // So the daemon calls one that it has moved aside.
            ensure!(!name.contains(".corrupt-"), "a damaged database: {name}");
            if path.extension().is_none_or(|ending| ending != "db") {
                continue;
            }
            databases += 1;
            let said = tools::run(
                "sqlite3",
                &[&name, "PRAGMA integrity_check; PRAGMA foreign_key_check;"],
            )?;
            ensure!(said.trim() == "ok", "{name}: {said}");
        }
        ensure!(
            databases >= 2,
            "{databases} databases in {}",
            state.display()
        );
        let (program, state) = (tools::trunkguard()?, state.to_string_lossy().into_owned());
        let program = program.to_string_lossy().into_owned();
        let said = run(
            &program,
            &["calls", "--state", &state, "--limit", "10000", "--json"],
        )?;
        let list: Value = serde_json::from_str(&said).with_context(|| said.clone())?;
        let list = list.as_array().context("no list of calls")?;
        let mut calls = HashSet::new();
        for call in list {
            let number = call["dialled"].as_str().context("no number")?;
            if call["approved"] == true {
                calls.insert(number.to_owned());
            }
        }
        let policy = run(&program, &["export", "--state", &state])?;
        let id = fs::read_to_string(folder.join("box/id"))?;
        Ok(Kept { calls, policy, id })
    }
}

fn run(program: &str, args: &[&str]) -> Result<String> {
    let out = std::process::Command::new(program).args(args).output()?;
    ensure!(
        out.status.success(),
        "{program} {}: {}\n{}",
        args.join(" "),
        out.status,
        String::from_utf8_lossy(&out.stderr)
    );
    Ok(String::from_utf8(out.stdout)?)
}
