//! harness
use anyhow::{Result, ensure};
use std::{io::Write as _, net::SocketAddr, time::Duration};
use trunkguard_tests::site::{Site, Topology, Pop, at, packet, Flow};

const OPEN: &str = "
table ip tgtest {
  chain pre { type nat hook prerouting priority dstnat; iifname out0 ip daddr 192.0.2.10 ip saddr 208.100.60.0/24 dnat to 192.168.77.10; }
  chain post { type nat hook postrouting priority srcnat; oifname out0 masquerade; }
}
";

#[test]
fn harness() {
    Site::run(Topology::Router, |site| {
        let file = site.office.folder().join("x.nft");
        std::fs::File::create(&file)?.write_all(OPEN.as_bytes())?;
        site.gate.command("nft", &["-f", &file.to_string_lossy()])?;
        let capture = site.capture()?;
        let raw = packet::Raw::open(&site.internet)?;
        let a = SocketAddr::from((at::ATTACKER, 5060));
        raw.send(&packet::udp(a, SocketAddr::from((at::PBX, 5060)), &packet::mark("a", 1)))?;
        for p in packet::pieces(a, SocketAddr::from((at::PBX, 5060)), &[packet::mark("b", 1), vec![0; 100]].concat(), 64) { raw.send(&p)?; }
        let a6 = SocketAddr::from((at::ATTACKER6, 5060));
        let p6 = SocketAddr::from((at::PBX6, 5060));
        raw.send(&packet::udp(a6, p6, &packet::mark("c", 1)))?;
        raw.send(&packet::udp_behind_options(a6, p6, &packet::mark("d", 1)))?;
        for p in packet::pieces(a6, p6, &[packet::mark("e", 1), vec![0; 100]].concat(), 64) { raw.send(&p)?; }
        for f in capture.frames(|_| true)? { println!("{f}"); }
        let pbx = site.asterisk(&["site", "behind-router"])?;
        let pop = Pop::start(&site.internet, at::POP)?;
        pop.wait_for("REGISTER", 1)?;
        let call = pop.call(SocketAddr::from((at::BOX_OUTSIDE, 5060)), "4165551234")?;
        let talk = call.talk("rtp");
        std::thread::sleep(Duration::from_secs(2));
        println!("{:?}", talk.stop()?);
        call.hang_up()?;
        pbx.cli("channel originate PJSIP/12125551234@pop application Echo")?;
        let call = pop.taken()?;
        let talk = call.talk("rtp2");
        std::thread::sleep(Duration::from_secs(2));
        println!("{:?}", talk.stop()?);
        call.hang_up()?;
        println!("{}", pbx.cli("pjsip show registrations")?);
        let f = Flow::start(&site.internet, "load", a, SocketAddr::from((at::PBX, 9)), 20000)?;
        std::thread::sleep(Duration::from_secs(2));
        let c = f.stop()?;
        println!("{c:?} {} missing {:?}", c.rate(), capture.missing("load", c.sent)?.len());
        Ok(())
    });
}
