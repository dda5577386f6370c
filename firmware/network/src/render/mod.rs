//! From a wish to the files of systemd-networkd and systemd-resolved (systemd.network(5),
//! systemd.netdev(5), systemd.link(5), networkd.conf(5), resolved.conf(5); systemd 257). Pure: the same
//! wish gives the same octets, and nothing but numbers, addresses and checked names gets into the text.

mod inside;
mod office;

use trunkguard_core::policy::Topology;

use crate::wish::Wish;

/// The bridge's name.
pub const BRIDGE: &str = "br0";
/// The link group of a bridge's port towards the internet: by it [`crate::ports`] knows which is which,
/// whatever they are called.
pub const OUTSIDE: u32 = 1;
/// That of its port towards the PBX.
pub const INSIDE: u32 = 2;

/// An Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Reads `dc:a6:32:01:02:03`, as /sys/class/net/*/address has it. `None` for what no single machine
    /// can have.
    pub fn parse(text: &str) -> Option<Mac> {
        let mut octets = [0; 6];
        let mut parts = text.trim_end().split(':');
        for octet in &mut octets {
            let digits =
                |part: &&str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
            let part = parts.next().filter(digits)?;
            *octet = u8::from_str_radix(part, 16).ok()?;
        }
        let fits = parts.next().is_none() && octets[0] & 1 == 0 && octets != [0; 6];
        fits.then_some(Mac(octets))
    }
}

impl std::fmt::Display for Mac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// A file to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Below /run/systemd.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// Is this file name, in one of systemd's folders, one of ours?
pub fn is_ours(name: &str) -> bool {
    name.starts_with("10-trunkguard-")
        || name.starts_with("90-trunkguard-")
        || name == "60-trunkguard.conf"
}

/// The files of a wish that [`crate::check`] has looked over. `mac` is the outside port's, where it is
/// known: a bridge takes it, so that its address by DHCP stays when a USB adapter comes and goes.
pub fn files(wish: &Wish, mac: Option<Mac>) -> Vec<File> {
    let mut all = match wish.topology {
        Topology::Side => vec![network(
            wish.outside.as_str(),
            office::management(wish, wish.outside.as_str(), None),
        )],
        Topology::Router => router(wish),
        Topology::Bridge => bridge(wish, mac),
    };
    all.push(spare());
    all.push(forwarding(wish));
    all.push(resolver(wish));
    for file in &mut all {
        let head = "# Trunkguard's, made anew from the policy's [firewall] and [network]; edits are lost.\n";
        file.text.insert_str(0, head);
    }
    all
}

fn network(port: &str, text: String) -> File {
    File {
        path: format!("network/10-trunkguard-{port}.network"),
        text,
    }
}

fn router(wish: &Wish) -> Vec<File> {
    let outside = wish.outside.as_str();
    let mut all = vec![network(outside, office::management(wish, outside, None))];
    if let (Some(port), Some(address)) = (&wish.inside, wish.addresses.inside) {
        let text = inside::text(port.as_str(), &address, wish.addresses.dhcp_server);
        all.push(network(port.as_str(), text));
    }
    all
}

/// Two ports in a bridge. Multicast is not held back: with two ports there is nothing to save, and a box
/// that learns who listens to what breaks neighbours and mDNS where nobody asks (RFC 4541 2.1.2).
/// EAPOL (01-80-C2-00-00-03, IEEE 802.1X) is handed on, which bridges do not do by themselves.
fn bridge(wish: &Wish, mac: Option<Mac>) -> Vec<File> {
    let mut all = vec![
        File {
            path: format!("network/10-trunkguard-{BRIDGE}.netdev"),
            text: format!(
                "[NetDev]\nName={BRIDGE}\nKind=bridge\nMACAddress=none\n\n\
                 [Bridge]\nSTP=no\nForwardDelaySec=0\nMulticastSnooping=no\nGroupForwardMask=8\n"
            ),
        },
        // Else udev gives it an address made of the machine's id.
        File {
            path: format!("network/10-trunkguard-{BRIDGE}.link"),
            text: format!("[Match]\nOriginalName={BRIDGE}\n\n[Link]\nMACAddressPolicy=none\n"),
        },
        network(BRIDGE, office::management(wish, BRIDGE, mac)),
    ];
    let ports = [
        (Some(&wish.outside), OUTSIDE),
        (wish.inside.as_ref(), INSIDE),
    ];
    for (port, group) in ports {
        let Some(port) = port.map(|port| port.as_str()) else {
            continue;
        };
        let text = format!(
            "[Match]\nName={port}\n\n\
             [Link]\nGroup={group}\nRequiredForOnline=no\n\n\
             [Network]\nBridge={BRIDGE}\nConfigureWithoutCarrier=yes\nLinkLocalAddressing=no\nIPv6AcceptRA=no\nLLDP=no\nEmitLLDP=no\n"
        );
        all.push(network(port, text));
    }
    all
}

/// A port that the topology has no use for is no second way in.
fn spare() -> File {
    File {
        path: "network/90-trunkguard-spare.network".into(),
        text: "[Match]\nName=port* eth* en* wl* ww*\n\n\
               [Link]\nActivationPolicy=always-down\nRequiredForOnline=no\n"
            .into(),
    }
}

/// Said in every topology, so that a box which was a router does not go on being one. Nothing inside has
/// an IPv6 address of the provider's, so IPv6 is not forwarded at all.
fn forwarding(wish: &Wish) -> File {
    let routes = match wish.topology {
        Topology::Router => "yes",
        Topology::Side | Topology::Bridge => "no",
    };
    File {
        path: "networkd.conf.d/60-trunkguard.conf".into(),
        text: format!("[Network]\nIPv4Forwarding={routes}\nIPv6Forwarding=no\n"),
    }
}

/// mDNS answers to the box's name. Nobody is asked whom neither the owner nor DHCP named. No DNSSEC: a box
/// that does not know the time yet would find every signature wrong.
fn resolver(wish: &Wish) -> File {
    let mut text = String::from("[Resolve]\nFallbackDNS=\nDNSSEC=no\nLLMNR=no\nMulticastDNS=yes\n");
    if let (Topology::Router, Some(inside), true) = (
        wish.topology,
        wish.addresses.inside,
        wish.addresses.dhcp_server,
    ) {
        text.push_str(&format!("DNSStubListenerExtra={}\n", inside.address()));
    }
    File {
        path: "resolved.conf.d/60-trunkguard.conf".into(),
        text,
    }
}
