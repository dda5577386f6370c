//! The first run, from no password to a call that was decided, as an installer goes through it.
#![allow(clippy::unwrap_used)]

use std::{
    net::UdpSocket,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    Office, address,
    page::{Browser, Page},
    sip, tools, wire,
};

/// What a box is delivered with: nothing.
const NOTHING: &str = "format = 1\n";
const POP: &str = "208.100.60.66";

/// newyork1.voip.ms, as far as OPTIONS goes.
fn pop() -> Result<()> {
    tools::run("ip", &["addr", "add", &format!("{POP}/32"), "dev", "lo"])?;
    let socket = UdpSocket::bind((POP, 5060))?;
    socket.set_read_timeout(Some(Duration::from_secs(60)))?;
    thread::spawn(move || -> Result<()> {
        let mut buffer = [0; 2048];
        loop {
            let (length, from) = socket.recv_from(&mut buffer)?;
            let message = sip::Message::read(&buffer[..length]).context("no SIP")?;
            let answer = sip::answer(&message, "200 OK", "pop", "", "");
            socket.send_to(answer.as_bytes(), from)?;
        }
    });
    Ok(())
}

/// Sends a step's form and follows to the next page.
fn step(browser: &Browser, at: &str, fields: &[(&str, &str)], next: &str) -> Result<()> {
    let answer = browser.submit(at, at, fields)?;
    ensure!(answer.location() == Some(next), "{at}: {answer:?}");
    Ok(())
}

#[test]
fn from_no_password_to_a_call_that_was_decided() {
    Office::run(|office| {
        pop()?;
        let page = Page::open(office, NOTHING)?;
        let began = Instant::now();
        let owner = page.owner()?;
        let welcome = owner.page("/welcome")?;
        ensure!(welcome.has("Set up your box") && welcome.has("href=\"/welcome/place\""));

        let zones = owner.page("/welcome/place")?;
        ensure!(zones.has("<option value=\"America/Toronto\">"), "{zones:?}");
        let place = [
            ("zone", "America/Toronto"),
            ("country", "CA"),
            ("area_code", "514"),
        ];
        step(&owner, "/welcome/place", &place, "/welcome/plug")?;
        step(
            &owner,
            "/welcome/plug",
            &[("topology", "side")],
            "/welcome/pbx",
        )?;

        pbx(&page, &owner)?;
        let measured = owner.submit("/welcome/pops", "/welcome/pops/measure", &[])?;
        ensure!(measured.location() == Some("/welcome/pops"), "{measured:?}");
        let pops = owner.page("/welcome/pops")?.text();
        let near = pops.find("newyork1.voip.ms").context("no PoP")?;
        ensure!(
            near < pops.find("atlanta1.voip.ms").context("no PoP")?,
            "the nearest is not first"
        );
        ensure!(pops.contains("near</span>") && pops.contains("no answer"));
        let pop = [("pop", "newyork1.voip.ms")];
        step(&owner, "/welcome/pops", &pop, "/welcome/call")?;

        call(&page, &owner)?;
        step(&owner, "/welcome/call", &[], "/welcome")?;
        ensure!(owner.page("/welcome")?.has("Everything is set."));
        println!("figure: the first run, by a machine: {:?}", began.elapsed());

        // All of it is in the policy that the command line sees, and in force.
        let policy = page.guard.cli(&["export"])?.out;
        for line in [
            "time_zone = \"America/Toronto\"",
            "country = \"CA\"",
            "area_code = 514",
            "127.0.0.50",
            "newyork1.voip.ms",
            "mode = \"detect\"",
        ] {
            ensure!(policy.contains(line), "{line} is not in:\n{policy}");
        }
        Ok(())
    });
}

/// The PBX shows up by what it has sent, and is chosen.
fn pbx(page: &Page, owner: &Browser) -> Result<()> {
    ensure!(owner.page("/welcome/pbx")?.has("Nobody new has spoken"));
    let udp = wire::Udp::at(address::SCRIPT, page.guard.listens())?;
    let options = wire::request("OPTIONS", udp.here, "UDP", "ping", "first", "", "").replace(
        "User-Agent: script",
        "User-Agent: FPBX-16.0.40 <script>alert(1)</script>",
    );
    udp.send(&options)?;
    let began = Instant::now();
    let shown = loop {
        let shown = owner.page("/welcome/pbx")?;
        if shown.has("127.0.0.50") {
            break shown;
        }
        ensure!(began.elapsed() < Duration::from_secs(20), "{shown:?}");
    };
    ensure!(
        shown.has("FPBX-16.0.40 &#60;script&#62;") && !shown.has("<script>alert"),
        "{shown:?}"
    );
    let form = shown.form("/welcome/pbx")?;
    let field = |wanted: &str| form.iter().find(|(name, _)| name == wanted);
    ensure!(
        field("profile").is_some_and(|(_, value)| value == "freepbx-trunk"),
        "{form:?}"
    );
    ensure!(
        field("heard").is_some_and(|(_, value)| value == "127.0.0.50"),
        "{form:?}"
    );
    // What is wrong is said, and changes nothing.
    let wrong = [("heard", ""), ("address", "10.0.0.999")];
    let answer = owner.submit("/welcome/pbx", "/welcome/pbx", &wrong)?;
    ensure!(
        answer.status == 422 && answer.has("10.0.0.999"),
        "{answer:?}"
    );
    let fields = [("name", "my pbx"), ("profile", "redirect")];
    step(owner, "/welcome/pbx", &fields, "/welcome/pops")?;
    ensure!(owner.page("/welcome/pbx")?.has("Nobody new has spoken"));
    Ok(())
}

/// The call shows up with all that is right and wrong with it.
fn call(page: &Page, owner: &Browser) -> Result<()> {
    let to = owner.get("/welcome/call")?;
    let to = to.location().context("no time")?.to_owned();
    let waits = owner.page(&to)?;
    ensure!(
        waits.has("No call has come yet.") && waits.has("http-equiv=\"refresh\""),
        "{waits:?}"
    );
    let udp = wire::Udp::at(address::SCRIPT, page.guard.listens())?;
    // The `;` was not escaped in the dial plan: what follows it is missing.
    let cut = "P-tfps: 1001\r\n";
    udp.send(&wire::request(
        "INVITE",
        udp.here,
        "UDP",
        "5145550123",
        "try-1",
        "",
        cut,
    ))?;
    let answer = udp.receive(Duration::from_secs(10))?.context("no answer")?;
    ensure!(
        answer.status() == Some(302) || answer.status() == Some(100),
        "{answer:?}"
    );
    let shown = owner.page(&to)?;
    for text in [
        "a call to 5145550123 from extension 1001",
        "as +15145550123 (CA)",
        "The call is approved.",
        "P-tfps is cut off: 1 of 5 fields.",
    ] {
        ensure!(shown.has(text), "{text} is not in: {shown:?}");
    }
    let whole = "P-tfps: 1001;office.example;192.168.1.31;Phone 1.0;1\r\n";
    udp.send(&wire::request(
        "INVITE",
        udp.here,
        "UDP",
        "01126377123456",
        "try-2",
        "",
        whole,
    ))?;
    udp.receive(Duration::from_secs(10))?.context("no answer")?;
    let shown = owner.page(&to)?;
    for text in [
        "01126377123456",
        "Prevent would refuse it",
        "all five fields",
    ] {
        ensure!(shown.has(text), "{text} is not in: {shown:?}");
    }
    Ok(())
}

#[test]
fn steps_can_be_skipped_and_are_taken_up_again() {
    Office::run(|office| {
        let page = Page::open(office, NOTHING)?;
        let owner = page.owner()?;
        step(
            &owner,
            "/welcome/plug",
            &[("topology", "side")],
            "/welcome/pbx",
        )?;
        let call = owner.follow("/welcome/call")?;
        ensure!(call.has("No PBX is set yet"), "{call:?}");
        // The next that is open is the first; a restart forgets nothing.
        drop(owner);
        let Page { mut guard, at } = page;
        guard.stop()?;
        guard.start()?;
        let page = Page { guard, at };
        let owner = page.log_in("owner", trunkguard_tests::page::PASSWORD)?;
        let welcome = owner.page("/welcome")?;
        ensure!(
            welcome.has("class=\"button main\" href=\"/welcome/place\""),
            "{welcome:?}"
        );
        ensure!(
            welcome.text().matches("done</span>").count() == 1,
            "{welcome:?}"
        );
        // A router without an address inside is refused by the box, and nothing is changed.
        let router = [("topology", "router"), ("inside", "")];
        let answer = owner.submit("/welcome/plug", "/welcome/plug", &router)?;
        ensure!(answer.status == 422, "{answer:?}");
        let zone = [("zone", "Mars/Olympus"), ("country", "CA")];
        let answer = owner.submit("/welcome/place", "/welcome/place", &zone)?;
        ensure!(
            answer.status == 422 && answer.has("Mars/Olympus"),
            "{answer:?}"
        );
        ensure!(!page.guard.cli(&["export"])?.out.contains("CA"));
        Ok(())
    });
}
