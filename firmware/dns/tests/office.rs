//! Resolver and core together: what servers say, and what is allowed after it (docs/security.md F21).
#![allow(clippy::unwrap_used)]

mod fake;

use std::{
    net::IpAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use fake::{
    A, Asked, Fake, address, alias,
    asking::{GOOD, NAME, SHORT, ask, chain, name},
    response, v4_only,
};
use trunkguard_core::{
    policy::{AllowList, Firewall},
    pops::follow::{At, Effect, Event, Follow, Snapshot},
};

/// A box that follows one name.
struct Office {
    follow: Follow,
    now: u64,
}

impl Office {
    fn new(allow: AllowList) -> Self {
        let firewall = Firewall {
            allow,
            pops: vec![name()],
            ..Firewall::default()
        };
        let at = At {
            mono_ms: 0,
            unix_ms: 0,
            random: 0,
        };
        Office {
            follow: Follow::new(&firewall, &[], Snapshot::default(), Vec::new(), at),
            now: 0,
        }
    }

    fn round(&mut self, servers: &[&Fake]) -> Vec<Effect> {
        self.now += 3_600_000;
        let heard = ask(servers, SHORT);
        let of = name();
        let at = At {
            mono_ms: self.now,
            unix_ms: self.now as i64,
            random: self.now,
        };
        self.follow.step(
            at,
            Event::Heard {
                name: &of,
                heard: &heard,
            },
        )
    }

    fn allowed(&self) -> Vec<String> {
        self.follow
            .allowed()
            .iter()
            .map(|net| net.to_string())
            .collect()
    }
}

type Script = fn(&Asked) -> Vec<Vec<u8>>;

#[test]
fn nothing_bad_gets_from_a_server_into_the_allow_list() {
    // Each answer is worse than the one before; one good one comes first.
    let scripts: [Script; 9] = [
        |asked| v4_only(asked, &[address(NAME, 60, GOOD)]),
        |asked| {
            v4_only(
                asked,
                &[
                    address(NAME, 0, "127.0.0.1"),
                    address(NAME, 1 << 31, "10.0.0.1"),
                    address(NAME, 60, "158.85.70.148"),
                ],
            )
        },
        |asked| {
            v4_only(
                asked,
                &[
                    address(NAME, 60, "255.255.255.255"),
                    address(NAME, 60, "0.0.0.0"),
                    address(NAME, 60, "224.0.0.1"),
                ],
            )
        },
        |asked| v4_only(asked, &[alias(NAME, 60, NAME)]),
        |asked| {
            v4_only(
                asked,
                &chain(9, Some(address("a9.example.net", 700, "208.100.60.99"))),
            )
        },
        |asked| vec![response(asked, 2, &[])],
        |asked| vec![response(asked, 3, &[])],
        |asked| vec![[&asked.id[..], &[0xff; 64]].concat()],
        |asked| {
            let mut forged = response(asked, 0, &[address(NAME, 60, "208.100.60.98")]);
            forged[1] ^= 0xff;
            vec![forged]
        },
    ];
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let fake = Fake::serve(1, move |asked| {
        scripts[TURN.load(Ordering::Relaxed) % scripts.len()](asked)
    });
    let mut office = Office::new(AllowList::Hosts);
    for turn in 0..2 * scripts.len() {
        TURN.store(turn, Ordering::Relaxed);
        office.round(&[&fake]);
        assert_eq!(office.allowed(), ["208.100.60.17/32"], "turn {turn}");
        assert_eq!(office.follow.sightings().count(), 0, "turn {turn}");
    }
}

#[test]
fn one_lying_server_of_two_is_shown_and_two_are_asked_about() {
    let lie = |asked: &Asked| {
        let ip = if asked.kind == A {
            "203.0.113.66"
        } else {
            "2001:db8:66::1"
        };
        vec![response(asked, 0, &[address(NAME, 60, ip)])]
    };
    let (lying, too) = (Fake::serve(1, lie), Fake::serve(3, lie));
    let good = Fake::serve(2, |asked| v4_only(asked, &[address(NAME, 60, GOOD)]));
    let mut office = Office::new(AllowList::Range);
    for _ in 0..4 {
        let effects = office.round(&[&lying, &good]);
        assert!(effects.iter().all(|e| !matches!(e, Effect::Ask { .. })));
    }
    assert_eq!(office.follow.sightings().filter(|s| !s.agreed).count(), 2);
    let effects = office.round(&[&lying, &too]);
    assert_eq!(
        effects
            .iter()
            .filter(|e| matches!(e, Effect::Ask { .. }))
            .count(),
        2
    );
    assert_eq!(office.allowed(), ["208.100.60.0/24"]);
    let at = At {
        mono_ms: office.now,
        unix_ms: 0,
        random: 0,
    };
    let v6: IpAddr = "2001:db8:66::1".parse().unwrap();
    office.follow.approve(at, v6, "anna").unwrap();
    assert_eq!(office.allowed(), ["208.100.60.0/24", "2001:db8:66::1/128"]);
}

#[test]
fn a_name_that_takes_turns_keeps_all_of_its_addresses() {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let fake = Fake::serve(1, |asked| {
        let low = 100 + TURN.load(Ordering::Relaxed) % 3;
        v4_only(asked, &[address(NAME, 60, &format!("208.100.60.{low}"))])
    });
    let mut office = Office::new(AllowList::Hosts);
    for turn in 0..30 {
        TURN.store(turn, Ordering::Relaxed);
        let effects = office.round(&[&fake]);
        assert!(
            effects.iter().all(|e| !matches!(e, Effect::Flows(_))),
            "turn {turn}"
        );
        assert_eq!(office.allowed().len(), (turn + 1).min(3));
    }
}
