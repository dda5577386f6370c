//! What the firewall drops, or in Detect would drop, in plain words: for somebody who has to decide
//! whether Prevent can be switched on.

use alloc::{format, string::String, vec::Vec};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::policy::Mode;

mod sampler;
mod words;

pub use sampler::{DISTINCT, RULES, Sampler, Seen, TALKERS, Talker};
pub use words::{Fate, Words, words};

/// Talkers that are named in a sentence.
const NAMED: usize = 3;

/// One of the rules' counters, as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure<'a> {
    /// The rule.
    pub name: &'a str,
    /// Packets since the table was made.
    pub packets: u64,
    /// Octets since the table was made.
    pub bytes: u64,
}

/// What the report is made of.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// The mode in force.
    pub mode: Mode,
    /// Seconds since the counters began, where known.
    pub since_s: Option<u64>,
    /// The counters.
    pub figures: &'a [Figure<'a>],
    /// What was sampled meanwhile.
    pub sampler: &'a Sampler,
}

/// The report. Its `Display` is the text for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The mode in force.
    pub mode: Mode,
    /// Seconds since the counters began, where known.
    pub since_s: Option<u64>,
    /// What the mode decides on: dropped, in Detect passed. Without counters that stand at 0.
    pub decided: Vec<Line>,
    /// What is dropped in every mode.
    pub always: Vec<Line>,
    /// What passes in every mode.
    pub passed: Vec<Line>,
}

/// What one rule has counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The rule.
    pub rule: String,
    /// Packets, or connections in Detect and of what passes.
    pub packets: u64,
    /// Octets.
    pub bytes: u64,
    /// What happened, as a sentence.
    pub what: String,
    /// What it may mean, and what to do then; empty where nothing is to be done.
    pub remedy: String,
    /// Who was sampled most, the first most often.
    pub most: Vec<Talker>,
}

/// Says what happened.
pub fn report(given: &Given<'_>) -> Report {
    let mut report = Report {
        mode: given.mode,
        since_s: given.since_s,
        decided: Vec::new(),
        always: Vec::new(),
        passed: Vec::new(),
    };
    for figure in given.figures.iter().filter(|f| f.packets > 0) {
        let words = words(figure.name);
        let line = line(figure, &words, given);
        match words.fate {
            Fate::Decided => report.decided.push(line),
            Fate::Dropped => report.always.push(line),
            Fate::Passed => report.passed.push(line),
        }
    }
    // By order of the rules in the table of words, so that a report reads the same every time.
    for lines in [&mut report.decided, &mut report.always, &mut report.passed] {
        lines.sort_by_key(|line| words::place(&line.rule));
    }
    report
}

fn line(figure: &Figure<'_>, words: &Words, given: &Given<'_>) -> Line {
    let once =
        words.fate == Fate::Passed || words.fate == Fate::Decided && given.mode == Mode::Detect;
    let unit = match (once, figure.packets) {
        (true, 1) => "connection",
        (true, _) => "connections",
        (false, 1) => "packet",
        (false, _) => "packets",
    };
    let mut what = format!("{} {unit}: {}", count(figure.packets), words.what);
    if words.rule.is_empty() {
        what.push_str(&format!(" ({})", figure.name));
    }
    let seen = given.sampler.seen(figure.name);
    let most: Vec<Talker> = seen.map(Seen::most).unwrap_or_default();
    if let Some(seen) = seen.filter(|_| !most.is_empty()) {
        what.push_str(&among(seen, &most));
    }
    Line {
        rule: figure.name.into(),
        packets: figure.packets,
        bytes: figure.bytes,
        what,
        remedy: words.remedy.into(),
        most,
    }
}

/// The part of a sentence that says who it was, as far as samples show it.
fn among(seen: &Seen, most: &[Talker]) -> String {
    let ends = if seen.outward() { "to" } else { "from" };
    let named: Vec<String> = most.iter().take(NAMED).map(Talker::describe).collect();
    let others = match (seen.distinct(), named.len()) {
        (n, _) if n >= DISTINCT => format!("{DISTINCT} or more addresses, most often "),
        (n, shown) if n > shown => format!("at least {n} addresses, most often "),
        _ => String::new(),
    };
    format!("; {ends} {others}{}", named.join(", "))
}

/// With thousands apart: `1,204`.
fn count(number: u64) -> String {
    let digits = format!("{number}");
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = match self.since_s {
            Some(seconds) => format!(" for {}", span(seconds)),
            None => String::new(),
        };
        let (mode, decided) = match self.mode {
            Mode::Detect => ("Detect", "Prevent would have dropped"),
            Mode::Prevent => ("Prevent", "Dropped"),
            Mode::Lockdown => ("Lockdown", "Dropped"),
        };
        writeln!(f, "In {mode}. The firewall has counted{since}.")?;
        if self.decided.is_empty() {
            writeln!(f, "\n{decided}: nothing between the internet and the PBX.")?;
        } else {
            writeln!(f, "\n{decided}, between the internet and the PBX:")?;
            lines(f, &self.decided)?;
        }
        if self.mode == Mode::Detect && !self.decided.is_empty() {
            writeln!(
                f,
                "  Go through each of these before you switch to Prevent. What is a scanner needs nothing."
            )?;
        }
        if !self.always.is_empty() {
            writeln!(f, "\nDropped in every mode:")?;
            lines(f, &self.always)?;
        }
        if !self.passed.is_empty() {
            writeln!(f, "\nPassed:")?;
            lines(f, &self.passed)?;
        }
        Ok(())
    }
}

fn lines(f: &mut fmt::Formatter<'_>, lines: &[Line]) -> fmt::Result {
    for line in lines {
        writeln!(f, "  {}", line.what)?;
        if !line.remedy.is_empty() {
            writeln!(f, "    -> {}", line.remedy)?;
        }
    }
    Ok(())
}
