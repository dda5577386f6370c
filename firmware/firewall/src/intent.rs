//! What is to pass, as typed values: everything that the rules are made of.

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};
use trunkguard_core::policy::{FromPbx, Interface, PortRange, Topology};

/// Bounds of an intent, so that no message fills the helper's memory.
pub mod bounds {
    /// Addresses and networks of PoPs.
    pub const POPS: usize = 8_192;
    /// Networks in each other list.
    pub const NETWORKS: usize = 4_096;
}

/// What is to pass. The helper refuses one that [`crate::check`] is against, whoever sends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// How the box is plugged in.
    pub topology: Topology,
    /// Drop what is not allowed between outside and PBX (Prevent, Lockdown). Otherwise (Detect) it is
    /// counted and sampled, and passes. What reaches the box itself is always enforced.
    pub enforce: bool,
    /// The port towards the internet; in `side`, the only one.
    pub outside: Interface,
    /// The port towards the PBX; `None` in `side`.
    pub inside: Option<Interface>,
    /// Addresses of the PBX.
    pub pbx: Vec<IpNet>,
    /// The PBXs that may ask the redirect server.
    pub clients: Vec<IpNet>,
    /// The allow-list: VoIP.ms's points of presence.
    pub pops: Vec<IpNet>,
    /// Networks of remote phones.
    pub remote: Vec<IpNet>,
    /// The office's own networks. Only private ones.
    pub office: Vec<IpNet>,
    /// Never banned, beside all of the above: gateway, DNS servers, who uses the page now.
    pub never_ban: Vec<IpNet>,
    /// Where the PBX may go beside the trunk.
    pub from_pbx: FromPbx,
    /// UDP ports of the PBX that audio comes to.
    pub rtp: PortRange,
    /// What the box itself serves.
    pub serves: Serves,
}

/// Ports that the box itself answers on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Serves {
    /// SIP by UDP and TCP, for clients.
    pub sip: u16,
    /// SIP over TLS, for clients.
    pub sips: Option<u16>,
    /// The page, for the office: four ports at most.
    pub web: Vec<u16>,
    /// SSH (22), for the office.
    pub ssh: bool,
    /// DHCP and DNS for this network, by the inside port; `router` only.
    #[serde(default)]
    pub office: Option<Ipv4Net>,
}
