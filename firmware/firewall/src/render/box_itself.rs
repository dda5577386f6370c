//! What reaches the box itself (F9 to F11, F23). The same in every mode.

use trunkguard_core::policy::Topology;

use super::{
    both, ports,
    table::{Chain, Table},
};
use crate::{check::SSH, intent::Intent};

const INPUT: &str = "type filter hook input priority 0; policy drop;";

/// IAX2.
const IAX2: (u16, u16) = (4_569, 4_569);
/// Where SIP is spoken, somewhere.
const SIP: (u16, u16) = (5_060, 5_080);

/// Chain `input`.
pub fn chains(i: &Intent, table: &mut Table) {
    let mut rules = always();
    rules.extend(clients(i));
    rules.extend(office(i));
    rules.extend(served(i));
    rules.extend(banned(i));
    rules.extend(rest(i));
    table.chain(Chain::base("input", INPUT, rules));
}

/// The same before the first intent.
pub fn closed(table: &mut Table) {
    let mut rules = always();
    rules.push("goto box-other".into());
    rules.push("drop".into());
    table.chain(Chain::base("input", INPUT, rules));
}

/// SIP, IAX2 and audio, of the PBX and of the box.
pub fn sip_ports(i: &Intent) -> String {
    let own = |port| (port, port);
    let mut all = vec![SIP, IAX2, (i.rtp.first, i.rtp.last), own(i.serves.sip)];
    all.extend(i.serves.sips.map(own));
    ports(&all)
}

fn page_ports(i: &Intent) -> Option<String> {
    let all: Vec<(u16, u16)> = (i.serves.web.iter().copied())
        .chain(i.serves.ssh.then_some(SSH))
        .map(|port| (port, port))
        .collect();
    (!all.is_empty()).then(|| ports(&all))
}

/// F11, but for mDNS.
fn always() -> Vec<String> {
    let rules = [
        "iifname \"lo\" accept",
        // Before the connections: pings under one id are one, and a flood of them would pass as known.
        "icmp type echo-request limit rate 10/second accept",
        "icmpv6 type echo-request limit rate 10/second accept",
        "icmp type echo-request goto box-other",
        "icmpv6 type echo-request goto box-other",
        "ct state established,related accept",
        // Neighbours are found without a connection, and the hop limit says that they are neighbours
        // (RFC 4861 6.1, 7.1). Group queries: else a switch soon delivers no multicast, and IPv6 and
        // mDNS with it.
        "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } ip6 hoplimit 255 accept",
        "icmpv6 type mld-listener-query ip6 saddr fe80::/10 accept",
        "ip protocol igmp accept",
        "ct state invalid goto box-invalid",
        "udp sport 67 udp dport 68 accept",
        "ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept",
    ];
    rules.map(String::from).to_vec()
}

/// F9.
fn clients(i: &Intent) -> Vec<String> {
    let mut rules = Vec::new();
    if i.topology == Topology::Router {
        // The PBX is inside; whoever has its address outside wants to be taken for a client.
        let spoofed = format!(
            "iifname \"{}\" {{ip}} saddr @pbx{{v}} goto box-spoofed",
            i.outside
        );
        rules.extend(both(&spoofed));
    }
    rules.extend(both(&format!(
        "{{ip}} saddr @clients{{v}} meta l4proto {{ tcp, udp }} th dport {} counter name \"clients-in\" accept",
        i.serves.sip
    )));
    if let Some(port) = i.serves.sips {
        rules.extend(both(&format!(
            "{{ip}} saddr @clients{{v}} tcp dport {port} counter name \"clients-in\" accept"
        )));
    }
    rules
}

/// F10, and mDNS of F11.
fn office(i: &Intent) -> Vec<String> {
    let via = match (i.topology, &i.inside) {
        (Topology::Router, Some(inside)) => format!("iifname \"{inside}\" "),
        _ => String::new(),
    };
    let mut rules = Vec::new();
    if let Some(page) = page_ports(i) {
        rules.extend(both(&format!(
            "{via}{{ip}} saddr @office{{v}} tcp dport {page} counter name \"page-in\" accept"
        )));
    }
    rules.extend(both(&format!(
        "{via}{{ip}} saddr @office{{v}} udp dport 5353 accept"
    )));
    rules
}

/// F23. Who has no address yet asks by DHCP from 0.0.0.0.
fn served(i: &Intent) -> Vec<String> {
    match (&i.inside, i.serves.office) {
        (Some(inside), Some(office)) => vec![
            format!("iifname \"{inside}\" udp sport 68 udp dport 67 accept"),
            format!(
                "iifname \"{inside}\" ip saddr {office} meta l4proto {{ tcp, udp }} th dport 53 accept"
            ),
        ],
        _ => Vec::new(),
    }
}

/// F15. Everything that follows is dropped; a ban only says under which name. One from SIP needs no
/// rule here for that reason.
fn banned(i: &Intent) -> Vec<String> {
    let Some(page) = page_ports(i) else {
        return Vec::new();
    };
    let rule = format!("{{ip}} saddr @bans_page{{v}} tcp dport {page} goto page-banned");
    both(&rule).to_vec()
}

fn rest(i: &Intent) -> Vec<String> {
    let own = |port| (port, port);
    let mut sip = vec![SIP, IAX2, own(i.serves.sip)];
    sip.extend(i.serves.sips.map(own));
    let mut page = vec![own(SSH), own(80), own(443)];
    page.extend(i.serves.web.iter().copied().map(own));
    vec![
        format!(
            "meta l4proto {{ tcp, udp }} th dport {} goto box-sip",
            ports(&sip)
        ),
        format!("tcp dport {} goto box-page", ports(&page)),
        "goto box-other".into(),
        "drop".into(),
    ]
}
