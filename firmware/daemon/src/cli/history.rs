//! `calls`, `alerts` and `suggest`: what the history says.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::{Timestamp, tz::TimeZone};
use trunkguard_store::history::{Call, Filter};

use super::{Answer, print};
use crate::{operations, policy};

/// Which calls to list.
#[derive(Args)]
pub struct Arguments {
    /// The state directory.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Only of this client.
    #[arg(long)]
    client: Option<String>,
    /// Only of this extension.
    #[arg(long)]
    from: Option<String>,
    /// Only numbers that contain these digits.
    #[arg(long)]
    number: Option<String>,
    /// Only what this rule decided.
    #[arg(long)]
    rule: Option<String>,
    /// Only calls that went through.
    #[arg(long, conflicts_with = "denied")]
    approved: bool,
    /// Only calls that did not.
    #[arg(long)]
    denied: bool,
    /// At most so many, the newest.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn calls(arguments: &Arguments) -> anyhow::Result<Answer> {
    let filter = Filter {
        client: arguments.client.clone(),
        caller: arguments.from.clone(),
        number: arguments.number.clone(),
        rule: (arguments.rule.as_deref())
            .map(operations::rule)
            .transpose()
            .map_err(|problem| anyhow::anyhow!("--rule: {problem:#}"))?,
        approved: if arguments.approved {
            Some(true)
        } else {
            arguments.denied.then_some(false)
        },
        limit: arguments.limit,
        ..Filter::default()
    };
    let calls = operations::history(&arguments.state)?.calls(&filter)?;
    if arguments.json {
        return print(serde_json::to_string_pretty(&calls)? + "\n");
    }
    if calls.is_empty() {
        return print("no calls yet\n");
    }
    let zone = policy::zone(&arguments.state)?;
    let lines: String = calls.iter().map(|call| line(call, &zone)).collect();
    print(lines)
}

fn line(call: &Call, zone: &TimeZone) -> String {
    let number = call.number.as_ref().unwrap_or(&call.dialled);
    let verdict = match (call.approved, call.allowed) {
        (true, true) => "approved",
        (true, false) => "detected",
        (false, _) => "denied",
    };
    let times = if call.count > 1 {
        format!(" ({} times)", call.count)
    } else {
        String::new()
    };
    format!(
        "{}  {verdict:<8}  {:<12} {:<10} {number:<18} {:<2}  {}{times}\n",
        at(call.unix_ms, zone),
        call.client,
        call.caller,
        call.country.as_ref().map_or("", |country| country.as_str()),
        call.rule.name(),
    )
}

fn at(unix_ms: i64, zone: &TimeZone) -> String {
    Timestamp::from_millisecond(unix_ms).map_or_else(
        |_| "?".into(),
        |t| {
            t.to_zoned(zone.clone())
                .strftime("%Y-%m-%d %H:%M:%S")
                .to_string()
        },
    )
}

pub fn alerts(state: &Path, json: bool) -> anyhow::Result<Answer> {
    let incidents = operations::incidents(&operations::history(state)?, true)?;
    if json {
        return print(serde_json::to_string_pretty(&incidents)? + "\n");
    }
    if incidents.is_empty() {
        return print("nothing needs a look\n");
    }
    let zone = policy::zone(state)?;
    let lines: String = incidents
        .iter()
        .map(|i| {
            let who = match (&i.client, i.caller.as_str()) {
                (Some(client), "") => client.clone(),
                (Some(client), caller) => format!("{client} {caller}"),
                (None, _) => "box".into(),
            };
            format!(
                "{}  {:>6}x  {:<15} {who:<18} {}\n",
                at(i.last_ms, &zone),
                i.count,
                i.kind,
                i.text
            )
        })
        .collect();
    print(lines)
}

/// Marks an incident as seen, or all of them.
pub fn acknowledge(state: &Path, incident: Option<i64>) -> anyhow::Result<Answer> {
    operations::acknowledge(state, incident)?;
    print("acknowledged; what happens again becomes a new alert after an hour\n")
}

/// Proposes `[policy]` from the approved calls of the last days.
pub fn suggest(state: &Path, days: u16, json: bool) -> anyhow::Result<Answer> {
    let suggestion = crate::suggest::suggest(state, days)?;
    if json {
        let json = operations::suggestion_json(&suggestion);
        return print(serde_json::to_string_pretty(&json)? + "\n");
    }
    print(suggestion.render())
}
