//! What the daemon and the privileged helper say to each other: frames of a 4-octet length (big
//! endian) and that many octets of JSON, over a Unix stream socket.
//!
//! The daemon sends [`Order`]s, one at a time; the helper answers each with one [`Frame::Reply`], in
//! order, and sends [`Frame::Event`]s in between. A frame over [`LONGEST`], one that is no such JSON,
//! or one with a key too many ends the connection; the rules stay as they are.

use std::{
    io::{self, Read, Write},
    net::IpAddr,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::intent::Intent;

pub use trunkguard_core::bans::Service;

/// Where the helper listens, unless said otherwise.
pub const SOCKET: &str = "/run/trunkguard-firewall/helper.sock";
/// Octets of one frame.
pub const LONGEST: usize = 1 << 20;
/// Bans in one order.
pub const BANS: usize = 1_000;
/// Samples in one event.
pub const SAMPLES: usize = 64;
/// Octets of a dropped packet that are kept, from its network header on.
pub const SNAP: usize = 256;

/// What the daemon asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Order {
    /// Load these rules, whole, and verify them. Bans and counters stay.
    Load(Box<Intent>),
    /// Ban these, or make their bans last as long as said.
    Ban(Vec<Ban>),
    /// Lift bans.
    Unban(Vec<(IpAddr, Service)>),
    /// Read the counters.
    Figures,
    /// Are there live flows of these addresses? One answer for each.
    Flows(Vec<IpAddr>),
}

/// One ban.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ban {
    /// Who.
    pub address: IpAddr,
    /// From what.
    pub service: Service,
    /// For how long from now, in seconds; 1 to 30 days.
    pub seconds: u32,
}

/// What comes back to an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Reply {
    /// The rules are loaded and verified.
    Loaded(Loaded),
    /// Done.
    Done,
    /// The counters.
    Figures(Vec<Counter>),
    /// Live flows of each address that was asked for.
    Flows(Vec<u32>),
    /// docs/security.md forbids it; says what and why. Nothing was changed.
    Refused(String),
    /// It did not work; says what and the remedy. The last good rules stay.
    Failed(String),
}

/// Rules that are in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loaded {
    /// The mark that was written with the rules and read back from the kernel: a hash of the script.
    pub generation: u32,
    /// Nothing had to be loaded: these rules were in force.
    pub unchanged: bool,
    /// Milliseconds that it took.
    pub took_ms: u32,
    /// The rules are in force, and something beside them did not work: live flows of revoked
    /// addresses may go on. Says what, and the remedy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// One of the rules' counters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counter {
    /// As in the script; [`crate::render`] names them all.
    pub name: String,
    /// Packets since the table was made.
    pub packets: u64,
    /// Octets since the table was made.
    pub bytes: u64,
}

/// What the helper says unasked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// Somebody else changed our tables; they were put back, or could not be.
    Drifted {
        /// What happened, for a person.
        what: String,
        /// The rules are in force again.
        restored: bool,
    },
    /// Packets that were dropped, or would have been; a few in a second.
    Samples(Vec<Sample>),
}

/// The front of one packet, as the kernel logged it. The helper does not look into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// The counter of the rule that logged it.
    pub rule: String,
    /// IPv4 or IPv6, from the network header on, [`SNAP`] octets at most.
    pub packet: Vec<u8>,
}

/// What the helper sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Frame {
    /// The answer to the order before.
    Reply(Reply),
    /// Something happened.
    Event(Event),
}

/// Writes one frame.
///
/// # Errors
/// As the writer's; `InvalidData` for a message that is too long.
pub fn write(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    if body.len() > LONGEST {
        return Err(too_long(length));
    }
    let mut frame = Vec::with_capacity(4 + body.len());
    frame.extend(length.to_be_bytes());
    frame.extend(body);
    to.write_all(&frame)
}

/// Reads one frame.
///
/// # Errors
/// As the reader's; `InvalidData` for a frame that is too long or not understood.
pub fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length as usize > LONGEST {
        return Err(too_long(length));
    }
    let mut body = vec![0; length as usize];
    from.read_exact(&mut body)?;
    serde_json::from_slice(&body).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
}

fn too_long(length: u32) -> io::Error {
    let message = format!("a frame of {length} octets; at most {LONGEST}");
    io::Error::new(io::ErrorKind::InvalidData, message)
}
