//! The daily digest, by a box whose clock is moved, to a real mail server: one a day, with the day's figures (docs/alerts.md).

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use trunkguard_tests::{
    Guard, Office, address,
    clock::FakeClock,
    peers::{ADDRESS, Peer},
    scenario::{BLOCKED, DOMESTIC},
    wire::Udp,
};

/// The box looks every 5 s.
const SOON: Duration = Duration::from_secs(60);
/// 12 January 2027, 07:00 in Toronto (UTC-5).
const SEVEN: i64 = 1_799_755_200;
const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

fn policy() -> String {
    format!(
        r#"format = 1
[settings]
mode = "prevent"
country = "CA"
time_zone = "America/Toronto"
[alerts]
name = "Maple Dental"
digest = "07:30"
kinds = {{ country = "digest", not-a-number = "urgent" }}
[alerts.mail]
server = "{ADDRESS}"
port = 5873
security = "none"
from = "box@example.com"
to = ["owner@example.com"]
[policy.block]
countries = ["CU"]
[[client]]
name = "script"
addresses = ["127.0.0.50"]
"#
    )
}

/// Starts it, and waits until it has looked for the first time.
fn start(guard: &mut Guard) -> Result<()> {
    guard.start()?;
    let started = Instant::now();
    while guard.json(&["status"])?["alerts"]["channels"]
        .as_array()
        .is_none_or(Vec::is_empty)
    {
        ensure!(started.elapsed() < SOON, "it does not look at all");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// A figure of a digest: the number behind its label.
fn figure(mail: &str, label: &str) -> Option<u64> {
    let line = mail.lines().find_map(|line| line.strip_prefix(label))?;
    line.trim().parse().ok()
}

fn call(guard: &Guard, number: &str, call: &str, status: u16) -> Result<()> {
    let udp = Udp::at(address::SCRIPT, guard.listens())?;
    let said = udp.ask(number, call)?.status();
    ensure!(said == Some(status), "{call} was answered {said:?}");
    Ok(())
}

/// How many digests the outbox knows of.
fn digests(guard: &Guard) -> Result<usize> {
    let outbox = guard.json(&["alerts", "outbox"])?;
    let lines = outbox.as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(lines
        .iter()
        .filter(|line| line["class"] == "digest")
        .count())
}

#[test]
fn alerts_digest_comes_once_a_day_and_after_a_restart_not_again() {
    Office::run(|office| {
        let smtp = Peer::mail(office, 5_873, &[])?;
        let mut guard = Guard::new(office, &policy())?;
        let clock = FakeClock::of(&mut guard, office)?;
        clock.set(SEVEN)?;
        start(&mut guard)?;
        call(&guard, DOMESTIC, "through", 302)?;
        call(&guard, BLOCKED, "refused-1", 603)?;
        call(&guard, BLOCKED, "refused-2", 603)?;
        smtp.wait(0, Duration::ZERO)?;

        // At half past seven in the office: the day's figures, and what happened.
        clock.set(SEVEN + 31 * MINUTE)?;
        let got = smtp.wait(1, SOON)?;
        let first = &got[0];
        ensure!(
            first.contains("Subject: [Maple Dental] Daily digest"),
            "{first}"
        );
        for (label, count) in [
            ("Calls that went through", 1),
            ("Calls that were refused", 2),
        ] {
            ensure!(figure(first, label) == Some(count), "{label}: {first}");
        }
        ensure!(first.contains("country"), "{first}");

        // After a restart, and all day long: none. That it looks, an alert shows.
        guard.stop()?;
        clock.set(SEVEN + HOUR)?;
        start(&mut guard)?;
        clock.set(SEVEN + 15 * HOUR)?;
        call(&guard, "12", "no-number", 603)?;
        clock.set(SEVEN + 15 * HOUR + MINUTE)?;
        let got = smtp.wait(2, SOON)?;
        ensure!(
            !got[1].contains("Daily digest"),
            "a second digest: {}",
            got[1]
        );
        ensure!(
            digests(&guard)? == 1,
            "{:#}",
            guard.json(&["alerts", "outbox"])?
        );

        // The next day's: what was before its 24 hours is not in it.
        clock.set(SEVEN + DAY + 31 * MINUTE)?;
        let got = smtp.wait(3, SOON)?;
        for (label, count) in [
            ("Calls that went through", 0),
            ("Calls that were refused", 1),
        ] {
            ensure!(figure(&got[2], label) == Some(count), "{label}: {}", got[2]);
        }

        // Off at the time, it sends it when it is back; and killed after that, not again.
        guard.stop()?;
        clock.set(SEVEN + 2 * DAY + 3 * HOUR)?;
        start(&mut guard)?;
        let got = smtp.wait(4, SOON)?;
        ensure!(got[3].contains("Daily digest"), "{}", got[3]);
        guard.kill();
        clock.set(SEVEN + 2 * DAY + 4 * HOUR)?;
        start(&mut guard)?;
        call(&guard, "13", "no-number-either", 603)?;
        clock.set(SEVEN + 2 * DAY + 4 * HOUR + MINUTE)?;
        smtp.wait(5, SOON)?;
        ensure!(
            digests(&guard)? == 3,
            "{:#}",
            guard.json(&["alerts", "outbox"])?
        );
        Ok(())
    });
}
