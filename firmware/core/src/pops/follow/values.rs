//! What goes in and what comes out.

use alloc::vec::Vec;
use core::net::IpAddr;
use serde::{Deserialize, Serialize};

use super::{
    super::answers::{Forbidden, Heard},
    Sighting,
};
use crate::policy::HostName;

/// A moment, and something unforeseeable, as the shell hands them in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Milliseconds on a clock that never steps.
    pub mono_ms: u64,
    /// Milliseconds since 1970; may jump, and is only shown and kept.
    pub unix_ms: i64,
    /// A new random number, for the spread of questions.
    pub random: u64,
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Time went on; once a second is often enough.
    Tick,
    /// The servers that were asked for a name have all answered or been given up.
    Heard {
        /// The name.
        name: &'a HostName,
        /// One entry for each server.
        heard: &'a [Heard],
    },
    /// Does an address have live flows? The answer to [`Effect::Flows`].
    Flows(&'a [(IpAddr, bool)]),
    /// The owner wants every name asked for now.
    Refresh,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask every server for the A and AAAA records of this name; then [`Event::Heard`].
    Query(HostName),
    /// [`super::Follow::allowed`] is another one: load it.
    AllowedChanged,
    /// An address out of the range is to be approved or refused; told once for each.
    Ask {
        /// The address.
        address: IpAddr,
        /// The name that has it.
        name: HostName,
    },
    /// Ask the kernel which of these have live flows; then [`Event::Flows`]. Without a firewall none
    /// has.
    Flows(Vec<IpAddr>),
    /// [`super::Follow::snapshot`] is worth keeping.
    Save,
    /// Somebody should know.
    Alert(Alert),
}

/// What somebody should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alert {
    /// Several names are out of the range at once: VoIP.ms moves, or somebody answers in its place.
    Moved {
        /// How many names.
        names: usize,
        /// How many addresses.
        addresses: usize,
    },
    /// An answer had an address that is never allowed: a broken or a lying server.
    Forbidden {
        /// The name that was asked for.
        name: HostName,
        /// The first such address.
        address: IpAddr,
        /// What it is.
        why: Forbidden,
    },
    /// Only one of the servers says that a name has this address.
    Disagree {
        /// The name that was asked for.
        name: HostName,
        /// The address.
        address: IpAddr,
    },
    /// Answers have more addresses than are taken.
    TooMany {
        /// The name that was asked for.
        name: HostName,
    },
    /// No server has confirmed so many names for 72 hours. Their addresses stay.
    Unconfirmed {
        /// How many names.
        names: usize,
    },
}

/// What is kept over a restart, beside the owner's decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Names and their last good addresses; at most 128 names and 1,024 addresses.
    pub names: Vec<SavedName>,
    /// Addresses that wait for the owner; at most 64.
    pub sightings: Vec<Sighting>,
}

/// A name in a [`Snapshot`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedName {
    /// The name.
    pub name: HostName,
    /// Seconds that its last answer was good for.
    pub ttl_s: u32,
    /// When it was last confirmed, in milliseconds since 1970.
    pub confirmed_ms: i64,
    /// Its last good addresses.
    pub addresses: Vec<SavedAddress>,
}

/// An address in a [`Snapshot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedAddress {
    /// The address.
    pub address: IpAddr,
    /// First seen, in milliseconds since 1970.
    pub first_ms: i64,
    /// Last seen, in milliseconds since 1970.
    pub last_ms: i64,
}
