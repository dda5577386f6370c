//! How long a search in a list of 100,000 calls takes on this machine: half of them on a busy day (many in a row), half on quiet
//! ones (each in a row of its own), and a tenth refusals.
//!
//! `cargo run --release -p trunkguard-store --example history_speed [DIR]`

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use trunkguard_core::{
    number::{Digits, Kind},
    policy::{CountryCode, Mode, Name},
    record::{Record, text},
    verdict::{Level, Rule, Verdict},
};
use trunkguard_store::{
    history::{Filter, History},
    journal::{Entry, Journal, Options},
};

const CALLS: u64 = 100_000;
const SEARCHES: u32 = 51;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args_os()
        .nth(1)
        .map_or_else(|| std::env::temp_dir().join("history-speed"), PathBuf::from);
    std::fs::create_dir_all(&dir)?;
    fill(&dir)?;
    let history = History::open(&dir)?;
    let any = Filter::default();
    let searches = [
        ("the newest page", any.clone()),
        (
            "part of a number, found",
            Filter {
                number: Some("5550123".into()),
                ..any.clone()
            },
        ),
        (
            "a number that is not there",
            Filter {
                number: Some("442071838750".into()),
                ..any.clone()
            },
        ),
        (
            "a caller that is not there",
            Filter {
                caller: Some("999".into()),
                ..any.clone()
            },
        ),
        (
            "a rule that is not there",
            Filter {
                rule: Some(Rule::Sequential),
                ..any.clone()
            },
        ),
        (
            "a client that is not there",
            Filter {
                client: Some("shop".into()),
                ..any.clone()
            },
        ),
        (
            "a day long ago",
            Filter {
                until_ms: 86_400_000,
                ..any.clone()
            },
        ),
        (
            "refusals only",
            Filter {
                approved: Some(false),
                ..any
            },
        ),
    ];
    println!("{CALLS} calls; CPU time, median and slowest of {SEARCHES} searches:");
    for (what, filter) in searches {
        let (mut times, mut found) = (Vec::new(), 0);
        let before = cpu()?;
        for _ in 0..SEARCHES {
            let begin = Instant::now();
            found = history.page(&filter, None)?.calls.len();
            times.push(begin.elapsed());
        }
        times.sort();
        println!(
            "{what:<28}{:>8.1} ms{:>8.1} ms{:>8.1} ms {found:>6} found",
            ms((cpu()? - before) / SEARCHES),
            ms(times[times.len() / 2]),
            ms(times[times.len() - 1])
        );
    }
    let day = 86_400_000;
    let edges: Vec<i64> = (0..=14).map(|n| n * day).collect();
    let begin = Instant::now();
    history.counts(&edges)?;
    println!(
        "{:<28}{:>8.1} ms",
        "counted for a chart",
        ms(begin.elapsed())
    );
    drop(history);
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

/// CPU time of this process until now, to a hundredth of a second (proc(5)): what a search costs however busy the machine is.
fn cpu() -> std::io::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name, in brackets, may hold blanks; user and system time are the 12th and 13th field after it.
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Ok(Duration::from_millis(ticks * 10))
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Two weeks of calls.
fn fill(dir: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
    let (journal, _) = Journal::open(dir, Options::default(), |_, _| {})?;
    journal.announce([Name::parse("office")?].into());
    let mut batch = Vec::new();
    for n in 0..CALLS {
        batch.push(Entry {
            record: call(n),
            // A ticket alone is a commit alone, where the journal finds nothing else to take along.
            ticket: (n >= CALLS / 2 && n % 10 != 0).then_some(n),
        });
        while !batch.is_empty() {
            journal.push(&mut batch);
            if n >= CALLS / 2 || !batch.is_empty() {
                journal.flush();
            }
        }
    }
    journal.flush();
    Ok(())
}

fn call(n: u64) -> Record {
    let refused = n.is_multiple_of(10);
    let number = format!("1809555{:04}", n % 10_000);
    Record {
        unix_ms: (n * 14 * 86_400_000 / CALLS) as i64,
        client: 0,
        caller: text(format!("{}", 101 + n % 40).as_bytes()),
        dialled: text(number.as_bytes()),
        digits: Digits::new(number.as_bytes()),
        country: Some(CountryCode::US),
        kind: Some(Kind::Domestic),
        mode: Mode::Prevent,
        verdict: Verdict {
            approved: !refused,
            allowed: !refused,
            rule: if refused {
                Rule::Country
            } else {
                Rule::Default
            },
            level: Level::Everybody,
            figures: None,
            chargeable: true,
        },
        first: None,
        said_calls: Some(1),
        phone: Some([192, 168, 1, 101].into()),
        phone_agent: text(b"Yealink SIP-T46S 66.86.0.15"),
        said_fields: 5,
    }
}
