//! What one datagram says against its sender. No SIP is parsed here: a request line and a few names
//! are looked for in the first octets, which may end anywhere.

use core::net::IpAddr;

use heapless::Vec;

use super::{
    Service,
    packet::{self, Transport},
};
use crate::policy::scanners;

/// Octets of a datagram that are looked at.
pub const FRONT: usize = 1_024;
/// Ports that are watched for one service.
pub const PORTS: usize = 16;

/// What one datagram or connection says against its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Who it says that it is.
    pub source: IpAddr,
    /// What it was after.
    pub service: Service,
    /// What it did.
    pub kind: Kind,
    /// The port that it came to.
    pub port: u16,
    /// It came by TCP or TLS.
    pub tcp: bool,
    /// The sender has answered a handshake, so that the address is really its own. Never so for a
    /// dropped packet.
    pub proven: bool,
    /// A hash of the user or extension that it named.
    pub user: Option<u32>,
}

/// What a datagram did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A SIP request that calls itself by this scanner's name.
    Scanner(&'static str),
    /// REGISTER, or a request that begins a call: what a dictionary is tried with.
    Attempt,
    /// Another SIP request.
    Request,
    /// Something else at a port that is watched, or a connection to it.
    Knock,
    /// A wrong password on the page.
    Password,
}

/// Ports whose visitors are looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    sip: Vec<u16, PORTS>,
    page: Vec<u16, PORTS>,
}

impl Watched {
    /// 5060 to 5080 and IAX2 (docs/security.md F6), the ports that the box itself answers SIP on, and
    /// those of its page and SSH. Beyond [`PORTS`] of a service they are not watched.
    pub fn new(sip: impl IntoIterator<Item = u16>, page: impl IntoIterator<Item = u16>) -> Self {
        let mut watched = Watched::default();
        for port in sip {
            keep(&mut watched.sip, port);
        }
        for port in page {
            keep(&mut watched.page, port);
        }
        watched
    }

    /// The service behind a port.
    pub fn service(&self, port: u16) -> Option<Service> {
        if port == IAX2 || (5_060..=5_080).contains(&port) || self.sip.contains(&port) {
            Some(Service::Sip)
        } else if self.page.contains(&port) {
            Some(Service::Page)
        } else {
            None
        }
    }
}

fn keep(ports: &mut Vec<u16, PORTS>, port: u16) {
    if !ports.contains(&port) {
        // A port too many is not watched.
        let _ = ports.push(port);
    }
}

/// Rules whose packets say nothing against their source: it cannot be the source, it is banned already,
/// or the packet belonged to a connection that has ended (of either side).
const SILENT: [&str; 3] = ["-spoofed", "-banned", "-invalid"];

/// What a dropped packet says, by the rule that logged it. `None`: nothing. What comes from inside says
/// nothing; nor do answers,
/// keep-alives, fragments, audio and TCP that does not open a connection, all of which innocent
/// machines send.
pub fn of_sample(rule: &str, packet: &[u8], watched: &Watched) -> Option<Evidence> {
    let from_outside = rule.starts_with("outside-") || rule.starts_with("box-");
    if !from_outside || SILENT.iter().any(|end| rule.ends_with(end)) {
        return None;
    }
    let front = packet::read(packet)?;
    let port = front.ports?.destination;
    let service = watched.service(port)?;
    match front.transport {
        Transport::Udp => of_datagram(front.source, service, port, front.payload),
        Transport::Tcp { opens: true } => Some(Evidence {
            proven: false,
            ..of_connection(front.source, service, port)
        }),
        _ => None,
    }
}

/// What a stranger's datagram says: of the redirect server's own socket, or of a dropped packet.
pub fn of_datagram(
    source: IpAddr,
    service: Service,
    port: u16,
    payload: &[u8],
) -> Option<Evidence> {
    let payload = &payload[..payload.len().min(FRONT)];
    // Keep-alives (RFC 5626 3.5.1, and the zeros that phones send) and what was cut off before it began.
    if payload.len() <= 4
        || payload
            .iter()
            .all(|b| matches!(b, b'\r' | b'\n' | 0 | b' '))
    {
        return None;
    }
    let mut evidence = Evidence {
        source,
        service,
        kind: Kind::Knock,
        port,
        tcp: false,
        proven: false,
        user: None,
    };
    if service == Service::Sip && port != IAX2 {
        match sip(payload) {
            Read::Request(kind, user) => {
                evidence.kind = kind;
                evidence.user = user;
            }
            Read::Answer => return None,
            Read::Other => {}
        }
    }
    Some(evidence)
}

/// What a stranger's connection says, which the box has accepted and closed: its address is proven.
pub fn of_connection(source: IpAddr, service: Service, port: u16) -> Evidence {
    Evidence {
        source,
        service,
        kind: Kind::Knock,
        port,
        tcp: true,
        proven: true,
        user: None,
    }
}

/// A wrong password on the page.
pub fn of_password(source: IpAddr, port: u16) -> Evidence {
    Evidence {
        kind: Kind::Password,
        ..of_connection(source, Service::Page, port)
    }
}

const IAX2: u16 = 4_569;

enum Read {
    Request(Kind, Option<u32>),
    Answer,
    Other,
}

/// Looks for a request line, a name that is tried, and a scanner's name.
fn sip(payload: &[u8]) -> Read {
    let mut lines = payload
        .split(|&b| b == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .skip_while(|line| line.is_empty());
    let line = lines.next().unwrap_or_default();
    if starts(line, b"SIP/") {
        // Answers come late, or to somebody who forged the PBX's address: the sender is innocent.
        return Read::Answer;
    }
    let mut words = line.splitn(3, |&b| b == b' ');
    let (method, uri) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let is_method = (1..=16).contains(&method.len()) && method.iter().all(u8::is_ascii_uppercase);
    if !is_method
        || !["sip:", "sips:", "tel:"]
            .iter()
            .any(|s| starts(uri, s.as_bytes()))
    {
        return Read::Other;
    }
    let (mut scanner, mut named) = (None, None);
    for line in lines.take_while(|line| !line.is_empty()) {
        let Some(colon) = line.iter().position(|&b| b == b':') else {
            continue;
        };
        let (name, value) = (line[..colon].trim_ascii(), &line[colon + 1..]);
        let is = |long: &[u8], short: &[u8]| {
            name.eq_ignore_ascii_case(long) || name.eq_ignore_ascii_case(short)
        };
        if is(b"user-agent", b"user-agent") {
            scanner = scanner.or(scanners::named(value));
        } else if is(b"from", b"f") || is(b"to", b"t") {
            // sipvicious bears its name before the address too, where a cut sample still has it. Not
            // looked for in tags and branches, which are letters by chance.
            let display = value.split(|&b| b == b'<').next().unwrap_or_default();
            scanner = scanner.or(scanners::named(display));
            let address = value.splitn(2, |&b| b == b'<').last().unwrap_or_default();
            named = named.or(user(address));
        }
    }
    let kind = match (scanner, method) {
        (Some(name), _) => Kind::Scanner(name),
        (None, b"REGISTER" | b"INVITE") => Kind::Attempt,
        _ => Kind::Request,
    };
    // A REGISTER's request line names no user; the name that is tried is in To and From.
    let tried = if method == b"REGISTER" {
        named
    } else {
        user(uri)
    };
    Read::Request(kind, tried)
}

/// A hash of the user part of the first `sip:` address in a text. An empty or cut one is none.
fn user(text: &[u8]) -> Option<u32> {
    let at = text.iter().position(|&b| b == b'@')?;
    let begin = text[..at].iter().rposition(|&b| b == b':')? + 1;
    let user = &text[begin..at];
    // FNV-1a. Two names that collide count as one: whoever makes them collide seems to try fewer.
    let hash = |hash: u32, b: &u8| (hash ^ u32::from(*b)).wrapping_mul(0x0100_0193);
    (!user.is_empty()).then(|| user.iter().fold(0x811c_9dc5, hash))
}

fn starts(text: &[u8], with: &[u8]) -> bool {
    text.get(..with.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(with))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::{super::packet::made, *};
    use proptest::prelude::*;
    use std::{string::String, vec::Vec};

    const STRANGER: &str = "203.0.113.7";
    const PBX: &str = "198.51.100.1";

    fn watched() -> Watched {
        Watched::new([5_090], [443, 22])
    }

    fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
        made::packet(STRANGER, PBX, (5_071, port), None, payload)
    }

    fn of(port: u16, payload: &[u8]) -> Option<Evidence> {
        of_sample("outside-sip", &udp(port, payload), &watched())
    }

    /// As svmap of sipvicious sends it, in its order of headers.
    fn svmap(method: &str, user: &str) -> String {
        let uri = if method == "REGISTER" {
            String::new()
        } else {
            std::format!("{user}@")
        };
        std::format!(
            "{method} sip:{uri}198.51.100.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.1.1:5063;branch=z9hG4bK-1;rport\r\n\
             Content-Length: 0\r\nFrom: \"sipvicious\"<sip:{user}@1.1.1.1>;tag=6434\r\n\
             Accept: application/sdp\r\nUser-Agent: friendly-scanner\r\nTo: <sip:{user}@1.1.1.1>\r\n\r\n"
        )
    }

    #[test]
    fn a_scanner_is_known_by_its_name_also_where_the_sample_is_cut() {
        let whole = svmap("OPTIONS", "100");
        let found = of(5_060, whole.as_bytes()).unwrap();
        assert!(matches!(found.kind, Kind::Scanner(_)), "{found:?}");
        assert_eq!(found.source, STRANGER.parse::<IpAddr>().unwrap());
        assert_eq!((found.service, found.proven), (Service::Sip, false));
        let cut = of(5_060, &whole.as_bytes()[..200]).unwrap();
        assert_eq!(cut.kind, Kind::Scanner("sipvicious"));
        let only_agent = whole.replace("sipvicious", "x");
        let found = of(5_060, only_agent.as_bytes()).unwrap();
        assert_eq!(found.kind, Kind::Scanner("friendly-scanner"));
    }

    #[test]
    fn letters_by_chance_are_no_scanner() {
        let phone = "OPTIONS sip:100@198.51.100.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKgulp\r\n\
                     Call-ID: iwar-sipsak\r\nFrom: <sip:100@x>;tag=gulp\r\nUser-Agent: Yealink\r\n\r\n";
        assert_eq!(of(5_060, phone.as_bytes()).unwrap().kind, Kind::Request);
    }

    #[test]
    fn names_that_are_tried_are_told_apart() {
        for method in ["REGISTER", "INVITE"] {
            let tried = |user: &str| {
                let message = svmap(method, user)
                    .replace("sipvicious", "")
                    .replace("friendly", "");
                let found = of(5_060, message.as_bytes()).unwrap();
                assert_eq!(found.kind, Kind::Attempt);
                found.user.unwrap()
            };
            assert_eq!(tried("100"), tried("100"));
            assert_ne!(tried("100"), tried("101"), "{method}");
        }
    }

    #[test]
    fn what_innocent_machines_send_is_no_evidence() {
        for payload in [
            &b"\r\n\r\n"[..],
            b"",
            b"\0\0\0\0",
            b"\r\n",
            b"SIP/2.0 200 OK\r\nVia: x\r\n",
            b"sip/2.0 401 x",
        ] {
            assert_eq!(of(5_060, payload), None, "{payload:?}");
        }
        assert_eq!(of(12_000, b"\x80\0\0\0\0\0\0\0audio"), None, "audio");
        let tcp = |flags| made::packet(STRANGER, PBX, (40_000, 5_060), Some(flags), b"");
        for flags in [0x10, 0x12, 0x04, 0x14, 0x11] {
            assert_eq!(
                of_sample("outside-sip", &tcp(flags), &watched()),
                None,
                "{flags:#x}"
            );
        }
        let later = made::ip(STRANGER, PBX, 17, 9, b"\x13\xc4\x13\xc4\0\x08\0\0OPTIONS");
        assert_eq!(of_sample("outside-sip", &later, &watched()), None);
        let icmp = made::ip(STRANGER, PBX, 1, 0, b"\x13\xc4\x13\xc4\0\x08\0\0OPTIONS");
        assert_eq!(of_sample("outside-sip", &icmp, &watched()), None);
    }

    #[test]
    fn rules_that_say_nothing_against_a_source_are_passed_over() {
        let packet = udp(5_060, b"OPTIONS sip:1@1 SIP/2.0\r\n");
        for (rule, counts) in [
            ("outside-sip", true),
            ("box-sip", true),
            ("outside-spoofed", false),
            ("outside-banned", false),
            ("outside-invalid", false),
            ("pbx-sip", false),
            ("passed-pops", false),
            ("", false),
        ] {
            assert_eq!(
                of_sample(rule, &packet, &watched()).is_some(),
                counts,
                "{rule}"
            );
        }
    }

    #[test]
    fn a_knock_on_a_watched_port_counts_for_its_service() {
        let syn = |port| made::packet(STRANGER, PBX, (40_000, port), Some(2), b"");
        for (port, service) in [
            (5_061, Some(Service::Sip)),
            (5_090, Some(Service::Sip)),
            (443, Some(Service::Page)),
            (22, Some(Service::Page)),
            (23, None),
        ] {
            let found = of_sample("outside-other", &syn(port), &watched());
            assert_eq!(found.map(|e| e.service), service, "{port}");
            assert!(found.is_none_or(|e| e.kind == Kind::Knock && e.tcp && !e.proven));
        }
        assert_eq!(
            of(4_569, b"\x80\0\x01\0\0\0\0\0\0\0\x06\x01").unwrap().kind,
            Kind::Knock
        );
        assert_eq!(of(5_060, b"GET / HTTP/1.1\r\n").unwrap().kind, Kind::Knock);
    }

    proptest! {
        #[test]
        fn any_payload_is_read(payload in proptest::collection::vec(any::<u8>(), 0..300),
                               cut in 0usize..400) {
            let _ = of(5_060, &payload);
            let message = svmap("REGISTER", "100");
            let mixed = [&message.as_bytes()[..cut.min(message.len())], &payload].concat();
            let found = of_datagram(STRANGER.parse().unwrap(), Service::Sip, 5_060, &mixed);
            prop_assert!(found.is_none_or(|e| !e.proven));
        }
    }
}
