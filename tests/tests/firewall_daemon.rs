//! The whole box: daemon, helper and kernel, under calls and traffic (docs/security.md F9, F13, F18 to
//! F20).

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    Guard,
    site::{Capture, Flow, Pop, Site, Topology, at, attempts, helper, packet::Raw},
    wire,
};

fn in_force(guard: &Guard) -> Result<()> {
    let started = Instant::now();
    loop {
        // Its exit code says whether anything needs a look, which is another question.
        let said = guard.cli(&["status", "--json"])?;
        let status: serde_json::Value = serde_json::from_str(&said.out)?;
        if status["firewall"]["in_force"] == true {
            return Ok(());
        }
        ensure!(
            started.elapsed() < Duration::from_secs(15),
            "the rules are not in force: {status:#}"
        );
        thread::sleep(Duration::from_millis(50));
    }
}

fn mode(guard: &Guard, mode: &str) -> Result<()> {
    let said = guard.cli(&["mode", mode])?;
    ensure!(said.code == 0, "mode {mode}: {}{}", said.out, said.err);
    Ok(())
}

/// The PBX asks the redirect server about a number, through the rules (F9).
fn pbx_is_answered(site: &Site<'_>, guard: &Guard, call: &str) -> Result<()> {
    let udp = (site.lan).within(|| wire::Udp::at(at::PBX, guard.listens()))?;
    let answer = udp.ask("911", call)?;
    ensure!(answer.status() == Some(302), "911: {}", answer.start);
    Ok(())
}

/// A flow that must pass and one that must not, from before something until after it.
fn undisturbed(
    site: &Site<'_>,
    capture: &Capture,
    what: impl FnOnce() -> Result<()>,
) -> Result<()> {
    capture.clear()?;
    let to = SocketAddr::from((at::PBX, 5060));
    let start = |name, from, rate| {
        let from = SocketAddr::from((from, 7_002));
        Flow::start(&site.internet, name, from, to, rate)
    };
    let (allowed, denied) = (
        start("allowed", at::POP, 1_000)?,
        start("denied", at::ATTACKER, 5_000)?,
    );
    what()?;
    let (allowed, denied) = (allowed.stop()?, denied.stop()?);
    let lost = capture.missing("allowed", allowed.sent)?;
    let came = capture.count("denied")?;
    ensure!(
        lost.is_empty() && came == 0 && allowed.sent > 100 && denied.sent > 500,
        "of {} allowed packets {} were lost, of {} denied ones {came} came",
        allowed.sent,
        lost.len(),
        denied.sent
    );
    Ok(())
}

/// F18, F19: a call and all traffic go on while the daemon is killed and started anew, stopped, and
/// its helper killed and started anew.
#[test]
fn firewall_daemon_f18_f19_restarts_leave_no_gap() {
    Site::run(Topology::Router, |site| {
        let (mut process, socket) = helper::start(site)?;
        let mut guard = site.daemon(&socket, "")?;
        site.gate.within(|| guard.start())?;
        in_force(&guard)?;
        let capture = site.at_pbx()?;
        let pbx = site.asterisk(&["site", "behind-router"])?;
        let pop = Pop::start(&site.internet, at::POP)?;
        pop.wait_for("REGISTER", 1)?;
        let call = pop.call((at::BOX_OUTSIDE, 5060).into(), "4165551234")?;
        let talk = call.talk("call");
        undisturbed(site, &capture, || {
            guard.kill();
            thread::sleep(Duration::from_millis(200));
            site.gate.within(|| guard.start())?;
            in_force(&guard)?;
            guard.stop()?;
            site.gate.within(|| guard.start())?;
            in_force(&guard)
        })
        .context("the daemon is killed, and stopped")?;
        undisturbed(site, &capture, || {
            process.kill();
            thread::sleep(Duration::from_millis(200));
            let (again, _) = helper::start(site)?;
            process = again;
            in_force(&guard)?;
            guard.apply(&site.policy("prevent", "from_pbx = \"any\""))?;
            in_force(&guard)
        })
        .context("the helper is killed")?;
        let (sent, missing) = talk.stop()?;
        ensure!(missing.is_empty(), "audio: of {sent} missing: {missing:?}");
        call.hang_up()?;
        drop((pbx, process));
        Ok(())
    });
}

/// F13, F20: calls and packets change mode together; a table that somebody flushes is put back and
/// alerted; the PBX is answered all the while (F9), and a stranger is not.
#[test]
fn firewall_daemon_f9_f13_f20_modes_and_drift() {
    Site::run(Topology::Router, |site| {
        let (process, socket) = helper::start(site)?;
        let mut guard = site.daemon(&socket, "")?;
        site.gate.within(|| guard.start())?;
        in_force(&guard)?;
        let (raw, capture) = (Raw::open(&site.internet)?, site.at_pbx()?);
        let (strangers, pop) = (attempts::strangers(at::PBX), attempts::pop(at::PBX));
        for (n, passes) in [false, true, false].into_iter().enumerate() {
            mode(&guard, if passes { "detect" } else { "prevent" })?;
            if passes {
                strangers.all_arrive(&raw, &capture)?;
            } else {
                strangers.none_arrives(&raw, &capture)?;
            }
            pop.all_arrive(&raw, &capture)?;
            pbx_is_answered(site, &guard, &format!("mode-{n}"))?;
        }
        mode(&guard, "lockdown")?;
        strangers.none_arrives(&raw, &capture)?;
        pop.all_arrive(&raw, &capture)?;

        site.gate.command("nft", &["flush", "ruleset"])?;
        let started = Instant::now();
        let alerted = || -> Result<bool> {
            let said = guard.cli(&["alerts", "--json"])?;
            Ok(said.out.contains("firewall-changed"))
        };
        while !alerted()? {
            ensure!(
                started.elapsed() < Duration::from_secs(5),
                "nobody was alerted: {}",
                guard.cli(&["alerts"])?.out
            );
            thread::sleep(Duration::from_millis(50));
        }
        strangers.none_arrives(&raw, &capture)?;
        pop.all_arrive(&raw, &capture)?;
        let stranger = (site.internet).within(|| wire::Udp::at(at::ATTACKER, guard.listens()))?;
        let answer = stranger.ask_for("911", "stranger", Duration::from_millis(700))?;
        ensure!(answer.is_none(), "a stranger was answered");
        drop(process);
        Ok(())
    });
}

/// F9, F13 in `side`: the PBX is answered in every mode, the rest of the office and the internet
/// never, and a daemon that was killed leaves it so.
#[test]
fn firewall_daemon_f9_f13_f18_side() {
    Site::run(Topology::Side, |site| {
        let (process, socket) = helper::start(site)?;
        let mut guard = site.daemon(&socket, "")?;
        site.gate.within(|| guard.start())?;
        in_force(&guard)?;
        let others = [
            (&site.internet, at::ATTACKER),
            (&site.internet, at::NEIGHBOUR),
            (&site.internet, at::POP),
            (&site.lan, at::PAGE),
        ];
        for name in ["detect", "prevent", "lockdown"] {
            mode(&guard, name)?;
            pbx_is_answered(site, &guard, name)?;
            let to = guard.listens();
            // Each attempt waits for two seconds, so all do at the same time.
            thread::scope(|scope| -> Result<()> {
                let tries = others.map(|(place, from)| {
                    let connects = move || Ok(wire::Tcp::from(from, to).is_ok());
                    (from, scope.spawn(move || place.within(connects)))
                });
                for (from, reaches) in tries {
                    let reaches = reaches.join().map_err(|_| anyhow::anyhow!("{from}"))??;
                    ensure!(!reaches, "{name}: {from} reaches the box");
                }
                Ok(())
            })?;
        }
        let before = site.gate.command("nft", &["-s", "list", "ruleset"])?;
        guard.kill();
        let after = site.gate.command("nft", &["-s", "list", "ruleset"])?;
        ensure!(before == after, "the rules went with the daemon:\n{after}");
        site.gate.within(|| guard.start())?;
        pbx_is_answered(site, &guard, "again")?;
        drop(process);
        Ok(())
    });
}

/// The PoPs that are used are asked for a sign of life through the rules (F11), and `pops` says which
/// answers, how fast, which is silent, and which to use.
#[test]
fn firewall_daemon_f11_probes_say_which_pop_is_near() {
    Site::run(Topology::Router, |site| {
        let (process, socket) = helper::start(site)?;
        let pop = Pop::start(&site.internet, at::POP)?;
        let names = "pops = [\"atlanta1.voip.ms\", \"atlanta2.voip.ms\"]\ndns = [\"192.0.2.53\"]\n";
        let mut guard = site.daemon(&socket, names)?;
        site.gate.within(|| guard.start())?;
        in_force(&guard)?;
        let started = Instant::now();
        loop {
            let pops = guard.json(&["pops"])?;
            let named = |name: &str| {
                let lines = pops["names"].as_array().into_iter().flatten();
                lines.clone().find(|line| line["name"] == name).cloned()
            };
            let (Some(near), Some(silent)) = (named("atlanta1.voip.ms"), named("atlanta2.voip.ms"))
            else {
                anyhow::bail!("names are missing: {pops:#}");
            };
            let told = near["status"] == 200
                && near["round_trip_us"].as_u64().is_some_and(|us| us > 0)
                && near["dead"] == false
                && silent["dead"] == true
                && silent["loss_percent"] == 100
                && pops["recommended"] == "atlanta1.voip.ms";
            if told {
                break;
            }
            ensure!(started.elapsed() < Duration::from_secs(40), "{pops:#}");
            thread::sleep(Duration::from_millis(200));
        }
        ensure!(pop.requests("OPTIONS") >= 3, "the PoP was hardly asked");
        let alerts = guard.cli(&["alerts"])?.out;
        ensure!(
            alerts.contains("pop-dead") && alerts.contains("atlanta1.voip.ms answers best"),
            "{alerts}"
        );
        drop(process);
        Ok(())
    });
}

/// F13 without a helper: what concerns packets is refused whole, with the remedy, and everything stays;
/// what concerns calls alone is taken over. When the helper is there again, all of it goes on.
#[test]
fn firewall_daemon_f13_without_a_helper() {
    Site::run(Topology::Router, |site| {
        let (mut process, socket) = helper::start(site)?;
        let mut guard = site.daemon(&socket, "")?;
        site.gate.within(|| guard.start())?;
        in_force(&guard)?;
        process.kill();
        let said = guard.cli(&["mode", "detect"])?;
        ensure!(
            said.code == 2 && said.err.contains("everything is as before"),
            "{said:?}"
        );
        ensure!(said.err.contains("trunkguard-firewall.service"), "{said:?}");
        ensure!(guard.cli(&["mode"])?.out.trim() == "prevent", "the mode");
        pbx_is_answered(site, &guard, "without")?;

        let calls = "\n[policy]\nblock = { prefixes = [\"+1242\"] }\n";
        guard.apply(&(site.policy("prevent", "") + calls))?;
        ensure!(guard.cli(&["export"])?.out.contains("+1242"), "not taken");
        let said = guard.cli(&["status"])?;
        ensure!(
            said.code == 1 && said.out.contains("NOT IN FORCE"),
            "what the helper does not hold is taken for in force: {}",
            said.out
        );
        let (again, _) = helper::start(site)?;
        process = again;
        in_force(&guard)?;
        mode(&guard, "detect")?;
        drop(process);
        Ok(())
    });
}
