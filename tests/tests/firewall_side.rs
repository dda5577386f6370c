//! What reaches a box in `side` (docs/security.md, Packets: F9 to F11, F13 to F15, F17): it stands
//! beside PBX, office and a gateway, and protects itself.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use serde_json::json;
use trunkguard_tests::site::{
    Capture, Ears, Frame, Helper, Intent, Knock, Site, Topology, at,
    packet::{self, Raw, protocol},
};

const SIDE: Topology = Topology::Side;

fn names(knocks: &[Knock<'_>]) -> BTreeSet<String> {
    knocks.iter().map(Knock::name).collect()
}

fn allowed<'a>(site: &'a Site<'_>) -> Vec<Knock<'a>> {
    vec![
        Knock::udp(&site.lan, at::PBX, at::BOX, 5060),
        Knock::tcp(&site.lan, at::PBX, at::BOX, 5060),
        Knock::tcp(&site.lan, at::PBX, at::BOX, 5061),
        Knock::tcp(&site.lan, at::PAGE, at::BOX, 8080),
        Knock::tcp(&site.internet, at::NEIGHBOUR, at::BOX, 8080),
        Knock::udp(&site.lan, at::PAGE, at::BOX, 5353),
    ]
}

fn denied<'a>(site: &'a Site<'_>) -> Vec<Knock<'a>> {
    let (lan, net) = (&site.lan, &site.internet);
    let mut all = vec![
        Knock::udp(lan, at::PAGE, at::BOX, 5060),
        Knock::tcp(lan, at::PAGE, at::BOX, 5060),
        Knock::tcp(lan, at::PAGE, at::BOX, 22),
        Knock::udp(net, at::NEIGHBOUR, at::BOX, 5060),
        Knock::tcp(net, at::NEIGHBOUR, at::BOX, 443),
        // A PoP speaks to the PBX, and never to the box.
        Knock::udp(net, at::POP, at::BOX, 5060),
        Knock::tcp(net, at::POP, at::BOX, 5061),
        Knock::tcp(net, at::ATTACKER6, at::BOX6, 8080),
        Knock::udp(net, at::ATTACKER6, at::BOX6, 5060),
        Knock::tcp(lan, at::PBX6, at::BOX6, 22),
    ];
    for port in [5060, 5061, 8080, 161, 4569, 5353] {
        all.push(Knock::udp(net, at::ATTACKER, at::BOX, port));
    }
    for port in [5060, 5061, 8080, 22, 80, 443] {
        all.push(Knock::tcp(net, at::ATTACKER, at::BOX, port));
    }
    all
}

/// F9, F10, in Prevent and in Detect (F13); F17 before the first rules.
#[test]
fn firewall_side_f9_f10_f13_f17_the_box_itself() {
    Site::run(SIDE, |site| {
        let ears = Ears::open(&site.gate)?;
        let (may, may_not) = (allowed(site), denied(site));
        for knocks in [&may, &may_not] {
            let heard = ears.hear(knocks)?;
            ensure!(
                heard == names(knocks),
                "the control is not heard: {:#?}",
                &names(knocks) - &heard
            );
        }
        Helper::close(site)?;
        let mut helper = Helper::start(site)?;
        let closed = [ears.hear(&may)?, ears.hear(&may_not)?].concat_all();
        ensure!(
            closed.is_empty(),
            "F17: before the first rules came {closed:#?}"
        );
        let intent = Intent::new(SIDE);
        for intent in [intent.clone(), intent.detect()] {
            helper.load(&intent)?;
            let heard = ears.hear(&may)?;
            ensure!(
                heard == names(&may),
                "not heard: {:#?}",
                &names(&may) - &heard
            );
            let heard = ears.hear(&may_not)?;
            ensure!(heard.is_empty(), "these reached the box: {heard:#?}");
        }
        Ok(())
    });
}

trait ConcatAll {
    fn concat_all(self) -> BTreeSet<String>;
}

impl<const N: usize> ConcatAll for [BTreeSet<String>; N] {
    fn concat_all(self) -> BTreeSet<String> {
        self.into_iter().flatten().collect()
    }
}

/// F11: pings are answered, ten a second; what the box asks is answered; neighbours find it; in
/// pieces or under other protocols nothing comes.
#[test]
fn firewall_side_f11_pings_answers_and_neighbours() {
    Site::run(SIDE, |site| {
        let (raw, ears) = (Raw::open(&site.internet)?, Ears::open(&site.gate)?);
        let at_internet = site.at_internet()?;
        let ping = packet::echo(at::ATTACKER.into(), at::BOX.into(), b"ping");
        let answered = || -> Result<usize> {
            at_internet.clear()?;
            for _ in 0..200 {
                raw.send(&ping)?;
            }
            let is_answer = |f: &Frame| {
                !f.leaves && f.protocol == protocol::ICMP && f.source() == Some(at::BOX.into())
            };
            Ok(at_internet.frames(is_answer)?.len())
        };
        let all = answered()?;
        ensure!(all == 200, "the control: {all} of 200 pings were answered");
        let mut helper = Helper::start(site)?;
        helper.load(&Intent::new(SIDE))?;
        let some = answered()?;
        ensure!(
            (1..=25).contains(&some),
            "{some} of 200 pings at once were answered"
        );

        // The box asks DNS, and is answered; nobody else is heard at that port.
        let question = site
            .gate
            .within(|| Ok(std::net::UdpSocket::bind("192.168.77.2:0")?))?;
        let server = site
            .internet
            .within(|| Ok(std::net::UdpSocket::bind("192.0.2.53:53")?))?;
        for socket in [&question, &server] {
            socket.set_read_timeout(Some(Duration::from_millis(500)))?;
        }
        let mut buffer = [0; 64];
        question.send_to(b"question", "192.0.2.53:53")?;
        let (_, who) = server.recv_from(&mut buffer)?;
        let liar = SocketAddr::from((at::ATTACKER, 53));
        raw.send(&packet::udp(liar, who, b"lie"))?;
        server.send_to(b"answer", who)?;
        let length = question.recv(&mut buffer)?;
        ensure!(&buffer[..length] == b"answer", "the answer is another's");

        site.internet.command("ip", &["neigh", "flush", "all"])?;
        site.gate.command("ip", &["neigh", "flush", "all"])?;
        for (from, to) in [
            (IpAddr::from(at::NEIGHBOUR), IpAddr::from(at::BOX)),
            (at::ATTACKER6.into(), at::BOX6.into()),
        ] {
            is_found(&raw, &at_internet, from, to)?;
        }
        pieces(site, &raw, &ears)
    });
}

/// Pings until there is an answer: the limit of ten a second may be used up.
fn is_found(raw: &Raw, at_internet: &Capture, from: IpAddr, to: IpAddr) -> Result<()> {
    let started = Instant::now();
    loop {
        raw.send(&packet::echo(from, to, b"neighbour"))?;
        let answers = at_internet.frames(|f| f.between == Some((to, from)) && !f.leaves)?;
        let is_echo = |f: &Frame| matches!(f.protocol, protocol::ICMP | protocol::ICMP6);
        if answers.iter().any(is_echo) {
            return Ok(());
        }
        ensure!(
            started.elapsed() < Duration::from_secs(5),
            "{to} is not found any more"
        );
    }
}

/// Pieces of a stranger's datagram, and of a client's.
fn pieces(site: &Site<'_>, raw: &Raw, ears: &Ears) -> Result<()> {
    let to = SocketAddr::from((at::BOX, 5060));
    let payload = |name: &str| [packet::mark(name, 0), vec![b'.'; 400]].concat();
    for piece in packet::pieces((at::ATTACKER, 4_000).into(), to, &payload("stranger"), 64) {
        raw.send(&piece)?;
    }
    let inside = Raw::open(&site.lan)?;
    for piece in packet::pieces((at::PBX, 4_000).into(), to, &payload("client"), 64) {
        inside.send(&piece)?;
    }
    thread::sleep(Duration::from_millis(50));
    let heard = ears.marks();
    ensure!(
        heard == BTreeSet::from([String::from("client")]),
        "pieces that were heard: {heard:?}"
    );
    Ok(())
}

/// F15: allowed addresses are not banned; a ban outlives a change of the rules.
#[test]
fn firewall_side_f15_bans() {
    Site::run(SIDE, |site| {
        let raw = Raw::open(&site.internet)?;
        let mut helper = Helper::start(site)?;
        helper.load(&Intent::new(SIDE))?;
        for address in [
            at::PBX,
            at::PAGE,
            at::POP,
            at::GATEWAY,
            at::BOX,
            at::NEIGHBOUR,
        ] {
            for service in ["sip", "page"] {
                let ban = json!({ "address": address, "service": service, "seconds": 60 });
                let reply = helper.order(&json!({ "ban": [ban] }))?;
                ensure!(
                    reply.get("refused").is_some(),
                    "{address} was banned: {reply}"
                );
            }
        }
        let ban = json!({ "address": at::ATTACKER, "service": "page", "seconds": 60 });
        helper.done(&json!({ "ban": [ban] }))?;
        helper.load(&Intent::new(SIDE).with("pops", json!(["208.100.60.18/32"])))?;
        let knock = || {
            let page = SocketAddr::from((at::BOX, 8080));
            let sent = raw.send(&packet::tcp((at::ATTACKER, 4_001).into(), page, 2, b""));
            thread::sleep(Duration::from_millis(30));
            sent
        };
        knock()?;
        let counted = helper.figures()?;
        ensure!(
            counted["page-banned"] == 1,
            "the ban did not hold: {counted:?}"
        );
        helper.done(&json!({ "unban": [[at::ATTACKER, "page"]] }))?;
        knock()?;
        let counted = helper.figures()?;
        ensure!(
            counted["page-banned"] == 1,
            "the ban was not lifted: {counted:?}"
        );
        ensure!(
            counted["box-page"] == 1,
            "without the ban it counts as any stranger's: {counted:?}"
        );
        Ok(())
    });
}
