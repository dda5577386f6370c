use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use trunkguard_core::unseen::is_unseen;
use trunkguard_page::{
    Answer, Problem,
    backup::{Fault, Made, Opened, Parts, Source},
};
use trunkguard_store::{
    backup::{Backup, BackupError},
    file,
};

use super::{Office, policy::minute, refused};
use crate::{
    backup::{self, Wanted, What},
    clock::Clock,
    policy,
};

/// An opened backup is kept so long.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// Largest backup that the page hands out: it takes no larger one back.
const LARGEST: usize = 8 << 20;

/// The backup that somebody has opened. One at a time, so that neither files nor passwords being tried fill the memory.
#[derive(Default)]
pub(super) struct Desk(Mutex<Option<Pending>>);

struct Pending {
    by: String,
    backup: Backup,
    since: Instant,
}

impl Source for Office {
    fn make(&self, certificates: bool, password: &str) -> Answer<Made> {
        let wanted = Wanted {
            certificates,
            history: false,
        };
        let contents = backup::make(self.state(), wanted)
            .map_err(|problem| Problem::Unavailable(format!("{problem:#}")))?;
        let _one_at_a_time = self.pending();
        let octets = contents
            .seal(password)
            .map_err(|problem| Problem::Unavailable(problem.to_string()))?;
        if octets.len() > LARGEST {
            return Err(Problem::Refused(
                "this box's lists make the backup too large for the page; use `trunkguard backup` on the command line".into(),
            ));
        }
        let host: String = contents
            .about
            .host
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
            .collect();
        let day = self
            .minute(contents.about.made_ms)
            .replace(' ', "-")
            .replace(':', "");
        Ok(Made {
            name: format!("{host}-{day}.trunkguard-backup"),
            octets,
        })
    }

    fn open(&self, by: &str, file: &[u8], password: &str) -> Result<Opened, Fault> {
        let mut pending = self.pending();
        let backup = Backup::open(file, password).map_err(fault)?;
        policy::compile(&backup.policy).map_err(|problem| Fault::Other(format!("{problem:#}")))?;
        let opened = self.contents(&backup);
        *pending = Some(Pending {
            by: by.into(),
            backup,
            since: Instant::now(),
        });
        Ok(opened)
    }

    fn opened(&self, by: &str) -> Answer<Opened> {
        let pending = self.pending();
        Ok(self.contents(&of(pending.as_ref(), by)?.backup))
    }

    fn restore(&self, by: &str, parts: Parts) -> Answer<()> {
        let mut pending = self.pending();
        let backup = &of(pending.as_ref(), by)?.backup;
        let what = What {
            policy: parts.policy,
            pops: parts.pops,
            accounts: parts.accounts,
            certificates: parts.certificates,
            history: false,
        };
        backup::restore(self.state(), backup, what).map_err(|problem| refused(&problem))?;
        *pending = None;
        Ok(())
    }

    fn forget(&self, by: &str) {
        let mut pending = self.pending();
        if pending.as_ref().is_some_and(|pending| pending.by == by) {
            *pending = None;
        }
    }
}

impl Office {
    fn pending(&self) -> std::sync::MutexGuard<'_, Option<Pending>> {
        let mut pending = self
            .0
            .backup
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if pending
            .as_ref()
            .is_some_and(|pending| pending.since.elapsed() >= PATIENCE)
        {
            *pending = None;
        }
        pending
    }

    fn minute(&self, unix_ms: i64) -> String {
        let clock =
            policy::clock(self.state()).or_else(|_| Clock::new("UTC").map_err(anyhow::Error::msg));
        clock.map_or_else(|_| String::new(), |clock| minute(unix_ms, &clock))
    }

    /// What is in it, for people. Its texts may come from anybody who knew the password.
    fn contents(&self, backup: &Backup) -> Opened {
        let plain = |text: &str| {
            text.chars()
                .filter(|c| !is_unseen(*c))
                .take(64)
                .collect::<String>()
        };
        let now = policy::definition(self.state()).unwrap_or_default();
        let policy = &backup.policy;
        Opened {
            made: self.minute(backup.about.made_ms),
            host: plain(&backup.about.host),
            firmware: plain(&backup.about.firmware),
            policy: [
                policy.clients.len(),
                policy.groups.len(),
                policy.callers.len(),
                policy.lists.len(),
            ],
            lines: differ(&file::render(&now), &file::render(policy)),
            pops: backup.pops.len(),
            accounts: backup
                .accounts
                .iter()
                .map(|account| (plain(&account.name), plain(&account.role)))
                .collect(),
            certificates: backup
                .certificates
                .iter()
                .map(|pair| plain(&pair.name))
                .collect(),
            history: backup.history.is_some(),
        }
    }
}

fn of<'a>(pending: Option<&'a Pending>, by: &str) -> Answer<&'a Pending> {
    pending.filter(|pending| pending.by == by).ok_or_else(|| {
        Problem::Refused("no backup is open (any more); choose the file again".into())
    })
}

/// Lines that are only in the new text, and only in the old one.
fn differ(old: &str, new: &str) -> (usize, usize) {
    let mut counts = std::collections::HashMap::<&str, isize>::new();
    for line in new.lines() {
        *counts.entry(line).or_default() += 1;
    }
    for line in old.lines() {
        *counts.entry(line).or_default() -= 1;
    }
    counts
        .into_values()
        .fold((0, 0), |(more, less), count| match count {
            0.. => (more + count.unsigned_abs(), less),
            _ => (more, less + count.unsigned_abs()),
        })
}

fn fault(error: BackupError) -> Fault {
    match error {
        BackupError::NotABackup => Fault::NotABackup,
        BackupError::Newer(_) => Fault::Newer,
        BackupError::Cut => Fault::Cut,
        BackupError::Damaged => Fault::Damaged,
        BackupError::Password => Fault::Password,
        other => Fault::Other(other.to_string()),
    }
}
