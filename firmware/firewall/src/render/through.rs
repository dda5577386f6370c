//! What passes through the box (F1 to F8): by table inet in `router`, by table bridge in `bridge`.

use std::net::IpAddr;

use ipnet::IpNet;
use trunkguard_core::policy::{FromPbx, Topology};

use super::{
    both,
    box_itself::sip_ports,
    ports,
    table::{Chain, ON_PROBATION, Table},
};
use crate::intent::Intent;

const FORWARD: &str = "type filter hook forward priority 0; policy drop;";
const TRANSLATE_IN: &str = "type nat hook prerouting priority -100; policy accept;";
const TRANSLATE_OUT: &str = "type nat hook postrouting priority 100; policy accept;";
const BRIDGE_INPUT: &str = "type filter hook input priority 0; policy accept;";

/// Both transports, where SIP is.
const L4: &str = "meta l4proto { tcp, udp } th dport";
/// Where VoIP.ms and phones speak SIP to the PBX.
const SIP_IN: &str = "{ 5060, 5080 }";
/// Where anybody speaks SIP.
const SIP_OUT: &str = "5060-5080";
/// SIP over TLS.
const TLS: u16 = 5_061;
/// IAX2.
const IAX2: u16 = 4_569;

/// Chains of table inet for what is routed.
pub fn inet(i: &Intent, table: &mut Table) {
    let (Topology::Router, Some(inside)) = (i.topology, &i.inside) else {
        inet_closed(table);
        return;
    };
    let outside = &i.outside;
    let mut rules = known_connections(i);
    rules.extend([
        "ct state invalid goto outside-invalid".into(),
        format!("iifname \"{outside}\" oifname \"{inside}\" goto from-outside"),
        format!("iifname \"{inside}\" oifname \"{outside}\" goto from-inside"),
        format!("iifname \"{inside}\" oifname \"{inside}\" accept"),
        "goto forward-other".into(),
        "drop".into(),
    ]);
    table.chain(Chain::of("pops-in", services("pops-in", i)));
    table.chain(Chain::of("remote-in", services("remote-in", i)));
    table.chain(Chain::of("from-outside", from_outside(i)));
    table.chain(Chain::of("from-inside", from_inside(i)));
    table.chain(Chain::base("forward", FORWARD, rules));
    table.chain(Chain::base("translate-in", TRANSLATE_IN, translate_in(i)));
    let masquerade = format!("oifname \"{outside}\" meta nfproto ipv4 masquerade");
    table.chain(Chain::base(
        "translate-out",
        TRANSLATE_OUT,
        vec![masquerade],
    ));
}

/// The same where nothing is routed. The base chains are there all the same, so that one is never
/// made while packets pass.
pub fn inet_closed(table: &mut Table) {
    table.chain(Chain::base("forward", FORWARD, nothing()));
    table.chain(Chain::base("translate-in", TRANSLATE_IN, Vec::new()));
    table.chain(Chain::base("translate-out", TRANSLATE_OUT, Vec::new()));
}

/// Chains of table bridge.
pub fn bridge(i: &Intent, table: &mut Table) {
    let Some(inside) = &i.inside else {
        bridge_closed(table);
        return;
    };
    let outside = &i.outside;
    // Tagged frames are known to conntrack as well, so the frame's type is asked first (F8).
    let mut rules: Vec<String> = (known_connections(i).into_iter())
        .map(|rule| format!("ether type {{ ip, ip6 }} {rule}"))
        .collect();
    rules.extend(link());
    rules.extend([
        "ct state invalid goto outside-invalid".into(),
        format!("iifname \"{outside}\" oifname \"{inside}\" goto from-outside"),
        format!("iifname \"{inside}\" oifname \"{outside}\" goto from-inside"),
        "goto forward-other".into(),
        "drop".into(),
    ]);
    table.chain(Chain::of("pops-in", services("pops-in", i)));
    table.chain(Chain::of("remote-in", services("remote-in", i)));
    table.chain(Chain::of("from-outside", from_outside(i)));
    table.chain(Chain::of("from-inside", from_inside(i)));
    // To the box: table inet decides, which no longer sees by which port it came.
    let spoofed = format!("iifname \"{outside}\" {{ip}} saddr @pbx{{v}} goto box-spoofed");
    table.chain(Chain::base("input", BRIDGE_INPUT, both(&spoofed).to_vec()));
    table.chain(Chain::base("forward", FORWARD, rules));
}

/// The same before the first intent.
pub fn bridge_closed(table: &mut Table) {
    table.chain(Chain::base("input", BRIDGE_INPUT, Vec::new()));
    table.chain(Chain::base("forward", FORWARD, nothing()));
}

fn nothing() -> Vec<String> {
    vec!["goto forward-other".into(), "drop".into()]
}

/// F2, first of all, because nearly every packet ends here. A connection that passed only because
/// the mode was Detect bears a mark and is looked at again.
fn known_connections(i: &Intent) -> Vec<String> {
    let unmarked = match i.enforce {
        true => format!(" ct mark & {ON_PROBATION} == 0"),
        false => String::new(),
    };
    vec![format!("ct state established,related{unmarked} accept")]
}

/// F8: what a network needs before any address is known.
fn link() -> Vec<String> {
    let rules = [
        // 0x888e is EAPOL.
        "ether type { arp, 0x888e } accept",
        "ether type != { ip, ip6 } goto forward-other",
        "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, nd-redirect } ip6 hoplimit 255 accept",
        "icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } accept",
        "ip protocol igmp accept",
        "udp sport { 67, 68 } udp dport { 67, 68 } accept",
        "udp sport { 546, 547 } udp dport { 546, 547 } accept",
    ];
    rules.map(String::from).to_vec()
}

/// F1: what may be reached of the PBX.
fn services(counter: &str, i: &Intent) -> Vec<String> {
    let counted = format!("counter name \"{counter}\" accept");
    vec![
        format!("{L4} {SIP_IN} {counted}"),
        format!("tcp dport {TLS} {counted}"),
        format!("udp dport {} {counted}", audio(i)),
        format!("icmp type echo-request {counted}"),
        format!("icmpv6 type echo-request {counted}"),
    ]
}

/// IAX2 and the ports of audio.
fn audio(i: &Intent) -> String {
    ports(&[(IAX2, IAX2), (i.rtp.first, i.rtp.last)])
}

/// F1, F3, F4, F15 and F5. Bans are looked at after known connections and after who is allowed: nearly
/// every packet is one of those, and each look-up on their way would be felt (docs/benchmarks.md).
fn from_outside(i: &Intent) -> Vec<String> {
    let mut rules = Vec::new();
    rules.extend(both("{ip} saddr @pbx{v} goto outside-spoofed"));
    rules.extend(both("{ip} saddr @pops{v} {ip} daddr @pbx{v} jump pops-in"));
    rules.extend(both(
        "{ip} saddr @remote{v} {ip} daddr @pbx{v} jump remote-in",
    ));
    if i.topology == Topology::Bridge {
        rules.extend(both(
            "{ip} saddr @office{v} counter name \"office-in\" accept",
        ));
    } else {
        rules.push(
            "ip saddr { 0.0.0.0/8, 10.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16, 224.0.0.0/3 } goto outside-spoofed"
                .into(),
        );
        rules.push(
            "ip6 saddr { ::/127, fc00::/7, fe80::/10, ff00::/8 } goto outside-spoofed".into(),
        );
    }
    rules.extend(both(&format!(
        "{{ip}} saddr @bans_sip{{v}} {L4} {} goto outside-banned",
        sip_ports(i)
    )));
    rules.push(format!(
        "{L4} {} goto outside-sip",
        ports(&[(IAX2, IAX2), (5_060, 5_080)])
    ));
    rules.push(format!(
        "udp dport {}-{} goto outside-rtp",
        i.rtp.first, i.rtp.last
    ));
    rules.push("goto outside-other".into());
    rules
}

/// F6 and F7.
fn from_inside(i: &Intent) -> Vec<String> {
    let mut rules = Vec::new();
    let mut trunk = |set: &str, counter: &str| {
        let to = format!("{{ip}} daddr @{set}{{v}}");
        let counted = format!("counter name \"{counter}\" accept");
        rules.extend(both(&format!("{to} tcp dport {SIP_OUT} {counted}")));
        // Audio goes to any port, and SIP and IAX2 by UDP with it.
        rules.extend(both(&format!("{to} meta l4proto udp {counted}")));
    };
    trunk("pops", "pops-out");
    trunk("remote", "remote-out");
    if i.topology == Topology::Bridge {
        trunk("office", "office-out");
    }
    rules.push(format!(
        "{L4} {} goto pbx-sip",
        ports(&[(IAX2, IAX2), (5_060, 5_080)])
    ));
    // Who is no PBX goes where it likes; the family is asked first, or a packet of the other one
    // would be nobody's.
    rules.extend(both("{ip} saddr != @pbx{v} accept"));
    let counted = "counter name \"pbx-out\" accept";
    match i.from_pbx {
        FromPbx::Any => rules.push(counted.into()),
        from => {
            rules.push(format!("{L4} 53 {counted}"));
            rules.push(format!("udp dport 123 {counted}"));
            if from == FromPbx::Web {
                rules.push(format!("meta l4proto tcp {counted}"));
            }
            rules.push("meta l4proto udp goto pbx-udp".into());
            rules.push("goto pbx-other".into());
        }
    }
    rules
}

/// F1 in `router`: what the provider and phones send to the box's own address is the PBX's.
fn translate_in(i: &Intent) -> Vec<String> {
    let Some(pbx) = first_pbx(i) else {
        return Vec::new();
    };
    let mut rules = Vec::new();
    for set in ["pops4", "remote4"] {
        let from = format!(
            "iifname \"{}\" ip saddr @{set} fib daddr type local",
            i.outside
        );
        let to = format!("dnat ip to {pbx}");
        rules.push(format!("{from} {L4} {SIP_IN} {to}"));
        rules.push(format!("{from} tcp dport {TLS} {to}"));
        rules.push(format!("{from} udp dport {} {to}", audio(i)));
    }
    rules
}

/// The first IPv4 address among the PBX's; a network of several is no place to send a call to.
fn first_pbx(i: &Intent) -> Option<IpAddr> {
    let one = |n: &&IpNet| n.prefix_len() == 32 && matches!(n, IpNet::V4(_));
    i.pbx.iter().find(one).map(IpNet::addr)
}
