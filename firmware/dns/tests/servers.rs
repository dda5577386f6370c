//! Against a DNS server that misbehaves (docs/security.md F21), on loopback.
#![allow(clippy::unwrap_used)]

mod fake;

use fake::{
    A, AAAA, Asked, Fake, Rr, address, alias,
    asking::{GOOD, NAME, PATIENT, SHORT, ask, chain, hears, name, records, why},
    response, v4_only,
};
use trunkguard_core::pops::answers::{MOST_RECORDS, Outcome};
use trunkguard_dns::Resolver;

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
    assert_eq!(why(&outcome), "no answer within 1200 ms");
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
