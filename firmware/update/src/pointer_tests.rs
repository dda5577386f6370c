use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::json;

use super::*;

const NOW: i64 = 1_800_000_000;

struct Signer {
    name: &'static str,
    pair: Ed25519KeyPair,
}

fn signer(name: &'static str, seed: u8) -> Signer {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    Signer { name, pair }
}

fn keys(signers: &[&Signer]) -> Keys {
    let line = |s: &&Signer| format!("{} {}\n", s.name, STANDARD.encode(s.pair.public_key()));
    Keys::parse(&signers.iter().map(line).collect::<String>()).unwrap()
}

fn statement() -> serde_json::Value {
    json!({
        "format": 1, "compatible": "box", "version": "1.2.3", "bundle": "trunkguard-1.2.3.raucb", "size": 1_000,
        "sha256": "ab".repeat(32), "not_before": "2026-11-26T00:00:00Z", "not_after": "2027-06-01T00:00:00Z",
        "share": 100, "data": 2, "data_oldest": 1, "notes": "Mends\u{202e} a\u{7} fault.",
    })
}

fn envelope(statement: &serde_json::Value, signers: &[&Signer]) -> Vec<u8> {
    let signed = statement.to_string();
    let signatures: Vec<_> = (signers.iter())
        .map(|s| {
            let signature = s.pair.sign(format!("{PREFIX}{signed}").as_bytes());
            json!({ "key": s.name, "signature": STANDARD.encode(signature) })
        })
        .collect();
    serde_json::to_vec(&json!({ "signed": signed, "signatures": signatures })).unwrap()
}

#[test]
fn a_signed_pointer_is_read() {
    let one = signer("one", 1);
    let pointer = verify(&envelope(&statement(), &[&one]), &keys(&[&one]), NOW).unwrap();
    assert_eq!(pointer.release.version.to_string(), "1.2.3");
    assert_eq!((pointer.size, pointer.sha256), (1_000, [0xab; 32]));
    assert_eq!(pointer.notes, "Mends a fault.", "nothing hidden is shown");
}

#[test]
fn a_key_is_replaced_by_another_one() {
    let (old, new, other) = (signer("old", 1), signer("new", 2), signer("old", 3));
    let both = envelope(&statement(), &[&old, &new]);
    for box_keys in [keys(&[&old]), keys(&[&old, &new]), keys(&[&new])] {
        assert!(verify(&both, &box_keys, NOW).is_ok());
    }
    let by_new = envelope(&statement(), &[&new]);
    assert!(verify(&by_new, &keys(&[&old, &new]), NOW).is_ok());
    assert_eq!(
        verify(&by_new, &keys(&[&old]), NOW),
        Err(Unbelieved::Signature)
    );
    let by_a_namesake = envelope(&statement(), &[&other]);
    assert_eq!(
        verify(&by_a_namesake, &keys(&[&old]), NOW),
        Err(Unbelieved::Signature)
    );
}

#[test]
fn it_holds_for_its_time_only() {
    let one = signer("one", 1);
    let (text, keys) = (envelope(&statement(), &[&one]), keys(&[&one]));
    let at = |time: &str| time.parse::<Timestamp>().unwrap().as_second();
    assert!(verify(&text, &keys, at("2026-11-26T00:00:00Z")).is_ok());
    assert!(verify(&text, &keys, at("2027-05-31T23:59:59Z")).is_ok());
    let early = verify(&text, &keys, at("1970-01-01T00:00:00Z")).unwrap_err();
    assert!(early.to_string().contains("1970-01-01") && early.to_string().contains("clock"));
    let late = verify(&text, &keys, at("2099-01-01T00:00:00Z")).unwrap_err();
    assert!(matches!(late, Unbelieved::Expired { .. }), "{late}");
}

#[test]
fn what_makes_no_sense_is_refused_though_it_is_signed() {
    let one = signer("one", 1);
    for (key, value) in [
        ("format", json!(2)),
        ("version", json!("1.2")),
        ("bundle", json!("../etc/passwd")),
        ("bundle", json!(".hidden")),
        ("bundle", json!("a b")),
        ("bundle", json!("")),
        ("size", json!(0)),
        ("size", json!(LARGEST_BUNDLE + 1)),
        ("size", json!(-1)),
        ("sha256", json!("ab")),
        ("sha256", json!("zz".repeat(32))),
        ("share", json!(101)),
        ("not_after", json!("tomorrow")),
        ("data", json!("two")),
    ] {
        let mut statement = statement();
        statement[key] = value.clone();
        let read = verify(&envelope(&statement, &[&one]), &keys(&[&one]), NOW);
        assert!(
            matches!(read, Err(Unbelieved::Shape(_))),
            "{key} {value}: {read:?}"
        );
    }
}

proptest! {
    #[test]
    fn any_change_is_seen(at in any::<prop::sample::Index>(), with in 1..=255u8) {
        let one = signer("one", 1);
        let whole = envelope(&statement(), &[&one]);
        let mut text = whole.clone();
        let at = at.index(text.len());
        text[at] ^= with;
        if let Ok(pointer) = verify(&text, &keys(&[&one]), NOW) {
            // White space between the parts, or the case of a digit, changes nothing.
            prop_assert_eq!(pointer, verify(&whole, &keys(&[&one]), NOW).unwrap());
        }
    }

    #[test]
    fn nothing_makes_it_panic(text in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = verify(&text, &keys(&[&signer("one", 1)]), NOW);
    }
}
