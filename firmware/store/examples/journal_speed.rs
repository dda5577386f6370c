//! What the journal costs on this machine and this disk: rows a second, CPU time of its thread per
//! row, and how long an answer waits, in units of this disk's own fdatasync.
//!
//! `cargo run --release -p trunkguard-store --example journal_speed [DIR]`

use std::{
    fs::{self, File},
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use trunkguard_core::{
    number::{Digits, Kind},
    policy::{CountryCode, Mode, Name},
    record::{Record, text},
    verdict::{Level, Rule, Verdict},
};
use trunkguard_store::journal::{Entry, Journal, Options, Outcome};

const SPAN: Duration = Duration::from_secs(2);

fn main() -> std::io::Result<()> {
    let dir = std::env::args_os()
        .nth(1)
        .map_or_else(|| std::env::temp_dir().join("journal-speed"), PathBuf::from);
    fs::create_dir_all(&dir)?;
    let sync = fdatasync(&dir)?;
    println!(
        "fdatasync of 4 KiB: p50 {:.0} us, p99 {:.0} us",
        micros(sync.0),
        micros(sync.1)
    );
    println!(
        "{:<26}{:>12}{:>14}{:>12}{:>12}{:>14}",
        "", "rows/s", "CPU us/row", "p50 us", "p99 us", "p50/fdatasync"
    );
    for batch in [1, 32, 64, 1_024] {
        strict(&dir, batch, sync.0)?;
    }
    for batch in [1, 32, 1_024] {
        relaxed(&dir, batch, 0)?;
    }
    relaxed(&dir, 32, 5)?;
    relaxed(&dir, 32, 1)?;
    fs::remove_dir_all(&dir)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Half of the calls of a loop that waits for each batch are faster than the first figure, 99 % than
/// the second.
fn percentiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    let at = |percent: usize| {
        times
            .get(times.len() * percent / 100)
            .copied()
            .unwrap_or_default()
    };
    (at(50), at(99))
}

fn fdatasync(dir: &Path) -> std::io::Result<(Duration, Duration)> {
    let path = dir.join("probe");
    let mut file = File::create(&path)?;
    // Like a log that is used again: the blocks are there already.
    file.write_all(&vec![1; 4 << 20])?;
    file.sync_all()?;
    let mut times = Vec::new();
    for n in 0..300u64 {
        file.seek(SeekFrom::Start(n % 1_000 * 4_096))?;
        let start = Instant::now();
        file.write_all(&[n as u8; 4_096])?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    fs::remove_file(path)?;
    Ok(percentiles(times))
}

fn strict(dir: &Path, batch: u64, sync: Duration) -> std::io::Result<()> {
    fresh(dir);
    let stored = Arc::new((Mutex::new(0u64), Condvar::new()));
    let told = Arc::clone(&stored);
    let (journal, _) = Journal::open(dir, Options::default(), move |tickets, outcome| {
        assert_eq!(outcome, Outcome::Stored, "this disk takes nothing");
        *told.0.lock().expect("nobody panics") += tickets.len() as u64;
        told.1.notify_one();
    })?;
    announce(&journal);
    let (start, cpu) = (Instant::now(), cpu());
    let (mut rows, mut times, mut entries) = (0, Vec::new(), Vec::new());
    while start.elapsed() < SPAN {
        entries.extend((rows..rows + batch).map(|n| Entry {
            record: record(n, true),
            ticket: Some(n),
        }));
        let begin = Instant::now();
        journal.push(&mut entries);
        rows += batch;
        let mut count = stored.0.lock().expect("nobody panics");
        while *count < rows {
            count = stored.1.wait(count).expect("nobody panics");
        }
        times.push(begin.elapsed());
    }
    let spent = cpu_of_journal() - cpu;
    let (p50, p99) = percentiles(times);
    let wait = format!(
        "{:>12.0}{:>12.0}{:>14.2}",
        micros(p50),
        micros(p99),
        p50.as_secs_f64() / sync.as_secs_f64()
    );
    report(
        &format!("strict, {batch} at a time"),
        rows,
        start.elapsed(),
        spent,
        &wait,
    );
    Ok(())
}

/// One in `refused` calls is a refusal; 0 for none.
fn relaxed(dir: &Path, batch: u64, refused: u64) -> std::io::Result<()> {
    fresh(dir);
    let (journal, _) = Journal::open(dir, Options::default(), |_, _| {})?;
    announce(&journal);
    let (start, cpu) = (Instant::now(), cpu());
    let (mut rows, mut entries, mut full) = (0, Vec::new(), 0u64);
    while start.elapsed() < SPAN {
        entries.extend((rows..rows + batch).map(|n| {
            let approved = refused == 0 || !n.is_multiple_of(refused);
            Entry {
                record: record(n, approved),
                ticket: None,
            }
        }));
        rows += batch;
        journal.push(&mut entries);
        while !entries.is_empty() {
            full += 1;
            std::thread::yield_now();
            journal.push(&mut entries);
        }
    }
    assert!(journal.flush(), "this disk takes nothing");
    let spent = cpu_of_journal() - cpu;
    let name = match refused {
        0 => format!("relaxed, {batch} at a time"),
        1 => "relaxed, all refused".into(),
        n => format!("relaxed, 1 in {n} refused"),
    };
    let figures = journal.figures();
    let more = format!(
        "   {} commits, {} lost, pushed again {full} times",
        figures.commits, figures.lost
    );
    report(&name, rows, start.elapsed(), spent, &more);
    Ok(())
}

fn report(name: &str, rows: u64, time: Duration, cpu: Duration, more: &str) {
    let rate = rows as f64 / time.as_secs_f64();
    println!(
        "{name:<26}{rate:>12.0}{:>14.2}{more}",
        micros(cpu) / rows as f64
    );
}

fn fresh(dir: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(dir.join(format!("history.v1.db{suffix}")));
    }
}

fn announce(journal: &Journal) {
    journal.announce([Name::parse("office").expect("a name")].into());
    assert!(journal.flush());
}

fn cpu() -> Duration {
    cpu_of_journal()
}

/// CPU time of the thread named `journal`, from the scheduler.
fn cpu_of_journal() -> Duration {
    let tasks = fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    let nanos = tasks
        .filter(|task| {
            fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == "journal")
        })
        .filter_map(|task| {
            fs::read_to_string(task.path().join("schedstat"))
                .ok()?
                .split(' ')
                .next()?
                .parse::<u64>()
                .ok()
        })
        .sum();
    Duration::from_nanos(nanos)
}

/// The `n`th call of an office with 200 extensions and some thousand numbers.
fn record(n: u64, approved: bool) -> Record {
    let number = 12_125_550_000 + n * 7_919 % 5_000;
    Record {
        unix_ms: 1_790_000_000_000 + n as i64 / 100,
        client: 0,
        caller: text((100 + n % 200).to_string().as_bytes()),
        dialled: text(number.to_string().as_bytes()),
        digits: Digits::new(number.to_string().as_bytes()),
        country: Some(CountryCode::US),
        kind: Some(Kind::Domestic),
        mode: Mode::Prevent,
        verdict: Verdict {
            approved,
            allowed: approved,
            rule: if approved {
                Rule::Default
            } else {
                Rule::Country
            },
            level: Level::Everybody,
            figures: None,
            chargeable: approved,
        },
        first: None,
        said_calls: Some(1),
        phone: Some([192, 168, 1, (n % 200) as u8].into()),
        phone_agent: text(b"Yealink SIP-T46S 66.85.0.5"),
        said_fields: 5,
    }
}
