//! Whoever is no client gets silence, and costs the clients nothing.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use trunkguard_tests::{
    Guard, Office, Process, Root, address,
    scenario::{BLOCKED, DOMESTIC, Down, Plan},
    tools, wire,
};

const PLAN: Plan = Plan {
    root: Root::Asterisk22,
    layers: &["redirect"],
    profile: "redirect",
    client: "policy.off = [\"same-number\"]",
    answers: &[],
    options: &[],
    caller: "1001",
    down: Down::AsSet,
    fields: 5,
};

fn policy() -> String {
    format!(
        "{}[[client]]\nname = \"script\"\naddresses = [\"127.0.0.50\"]\n[client.policy]\noff = [\"same-number\"]\n",
        PLAN.policy("prevent")
    )
}

fn strangers(guard: &Guard) -> Result<u64> {
    guard.figure("strangers")
}

/// Every method, and what is no SIP at all: not one octet comes back.
#[test]
fn calls_strangers_get_silence() {
    Office::run(|office| {
        let guard = office.guard(&policy())?;
        let before = strangers(&guard)?;
        let udp = wire::Udp::at(address::STRANGER, guard.listens())?;
        let methods = [
            "INVITE",
            "OPTIONS",
            "REGISTER",
            "ACK",
            "CANCEL",
            "BYE",
            "SUBSCRIBE",
            "NOSUCH",
        ];
        for (n, method) in methods.iter().enumerate() {
            udp.send(&wire::request(
                method,
                udp.here,
                "UDP",
                "911",
                &format!("stranger-{n}"),
                "",
                "",
            ))?;
        }
        udp.send("hello\r\n\r\n")?;
        udp.send("\r\n\r\n")?;
        ensure!(
            udp.receive(Duration::from_millis(700))?.is_none(),
            "a stranger got an answer"
        );
        ensure!(
            strangers(&guard)? >= before + methods.len() as u64,
            "the box did not count the stranger"
        );
        ensure!(
            guard.calls(0)?.is_empty(),
            "a stranger's call is in the journal"
        );
        // By TCP a stranger's connection is closed or silent; either way nothing is said on it.
        if let Ok(mut tcp) = wire::Tcp::from(address::STRANGER, guard.listens()) {
            let _ = tcp.send(wire::invite(tcp.here, "TCP", "911", "stranger-tcp").as_bytes());
            ensure!(
                !matches!(tcp.receive(Duration::from_millis(700)), Ok(Some(_))),
                "a stranger got an answer by TCP"
            );
        }
        Ok(())
    });
}

/// sipvicious scans, enumerates and cracks; it finds nothing, and a real PBX's calls go on meanwhile.
#[test]
fn calls_strangers_sipvicious_finds_nothing_while_calls_go_on() {
    Office::run(|office| {
        let mut stage = PLAN.start(office, "prevent")?;
        let before = strangers(&stage.guard)?;
        let from = address::STRANGER.to_string();
        let scans: [(&str, &[&str]); 3] = [
            (
                "sipvicious_svmap",
                &["-b", &from, "-P", "5062", "127.0.0.20/32"],
            ),
            (
                "sipvicious_svwar",
                &[
                    "-b",
                    &from,
                    "-P",
                    "5063",
                    "-e",
                    "100-140",
                    "-m",
                    "INVITE",
                    "127.0.0.20",
                ],
            ),
            (
                "sipvicious_svcrack",
                &[
                    "-b",
                    &from,
                    "-P",
                    "5064",
                    "-u",
                    "1001",
                    "-r",
                    "1000-1040",
                    "127.0.0.20",
                ],
            ),
        ];
        let mut running = Vec::new();
        for (program, args) in scans {
            running.push(Process::start(
                &tools::sipvicious(program)?,
                args,
                &office.log(program),
            )?);
        }
        let (mut passed, started) = (Vec::new(), Instant::now());
        while running.iter_mut().any(Process::alive) && started.elapsed() < Duration::from_secs(60)
            || passed.len() < 3
        {
            stage.phone.call_through(DOMESTIC)?;
            passed.push(DOMESTIC);
            stage.phone.call_refused(BLOCKED)?;
        }
        stage.provider.saw(&passed)?;
        for mut process in running {
            process.wait(Duration::from_secs(5))?;
            let said = process.printed();
            ensure!(
                !said.contains("Traceback"),
                "the scanner itself failed:\n{said}"
            );
            ensure!(
                !said.contains("| 127.0.0.20") && !said.contains("reqauth"),
                "the scanner found something:\n{said}"
            );
        }
        let counted = strangers(&stage.guard)? - before;
        ensure!(
            counted >= 3,
            "the box counted {counted} strangers' datagrams"
        );
        Ok(())
    });
}

/// The control of the test above: from a client's address the same scan does find the box.
#[test]
fn calls_strangers_sipvicious_finds_what_answers_it() {
    Office::run(|office| {
        let _guard = office.guard(&policy().replace("127.0.0.50", "127.0.0.66"))?;
        let args = ["-b", "127.0.0.66", "-P", "5062", "127.0.0.20/32"];
        let said = office.finish(&tools::sipvicious("sipvicious_svmap")?, &args)?;
        ensure!(
            said.contains("| 127.0.0.20"),
            "svmap did not find a box that answers it:\n{said}"
        );
        Ok(())
    });
}

/// A stranger's flood does not keep a client waiting.
#[test]
fn calls_strangers_flood_does_not_stop_clients() {
    Office::run(|office| {
        let guard = office.guard(&policy())?;
        let stranger = wire::Udp::at(address::STRANGER, guard.listens())?;
        let client = wire::Udp::at(address::SCRIPT, guard.listens())?;
        let before = strangers(&guard)?;
        let (mut asked, mut slowest) = (0, Duration::ZERO);
        for n in 0..20_000_u32 {
            stranger.send(&wire::invite(
                stranger.here,
                "UDP",
                "911",
                &format!("flood-{n}"),
            ))?;
            if n % 1_000 == 999 {
                let started = Instant::now();
                ensure!(client.ask(DOMESTIC, &format!("client-{n}"))?.status() == Some(302));
                slowest = slowest.max(started.elapsed());
                asked += 1;
            }
        }
        ensure!(
            slowest < Duration::from_secs(1),
            "a client waited {slowest:?}"
        );
        ensure!(
            guard.approved_calls()? == asked,
            "not every client's call is in the journal"
        );
        ensure!(strangers(&guard)? > before, "the flood was not counted");
        ensure!(
            stranger.receive(Duration::from_millis(200))?.is_none(),
            "the flood was answered"
        );
        Ok(())
    });
}

/// sipsak's OPTIONS from an address that is no client: no answer.
#[test]
fn calls_strangers_sipsak_options_gets_silence() {
    Office::run(|office| {
        let _guard = office.guard(&policy())?;
        let said = office.finish(
            &tools::on_path("sipsak")?,
            &["-vv", "-D", "2", "-s", "sip:x@127.0.0.20:5060"],
        )?;
        ensure!(
            !said.contains("SIP/2.0 200") && !said.contains("SIP/2.0 4"),
            "a stranger was answered:\n{said}"
        );
        Ok(())
    });
}
