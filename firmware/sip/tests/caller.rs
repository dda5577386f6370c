//! The call that `trunkguard call` makes, against the server that answers it.
#![allow(clippy::unwrap_used)]

mod office;

use office::{NO, YES, office_with};
use trunkguard_sip::caller::{Attempt, Reply};

fn attempt(number: &str, unique: u64) -> Attempt<'_> {
    Attempt {
        number,
        caller: "2001",
        said: "2001;10.0.0.5;10.0.0.31;test;1",
        from: "10.0.0.5:5062".parse().unwrap(),
        to: "10.0.0.9:5060".parse().unwrap(),
        unique,
    }
}

#[test]
fn an_attempt_is_understood_and_its_answer_too() {
    for (client, number, status, contact) in [
        ("", YES, 302, Some("A002125550123")),
        ("", "+12125550123", 302, Some("A00+12125550123")),
        ("", NO, 603, None),
        ("profile = 'failover'", YES, 503, None),
        ("profile = 'tfps-codes'", NO, 302, Some("R06")),
    ] {
        let mut o = office_with(client);
        o.source = "10.0.0.5:5062".parse().unwrap();
        let attempt = attempt(number, 7);
        let invite = attempt.invite().unwrap();
        let answer = o.ask(&invite);
        let record = answer.record.as_ref().unwrap();
        assert_eq!(
            (
                record.caller.as_str(),
                record.dialled.as_str(),
                record.said_fields
            ),
            ("2001", number, 5)
        );
        assert_eq!(answer.to, o.source);
        let reply = attempt.read(&answer.bytes).unwrap();
        assert_eq!(reply.status, status);
        let user = reply.contact_user.as_deref();
        if contact == Some("R06") {
            assert!(user.unwrap().starts_with('R') && user.unwrap().len() == 3);
        } else {
            assert_eq!(user, contact);
        }
        o.uas
            .sent(o.now.mono_ms, answer.transaction, answer.to, &answer.bytes);
        assert!(o.send(attempt.ack(&reply).unwrap()).is_none());
        o.uas
            .due(o.now.mono_ms + 1_000, |_, _| panic!("it was acknowledged"));
    }
}

#[test]
fn every_number_that_it_takes_arrives_as_it_was() {
    for (id, number) in [
        "*43",
        "#21#",
        "011442071838750",
        "a.b-c_d",
        "212.555.0123",
        "911",
    ]
    .into_iter()
    .enumerate()
    {
        let answer = office_with("").ask(attempt(number, id as u64).invite().unwrap());
        assert_eq!(answer.dialled(), number);
    }
}

#[test]
fn what_cannot_stand_in_a_uri_is_said() {
    for number in ["", "212 555", "212@x", "212;x", "212\r\nX: y", "é"] {
        let problem = attempt(number, 1).invite().unwrap_err();
        assert!(
            problem.contains("must be digits, letters or one of"),
            "{problem}"
        );
    }
    let other = Attempt {
        caller: "20 01",
        ..attempt(YES, 1)
    };
    assert!(other.invite().unwrap_err().contains("`20 01`"));
}

#[test]
fn answers_to_others_are_not_taken() {
    let answer = office_with("").ask(attempt(YES, 1).invite().unwrap());
    assert!(attempt(YES, 2).read(&answer.bytes).is_none());
    assert!(attempt(YES, 1).read(b"").is_none());
    assert!(
        attempt(YES, 1)
            .read(&attempt(YES, 1).invite().unwrap())
            .is_none()
    );
    let cut = &answer.bytes[..answer.bytes.len() / 2];
    assert_ne!(
        attempt(YES, 1).read(cut).map(|r: Reply| r.status),
        Some(603)
    );
}

#[test]
fn attempts_differ_by_their_number_only() {
    let mut o = office_with("");
    assert_eq!(o.status(attempt(YES, 1).invite().unwrap()), 302);
    assert_eq!(o.status(attempt(YES, 2).invite().unwrap()), 302);
    assert_eq!(o.gate.figures().decided, 2);
}
