//! What the box knows of the network: the PoPs' addresses, the owner's decisions on them, and bans.
//! File `network.v1.db` in the state directory.
//!
//! The daemon is its writer; the command line reads it, and decides, at the same time. Losing it
//! costs little (docs/security.md F22: the built-in allow-list remains), so a damaged file is moved
//! aside and an empty one made, and a directory that cannot be written to is no reason not to start:
//! what there is to read is read, and the rest is lost with the process. Either is said by
//! [`NetworkStore::open`] and by [`NetworkStore::problem`].

mod open;
mod tables;
#[cfg(test)]
mod tests;

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use rusqlite::Connection;
use trunkguard_core::pops::{
    follow::Snapshot,
    owner::{Decision, Subject},
};

use crate::small;

/// Bans that are kept; those that end last stay.
pub const MOST_BANS: usize = 20_000;
/// Addresses of PoPs that are kept.
pub const MOST_ADDRESSES: usize = 1_024;
/// Names of PoPs that are kept.
pub const MOST_NAMES: usize = 256;
/// Decisions that are kept.
pub const MOST_DECISIONS: usize = 512;
/// Characters of a ban's reason.
pub const MOST_REASON: usize = 200;

/// The store.
pub struct NetworkStore {
    connection: Connection,
    path: PathBuf,
    /// Why nothing can be kept.
    problem: Option<String>,
}

/// What is known of the PoPs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pops {
    /// Names, addresses, and addresses that wait for the owner.
    pub snapshot: Snapshot,
    /// The owner's decisions, in the order in which they were made.
    pub decisions: Vec<Decision>,
}

/// A ban as it is kept: by date, so that it outlives a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBan {
    /// Who.
    pub address: IpAddr,
    /// From what: `sip` or `page`, up to 16 characters.
    pub service: String,
    /// Why, for a person; cut at [`MOST_REASON`] characters.
    pub reason: String,
    /// Since when, in milliseconds since 1970.
    pub since_ms: i64,
    /// Until when, in milliseconds since 1970.
    pub until_ms: i64,
    /// Which one it is of this address and service; they last longer each time.
    pub times: u32,
    /// The owner made it.
    pub by_hand: bool,
}

/// Why something was not kept or cannot be read. Says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NetworkError(String);

impl NetworkStore {
    /// Opens the file of a state directory, and makes both where there is none. Always gives a store
    /// that works; the second value says what is wrong with it, for an alert.
    pub fn open(dir: &Path) -> (NetworkStore, Option<String>) {
        open::open(dir)
    }

    /// Why nothing is kept on disk; `None` when all is well.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// What was kept of the PoPs. Rows that this version does not understand are left out.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn pops(&self) -> Result<Pops, NetworkError> {
        tables::read_pops(&self.connection).map_err(|e| self.wrong(&e))
    }

    /// Keeps what is known of the PoPs in place of what was; the owner's decisions are not touched.
    /// On disk when this returns.
    ///
    /// # Errors
    /// When the disk refuses it; the state of before stays.
    pub fn save_pops(&mut self, snapshot: &Snapshot) -> Result<(), NetworkError> {
        self.write(|tx| tables::write_pops(tx, snapshot))
    }

    /// Keeps a decision in place of an earlier one on the same subject.
    ///
    /// # Errors
    /// As [`NetworkStore::save_pops`].
    pub fn decide(&mut self, decision: &Decision) -> Result<(), NetworkError> {
        self.write(|tx| tables::write_decision(tx, decision))
    }

    /// Keeps these decisions in place of all others.
    ///
    /// # Errors
    /// As [`NetworkStore::save_pops`].
    pub fn replace_decisions(&mut self, decisions: &[Decision]) -> Result<(), NetworkError> {
        self.write(|tx| tables::replace_decisions(tx, decisions))
    }

    /// Takes a decision back. Answers whether there was one.
    ///
    /// # Errors
    /// As [`NetworkStore::save_pops`].
    pub fn forget(&mut self, subject: &Subject) -> Result<bool, NetworkError> {
        self.write(|tx| tables::remove_decision(tx, subject))
    }

    /// Bans that have not ended at `now_ms` (milliseconds since 1970), the longest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn bans(&self, now_ms: i64) -> Result<Vec<StoredBan>, NetworkError> {
        tables::read_bans(&self.connection, now_ms).map_err(|e| self.wrong(&e))
    }

    /// Keeps these bans, each in place of an earlier one of the same address and service. Those that
    /// have ended at `now_ms`, and too many, go.
    ///
    /// # Errors
    /// As [`NetworkStore::save_pops`].
    pub fn save_bans(&mut self, bans: &[StoredBan], now_ms: i64) -> Result<(), NetworkError> {
        self.write(|tx| tables::write_bans(tx, bans, now_ms))
    }

    /// Removes the ban of an address from a service, or from all. Answers whether there was one.
    ///
    /// # Errors
    /// As [`NetworkStore::save_pops`].
    pub fn remove_ban(
        &mut self,
        address: IpAddr,
        service: Option<&str>,
    ) -> Result<bool, NetworkError> {
        self.write(|tx| tables::remove_ban(tx, address, service))
    }

    /// One transaction. In memory it works too, so that a daemon without a disk is the same daemon.
    fn write<T>(
        &mut self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, NetworkError> {
        small::change(&mut self.connection, &self.path, change).map_err(NetworkError)
    }

    fn wrong(&self, error: &rusqlite::Error) -> NetworkError {
        NetworkError(small::words(&self.path, error))
    }
}

/// Opens the file of a state directory for reading only; nothing is made, moved or repaired. For a
/// process that is not the daemon.
///
/// # Errors
/// When there is a file that cannot be read. No file is `None`.
pub fn read_only(dir: &Path) -> Result<Option<NetworkStore>, NetworkError> {
    open::for_reading(dir).map_err(NetworkError)
}
