//! Logs: to the journal with structured fields where systemd started us, else to standard error.
//!
//! One INFO line per decided call, nothing per stranger's datagram. A PBX gone mad must not fill the
//! journal either: beyond [`CALL_LINES_PER_SECOND`] the calls of a second are told in one line.

use std::{io::IsTerminal, net::IpAddr};

use tracing::{info, warn};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};
use trunkguard_board::StatusLine;
use trunkguard_core::{
    policy::{Client, LogNumbers},
    record::Record,
};

use crate::words;

/// Calls that get a line of their own in any second.
const CALL_LINES_PER_SECOND: u32 = 50;

/// What is logged unless it is said. The DNS library warns of every forged datagram: a stranger's
/// packet gets no line.
const FILTER: &str = "info,hickory_net=error";

/// Starts logging, above the line of the simulated panel. The filter is `TRUNKGUARD_LOG`, in the
/// form of tracing-subscriber's EnvFilter.
pub fn start(line: &StatusLine) {
    let filter =
        EnvFilter::try_from_env("TRUNKGUARD_LOG").unwrap_or_else(|_| EnvFilter::new(FILTER));
    let registry = tracing_subscriber::registry().with(filter);
    if stderr_is_the_journal() {
        match tracing_journald::layer() {
            Ok(journald) => return registry.with(journald).init(),
            Err(problem) => {
                registry
                    .with(fmt::layer().with_writer(std::io::stderr).with_ansi(false))
                    .init();
                warn!(%problem, "the journal cannot be reached; logging to standard error");
                return;
            }
        }
    }
    let line = line.clone();
    let ansi = std::io::stderr().is_terminal();
    registry
        .with(
            fmt::layer()
                .with_writer(move || line.writer())
                .with_ansi(ansi)
                .with_target(false),
        )
        .init();
}

/// systemd says in `JOURNAL_STREAM` which device and inode its stream is; a terminal that was started
/// by a service inherits the variable, but not the stream (systemd.exec(5)).
fn stderr_is_the_journal() -> bool {
    let Some(stream) = std::env::var_os("JOURNAL_STREAM") else {
        return false;
    };
    let Ok(stderr) = nix::sys::stat::fstat(std::io::stderr()) else {
        return false;
    };
    stream.to_str() == Some(&format!("{}:{}", stderr.st_dev, stderr.st_ino))
}

/// Keeps the lines of decided calls within bounds.
#[derive(Default)]
pub struct CallLog {
    second: i64,
    lines: u32,
    untold: u32,
    flushed_ms: u64,
}

impl CallLog {
    /// Does a call decided now get a line?
    pub fn admits(&mut self, unix_ms: i64) -> bool {
        let second = unix_ms.div_euclid(1_000);
        if second != self.second {
            self.second = second;
            self.lines = 0;
        }
        if self.lines == CALL_LINES_PER_SECOND {
            self.untold = self.untold.saturating_add(1);
            return false;
        }
        self.lines += 1;
        true
    }

    /// Tells, once a second, of the calls that got no line.
    pub fn flush(&mut self, now_ms: u64) {
        if self.untold > 0 && now_ms >= self.flushed_ms + 1_000 {
            info!(
                calls = self.untold,
                "more calls than lines; `trunkguard calls` lists them"
            );
            self.untold = 0;
            self.flushed_ms = now_ms;
        }
    }
}

/// Writes the line of one decided call.
pub fn call(record: &Record, client: &Client, source: IpAddr, numbers: LogNumbers) {
    let verdict = &record.verdict;
    let number = shown(record, numbers);
    info!(
        client = client.name.as_str(),
        caller = record.caller.as_str(),
        number = number.as_str(),
        country = record.country.as_ref().map_or("", |c| c.as_str()),
        rule = verdict.rule.name(),
        mode = words::mode(record.mode),
        allowed = verdict.allowed,
        source = %source,
        "call {}: {}",
        if verdict.approved { "approved" } else { "denied" },
        words::reason(verdict),
    );
}

/// The number as the owner wants it in logs.
pub fn shown(record: &Record, numbers: LogNumbers) -> String {
    let text = match &record.digits {
        Some(digits) => format!("+{digits}"),
        None => record.dialled.as_str().to_owned(),
    };
    match numbers {
        LogNumbers::Full => text,
        LogNumbers::Masked => masked(&text),
    }
}

/// A number with its last four characters hidden.
pub fn masked(number: &str) -> String {
    const HIDDEN: usize = 4;
    let shown = number.chars().count().saturating_sub(HIDDEN);
    let hide = |(at, c)| if at < shown { c } else { '*' };
    number.chars().enumerate().map(hide).collect()
}
