//! The page and the kernel's rules: who bans himself by his packets is listed with the reason and let go with one click; an
//! address that DNS has and nobody knows is approved or refused on the page, which the packets obey; names that a DNS server
//! made up for whoever looks are harmless.
#![allow(clippy::unwrap_used)]

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    Process,
    hostile::html,
    page::{Answer, Browser, Page},
    site::{Capture, Dns, Probes, Says, Site, Topology, at, helper, packet::Raw},
    wire,
};

/// Evidence takes five seconds at the least; the firewall's samples and the page's figures come once a second.
const PATIENCE: Duration = Duration::from_secs(40);

/// A box with rules and a page, and an owner at one of the office's computers.
struct Stand<'a> {
    site: &'a Site<'a>,
    page: Page,
    owner: Browser,
    _helper: Process,
}

impl<'a> Stand<'a> {
    fn start(site: &'a Site<'a>, firewall: &str) -> Result<Stand<'a>> {
        let (process, socket) = helper::start(site)?;
        let mut guard = site.daemon(&socket, firewall)?;
        let at = SocketAddr::from((at::BOX, 8443));
        guard.option("--web");
        guard.option(&at.to_string());
        site.gate.within(|| guard.start())?;
        let page = Page { guard, at };
        let owner = site.lan.within(|| page.owner())?;
        Ok(Stand {
            site,
            page,
            owner,
            _helper: process,
        })
    }

    fn get(&self, path: &str) -> Result<Answer> {
        let shown = self.site.lan.within(|| self.owner.page(path))?;
        html(path, &shown.text())?;
        Ok(shown)
    }

    /// Presses the button of one form: the page may have many for the same address.
    fn press(&self, on: &str, action: &str, fields: &[(&str, &str)]) -> Result<Answer> {
        let csrf = self.get(on)?.csrf()?;
        let all = [&[("csrf", &*csrf)], fields].concat();
        self.site.lan.within(|| self.owner.post(action, &all))
    }

    /// Looks at a page again and again until it shows this.
    fn wait(&self, path: &str, what: &str, done: impl Fn(&Answer) -> bool) -> Result<Answer> {
        let began = Instant::now();
        loop {
            let shown = self.get(path)?;
            if done(&shown) {
                return Ok(shown);
            }
            ensure!(
                began.elapsed() < PATIENCE,
                "{what}: not within {PATIENCE:?}: {shown:?}"
            );
            thread::sleep(Duration::from_millis(200));
        }
    }

    fn nft(&self, what: &[&str]) -> Result<String> {
        self.site.gate.command("nft", what)
    }

    fn is_in(&self, set: &str, address: &str) -> Result<bool> {
        let listed = self.nft(&["list", "set", "inet", "trunkguard", set])?;
        Ok(listed.contains(address))
    }

    /// Packets that a counter of the rules has counted.
    fn counted(&self, counter: &str) -> Result<u64> {
        let said = self.nft(&["list", "counter", "inet", "trunkguard", counter])?;
        let packets = said
            .split("packets ")
            .nth(1)
            .and_then(|rest| rest.split(' ').next());
        Ok(packets.context(said.clone())?.parse()?)
    }
}

#[test]
fn page_bans_one_click_lets_go_who_was_banned_by_his_packets() {
    Site::run(Topology::Router, |site| {
        let this = Stand::start(site, "")?;
        let (raw, capture) = (Raw::open(&site.internet)?, site.at_pbx()?);
        ensure!(this.get("/firewall")?.has("Nobody is banned."));
        let address = at::ATTACKER.to_string();
        scan(&this)?;
        let shown = this.wait("/firewall", "the ban", |shown| {
            shown.has("action=\"/firewall/unban\"")
        })?;
        for text in [&*address, "SIP", "scanner sipvicious", "requests in"] {
            ensure!(shown.has(text), "{text} is not in: {shown:?}");
        }
        ensure!(
            this.is_in("bans_sip4", &address)?,
            "it is not in the kernel"
        );
        let phone = |name: &str| Probes::default().udp(name, at::ATTACKER, at::PBX, &[5060]);
        let counts = || -> Result<[u64; 2]> {
            Ok([
                this.counted("outside-banned")?,
                this.counted("outside-sip")?,
            ])
        };
        let tries = |name: &str| -> Result<[u64; 2]> {
            let before = counts()?;
            phone(name).none_arrives(&raw, &capture)?;
            let after = counts()?;
            Ok([after[0] - before[0], after[1] - before[1]])
        };
        ensure!(tries("banned")? == [1, 0], "not dropped as banned");

        // Without the page's own mark nothing happens.
        let unban = [("address", &*address)];
        let forged = site
            .lan
            .within(|| this.owner.post("/firewall/unban", &unban))?;
        ensure!(
            forged.status == 422 && this.is_in("bans_sip4", &address)?,
            "{forged:?}"
        );
        let done = this.press("/firewall", "/firewall/unban", &unban)?;
        ensure!(
            done.location() == Some("/firewall?said=unbanned#bans"),
            "{done:?}"
        );
        let shown = this.get("/firewall?said=unbanned")?;
        ensure!(shown.has("The ban is lifted, and forgiven.") && shown.has("Nobody is banned."));
        ensure!(
            !this.is_in("bans_sip4", &address)?,
            "it is still in the kernel"
        );
        // A stranger like all others: and once it is said to be the office's own phone, it passes.
        ensure!(tries("forgiven")? == [0, 1], "still dropped as banned");
        let remote = format!("remote = [\"{address}\"]");
        this.page.guard.apply(&site.policy("prevent", &remote))?;
        phone("welcome").all_arrive(&raw, &capture)?;
        let log = this.get("/settings/log")?;
        ensure!(log.has("unbanned") || log.has("lifted"), "{log:?}");
        Ok(())
    });
}

/// Requests under a scanner's name, with markup in it, until the box has had enough of them.
fn scan(this: &Stand<'_>) -> Result<()> {
    let to = SocketAddr::from((at::BOX_OUTSIDE, 5060));
    let socket = this
        .site
        .internet
        .within(|| wire::Udp::at(at::ATTACKER, to))?;
    let began = Instant::now();
    for n in 0.. {
        let id = format!("scan-{n}");
        let request = wire::request("REGISTER", socket.here, "UDP", "100", &id, "", "");
        let agent = "User-Agent: friendly-scanner<script>alert(1)</script>\u{202e}";
        // As sipvicious calls itself; the samples hold the beginning of a packet.
        let from = request.replace("From: <", "From: \"sipvicious\" <");
        socket.send(&from.replace("User-Agent: script", agent))?;
        if this.is_in("bans_sip4", &at::ATTACKER.to_string())? {
            println!(
                "figure: banned after {} requests and {:?}",
                n + 1,
                began.elapsed()
            );
            return Ok(());
        }
        ensure!(
            began.elapsed() < PATIENCE,
            "nobody was banned: {}",
            this.page.guard.log()
        );
        thread::sleep(Duration::from_millis(400));
    }
    Ok(())
}

/// Follows one name.
const FIREWALL: &str = "allow = \"hosts\"\npops = [\"atlanta1.voip.ms\"]\ndns = [\"192.0.2.53\"]\n";

#[test]
fn page_bans_an_address_from_dns_is_approved_and_refused() {
    Site::run(Topology::Router, |site| {
        let dns = Dns::start(&site.internet, Says::Addresses(vec![at::POP]))?;
        let this = Stand::start(site, FIREWALL)?;
        let (raw, capture) = (Raw::open(&site.internet)?, site.at_pbx()?);
        let address = at::CARRIER.to_string();
        this.wait("/firewall/pops", "the truth", |shown| {
            shown.has("208.100.60.17")
        })?;
        hostile_names(&this, &dns)?;

        asked(&this, &dns, Says::Addresses(vec![at::POP, at::CARRIER]))?;
        let shown = this.wait("/firewall", "the question", |shown| shown.has(&address))?;
        ensure!(
            shown.has("atlanta1.voip.ms") && shown.has("value=\"approve\""),
            "{shown:?}"
        );
        let call = |name: &str| Probes::default().udp(name, at::CARRIER, at::PBX, &[5060]);
        passes(&this, &capture, &raw, &call("asked"), false)?;
        for (act, open) in [("approve", true), ("refuse", false)] {
            let said = this.press(
                "/firewall/pops",
                "/firewall/pop",
                &[("act", act), ("subject", &address)],
            )?;
            ensure!(
                said.location() == Some("/firewall/pops?said=done"),
                "{act}: {said:?}"
            );
            passes(&this, &capture, &raw, &call(act), open)?;
            let shown = this.get("/firewall/pops")?;
            ensure!(
                shown.has(&address) && !shown.has("value=\"approve\""),
                "{act}: {shown:?}"
            );
        }
        Ok(())
    });
}

/// What the page has decided is what the kernel has, and what packets meet.
fn passes(this: &Stand<'_>, capture: &Capture, raw: &Raw, call: &Probes, open: bool) -> Result<()> {
    let address = at::CARRIER.to_string();
    ensure!(
        this.is_in("pops4", &address)? == open,
        "pops4 is not as decided"
    );
    match open {
        true => call.all_arrive(raw, capture),
        false => call.none_arrives(raw, capture),
    }
}

/// Has the name asked for anew, by the page's button.
fn asked(this: &Stand<'_>, dns: &Dns, says: Says) -> Result<()> {
    dns.says(says);
    this.press("/firewall/pops", "/firewall/pop", &[("act", "refresh")])?;
    dns.wait_asked("atlanta1.voip.ms", PATIENCE)
}

/// Aliases that are no host's name: on every page of the firewall, in alerts, the log and the command line they are text.
fn hostile_names(this: &Stand<'_>, dns: &Dns) -> Result<()> {
    for says in [Says::HostileAlias(at::CARRIER), Says::HostileEnd] {
        let kind = format!("{says:?}");
        asked(this, dns, says)?;
        this.wait("/firewall/pops", &kind, |shown| {
            shown.has(&at::CARRIER.to_string()) || shown.has("hint block")
        })?;
        for path in [
            "/",
            "/firewall",
            "/firewall/ruleset",
            "/alerts",
            "/settings/log",
            "/box/diagnostics?checks=run",
        ] {
            this.get(path)?;
        }
        for command in [&["pops"][..], &["alerts"], &["status"]] {
            let said = this.page.guard.cli(command)?;
            trunkguard_tests::hostile::visible(&format!("{command:?}"), &(said.out + &said.err))?;
        }
        trunkguard_tests::hostile::visible("the log", &this.page.guard.log())?;
    }
    Ok(())
}
