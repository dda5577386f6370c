//! Putting a backup back: everything that was chosen, or nothing.

use std::path::Path;

use anyhow::{Context, bail};
use trunkguard_core::pops::owner::Decision;
use trunkguard_store::{
    backup::{Backup, Certificate, put_history},
    network::{self, NetworkStore},
    page_store::PageStore,
};

use super::{PAGE, PAGE_MADE, SIPS};
use crate::{
    control::{self, Ask},
    page::certificate,
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
            if ![PAGE, PAGE_MADE, SIPS].contains(&pair.name.as_str()) {
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
        let before = policy::definition(state)?;
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
        let before = super::certificates(state)?;
        // Of two, the second may fail.
        undo.push(Box::new(move || {
            before.iter().try_for_each(|pair| write_pair(state, pair))
        }));
        for pair in &backup.certificates {
            write_pair(state, pair)?;
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

/// In the place of the one that is there.
fn write_pair(state: &Path, pair: &Certificate) -> anyhow::Result<()> {
    match pair.name.as_str() {
        SIPS => {
            tls::write(&state.join("sips.key"), pair.key.as_bytes(), 0o600)?;
            tls::write(&state.join("sips.crt"), pair.chain.as_bytes(), 0o644)
        }
        name => certificate::put(state, pair.chain.as_bytes(), name == PAGE_MADE),
    }
}
