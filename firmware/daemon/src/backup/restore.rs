//! Putting a backup back: everything that was chosen, or nothing.

use std::path::Path;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use trunkguard_core::pops::owner::Decision;
use trunkguard_store::{
    backup::{Backup, Certificate, put_history},
    network::NetworkStore,
    page_store::PageStore,
};

use super::{PAGE, PAGE_MADE, SIPS, undo::Undo};
use crate::{
    control::{self, Ask},
    page::certificate,
    policy::{self, Force},
    tls,
};

/// What is to be put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// Puts back what was chosen: all of it or nothing, also where the power goes in the middle. Answers whether it is in force.
///
/// # Errors
/// What cannot be put back; nothing has changed then.
pub fn restore(state: &Path, backup: &Backup, what: What) -> anyhow::Result<Force> {
    check(state, backup, what)?;
    let undo = Undo::begin(state, what).context("nothing was restored")?;
    match steps(state, backup, what, &undo) {
        Ok(force) => {
            undo.stands()?;
            Ok(force)
        }
        Err(problem) => {
            undo.back().context(
                "a step of the restore could not be taken back; it is tried again at the next start",
            )?;
            Err(problem).context("nothing was restored")
        }
    }
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

fn steps(state: &Path, backup: &Backup, what: What, undo: &Undo) -> anyhow::Result<Force> {
    let mut force = Force::NextStart;
    // First what the running daemon may refuse.
    if what.policy {
        force = policy::put_in_force(state, None, &backup.policy)?;
    }
    if what.pops {
        decisions(state, &backup.pops)?;
    }
    if what.certificates {
        for pair in &backup.certificates {
            write_pair(state, pair)?;
        }
    }
    if what.accounts {
        let (mut page, _) = PageStore::open(state)?;
        page.replace_accounts(&backup.accounts)?;
    }
    if let Some(history) = backup.history.as_ref().filter(|_| what.history) {
        put_history(state, history, &undo.folder())?;
    }
    Ok(force)
}

/// Decisions are the daemon's, where one runs.
pub(super) fn decisions(state: &Path, decisions: &[Decision]) -> anyhow::Result<()> {
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
