//! rsip reads the same messages: on what it can read, the two agree. What it cannot is listed below
//! and generated apart: IPv6 literals, dots in a user part, compact names, folded lines, several Vias
//! in a line, octets that are no UTF-8, parameters with `:` (docs/decisions/sip-reader.md).
#![allow(clippy::unwrap_used)]

mod office;

use office::office_with;
use proptest::prelude::*;
use rsip::{
    Request, Response,
    headers::{ToTypedHeader as _, UntypedHeader as _},
    prelude::{HasHeaders as _, HeadersExt as _},
};
use trunkguard_sip::{
    read::{Framing, Message, Read, read},
    text::unescape,
    uri::Uri,
};

/// A message by its parts.
#[derive(Clone, Debug)]
struct Parts {
    method: &'static str,
    user: String,
    host: String,
    port: Option<u16>,
    vias: Vec<(String, String, bool)>,
    display: Option<String>,
    from_user: String,
    from_tag: String,
    to_tag: Option<String>,
    call_id: String,
    cseq: u32,
    forwards: u8,
    agent: String,
    body: String,
}

fn parts() -> impl Strategy<Value = Parts> {
    let method = prop::sample::select(vec![
        "INVITE", "OPTIONS", "REGISTER", "BYE", "CANCEL", "ACK", "MESSAGE",
    ]);
    // rsip takes a user part with a dot for a host.
    let user = "[+*0-9A-Za-z_-]{1,20}";
    let host = "[a-z][a-z0-9]{0,10}(\\.[a-z][a-z0-9]{0,8}){1,2}|(1[0-9]{0,2}\\.){3}1[0-9]?";
    let via = (host, "[A-Za-z0-9]{1,24}", any::<bool>());
    (
        (
            method,
            user,
            host,
            prop::option::of(1u16..),
            prop::collection::vec(via, 1..6),
        ),
        (
            prop::option::of("[A-Za-z0-9 ]{1,16}"),
            user,
            "[A-Za-z0-9]{1,20}",
            prop::option::of("[a-z0-9]{1,20}"),
        ),
        (
            "[A-Za-z0-9]{1,30}@[a-z0-9]{1,9}",
            0u32..1 << 31,
            any::<u8>(),
            "[A-Za-z0-9 ./()-]{1,40}",
            "[ -~]{0,60}",
        ),
    )
        .prop_map(|(line, people, rest)| {
            let (method, user, host, port, vias) = line;
            let (display, from_user, from_tag, to_tag) = people;
            let (call_id, cseq, forwards, agent, body) = rest;
            Parts {
                method,
                user,
                host,
                port,
                vias,
                display,
                from_user,
                from_tag,
                to_tag,
                call_id,
                cseq,
                forwards,
                agent,
                body,
            }
        })
}

impl Parts {
    fn uri(&self) -> String {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("sip:{}@{}{port}", self.user, self.host)
    }

    fn wire(&self) -> String {
        let mut text = format!("{} {} SIP/2.0\r\n", self.method, self.uri());
        for (host, branch, rport) in &self.vias {
            let rport = if *rport { ";rport" } else { "" };
            text += &format!("Via: SIP/2.0/UDP {host};branch=z9hG4bK{branch}{rport}\r\n");
        }
        let display = self
            .display
            .as_ref()
            .map(|d| format!("\"{d}\" "))
            .unwrap_or_default();
        let tag = self
            .to_tag
            .as_ref()
            .map(|t| format!(";tag={t}"))
            .unwrap_or_default();
        text + &format!(
            "Max-Forwards: {}\r\nFrom: {display}<sip:{}@{}>;tag={}\r\nTo: <{}>{tag}\r\nCall-ID: {}\r\nCSeq: {} {}\r\n\
             Contact: <sip:{}@{}>\r\nUser-Agent: {}\r\nContent-Length: {}\r\n\r\n{}",
            self.forwards,
            self.from_user,
            self.host,
            self.from_tag,
            self.uri(),
            self.call_id,
            self.cseq,
            self.method,
            self.from_user,
            self.host,
            self.agent.trim(),
            self.body.len(),
            self.body
        )
    }
}

fn ours(wire: &[u8]) -> Message<'_> {
    match read(wire, Framing::Datagram) {
        Read::Request(message) => message,
        other => panic!("{other:?}"),
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_read_the_same(parts in parts()) {
        let wire = parts.wire();
        let ours = ours(wire.as_bytes());
        let theirs = Request::try_from(wire.as_bytes()).unwrap();
        prop_assert_eq!(text(ours.method), theirs.method.to_string());
        prop_assert_eq!(text(ours.uri), theirs.uri.to_string());
        let (uri, user) = (Uri::read(ours.uri, false).unwrap(), theirs.uri.user().unwrap());
        let mut decoded = [0; 128];
        prop_assert_eq!(text(unescape(uri.user, &mut decoded).unwrap()), user);
        prop_assert_eq!(text(uri.host), theirs.uri.host_with_port.to_string());
        prop_assert_eq!(text(ours.call_id), theirs.call_id_header().unwrap().value());
        let cseq = theirs.cseq_header().unwrap().typed().unwrap();
        prop_assert_eq!(ours.cseq_number, cseq.seq);
        prop_assert_eq!(text(ours.method), cseq.method.to_string());
        prop_assert_eq!(text(ours.from), theirs.from_header().unwrap().value());
        prop_assert_eq!(text(ours.to), theirs.to_header().unwrap().value());
        let from = theirs.from_header().unwrap().typed().unwrap();
        prop_assert_eq!(text(ours.caller.unwrap().tag), from.tag().unwrap().value());
        prop_assert_eq!(text(ours.caller.unwrap().uri), from.uri.to_string());
        let to = theirs.to_header().unwrap().typed().unwrap();
        prop_assert_eq!(text(ours.called.unwrap().tag), to.tag().map(|t| t.value()).unwrap_or_default());
        prop_assert_eq!(text(ours.user_agent), theirs.user_agent_header().unwrap().value());
        prop_assert_eq!(text(ours.contacts[0]), theirs.contact_header().unwrap().value());
        let vias: Vec<&rsip::headers::Via> = theirs.headers().iter().filter_map(|header| match header {
            rsip::Header::Via(via) => Some(via),
            _ => None,
        }).collect();
        prop_assert_eq!(ours.vias.len(), vias.len());
        for (ours, theirs) in ours.vias.iter().zip(&vias) {
            prop_assert_eq!(text(ours), theirs.value());
        }
        let top = vias[0].typed().unwrap();
        prop_assert_eq!(text(ours.top.unwrap().branch), top.branch().unwrap().value());
        prop_assert_eq!(text(ours.top.unwrap().sent_by), top.uri.host_with_port.to_string());
    }

    #[test]
    fn rsip_reads_our_answers(parts in parts()) {
        let wire = parts.wire();
        let Some(reply) = office_with("").send(&wire) else {
            prop_assert_eq!(parts.method, "ACK");
            return Ok(());
        };
        let answer = Response::try_from(&reply.bytes[..]).unwrap();
        prop_assert_eq!(u16::from(answer.status_code.clone()), reply.status());
        prop_assert_eq!(answer.call_id_header().unwrap().value(), &parts.call_id);
        let cseq = answer.cseq_header().unwrap().typed().unwrap();
        prop_assert_eq!(cseq.seq, parts.cseq);
        prop_assert_eq!(cseq.method.to_string(), parts.method);
        let to = answer.to_header().unwrap().typed().unwrap();
        let tag = to.tag().unwrap().value().to_owned();
        match &parts.to_tag {
            Some(theirs) => prop_assert_eq!(&tag, theirs),
            None => prop_assert_eq!(tag.len(), 16),
        }
        let top = answer.via_header().unwrap().typed().unwrap();
        prop_assert_eq!(top.branch().unwrap().value(), format!("z9hG4bK{}", parts.vias[0].1));
        prop_assert_eq!(top.received().unwrap().unwrap().to_string(), "10.0.0.5");
        prop_assert_eq!(&answer.body.len(), &0);
    }
}

/// What rsip 0.4 cannot read or reads otherwise. When one of these fails, rsip has changed: the list
/// and the decision behind it can be looked at again.
#[test]
fn known_differences() {
    let good = office::invite(office::YES, 1);
    let as_rsip = |wire: &str| Request::try_from(wire.as_bytes());
    assert!(as_rsip(&good).is_ok());

    for (what, wire) in [
        (
            "a folded line",
            good.replace("User-Agent: Asterisk", "User-Agent:\r\n Asterisk"),
        ),
        (
            "space before the colon",
            good.replace("User-Agent:", "User-Agent :"),
        ),
        (
            "an IPv6 host",
            good.replacen("10.0.0.9:5060", "[2001:db8::9]:5060", 1),
        ),
        ("an empty line in front", format!("\r\n{good}")),
        (
            "lines that end with LF alone",
            office::request("OPTIONS", "x", 1, "").replace("\r\n", "\n"),
        ),
        (
            "a parameter with a colon",
            good.replacen("10.0.0.9:5060", "10.0.0.9;p=a:b", 1),
        ),
        (
            "a tel URI",
            good.replacen("sip:2125550123@10.0.0.9:5060", "tel:+12125550123", 1),
        ),
    ] {
        ours(wire.as_bytes());
        assert!(as_rsip(&wire).is_err(), "rsip reads {what} now");
    }
    let mut octet = good.clone().into_bytes();
    let at = good.find("Alice").unwrap();
    octet[at] = 0xe9;
    ours(&octet);
    assert!(
        Request::try_from(&octet[..]).is_err(),
        "rsip reads octets that are no UTF-8 now"
    );

    let compact = good.replace("From:", "f:").replace("Via:", "v:");
    ours(compact.as_bytes());
    assert!(
        as_rsip(&compact).unwrap().from_header().is_err(),
        "rsip knows compact names now"
    );

    let dotted = good.replacen("2125550123@", "212.555.0123@", 1);
    assert_eq!(
        Uri::read(ours(dotted.as_bytes()).uri, false).unwrap().user,
        b"212.555.0123"
    );
    assert!(
        as_rsip(&dotted).unwrap().uri.user().is_none(),
        "rsip finds a user with dots now"
    );

    let cut = &good[..good.find("CSeq").unwrap()];
    assert!(matches!(
        read(cut.as_bytes(), Framing::Datagram),
        Read::Refused(..)
    ));
    assert!(
        as_rsip(cut).is_ok(),
        "rsip notices a header without an end now"
    );

    let two = good.replace("Via: ", "Via: SIP/2.0/UDP b.example;branch=z9hG4bKb, ");
    assert_eq!(ours(two.as_bytes()).vias.len(), 2);
    let long = good.replace("Content-Length: ", "Content-Length: 9");
    assert!(matches!(
        read(long.as_bytes(), Framing::Datagram),
        Read::Refused(_, 400, _)
    ));
    assert!(as_rsip(&long).is_ok(), "rsip looks at Content-Length now");
}
