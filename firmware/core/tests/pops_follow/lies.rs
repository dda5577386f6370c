//! Answers that are false, too many, or not agreed on.

use super::bench::*;

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
