//! What the process that installs updates says of itself, and what it is asked: the words between it, the daemon, the page
//! and the command line.

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

use super::{Version, gate::Release};

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ask {
    /// How do things stand?
    Status,
    /// See what the server has. Goes on by itself; [`Status`] says how it went.
    Check {
        /// The folder; the image maker's unless said.
        url: Option<String>,
    },
    /// Fetch what was offered. Goes on by itself.
    Download {
        /// As in [`Ask::Check`].
        url: Option<String>,
    },
    /// Take this many octets, which follow at once, as the bundle.
    Receive {
        /// Octets.
        size: u64,
    },
    /// Write the bundle that is here to the other slot. Goes on by itself.
    Install,
    /// Restart the box.
    Restart,
    /// Restart into the other slot, on trial.
    Rollback,
    /// Throw the bundle away that is here.
    Discard,
}

/// How things stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// What runs.
    pub version: Version,
    /// The slot that runs, `A` or `B`; none where this is no box.
    pub slot: Option<String>,
    /// It runs on trial: it was started after an update and is being looked at.
    pub trial: bool,
    /// What is being done.
    pub activity: Activity,
    /// What the server offers, if it is something for this box.
    pub offer: Option<Offer>,
    /// The bundle that is here.
    pub ready: Option<Ready>,
    /// What is installed in the other slot and waits for a restart, or for being judged.
    pub pending: Option<Pending>,
    /// What the other slot has, where one can go back to it.
    pub other: Option<Version>,
    /// What became of updates, the newest first.
    pub outcomes: Vec<Outcome>,
    /// What became of the last question to the server.
    pub checked: Option<Checked>,
    /// Where updates come from unless the policy says; none where the image's maker names no server.
    pub url: Option<String>,
    /// Why no update can be installed, and what to do.
    pub problem: Option<String>,
}

/// What is being done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "doing", rename_all = "kebab-case")]
pub enum Activity {
    /// Nothing.
    #[default]
    Idle,
    /// The server is asked.
    Checking,
    /// A bundle comes from the server.
    Downloading {
        /// Octets that are here.
        octets: u64,
        /// Of so many.
        of: u64,
    },
    /// A bundle comes from a person.
    Receiving {
        /// Octets that are here.
        octets: u64,
        /// Of so many.
        of: u64,
    },
    /// The other slot is written.
    Installing {
        /// Of a hundred.
        percent: u8,
        /// What RAUC is about, in its words.
        message: String,
    },
}

/// What a server offers: a pointer that was found to be true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// What it is.
    #[serde(flatten)]
    pub release: Release,
    /// Octets of the bundle.
    pub size: u64,
    /// What is new, in its maker's words: at most 2,000 characters of text.
    pub notes: String,
    /// It goes to this box too; otherwise to others first, and here only when somebody asks for it.
    pub in_share: bool,
}

/// A bundle that is here, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// What it is. Known of one that a server offered; one that a person brought is looked into when it is installed.
    pub version: Option<Version>,
    /// Octets.
    pub size: u64,
    /// Who brought it.
    pub by: Source,
}

/// Who brought a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The server.
    Server,
    /// A person.
    Person,
}

/// What is installed and not judged yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// What it is.
    pub version: Version,
    /// What ran when it was installed.
    pub from: Version,
    /// The slot that it is in.
    pub slot: String,
    /// When it was installed, seconds since 1970.
    pub at_s: i64,
    /// A person asked for the slot before this one, and it is no update.
    pub rollback: bool,
}

/// What became of an update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// What it was; none where the bundle could not be read.
    pub version: Option<Version>,
    /// What ran before.
    pub from: Version,
    /// When this was known, seconds since 1970.
    pub at_s: i64,
    /// What became of it.
    #[serde(flatten)]
    pub end: End,
}

/// How an update ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum End {
    /// It runs, and was confirmed.
    Confirmed,
    /// It was started, did not do, and the box is back on what ran before. Not tried again.
    CameBack {
        /// Why.
        why: String,
    },
    /// It was not installed; what ran goes on running.
    Failed {
        /// Why.
        why: String,
    },
}

/// What became of the last question to the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// When, seconds since 1970.
    pub at_s: i64,
    /// Why there is no answer, or none that is believed.
    pub problem: Option<String>,
}
