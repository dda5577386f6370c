//! Putting a backup back: everything that was chosen, or nothing.

use std::{fs, path::Path};

use anyhow::{Context, bail};
use trunkguard_core::pops::owner::Decision;
use trunkguard_store::{
    backup::{Backup, Certificate, put_history},
    network::{self, NetworkStore},
    page_store::PageStore,
    policy_store::PolicyStore,
};

use super::CERTIFICATES;
use crate::{
    control::{self, Ask},
    policy::{self, Force},
    tls,
};

/// What is to be put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct What {
    /// The policy, with its secrets.
    pub policy: bool,
    /// Decisions on PoPs.
    pub pops: bool,
    /// Accounts of the page.
    pub accounts: bool,
    /// Certificates, where there are some.
    pub certificates: bool,
    /// The history, where there is one.
    pub history: bool,
}

/// How to take a step back.
type Undo<'a> = Box<dyn FnOnce() -> anyhow::Result<()> + 'a>;

/// Puts back what was chosen. Each step that was done is undone when a later one fails, so that there is all of it or nothing.
/// Answers whether it is in force.
///
/// # Errors
/// What cannot be put back; nothing has changed then.
pub fn restore(state: &Path, backup: &Backup, what: What) -> anyhow::Result<Force> {
    check(state, backup, what)?;
    let mut undo: Vec<Undo<'_>> = Vec::new();
    let done = steps(state, backup, what, &mut undo);
    if done.is_err() {
        for step in undo.into_iter().rev() {
            step().context("a step of the restore could not be taken back; restore again")?;
        }
    }
    done.context("nothing was restored")
}

/// Everything that can be known before the first step.
fn check(state: &Path, backup: &Backup, what: What) -> anyhow::Result<()> {
    if what.policy {
        policy::compile(&backup.policy)?;
    }
    if what.accounts
        && !backup
            .accounts
            .iter()
            .any(|account| account.role == "owner")
    {
        bail!(
            "nobody in the backup may change anything on the page; restore it without the accounts"
        );
    }
    if what.certificates {
        for pair in &backup.certificates {
            if !CERTIFICATES.contains(&pair.name.as_str()) {
                bail!(
                    "the backup holds a certificate `{}` that this firmware has no use for",
                    pair.name.escape_debug()
                );
            }
            tls::fits(pair.chain.as_bytes(), pair.key.as_bytes()).with_context(|| {
                format!(
                    "the certificate `{}` of the backup cannot be used",
                    pair.name
                )
            })?;
        }
    }
    if what.history && backup.history.is_some() {
        let running: Option<serde_json::Value> = control::ask(state, &Ask::Status)?;
        if running.is_some() {
            bail!(
                "the daemon writes its history; stop it to restore another one, or restore without the history"
            );
        }
    }
    Ok(())
}

fn steps<'a>(
    state: &'a Path,
    backup: &Backup,
    what: What,
    undo: &mut Vec<Undo<'a>>,
) -> anyhow::Result<Force> {
    let mut force = Force::NextStart;
    if what.policy {
        let (store, _) = PolicyStore::open(state)?;
        let before = store.definition()?;
        force = policy::put_in_force(state, Some(&before), &backup.policy)?;
        undo.push(Box::new(move || {
            policy::put_in_force(state, None, &before).map(drop)
        }));
    }
    if what.pops {
        let before = match network::read_only(state)? {
            Some(store) => store.pops()?.decisions,
            None => Vec::new(),
        };
        decisions(state, &backup.pops)?;
        undo.push(Box::new(move || decisions(state, &before)));
    }
    if what.certificates {
        for pair in &backup.certificates {
            let before = super::certificates(state)?
                .into_iter()
                .find(|old| old.name == pair.name);
            write_pair(state, pair)?;
            if let Some(before) = before {
                undo.push(Box::new(move || write_pair(state, &before)));
            }
        }
    }
    if what.accounts {
        let (mut page, _) = PageStore::open(state)?;
        let before = page.accounts()?;
        page.replace_accounts(&backup.accounts)?;
        undo.push(Box::new(move || Ok(page.replace_accounts(&before)?)));
    }
    if let Some(history) = backup.history.as_ref().filter(|_| what.history) {
        put_history(state, history)?;
    }
    Ok(force)
}

/// Decisions are the daemon's, where one runs.
fn decisions(state: &Path, decisions: &[Decision]) -> anyhow::Result<()> {
    let ask = Ask::ReplaceDecisions {
        decisions: decisions.to_vec(),
    };
    if control::ask::<bool>(state, &ask)?.is_some() {
        return Ok(());
    }
    let (mut store, _) = NetworkStore::open(state);
    if let Some(problem) = store.problem() {
        bail!("{problem}");
    }
    Ok(store.replace_decisions(decisions)?)
}

/// The key first: a certificate whose key is another one is what a power cut between the two may leave, and the next start says
/// so by both names.
fn write_pair(state: &Path, pair: &Certificate) -> anyhow::Result<()> {
    for (suffix, text) in [("key", &pair.key), ("crt", &pair.chain)] {
        let path = state.join(format!("{}.{suffix}", pair.name));
        write_private(&path, text)
            .with_context(|| format!("{}: cannot be written", path.display()))?;
    }
    Ok(())
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let new = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}
