//! Rules that change, and what is killed meanwhile (docs/security.md F14 to F20), under traffic.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use trunkguard_tests::site::{
    Capture, Echo, Flow, Helper, Intent, Pop, Probes, Site, Topology, at, attempts, packet,
};

const ROUTER: Topology = Topology::Router;
/// Re-applies in a row.
const TIMES: u32 = 2_000;

fn from(address: std::net::Ipv4Addr, port: u16) -> SocketAddr {
    SocketAddr::from((address, port))
}

/// Streams that must be stopped, and one that must pass, from before a change until after it.
struct Streams<'a> {
    capture: &'a Capture,
    allowed: Flow,
    denied: Flow,
}

impl<'a> Streams<'a> {
    fn start(site: &Site<'_>, capture: &'a Capture, denied_rate: u32) -> Result<Streams<'a>> {
        capture.clear()?;
        let pbx = from(at::PBX, 5060);
        let start =
            |name, address, rate| Flow::start(&site.internet, name, from(address, 7000), pbx, rate);
        Ok(Streams {
            capture,
            allowed: start("allowed", at::POP, 2_000)?,
            denied: start("denied", at::ATTACKER, denied_rate)?,
        })
    }

    /// Ends them: nothing denied came, nothing allowed was lost.
    fn judge(self) -> Result<()> {
        let (allowed, denied) = (self.allowed.stop()?, self.denied.stop()?);
        let came = self.capture.count("denied")?;
        let lost = self.capture.missing("allowed", allowed.sent)?;
        eprintln!(
            "allowed {} at {}/s, {} lost; denied {} at {}/s, {came} came through",
            allowed.sent,
            allowed.rate(),
            lost.len(),
            denied.sent,
            denied.rate()
        );
        ensure!(
            came == 0,
            "{came} denied datagrams of {} came through",
            denied.sent
        );
        ensure!(
            lost.is_empty(),
            "{} allowed datagrams of {} were lost: {:?}",
            lost.len(),
            allowed.sent,
            &lost[..lost.len().min(20)]
        );
        ensure!(
            allowed.sent > 100 && denied.sent > 1_000,
            "hardly anything was sent: {allowed:?} {denied:?}"
        );
        Ok(())
    }
}

/// F14: 2,000 changes in a row, each of them real, while somebody denied sends 20,000 packets a second
/// and a PoP 2,000: none of the former arrives, none of the latter is lost.
#[test]
fn firewall_changes_f14_2000_reapplies_leak_and_lose_nothing() {
    Site::run(ROUTER, |site| {
        let capture = site.at_pbx()?;
        // The control: without rules the denied stream arrives.
        let denied = Flow::start(
            &site.internet,
            "denied",
            from(at::ATTACKER, 7000),
            from(at::PBX, 5060),
            20_000,
        )?;
        thread::sleep(Duration::from_millis(300));
        let denied = denied.stop()?;
        let came = capture.count("denied")?;
        ensure!(
            came * 10 > denied.sent as usize * 9,
            "the control: {denied:?}, {came}"
        );

        let mut helper = Helper::start(site)?;
        let intents = [
            Intent::new(ROUTER),
            Intent::new(ROUTER)
                .with(
                    "pops",
                    json!(["208.100.60.17/32", "208.100.60.18/31", "74.63.41.218/32"]),
                )
                .with("remote", json!(["203.0.113.99/32"])),
        ];
        helper.load(&intents[0])?;
        let streams = Streams::start(site, &capture, 25_000)?;
        let mut times: Vec<u64> = Vec::new();
        let started = Instant::now();
        for n in 1..=TIMES {
            let loaded = helper.load(&intents[n as usize % 2])?;
            ensure!(loaded["unchanged"] == false, "nothing changed: {loaded}");
            times.extend(loaded["took_ms"].as_u64());
        }
        times.sort_unstable();
        eprintln!(
            "{TIMES} changes in {:?}: {} ms at the middle, {} ms at 99 of 100",
            started.elapsed(),
            times[times.len() / 2],
            times[times.len() * 99 / 100]
        );
        streams.judge()
    });
}

/// F14: what others have in the kernel is not touched; counters and bans stay. F15: a banned source is
/// dropped as such in Prevent, and in Detect counted as such and let pass; bans end by themselves.
#[test]
fn firewall_changes_f14_f15_bans_and_other_tables_stay() {
    Site::run(ROUTER, |site| {
        let capture = site.at_pbx()?;
        let raw = packet::Raw::open(&site.internet)?;
        let nft = |line: &str| site.gate.command("nft", &[line]);
        nft("add table ip somebody; add set ip somebody s { type ipv4_addr; }")?;
        let mut helper = Helper::start(site)?;
        let prevent = Intent::new(ROUTER);
        helper.load(&prevent.detect())?;
        // Two packets, of connections of their own each time.
        let mut port = 20_000;
        let mut sip = |helper: &mut Helper, passes: bool| -> Result<u64> {
            let before = helper.figures()?["outside-banned"];
            port += 1;
            let packets = [5060, 12_000]
                .into_iter()
                .fold(Probes::default(), |all, to| {
                    all.packet(&format!("{to}"), |mark| {
                        let to = SocketAddr::from((at::PBX, to));
                        packet::udp(from(at::ATTACKER, port), to, mark)
                    })
                });
            if passes {
                packets.all_arrive(&raw, &capture)?;
            } else {
                packets.none_arrives(&raw, &capture)?;
            }
            Ok(helper.figures()?["outside-banned"] - before)
        };
        ensure!(sip(&mut helper, true)? == 0, "banned without a ban");
        let ban = |seconds| json!({ "ban": [{ "address": at::ATTACKER, "service": "sip", "seconds": seconds }] });
        helper.done(&ban(600))?;
        ensure!(sip(&mut helper, true)? == 2, "Detect: a ban is not counted");
        for intent in [prevent.with("from_pbx", json!("any")), prevent.clone()] {
            helper.load(&intent)?;
            ensure!(sip(&mut helper, false)? == 2, "the ban went with the load");
        }
        let counted = helper.figures()?;
        ensure!(
            counted["outside-sip"] > 0,
            "counters began anew: {counted:?}"
        );
        helper.done(&json!({ "unban": [[at::ATTACKER, "sip"]] }))?;
        ensure!(sip(&mut helper, false)? == 0, "the ban was not lifted");
        helper.done(&ban(2))?;
        ensure!(sip(&mut helper, false)? == 2, "banned anew");
        let started = Instant::now();
        while sip(&mut helper, false)? > 0 {
            ensure!(
                started.elapsed() < Duration::from_secs(6),
                "the ban does not end"
            );
            thread::sleep(Duration::from_millis(100));
        }
        // Who is allowed is never banned (F12, F15).
        for address in [
            json!(at::POP),
            json!(at::PBX),
            json!(at::PAGE),
            json!(at::UPSTREAM),
        ] {
            let order = json!({ "ban": [{ "address": address, "service": "sip", "seconds": 60 }] });
            let reply = helper.order(&order)?;
            ensure!(reply.get("refused").is_some(), "{order} was taken: {reply}");
        }
        attempts::pop(at::PBX).all_arrive(&raw, &capture)?;
        let others = site
            .gate
            .command("nft", &["list", "table", "ip", "somebody"])?;
        ensure!(
            others.contains("set s"),
            "somebody else's table was touched: {others}"
        );
        Ok(())
    });
}

/// F18, F19: a call of a real Asterisk stays up, and loses nothing, while rules are loaded again and
/// again, the helper is killed and started anew, and its daemon comes and goes.
#[test]
fn firewall_changes_f18_f19_a_call_survives_all_of_it() {
    Site::run(ROUTER, |site| {
        let capture = site.at_pbx()?;
        let pbx = site.asterisk(&["site", "behind-router"])?;
        let pop = Pop::start(&site.internet, at::POP)?;
        let mut helper = Helper::start(site)?;
        let intent = Intent::new(ROUTER);
        helper.load(&intent)?;
        pop.wait_for("REGISTER", 1)?;
        let call = pop.call(from(at::BOX_OUTSIDE, 5060), "4165551234")?;
        let talk = call.talk("call");
        let streams = Streams::start(site, &capture, 5_000)?;
        for n in 0..50 {
            helper.load(&intent.with("from_pbx", json!(["any", "web"][n % 2])))?;
        }
        let rules = site.gate.command("nft", &["-s", "list", "ruleset"])?;
        helper.reconnect()?;
        let again = helper.load(&intent)?;
        ensure!(
            again["unchanged"] == true,
            "the same rules were loaded twice: {again}"
        );
        helper.kill();
        let left = site.gate.command("nft", &["-s", "list", "ruleset"])?;
        ensure!(left == rules, "the rules went with the helper");
        let mut helper = Helper::start(site)?;
        let adopted = helper.load(&intent)?;
        ensure!(
            adopted["unchanged"] == true,
            "the rules were not adopted: {adopted}"
        );
        helper.stop()?;
        let left = site.gate.command("nft", &["-s", "list", "ruleset"])?;
        ensure!(left == rules, "the rules went with the helper");
        let mut helper = Helper::start(site)?;
        helper.load(&intent.with("pops", json!(["208.100.60.0/24"])))?;
        streams.judge()?;
        let (sent, missing) = talk.stop()?;
        ensure!(
            missing.is_empty(),
            "of {sent} packets of audio missing: {missing:?}"
        );
        call.hang_up()?;
        drop(pbx);
        Ok(())
    });
}

/// F16: an address that is taken off a list loses its live flows, in both directions, with the next
/// load; the others keep theirs.
#[test]
fn firewall_changes_f16_revoked_addresses_lose_live_flows() {
    Site::run(ROUTER, |site| {
        let capture = site.at_pbx()?;
        let echo = Echo::start(&site.lan, from(at::PBX, 5060))?;
        let both = json!(["208.100.60.17/32", "208.100.60.18/32"]);
        let intent = Intent::new(ROUTER);
        let mut helper = Helper::start(site)?;
        helper.load(
            &intent
                .with("pops", both)
                .with("remote", json!(["203.0.113.99/32"])),
        )?;
        let start = |name, address| {
            Flow::start(
                &site.internet,
                name,
                from(address, 7001),
                from(at::PBX, 5060),
                500,
            )
        };
        let flows = [
            start("kept", at::POP)?,
            start("revoked", at::OTHER_POP)?,
            start("remote", at::REMOTE)?,
        ];
        thread::sleep(Duration::from_millis(400));
        let order = json!({ "flows": [at::POP, at::OTHER_POP, at::ATTACKER] });
        let live = helper.order(&order)?;
        ensure!(
            live["flows"][0].as_u64() > Some(0)
                && live["flows"][1].as_u64() > Some(0)
                && live["flows"][2] == 0,
            "live flows: {live}"
        );
        ensure!(capture.count("revoked")? > 50 && capture.count("remote")? > 50);
        helper.load(&intent)?;
        let live = helper.order(&order)?;
        ensure!(
            live["flows"][1] == 0,
            "a revoked address keeps flows: {live}"
        );
        capture.clear()?;
        thread::sleep(Duration::from_millis(400));
        for flow in ["revoked", "remote"] {
            let came = capture.count(flow)?;
            ensure!(
                came == 0,
                "{came} packets of the flow `{flow}` passed after the load"
            );
        }
        ensure!(capture.count("kept")? > 50, "the other PoP lost its flow");
        for flow in flows {
            flow.stop()?;
        }
        drop(echo);
        Ok(())
    });
}

/// F20: whatever somebody else does to our table is put back, and said.
#[test]
fn firewall_changes_f20_drift_is_put_back() {
    Site::run(ROUTER, |site| {
        let capture = site.at_pbx()?;
        let raw = packet::Raw::open(&site.internet)?;
        let mut helper = Helper::start(site)?;
        helper.load(&Intent::new(ROUTER))?;
        let (strangers, pop) = (attempts::strangers(at::PBX), attempts::pop(at::PBX));
        let rules = || site.gate.command("nft", &["-s", "list", "ruleset"]);
        let before = rules()?;
        for meddling in [
            "flush table inet trunkguard",
            "flush chain inet trunkguard forward",
            "insert rule inet trunkguard forward accept",
            "add element inet trunkguard pops4 { 203.0.113.66 }",
            "delete table inet trunkguard",
            "flush ruleset",
        ] {
            site.gate.command("nft", &[meddling])?;
            let drifted = |event: &Value| event.get("drifted").is_some();
            let event = helper
                .event(Duration::from_secs(5), drifted)
                .with_context(|| format!("after `{meddling}`"))?;
            ensure!(event["drifted"]["restored"] == true, "{meddling}: {event}");
            let after = rules()?;
            ensure!(after == before, "after `{meddling}`:\n{after}");
            strangers.none_arrives(&raw, &capture)?;
            pop.all_arrive(&raw, &capture)?;
        }
        Ok(())
    });
}

/// F12: rules that are refused change nothing.
#[test]
fn firewall_changes_f12_refused_rules_change_nothing() {
    Site::run(ROUTER, |site| {
        let capture = site.at_pbx()?;
        let raw = packet::Raw::open(&site.internet)?;
        let mut helper = Helper::start(site)?;
        let intent = Intent::new(ROUTER);
        helper.load(&intent)?;
        for (key, value) in [
            ("pops", json!(["0.0.0.0/0"])),
            ("pops", json!(["203.0.113.66/32", "10.0.0.0/24"])),
            ("pops", json!(["208.0.0.0/8"])),
            ("pops", json!(["224.0.0.1/32"])),
            ("pops", json!(["::/0"])),
            ("office", json!(["203.0.113.0/24"])),
            ("clients", json!(["0.0.0.0/0"])),
            ("remote", json!(["127.0.0.0/8"])),
            ("inside", json!("out0")),
        ] {
            let why = helper.load_in_vain(&intent.with(key, value.clone()))?;
            ensure!(!why.is_empty(), "{key} = {value}: refused without a word");
            let still = helper.load(&intent)?;
            ensure!(still["unchanged"] == true, "{key} = {value}: {still}");
        }
        attempts::strangers(at::PBX).none_arrives(&raw, &capture)?;
        attempts::pop(at::PBX).all_arrive(&raw, &capture)
    });
}
