//! What the owner decides, and what is kept of it.

use super::bench::*;

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
