//! Is a PoP there, and how far away? An OPTIONS and its answer (RFC 3261 11), without a socket.
//!
//! Nothing in it says whose office asks, but for the address that it comes from: the user part is always
//! `probe`, and there is no Contact, since nobody is to call back.

use core::net::SocketAddr;

use crate::{
    lines::{Lines, split_line},
    text::{is_space, number, split_outside, trim},
    via::Via,
    write::Writer,
};

/// Octets that an OPTIONS of this kind has at most.
pub const LONGEST: usize = 1_024;
/// Octets of an answer that are looked at: its headers stand in front.
const LOOKED_AT: usize = 4_096;
/// Header lines of an answer that are looked at.
const LINES: usize = 64;

/// One OPTIONS on its way. A retransmission is the same octets again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    target: SocketAddr,
    local: SocketAddr,
    branch: u64,
    call: u64,
    tag: u64,
}

impl Probe {
    /// A probe of `target` from `local`, which is the address that the socket has; `random` makes
    /// it one that only who sees it can answer.
    pub fn new(target: SocketAddr, local: SocketAddr, random: [u64; 3]) -> Probe {
        let [branch, call, tag] = random;
        Probe {
            target: canonical(target),
            local: canonical(local),
            branch,
            call,
            tag,
        }
    }

    /// Whom it asks.
    pub fn target(&self) -> SocketAddr {
        self.target
    }

    /// Writes the request (UDP) and answers with its octets; `None` when `out` has no room for it.
    /// [`LONGEST`] octets are enough.
    pub fn request<'o>(&self, out: &'o mut [u8]) -> Option<&'o [u8]> {
        let Probe {
            target,
            local,
            branch,
            call,
            tag,
        } = *self;
        let mut w = Writer::new(out);
        w.put(b"OPTIONS sip:");
        host_port(&mut w, target);
        w.put(b" SIP/2.0\r\nVia: SIP/2.0/UDP ");
        host_port(&mut w, local);
        w.put(b";rport;branch=z9hG4bK");
        w.hexadecimal(branch);
        w.put(b"\r\nMax-Forwards: 70\r\nFrom: <sip:probe@");
        host(&mut w, local);
        w.put(b">;tag=");
        w.hexadecimal(tag);
        w.put(b"\r\nTo: <sip:");
        host_port(&mut w, target);
        w.put(b">\r\nCall-ID: ");
        w.hexadecimal(call);
        w.put(b"\r\nCSeq: 1 OPTIONS\r\nAccept: application/sdp\r\nUser-Agent: Trunkguard\r\n");
        w.put(b"Content-Length: 0\r\n\r\n");
        let len = w.finish()?;
        out.get(..len)
    }

    /// The status of the answer to this probe; `None` for any other octets, from whomever. It must
    /// come from where the probe went, by one Via with its branch, and with its Call-ID, From tag and
    /// CSeq (RFC 3261 17.1.3). A provisional answer (1xx) is one too: somebody is there.
    pub fn reads(&self, bytes: &[u8], from: SocketAddr) -> Option<u16> {
        if canonical(from) != self.target {
            return None;
        }
        let bytes = bytes.get(..LOOKED_AT).unwrap_or(bytes);
        let (line, header) = split_line(bytes)?;
        let status = status(line)?;
        let (mut vias, mut call_id, mut cseq, mut tag) = (0, 0, 0, 0);
        for line in Lines::new(header).take(LINES) {
            let Some(colon) = memchr::memchr(b':', line) else {
                continue;
            };
            let (name, value) = (trim(&line[..colon]), trim(&line[colon + 1..]));
            let is = |long: &[u8], compact: u8| {
                name.eq_ignore_ascii_case(long) || name.eq_ignore_ascii_case(&[compact])
            };
            if is(b"via", b'v') {
                vias += 1;
                self.is_our_via(value).then_some(())?;
            } else if is(b"call-id", b'i') {
                call_id += 1;
                is_hexadecimal(value, self.call).then_some(())?;
            } else if name.eq_ignore_ascii_case(b"cseq") {
                cseq += 1;
                is_our_cseq(value).then_some(())?;
            } else if is(b"from", b'f') {
                tag += 1;
                self.is_our_from(value).then_some(())?;
            }
        }
        ((vias, call_id, cseq, tag) == (1, 1, 1, 1)).then_some(status)
    }

    /// One value, of the branch that went out.
    fn is_our_via(&self, value: &[u8]) -> bool {
        // A second Via in the line would be that of an answer to somebody else.
        let alone = split_outside(value, b',').is_ok_and(|(_, more)| more.is_none());
        let branch = Via::read(value).map(|via| via.branch);
        let number = branch.and_then(|branch| branch.strip_prefix(b"z9hG4bK"));
        alone && number.is_some_and(|number| is_hexadecimal(number, self.branch))
    }

    fn is_our_from(&self, value: &[u8]) -> bool {
        let Ok((_, Some(parameters))) = split_outside(value, b';') else {
            return false;
        };
        let mut tag = None;
        let sound = crate::text::Parameters(Some(parameters)).walk(|name, value| {
            if name.eq_ignore_ascii_case(b"tag") {
                tag = Some(value);
            }
        });
        sound && tag.is_some_and(|tag| is_hexadecimal(tag, self.tag))
    }
}

/// `SIP/2.0 200 OK` (RFC 3261 7.2); the version has no case.
fn status(line: &[u8]) -> Option<u16> {
    let version = line.get(..8)?;
    let rest = line
        .get(8..)
        .filter(|_| version.eq_ignore_ascii_case(b"SIP/2.0 "))?;
    let (code, behind) = rest.split_at_checked(3)?;
    let ends = behind.first().is_none_or(|&b| is_space(b));
    number(code, 699)
        .filter(|&code| ends && code >= 100)
        .map(|code| code as u16)
}

fn is_our_cseq(value: &[u8]) -> bool {
    let Some(space) = value.iter().position(|&b| is_space(b)) else {
        return false;
    };
    number(&value[..space], u64::from(u32::MAX)) == Some(1) && trim(&value[space..]) == b"OPTIONS"
}

fn is_hexadecimal(text: &[u8], expected: u64) -> bool {
    let mut buffer = [0; 16];
    Writer::new(&mut buffer).hexadecimal(expected);
    text == buffer
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn host(w: &mut Writer<'_>, address: SocketAddr) {
    if address.is_ipv6() {
        w.put(b"[");
        w.address(address.ip());
        w.put(b"]");
    } else {
        w.address(address.ip());
    }
}

fn host_port(w: &mut Writer<'_>, address: SocketAddr) {
    host(w, address);
    w.put(b":");
    w.decimal(u32::from(address.port()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{Framing, Read, read};

    const RANDOM: [u64; 3] = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, 7];

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    fn probe() -> Probe {
        Probe::new(at("208.100.60.17:5060"), at("192.0.2.10:5066"), RANDOM)
    }

    /// The answer that a PoP gives, with some of it replaced.
    fn answer(replace: &[(&str, &str)]) -> Vec<u8> {
        let mut text = "SIP/2.0 200 OK\r\n\
            Via: SIP/2.0/UDP 192.0.2.10:5066;received=203.0.113.9;rport=40000;branch=z9hG4bK0123456789abcdef\r\n\
            From: <sip:probe@192.0.2.10>;tag=0000000000000007\r\n\
            To: <sip:208.100.60.17:5060>;tag=as1\r\nCall-ID: fedcba9876543210\r\nCSeq: 1 OPTIONS\r\n\
            Server: voip.ms\r\nContent-Length: 0\r\n\r\n"
            .to_owned();
        for (from, to) in replace {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        text.into_bytes()
    }

    #[test]
    fn the_request_is_what_rfc_3261_asks_for() {
        let mut buffer = [0; LONGEST];
        let request = probe().request(&mut buffer).expect("room");
        let expected = "OPTIONS sip:208.100.60.17:5060 SIP/2.0\r\n\
            Via: SIP/2.0/UDP 192.0.2.10:5066;rport;branch=z9hG4bK0123456789abcdef\r\n\
            Max-Forwards: 70\r\nFrom: <sip:probe@192.0.2.10>;tag=0000000000000007\r\n\
            To: <sip:208.100.60.17:5060>\r\nCall-ID: fedcba9876543210\r\nCSeq: 1 OPTIONS\r\n\
            Accept: application/sdp\r\nUser-Agent: Trunkguard\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(core::str::from_utf8(request), Ok(expected));
        assert!(
            matches!(read(request, Framing::Datagram), Read::Request(m) if m.method == b"OPTIONS")
        );
        assert_eq!(probe().request(&mut [0; 64]), None);
    }

    #[test]
    fn ipv6_stands_in_brackets_and_the_longest_fits() {
        let long = "[2001:db8:1111:2222:3333:4444:5555:6666]:65535";
        let mut buffer = [0; LONGEST];
        let probe = Probe::new(at(long), at(long), [u64::MAX; 3]);
        let text = core::str::from_utf8(probe.request(&mut buffer).expect("room")).expect("text");
        assert!(text.starts_with(&format!(
            "OPTIONS sip:{long} SIP/2.0\r\nVia: SIP/2.0/UDP {long};"
        )));
        let mapped = Probe::new(
            at("[::ffff:208.100.60.17]:5060"),
            at("192.0.2.10:5066"),
            RANDOM,
        );
        assert_eq!(mapped, self::probe());
    }

    #[test]
    fn the_answer_is_known_in_its_spellings() {
        let from = at("208.100.60.17:5060");
        for (replace, status) in [
            (&[][..], Some(200)),
            (&[("SIP/2.0 200 OK", "sip/2.0 401 Unauthorized")], Some(401)),
            (&[("SIP/2.0 200 OK", "SIP/2.0 404")], Some(404)),
            (
                &[("Via:", "v :"), ("Call-ID:", "i:"), ("From:", "f:")],
                Some(200),
            ),
            (&[("CSeq: 1 OPTIONS", "cseq:\t1\r\n  OPTIONS")], Some(200)),
            (&[("From: <", "From: \"a;tag=x\" <")], Some(200)),
        ] {
            assert_eq!(probe().reads(&answer(replace), from), status, "{replace:?}");
        }
        assert_eq!(
            probe().reads(&answer(&[]), at("[::ffff:208.100.60.17]:5060")),
            Some(200)
        );
        // Cut behind what counts, as a datagram may be.
        let whole = answer(&[]);
        let cut = &whole[..whole.len() - "Server: voip.ms\r\nContent-Length: 0\r\n\r\n".len()];
        assert_eq!(probe().reads(cut, from), Some(200));
    }

    #[test]
    fn anything_else_is_no_answer() {
        for from in [
            "208.100.60.17:5061",
            "208.100.60.18:5060",
            "[2001:db8::1]:5060",
        ] {
            assert_eq!(probe().reads(&answer(&[]), at(from)), None, "{from}");
        }
        let from = at("208.100.60.17:5060");
        for replace in [
            &[("z9hG4bK0123456789abcdef", "z9hG4bK0123456789abcdee")][..],
            &[("z9hG4bK0123456789abcdef", "0123456789abcdef")],
            &[("z9hG4bK0123456789abcdef", "z9hG4bK0123456789ABCDEF")],
            &[(";branch=z9hG4bK0123456789abcdef", "")],
            &[("fedcba9876543210", "fedcba98765432100")],
            &[("tag=0000000000000007", "tag=0000000000000008")],
            &[(";tag=0000000000000007", "")],
            &[("CSeq: 1 OPTIONS", "CSeq: 2 OPTIONS")],
            &[("CSeq: 1 OPTIONS", "CSeq: 1 INVITE")],
            &[("CSeq: 1 OPTIONS\r\n", "")],
            &[("Call-ID: fedcba9876543210\r\n", "")],
            &[(
                "Server:",
                "Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK0123456789abcdef\r\nServer:",
            )],
            &[(
                "z9hG4bK0123456789abcdef",
                "z9hG4bK0123456789abcdef, SIP/2.0/UDP 192.0.2.1",
            )],
            &[("Server:", "CSeq: 1 OPTIONS\r\nServer:")],
            &[("SIP/2.0 200 OK", "SIP/2.0 2000 OK")],
            &[("SIP/2.0 200 OK", "SIP/2.0 099 OK")],
            &[("SIP/2.0 200 OK", "SIP/2.0 700 OK")],
            &[("SIP/2.0 200 OK", "SIP/3.0 200 OK")],
            &[("SIP/2.0 200 OK", "OPTIONS sip:a SIP/2.0")],
        ] {
            assert_eq!(probe().reads(&answer(replace), from), None, "{replace:?}");
        }
        let mut buffer = [0; LONGEST];
        let own = probe().request(&mut buffer).expect("room");
        for bytes in [
            own,
            b"",
            b"\r\n\r\n",
            b"SIP/2.0 200 OK\r\n\r\n",
            &[0xff; 2_000],
        ] {
            assert_eq!(probe().reads(bytes, from), None);
        }
        // What counts stands behind more than is looked at.
        let padding = "X: y\r\n".repeat(100);
        let late = answer(&[("Via:", &format!("{padding}Via:"))]);
        assert_eq!(probe().reads(&late, from), None);
    }

    #[test]
    fn no_octet_of_an_answer_can_be_changed_into_a_panic() {
        let from = at("208.100.60.17:5060");
        let whole = answer(&[]);
        for at in 0..whole.len() {
            assert!(
                probe()
                    .reads(&whole[..at], from)
                    .is_none_or(|status| status == 200)
            );
            for octet in [0, b'\n', b'\r', b' ', b'"', b'<', b';', b':', b'=', 0xff] {
                let mut changed = whole.clone();
                changed[at] = octet;
                let _ = probe().reads(&changed, from);
            }
        }
    }
}
