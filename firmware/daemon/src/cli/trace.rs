//! `trace`: the SIP messages of the clients, as the page shows them.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use jiff::Timestamp;

use super::{Answer, print};
use crate::{
    control::{self, Ask},
    policy,
    trace::{Message, Order, Recorded},
};

/// What to do.
#[derive(Args)]
pub struct Arguments {
    /// The state directory of the running daemon.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Record for ten minutes, and forget what was recorded before.
    #[arg(long, conflicts_with = "stop")]
    start: bool,
    /// Stop recording; what was recorded stays.
    #[arg(long)]
    stop: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Does it and shows what was recorded.
///
/// # Errors
/// When no daemon runs.
pub fn run(arguments: &Arguments) -> anyhow::Result<Answer> {
    let order = match (arguments.start, arguments.stop) {
        (true, _) => Order::Start,
        (_, true) => Order::Stop,
        _ => Order::Show,
    };
    let recorded: Recorded =
        control::ask(&arguments.state, &Ask::Trace(order))?.with_context(|| {
            format!(
                "no daemon runs on {}; start it: trunkguard run --state {0}",
                arguments.state.display()
            )
        })?;
    if arguments.json {
        return print(serde_json::to_string_pretty(&recorded)? + "\n");
    }
    let zone = policy::zone(&arguments.state)?;
    let at = |ms: i64| {
        Timestamp::from_millisecond(ms).map_or_else(
            |_| "?".into(),
            |at| {
                at.to_zoned(zone.clone())
                    .strftime("%H:%M:%S%.3f")
                    .to_string()
            },
        )
    };
    let state = match (recorded.left_s, recorded.messages.is_empty()) {
        (Some(left), _) => {
            format!("recording for another {left} s; `trunkguard trace` shows what there is\n")
        }
        (None, true) => "nothing is recorded; begin with --start, then place a call\n".into(),
        (None, false) => String::new(),
    };
    let messages: String = recorded.messages.iter().map(|m| rung(m, &at)).collect();
    print(messages + &state)
}

fn rung(message: &Message, at: &impl Fn(i64) -> String) -> String {
    let (arrow, transport) = (
        if message.incoming { "->" } else { "<-" },
        if message.stream { "TCP/TLS" } else { "UDP" },
    );
    let text: String = message
        .text
        .lines()
        .map(|line| format!("    {line}\n"))
        .collect();
    format!(
        "{}  {} {arrow} box  {transport}\n{text}\n",
        at(message.at_ms),
        message.peer
    )
}
