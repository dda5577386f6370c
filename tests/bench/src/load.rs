//! One load on one server: how fast calls are made, and what became of them.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use anyhow::{Result, bail};

use crate::{
    client::Client,
    flood::{Beside, Flood, Strangers},
    histogram::Histogram,
};

/// When the next call is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// When one of so many outstanding is answered.
    Closed(u32),
    /// So many in a second, whatever the answers; an answer's time counts from when its call was due.
    Open(u32),
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// INVITE, and nothing for its answer.
    Invite,
    /// INVITE, and the ACK of its answer.
    InviteAck,
    /// OPTIONS.
    Options,
    /// INVITE, to a server that sends it back as it is.
    Echo,
}

/// A load.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// When.
    pub pace: Pace,
    /// What.
    pub ask: Ask,
    /// Time under load before measuring begins.
    pub warm_up: Duration,
    /// Time measured.
    pub time: Duration,
    /// Ordinary numbers that calls rotate over.
    pub pool: u32,
    /// Entries of the server's number list.
    pub listed: u32,
    /// Strangers' datagrams meanwhile (open loads only).
    pub flood: Option<Flood>,
    /// Time after the load in which the server's CPU time still counts: what it wrote behind.
    pub settle: Duration,
}

impl Load {
    /// A load of `time`, after a fifth of it to warm up.
    pub fn new(pace: Pace, ask: Ask, time: Duration) -> Self {
        Load {
            pace,
            ask,
            warm_up: time / 5,
            time,
            pool: 50_000,
            listed: crate::call::LIST_MAX,
            flood: None,
            settle: Duration::from_millis(50),
        }
    }
}

/// What became of a load's calls in the measured time.
#[derive(Clone, Default)]
pub struct Outcome {
    /// Right answers.
    pub answers: u64,
    /// Calls without an answer in 2 s; each counts as 2 s in `latency`.
    pub lost: u64,
    /// Wrong answers.
    pub wrong: u64,
    /// What was wrong with the first of them.
    pub first_wrong: Option<String>,
    /// Answers beyond the first of a call.
    pub duplicates: u64,
    /// How long answers took.
    pub latency: Histogram,
    /// How long approvals took.
    pub approval: Histogram,
    /// The time measured.
    pub time: Duration,
    /// The server's CPU time from before the first call to after the last, with what it did behind.
    pub cpu: Duration,
    /// Right answers in that time.
    pub all_answers: u64,
    /// Approvals among them.
    pub all_approved: u64,
    /// Strangers' datagrams sent, and datagrams that came back to them.
    pub strangers: (u64, u64),
}

impl Outcome {
    /// Answers in a second.
    pub fn rate(&self) -> f64 {
        self.answers as f64 / self.time.as_secs_f64().max(1e-9)
    }

    /// CPU microseconds of the server for one answer.
    pub fn cpu_per_answer(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / (self.all_answers as f64).max(1.0)
    }
}

/// Puts `load` on `server` from an address of its own, and reads the server's CPU time with `cpu`.
///
/// # Errors
/// When the sockets cannot be made, the server is gone, or nothing was answered.
pub fn run(
    client: IpAddr,
    server: SocketAddr,
    load: &Load,
    cpu: impl Fn() -> Result<Duration>,
) -> Result<Outcome> {
    let flood = load.flood.map(|flood| Strangers::new(flood, server));
    let Some(mut strangers) = flood.transpose()? else {
        return put(Client::new(client, server, load)?, load, None, cpu);
    };
    let client = Client::new(client, server, load)?;
    let mut outcome = put(client, load, Some(&mut strangers), cpu)?;
    outcome.strangers = strangers.result()?;
    Ok(outcome)
}

/// The same with a client that is there already, and with what sends beside it (open loads only).
///
/// # Errors
/// As above.
pub fn put(
    mut client: Client<'_>,
    load: &Load,
    beside: Option<&mut dyn Beside>,
    cpu: impl Fn() -> Result<Duration>,
) -> Result<Outcome> {
    let server = client.server();
    let before = cpu()?;
    match load.pace {
        Pace::Closed(outstanding) => client.closed(outstanding)?,
        Pace::Open(rate) => client.open(rate, beside)?,
    }
    std::thread::sleep(load.settle);
    let cpu = cpu()?.saturating_sub(before);
    let outcome = Outcome {
        cpu,
        ..client.outcome()
    };
    if outcome.answers == 0 {
        let wrong = outcome
            .first_wrong
            .unwrap_or_else(|| String::from("none came back"));
        bail!("no right answer from {server}: {wrong}");
    }
    Ok(outcome)
}
