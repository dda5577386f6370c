//! When is asked, what stays, and when it goes.

use super::bench::*;

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
