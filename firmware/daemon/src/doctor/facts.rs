//! What the doctor knows of the machine. What could not be found out is `None` or empty, and is judged
//! by nobody.

use std::net::IpAddr;

use serde::Serialize;
use trunkguard_core::policy::{Firewall, Network};
use trunkguard_pbx::health::Advice;

/// Everything that is judged.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Facts {
    /// Seconds since 1970 by the machine's clock.
    pub unix_s: i64,
    /// When the last stored call was, in seconds since 1970.
    pub last_call_s: Option<i64>,
    /// What the owner has set; `None` where the policy cannot be read.
    pub settings: Option<Settings>,
    /// The port towards the internet, by the settings or the board.
    pub outside: Option<String>,
    /// The port towards the PBX, likewise.
    pub inside: Option<String>,
    /// Network ports of the machine, without the loopback.
    pub ports: Vec<Port>,
    /// IPv4 and IPv6 routes.
    pub routes: Vec<Route>,
    /// Machines that answered on a port (ARP).
    pub neighbours: Vec<Neighbour>,
    /// What a bridge has learned: hardware address and port.
    pub learned: Vec<(String, String)>,
    /// DNS servers, and whether they answered.
    pub dns: Vec<Asked>,
    /// What the kernel can and does.
    pub kernel: Kernel,
    /// The privileged helper.
    pub helper: Helper,
    /// The running daemon, where one answers.
    pub daemon: Option<Daemon>,
    /// The PBXs.
    pub pbx: Vec<Pbx>,
    /// What is known of each PBX by what it says it is, by the client's name.
    pub known: Vec<(String, Vec<Advice>)>,
    /// Why the owner's table of known flaws is not used.
    pub known_problem: Option<String>,
    /// Points of presence that are used, where the daemon says so.
    pub pops: Vec<Pop>,
}

/// What the owner has set, as far as it matters here.
#[derive(Clone, Debug, Serialize)]
pub struct Settings {
    /// `[firewall]`.
    pub firewall: Firewall,
    /// Addresses of all clients.
    pub clients: Vec<Network>,
}

impl Settings {
    /// Addresses of the PBX: `firewall.pbx`, or those of the clients.
    pub fn pbx(&self) -> &[Network] {
        if self.firewall.pbx.is_empty() {
            &self.clients
        } else {
            &self.firewall.pbx
        }
    }
}

/// One network port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// A cable with a live other end; `None` while the port is down.
    pub carrier: Option<bool>,
    /// Its hardware address.
    pub hardware: String,
    /// The bridge that it is a part of.
    pub bridge: Option<String>,
    /// Addresses with the length of their network.
    pub addresses: Vec<(IpAddr, u8)>,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Route {
    /// By which port.
    pub port: String,
    /// Where to. Length 0 is the default route.
    pub to: (IpAddr, u8),
    /// By whom; `None` on the same network.
    pub gateway: Option<IpAddr>,
}

impl Route {
    /// The way to everywhere.
    pub fn is_default(&self) -> bool {
        self.to.1 == 0
    }
}

/// A machine that was heard of on a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    /// Its address.
    pub address: IpAddr,
    /// Its hardware address.
    pub hardware: String,
    /// The port, or the bridge.
    pub port: String,
}

/// A question to a server, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// The server.
    pub server: IpAddr,
    /// What it answered.
    pub answer: DnsAnswer,
}

/// What a DNS server says of `voip.ms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DnsAnswer {
    /// There is such a name.
    Found,
    /// It answered with an error (RFC 1035 RCODE).
    Refused(u8),
    /// No answer in time, or no way there.
    Silent,
}

/// What the kernel can and does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Kernel {
    /// `net.ipv4.ip_forward`.
    pub forward_v4: Option<bool>,
    /// `net.ipv6.conf.all.forwarding`.
    pub forward_v6: Option<bool>,
    /// The stricter of `rp_filter` of all and of the outside port: 0 off, 1 strict, 2 loose.
    pub rp_filter: Option<u8>,
    /// It follows connections.
    pub conntrack: Option<bool>,
    /// Connections that are followed now, and how many at most.
    pub flows: Option<(u64, u64)>,
    /// What `nft --version` says, or why it cannot be run.
    pub nft: Option<Result<String, String>>,
}

/// The privileged helper's socket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Helper {
    /// Nobody has tried.
    #[default]
    Unknown,
    /// It takes connections.
    Reachable,
    /// There is no socket.
    Absent,
    /// There is one, and nobody behind it, or not for us.
    Closed(String),
}

/// What the daemon's status says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Daemon {
    /// Seconds since its start.
    pub uptime_s: u64,
    /// What it is unhappy with.
    pub problems: Vec<String>,
    /// Its clients, with the seconds since each was heard of.
    pub clients: Vec<(String, Option<u64>)>,
    /// Its clients that say what they are, with what they say.
    pub agents: Vec<(String, String)>,
    /// Datagrams from strangers.
    pub strangers: u64,
    /// The rules are loaded and verified, where it says so.
    pub firewall_loaded: Option<bool>,
    /// Why not.
    pub firewall_problem: Option<String>,
    /// Where the page is served, where it is.
    pub page: Option<String>,
    /// Who is told of incidents, and why one is not; `None` where the daemon does not say.
    pub alerts: Option<Vec<(String, Option<String>)>>,
}

/// One PBX, by its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pbx {
    /// Its address.
    pub address: IpAddr,
    /// What it said to SIP OPTIONS.
    pub options: Probe,
}

/// What became of a SIP OPTIONS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// Any SIP answer, even a refusal: SIP reaches it.
    Answered,
    /// "Nobody listens there" (ICMP port unreachable).
    NobodyListens,
    /// "Forbidden" (ICMP administratively prohibited).
    Forbidden,
    /// Nothing, or there is no way there.
    Silent,
}

/// A point of presence that is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Pop {
    /// Its host name.
    pub host: String,
    /// Its addresses that are outside of the allow-list.
    #[serde(default)]
    pub elsewhere: Vec<IpAddr>,
    /// It answers probes; `None` where it was not asked.
    #[serde(default)]
    pub alive: Option<bool>,
}
