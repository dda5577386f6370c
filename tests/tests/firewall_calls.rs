//! Calls of a real Asterisk behind the box (docs/security.md, Packets).

use std::{net::SocketAddr, thread, time::Duration};

use anyhow::{Result, ensure};
use trunkguard_tests::site::{Helper, Intent, Pop, Site, Topology, at};

/// Calls of a real Asterisk behind the box: it registers at the PoP and not at another carrier (F6),
/// is called and calls, and audio goes both ways.
#[test]
fn firewall_calls_f1_f2_f6_router() {
    Site::run(Topology::Router, |site| {
        let carrier = Pop::start(&site.internet, at::CARRIER)?;
        let pop = Pop::start(&site.internet, at::POP)?;
        let mut helper = Helper::start(site)?;
        helper.load(&Intent::new(Topology::Router).detect())?;
        let pbx = site.asterisk(&["site", "behind-router"])?;
        // The control: in Detect the other carrier is there.
        carrier.wait_for("REGISTER", 1)?;
        pop.wait_for("REGISTER", 1)?;
        helper.load(&Intent::new(Topology::Router))?;
        let at_internet = site.at_internet()?;
        pbx.cli("pjsip send unregister *all")?;
        pbx.cli("pjsip send register *all")?;
        pop.wait_for("REGISTER", 2)?;

        let call = pop.call(SocketAddr::from((at::BOX_OUTSIDE, 5060)), "4165551234")?;
        let talk = call.talk("inbound");
        pbx.cli("channel originate PJSIP/12125551234@pop application Echo")?;
        pbx.cli("channel originate PJSIP/12125551234@carrier application Echo")?;
        thread::sleep(Duration::from_secs(1));
        all_came_back("inbound", talk.stop()?)?;
        call.hang_up()?;
        let call = pop.taken()?;
        let talk = call.talk("outbound");
        thread::sleep(Duration::from_secs(1));
        all_came_back("outbound", talk.stop()?)?;
        call.hang_up()?;

        let to_carrier = at_internet
            .frames(|f| !f.leaves && f.between.is_some_and(|(_, to)| to == at::CARRIER))?;
        ensure!(
            to_carrier.is_empty(),
            "the PBX reaches the carrier: {to_carrier:?}"
        );
        ensure!(carrier.requests("INVITE") == 0, "the carrier was called");
        Ok(())
    });
}

fn all_came_back(which: &str, (sent, missing): (u32, Vec<u32>)) -> Result<()> {
    ensure!(sent > 40, "{which}: only {sent} packets of audio were sent");
    ensure!(
        missing.is_empty(),
        "{which}: of {sent} did not come back: {missing:?}"
    );
    Ok(())
}
