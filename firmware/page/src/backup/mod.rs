//! Backup and restore: the whole box in one file under a password.

mod make;
mod restore;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};

use crate::{Answer, shell::Shell, texts};

/// Largest file that is taken on the page; the command line takes more.
const LONGEST: usize = 8 << 20;

/// What the backup's pages ask of the box.
pub trait Source: Send + Sync {
    /// Makes a backup under this password. Takes a moment.
    ///
    /// # Errors
    /// What cannot be read, or does not fit on the page.
    fn make(&self, certificates: bool, password: &str) -> Answer<Made>;

    /// Opens a backup, and keeps it for a few minutes: for this account, in the place of any other. Changes nothing.
    fn open(&self, by: &str, file: &[u8], password: &str) -> Result<Opened, Fault>;

    /// The backup that was opened last by this account.
    ///
    /// # Errors
    /// When it is gone.
    fn opened(&self, by: &str) -> Answer<Opened>;

    /// Puts parts of it back: all of them or nothing.
    ///
    /// # Errors
    /// When it is gone, or why it cannot be; nothing has changed then.
    fn restore(&self, by: &str, parts: Parts) -> Answer<()>;

    /// Forgets it.
    fn forget(&self, by: &str);
}

/// A backup that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// A name for the file.
    pub name: String,
    /// What is in it.
    pub octets: Vec<u8>,
}

/// What is in a backup.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// When it was made, in the office's time.
    pub made: String,
    /// The host name of the box that made it.
    pub host: String,
    /// Its firmware.
    pub firmware: String,
    /// Clients, groups, callers and lists of the policy.
    pub policy: [usize; 4],
    /// Lines of the policy that are not as in the one in force: put in, taken away.
    pub lines: (usize, usize),
    /// Decisions on PoPs.
    pub pops: usize,
    /// Accounts: name and role (`owner`, `viewer`).
    pub accounts: Vec<(String, String)>,
    /// Names of certificates.
    pub certificates: Vec<String>,
    /// There is a history in it, which only the command line puts back.
    pub history: bool,
}

/// Why a backup cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Some other file.
    NotABackup,
    /// Of a newer firmware.
    Newer,
    /// Its end is missing.
    Cut,
    /// Damaged.
    Damaged,
    /// The password does not fit.
    Password,
    /// Anything else, in words.
    Other(String),
}

impl Fault {
    /// In words.
    pub fn text(&self, t: &'static texts::Backup) -> String {
        match self {
            Fault::NotABackup => t.not_a_backup.into(),
            Fault::Newer => t.newer.into(),
            Fault::Cut => t.cut.into(),
            Fault::Damaged => t.damaged.into(),
            Fault::Password => t.wrong_password.into(),
            Fault::Other(why) => why.clone(),
        }
    }
}

/// What is put back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// The policy.
    pub policy: bool,
    /// Decisions on PoPs.
    pub pops: bool,
    /// Accounts.
    pub accounts: bool,
    /// Certificates.
    pub certificates: bool,
}

/// Its addresses.
pub fn routes() -> Router<Shell> {
    Router::new()
        .route("/box/backup", get(make::page).post(make::make))
        .route("/box/backup/open", post(restore::upload))
        .route("/box/restore", get(restore::page).post(restore::restore))
        .route("/box/restore/drop", post(restore::forget))
        .layer(DefaultBodyLimit::max(LONGEST))
}
