//! The scripts as text, held by files. `UPDATE_GOLDEN=1 cargo test -p trunkguard-firewall` writes
//! them anew; the difference is then read before it is committed.
#![allow(clippy::unwrap_used)]

use std::{fs, net::IpAddr, path::Path};

use proptest::prelude::*;
use trunkguard_core::policy::{FromPbx, Interface, PortRange, Topology};
use trunkguard_firewall::{
    check,
    intent::{Intent, Serves},
    protocol::{Ban, Service},
    render::{self, COUNTERS, Script},
};

fn nets<T: std::str::FromStr>(texts: &[&str]) -> Vec<T>
where
    T::Err: std::fmt::Debug,
{
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn office(topology: Topology, enforce: bool) -> Intent {
    Intent {
        topology,
        enforce,
        outside: Interface::parse("eth0").unwrap(),
        inside: (topology != Topology::Side).then(|| Interface::parse("enx001122334455").unwrap()),
        pbx: nets(&["192.168.7.10/32", "fd00:7::10/128"]),
        clients: nets(&["192.168.7.10/32", "192.168.7.11/32"]),
        pops: nets(&[
            "208.100.60.16/32",
            "208.100.60.17/32",
            "208.100.60.8/32",
            "74.63.41.218/32",
            "2607:f0c8::/48",
            "208.100.60.17/32",
        ]),
        remote: nets(&["198.51.100.7/32"]),
        office: nets(&["192.168.0.0/16", "fc00::/7"]),
        never_ban: nets(&["203.0.113.1/32"]),
        from_pbx: FromPbx::Web,
        rtp: PortRange::parse("10000-20000").unwrap(),
        serves: Serves {
            sip: 5_060,
            sips: Some(5_061),
            web: vec![8_443],
            ssh: true,
            office: (topology == Topology::Router).then(|| "192.168.7.0/24".parse().unwrap()),
        },
    }
}

fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let held = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        held == text,
        "{} differs from what is rendered:\n{text}",
        path.display()
    );
}

/// Both services of one address, one of another.
fn lifted() -> Vec<(IpAddr, Service)> {
    let [one, other]: [IpAddr; 2] = ["203.0.113.9", "2001:db8::9"].map(|a| a.parse().unwrap());
    vec![
        (one, Service::Sip),
        (one, Service::Page),
        (other, Service::Sip),
        (other, Service::Page),
    ]
}

#[test]
fn scripts_are_as_the_files_say() {
    let all = [
        ("side.nft", render::rules(&office(Topology::Side, true))),
        ("router.nft", render::rules(&office(Topology::Router, true))),
        (
            "router-detect.nft",
            render::rules(&office(Topology::Router, false)),
        ),
        ("bridge.nft", render::rules(&office(Topology::Bridge, true))),
        ("closed.nft", render::closed(false)),
        ("closed-bridge.nft", render::closed(true)),
    ];
    for (name, script) in all {
        golden(name, &script.text);
    }
}

#[test]
fn bans_are_as_the_files_say() {
    let ban = |address: &str, service, seconds| Ban {
        address: address.parse().unwrap(),
        service,
        seconds,
    };
    let bans = [
        ban("203.0.113.9", Service::Sip, 60),
        ban("2001:db8::9", Service::Sip, 3_600),
        ban("203.0.113.9", Service::Page, 86_400),
        // Twice in one order: the later one counts.
        ban("203.0.113.9", Service::Sip, 90),
    ];
    golden("bans.nft", &render::ban(&bans, true));
    golden("lifted.nft", &render::lifted(&lifted(), false));
}

/// A script never takes away what counts and bans, nor a table or chain (F14).
fn keeps_what_lives(script: &Script) {
    for line in script.text.lines() {
        for forbidden in [
            "delete ",
            "destroy ",
            "reset ",
            "flush ruleset",
            "flush set inet trunkguard bans",
        ] {
            assert!(!line.starts_with(forbidden), "{line}");
        }
    }
}

#[test]
fn every_base_chain_ends_in_a_drop_where_its_policy_is_drop() {
    for topology in [Topology::Side, Topology::Router, Topology::Bridge] {
        for enforce in [true, false] {
            let script = render::rules(&office(topology, enforce));
            keeps_what_lives(&script);
            // Each table is written twice: what there is to be, then what is in it.
            let tables: Vec<&str> = script.text.split("\ntable ").skip(1).collect();
            for table in tables.chunks(2) {
                let dropping = (table[0].lines())
                    .filter(|l| l.contains("policy drop;"))
                    .filter_map(|l| l.split_whitespace().nth(1));
                for chain in dropping {
                    let begins = format!("\tchain {chain} {{\n");
                    let rules = table[1].split(&begins).nth(1).unwrap();
                    let rules = rules.split("\n\t}").next().unwrap();
                    assert!(rules.ends_with("\t\tdrop"), "{chain}:\n{rules}");
                }
            }
        }
    }
}

/// Every counter that is named in a rule is declared, and every one that is declared says something.
#[test]
fn counters_are_the_known_ones() {
    for script in [
        render::rules(&office(Topology::Router, true)),
        render::rules(&office(Topology::Bridge, false)),
        render::rules(&office(Topology::Side, true)),
    ] {
        for part in script.text.split("counter name \"").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(render::says(name).is_some(), "{name}");
        }
    }
    let mut names: Vec<&str> = COUNTERS.iter().map(|c| c.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), COUNTERS.len());
}

#[test]
fn the_mark_tells_scripts_apart() {
    let router = render::rules(&office(Topology::Router, true));
    assert_eq!(router, render::rules(&office(Topology::Router, true)));
    assert_ne!(
        router.generation,
        render::rules(&office(Topology::Router, false)).generation
    );
    let mut other = office(Topology::Router, true);
    other.pops.pop();
    other.pops.reverse();
    assert_eq!(
        router.text,
        render::rules(&other).text,
        "the order of a list is none of its meaning"
    );
    other.pops.pop();
    assert_ne!(router.generation, render::rules(&other).generation);
}

proptest! {
    /// Whatever the ports are, no two ranges in a set overlap: nft refuses the whole script then.
    #[test]
    fn ports_never_overlap(first in 1_024u16..=65_535, length in 0u16..40_000, sip in 1_024u16..=65_535) {
        let mut i = office(Topology::Router, true);
        i.rtp = PortRange { first, last: first.saturating_add(length) };
        i.serves.sip = sip;
        for part in render::rules(&i).text.split("dport { ").skip(1) {
            let mut last = 0u32;
            for range in part.split(" }").next().unwrap().split(", ") {
                let (from, to) = range.split_once('-').unwrap_or((range, range));
                let (Ok(from), Ok(to)) = (from.parse::<u32>(), to.parse::<u32>()) else { continue };
                prop_assert!(from > last && to >= from, "{}", part);
                last = to;
            }
        }
    }

    /// What the check lets through is narrow, public, and nobody's own (F12).
    #[test]
    fn no_pop_is_what_it_must_not_be(octets in any::<[u8; 4]>(), prefix in 0u8..=32) {
        let mut i = office(Topology::Side, true);
        let network = ipnet::IpNet::new_assert(octets.into(), prefix).trunc();
        i.pops = vec![network];
        let first = std::net::Ipv4Addr::from(octets);
        let ok = check::intent(&i).is_ok();
        let bad = first.is_private() || first.is_loopback() || first.is_link_local()
            || first.is_multicast() || first.is_broadcast() || octets[0] == 0 || prefix < 20;
        prop_assert!(!(ok && bad), "{}", network);
        prop_assert!(ok || bad || octets[0] >= 240, "{}", network);
        // The office is never opened to what is public.
        i.pops = Vec::new();
        i.office = vec![network];
        prop_assert!(check::intent(&i).is_err() || first.is_private() || first.is_link_local());
    }
}

fn refused(change: impl FnOnce(&mut Intent)) -> String {
    let mut i = office(Topology::Router, true);
    change(&mut i);
    check::intent(&i).unwrap_err().to_string()
}

#[test]
fn f12_is_kept_and_says_why() {
    for topology in [Topology::Side, Topology::Router, Topology::Bridge] {
        check::intent(&office(topology, true)).unwrap();
    }
    for (list, text, says) in [
        ("pops", "0.0.0.0/0", "every address"),
        ("pops", "::/0", "every address"),
        ("pops", "192.168.1.0/24", "private"),
        ("pops", "169.254.0.0/24", "private or link-local"),
        ("pops", "fd00::/32", "private"),
        ("pops", "208.96.0.0/19", "wider than /20"),
        ("pops", "2607::/31", "wider than /32"),
        ("pops", "172.0.0.0/8", "private"),
        ("clients", "127.0.0.1/32", "loopback"),
        ("clients", "::1/128", "loopback"),
        ("clients", "0.0.0.0/32", "unspecified"),
        ("clients", "12.0.0.0/7", "wider than /8"),
        ("remote", "224.0.0.0/4", "multicast"),
        ("remote", "255.255.255.255/32", "broadcast"),
        ("remote", "2000::/15", "wider than /16"),
        ("pbx", "ff02::/16", "multicast"),
        ("pbx", "128.0.0.0/1", "multicast"),
        ("office", "8.8.8.0/24", "not private"),
        ("office", "0.0.0.0/0", "every address"),
        ("never_ban", "0.0.0.0/0", "every address"),
        (
            "clients",
            "::ffff:10.0.0.1/128",
            "IPv4 address written as IPv6",
        ),
    ] {
        let said = refused(|i| {
            let list = match list {
                "pops" => &mut i.pops,
                "clients" => &mut i.clients,
                "remote" => &mut i.remote,
                "pbx" => &mut i.pbx,
                "office" => &mut i.office,
                _ => &mut i.never_ban,
            };
            list.push(text.parse().unwrap());
        });
        assert!(
            said.starts_with(list) && said.contains(says),
            "{list} {text}: {said}"
        );
    }
    assert!(refused(|i| i.inside = Some(i.outside.clone())).contains("same port"));
    assert!(refused(|i| i.inside = None).contains("two ports"));
    assert!(refused(|i| i.topology = Topology::Side).contains("one port"));
    assert!(refused(|i| i.outside = Interface::parse("lo").unwrap()).contains("lo is"));
    assert!(refused(|i| i.serves.sip = 22).contains("above 1023"));
    assert!(refused(|i| i.serves.sips = Some(i.serves.web[0])).contains("open the page"));
    assert!(refused(|i| i.serves.web = vec![8_443, 22]).contains("no port for the page"));
    assert!(refused(|i| i.serves.web = vec![1, 2, 3, 4, 5]).contains("one too many"));
    let served = |network: &str| refused(|i| i.serves.office = Some(network.parse().unwrap()));
    assert!(served("203.0.113.0/24").contains("not private"));
    assert!(served("0.0.0.0/0").contains("not private"));
    let beside = |i: &mut Intent| {
        *i = Intent {
            serves: i.serves.clone(),
            ..office(Topology::Bridge, true)
        }
    };
    assert!(refused(beside).contains("router only"));
    let one = "198.51.100.1/32".parse().unwrap();
    assert!(refused(|i| i.remote = vec![one; 4_097]).contains("at most 4096"));
    assert!(refused(|i| i.pops = vec![one; 8_193]).contains("at most 8192"));
}

#[test]
fn who_is_allowed_is_never_banned() {
    let i = office(Topology::Router, true);
    let own = nets(&["192.0.2.1"]);
    let ban = |address: &str, seconds| {
        let address = address.parse().unwrap();
        check::bans(
            &[Ban {
                address,
                service: Service::Sip,
                seconds,
            }],
            &i,
            &own,
        )
    };
    ban("203.0.113.9", 60).unwrap();
    for (address, says) in [
        ("208.100.60.17", "a PoP's"),
        ("::ffff:208.100.60.17", "a PoP's"),
        ("192.168.7.11", "a client's"),
        ("fd00:7::10", "the PBX's"),
        ("198.51.100.7", "remote phone"),
        ("192.168.99.99", "of the office"),
        ("203.0.113.1", "never banned"),
        ("192.0.2.1", "the box's own"),
        ("127.0.0.1", "loopback"),
        ("::1", "loopback"),
        ("224.0.0.1", "multicast"),
        ("255.255.255.255", "broadcast"),
    ] {
        let said = ban(address, 60).unwrap_err().to_string();
        assert!(said.contains(says), "{address}: {said}");
    }
    for seconds in [0, 30 * 24 * 3_600 + 1, u32::MAX] {
        assert!(ban("203.0.113.9", seconds).is_err());
    }
}
