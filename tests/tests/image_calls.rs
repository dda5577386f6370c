//! Calls of a real Asterisk through the image: asked about at the box, and carried by it as a bridge.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use trunkguard_tests::{
    Outcome, Pbx, Phone,
    machine::{Guest, Image, in_place},
    site::{Echo, Pop, Site, Topology, at},
};

const POLICY: &str = r#"format = 1

[settings]
mode = "prevent"
country = "US"

[network]
address = "192.168.77.2/24"
gateway = "192.168.77.1"
dns = ["192.0.2.53"]

[firewall]
topology = "bridge"
pbx = ["192.168.77.10"]
rtp = "20000-20200"
allow = "hosts"
pops = ["atlanta1.voip.ms"]

[policy.allow]
countries = ["US"]

[[client]]
name = "office"
addresses = ["192.168.77.10"]
profile = "redirect"
"#;

/// Where the phone wants its audio (its session description).
const AUDIO: u16 = 30_000;
const LOCAL: &str = "12125551234";
const ZIMBABWE: &str = "01126377123456";

#[test]
#[ignore = "boots the image: make test-image"]
fn image_calls_are_decided_and_carried() {
    let image = Image::under_test().unwrap();
    Site::run(Topology::Bridge, move |site| {
        let pop = Pop::start(&site.internet, at::POP)?;
        let pbx = site.asterisk(&["redirect", "box-on-the-wire"])?;
        // The control: without the box there is nobody to ask, and 911 goes through all the same.
        let mut phone = phone(site)?;
        phone.call_refused(LOCAL)?;
        phone.call_through("911")?;
        ensure!(pop.requests("INVITE") == 1, "the control: only 911");
        let outcome = in_place(site, &image, POLICY, (2, &[]), |machine| {
            let mut guest = machine.guest()?;
            guest.until_rules(&at::POP.to_string())?;
            calls(site, &pop, &pbx, &mut phone, &mut guest)
        });
        if outcome.is_err() {
            println!("{}", pbx.log());
        }
        outcome
    });
}

fn phone(site: &Site<'_>) -> Result<Phone> {
    let pbx = SocketAddr::from((at::PBX, 5060));
    let mut phone = site.lan.within(|| Phone::new(at::PAGE, pbx, "1001"))?;
    phone.register()?;
    Ok(phone)
}

fn calls(
    site: &Site<'_>,
    pop: &Pop,
    pbx: &Pbx,
    phone: &mut Phone,
    guest: &mut Guest,
) -> Result<()> {
    pbx.wait_cli("pjsip show contacts", Duration::from_secs(60), |said| {
        (said.lines()).any(|line| line.contains("192.168.77.2:5060") && line.contains("Avail"))
    })?;
    approved(site, pop, phone)?;
    let invites = pop.requests("INVITE");
    let (status, took) = phone.call_refused(ZIMBABWE)?;
    println!("figure: refusal-through-the-image {} ms", took.as_millis());
    ensure!(
        pop.requests("INVITE") == invites,
        "a refused call ({status}) reached the PoP"
    );
    phone.call_through("911")?;
    ensure!(
        pop.requests("INVITE") == invites + 1,
        "911 did not reach the PoP"
    );
    written(guest)?;
    guest.trunkguard("mode lockdown")?;
    phone.call_refused(LOCAL)?;
    ensure!(
        pop.requests("INVITE") == invites + 1,
        "a call passed in lockdown"
    );
    phone.call_through("911")
}

/// An approved call, with audio both ways: PoP, box, PBX, phone and back.
fn approved(site: &Site<'_>, pop: &Pop, phone: &mut Phone) -> Result<()> {
    let _echo = Echo::start(&site.lan, (at::PAGE, AUDIO).into())?;
    let asked = Instant::now();
    let call = match phone.dial(LOCAL)? {
        Outcome::Answered(call) => call,
        Outcome::Refused(status, _) => bail!("the call to {LOCAL} was refused with {status}"),
    };
    println!(
        "figure: answer-through-the-image {} ms",
        asked.elapsed().as_millis()
    );
    let at_pop = pop.taken()?;
    let talk = at_pop.talk("approved");
    // Audio has no end of its own.
    std::thread::sleep(Duration::from_secs(2));
    let (sent, missing) = talk.stop()?;
    ensure!(sent > 80, "only {sent} packets of audio were sent");
    // The PBX hears the first ones before it knows where they are from.
    ensure!(
        missing.iter().all(|n| *n < 10),
        "of {sent} packets did not come back: {missing:?}"
    );
    println!(
        "figure: audio-lost-through-the-image {} of-{sent}",
        missing.len()
    );
    call.hang_up()
}

/// The box has written all of them down, with verdict and rule.
fn written(guest: &mut Guest) -> Result<()> {
    let said = guest.trunkguard("calls --json")?;
    let calls: Value = serde_json::from_str(&said).with_context(|| said.clone())?;
    let calls = calls.as_array().context("no list of calls")?;
    for (number, approved, rule) in [
        (LOCAL, true, "default"),
        ("26377123456", false, "country"),
        ("911", true, "emergency"),
    ] {
        let call = calls
            .iter()
            .find(|call| {
                call["dialled"]
                    .as_str()
                    .is_some_and(|n| n.ends_with(number))
            })
            .with_context(|| format!("no call to {number} in {said}"))?;
        ensure!(
            call["approved"] == approved && call["rule"] == rule && call["caller"] == "1001",
            "the call to {number}: {call}"
        );
        ensure!(call["said_fields"] == 5, "P-tfps is cut short: {call}");
    }
    Ok(())
}
