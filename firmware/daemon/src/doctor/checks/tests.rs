//! Every check with made-up facts: silent or content on a sound box, and each mistake found by its own
//! check and no other.

use std::net::IpAddr;

use trunkguard_core::policy::{Firewall, Interface, Network, Topology};

use super::super::{Facts, Severity, examine, facts::*, is_wrong};

const PBX: &str = "192.168.1.5";
const PBX_HARDWARE: &str = "02:fc:00:00:00:05";
const NOW_S: i64 = 1_800_000_000;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn port(name: &str, bridge: Option<&str>, address: Option<(&str, u8)>) -> Port {
    Port {
        name: name.into(),
        carrier: Some(true),
        hardware: "02:00:00:00:00:01".into(),
        bridge: bridge.map(Into::into),
        addresses: address
            .map(|(a, length)| (ip(a), length))
            .into_iter()
            .collect(),
    }
}

fn route(port: &str, to: (&str, u8), gateway: Option<&str>) -> Route {
    Route {
        port: port.into(),
        to: (ip(to.0), to.1),
        gateway: gateway.map(ip),
    }
}

/// A box of which nothing is to be said.
fn sound(topology: Topology) -> Facts {
    let bridge = (topology == Topology::Bridge).then_some("br0");
    let two = topology != Topology::Side;
    let heard_on = match topology {
        Topology::Bridge => "br0",
        Topology::Router => "eth1",
        Topology::Side => "eth0",
    };
    Facts {
        unix_s: NOW_S,
        last_call_s: Some(NOW_S - 3_600),
        settings: Some(Settings {
            firewall: Firewall {
                topology,
                outside: Some(Interface::parse("eth0").unwrap()),
                inside: two.then(|| Interface::parse("eth1").unwrap()),
                ..Firewall::default()
            },
            clients: vec![Network::parse(PBX).unwrap()],
        }),
        outside: Some("eth0".into()),
        inside: two.then(|| "eth1".into()),
        ports: vec![
            port(
                "eth0",
                bridge,
                (topology == Topology::Router).then_some(("203.0.113.2", 24)),
            ),
            port(
                "eth1",
                bridge,
                (topology == Topology::Router).then_some(("192.168.1.1", 24)),
            ),
        ],
        routes: vec![
            route(
                bridge.unwrap_or("eth0"),
                ("0.0.0.0", 0),
                Some("203.0.113.1"),
            ),
            route("eth1", ("192.168.1.0", 24), None),
        ],
        neighbours: vec![Neighbour {
            address: ip(PBX),
            hardware: PBX_HARDWARE.into(),
            port: heard_on.into(),
        }],
        learned: bridge
            .map(|_| (PBX_HARDWARE.into(), "eth1".into()))
            .into_iter()
            .collect(),
        dns: vec![Asked {
            server: ip("203.0.113.53"),
            answer: DnsAnswer::Found,
        }],
        kernel: Kernel {
            forward_v4: Some(true),
            forward_v6: Some(true),
            rp_filter: Some(2),
            conntrack: Some(true),
            flows: Some((10, 65_536)),
            nft: Some(Ok("nftables v1.1.3".into())),
        },
        helper: Helper::Reachable,
        daemon: Some(Daemon {
            uptime_s: 100_000,
            clients: vec![("pbx".into(), Some(30))],
            firewall_loaded: Some(true),
            alerts: Some(vec![("mail:owner@example.com".into(), None)]),
            ..Daemon::default()
        }),
        pbx: vec![Pbx {
            address: ip(PBX),
            options: Probe::Answered,
        }],
        pops: vec![Pop {
            host: "atlanta1.voip.ms".into(),
            elsewhere: Vec::new(),
            alive: Some(true),
        }],
        known: vec![("pbx".into(), Vec::new())],
        known_problem: None,
    }
}

/// What is said of a sound box after this has happened to it: the checks that are not content.
fn after(topology: Topology, what: impl FnOnce(&mut Facts)) -> Vec<(&'static str, Severity)> {
    let mut facts = sound(topology);
    what(&mut facts);
    let findings = examine(&facts).into_iter();
    let bad = findings.filter(|f| f.severity > Severity::Ok);
    bad.inspect(|f| assert!(!f.remedy.is_empty(), "{f}"))
        .map(|f| (f.check, f.severity))
        .collect()
}

use Severity::{Hint, Problem, Warning};
use Topology::{Bridge, Router, Side};

fn firewall(facts: &mut Facts) -> &mut Firewall {
    &mut facts.settings.as_mut().unwrap().firewall
}

fn daemon(facts: &mut Facts) -> &mut Daemon {
    facts.daemon.as_mut().unwrap()
}

#[test]
fn of_a_sound_box_there_is_nothing_to_say() {
    for topology in [Side, Router, Bridge] {
        assert_eq!(after(topology, |_| {}), [], "{topology:?}");
        let findings = examine(&sound(topology));
        assert!(findings.len() >= 9 && !is_wrong(&findings));
    }
}

#[test]
fn of_nothing_nothing_wrong_is_said_of_the_rest() {
    let findings = examine(&Facts {
        unix_s: NOW_S,
        ..Facts::default()
    });
    let mut checks: Vec<&str> = findings
        .iter()
        .filter(|f| f.severity > Severity::Ok)
        .map(|f| f.check)
        .collect();
    checks.sort_unstable();
    assert_eq!(checks, ["client", "daemon", "dns", "route"]);
}

#[test]
fn ports_that_are_swapped() {
    let moved = |f: &mut Facts| f.neighbours[0].port = "eth0".into();
    assert_eq!(after(Router, moved), [("swapped", Problem)]);
    let learned = |f: &mut Facts| f.learned[0].1 = "eth0".into();
    assert_eq!(after(Bridge, learned), [("swapped", Problem)]);
    let way = |f: &mut Facts| f.routes[0].port = "eth1".into();
    assert_eq!(after(Router, way), [("swapped", Problem)]);
    assert_eq!(after(Side, moved), [], "one port cannot be swapped");
}

#[test]
fn a_port_that_is_not_there_or_dead() {
    let gone = |f: &mut Facts| {
        f.ports.pop();
    };
    assert_eq!(
        after(Router, gone),
        [("port", Problem), ("networks", Warning)]
    );
    let unnamed = |f: &mut Facts| f.inside = None;
    assert_eq!(after(Bridge, unnamed), [("port", Problem)]);
    let dead = |f: &mut Facts| f.ports[1].carrier = Some(false);
    assert_eq!(after(Router, dead), [("link", Problem)]);
    assert_eq!(after(Side, dead), [], "the second socket is nobody's");
    let off = |f: &mut Facts| f.ports[0].carrier = None;
    assert_eq!(after(Side, off), [("link", Problem)]);
}

#[test]
fn a_bridge_that_is_none_and_a_router_that_is_one() {
    let apart = |f: &mut Facts| f.ports[1].bridge = None;
    assert_eq!(after(Bridge, apart), [("bridge", Problem)]);
    let other = |f: &mut Facts| f.ports[1].bridge = Some("br1".into());
    assert_eq!(after(Bridge, other), [("bridge", Problem)]);
    let bridged = |f: &mut Facts| f.ports[1].bridge = Some("br0".into());
    assert_eq!(after(Router, bridged), [("bridge", Problem)]);
}

#[test]
fn outside_and_inside_in_one_network() {
    let same = |f: &mut Facts| f.ports[0].addresses = vec![(ip("192.168.1.9"), 24)];
    assert_eq!(after(Router, same), [("networks", Problem)]);
    let within = |f: &mut Facts| f.ports[0].addresses = vec![(ip("192.168.9.9"), 16)];
    assert_eq!(after(Router, within), [("networks", Problem)]);
    let none = |f: &mut Facts| f.ports[1].addresses.clear();
    assert_eq!(after(Router, none), [("networks", Warning)]);
}

#[test]
fn no_way_out_or_two() {
    assert_eq!(after(Side, |f| f.routes.clear()), [("route", Problem)]);
    let two = |f: &mut Facts| {
        f.routes
            .push(route("wlan0", ("0.0.0.0", 0), Some("10.0.0.1")))
    };
    assert_eq!(after(Side, two), [("route", Warning)]);
}

#[test]
fn dns_that_is_blocked() {
    let silent = |f: &mut Facts| f.dns[0].answer = DnsAnswer::Silent;
    assert_eq!(after(Side, silent), [("dns", Problem)]);
    let refused = |f: &mut Facts| f.dns[0].answer = DnsAnswer::Refused(5);
    assert_eq!(after(Side, refused), [("dns", Problem)]);
    let second = |f: &mut Facts| {
        let server = ip("203.0.113.54");
        f.dns.push(Asked {
            server,
            answer: DnsAnswer::Silent,
        });
    };
    assert_eq!(after(Side, second), [("dns", Warning)]);
    assert_eq!(after(Side, |f| f.dns.clear()), [("dns", Problem)]);
}

#[test]
fn a_clock_that_is_wrong() {
    assert_eq!(after(Side, |f| f.unix_s = 600), [("clock", Problem)]);
    let behind = |f: &mut Facts| f.last_call_s = Some(NOW_S + 86_400);
    assert_eq!(after(Side, behind), [("clock", Problem)]);
    let ahead = |f: &mut Facts| f.last_call_s = Some(NOW_S - 800 * 86_400);
    assert_eq!(after(Side, ahead), [("clock", Hint)]);
    assert_eq!(after(Side, |f| f.last_call_s = None), [], "no call yet");
}

#[test]
fn a_router_that_does_not_route() {
    let off = |f: &mut Facts| f.kernel.forward_v4 = Some(false);
    assert_eq!(after(Router, off), [("forwarding", Problem)]);
    assert_eq!(after(Bridge, off), [], "a bridge needs no routing");
    let v6 = |f: &mut Facts| f.kernel.forward_v6 = Some(false);
    assert_eq!(after(Router, v6), [("forwarding", Hint)]);
}

#[test]
fn parts_of_the_box_that_do_not_run() {
    assert_eq!(after(Router, |f| f.daemon = None), [("daemon", Problem)]);
    let unhappy = |f: &mut Facts| daemon(f).problems.push("the disk takes nothing".into());
    assert_eq!(after(Side, unhappy), [("daemon", Warning)]);
    let no_nft = |f: &mut Facts| f.kernel.nft = Some(Err("not found".into()));
    assert_eq!(after(Router, no_nft), [("nft", Problem)]);
    assert_eq!(after(Side, no_nft), [("nft", Hint)]);
    let no_flows = |f: &mut Facts| (f.kernel.conntrack, f.kernel.flows) = (Some(false), None);
    assert_eq!(after(Router, no_flows), [("conntrack", Hint)]);
    let full = |f: &mut Facts| f.kernel.flows = Some((65_000, 65_536));
    assert_eq!(after(Router, full), [("conntrack", Warning)]);
}

#[test]
fn a_firewall_that_is_asked_for_and_does_not_run() {
    let absent = |f: &mut Facts| {
        daemon(f).firewall_loaded = None;
        f.helper = Helper::Absent;
    };
    assert_eq!(after(Bridge, absent), [("firewall", Problem)]);
    assert_eq!(after(Side, absent), [("firewall", Hint)]);
    let closed = |f: &mut Facts| {
        daemon(f).firewall_loaded = None;
        f.helper = Helper::Closed("permission denied".into());
    };
    assert_eq!(after(Router, closed), [("firewall", Problem)]);
    let refused = |f: &mut Facts| {
        daemon(f).firewall_loaded = Some(false);
        daemon(f).firewall_problem = Some("the kernel lacks nf_tables".into());
    };
    assert_eq!(after(Router, refused), [("firewall", Problem)]);
    let not_loaded = |f: &mut Facts| daemon(f).firewall_loaded = Some(false);
    assert_eq!(after(Router, not_loaded), [("firewall", Problem)]);
}

#[test]
fn a_page_that_is_open_to_the_internet() {
    let public =
        |f: &mut Facts| firewall(f).office = vec![Network::parse("203.0.113.0/24").unwrap()];
    assert_eq!(after(Router, public), [("page", Problem)]);
    let wide = |f: &mut Facts| firewall(f).office = vec![Network::parse("172.0.0.0/8").unwrap()];
    assert_eq!(after(Router, wide), [("page", Problem)]);
    let private =
        |f: &mut Facts| firewall(f).office = vec![Network::parse("192.168.0.0/16").unwrap()];
    assert_eq!(after(Router, private), []);
    let served = |f: &mut Facts| {
        daemon(f).page = Some("0.0.0.0:80".into());
        daemon(f).firewall_loaded = None;
    };
    assert_eq!(after(Router, served), [("page", Problem)]);
}

#[test]
fn a_pop_that_is_used_outside_of_the_allow_list_or_dead() {
    let elsewhere = |f: &mut Facts| f.pops[0].elsewhere.push(ip("198.51.100.7"));
    assert_eq!(after(Router, elsewhere), [("pops", Problem)]);
    let dead = |f: &mut Facts| f.pops[0].alive = Some(false);
    assert_eq!(after(Router, dead), [("pops", Warning)]);
    assert_eq!(after(Router, |f| f.pops[0].alive = None), []);
}

#[test]
fn no_client_or_one_that_is_not_heard_of() {
    let none = |f: &mut Facts| f.settings.as_mut().unwrap().clients.clear();
    let said = after(Side, none);
    assert!(said.contains(&("client", Problem)), "{said:?}");
    assert!(after(Side, |f| f.settings = None).contains(&("client", Problem)));
    let never = |f: &mut Facts| daemon(f).clients[0].1 = None;
    assert_eq!(after(Side, never), [("client", Warning)]);
    let young = |f: &mut Facts| {
        daemon(f).clients[0].1 = None;
        daemon(f).uptime_s = 60;
    };
    assert_eq!(after(Side, young), [("client", Hint)]);
}

#[test]
fn a_pbx_that_is_not_behind_the_box() {
    let gone = |f: &mut Facts| {
        f.neighbours.clear();
        f.pbx[0].options = Probe::Silent;
    };
    assert_eq!(after(Router, gone), [("behind", Warning), ("pbx", Warning)]);
    assert_eq!(after(Side, gone), [("pbx", Warning)]);
    let elsewhere = |f: &mut Facts| f.learned[0].1 = "eth2".into();
    assert_eq!(after(Bridge, elsewhere), [("behind", Warning)]);
}

#[test]
fn a_pbx_whose_firewall_blocks_the_box() {
    for (answer, severity) in [
        (Probe::Forbidden, Problem),
        (Probe::Silent, Warning),
        (Probe::NobodyListens, Warning),
    ] {
        let probed = |f: &mut Facts| f.pbx[0].options = answer;
        assert_eq!(after(Side, probed), [("pbx", severity)], "{answer:?}");
    }
}

#[test]
fn the_worst_comes_first_and_is_said_with_its_remedy() {
    let mut facts = sound(Router);
    facts.dns[0].answer = DnsAnswer::Silent;
    facts.kernel.forward_v6 = Some(false);
    facts.pbx[0].options = Probe::Silent;
    let findings = examine(&facts);
    let severities: Vec<Severity> = findings.iter().map(|f| f.severity).collect();
    assert!(severities.is_sorted_by(|a, b| a >= b), "{severities:?}");
    assert!(is_wrong(&findings));
    let text = findings[0].to_string();
    assert!(
        text.starts_with("PROBLEM  DNS is blocked") && text.contains("\n         -> "),
        "{text}"
    );
}

#[test]
fn a_pbx_with_known_flaws() {
    use trunkguard_pbx::health::Table;
    let says = |agent: &'static str| {
        move |f: &mut Facts| {
            let known = crate::pbx_health::of(agent, Table::built_in(), None);
            f.known = vec![("pbx".into(), known)];
        }
    };
    assert_eq!(after(Side, says("Asterisk PBX 22.10.1")), []);
    assert_eq!(after(Side, says("My own PBX")), []);
    assert_eq!(
        after(Side, says("Asterisk PBX 16.28.0")),
        [("pbx-health", Hint)]
    );
    // One that may be, the end of its Asterisk, and the modules.
    assert_eq!(
        after(Side, says("FPBX-15.0.16.26(16.6.2)")),
        [
            ("pbx-health", Warning),
            ("pbx-health", Hint),
            ("pbx-health", Hint)
        ]
    );
    let unread = |f: &mut Facts| f.known_problem = Some("pbx-health.toml is not used".into());
    assert_eq!(after(Side, unread), [("pbx-health", Hint)]);
}

#[test]
fn a_box_that_tells_nobody_is_noticed() {
    let with = |alerts| after(Side, |facts| daemon(facts).alerts = alerts);
    assert_eq!(with(Some(Vec::new())), [("alerts", Hint)]);
    let failing = vec![("webhook:chat".into(), Some("500".into()))];
    assert_eq!(with(Some(failing)), [("alerts", Warning)]);
    assert_eq!(with(None), []);
}
