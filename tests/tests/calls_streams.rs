//! TCP from a client that is slow, or greedy.

use std::{
    collections::BTreeSet,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use trunkguard_tests::{
    Office, address,
    scenario::DOMESTIC,
    wire::{self, Tcp, Udp},
};

const POLICY: &str = r#"
format = 1
[settings]
mode = "prevent"
[policy]
off = ["same-number", "spellings", "sequential"]
[[client]]
name = "script"
addresses = ["127.0.0.50", "127.0.0.51"]
"#;

fn approved(udp: &Udp, call: &str) -> Result<()> {
    let status = udp.ask(DOMESTIC, call)?.status();
    ensure!(status == Some(302), "{call} was answered {status:?}");
    Ok(())
}

#[test]
fn calls_streams_a_sender_of_one_octet_a_second_is_cut_off_and_holds_nobody_up() {
    Office::run(|office| {
        let guard = office.guard(POLICY)?;
        let udp = Udp::at(address::SCRIPT, guard.listens())?;
        let mut slow = Tcp::from(address::SCRIPT, guard.listens())?;
        let mut quick = Tcp::from(address::SCRIPT, guard.listens())?;
        let message = wire::invite(slow.here, "TCP", DOMESTIC, "slow");
        let started = Instant::now();
        for (n, octet) in message.bytes().enumerate() {
            let asked = Instant::now();
            quick.send(
                wire::invite(quick.here, "TCP", DOMESTIC, &format!("quick-{n}")).as_bytes(),
            )?;
            while quick
                .receive(Duration::from_secs(2))?
                .context("the quick connection was closed")?
                .status()
                != Some(302)
            {}
            approved(&udp, &format!("udp-{n}"))?;
            ensure!(
                asked.elapsed() < Duration::from_secs(1),
                "a slow sender kept the others waiting"
            );
            // Once the box has closed the connection, a write or the one after it fails.
            if slow.send(&[octet]).is_err() || slow.closed(Duration::from_secs(1))? {
                return Ok(());
            }
            ensure!(
                started.elapsed() < Duration::from_secs(20),
                "one octet a second is still read after 20 s"
            );
        }
        bail!("a whole message arrived at one octet a second")
    });
}

#[test]
fn calls_streams_one_address_cannot_take_every_connection() {
    Office::run(|office| {
        let guard = office.guard(POLICY)?;
        let mut held = Vec::new();
        for _ in 0..60 {
            if let Ok(tcp) = Tcp::from(address::SCRIPT, guard.listens()) {
                held.push(tcp);
            }
        }
        let mut served = 0;
        for (n, tcp) in held.iter_mut().enumerate() {
            let text = wire::request(
                "OPTIONS",
                tcp.here,
                "TCP",
                "box",
                &format!("held-{n}"),
                "",
                "",
            );
            if tcp.send(text.as_bytes()).is_ok()
                && matches!(tcp.receive(Duration::from_secs(2)), Ok(Some(_)))
            {
                served += 1;
            }
        }
        ensure!(
            (1..60).contains(&served),
            "{served} of 60 connections of one address were served"
        );
        let mut other = Tcp::from(Ipv4Addr::new(127, 0, 0, 51), guard.listens())?;
        other.send(wire::invite(other.here, "TCP", DOMESTIC, "other").as_bytes())?;
        while other
            .receive(Duration::from_secs(2))?
            .context("another client was shut out")?
            .status()
            != Some(302)
        {}
        approved(&Udp::at(address::SCRIPT, guard.listens())?, "udp")?;
        drop(held);
        let started = Instant::now();
        loop {
            let mut again = Tcp::from(address::SCRIPT, guard.listens())?;
            again.send(wire::invite(again.here, "TCP", DOMESTIC, "again").as_bytes())?;
            if matches!(again.receive(Duration::from_secs(2)), Ok(Some(_))) {
                return Ok(());
            }
            ensure!(
                started.elapsed() < Duration::from_secs(5),
                "closed connections are still counted"
            );
        }
    });
}

/// Many questions in one go on one connection: each gets its answer, though all of them wait for the
/// disk together.
#[test]
fn calls_streams_a_burst_on_one_connection_is_answered_whole() {
    Office::run(|office| {
        let guard = office.guard(POLICY)?;
        let mut tcp = Tcp::from(address::SCRIPT, guard.listens())?;
        let calls: u32 = 200;
        let burst: String = (0..calls)
            .map(|n| wire::invite(tcp.here, "TCP", DOMESTIC, &format!("burst-{n}")))
            .collect();
        tcp.send(burst.as_bytes())?;
        let mut answered = BTreeSet::new();
        while answered.len() < calls as usize {
            let answer = tcp
                .receive(Duration::from_secs(3))
                .with_context(|| format!("{} of {calls} were answered", answered.len()))?
                .context("the connection was closed")?;
            match answer.status() {
                Some(302) => _ = answered.insert(answer.header("Call-ID").to_owned()),
                Some(100) => {}
                other => bail!("a call was answered {other:?}"),
            }
        }
        Ok(())
    });
}

/// A connection on which messages keep coming, each write ending in the middle of one, is busy and
/// not slow: it stays.
#[test]
fn calls_streams_a_busy_connection_is_not_taken_for_a_slow_one() {
    Office::run(|office| {
        let guard = office.guard(POLICY)?;
        let mut tcp = Tcp::from(address::SCRIPT, guard.listens())?;
        let started = Instant::now();
        let (mut n, mut asked) = (0, Vec::new());
        while started.elapsed() < Duration::from_secs(13) {
            let text = wire::request(
                "OPTIONS",
                tcp.here,
                "TCP",
                "box",
                &format!("busy-{n}"),
                "",
                "",
            );
            let (front, back) = text.as_bytes().split_at(text.len() / 2);
            asked.extend_from_slice(front);
            tcp.send(&asked)
                .with_context(|| format!("cut off after {:?}", started.elapsed()))?;
            asked = back.to_vec();
            if n > 0 {
                tcp.receive(Duration::from_secs(2))?
                    .with_context(|| format!("cut off after {:?}", started.elapsed()))?;
            }
            n += 1;
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    });
}
