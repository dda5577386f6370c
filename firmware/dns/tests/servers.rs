//! Against a DNS server that misbehaves (docs/security.md F21), on loopback.
#![allow(clippy::unwrap_used)]

mod fake;

use std::{
    net::IpAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use fake::{A, AAAA, Asked, Fake, Rr, address, alias, response, v4_only};
use trunkguard_core::{
    policy::{AllowList, Firewall, HostName},
    pops::{
        answers::{Heard, MOST_RECORDS, Outcome},
        follow::{At, Effect, Event, Follow, Snapshot},
    },
};
use trunkguard_dns::Resolver;

const NAME: &str = "atlanta.voip.ms";
const GOOD: &str = "208.100.60.17";
/// Long enough for loopback on a busy machine.
const PATIENT: Duration = Duration::from_secs(3);
/// Where silence is what is waited for.
const SHORT: Duration = Duration::from_millis(400);

fn name() -> HostName {
    HostName::parse(NAME).unwrap()
}

fn ask(servers: &[&Fake], timeout: Duration) -> Vec<Heard> {
    let servers = servers.iter().map(|fake| fake.address).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(Resolver::at(servers, timeout).ask(&name()))
}

fn hears(
    timeout: Duration,
    says: impl Fn(&Asked) -> Vec<Vec<u8>> + Send + Sync + 'static,
) -> Outcome {
    let fake = Fake::serve(1, says);
    ask(&[&fake], timeout).remove(0).outcome
}

/// Addresses and times to live; fails for any other outcome.
fn records(outcome: &Outcome) -> Vec<(String, u32)> {
    match outcome {
        Outcome::Answer(answer) => {
            let records = answer.records.iter();
            records.map(|r| (r.address.to_string(), r.ttl_s)).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn why(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Failed(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_answer_of_both_families() {
    let outcome = hears(PATIENT, |asked| {
        let ip = if asked.kind == A {
            GOOD
        } else {
            "2001:db8::17"
        };
        vec![response(asked, 0, &[address(NAME, 300, ip)])]
    });
    assert_eq!(
        records(&outcome),
        [(GOOD.into(), 300), ("2001:db8::17".into(), 300)]
    );
    assert!(matches!(outcome, Outcome::Answer(a) if a.v4 && a.v6 && a.aliases == 0));
}

#[test]
fn questions_are_hard_to_guess() {
    let fake = Fake::serve(1, |asked| v4_only(asked, &[address(NAME, 60, GOOD)]));
    for _ in 0..16 {
        records(&ask(&[&fake], PATIENT)[0].outcome);
    }
    let asked = fake.asked();
    let different = |of: &dyn Fn(&Asked) -> String| {
        let all: std::collections::BTreeSet<String> = asked.iter().map(of).collect();
        all.len()
    };
    assert!(asked.len() >= 32 && asked.iter().all(|a| !a.by_tcp));
    assert!(different(&|a| format!("{:?}", a.id)) >= 30, "ids");
    assert!(different(&|a| a.from.port().to_string()) >= 30, "ports");
    assert!(different(&|a| a.name.clone()) >= 16, "cases of {NAME}");
    assert!(asked.iter().all(|a| a.name.eq_ignore_ascii_case(NAME)));
}

#[test]
fn what_does_not_fit_the_question_is_passed_over() {
    let bad = || address(NAME, 60, "203.0.113.66");
    let outcome = hears(PATIENT, move |asked| {
        let mut other_id = response(asked, 0, &[bad()]);
        other_id[0] ^= 1;
        let elsewhere = Asked {
            question: [fake::name("atlanta.voip.mx"), vec![0, 1, 0, 1]].concat(),
            ..asked.clone()
        };
        let other_kind = Asked {
            question: [fake::name(&asked.name), vec![0, 16, 0, 1]].concat(),
            ..asked.clone()
        };
        let mut all = vec![
            vec![],
            vec![1],
            other_id,
            response(&elsewhere, 0, &[bad()]),
            response(&other_kind, 0, &[bad()]),
        ];
        all.extend(v4_only(asked, &[address(NAME, 60, GOOD)]));
        all
    });
    assert_eq!(records(&outcome), [(GOOD.into(), 60)]);
}

#[test]
fn an_answer_from_another_port_is_passed_over() {
    let outcome = hears(PATIENT, |asked| {
        let other = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let forged = response(asked, 0, &[address(NAME, 60, "203.0.113.66")]);
        other.send_to(&forged, asked.from).unwrap();
        v4_only(asked, &[address(NAME, 60, GOOD)])
    });
    assert_eq!(records(&outcome), [(GOOD.into(), 60)]);
}

#[test]
fn a_server_that_loses_the_case_is_asked_by_tcp() {
    let fake = Fake::serve(1, |asked| {
        let lower = Asked {
            question: asked.question.to_ascii_lowercase(),
            ..asked.clone()
        };
        let ip = if asked.by_tcp { GOOD } else { "203.0.113.66" };
        v4_only(&lower, &[address(NAME, 60, ip)])
    });
    // Once in 8,192 the random case is lower case throughout, and UDP is right to take it.
    let outcome = ask(&[&fake], PATIENT).remove(0).outcome;
    let lucky = fake
        .asked()
        .iter()
        .any(|a| !a.by_tcp && a.kind == A && a.name == NAME);
    assert!(lucky || records(&outcome) == [(GOOD.into(), 60)]);
}

#[test]
fn a_truncated_answer_is_fetched_by_tcp_whole() {
    let outcome = hears(PATIENT, |asked| match (asked.by_tcp, asked.kind) {
        (false, _) => vec![response(
            asked,
            0x0200,
            &[address(NAME, 60, "203.0.113.66")],
        )],
        (true, A) => {
            let all: Vec<Rr> = (0..200)
                .map(|i| address(NAME, 60, &format!("208.100.60.{i}")))
                .collect();
            vec![response(asked, 0, &all)]
        }
        (true, _) => vec![response(asked, 0, &[])],
    });
    assert_eq!(records(&outcome).len(), 200);
}

#[test]
fn an_answer_to_another_question_by_tcp_is_none() {
    let outcome = hears(PATIENT, |asked| {
        if !asked.by_tcp {
            return vec![response(asked, 0x0200, &[])];
        }
        let other = "atlanta.voip.mx";
        let kind = asked.kind.to_be_bytes();
        let question = [fake::name(other), vec![kind[0], kind[1], 0, 1]].concat();
        let elsewhere = Asked {
            question,
            name: other.into(),
            ..asked.clone()
        };
        vec![response(
            &elsewhere,
            0,
            &[
                address(other, 60, "203.0.113.66"),
                address(NAME, 60, "203.0.113.66"),
            ],
        )]
    });
    assert_eq!(why(&outcome), "the answer is to another question");
}

#[test]
fn as_many_records_as_a_message_holds_are_cut() {
    // 65,535 octets hold 4,094 address records; a server that says 10,000 lies about its count.
    for (claimed, patience) in [(4_090, PATIENT), (10_000u16, SHORT)] {
        let outcome = hears(patience, move |asked| {
            if !asked.by_tcp {
                return vec![response(asked, 0x0200, &[])];
            }
            let all: Vec<Rr> = (0..4_090)
                .map(|i| address(NAME, 60, &format!("208.100.{}.{}", i / 256, i % 256)))
                .collect();
            let mut message = response(asked, 0, if asked.kind == A { &all } else { &[] });
            if asked.kind == A {
                message[6..8].copy_from_slice(&claimed.to_be_bytes());
            }
            vec![message]
        });
        match &outcome {
            Outcome::Answer(answer) => assert_eq!(answer.records.len(), MOST_RECORDS + 1),
            other => assert!(claimed == 10_000, "{other:?}"),
        }
    }
}

#[test]
fn times_to_live_come_as_they_were_sent() {
    for ttl in [0, 59, 86_401, i32::MAX as u32, 1 << 31, u32::MAX] {
        let outcome = hears(PATIENT, move |asked| {
            v4_only(asked, &[address(NAME, ttl, GOOD)])
        });
        assert_eq!(records(&outcome), [(GOOD.into(), ttl)]);
    }
}

fn chain(length: usize, end: Option<Rr>) -> Vec<Rr> {
    let link = |i| {
        if i == 0 {
            NAME.into()
        } else {
            format!("a{i}.example.net")
        }
    };
    // The other way round: aliases need not come in their order.
    let mut all: Vec<Rr> = (0..length)
        .rev()
        .map(|i| alias(&link(i), 600 - i as u32, &link(i + 1)))
        .collect();
    all.extend(end);
    all
}

#[test]
fn aliases_are_followed_inside_the_answer_up_to_eight() {
    let outcome = hears(PATIENT, |asked| {
        v4_only(asked, &chain(8, Some(address("a8.example.net", 700, GOOD))))
    });
    assert_eq!(
        records(&outcome),
        [(GOOD.into(), 593)],
        "the shortest time on the way"
    );
    assert!(matches!(outcome, Outcome::Answer(a) if a.aliases == 8));
    let outcome = hears(PATIENT, |asked| {
        v4_only(asked, &chain(9, Some(address("a9.example.net", 700, GOOD))))
    });
    assert!(why(&outcome).contains("more than 8 aliases"));
    let outcome = hears(PATIENT, |asked| {
        v4_only(
            asked,
            &[
                alias(NAME, 60, "b.example.net"),
                alias("b.example.net", 60, NAME),
                address(NAME, 60, GOOD),
            ],
        )
    });
    assert!(why(&outcome).contains("a loop"));
    // An address of a name that nobody asked for, and one that no alias leads to.
    let outcome = hears(PATIENT, |asked| {
        v4_only(
            asked,
            &[
                alias(NAME, 60, "b.example.net"),
                address("c.example.net", 60, GOOD),
            ],
        )
    });
    assert_eq!(why(&outcome), "the name has no address");
}

#[test]
fn refusals_silence_and_garbage_are_failures_that_say_why() {
    let code = |code| hears(PATIENT, move |asked| vec![response(asked, code, &[])]);
    assert!(
        why(&code(2)).to_lowercase().contains("server failure"),
        "{:?}",
        code(2)
    );
    assert!(matches!(code(5), Outcome::Failed(_)));
    assert_eq!(code(3), Outcome::NoSuchName);
    assert_eq!(why(&code(0)), "the name has no address");

    let outcome = hears(SHORT, |_| vec![]);
    assert_eq!(why(&outcome), "no answer within 400 ms");
    let outcome = hears(SHORT, |asked| vec![[&asked.id[..], &[0xff; 300]].concat()]);
    assert!(!why(&outcome).is_empty());
    let outcome = hears(SHORT, |asked| {
        vec![response(asked, 0x0200, &[]), vec![]]
            .into_iter()
            .take(usize::from(!asked.by_tcp))
            .collect()
    });
    assert!(why(&outcome).starts_with("by TCP: "), "{outcome:?}");
    // A question sent back is no response.
    let outcome = hears(SHORT, |asked| {
        let mut echo = response(asked, 0, &[address(NAME, 60, GOOD)]);
        echo[2] &= 0x7f;
        vec![echo]
    });
    assert!(!why(&outcome).is_empty());
    let nobody = Resolver::at(vec!["127.0.0.1:9".parse().unwrap()], SHORT);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    assert!(matches!(
        runtime.block_on(nobody.ask(&name()))[0].outcome,
        Outcome::Failed(_)
    ));
}

#[test]
fn a_record_that_is_cut_short_fails_the_answer() {
    let outcome = hears(SHORT, |asked| {
        let mut message = response(asked, 0, &[address(NAME, 60, GOOD)]);
        message.truncate(message.len() - 1);
        vec![message]
    });
    assert!(!why(&outcome).is_empty());
}

#[test]
fn one_family_that_fails_does_not_hide_the_other() {
    let outcome = hears(SHORT, |asked| match asked.kind {
        A => vec![response(asked, 0, &[address(NAME, 60, GOOD)])],
        _ => vec![response(asked, 2, &[])],
    });
    assert_eq!(records(&outcome), [(GOOD.into(), 60)]);
    assert!(matches!(outcome, Outcome::Answer(a) if a.v4 && !a.v6));
    let outcome = hears(SHORT, |asked| match asked.kind {
        AAAA => vec![response(asked, 0, &[address(NAME, 60, "2001:db8::1")])],
        _ => vec![],
    });
    assert!(matches!(outcome, Outcome::Answer(a) if !a.v4 && a.v6));
}

#[test]
fn every_server_is_asked_and_none_waits_for_another() {
    let good = Fake::serve(1, |asked| v4_only(asked, &[address(NAME, 60, GOOD)]));
    let silent = Fake::serve(2, |_| vec![]);
    let lying = Fake::serve(3, |asked| v4_only(asked, &[address(NAME, 60, "127.0.0.1")]));
    let heard = ask(&[&good, &silent, &lying], SHORT);
    let servers: Vec<String> = heard.iter().map(|h| h.server.to_string()).collect();
    assert_eq!(servers, ["127.0.0.1", "127.0.0.2", "127.0.0.3"]);
    assert_eq!(records(&heard[0].outcome), [(GOOD.into(), 60)]);
    assert!(matches!(heard[1].outcome, Outcome::Failed(_)));
    assert_eq!(records(&heard[2].outcome), [("127.0.0.1".into(), 60)]);
}

/// Resolver and core together: what the servers say, and what is allowed after it.
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

#[test]
fn nothing_bad_gets_from_a_server_into_the_allow_list() {
    // Each answer is worse than the one before; one good one comes first.
    let scripts: [fn(&Asked) -> Vec<Vec<u8>>; 9] = [
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
