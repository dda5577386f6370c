//! Trunkguard against real peers, from the outside.
//!
//! A test opens an [`Office`]: a network and mount namespace of its own in which the built
//! `trunkguard` ([`Guard`]), a real Asterisk ([`Pbx`]), a [`Provider`] and a [`Phone`] talk SIP. The
//! test speaks to the box through its command line only. A call has passed when the provider saw
//! its INVITE with the right number, and was stopped when the provider saw none.
//!
//! `tests/setup.sh` installs what is needed; `TRUNKGUARD_BIN` names the binary under test. Nothing is
//! skipped: what is missing fails the test, with the remedy.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod clock;
pub mod digest;
pub mod firewall;
mod guard;
pub mod hostile;
pub mod machine;
mod names;
mod office;
pub mod page;
mod pbx;
pub mod peers;
mod phone;
mod process;
mod provider;
pub mod scenario;
pub mod sip;
pub mod site;
pub mod tools;
pub mod vendor;
pub mod wire;

pub use guard::{Cli, Guard};
pub use names::Names;
pub use office::Office;
pub use pbx::{Pbx, Root};
pub use phone::{Call, Outcome, Phone};
pub use process::Process;
pub use provider::{Provider, Seen};

/// Addresses in every office.
pub mod address {
    use std::net::Ipv4Addr;

    /// The PBX.
    pub const PBX: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 10);
    /// Trunkguard.
    pub const BOX: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 20);
    /// Extension 1001.
    pub const PHONE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 31);
    /// A second phone.
    pub const OTHER_PHONE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 32);
    /// The SIP provider.
    pub const PROVIDER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 40);
    /// A client that is a script, not a PBX.
    pub const SCRIPT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 50);
    /// Somebody who is no client.
    pub const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);
}
