//! Relaxed durability: Trunkguard beside Kamailio and a raw echo.

use std::time::Duration;

use anyhow::Result;

use crate::{
    flood::Flood,
    load::{Ask, Load, Outcome, Pace},
    policy::Size,
    report::{Rows, Targets, micros},
    servers::Target,
    sipp,
    suite::{CLOSED, Suite, TRUNKGUARD, progress},
};

const CLOSED_ACK: &str = "64 outstanding, ACKs";
const OPTIONS: &str = "64 outstanding, OPTIONS";
const SINGLE: &str = "1 outstanding";
const OPEN: &str = "5,000/s, ACKs";
const OPEN_FLOODED: &str = "5,000/s, ACKs, strangers";
/// Strangers' datagrams in all, over all rounds.
const STRANGERS: u64 = 1_000_000;

impl Suite {
    /// Answers and CPU of echo, Kamailio and Trunkguard; latency; memory; strangers; SIPp.
    ///
    /// # Errors
    /// When something could not be measured.
    pub fn relaxed(&self, targets: &mut Targets) -> Result<()> {
        progress("relaxed: echo, Kamailio, Trunkguard");
        let echo = self.place.echo(false)?;
        let batched = self.place.echo(true)?;
        let kamailio = self.place.kamailio()?;
        let trunkguard = self.place.trunkguard(TRUNKGUARD, Size::FULL, "relaxed")?;
        let fresh = trunkguard.server.memory()?;
        let mut rows = Rows::default();
        let closed = Pace::Closed(64);
        for round in 0..self.rounds {
            progress(&format!("relaxed: round {}", round + 1));
            rows.add("echo", CLOSED, self.load(&echo, closed, Ask::Echo)?);
            rows.add(
                TRUNKGUARD,
                CLOSED,
                self.load(&trunkguard, closed, Ask::Invite)?,
            );
            rows.add(
                "kamailio",
                CLOSED,
                self.load(&kamailio, closed, Ask::Invite)?,
            );
            rows.add(
                "echo-batched",
                CLOSED,
                self.load(&batched, closed, Ask::Echo)?,
            );
            rows.add(
                TRUNKGUARD,
                CLOSED_ACK,
                self.load(&trunkguard, closed, Ask::InviteAck)?,
            );
            rows.add(
                "kamailio",
                CLOSED_ACK,
                self.load(&kamailio, closed, Ask::InviteAck)?,
            );
        }
        for round in 0..self.some() {
            progress(&format!(
                "relaxed: OPTIONS, single calls, 5,000/s: round {}",
                round + 1
            ));
            for (name, target, ask) in [
                ("echo", &echo, Ask::Echo),
                ("kamailio", &kamailio, Ask::Invite),
                (TRUNKGUARD, &trunkguard, Ask::Invite),
            ] {
                rows.add(name, SINGLE, self.load(target, Pace::Closed(1), ask)?);
                let ask = if ask == Ask::Echo {
                    ask
                } else {
                    Ask::InviteAck
                };
                rows.add(name, OPEN, self.load(target, Pace::Open(5_000), ask)?);
                if ask != Ask::Echo {
                    rows.add(name, OPTIONS, self.load(target, closed, Ask::Options)?);
                }
            }
        }
        let memory = trunkguard.server.memory()?;
        let peak = trunkguard.server.memory_peak()?;
        drop((echo, batched));
        println!("## Relaxed: answers and CPU\n");
        rows.print();
        println!(
            "Trunkguard's memory: resident {} KiB when ready, {} KiB after the load (PSS {} KiB, peak {peak} KiB).\n",
            fresh.0, memory.0, memory.1
        );
        let (kamailio_ram, _) = kamailio.server.memory()?;
        println!("Kamailio's processes: resident {kamailio_ram} KiB in all.\n");
        self.judge_relaxed(&rows, targets);
        targets.add(
            "resident memory under 24 MiB (relaxed)",
            format!("{:.1} MiB", memory.0 as f64 / 1024.0),
            memory.0 < 24 * 1024,
        );
        self.flooded(&trunkguard, targets)?;
        self.sipp(&kamailio, &trunkguard)
    }

    fn judge_relaxed(&self, rows: &Rows, targets: &mut Targets) {
        let cpu = |o: &Outcome| 1.0 / o.cpu_per_answer().max(1e-9);
        for (load, peer, peer_load, wanted, text) in [
            (
                CLOSED,
                "kamailio",
                CLOSED,
                7.0,
                "at least 7 times Kamailio's answers per core, without ACKs",
            ),
            (
                CLOSED_ACK,
                "kamailio",
                CLOSED_ACK,
                7.0,
                "at least 7 times Kamailio's answers per core, with ACKs",
            ),
            (
                CLOSED,
                "echo",
                CLOSED,
                0.75,
                "at least 0.75 of a raw UDP echo",
            ),
        ] {
            let by_cpu = rows
                .ratio((TRUNKGUARD, load), (peer, peer_load), cpu)
                .unwrap_or(0.0);
            let by_rate = rows
                .ratio((TRUNKGUARD, load), (peer, peer_load), Outcome::rate)
                .unwrap_or(0.0);
            let figure = format!("{by_cpu:.2} by CPU time, {by_rate:.2} by answers/s");
            targets.add(text, figure, by_cpu.min(by_rate) >= wanted);
        }
        if let Some(open) = rows.get(TRUNKGUARD, OPEN) {
            let p99 = open.median(|o| micros(o.latency.quantile(0.99)));
            targets.add(
                "p99 under 1 ms at 5,000 calls/s",
                format!("{p99:.0} µs"),
                p99 < 1_000.0,
            );
        }
        let sum = |figure: fn(&Outcome) -> u64| {
            rows.0
                .iter()
                .filter(|row| row.server == TRUNKGUARD)
                .map(|row| row.sum(figure))
                .sum::<u64>()
        };
        let (lost, wrong) = (sum(|o| o.lost), sum(|o| o.wrong));
        targets.add(
            "every answer right, none lost (relaxed)",
            format!("{wrong} wrong, {lost} lost"),
            wrong + lost == 0,
        );
        for row in rows.0.iter().filter(|row| row.server == TRUNKGUARD) {
            if let Some(wrong) = row.rounds.iter().find_map(|o| o.first_wrong.as_ref()) {
                println!("First wrong answer ({}): {wrong}\n", row.load);
            }
        }
    }

    fn flooded(&self, trunkguard: &Target, targets: &mut Targets) -> Result<()> {
        let rounds = self.some() as u64;
        let time = Duration::from_secs(4);
        // Sent in seven eighths of the time: the last ones are not cut off by a late start.
        let each = STRANGERS.div_ceil(rounds);
        let flood = Flood {
            rate: (each as f64 / (time.as_secs_f64() * 0.875)) as u32,
            total: each,
        };
        let mut rows = Rows::default();
        for round in 0..rounds {
            progress(&format!("strangers: round {}", round + 1));
            let quiet = self.shape(trunkguard, Pace::Open(5_000), Ask::InviteAck, time);
            rows.add(TRUNKGUARD, OPEN, self.put(trunkguard, &quiet)?);
            let flooded = Load {
                flood: Some(flood),
                ..quiet
            };
            rows.add(TRUNKGUARD, OPEN_FLOODED, self.put(trunkguard, &flooded)?);
        }
        println!(
            "## Strangers: {} datagrams/s beside a client's calls\n",
            flood.rate
        );
        rows.print();
        let p99 = |o: &Outcome| micros(o.latency.quantile(0.99));
        let ratio = rows
            .ratio((TRUNKGUARD, OPEN_FLOODED), (TRUNKGUARD, OPEN), p99)
            .unwrap_or(f64::MAX);
        let Some(flooded) = rows.get(TRUNKGUARD, OPEN_FLOODED) else {
            return Ok(());
        };
        let (sent, back) = (
            flooded.sum(|o| o.strangers.0),
            flooded.sum(|o| o.strangers.1),
        );
        let lost = flooded.sum(|o| o.lost);
        targets.add(
            "10⁶ strangers' datagrams: client's p99 at most twice as long, no answer lost",
            format!("{sent} datagrams, p99 × {ratio:.2}, {lost} lost"),
            ratio <= 2.0 && lost == 0 && sent >= STRANGERS,
        );
        targets.add(
            "strangers get nothing",
            format!("{back} datagrams came back"),
            back == 0,
        );
        Ok(())
    }

    fn sipp(&self, kamailio: &Target, trunkguard: &Target) -> Result<()> {
        progress("sipp");
        println!("## SIPp as the client: INVITE, 302, ACK\n");
        println!(
            "| server | asked calls/s | reached | right | failed | sent again |\n|---|---|---|---|---|---|"
        );
        for target in [kamailio, trunkguard] {
            for rate in [2_000, 8_000] {
                let seen = sipp::run(&self.place, &self.scenario, target, rate, rate * 2)?;
                let sipp::Seen {
                    right,
                    failed,
                    retransmitted,
                    rate: reached,
                } = seen;
                println!(
                    "| {} | {rate} | {reached:.0} | {right} | {failed} | {retransmitted} |",
                    target.name
                );
            }
        }
        println!();
        Ok(())
    }
}
