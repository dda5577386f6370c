//! Follows names through days of answers, with time handed in (docs/security.md F1, F12, F16, F21, F22).

use std::net::IpAddr;

use trunkguard_core::{
    policy::{AllowList, Firewall, HostName},
    pops::{
        answers::{Answer, Forbidden, Heard, Outcome, Record},
        follow::{Alert, At, Effect, Event, Follow, MOST_OPEN, Snapshot},
        owner::{Decision, Subject},
        table,
    },
};

const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600 * SECOND;
const START_UNIX: i64 = 1_790_000_000_000;

const RESOLVERS: [&str; 2] = ["192.0.2.53", "198.51.100.53"];
const ELSEWHERE: &str = "203.0.113.7";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn name(text: &str) -> HostName {
    HostName::parse(text).unwrap()
}

fn subject(text: &str) -> Subject {
    Subject::parse(text).unwrap()
}

fn answer(addresses: &[&str], ttl_s: u32) -> Outcome {
    let records = addresses.iter().map(|a| Record {
        address: ip(a),
        ttl_s,
    });
    Outcome::Answer(Answer {
        records: records.collect(),
        aliases: 0,
        v4: true,
        v6: true,
    })
}

fn failed() -> Outcome {
    Outcome::Failed("SERVFAIL".into())
}

/// A box with its clock.
struct Bench {
    follow: Follow,
    now: u64,
}

impl Bench {
    fn new(firewall: &Firewall) -> Self {
        Self::restored(firewall, Snapshot::default(), Vec::new())
    }

    fn restored(firewall: &Firewall, snapshot: Snapshot, decisions: Vec<Decision>) -> Self {
        let now = 5 * HOUR;
        let own = [ip("192.0.2.10")];
        let follow = Follow::new(firewall, &own, snapshot, decisions, at(now));
        Bench { follow, now }
    }

    /// Follows these names only, in hosts mode.
    fn hosts(names: &[&str]) -> Self {
        Self::new(&Firewall {
            allow: AllowList::Hosts,
            pops: names.iter().map(|n| name(n)).collect(),
            ..Firewall::default()
        })
    }

    fn at(&self) -> At {
        at(self.now)
    }

    fn tick(&mut self) -> Vec<Effect> {
        self.follow.step(self.at(), Event::Tick)
    }

    fn pass(&mut self, ms: u64) -> Vec<Effect> {
        self.now += ms;
        self.tick()
    }

    /// All servers answer for a name; the outcomes are told to the resolvers in turn.
    fn hears(&mut self, of: &str, outcomes: &[Outcome]) -> Vec<Effect> {
        let heard: Vec<Heard> = outcomes
            .iter()
            .zip(RESOLVERS)
            .map(|(outcome, server)| Heard {
                server: ip(server),
                outcome: outcome.clone(),
            })
            .collect();
        let of = name(of);
        let event = Event::Heard {
            name: &of,
            heard: &heard,
        };
        self.follow.step(self.at(), event)
    }

    fn allowed(&self) -> Vec<String> {
        let allowed = self.follow.allowed();
        allowed
            .iter()
            .map(|net| net.to_string().replace("/32", ""))
            .collect()
    }

    fn pending(&self) -> Vec<String> {
        let sightings = self.follow.sightings().filter(|s| s.agreed);
        sightings.map(|s| s.address.to_string()).collect()
    }
}

fn at(now: u64) -> At {
    At {
        mono_ms: now,
        unix_ms: START_UNIX + now as i64,
        random: now.wrapping_mul(0x9e37_79b9_7f4a_7c15),
    }
}

fn queries(effects: &[Effect]) -> Vec<&str> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Query(name) => Some(name.as_str()),
            _ => None,
        })
        .collect()
}

fn alerts(effects: &[Effect]) -> Vec<&Alert> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Alert(alert) => Some(alert),
            _ => None,
        })
        .collect()
}

fn asks(effects: &[Effect]) -> Vec<String> {
    let ask = |effect: &Effect| match effect {
        Effect::Ask { address, name } => Some(format!("{name} {address}")),
        _ => None,
    };
    effects.iter().filter_map(ask).collect()
}

#[test]
fn a_box_without_state_allows_what_ships() {
    let mut range = Bench::new(&Firewall::default());
    assert_eq!(range.allowed(), ["208.100.60.0/24"]);
    assert!(range.tick().contains(&Effect::AllowedChanged));
    assert!(!range.pass(SECOND).contains(&Effect::AllowedChanged));

    let all = Bench::hosts(&[]);
    assert_eq!(all.follow.allowed().len(), 67);
    assert_eq!(all.follow.names().count(), table::POPS.len());
    let two = Bench::hosts(&["atlanta1.voip.ms", "atlanta.voip.ms"]);
    assert_eq!(two.allowed(), ["208.100.60.17"]);
}

#[test]
fn names_are_asked_for_a_few_at_a_time_and_all_of_them() {
    let mut bench = Bench::new(&Firewall::default());
    let mut asked = std::collections::BTreeSet::new();
    let mut todo = bench.tick();
    while let Some(at) = todo.iter().position(|e| matches!(e, Effect::Query(_))) {
        assert!(queries(&todo).len() <= MOST_OPEN);
        let Effect::Query(of) = todo.swap_remove(at) else {
            unreachable!()
        };
        // The answer makes room for the next question, which comes with it.
        todo.extend(bench.hears(of.as_str(), &[answer(&["208.100.60.17"], 300)]));
        assert!(asked.insert(of.clone()), "{of} twice");
    }
    assert_eq!(asked.len(), table::POPS.len());
    assert!(queries(&bench.pass(299 * SECOND)).is_empty());
    bench.follow.step(bench.at(), Event::Refresh);
    let open = bench.follow.names().filter(|(_, n)| n.next_ms <= bench.now);
    assert_eq!(open.count(), table::POPS.len());
}

#[test]
fn the_ttl_says_when_to_ask_again_within_bounds() {
    for (ttl, earliest, latest) in [
        (0, 60, 66),
        (1 << 31, 60, 66),
        (u32::MAX, 60, 66),
        (300, 300, 330),
        (i32::MAX as u32, 86_400, 95_040),
    ] {
        let mut bench = Bench::hosts(&["atlanta1.voip.ms"]);
        bench.tick();
        bench.hears("atlanta1.voip.ms", &[answer(&["208.100.60.17"], ttl)]);
        let next = bench.follow.names().next().unwrap().1.next_ms - bench.now;
        assert!(
            (earliest * SECOND..=latest * SECOND).contains(&next),
            "{ttl}: {next}"
        );
        assert!(queries(&bench.pass(earliest * SECOND - 1)).is_empty());
        assert_eq!(
            queries(&bench.pass((latest - earliest) * SECOND + 1)),
            ["atlanta1.voip.ms"]
        );
    }
}

#[test]
fn failures_wait_longer_each_time_and_take_nothing_away() {
    let mut bench = Bench::hosts(&["atlanta.voip.ms"]);
    bench.tick();
    bench.hears(
        "atlanta.voip.ms",
        &[answer(&["208.100.60.17", "208.100.60.18"], 60)],
    );
    let before = bench.allowed();
    assert_eq!(before, ["208.100.60.17", "208.100.60.18"]);
    let mut waits = Vec::new();
    let mut unconfirmed = 0;
    for day in 0..40 {
        for outcome in [
            failed(),
            Outcome::NoSuchName,
            answer(&["127.0.0.1"], 60),
            answer(&[ELSEWHERE], 60),
        ] {
            let effects = bench.hears("atlanta.voip.ms", &[outcome.clone(), outcome]);
            assert!(!effects.contains(&Effect::AllowedChanged), "day {day}");
            let next = bench.follow.names().next().unwrap().1.next_ms;
            waits.push((next - bench.now) / SECOND);
            let effects = bench.pass(6 * HOUR);
            unconfirmed += alerts(&effects)
                .iter()
                .filter(|a| matches!(a, Alert::Unconfirmed { names: 1 }))
                .count();
            assert_eq!(bench.allowed(), before);
        }
    }
    assert!(waits[0] <= 66 && waits[1] > waits[0], "{waits:?}");
    assert_eq!(unconfirmed, 1);

    // Only failures: the wait grows to an hour and a tenth.
    for _ in 0..20 {
        bench.hears("atlanta.voip.ms", &[failed()]);
    }
    let followed = bench.follow.names().next().unwrap().1;
    assert!((3_600..=3_960).contains(&((followed.next_ms - bench.now) / SECOND)));
    assert_eq!(followed.failure.as_deref(), Some("SERVFAIL"));
    let effects = bench.hears("atlanta.voip.ms", &[answer(&["208.100.60.17"], 60)]);
    assert!(alerts(&effects).is_empty());
}

#[test]
fn a_question_that_nobody_answers_is_asked_again() {
    let mut bench = Bench::hosts(&["atlanta1.voip.ms"]);
    assert_eq!(queries(&bench.tick()).len(), 1);
    assert!(queries(&bench.pass(59 * SECOND)).is_empty());
    bench.pass(SECOND);
    let followed = bench.follow.names().next().unwrap().1;
    assert_eq!(followed.failures, 1);
    assert_eq!(queries(&bench.pass(66 * SECOND)).len(), 1);
}

#[test]
fn an_address_goes_after_a_good_answer_without_it_a_day_and_its_last_flow() {
    let of = "atlanta.voip.ms";
    let mut bench = Bench::hosts(&[of]);
    bench.tick();
    bench.hears(of, &[answer(&["208.100.60.200", "208.100.60.17"], 300)]);
    bench.hears(of, &[answer(&["208.100.60.17"], 300)]);
    assert_eq!(bench.allowed().len(), 2);
    assert!(
        bench
            .pass(23 * HOUR)
            .iter()
            .all(|e| !matches!(e, Effect::Flows(_)))
    );
    let gone = ip("208.100.60.200");
    let effects = bench.pass(HOUR);
    assert!(effects.contains(&Effect::Flows(vec![gone])), "{effects:?}");
    bench.follow.step(bench.at(), Event::Flows(&[(gone, true)]));
    assert_eq!(bench.allowed().len(), 2, "a call is on it");
    assert!(
        bench
            .pass(SECOND)
            .iter()
            .all(|e| !matches!(e, Effect::Flows(_)))
    );
    assert!(bench.pass(60 * SECOND).contains(&Effect::Flows(vec![gone])));
    let effects = bench.follow.step(
        bench.at(),
        Event::Flows(&[(gone, false), (ip("208.100.60.17"), false)]),
    );
    assert!(effects.contains(&Effect::AllowedChanged));
    assert_eq!(
        bench.allowed(),
        ["208.100.60.17"],
        "one that is in DNS does not go"
    );
}

#[test]
fn an_address_that_comes_back_and_one_whose_family_failed_stay() {
    let of = "atlanta.voip.ms";
    let mut bench = Bench::hosts(&[of]);
    bench.tick();
    bench.hears(of, &[answer(&["208.100.60.200", "208.100.60.17"], 300)]);
    // Flip-flop: names that take turns with their addresses keep them all.
    for _ in 0..8 {
        bench.hears(of, &[answer(&["208.100.60.17"], 300)]);
        bench.pass(12 * HOUR);
        bench.hears(of, &[answer(&["208.100.60.200"], 300)]);
        assert!(
            bench
                .pass(11 * HOUR)
                .iter()
                .all(|e| !matches!(e, Effect::Flows(_)))
        );
    }
    let only_v6 = Outcome::Answer(Answer {
        records: vec![Record {
            address: ip("208.100.60.17"),
            ttl_s: 60,
        }],
        v4: false,
        v6: true,
        aliases: 0,
    });
    let mut bench = Bench::hosts(&[of]);
    bench.hears(of, &[answer(&["208.100.60.200", "208.100.60.17"], 300)]);
    bench.hears(of, &[only_v6]);
    assert!(
        bench
            .pass(48 * HOUR)
            .iter()
            .all(|e| !matches!(e, Effect::Flows(_)))
    );
}

#[test]
fn out_of_the_range_is_asked_about_once_and_taken_when_approved() {
    let of = "atlanta1.voip.ms";
    let mut bench = Bench::new(&Firewall::default());
    bench.tick();
    let both = [answer(&[ELSEWHERE], 60), answer(&[ELSEWHERE], 60)];
    let effects = bench.hears(of, &both);
    assert_eq!(asks(&effects), [format!("{of} {ELSEWHERE}")]);
    assert_eq!(bench.allowed(), ["208.100.60.0/24"]);
    bench.now += HOUR;
    assert!(asks(&bench.hears(of, &both)).is_empty());

    let decision = bench
        .follow
        .approve(bench.at(), ip(ELSEWHERE), "anna")
        .unwrap();
    assert_eq!((decision.approved, decision.by.as_str()), (true, "anna"));
    assert!(
        bench.tick().contains(&Effect::AllowedChanged),
        "an owner's change waits for nothing"
    );
    assert_eq!(bench.allowed(), [ELSEWHERE, "208.100.60.0/24"]);
    assert!(bench.pending().is_empty());
    assert!(asks(&bench.hears(of, &both)).is_empty());
    assert!(
        bench
            .follow
            .approve(bench.at(), ip(ELSEWHERE), "anna")
            .is_err()
    );

    bench
        .follow
        .forget(bench.at(), &subject(ELSEWHERE))
        .unwrap();
    assert_eq!(bench.allowed(), ["208.100.60.0/24"]);
    assert_eq!(asks(&bench.hears(of, &both)).len(), 1, "asked again");
}

#[test]
fn what_was_refused_is_not_asked_about_again() {
    let of = "atlanta1.voip.ms";
    let mut bench = Bench::new(&Firewall::default());
    bench.hears(of, &[answer(&[ELSEWHERE], 60)]);
    bench
        .follow
        .refuse(bench.at(), ip(ELSEWHERE), "anna")
        .unwrap();
    for _ in 0..5 {
        bench.now += 24 * HOUR;
        let effects = bench.hears(of, &[answer(&[ELSEWHERE], 60)]);
        assert!(asks(&effects).is_empty());
        assert!(bench.follow.sightings().next().is_none());
    }
    assert!(
        bench
            .follow
            .add(bench.at(), subject(ELSEWHERE), "anna")
            .unwrap_err()
            .contains("was refused")
    );
    assert!(
        bench
            .follow
            .add(bench.at(), subject("203.0.113.0/24"), "anna")
            .unwrap_err()
            .contains("was refused")
    );
    bench
        .follow
        .approve(bench.at(), ip(ELSEWHERE), "anna")
        .unwrap();
    assert_eq!(bench.allowed(), [ELSEWHERE, "208.100.60.0/24"]);
}

#[test]
fn an_address_of_the_range_can_be_refused() {
    let refused = ip("208.100.60.17");
    for allow in [AllowList::Range, AllowList::Hosts] {
        let mut bench = Bench::new(&Firewall {
            allow,
            ..Firewall::default()
        });
        bench.hears("atlanta1.voip.ms", &[answer(&["208.100.60.17"], 60)]);
        bench.follow.refuse(bench.at(), refused, "anna").unwrap();
        let allowed = bench.follow.allowed();
        assert!(!allowed.iter().any(|net| net.contains(&refused)));
        let rest = allowed
            .iter()
            .map(|net| 1u64 << (net.max_prefix_len() - net.prefix_len()))
            .sum::<u64>();
        assert_eq!(rest, if allow == AllowList::Range { 255 } else { 66 });
        bench.hears("atlanta1.voip.ms", &[answer(&["208.100.60.17"], 60)]);
        assert!(
            !bench
                .follow
                .allowed()
                .iter()
                .any(|net| net.contains(&refused))
        );
    }
}

#[test]
fn two_servers_must_agree_and_the_owner_sees_that_they_do_not() {
    let of = "atlanta1.voip.ms";
    let mut bench = Bench::new(&Firewall::default());
    let (lie, truth) = (answer(&[ELSEWHERE], 60), answer(&["208.100.60.17"], 60));
    for round in 1..=5 {
        bench.now += 60 * SECOND;
        let effects = bench.hears(of, &[lie.clone(), truth.clone()]);
        assert!(asks(&effects).is_empty());
        let disagree = Alert::Disagree {
            name: name(of),
            address: ip(ELSEWHERE),
        };
        assert_eq!(
            alerts(&effects).contains(&&disagree),
            round == 3,
            "round {round}"
        );
    }
    let sighting = bench.follow.sightings().next().unwrap();
    assert!(!sighting.agreed && sighting.rounds == 5);
    let refusal = bench
        .follow
        .approve(bench.at(), ip(ELSEWHERE), "anna")
        .unwrap_err();
    assert!(refusal.contains("only one of the DNS servers"), "{refusal}");
    // A server that fails does not agree either.
    assert!(asks(&bench.hears(of, &[lie.clone(), failed()])).is_empty());
    // The other one sees it later: a change takes a while.
    assert_eq!(asks(&bench.hears(of, &[failed(), lie])).len(), 1);
    bench
        .follow
        .approve(bench.at(), ip(ELSEWHERE), "anna")
        .unwrap();
}

#[test]
fn one_server_twice_is_one() {
    let mut bench = Bench::new(&Firewall::default());
    let heard = |server: &str| Heard {
        server: ip(server),
        outcome: answer(&[ELSEWHERE], 60),
    };
    let of = name("atlanta1.voip.ms");
    let twice = [
        heard(RESOLVERS[0]),
        heard(RESOLVERS[0]),
        Heard {
            server: ip(RESOLVERS[1]),
            outcome: failed(),
        },
    ];
    let effects = bench.follow.step(
        bench.at(),
        Event::Heard {
            name: &of,
            heard: &twice,
        },
    );
    assert!(asks(&effects).is_empty());
}

#[test]
fn a_move_of_many_names_is_one_alert() {
    let mut bench = Bench::new(&Firewall::default());
    let mut told = Vec::new();
    for (i, of) in [
        "atlanta1.voip.ms",
        "atlanta2.voip.ms",
        "chicago1.voip.ms",
        "chicago2.voip.ms",
    ]
    .iter()
    .enumerate()
    {
        let address = format!("203.0.113.{i}");
        let effects = bench.hears(of, &[answer(&[&address], 60), answer(&[&address], 60)]);
        assert_eq!(asks(&effects).len(), 1);
        told.extend(alerts(&effects).into_iter().cloned());
    }
    assert_eq!(
        told,
        [Alert::Moved {
            names: 3,
            addresses: 3
        }]
    );
    assert_eq!(bench.pending().len(), 4);
    // Nobody decides and DNS is right again: it is not asked about for ever.
    bench.pass(73 * HOUR);
    assert!(bench.pending().is_empty());
}

#[test]
fn forbidden_answers_are_told_once_a_day_and_never_allowed() {
    let of = "atlanta1.voip.ms";
    let mut bench = Bench::hosts(&[of]);
    for (address, why) in [
        ("127.0.0.1", Forbidden::Loopback),
        ("0.0.0.0", Forbidden::Unspecified),
        ("10.1.2.3", Forbidden::Private),
        ("192.168.1.1", Forbidden::Private),
        ("172.31.0.1", Forbidden::Private),
        ("100.64.0.1", Forbidden::Shared),
        ("169.254.1.1", Forbidden::LinkLocal),
        ("224.0.0.1", Forbidden::Multicast),
        ("240.0.0.1", Forbidden::Reserved),
        ("255.255.255.255", Forbidden::Broadcast),
        ("192.0.2.10", Forbidden::Own),
        ("158.85.70.148", Forbidden::Stale),
        ("74.63.41.218", Forbidden::Stale),
        ("::1", Forbidden::Loopback),
        ("::", Forbidden::Unspecified),
        ("::ffff:10.0.0.1", Forbidden::Private),
        ("fe80::1", Forbidden::LinkLocal),
        ("fd00::1", Forbidden::Private),
        ("ff02::1", Forbidden::Multicast),
        ("64:ff9b::a00:1", Forbidden::Reserved),
        ("2002:a00:1::", Forbidden::Reserved),
        ("2001:0:1::", Forbidden::Reserved),
    ] {
        bench.now += 24 * HOUR;
        let effects = bench.hears(of, &[answer(&[address], 60), answer(&[address], 60)]);
        let canonical = ip(address).to_canonical();
        let expected = Alert::Forbidden {
            name: name(of),
            address: canonical,
            why,
        };
        assert!(
            alerts(&effects).contains(&&expected),
            "{address}: {effects:?}"
        );
        let again = bench.hears(of, &[answer(&[address], 60)]);
        assert!(alerts(&again).is_empty(), "{address}");
        assert_eq!(bench.allowed(), ["208.100.60.17"], "{address}");
        assert!(bench.follow.sightings().next().is_none(), "{address}");
        assert!(
            bench.follow.add(bench.at(), subject(address), "a").is_err(),
            "{address}"
        );
        assert!(
            bench.follow.approve(bench.at(), ip(address), "a").is_err(),
            "{address}"
        );
        assert!(
            bench.follow.refuse(bench.at(), ip(address), "a").is_err(),
            "{address}"
        );
    }
}

#[test]
fn an_owner_adds_what_is_sound_and_is_told_why_not() {
    let mut bench = Bench::new(&Firewall::default());
    for (text, part) in [
        ("0.0.0.0/0", "too wide"),
        ("203.0.0.0/19", "too wide"),
        ("2001:db8::/31", "too wide"),
        ("192.168.1.0/24", "a private address"),
        ("158.85.70.0/24", "VoIP.ms gave up"),
        ("192.0.2.0/28", "an address of this office"),
        (
            "192.88.96.0/20",
            "part of 192.88.96.0/20 is a reserved address",
        ),
        ("atlanta1.voip.ms", "is followed already"),
    ] {
        let refusal = bench
            .follow
            .add(bench.at(), subject(text), "anna")
            .unwrap_err();
        assert!(refusal.contains(part), "{text}: {refusal}");
    }
    assert!(
        bench
            .follow
            .approve(bench.at(), ip("203.0.113.9"), "anna")
            .unwrap_err()
            .contains("trunkguard pops add 203.0.113.9")
    );
    bench
        .follow
        .add(bench.at(), subject("203.0.113.0/24"), "anna")
        .unwrap();
    bench
        .follow
        .add(bench.at(), subject("2001:db8:7::/48"), "anna")
        .unwrap();
    bench
        .follow
        .add(bench.at(), subject("pop.example.net"), "anna")
        .unwrap();
    assert_eq!(
        bench.allowed(),
        ["203.0.113.0/24", "208.100.60.0/24", "2001:db8:7::/48"]
    );
    let refusal = bench
        .follow
        .refuse(bench.at(), ip("203.0.113.9"), "anna")
        .unwrap_err();
    assert!(
        refusal.contains("trunkguard pops forget 203.0.113.0/24"),
        "{refusal}"
    );
    assert!(
        bench
            .follow
            .names()
            .any(|(n, _)| n.as_str() == "pop.example.net")
    );
    bench
        .follow
        .forget(bench.at(), &subject("pop.example.net"))
        .unwrap();
    assert!(
        !bench
            .follow
            .names()
            .any(|(n, _)| n.as_str() == "pop.example.net")
    );
    assert!(
        bench
            .follow
            .forget(bench.at(), &subject("pop.example.net"))
            .is_err()
    );
    for text in ["", "voip", "1.2.3", "a b", "203.0.113.0/33"] {
        assert!(Subject::parse(text).is_err(), "{text}");
    }
}

#[test]
fn owners_decisions_are_bounded() {
    let mut bench = Bench::new(&Firewall::default());
    for i in 0..256u32 {
        let address = format!("198.51.{}.{}", 100 + i / 200, i % 200);
        bench
            .follow
            .add(bench.at(), subject(&address), "a")
            .unwrap();
    }
    let refusal = bench
        .follow
        .add(bench.at(), subject("203.0.113.9"), "a")
        .unwrap_err();
    assert!(refusal.contains("256 decisions"), "{refusal}");
    for i in 0..32 {
        bench
            .follow
            .add(bench.at(), subject(&format!("p{i}.example.net")), "a")
            .unwrap();
    }
    assert!(
        bench
            .follow
            .add(bench.at(), subject("more.example.net"), "a")
            .is_err()
    );
}

#[test]
fn a_restart_keeps_the_last_good_answer_and_nothing_that_is_not_allowed() {
    let of = "atlanta.voip.ms";
    let mut bench = Bench::hosts(&[of]);
    bench.hears(
        of,
        &[answer(&["208.100.60.200", ELSEWHERE, "203.0.113.8"], 600)],
    );
    let approved = bench
        .follow
        .approve(bench.at(), ip(ELSEWHERE), "anna")
        .unwrap();
    let effects = bench.hears(of, &[answer(&["208.100.60.200", ELSEWHERE], 600)]);
    assert!(effects.contains(&Effect::Save) || bench.pass(60 * SECOND).contains(&Effect::Save));
    let (snapshot, before) = (bench.follow.snapshot(), bench.allowed());
    assert_eq!(before, [ELSEWHERE, "208.100.60.200"]);

    let firewall = Firewall {
        allow: AllowList::Hosts,
        pops: vec![name(of)],
        ..Firewall::default()
    };
    let again = Bench::restored(&firewall, snapshot.clone(), vec![approved]);
    assert_eq!(again.allowed(), before);
    assert_eq!(again.pending(), ["203.0.113.8"]);
    assert_eq!(again.follow.snapshot(), snapshot);

    // The decision is lost, or the file was tampered with: what only it allowed is not allowed.
    let mut bad = snapshot;
    let kept = bad.names[0].addresses[0];
    for address in ["10.0.0.1", "127.0.0.1", "158.85.70.148", "203.0.113.99"] {
        bad.names[0]
            .addresses
            .push(trunkguard_core::pops::follow::SavedAddress {
                address: ip(address),
                ..kept
            });
    }
    let decision = |text: &str| Decision {
        subject: subject(text),
        approved: true,
        unix_ms: 0,
        by: "x".into(),
    };
    let decisions = vec![
        decision("10.0.0.0/24"),
        decision("0.0.0.0/0"),
        decision("158.85.70.148"),
    ];
    let damaged = Bench::restored(&firewall, bad, decisions);
    assert_eq!(damaged.allowed(), ["208.100.60.200"]);
    // Fewer names are followed now: the others are forgotten.
    let mut other = Bench::hosts(&["atlanta1.voip.ms"]);
    assert_eq!(other.allowed(), ["208.100.60.17"]);
    other.follow.configure(&firewall, &[], other.at());
    assert!(other.allowed().is_empty());
    assert_eq!(queries(&other.tick()), [of]);
}

#[test]
fn changes_from_dns_are_reported_at_most_every_ten_seconds_and_saved_every_minute() {
    let of = "atlanta.voip.ms";
    let mut bench = Bench::hosts(&[of]);
    bench.tick();
    let (mut changes, mut saves) = (0, 0);
    for i in 0..30 {
        let address = format!("208.100.60.{}", 100 + i);
        let effects = bench.hears(of, &[answer(&[&address], 60)]);
        changes += effects
            .iter()
            .filter(|e| **e == Effect::AllowedChanged)
            .count();
        saves += effects.iter().filter(|e| **e == Effect::Save).count();
        bench.now += SECOND;
    }
    assert!((2..=4).contains(&changes), "{changes}");
    assert_eq!(saves, 1);
    assert!(bench.pass(60 * SECOND).contains(&Effect::Save));
    // Nothing but times changes: once an hour.
    let mut saves = 0;
    for _ in 0..180 {
        bench.now += 60 * SECOND;
        let effects = bench.hears(of, &[answer(&["208.100.60.129"], 60)]);
        saves += effects.iter().filter(|e| **e == Effect::Save).count();
    }
    assert!((2..=4).contains(&saves), "{saves}");
}

#[test]
fn more_than_the_bounds_is_passed_over_and_told() {
    let names: Vec<String> = (0..90).map(|i| format!("p{i}.example.net")).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let told = |effects: &[Effect]| {
        let too_many = |a: &&Alert| matches!(a, Alert::TooMany { .. });
        alerts(effects).iter().any(too_many)
    };
    let known = |bench: &Bench| {
        bench
            .follow
            .names()
            .map(|(_, n)| n.addresses.len())
            .sum::<usize>()
    };
    let block = |front: &str, from: usize, count: usize| -> Vec<String> {
        (from..from + count)
            .map(|i| format!("{front}.{i}"))
            .collect()
    };
    let says = |bench: &mut Bench, of: &str, addresses: &[String]| {
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        bench.hears(of, &[answer(&addresses, 60)])
    };

    // 32 of a name; those that it has go before new ones.
    let mut bench = Bench::hosts(&all);
    says(&mut bench, all[0], &block("208.100.60", 200, 3));
    let effects = says(&mut bench, all[0], &block("208.100.60", 0, 256));
    assert!(told(&effects));
    let kept: Vec<String> = bench.allowed();
    assert_eq!(kept.len(), 32);
    assert!(block("208.100.60", 200, 3).iter().all(|a| kept.contains(a)));

    // 256 different ones.
    let mut bench = Bench::hosts(&all);
    bench
        .follow
        .add(bench.at(), subject("203.0.113.0/24"), "a")
        .unwrap();
    for (i, of) in all.iter().enumerate().take(8) {
        says(&mut bench, of, &block("208.100.60", 32 * i, 32));
    }
    assert_eq!(known(&bench), 256);
    assert!(told(&says(&mut bench, all[8], &block("203.0.113", 0, 1))));
    assert_eq!(known(&bench), 256);
    // One that another name has takes no room, up to 1,024 pairs.
    for of in &all[8..] {
        says(&mut bench, of, &block("208.100.60", 0, 32));
    }
    assert_eq!(known(&bench), 1_024);

    // 64 that wait.
    let mut bench = Bench::hosts(&all);
    for (i, of) in all.iter().enumerate() {
        says(&mut bench, of, &block("203.0.113", 2 * i, 2));
    }
    assert_eq!(bench.follow.sightings().count(), 64);
}

#[test]
fn a_long_chain_of_aliases_is_no_answer() {
    let of = "atlanta.voip.ms";
    let mut bench = Bench::hosts(&[of]);
    let aliased = |aliases| {
        let Outcome::Answer(answer) = answer(&["208.100.60.17"], 60) else {
            unreachable!()
        };
        Outcome::Answer(Answer { aliases, ..answer })
    };
    bench.hears(of, &[aliased(9)]);
    assert!(bench.allowed().is_empty());
    let failure = bench.follow.names().next().unwrap().1.failure.clone();
    assert_eq!(failure.as_deref(), Some("9 aliases in one answer"));
    bench.hears(of, &[aliased(8)]);
    assert_eq!(bench.allowed(), ["208.100.60.17"]);
}

#[test]
fn the_last_address_of_a_name_stays_though_the_others_were_refused() {
    let of = "atlanta.voip.ms";
    let mut bench = Bench::hosts(&[of]);
    bench.hears(of, &[answer(&["208.100.60.200", "208.100.60.17"], 300)]);
    bench.hears(of, &[answer(&["208.100.60.17"], 300)]);
    bench
        .follow
        .refuse(bench.at(), ip("208.100.60.17"), "anna")
        .unwrap();
    assert!(
        bench
            .pass(48 * HOUR)
            .iter()
            .all(|e| !matches!(e, Effect::Flows(_)))
    );
    let gone = [(ip("208.100.60.200"), false)];
    bench.follow.step(bench.at(), Event::Flows(&gone));
    assert_eq!(bench.allowed(), ["208.100.60.200"]);
}
