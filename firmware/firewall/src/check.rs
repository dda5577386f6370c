//! What the helper does not load, whoever asks for it (docs/security.md F12). Pure.

use std::net::IpAddr;

use ipnet::IpNet;
use trunkguard_core::policy::Topology;

use crate::{
    intent::{Intent, bounds},
    nets,
    protocol::{BANS, Ban},
};

/// The longest ban: 30 days, in seconds.
pub const LONGEST_BAN: u32 = 30 * 24 * 60 * 60;
/// SSH, where the box has it.
pub const SSH: u16 = 22;

/// Why something is refused: what, where, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// A network that no list of its kind may hold.
    #[error("{list}: {network} is {what}; {remedy} (docs/security.md F12)")]
    Network {
        /// The list, as in [`Intent`].
        list: &'static str,
        /// The network.
        network: IpNet,
        /// What it is.
        what: String,
        /// What to write.
        remedy: &'static str,
    },
    /// A list that is too long.
    #[error("{list}: {count} networks, at most {most}; put neighbours together to networks")]
    TooMany {
        /// The list, as in [`Intent`].
        list: &'static str,
        /// What it holds.
        count: usize,
        /// What it may hold.
        most: usize,
    },
    /// Ports that do not go with the topology.
    #[error("outside {outside}, inside {}: {what}", .inside.as_deref().unwrap_or("none"))]
    Interfaces {
        /// The port towards the internet.
        outside: String,
        /// The port towards the PBX.
        inside: Option<String>,
        /// What is wrong, and what to write.
        what: &'static str,
    },
    /// A port number that the box may not open.
    #[error("serves.{service}: port {port} {what}")]
    Port {
        /// Which service of [`crate::intent::Serves`].
        service: &'static str,
        /// Its port.
        port: u16,
        /// What is wrong, and what to write.
        what: &'static str,
    },
    /// An office that is not served.
    #[error("serves.office: {network} {what} (docs/security.md F23)")]
    Office {
        /// Its network.
        network: IpNet,
        /// What is wrong, and what to write.
        what: &'static str,
    },
    /// An address that may not be banned, or not like this.
    #[error("{address} is not banned: {what}")]
    Ban {
        /// Who.
        address: IpAddr,
        /// Why not.
        what: String,
    },
    /// Too many in one order.
    #[error("{count} addresses in one order, at most {BANS}; send several orders")]
    TooManyBans {
        /// As many.
        count: usize,
    },
}

/// How wide a network of one list may be, and whether only private or only public ones fit.
struct Fits {
    list: &'static str,
    v4: u8,
    v6: u8,
    most: usize,
    reach: Reach,
}

#[derive(Clone, Copy, PartialEq)]
enum Reach {
    Public,
    Private,
    Any,
}

const fn any(list: &'static str) -> Fits {
    Fits {
        list,
        v4: 8,
        v6: 16,
        most: bounds::NETWORKS,
        reach: Reach::Any,
    }
}

/// Looks an intent over.
///
/// # Errors
/// The first thing in it that F12 is against.
pub fn intent(i: &Intent) -> Result<(), Forbidden> {
    interfaces(i)?;
    ports(i)?;
    served(i)?;
    let pops = Fits {
        list: "pops",
        v4: 20,
        v6: 32,
        most: bounds::POPS,
        reach: Reach::Public,
    };
    let office = Fits {
        reach: Reach::Private,
        ..any("office")
    };
    networks(&i.pops, &pops)?;
    networks(&i.office, &office)?;
    networks(&i.pbx, &any("pbx"))?;
    networks(&i.clients, &any("clients"))?;
    networks(&i.remote, &any("remote"))?;
    networks(&i.never_ban, &any("never_ban"))
}

fn interfaces(i: &Intent) -> Result<(), Forbidden> {
    let what = match (&i.inside, i.topology) {
        (Some(_), Topology::Side) => "side has one port; leave inside away",
        (None, Topology::Router | Topology::Bridge) => {
            "router and bridge have two ports; name the one towards the PBX (firewall.inside)"
        }
        (Some(inside), _) if *inside == i.outside => {
            "outside and inside are the same port; name two"
        }
        _ if i.outside.as_str() == "lo"
            || i.inside.as_ref().is_some_and(|n| n.as_str() == "lo") =>
        {
            "lo is the box itself; name a network port, as `ip link` shows it"
        }
        _ => return Ok(()),
    };
    Err(Forbidden::Interfaces {
        outside: i.outside.to_string(),
        inside: i.inside.as_ref().map(ToString::to_string),
        what,
    })
}

/// HTTPS, and what sends there.
const PAGE_PORTS: usize = 4;

/// Clients may be anywhere, so no port that is opened to them may be one of the page or of SSH.
fn ports(i: &Intent) -> Result<(), Forbidden> {
    let s = &i.serves;
    for (service, port) in [("sip", Some(s.sip)), ("sips", s.sips)] {
        let Some(port) = port else { continue };
        let what = if port < 1_024 {
            "is no port for SIP here; the daemon has no privilege: use one above 1023"
        } else if s.web.contains(&port) {
            "is the page's too, which would open the page to clients; use another"
        } else {
            continue;
        };
        return Err(Forbidden::Port {
            service,
            port,
            what,
        });
    }
    let wrong = |(at, port): (usize, u16)| matches!(port, 0 | SSH) || at >= PAGE_PORTS;
    match s.web.iter().copied().enumerate().find(|port| wrong(*port)) {
        Some((_, port)) => Err(Forbidden::Port {
            service: "web",
            port,
            what: "is no port for the page, or one too many; use another",
        }),
        None => Ok(()),
    }
}

/// F23. DNS is opened to these addresses, so they are the office's and nobody else's.
fn served(i: &Intent) -> Result<(), Forbidden> {
    let Some(network) = i.serves.office.map(IpNet::V4) else {
        return Ok(());
    };
    let private = nets::PRIVATE.iter().any(|p| p.contains(&network));
    let what = if i.topology != Topology::Router {
        "is served in router only; in side and bridge the office has a router"
    } else if !private {
        "is not private; write the network of the inside port, such as 192.168.77.0/24"
    } else {
        return Ok(());
    };
    Err(Forbidden::Office { network, what })
}

fn networks(list: &[IpNet], fits: &Fits) -> Result<(), Forbidden> {
    if list.len() > fits.most {
        return Err(Forbidden::TooMany {
            list: fits.list,
            count: list.len(),
            most: fits.most,
        });
    }
    list.iter().try_for_each(|&network| {
        let network = network.trunc();
        match unfit(network, fits) {
            None => Ok(()),
            Some((what, remedy)) => Err(Forbidden::Network {
                list: fits.list,
                network,
                what,
                remedy,
            }),
        }
    })
}

fn unfit(network: IpNet, fits: &Fits) -> Option<(String, &'static str)> {
    let private = nets::PRIVATE.iter().any(|p| p.contains(&network));
    if network.prefix_len() == 0 {
        return Some((
            "every address there is".into(),
            "write the networks that are meant",
        ));
    }
    if let Some((_, what)) = nets::NOBODY
        .iter()
        .find(|(n, _)| nets::overlap(n, &network))
    {
        return Some(((*what).into(), "write addresses of machines"));
    }
    match fits.reach {
        Reach::Public if nets::PRIVATE.iter().any(|p| nets::overlap(p, &network)) => {
            return Some((
                "private or link-local, which no PoP can be".into(),
                "write VoIP.ms's own addresses; a PBX or phone of the office is a client or firewall.office",
            ));
        }
        Reach::Private if !private => {
            return Some((
                "not private, and the page is never opened to the internet".into(),
                "write private networks, such as 192.168.1.0/24",
            ));
        }
        // A private network may be as wide as the private ranges are: fc00::/7.
        Reach::Private => return None,
        _ => {}
    }
    let narrowest = match network {
        IpNet::V4(_) => fits.v4,
        IpNet::V6(_) => fits.v6,
    };
    (network.prefix_len() < narrowest).then(|| {
        (
            format!("wider than /{narrowest}"),
            "write smaller networks, one by one",
        )
    })
}

/// Looks bans over, against the rules in force and the addresses of the box itself, its gateway and
/// its DNS servers (`own`).
///
/// # Errors
/// The first that F12 is against.
pub fn bans(bans: &[Ban], i: &Intent, own: &[IpAddr]) -> Result<(), Forbidden> {
    if bans.len() > BANS {
        return Err(Forbidden::TooManyBans { count: bans.len() });
    }
    bans.iter().try_for_each(|ban| {
        let address = ban.address.to_canonical();
        let network = IpNet::from(address);
        let holds = |list: &[IpNet]| list.iter().any(|n| n.contains(&address));
        let what = if !(1..=LONGEST_BAN).contains(&ban.seconds) {
            format!(
                "{} seconds; write 1 to {LONGEST_BAN} (30 days)",
                ban.seconds
            )
        } else if let Some((_, what)) = nets::NOBODY.iter().find(|(n, _)| n.contains(&network)) {
            format!("it is {what}")
        } else if own.iter().any(|a| a.to_canonical() == address) {
            "it is the box's own, its gateway's or a DNS server's".into()
        } else if let Some((_, whose)) = protected(i).into_iter().find(|(list, _)| holds(list)) {
            format!("it is {whose}; take it out of the policy first")
        } else {
            return Ok(());
        };
        Err(Forbidden::Ban {
            address: ban.address,
            what,
        })
    })
}

/// Who is never banned (F15), and what to call them.
pub(crate) fn protected(i: &Intent) -> [(&[IpNet], &'static str); 6] {
    [
        (&i.pops, "a PoP's"),
        (&i.clients, "a client's"),
        (&i.pbx, "the PBX's"),
        (&i.remote, "of a remote phone"),
        (&i.office, "of the office"),
        (&i.never_ban, "one that is never banned"),
    ]
}
