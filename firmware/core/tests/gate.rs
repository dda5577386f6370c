//! Once per transaction: decided once, counted once, answered alike; and what goes on the wire.
#![allow(clippy::unwrap_used)]

mod office;

use office::{compile, dial, office};
use trunkguard_core::{
    gate::{Invite, Past},
    time::Now,
    verdict::Answer,
};

const HOME: &str = "2125550123";

#[test]
fn a_retransmission_gets_the_same_answer_and_counts_nothing() {
    let mut o = office(
        "settings = {mode = 'prevent', durability = 'relaxed'}\npolicy = {limits = {per_day = 1}}",
    );
    let Invite::Decided {
        answer,
        ticket: None,
        ..
    } = o.invite(dial("2001", HOME), 7, 70)
    else {
        panic!("new")
    };
    for _ in 0..7 {
        o.pass(4);
        assert!(matches!(o.invite(dial("2001", HOME), 7, 70), Invite::Again(a) if a == answer));
    }
    assert!(matches!(
        o.invite(dial("2001", HOME), 8, 70),
        Invite::Merged(Answer::Status(482))
    ));
    assert_eq!(o.gate.figures().decided, 1);
    assert_eq!(
        o.rule(dial("2001", HOME)),
        "-per-day",
        "one call was counted, not eight"
    );
    o.pass(10);
    assert!(
        matches!(o.invite(dial("2001", HOME), 7, 70), Invite::Decided { .. }),
        "after 32 s it is another call"
    );
}

#[test]
fn a_chargeable_approval_waits_for_the_disk_and_nothing_else_does() {
    let mut o = office("");
    let Invite::Decided {
        answer,
        ticket: Some(ticket),
        ..
    } = o.invite(dial("2001", HOME), 7, 70)
    else {
        panic!("waits")
    };
    assert!(matches!(
        o.invite(dial("2001", HOME), 7, 70),
        Invite::Waiting
    ));
    assert_eq!(o.gate.settle(ticket, None), Some(answer));
    assert!(matches!(
        o.invite(dial("2001", HOME), 7, 70),
        Invite::Again(_)
    ));
    for (i, number) in ["911", "18005550123", "4443", "19005550123"]
        .into_iter()
        .enumerate()
    {
        let key = 100 + i as u128;
        assert!(
            matches!(
                o.invite(dial("2001", number), key, key),
                Invite::Decided { ticket: None, .. }
            ),
            "{number}"
        );
    }
}

#[test]
fn what_could_not_be_stored_is_answered_otherwise_and_stays_so() {
    let mut o = office("");
    let Invite::Decided {
        ticket: Some(ticket),
        ..
    } = o.invite(dial("2001", HOME), 7, 70)
    else {
        panic!("waits")
    };
    assert_eq!(
        o.gate.settle(ticket, Some(Answer::Status(603))),
        Some(Answer::Status(603))
    );
    assert!(matches!(
        o.invite(dial("2001", HOME), 7, 70),
        Invite::Again(Answer::Status(603))
    ));
}

#[test]
fn each_profile_has_its_own_yes_and_no() {
    let no = "19005550123";
    for (profile, yes, denied, looped) in [
        (
            "redirect",
            Answer::Redirect(*b"A00"),
            Answer::Status(603),
            Answer::Status(482),
        ),
        (
            "freeswitch",
            Answer::Redirect(*b"A00"),
            Answer::Status(603),
            Answer::Status(482),
        ),
        (
            "failover",
            Answer::Status(503),
            Answer::Status(603),
            Answer::Status(603),
        ),
        (
            "freepbx-trunk",
            Answer::Status(503),
            Answer::Status(486),
            Answer::Status(486),
        ),
        (
            "tfps-codes",
            Answer::Redirect(*b"A00"),
            Answer::ReasonOnly(*b"R06"),
            Answer::Status(482),
        ),
    ] {
        let mut o = office(&format!(
            "[[client]]\nname = 'pbx'\naddresses = ['10.0.0.5']\nprofile = '{profile}'\n"
        ));
        assert_eq!(o.call(dial("2001", HOME)).0, yes, "{profile}");
        assert_eq!(o.call(dial("2001", no)).0, denied, "{profile}");
        assert_eq!(o.call(dial("2001", "A002125550123")).0, looped, "{profile}");
    }
    let mut o = office(
        "[[client]]\nname = 'pbx'\naddresses = ['10.0.0.5']\nprefix = 'B1C'\ndeny_code = 600\n",
    );
    assert_eq!(o.call(dial("2001", HOME)).0, Answer::Redirect(*b"B1C"));
    assert_eq!(o.call(dial("2001", no)).0, Answer::Status(600));
}

#[test]
fn calls_from_before_a_restart_count() {
    let mut o = office("policy = {limits = {per_day = 3}}");
    for ago_h in [1, 5, 23, 47] {
        let unix_ms = o.now.unix_ms - ago_h * 3_600_000;
        let now = o.now;
        o.gate.remember(
            &now,
            &Past {
                unix_ms,
                client: "pbx",
                caller: b"2001",
                dialled: HOME.as_bytes(),
                abroad: false,
            },
        );
    }
    assert_eq!(o.rule(dial("2001", HOME)), "-per-day");
    assert_eq!(o.rule(dial("2002", HOME)), "+default");
    let mut o = office("policy = {limits = {per_day = 0}}");
    let now = Now {
        mono_ms: Now::ORIGIN_MS,
        ..o.now
    };
    o.gate.remember(
        &now,
        &Past {
            unix_ms: i64::MAX,
            client: "pbx",
            caller: b"2001",
            dialled: b"",
            abroad: true,
        },
    );
    assert_eq!(
        o.rule(dial("2001", HOME)),
        "-per-day",
        "a call from the future is one of now"
    );
}

#[test]
fn a_new_policy_keeps_the_figures() {
    let mut o = office("policy = {off = ['same-number'], limits = {per_day = 2}}");
    assert_eq!(o.rule(dial("2001", HOME)), "+default");
    assert_eq!(o.rule(dial("2001", HOME)), "+default");
    let text = "settings = {mode = 'prevent', area_code = 212}\npolicy = {limits = {per_day = 2}}\n[[client]]\nname = 'other'\naddresses = ['10.0.0.9']\n[[client]]\nname = 'pbx'\naddresses = ['10.0.0.5']\n";
    o.gate
        .replace_policy(compile(text).map_err(|p| format!("{p:?}")).unwrap().into());
    assert_eq!(o.rule(dial("2001", HOME)), "-per-day");
}

#[test]
fn more_callers_than_places_share_their_figures() {
    let mut o = office(
        "policy = {off = ['same-number', 'sequential', 'simultaneous'], limits = {per_day = 3}}",
    );
    for i in 0..trunkguard_core::counters::CALLERS {
        assert_eq!(o.rule(dial(&format!("c{i}"), HOME)), "+default");
    }
    let mut approved = 0;
    for i in 0..50 {
        approved += usize::from(o.rule(dial(&format!("invented{i}"), HOME)) == "+default");
    }
    assert_eq!(
        approved, 3,
        "inventing extensions gains nothing once the table is full"
    );
    assert_eq!(
        o.rule(dial("c7", HOME)),
        "+default",
        "a known caller has its own figures"
    );
}
