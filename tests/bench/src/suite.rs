//! The whole benchmark, from top to bottom: what is measured, in which order, and what is asked.

use std::{
    cell::Cell,
    fs,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{
    flood::Flood,
    load::{self, Ask, Load, Outcome, Pace},
    machine,
    policy::Size,
    report::{Rows, Targets, median, micros},
    servers::{Place, Target},
    sipp,
};

const CLOSED: &str = "64 outstanding";
const CLOSED_ACK: &str = "64 outstanding, ACKs";
const OPTIONS: &str = "64 outstanding, OPTIONS";
const SINGLE: &str = "1 outstanding";
const OPEN: &str = "5,000/s, ACKs";
const OPEN_FLOODED: &str = "5,000/s, ACKs, strangers";
const TRUNKGUARD: &str = "trunkguard";

/// Trunkguard may write its journal a second behind.
const BEHIND: Duration = Duration::from_millis(1_200);
/// Strangers' datagrams in all, over all rounds.
const STRANGERS: u64 = 1_000_000;

/// What is measured and how long.
pub struct Suite {
    /// Programs and folders.
    pub place: Place,
    /// SIPp's scenario.
    pub scenario: PathBuf,
    /// Rounds of the figures that are compared; others get about half.
    pub rounds: usize,
    /// Length of one load.
    pub burst: Duration,
}

impl Suite {
    /// Measures everything and prints it.
    ///
    /// # Errors
    /// When something could not be measured.
    pub fn run(&self) -> Result<()> {
        let start = Instant::now();
        println!("# Trunkguard benchmark\n");
        machine::describe(&self.place.folder)
            .iter()
            .for_each(|line| println!("{line}"));
        println!();
        let mut targets = Targets::default();
        self.relaxed(&mut targets)?;
        self.strict(&mut targets)?;
        self.scaling(&mut targets)?;
        println!("## Targets\n");
        targets.print();
        println!("Measured in {:.0} s.", start.elapsed().as_secs_f64());
        Ok(())
    }

    fn relaxed(&self, targets: &mut Targets) -> Result<()> {
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
            "resident memory under 24 MiB",
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

    fn strict(&self, targets: &mut Targets) -> Result<()> {
        let loads = [1, 64, 1024];
        let trunkguard = self
            .place
            .trunkguard("trunkguard-strict", Size::FULL, "strict")?;
        let mut rows = Rows::default();
        let mut fsyncs = vec![Vec::new(); loads.len()];
        for round in 0..self.some() {
            progress(&format!("strict: round {}", round + 1));
            for (at, outstanding) in loads.into_iter().enumerate() {
                fsyncs[at].push(micros(machine::fsync_p50(&self.place.folder)?));
                let got = self.load(&trunkguard, Pace::Closed(outstanding), Ask::Invite)?;
                rows.add(
                    "trunkguard-strict",
                    &format!("{outstanding} outstanding"),
                    got,
                );
            }
        }
        drop(trunkguard);
        progress("strict: counting fsyncs");
        let shared = self.count_fsyncs(&loads)?;
        println!("## Strict: on disk before the answer\n");
        rows.print();
        println!(
            "| outstanding | p50 of an approval µs | this disk's fdatasync p50 µs | p50 in fsyncs | fsyncs per approval |\n|---|---|---|---|---|"
        );
        for (at, outstanding) in loads.into_iter().enumerate() {
            let Some(row) = rows.get("trunkguard-strict", &format!("{outstanding} outstanding"))
            else {
                continue;
            };
            let approval = |o: &Outcome| micros(o.approval.quantile(0.5));
            let units = median(
                row.rounds
                    .iter()
                    .zip(&fsyncs[at])
                    .map(|(o, fsync)| approval(o) / fsync)
                    .collect(),
            );
            let fsync = median(fsyncs[at].clone());
            let per_approval = shared[at];
            println!(
                "| {outstanding} | {:.0} | {fsync:.0} | {units:.2} | {per_approval:.4} |",
                row.median(approval)
            );
            if outstanding == 1 {
                // Two digits: SQLite's checkpoint, once in some thousand calls, is not the call's.
                let met = (per_approval * 100.0).round() <= 100.0;
                targets.add(
                    "strict, single call: at most 1 fsync",
                    format!("{per_approval:.3}"),
                    met,
                );
            } else {
                targets.add(
                    format!("strict, {outstanding} outstanding: p50 at most 2 fsyncs"),
                    format!("{units:.2}"),
                    units <= 2.0,
                );
                let text = format!("strict, {outstanding} outstanding: fsyncs are shared");
                targets.add(
                    text,
                    format!("{per_approval:.4} per approval"),
                    per_approval < 0.5,
                );
            }
        }
        println!();
        let (lost, wrong) = rows.0.iter().fold((0, 0), |(l, w), row| {
            (l + row.sum(|o| o.lost), w + row.sum(|o| o.wrong))
        });
        targets.add(
            "every answer right, none lost (strict)",
            format!("{wrong} wrong, {lost} lost"),
            wrong + lost == 0,
        );
        Ok(())
    }

    /// Waits for the disk per approval, for each number of outstanding calls: counted by strace in a
    /// run of its own, so that no time is taken from it.
    fn count_fsyncs(&self, loads: &[u32]) -> Result<Vec<f64>> {
        let trace = self.place.folder.join("fsyncs.strace");
        let traced = self
            .place
            .trunkguard_traced("trunkguard-traced", Size::FULL, &trace)?;
        let lines = || -> Result<u64> {
            let text = fs::read_to_string(&trace)?;
            // A call that another thread interrupts is printed in two lines.
            Ok(text
                .lines()
                .filter(|line| !line.contains("resumed>"))
                .count() as u64)
        };
        let mut counted = Vec::new();
        for outstanding in loads {
            let (first, last) = (Cell::new(None), Cell::new(0));
            let probe = || {
                last.set(lines()?);
                first.set(first.get().or(Some(last.get())));
                Ok(Duration::ZERO)
            };
            let shape = self.shape(&traced, Pace::Closed(*outstanding), Ask::Invite, self.burst);
            let got = load::run(client_of(Ask::Invite), traced.address, &shape, probe)?;
            let fsyncs = last.get() - first.get().unwrap_or(0);
            counted.push(fsyncs as f64 / got.all_approved.max(1) as f64);
        }
        Ok(counted)
    }

    fn scaling(&self, targets: &mut Targets) -> Result<()> {
        let sizes = [
            (
                "trunkguard-1000-rules-100-listed",
                Size {
                    rules: 1_000,
                    listed: 100,
                },
            ),
            (
                "trunkguard-1000-rules-100000-listed",
                Size {
                    rules: 1_000,
                    listed: 100_000,
                },
            ),
            (
                "trunkguard-10-rules-100000-listed",
                Size {
                    rules: 10,
                    listed: 100_000,
                },
            ),
            (
                "trunkguard-10000-rules-100000-listed",
                Size {
                    rules: 10_000,
                    listed: 100_000,
                },
            ),
        ];
        progress("decision time against the size of the policy");
        let mut running = Vec::new();
        for (name, size) in sizes {
            running.push((self.place.trunkguard(name, size, "relaxed")?, size));
        }
        let mut rows = Rows::default();
        for round in 0..self.rounds {
            progress(&format!("decision time: round {}", round + 1));
            for (target, size) in &running {
                let shape = self.shape(target, Pace::Closed(64), Ask::Invite, self.burst);
                let shape = Load {
                    listed: size.listed,
                    ..shape
                };
                rows.add(target.name, CLOSED, self.put(target, &shape)?);
            }
        }
        println!("## Decision time against the size of the policy\n");
        rows.print();
        for (large, small, text) in [
            (
                sizes[1].0,
                sizes[0].0,
                "decision time flat from 10² to 10⁵ list entries (× 1.25 at most)",
            ),
            (
                sizes[3].0,
                sizes[2].0,
                "decision time flat from 10 to 10⁴ rules (× 1.25 at most)",
            ),
        ] {
            let ratio = rows
                .ratio((large, CLOSED), (small, CLOSED), Outcome::cpu_per_answer)
                .unwrap_or(f64::MAX);
            targets.add(text, format!("CPU per answer × {ratio:.2}"), ratio <= 1.25);
        }
        Ok(())
    }

    fn some(&self) -> usize {
        self.rounds.div_ceil(2)
    }

    fn load(&self, target: &Target, pace: Pace, ask: Ask) -> Result<Outcome> {
        self.put(target, &self.shape(target, pace, ask, self.burst))
    }

    fn shape(&self, target: &Target, pace: Pace, ask: Ask, time: Duration) -> Load {
        let behind = if target.name.starts_with(TRUNKGUARD) && ask != Ask::Options {
            BEHIND
        } else {
            Duration::from_millis(50)
        };
        Load {
            settle: behind,
            ..Load::new(pace, ask, time)
        }
    }

    fn put(&self, target: &Target, load: &Load) -> Result<Outcome> {
        load::run(client_of(load.ask), target.address, load, || {
            target.server.cpu()
        })
    }
}

/// The client that sends no ACK is another one to Trunkguard: it is not sent answers again.
fn client_of(ask: Ask) -> IpAddr {
    match ask {
        Ask::Invite => IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)),
        Ask::InviteAck | Ask::Options | Ask::Echo => IpAddr::V4(Ipv4Addr::LOCALHOST),
    }
}

fn progress(what: &str) {
    eprintln!("bench: {what}");
}
