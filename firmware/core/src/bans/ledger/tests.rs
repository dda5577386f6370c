extern crate std;

use std::{net::Ipv4Addr, vec::Vec};

use ipnet::IpNet;

use super::{
    super::{Kind, table},
    *,
};

mod whatever;

const START: u64 = 172_800_000;
const STRANGER: &str = "203.0.113.7";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn evidence(source: IpAddr, kind: Kind) -> Evidence {
    Evidence {
        source,
        service: Service::Sip,
        kind,
        port: 5_060,
        tcp: false,
        proven: false,
        user: None,
    }
}

fn never(networks: &[&str]) -> Never {
    Never::new(networks.iter().map(|n| n.parse::<IpNet>().unwrap()))
}

/// Sends evidence every `every_ms` until there is a ban, and says how many it took.
fn until_banned(ledger: &mut Ledger, from_ms: u64, every_ms: u64, what: &Evidence) -> Option<u64> {
    (0..5_000).find(|i| {
        let what = Evidence {
            user: what.user.map(|user| user + *i as u32),
            ..*what
        };
        !ledger.see(from_ms + i * every_ms, &what).is_empty()
    })
}

fn seconds(effects: &[Effect]) -> u32 {
    match effects {
        [Effect::Ban { seconds, .. }] => *seconds,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_scanner_is_banned_for_an_hour_and_the_reason_says_why() {
    let mut ledger = Ledger::new(7);
    let scan = evidence(ip(STRANGER), Kind::Scanner("friendly-scanner"));
    assert_eq!(until_banned(&mut ledger, START, 2_500, &scan), Some(6));
    let list = ledger.list(START + 15_000);
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].left_s, FIRST_S);
    assert_eq!(
        list[0].reason,
        "scanner friendly-scanner, 7 requests in 15 s to UDP 5060"
    );
    assert!(!list[0].by_hand && list[0].times == 1);
}

#[test]
fn reasons_tell_what_was_done() {
    let dictionary = Evidence {
        user: Some(1),
        ..evidence(ip(STRANGER), Kind::Attempt)
    };
    let page = Evidence {
        service: Service::Page,
        ..super::super::evidence::of_password(ip(STRANGER), 443)
    };
    let syn = Evidence {
        tcp: true,
        ..evidence(ip(STRANGER), Kind::Knock)
    };
    for (what, every_ms, expected) in [
        (
            dictionary,
            1_000,
            "tried 16 or more user names, 23 requests in 22 s to UDP 5060",
        ),
        (page, 3_000, "9 wrong passwords in 24 s on the page"),
        (
            evidence(ip(STRANGER), Kind::Request),
            500,
            "104 SIP requests in 52 s to UDP 5060",
        ),
        (syn, 50, "flood: 101 knocks in 5 s to TCP 5060"),
    ] {
        let mut ledger = Ledger::new(7);
        until_banned(&mut ledger, START, every_ms, &what).expect(expected);
        assert_eq!(ledger.list(START)[0].reason, expected);
    }
}

#[test]
fn a_phone_that_nobody_told_the_box_of_is_not_banned_for_knocking_all_day() {
    let mut ledger = Ledger::new(7);
    for i in 0..4 * 60 * 24 {
        let kind = if i % 2 == 0 {
            Kind::Attempt
        } else {
            Kind::Request
        };
        let what = Evidence {
            user: Some(42),
            ..evidence(ip(STRANGER), kind)
        };
        assert_eq!(ledger.see(START + i * 15_000, &what), [], "datagram {i}");
    }
}

#[test]
fn repeaters_are_banned_for_longer_up_to_a_week_and_forgotten_after_one() {
    let mut ledger = Ledger::new(7);
    let scan = evidence(ip(STRANGER), Kind::Scanner("sipvicious"));
    let mut now = START;
    let mut spans = Vec::new();
    for _ in 0..10 {
        until_banned(&mut ledger, now, 1_000, &scan).unwrap();
        let left = ledger.list(now)[0].left_s;
        let left = left / FIRST_S * FIRST_S;
        spans.push(left / 3_600);
        now += u64::from(left) * 1_000 + 60_000;
        assert_eq!(ledger.end(now).len(), 1);
    }
    assert_eq!(spans, [1, 2, 4, 8, 16, 32, 64, 128, 168, 168]);
    now += REMEMBERED_S * 1_000;
    until_banned(&mut ledger, now, 1_000, &scan).unwrap();
    assert_eq!(ledger.list(now)[0].times, 1);
}

#[test]
fn services_are_banned_apart() {
    let mut ledger = Ledger::new(7);
    let page = super::super::evidence::of_password(ip(STRANGER), 443);
    until_banned(&mut ledger, START, 2_000, &page).unwrap();
    let list = ledger.list(START);
    assert_eq!((list.len(), list[0].service), (1, Service::Page));
    let scan = evidence(ip(STRANGER), Kind::Scanner("sipcli"));
    until_banned(&mut ledger, START, 2_000, &scan).unwrap();
    assert_eq!(ledger.list(START).len(), 2);
    assert_eq!(
        ledger.remove(ip(STRANGER), Some(Service::Page)),
        [Effect::Lift {
            address: ip(STRANGER),
            service: Service::Page
        }]
    );
    assert_eq!(ledger.list(START)[0].service, Service::Sip);
}

#[test]
fn the_owner_adds_removes_and_is_told_no() {
    let mut ledger = Ledger::new(7);
    assert_eq!(ledger.protect(never(&["208.100.60.0/24"])), []);
    let mut add = |address: &str, seconds, reason: &str| {
        ledger.add(START, ip(address), Service::Sip, seconds, reason)
    };
    assert_eq!(add("208.100.60.17", 3_600, ""), Err(Refused::Protected));
    assert_eq!(
        add("::ffff:208.100.60.17", 3_600, ""),
        Err(Refused::Protected)
    );
    assert_eq!(add("127.0.0.1", 3_600, ""), Err(Refused::Protected));
    assert_eq!(add(STRANGER, 0, ""), Err(Refused::Seconds));
    assert_eq!(add(STRANGER, BY_HAND_S + 1, ""), Err(Refused::Seconds));
    assert_eq!(
        seconds(&add(STRANGER, 86_400, "a\nb\x1b[31m").unwrap()),
        86_400
    );
    let list = ledger.list(START);
    assert_eq!(
        (list[0].reason.as_str(), list[0].by_hand),
        ("a b [31m", true)
    );
    assert_eq!(ledger.remove(ip(STRANGER), None).len(), 1);
    assert_eq!(ledger.remove(ip(STRANGER), None), []);
    assert_eq!(ledger.list(START), []);
}

#[test]
fn a_slow_scan_is_caught_and_a_slower_one_is_not_worth_it() {
    let knock = evidence(ip(STRANGER), Kind::Knock);
    let hours = |every_ms| {
        let mut ledger = Ledger::new(7);
        until_banned(&mut ledger, START, every_ms, &knock).map(|i| i * every_ms / 3_600_000)
    };
    assert_eq!(
        (hours(1_000), hours(8_000), hours(10_000)),
        (Some(0), Some(0), None)
    );
}

#[test]
fn who_is_forgiven_begins_anew() {
    let mut ledger = Ledger::new(7);
    let scan = evidence(ip(STRANGER), Kind::Scanner("sipcli"));
    let first = until_banned(&mut ledger, START, 2_000, &scan);
    assert_eq!(ledger.remove(ip(STRANGER), None).len(), 1);
    assert_eq!(
        until_banned(&mut ledger, START + 20_000, 2_000, &scan),
        first
    );
    assert_eq!(ledger.list(START)[0].times, 1);
}

#[test]
fn who_is_allowed_later_is_free_at_once_and_nothing_is_held_against_him() {
    let mut ledger = Ledger::new(7);
    let scan = evidence(ip(STRANGER), Kind::Scanner("sipcli"));
    until_banned(&mut ledger, START, 2_000, &scan).unwrap();
    let lifted = ledger.protect(never(&["203.0.113.0/24"]));
    assert_eq!(
        lifted,
        [Effect::Lift {
            address: ip(STRANGER),
            service: Service::Sip
        }]
    );
    assert_eq!(ledger.protect(Never::default()), []);
    assert_eq!(ledger.see(START + 20_000, &scan), []);
}

#[test]
fn bans_and_their_number_come_back_after_a_restart() {
    let mut before = Ledger::new(7);
    let scan = evidence(ip(STRANGER), Kind::Scanner("sipcli"));
    until_banned(&mut before, START, 1_000, &scan).unwrap();
    let other = evidence(ip("2001:db8::9"), Kind::Scanner("sipcli"));
    let later = START + 4_000_000;
    before.end(later);
    until_banned(&mut before, later, 1_000, &other).unwrap();
    let now = later + 60_000;
    let kept = before.kept(now);
    assert_eq!(kept.len(), 2);

    let mut after = Ledger::new(8);
    let effects: Vec<Effect> = kept
        .iter()
        .flat_map(|kept| after.give_back(START, kept))
        .collect();
    assert_eq!(effects.len(), 1, "the other is over");
    assert_eq!(after.list(START), before.list(now));
    until_banned(&mut after, START, 1_000, &scan).unwrap();
    let again = after
        .list(START)
        .into_iter()
        .find(|b| b.address == ip(STRANGER));
    assert_eq!(again.unwrap().times, 2);

    let mut protected = Ledger::new(9);
    assert_eq!(protected.protect(never(&["2001:db8::/48"])), []);
    assert!(
        kept.iter()
            .all(|kept| protected.give_back(START, kept).is_empty())
    );
}

#[test]
fn ipv6_is_judged_by_its_64_and_banned_by_address() {
    let mut ledger = Ledger::new(7);
    let mut banned = Vec::new();
    for i in 0..200u64 {
        let source = ip(&std::format!("2001:db8:0:1::{i:x}"));
        let scan = evidence(source, Kind::Scanner("sipcli"));
        banned.extend(ledger.see(START + i * 1_000, &scan));
    }
    assert_eq!(
        banned.len(),
        PER_PREFIX,
        "each address once, and no more than some"
    );
    let other = evidence(ip("2001:db8:0:2::1"), Kind::Scanner("sipcli"));
    assert_eq!(
        ledger.see(START + 200_000, &other),
        [],
        "another /64 is another customer"
    );
}

/// A million sources fill the table and no more, and do not hide the one that stays. Every one of
/// the million is a scanner, the worst that a single datagram can be.
#[test]
fn a_million_sources_are_bounded_and_do_not_hide_the_one_that_stays() {
    let mut ledger = Ledger::new(0x5eed);
    let worst = evidence(ip("198.51.100.9"), Kind::Scanner("sipvicious"));
    let mut caught = None;
    for i in 0..1_000_000u32 {
        let now = START + u64::from(i / 20);
        let source = IpAddr::V4(Ipv4Addr::from_bits(i.wrapping_mul(2_654_435_761) | 1));
        let one = evidence(source, Kind::Scanner("sipcli"));
        assert_eq!(ledger.see(now, &one), [], "for one datagram");
        if i % 10_000 == 0 && !ledger.see(now, &worst).is_empty() {
            caught = caught.or(Some(i / 10_000));
        }
    }
    assert!(ledger.watched() <= table::SOURCES);
    assert!(caught.is_some_and(|after| after < 60), "{caught:?}");
}

#[test]
fn bans_are_bounded_the_owners_stay_and_the_last_to_end_stay() {
    let mut ledger = Ledger::new(7);
    let address = |i: u32| IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0000 + i));
    let by_hand = ip(STRANGER);
    assert!(ledger.add(START, by_hand, Service::Sip, 60, "").is_ok());
    let mut in_force = 1i64;
    for i in 0..2 * BANS as u32 {
        let scan = evidence(address(i), Kind::Scanner("sipcli"));
        let now = START + u64::from(i);
        for step in 0..7 {
            for effect in ledger.see(now + step * 1_000, &scan) {
                in_force += if matches!(effect, Effect::Ban { .. }) {
                    1
                } else {
                    -1
                };
            }
        }
    }
    let list = ledger.list(START + 10_000);
    assert_eq!((list.len(), in_force), (BANS, BANS as i64));
    assert!(list.iter().any(|ban| ban.address == by_hand));
    assert!(
        list.iter()
            .any(|ban| ban.address == address(2 * BANS as u32 - 1))
    );
    assert!(!list.iter().any(|ban| ban.address == address(0)));
    for i in 0..2 * BANS as u32 {
        let _ = ledger.add(START, address(i), Service::Page, 3_600, "");
    }
    assert_eq!(ledger.list(START).len(), BANS);
    assert_eq!(
        ledger.add(START, ip("192.0.2.1"), Service::Sip, 60, ""),
        Err(Refused::Full)
    );
    // All of them over and remembered, and as many again: still bounded.
    for round in 1..8u64 {
        let now = START + round * u64::from(BY_HAND_S) * 1_000;
        ledger.end(now);
        for i in 0..BANS as u32 {
            let other = address(i + round as u32 * 10_000);
            ledger.add(now, other, Service::Sip, 60, "").unwrap();
        }
        assert!(ledger.kept(now).len() <= BANS + ENDED);
    }
}
