//! The files as text, held by files. `UPDATE_GOLDEN=1 cargo test -p trunkguard-network` writes them anew;
//! the difference is then read before it is committed.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, fs, path::Path};

use proptest::prelude::*;
use trunkguard_core::policy::{Address, Addresses, HostAddress, Interface, TimeServer, Topology};
use trunkguard_network::{
    check,
    render::{self, File, Mac, is_ours},
    wish::{VERSION, Wish},
};

fn host(text: &str) -> HostAddress {
    HostAddress::parse(text).unwrap()
}

fn wish(topology: Topology) -> Wish {
    let port = |name| Interface::parse(name).unwrap();
    Wish {
        version: VERSION,
        topology,
        outside: port("port0"),
        inside: (topology != Topology::Side).then(|| port("port1")),
        addresses: Addresses {
            inside: (topology == Topology::Router).then(|| host("192.168.77.1/24")),
            ..Addresses::default()
        },
    }
}

fn fixed(topology: Topology) -> Wish {
    let mut wish = wish(topology);
    wish.addresses = Addresses {
        address: Address::Fixed(host("192.168.1.2/24")),
        gateway: Some([192, 168, 1, 1].into()),
        dns: vec![[192, 168, 1, 1].into(), "2001:db8::53".parse().unwrap()],
        ntp: vec![TimeServer::parse("0.pool.ntp.org").unwrap()],
        ..wish.addresses
    };
    wish
}

const MAC: Mac = Mac([0xdc, 0xa6, 0x32, 1, 2, 3]);

/// All files as one text, each under its path.
fn text(files: &[File]) -> String {
    let one = |file: &File| format!("==> {} <==\n{}\n", file.path, file.text);
    files.iter().map(one).collect()
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

#[test]
fn files_are_as_the_golden_ones_say() {
    let mut quiet = wish(Topology::Router);
    quiet.addresses.dhcp_server = false;
    let mut small = wish(Topology::Router);
    small.addresses.inside = Some(host("10.0.0.1/28"));
    for (name, wish, mac) in [
        (
            "new-box.txt",
            Wish::of_a_new_box(Interface::parse("port0").unwrap()),
            None,
        ),
        ("side-fixed.txt", fixed(Topology::Side), None),
        ("bridge.txt", wish(Topology::Bridge), Some(MAC)),
        ("bridge-fixed.txt", fixed(Topology::Bridge), None),
        ("router.txt", wish(Topology::Router), Some(MAC)),
        ("router-fixed.txt", fixed(Topology::Router), None),
        ("router-no-dhcp.txt", quiet, None),
        ("router-small.txt", small, None),
    ] {
        check::wish(&wish).unwrap();
        golden(name, &text(&render::files(&wish, mac)));
    }
}

#[test]
fn ethernet_addresses_are_read_strictly() {
    assert_eq!(Mac::parse("dc:a6:32:01:02:03\n"), Some(MAC));
    assert_eq!(MAC.to_string(), "dc:a6:32:01:02:03");
    for text in [
        "",
        "00:00:00:00:00:00",
        "01:00:5e:00:00:01",
        "ff:ff:ff:ff:ff:ff",
        "dc:a6:32:01:02",
        "dc:a6:32:01:02:03:04",
        "dc:a6:32:01:02:+3",
        "dca6.3201.0203",
    ] {
        assert_eq!(Mac::parse(text), None, "{text}");
    }
}

fn any_wish() -> impl Strategy<Value = Wish> {
    let topology = prop_oneof![
        Just(Topology::Side),
        Just(Topology::Router),
        Just(Topology::Bridge)
    ];
    let inside = prop::option::of(
        (any::<[u8; 2]>(), 8..=30u8).prop_filter_map("an address", |([a, b], n)| {
            HostAddress::parse(&format!("10.{a}.{b}.1/{n}")).ok()
        }),
    );
    (topology, any::<bool>(), any::<bool>(), inside).prop_map(
        |(topology, is_fixed, serves, inside)| {
            let mut wish = match is_fixed {
                true => fixed(topology),
                false => wish(topology),
            };
            wish.addresses.dhcp_server = serves;
            if topology == Topology::Router {
                wish.addresses.inside = inside;
            }
            wish
        },
    )
}

proptest! {
    /// Whatever passes the check: every file is one that is known again as ours, is there once, and has
    /// lines of systemd's form only; mDNS is on one interface, and only a router forwards or serves.
    #[test]
    fn what_passes_the_check_is_sound(wish in any_wish(), mac in prop::option::of(Just(MAC))) {
        prop_assume!(check::wish(&wish).is_ok());
        let files = render::files(&wish, mac);
        let paths: BTreeSet<&str> = files.iter().map(|f| f.path.as_str()).collect();
        prop_assert_eq!(paths.len(), files.len());
        let mut mdns = 0;
        for file in &files {
            prop_assert!(is_ours(file.path.rsplit('/').next().unwrap()), "{}", file.path);
            for line in file.text.lines() {
                let form = line.is_empty() || line.starts_with('#')
                    || (line.starts_with('[') && line.ends_with(']'))
                    || line.split_once('=').is_some_and(|(k, _)| k.bytes().all(|b| b.is_ascii_alphanumeric()));
                prop_assert!(form, "{}: {}", file.path, line);
            }
            mdns += usize::from(file.path.ends_with(".network") && file.text.contains("MulticastDNS=yes"));
        }
        prop_assert_eq!(mdns, 1);
        let all = text(&files);
        let router = wish.topology == Topology::Router;
        prop_assert_eq!(all.contains("IPv4Forwarding=yes"), router);
        prop_assert_eq!(all.contains("DHCPServer=yes"), router && wish.addresses.dhcp_server);
        prop_assert_eq!(all.contains("DNSStubListenerExtra="), router && wish.addresses.dhcp_server);
    }
}
