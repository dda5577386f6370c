//! What the tests try, by the paragraphs of docs/security.md.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{
    Probes, at,
    packet::{self, protocol},
};

const SYN_ACK: u8 = 18;
const ACK: u8 = 16;
const RST: u8 = 4;

/// What strangers try at a PBX by IPv4 (F5).
pub fn strangers(pbx: Ipv4Addr) -> Probes {
    let who = at::ATTACKER;
    let about = packet::udp(
        SocketAddr::from((pbx, 5060)),
        SocketAddr::from((who, 5060)),
        b"",
    );
    Probes::default()
        .udp(
            "stranger",
            who,
            pbx,
            &[5060, 5061, 5080, 4569, 12_000, 19_999, 53, 69, 161],
        )
        .tcp(
            "stranger",
            who,
            pbx,
            &[5060, 5061, 5080, 22, 80, 443, 5038, 8088, 8089],
        )
        .segments("stranger", (ACK, " ack"), who, pbx, &[5060, 5061, 443])
        .segments("stranger", (SYN_ACK, " syn-ack"), who, pbx, &[5060])
        .segments("stranger", (RST, " rst"), who, pbx, &[5060])
        .segments("stranger", (0, " no flags"), who, pbx, &[5060])
        .echo("stranger", who, pbx)
        .pieces("stranger", who, pbx, 5060)
        .pieces("stranger", who, pbx, 12_000)
        .protocols(
            "stranger",
            who,
            pbx,
            &[4, 41, protocol::GRE, 50, 132, 136, 253],
        )
        // "Your packet did not arrive", about one that was never sent.
        .packet("stranger icmp error", |mark| {
            let body = [&[0; 4], &about[..], mark].concat();
            packet::icmp(who.into(), pbx.into(), 3, 1, &body)
        })
}

/// The same by IPv6.
pub fn strangers6(pbx: Ipv6Addr) -> Probes {
    let who = at::ATTACKER6;
    let (from, to) = (
        SocketAddr::from((who, 40_999)),
        SocketAddr::from((pbx, 5060)),
    );
    Probes::default()
        .udp(
            "stranger6",
            who,
            pbx,
            &[5060, 5061, 5080, 4569, 12_000, 161],
        )
        .tcp("stranger6", who, pbx, &[5060, 5061, 22, 80, 443])
        .segments("stranger6", (ACK, " ack"), who, pbx, &[5060, 443])
        .echo("stranger6", who, pbx)
        .pieces("stranger6", who, pbx, 5060)
        .protocols("stranger6", who, pbx, &[protocol::GRE, 132, 253])
        .packet("stranger6 udp behind options", |mark| {
            packet::udp_behind_options(from, to, mark)
        })
}

/// From outside, under addresses that cannot be there (F5): the PBX's, the office's, private ones.
pub fn spoofed(pbx: Ipv4Addr, pbx6: Ipv6Addr) -> Probes {
    let private = Ipv4Addr::new(10, 1, 2, 3);
    let ula = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 3);
    Probes::default()
        .udp("as the PBX", at::PBX, pbx, &[5060, 12_000])
        .udp("as the office", at::PAGE, pbx, &[5060, 161])
        .tcp("as the office", at::PAGE, pbx, &[80, 22])
        .udp("as a private network", private, pbx, &[5060])
        .udp("as link-local", Ipv4Addr::new(169, 254, 1, 1), pbx, &[5060])
        .udp("as the PBX by IPv6", pbx6, pbx6, &[5060])
        .udp("as a private network by IPv6", ula, pbx6, &[5060])
}

/// What a PoP may (F1).
pub fn pop(to: Ipv4Addr) -> Probes {
    Probes::default()
        .udp(
            "PoP",
            at::POP,
            to,
            &[5060, 5080, 4569, 10_000, 12_345, 20_000],
        )
        .tcp("PoP", at::POP, to, &[5060, 5080, 5061])
        .pieces("PoP", at::POP, to, 5060)
}

/// What a PoP may not, nor anybody who forges its address; nor a PoP that is not on the list.
pub fn beyond_pop(to: Ipv4Addr) -> Probes {
    Probes::default()
        .udp("PoP beyond", at::POP, to, &[53, 161, 9_999, 20_201])
        .tcp("PoP beyond", at::POP, to, &[22, 80, 443, 5038, 4569])
        .protocols("PoP beyond", at::POP, to, &[protocol::GRE, 50])
        .udp("other PoP", at::OTHER_POP, to, &[5060, 4569, 12_345])
        .tcp("other PoP", at::OTHER_POP, to, &[5060, 5061])
}

/// What the PBX may send to a PoP (F6).
pub fn to_pop() -> Probes {
    Probes::default()
        .udp(
            "to the PoP",
            at::PBX,
            at::POP,
            &[5060, 5070, 5080, 4569, 30_000],
        )
        .tcp("to the PoP", at::PBX, at::POP, &[5060, 5061, 5080])
        .pieces("to the PoP", at::PBX, at::POP, 5060)
}

/// What nobody who is inside may send to another carrier (F6), whatever `from_pbx` says.
pub fn to_carrier() -> Probes {
    Probes::default()
        .udp(
            "PBX to carrier",
            at::PBX,
            at::CARRIER,
            &[5060, 5062, 5080, 4569],
        )
        .tcp("PBX to carrier", at::PBX, at::CARRIER, &[5060, 5061, 5080])
        .pieces("PBX to carrier", at::PBX, at::CARRIER, 5060)
        .pieces("PBX to carrier by IPv6", at::PBX6, at::CARRIER6, 5060)
        .packet("PBX to carrier by IPv6 behind options", |mark| {
            let from = SocketAddr::from((at::PBX6, 40_998));
            packet::udp_behind_options(from, (at::CARRIER6, 5060).into(), mark)
        })
        .udp(
            "PBX to carrier by IPv6",
            at::PBX6,
            at::CARRIER6,
            &[5060, 4569],
        )
        .tcp(
            "PBX to carrier by IPv6",
            at::PBX6,
            at::CARRIER6,
            &[5060, 5061],
        )
        .udp(
            "office to carrier",
            at::PAGE,
            at::CARRIER,
            &[5060, 5080, 4569],
        )
        .tcp("office to carrier", at::PAGE, at::CARRIER, &[5060, 5061])
}

/// DNS and time (F7), for the PBX in every setting.
pub fn to_dns() -> Probes {
    Probes::default()
        .udp("PBX to DNS", at::PBX, at::DNS, &[53, 123])
        .tcp("PBX to DNS", at::PBX, at::DNS, &[53])
}

/// TCP anywhere (F7, `web`).
pub fn to_web() -> Probes {
    Probes::default()
        .tcp("PBX to web", at::PBX, at::CARRIER, &[25, 80, 443, 587])
        .tcp("PBX to web by IPv6", at::PBX6, at::CARRIER6, &[443])
}

/// Anything else (F7, `any`): another carrier's audio among it.
pub fn to_anything() -> Probes {
    Probes::default()
        .udp(
            "PBX to anything",
            at::PBX,
            at::CARRIER,
            &[443, 12_345, 20_000],
        )
        .udp("PBX to anything by IPv6", at::PBX6, at::CARRIER6, &[12_345])
        .echo("PBX to anything", at::PBX, at::CARRIER)
        .protocols(
            "PBX to anything",
            at::PBX,
            at::CARRIER,
            &[41, protocol::GRE, 50],
        )
}

/// What is no PBX goes where it likes, but for F6.
pub fn office_out() -> Probes {
    Probes::default()
        .udp("office out", at::PAGE, at::CARRIER, &[443, 12_345])
        .tcp("office out", at::PAGE, at::CARRIER, &[443, 22])
        .echo("office out", at::PAGE, at::CARRIER)
}
