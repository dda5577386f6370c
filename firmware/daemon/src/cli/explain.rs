//! `explain`: what a call would get, by which rule, and the path to it.

use std::{net::IpAddr, path::PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use trunkguard_core::gate::Gate;

use super::{Answer, print};
use crate::{
    clock::Clock,
    control::{self, Ask, ExplainAsk},
    policy,
    reasons::{self, Explanation},
};

/// A call to be explained.
#[derive(Args)]
pub struct Arguments {
    /// The state directory.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Name of the client (the PBX).
    #[arg(long)]
    client: String,
    /// The calling extension.
    #[arg(long)]
    from: String,
    /// When: 2026-12-24T18:30 in the office's time zone, or with an offset. Now unless said.
    #[arg(long)]
    at: Option<String>,
    /// The phone's address.
    #[arg(long)]
    phone: Option<IpAddr>,
    /// Calls that the PBX counts, this one included.
    #[arg(long)]
    calls: Option<u16>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// The number as the PBX sends it.
    number: String,
}

/// Asks the running daemon, whose figures are live; without one, the stored policy with no calls made.
pub fn run(arguments: &Arguments) -> anyhow::Result<Answer> {
    let zone = policy::zone(&arguments.state)?;
    let ask = ExplainAsk {
        client: arguments.client.clone(),
        from: arguments.from.clone(),
        number: arguments.number.clone(),
        at_ms: arguments
            .at
            .as_deref()
            .map(|at| instant(at, &zone))
            .transpose()?
            .map(Timestamp::as_millisecond),
        phone: arguments.phone,
        calls: arguments.calls,
    };
    let explanation = match control::ask(&arguments.state, &Ask::Explain(ask.clone()))? {
        Some(explanation) => explanation,
        None => without_daemon(arguments, &ask)?,
    };
    if arguments.json {
        print(serde_json::to_string_pretty(&explanation)? + "\n")?;
    } else {
        print(explanation.to_string())?;
    }
    Ok(if explanation.approved {
        Answer::Yes
    } else {
        Answer::No
    })
}

fn without_daemon(arguments: &Arguments, ask: &ExplainAsk) -> anyhow::Result<Explanation> {
    let (compiled, _) = policy::load(&arguments.state, None)?;
    let mut clock = Clock::new(&compiled.settings.time_zone).map_err(anyhow::Error::msg)?;
    let gate = Gate::new(compiled.into(), (0, 0));
    let mut explanation = Explanation::from(&reasons::explain(&gate, &mut clock, ask)?);
    explanation.note = Some(
        "no daemon runs on this state directory: limits are shown as if no call had been made"
            .into(),
    );
    Ok(explanation)
}

fn instant(text: &str, zone: &TimeZone) -> anyhow::Result<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let Ok(civil) = text.parse::<DateTime>() else {
        bail!("--at: `{text}` is not a time; write it as 2026-12-24T18:30");
    };
    Ok(civil
        .to_zoned(zone.clone())
        .context("--at: no such time in the office's time zone")?
        .timestamp())
}
