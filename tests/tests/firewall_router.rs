//! What passes a box in `router` (docs/security.md, Packets), shown with packets captured behind it.

use std::{
    collections::BTreeSet,
    io::Read,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use serde_json::json;
use trunkguard_tests::{
    site::{
        Ears, Helper, Intent, Knock, Place, Probes, Site, Topology, at, attempts,
        ethernet::{self, kind},
        packet::{self, Raw, protocol},
    },
    wire,
};

const ROUTER: Topology = Topology::Router;

/// A phone at home (F3), and what it may not.
fn remote() -> (Probes, Probes) {
    let to = at::BOX_OUTSIDE;
    let may = Probes::default()
        .udp("remote", at::REMOTE, to, &[5060, 5080, 4569, 12_345])
        .tcp("remote", at::REMOTE, to, &[5060, 5061]);
    let may_not = Probes::default()
        .udp("remote beyond", at::REMOTE, at::PBX, &[161, 9_999])
        .tcp("remote beyond", at::REMOTE, at::PBX, &[22, 80, 443]);
    (may, may_not)
}

/// F1, F3, F5, and that IPv6 is no way round.
#[test]
fn firewall_router_f1_f3_f5_f17_from_outside() {
    Site::run(ROUTER, |site| {
        let (raw, capture) = (Raw::open(&site.internet)?, site.at_pbx()?);
        let strangers = [
            attempts::strangers(at::PBX),
            attempts::strangers6(at::PBX6),
            attempts::spoofed(at::PBX, at::PBX6),
            attempts::beyond_pop(at::PBX),
        ];
        let (remote, remote_beyond) = remote();
        // The control: without rules the box forwards all of it.
        for probes in strangers
            .iter()
            .chain([&attempts::pop(at::PBX), &remote_beyond])
        {
            probes.all_arrive(&raw, &capture)?;
        }
        // F17: a box that starts lets nothing pass.
        Helper::close(site)?;
        for probes in strangers.iter().chain([&attempts::pop(at::PBX)]) {
            probes.none_arrives(&raw, &capture)?;
        }
        attempts::to_pop().none_arrives(&Raw::open(&site.lan)?, &site.at_internet()?)?;
        let mut helper = Helper::start(site)?;
        helper.load(&Intent::new(ROUTER))?;
        for probes in &strangers {
            probes.none_arrives(&raw, &capture)?;
        }
        attempts::strangers(at::BOX_OUTSIDE).none_arrives(&raw, &capture)?;
        attempts::pop(at::PBX).all_arrive(&raw, &capture)?;
        attempts::pop(at::BOX_OUTSIDE).all_arrive(&raw, &capture)?;
        attempts::beyond_pop(at::BOX_OUTSIDE).none_arrives(&raw, &capture)?;
        Probes::default()
            .echo("PoP", at::POP, at::PBX)
            .all_arrive(&raw, &capture)?;

        remote.none_arrives(&raw, &capture)?;
        let home = format!("{}/32", at::REMOTE);
        helper.load(&Intent::new(ROUTER).with("remote", json!([home])))?;
        remote.all_arrive(&raw, &capture)?;
        remote_beyond.none_arrives(&raw, &capture)?;
        let counted = helper.figures()?;
        for counter in [
            "outside-sip",
            "outside-rtp",
            "outside-other",
            "outside-spoofed",
        ] {
            ensure!(
                counted.get(counter).is_some_and(|n| *n > 0),
                "{counter} did not count: {counted:?}"
            );
        }
        Ok(())
    });
}

/// F6 and F7: where the PBX and the office may go, in the three settings of `from_pbx`.
#[test]
fn firewall_router_f6_f7_from_inside() {
    Site::run(ROUTER, |site| {
        let (raw, capture) = (Raw::open(&site.lan)?, site.at_internet()?);
        let (pop, carrier, office) = (
            attempts::to_pop(),
            attempts::to_carrier(),
            attempts::office_out(),
        );
        let (dns, web, anything) = (
            attempts::to_dns(),
            attempts::to_web(),
            attempts::to_anything(),
        );
        for probes in [&pop, &carrier, &office, &dns, &web, &anything] {
            probes.all_arrive(&raw, &capture)?;
        }
        let mut helper = Helper::start(site)?;
        for (setting, web_passes, anything_passes) in [
            ("trunk", false, false),
            ("web", true, false),
            ("any", true, true),
        ] {
            helper.load(&Intent::new(ROUTER).with("from_pbx", json!(setting)))?;
            carrier.none_arrives(&raw, &capture)?;
            for probes in [&pop, &office, &dns] {
                probes.all_arrive(&raw, &capture)?;
            }
            for (probes, passes) in [(&web, web_passes), (&anything, anything_passes)] {
                let said = if passes {
                    probes.all_arrive(&raw, &capture)
                } else {
                    probes.none_arrives(&raw, &capture)
                };
                said.map_err(|e| e.context(format!("from_pbx = {setting}")))?;
            }
        }
        Ok(())
    });
}

/// Who reaches which port of the box, with `ssh` in the intent.
fn knocks<'a>(site: &'a Site<'_>) -> (Vec<Knock<'a>>, Vec<Knock<'a>>) {
    let (net, lan) = (&site.internet, &site.lan);
    let may = vec![
        Knock::udp(lan, at::PBX, at::BOX, 5060),
        Knock::tcp(lan, at::PBX, at::BOX, 5060),
        Knock::tcp(lan, at::PBX, at::BOX, 5061),
        Knock::tcp(lan, at::PAGE, at::BOX, 8080),
        Knock::tcp(lan, at::PAGE, at::BOX, 22),
        Knock::udp(lan, at::PAGE, at::BOX, 5353),
    ];
    let mut may_not = vec![
        Knock::udp(lan, at::PAGE, at::BOX, 5060),
        Knock::tcp(lan, at::PAGE, at::BOX, 5060),
        Knock::tcp(lan, at::PAGE, at::BOX, 443),
        Knock::udp(lan, at::PBX, at::BOX, 161),
        Knock::tcp(lan, at::PBX6, at::BOX6, 8080),
        Knock::udp(lan, at::PBX6, at::BOX6, 5060),
    ];
    // Strangers at the box's outside address, and across it at its inside one.
    for to in [at::BOX_OUTSIDE, at::BOX] {
        for port in [5060, 5061, 8080, 22, 80, 443] {
            may_not.push(Knock::tcp(net, at::ATTACKER, to, port));
        }
        for port in [5060, 5061, 8080, 161, 4569, 5353] {
            may_not.push(Knock::udp(net, at::ATTACKER, to, port));
        }
        may_not.push(Knock::tcp(net, at::POP, to, 8080));
    }
    for port in [5060, 8080, 22] {
        may_not.push(Knock::tcp(net, at::ATTACKER6, at::BOX_OUTSIDE6, port));
        may_not.push(Knock::udp(net, at::ATTACKER6, at::BOX_OUTSIDE6, port));
    }
    (may, may_not)
}

fn names(knocks: &[Knock<'_>]) -> BTreeSet<String> {
    knocks.iter().map(Knock::name).collect()
}

/// F9, F10, F11 in Prevent, and F13: in Detect they hold too.
#[test]
fn firewall_router_f9_f10_f11_the_box_itself() {
    Site::run(ROUTER, |site| {
        let ears = Ears::open(&site.gate)?;
        let (may, may_not) = knocks(site);
        let all = names(&may).union(&names(&may_not)).cloned().collect();
        let heard = [ears.hear(&may)?, ears.hear(&may_not)?].concat_sets();
        ensure!(
            heard == all,
            "the control is not heard: {:#?}",
            &all - &heard
        );

        let mut helper = Helper::start(site)?;
        let ssh = json!({ "sip": 5060, "sips": 5061, "web": [8080], "ssh": true });
        let intent = Intent::new(ROUTER).with("serves", ssh);
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
            spoofed_to_the_box(site, &ears)?;
        }
        // SSH only with `firewall.ssh`.
        helper.load(&Intent::new(ROUTER))?;
        let ssh = [Knock::tcp(&site.lan, at::PAGE, at::BOX, 22)];
        ensure!(
            ears.hear(&ssh)?.is_empty(),
            "SSH is open without firewall.ssh"
        );
        helper.figures().and_then(|counted| {
            let sum = counted["box-sip"]
                .min(counted["box-page"])
                .min(counted["clients-in"]);
            ensure!(sum > 0, "not counted: {counted:?}");
            Ok(())
        })
    });
}

/// From outside under the client's address, and under the office's.
fn spoofed_to_the_box(site: &Site<'_>, ears: &Ears) -> Result<()> {
    let (raw, lan) = (Raw::open(&site.internet)?, site.at_pbx()?);
    let to = |port| SocketAddr::from((at::BOX_OUTSIDE, port));
    let client = SocketAddr::from((at::PBX, 5060));
    raw.send(&packet::udp(
        client,
        to(5060),
        &packet::mark("forged client", 0),
    ))?;
    let office = SocketAddr::from((at::PAGE, 33_333));
    raw.send(&packet::tcp(office, to(8080), 2, b""))?;
    thread::sleep(Duration::from_millis(50));
    ensure!(
        ears.marks().is_empty(),
        "a forged client's datagram from outside reached the box"
    );
    let answers = lan.frames(|f| f.protocol == protocol::TCP && f.port() == Some(33_333))?;
    ensure!(
        answers.is_empty(),
        "the page answered a forged office address from outside: {answers:?}"
    );
    Ok(())
}

trait ConcatSets {
    fn concat_sets(self) -> BTreeSet<String>;
}

impl<const N: usize> ConcatSets for [BTreeSet<String>; N] {
    fn concat_sets(self) -> BTreeSet<String> {
        self.into_iter().flatten().collect()
    }
}

/// Somebody without an address asks by DHCP, on the wire of a place.
fn discover(place: &Place, name: &str) -> Result<()> {
    let (from, to) = (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);
    let packet = packet::udp((from, 68).into(), (to, 67).into(), &packet::mark(name, 0));
    ethernet::shout(place, kind::IPV4, &packet)
}

/// Which of two DHCP requests the box hears.
fn asked(site: &Site<'_>, ears: &Ears) -> Result<BTreeSet<String>> {
    ears.marks();
    discover(&site.internet, "outside")?;
    discover(&site.lan, "inside")?;
    asked_until(site, ears)
}

/// What the box has heard when a client's datagram, which is heard, has come after it.
fn asked_until(site: &Site<'_>, ears: &Ears) -> Result<BTreeSet<String>> {
    let (client, to) = (SocketAddr::from((at::PBX, 5060)), (at::BOX, 5060).into());
    Raw::open(&site.lan)?.send(&packet::udp(client, to, &packet::mark("end", 0)))?;
    let (started, mut heard) = (Instant::now(), BTreeSet::new());
    while !heard.remove("end") {
        heard.extend(ears.marks());
        ensure!(
            started.elapsed() < Duration::from_secs(10),
            "the client is not heard"
        );
    }
    Ok(heard)
}

/// F23: DHCP and DNS reach the box from inside, where it serves the office; never from outside, in no
/// mode.
#[test]
fn firewall_router_f23_dhcp_and_dns_from_inside_only() {
    Site::run(ROUTER, |site| {
        let ears = Ears::open(&site.gate)?;
        let (net, lan) = (&site.internet, &site.lan);
        let may = [
            Knock::udp(lan, at::PAGE, at::BOX, 53),
            Knock::tcp(lan, at::PAGE, at::BOX, 53),
            Knock::udp(lan, at::PBX, at::BOX, 53),
        ];
        let mut may_not = vec![
            Knock::udp(lan, at::PBX6, at::BOX6, 53),
            Knock::tcp(lan, at::PBX6, at::BOX6, 53),
            // No client of DHCP has this port.
            Knock::udp(lan, at::PAGE, at::BOX, 67),
        ];
        for to in [at::BOX_OUTSIDE, at::BOX] {
            for from in [at::ATTACKER, at::POP, at::UPSTREAM] {
                may_not.push(Knock::udp(net, from, to, 53));
                may_not.push(Knock::tcp(net, from, to, 53));
                may_not.push(Knock::udp(net, from, to, 67));
            }
        }
        // The control: without rules all of it is heard.
        let both: BTreeSet<String> = ["inside", "outside"].map(String::from).into();
        ensure!(
            asked(site, &ears)? == both,
            "DHCP is not heard without rules"
        );
        let all = names(&may).union(&names(&may_not)).cloned().collect();
        let heard = [ears.hear(&may)?, ears.hear(&may_not)?].concat_sets();
        ensure!(
            heard == all,
            "the control is not heard: {:#?}",
            &all - &heard
        );

        let mut helper = Helper::start(site)?;
        // A router that does not serve the office.
        helper.load(&Intent::new(ROUTER))?;
        let heard = [asked(site, &ears)?, ears.hear(&may)?, ears.hear(&may_not)?].concat_sets();
        ensure!(
            heard.is_empty(),
            "served without being asked to: {heard:#?}"
        );
        let serves = json!({ "sip": 5060, "sips": 5061, "web": [8080], "ssh": false, "office": "192.168.77.0/24" });
        let intent = Intent::new(ROUTER).with("serves", serves.clone());
        for intent in [intent.clone(), intent.detect()] {
            helper.load(&intent)?;
            ensure!(asked(site, &ears)? == ["inside".to_owned()].into());
            let heard = ears.hear(&may)?;
            ensure!(
                heard == names(&may),
                "not heard: {:#?}",
                &names(&may) - &heard
            );
            let heard = ears.hear(&may_not)?;
            ensure!(heard.is_empty(), "these reached the box: {heard:#?}");
        }
        // An office's address that arrives outside.
        let forged = SocketAddr::from((at::PAGE, 33_333));
        let to = SocketAddr::from((at::BOX_OUTSIDE, 53));
        Raw::open(net)?.send(&packet::udp(forged, to, &packet::mark("forged", 0)))?;
        let heard = asked_until(site, &ears)?;
        ensure!(!heard.contains("forged"), "a forged question was heard");
        // And the helper serves nobody who is not the office.
        let mut beside = serves;
        beside["office"] = json!("203.0.113.0/24");
        let said = helper.load_in_vain(&Intent::new(ROUTER).with("serves", beside))?;
        ensure!(said.contains("not private"), "{said}");
        Ok(())
    });
}

/// F13: in Detect what would be dropped passes and is counted by the same rules; back in Prevent it
/// is dropped again, flows that began in Detect among it.
#[test]
fn firewall_router_f13_detect_counts_and_lets_pass() {
    Site::run(ROUTER, |site| {
        let (outside, at_pbx) = (Raw::open(&site.internet)?, site.at_pbx()?);
        let (inside, at_internet) = (Raw::open(&site.lan)?, site.at_internet()?);
        let prevent = Intent::new(ROUTER);
        let mut helper = Helper::start(site)?;
        helper.load(&prevent.detect())?;
        let before = helper.figures()?;
        let (strangers, strangers6) =
            (attempts::strangers(at::PBX), attempts::strangers6(at::PBX6));
        strangers.all_arrive(&outside, &at_pbx)?;
        strangers6.all_arrive(&outside, &at_pbx)?;
        attempts::to_carrier().all_arrive(&inside, &at_internet)?;
        attempts::to_anything().all_arrive(&inside, &at_internet)?;
        let after = helper.figures()?;
        for counter in [
            "outside-sip",
            "outside-rtp",
            "outside-other",
            "pbx-sip",
            "pbx-udp",
        ] {
            ensure!(
                after[counter] > before[counter],
                "Detect did not count {counter}: {after:?}"
            );
        }
        helper.load(&prevent)?;
        strangers.none_arrives(&outside, &at_pbx)?;
        strangers6.none_arrives(&outside, &at_pbx)?;
        attempts::to_carrier().none_arrives(&inside, &at_internet)?;
        attempts::to_anything().none_arrives(&inside, &at_internet)
    });
}

/// F2: who was asked may answer, and nobody else; ICMP errors about what the PBX sent come back to it
/// (F8, path MTU), and others do not; what SIP says in its text opens nothing.
#[test]
fn firewall_router_f2_f8_answers_errors_and_no_sip_helper() {
    Site::run(ROUTER, |site| {
        let (outside, at_pbx) = (Raw::open(&site.internet)?, site.at_pbx()?);
        let (inside, at_internet) = (Raw::open(&site.lan)?, site.at_internet()?);
        let mut helper = Helper::start(site)?;
        helper.load(&Intent::new(ROUTER))?;
        let asked = Probes::default()
            .packet("SIP", |mark| {
                let text = [b"INVITE sip:1@pop SIP/2.0\r\n\r\nc=IN IP4 192.168.77.10\r\nm=audio 15000 RTP/AVP 0\r\n", mark].concat();
                packet::udp((at::PBX, 5060).into(), (at::POP, 5060).into(), &text)
            })
            .packet("DNS", |mark| {
                packet::udp((at::PBX, 33_001).into(), (at::DNS, 53).into(), mark)
            });
        asked.all_arrive(&inside, &at_internet)?;
        let server = SocketAddr::from((at::CARRIER, 443));
        let listener = (site.internet).within(|| Ok(TcpListener::bind(server)?))?;
        let mut web = site.lan.within(|| wire::Tcp::from(at::PBX, server))?;
        let (mut other_end, _) = listener.accept()?;
        web.send(b"hello")?;
        other_end.read_exact(&mut [0; 5])?;
        answers().all_arrive(&outside, &at_pbx)?;
        not_answers().none_arrives(&outside, &at_pbx)
    });
}

/// An ICMP error about a datagram of the PBX, as the internet saw it.
fn error(mark: &[u8], port: u16) -> Vec<u8> {
    let about = packet::udp((at::BOX_OUTSIDE, port).into(), (at::POP, 5060).into(), mark);
    let too_big = [&[0, 0, 5, 0][..], &about].concat();
    packet::icmp(at::UPSTREAM.into(), at::BOX_OUTSIDE.into(), 3, 4, &too_big)
}

fn answers() -> Probes {
    let udp = |from, port, mark: &[u8]| {
        packet::udp(SocketAddr::from(from), (at::BOX_OUTSIDE, port).into(), mark)
    };
    Probes::default()
        .packet("DNS answers", |mark| udp((at::DNS, 53), 33_001, mark))
        .packet("PoP answers", |mark| udp((at::POP, 5060), 5060, mark))
        .packet("too big", |mark| error(mark, 5060))
        // SIP of the PoP that names somebody else's address for audio.
        .packet("PoP names another", |mark| {
            let text = [
                b"INVITE sip:1@pbx SIP/2.0\r\n\r\nc=IN IP4 203.0.113.66\r\nm=audio 16000 RTP/AVP 0\r\n",
                mark,
            ]
            .concat();
            udp((at::POP, 5060), 5060, &text)
        })
}

fn not_answers() -> Probes {
    let outside = |port| SocketAddr::from((at::BOX_OUTSIDE, port));
    Probes::default()
        .packet("another answers for DNS", |mark| {
            packet::udp((at::ATTACKER, 53).into(), outside(33_001), mark)
        })
        .packet("another port answers for DNS", |mark| {
            packet::udp((at::DNS, 54).into(), outside(33_001), mark)
        })
        .packet("another answers for the web", |mark| {
            packet::tcp((at::ATTACKER, 443).into(), outside(5060), 18, mark)
        })
        .packet("another answers for the PoP", |mark| {
            packet::udp((at::ATTACKER, 5060).into(), outside(5060), mark)
        })
        .packet("too big, of nothing", |mark| error(mark, 5_999))
        .packet("audio to what the PBX's SIP names", |mark| {
            packet::udp((at::ATTACKER, 16_000).into(), outside(15_000), mark)
        })
        .packet("audio from what the PoP's SIP names", |mark| {
            let to = SocketAddr::from((at::PBX, 15_000));
            packet::udp((at::ATTACKER, 16_000).into(), to, mark)
        })
}
