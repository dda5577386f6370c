//! Strict durability: an approval is on disk before its answer leaves.

use std::{cell::Cell, fs, time::Duration};

use anyhow::Result;

use crate::{
    load::{self, Ask, Outcome, Pace},
    machine,
    policy::Size,
    report::{Row, Rows, Targets, median, micros},
    suite::{Suite, TRUNKGUARD, client_of, progress},
};

const STRICT: &str = "trunkguard-strict";
/// Strict on a disk that is made slower.
const SLOWED: &str = "trunkguard-slow-disk";
/// What a wait for a memory card takes more than one for this disk, in µs.
const SLOWED_BY_US: u64 = 10_000;
/// Calls outstanding that strict durability is measured with.
const LOADS: [u32; 3] = [1, 64, 1024];

impl Suite {
    /// What strict durability costs.
    ///
    /// # Errors
    /// When something could not be measured.
    pub fn strict(&self, targets: &mut Targets) -> Result<()> {
        let echo = self.place.echo(false)?;
        let strict = self.place.trunkguard(STRICT, Size::FULL, "strict")?;
        let relaxed = self.place.trunkguard(TRUNKGUARD, Size::FULL, "relaxed")?;
        let mut rows = Rows::default();
        let mut fsyncs = Vec::new();
        for round in 0..self.some() {
            progress(&format!("strict: round {}", round + 1));
            for outstanding in LOADS {
                let (pace, name) = (Pace::Closed(outstanding), outstanding_name(outstanding));
                fsyncs.push(micros(machine::fsync_p50(&self.place.folder)?));
                rows.add(STRICT, &name, self.load(&strict, pace, Ask::Invite)?);
                rows.add(TRUNKGUARD, &name, self.load(&relaxed, pace, Ask::Invite)?);
                rows.add("echo", &name, self.load(&echo, pace, Ask::Echo)?);
            }
        }
        let (memory, _) = strict.server.memory()?;
        drop((echo, strict, relaxed));
        progress("strict: a slower disk");
        let slowed = (self.place).trunkguard_slowed(SLOWED, Size::FULL, SLOWED_BY_US)?;
        for outstanding in &LOADS[1..] {
            let name = outstanding_name(*outstanding);
            for _ in 0..self.some() {
                let pace = Pace::Closed(*outstanding);
                rows.add(SLOWED, &name, self.load(&slowed, pace, Ask::Invite)?);
            }
        }
        drop(slowed);
        progress("strict: counting fsyncs");
        let shared = self.count_fsyncs()?;
        println!("## Strict: on disk before the answer\n");
        rows.print();
        let fsync = median(fsyncs);
        println!(
            "This disk's own wait for 4 KiB (append and fdatasync): p50 {fsync:.0} µs = 1 fsync.\n"
        );
        println!(
            "| outstanding | p50 of an approval, fsyncs | the same, relaxed | the same, echo | fsyncs per approval |"
        );
        println!("|---|---|---|---|---|");
        for (outstanding, per_approval) in LOADS.into_iter().zip(shared) {
            let name = outstanding_name(outstanding);
            let p50 = |server: &str| {
                let row = rows.get(server, &name);
                row.map_or(0.0, |row| row.median(|o| micros(o.approval.quantile(0.5)))) / fsync
            };
            let (strict, relaxed, echo) = (p50(STRICT), p50(TRUNKGUARD), p50("echo"));
            println!(
                "| {outstanding} | {strict:.2} | {relaxed:.2} | {echo:.2} | {per_approval:.4} |"
            );
            judge_strict(outstanding, strict, relaxed, echo, per_approval, targets);
        }
        let slow = fsync + SLOWED_BY_US as f64;
        for outstanding in &LOADS[1..] {
            let row = rows.get(SLOWED, &outstanding_name(*outstanding));
            let p50 = row.map_or(0.0, |row| row.median(|o| micros(o.approval.quantile(0.5))));
            targets.add(
                format!(
                    "strict, {outstanding} outstanding, a disk as slow as a card ({:.1} ms): p50 at most 2 fsyncs",
                    slow / 1e3
                ),
                format!("{:.2}", p50 / slow),
                p50 <= 2.0 * slow,
            );
        }
        println!("\nTrunkguard's memory after this: resident {memory} KiB.\n");
        let figure = format!("{:.1} MiB", memory as f64 / 1024.0);
        targets.add(
            "resident memory under 24 MiB (strict)",
            figure,
            memory < 24 * 1024,
        );
        let of_strict = |row: &&Row| row.server == STRICT;
        let sum = |figure: fn(&Outcome) -> u64| {
            rows.0
                .iter()
                .filter(of_strict)
                .map(|row| row.sum(figure))
                .sum::<u64>()
        };
        let (lost, wrong) = (sum(|o| o.lost), sum(|o| o.wrong));
        targets.add(
            "every answer right, none lost (strict)",
            format!("{wrong} wrong, {lost} lost"),
            wrong + lost == 0,
        );
        Ok(())
    }

    /// Waits for the disk per approval, for each number of outstanding calls: counted by strace in a
    /// run of its own, so that no time is taken from it.
    fn count_fsyncs(&self) -> Result<Vec<f64>> {
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
        for outstanding in LOADS {
            let (first, last) = (Cell::new(None), Cell::new(0));
            let probe = || {
                last.set(lines()?);
                first.set(first.get().or(Some(last.get())));
                Ok(Duration::ZERO)
            };
            let shape = self.shape(&traced, Pace::Closed(outstanding), Ask::Invite, self.burst);
            let got = load::run(client_of(Ask::Invite), traced.address, &shape, probe)?;
            let fsyncs = last.get() - first.get().unwrap_or(0);
            counted.push(fsyncs as f64 / got.all_approved.max(1) as f64);
        }
        Ok(counted)
    }
}

fn outstanding_name(outstanding: u32) -> String {
    format!("{outstanding} outstanding")
}

/// Medians of an approval in fsyncs, and fsyncs per approval.
fn judge_strict(
    outstanding: u32,
    strict: f64,
    relaxed: f64,
    echo: f64,
    per_approval: f64,
    targets: &mut Targets,
) {
    if outstanding == 1 {
        // Two digits: SQLite's checkpoint, once in some thousand calls, is not the call's.
        let met = (per_approval * 100.0).round() <= 100.0;
        targets.add(
            "strict, single call: at most 1 fsync",
            format!("{per_approval:.3}"),
            met,
        );
        return;
    }
    let figure = format!("{strict:.2} (a raw echo, without any disk: {echo:.2})");
    targets.add(
        format!("strict, {outstanding} outstanding: p50 at most 2 fsyncs"),
        figure,
        strict <= 2.0,
    );
    let figure = format!("{:.2}", strict - relaxed);
    targets.add(
        format!("strict, {outstanding} outstanding: p50 at most 2 fsyncs above relaxed"),
        figure,
        strict - relaxed <= 2.0,
    );
    let figure = format!("{per_approval:.4} per approval");
    targets.add(
        format!("strict, {outstanding} outstanding: fsyncs are shared"),
        figure,
        per_approval < 0.5,
    );
}
