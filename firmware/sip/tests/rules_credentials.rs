//! Rule 24: Digest (RFC 3261 22, RFC 7616, RFC 8760). The vectors of RFC 7616 3.9.1 are in `digest.rs`.
#![allow(clippy::unwrap_used)]

mod digest_of;
mod office;

use digest_of::{Credentials, nonce};
use office::{NO, Office, YES, office_with, request};

const CLIENT: &str = "credentials = {username = 'pbx', password = 'correct horse'}";

fn pbx() -> Office {
    office_with(CLIENT)
}

fn good<'a>(nonce: &'a str, uri: &'a str) -> Credentials<'a> {
    Credentials {
        username: "pbx",
        password: "correct horse",
        realm: "trunkguard",
        nonce,
        uri,
        method: "INVITE",
        nc: "00000001",
        algorithm: None,
    }
}

fn uri(number: &str) -> String {
    format!("sip:{number}@10.0.0.9:5060")
}

fn challenge(o: &mut Office, id: u64) -> String {
    let reply = o.ask(request("INVITE", YES, id, ""));
    assert_eq!(reply.status(), 401);
    nonce(&reply.all("WWW-Authenticate")[0])
}

#[test]
fn rule_24_a_call_without_credentials_is_challenged_with_the_strongest_first() {
    let mut o = pbx();
    let reply = o.ask(request("INVITE", YES, 1, ""));
    let challenges = reply.all("WWW-Authenticate");
    assert_eq!((reply.status(), challenges.len()), (401, 2));
    assert!(challenges[0].contains("algorithm=SHA-256") && challenges[1].contains("algorithm=MD5"));
    for challenge in &challenges {
        assert!(
            challenge.starts_with("Digest realm=\"trunkguard\",nonce=\""),
            "{challenge}"
        );
        assert!(
            challenge.contains("qop=\"auth\"") && !challenge.contains("stale"),
            "{challenge}"
        );
    }
    assert_eq!(
        o.ask(request("INVITE", YES, 1, "")).bytes,
        reply.bytes,
        "the same for the same request"
    );
    assert_ne!(o.ask(request("INVITE", YES, 2, "")).bytes, reply.bytes);
    assert_eq!(o.gate.figures().decided, 0);
    assert_eq!(
        o.gate.transactions().len(),
        0,
        "no memory for who has not shown who it is"
    );
}

#[test]
fn rule_24_each_algorithm_opens_and_the_call_is_decided_once() {
    for algorithm in [None, Some("MD5"), Some("SHA-256")] {
        let mut o = pbx();
        let nonce = challenge(&mut o, 1);
        for (number, id, nc, status) in [(YES, 2, "00000001", 302), (NO, 3, "00000002", 603)] {
            let uri = uri(number);
            let line = Credentials {
                algorithm,
                nc,
                ..good(&nonce, &uri)
            }
            .line();
            let message = request("INVITE", number, id, &line);
            let reply = o.ask(&message);
            assert_eq!(reply.status(), status, "{algorithm:?}: {}", reply.text());
            assert_eq!(o.ask(&message).bytes, reply.bytes, "UDP brings it twice");
        }
        assert_eq!(o.gate.figures().decided, 2);
    }
}

#[test]
fn rule_24_what_is_wrong_is_403_and_never_a_verdict() {
    let uri = uri(YES);
    for wrong in 0..8 {
        let mut o = pbx();
        let nonce = challenge(&mut o, 1);
        let fine = good(&nonce, &uri);
        let line = match wrong {
            0 => Credentials {
                password: "wrong horse",
                ..fine
            }
            .line(),
            1 => Credentials {
                username: "other",
                ..fine
            }
            .line(),
            2 => Credentials {
                realm: "asterisk",
                ..fine
            }
            .line(),
            3 => Credentials {
                uri: "sip:900@10.0.0.9:5060",
                ..fine
            }
            .line(),
            4 => Credentials {
                method: "REGISTER",
                ..fine
            }
            .line(),
            5 => Credentials {
                nc: "00000000",
                ..fine
            }
            .line(),
            6 => fine.line().replace("qop=auth", "qop=auth-int"),
            _ => fine.line().replace("response=\"", "response=\"0"),
        };
        let message = request("INVITE", YES, 2, &line);
        assert_eq!(o.status(&message), 403, "{line}");
        assert_eq!(o.gate.figures().decided, 0);
        let mut failover = office_with(&format!("profile = 'freepbx-trunk'\n{CLIENT}"));
        assert_eq!(
            failover.status(&message),
            486,
            "403 would be the next trunk's call"
        );
    }
}

#[test]
fn rule_24_an_old_nonce_is_stale_and_a_strange_one_too() {
    let mut o = pbx();
    let uri = uri(YES);
    let nonce = challenge(&mut o, 1);
    let answer = good(&nonce, &uri).line();
    o.pass_ms(301_000);
    let reply = o.ask(request("INVITE", YES, 2, &answer));
    assert_eq!(reply.status(), 401);
    assert!(
        reply
            .all("WWW-Authenticate")
            .iter()
            .all(|c| c.ends_with("stale=true"))
    );
    for strange in [
        "x",
        &"0".repeat(40),
        &nonce.replace(&nonce[20..], &"0".repeat(20)),
        "",
    ] {
        let line = good(strange, &uri).line();
        assert_eq!(o.status(request("INVITE", YES, 3, &line)), 401, "{strange}");
    }
}

#[test]
fn rule_24_credentials_are_good_for_one_request() {
    let mut o = pbx();
    let uri = uri(YES);
    let nonce = challenge(&mut o, 1);
    let first = request("INVITE", YES, 2, &good(&nonce, &uri).line());
    assert_eq!(o.status(&first), 302);
    let replayed = request("INVITE", YES, 3, &good(&nonce, &uri).line());
    assert_eq!(o.status(&replayed), 403, "another call with the same count");
    let next = request(
        "INVITE",
        YES,
        4,
        &Credentials {
            nc: "00000002",
            ..good(&nonce, &uri)
        }
        .line(),
    );
    assert_eq!(o.status(&next), 302);
    o.pass_ms(33_000);
    assert_eq!(
        o.status(&first),
        403,
        "the transaction has ended: it is no retransmission"
    );
    assert_eq!(o.gate.figures().decided, 2);
}

#[test]
fn rule_24_credentials_may_be_folded() {
    let mut o = pbx();
    let uri = uri(YES);
    let nonce = challenge(&mut o, 1);
    let line = good(&nonce, &uri)
        .line()
        .replace("Digest ", "Digest\r\n\t")
        .replace(", ", ",\r\n ");
    assert_eq!(o.status(request("INVITE", YES, 2, &line)), 302);
}

#[test]
fn rule_24_registrations_show_who_they_are_too() {
    let mut o = pbx();
    let reply = o.ask(request("REGISTER", "x", 1, ""));
    assert_eq!(reply.status(), 401);
    let nonce = nonce(&reply.all("WWW-Authenticate")[1]);
    let uri = uri("x");
    let line = Credentials {
        method: "REGISTER",
        ..good(&nonce, &uri)
    }
    .line();
    let message = request("REGISTER", "x", 2, &line);
    let reply = o.ask(&message);
    assert_eq!(reply.status(), 200);
    assert_eq!(o.ask(&message).bytes, reply.bytes);
}

/// A header that a phone had written into the INVITE (`Authorization:` in its User-Agent) can only
/// make it worse.
#[test]
fn rule_24_credentials_written_in_by_somebody_else_do_not_help() {
    let mut o = pbx();
    for line in [
        "Authorization: Digest\r\n",
        "Authorization: Digest username=\"pbx\"\r\n",
        "Authorization: Digest username=\"pbx, x\r\n",
        "Authorization: Basic cGJ4OmNvcnJlY3Q=\r\n",
        "Authorization:\r\n",
    ] {
        assert!(
            [401, 403].contains(&o.status(request("INVITE", YES, 1, line))),
            "{line}"
        );
    }
    assert_eq!(o.gate.figures().decided, 0);
}
