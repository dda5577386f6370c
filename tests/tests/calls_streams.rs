//! TCP from a client that is slow, or greedy.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use trunkguard_tests::{
    Office, address,
    scenario::ALLOWED,
    wire::{self, Tcp, Udp},
};

const POLICY: &str = r#"
format = 1
[settings]
mode = "prevent"
[[client]]
name = "script"
addresses = ["127.0.0.50", "127.0.0.51"]
"#;

fn approved(udp: &Udp, call: &str) -> Result<()> {
    let status = udp.ask(ALLOWED, call)?.status();
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
        let message = wire::invite(slow.here, "TCP", ALLOWED, "slow");
        let started = Instant::now();
        for (n, octet) in message.bytes().enumerate() {
            let asked = Instant::now();
            quick
                .send(wire::invite(quick.here, "TCP", ALLOWED, &format!("quick-{n}")).as_bytes())?;
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
        other.send(wire::invite(other.here, "TCP", ALLOWED, "other").as_bytes())?;
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
            again.send(wire::invite(again.here, "TCP", ALLOWED, "again").as_bytes())?;
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
