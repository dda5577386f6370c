//! `explain`: what a call would get, by which rule, and the path to it.

use std::{net::IpAddr, path::PathBuf};

use clap::Args;

use super::{Answer, print};
use crate::{control::ExplainAsk, operations};

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
    let at = arguments.at.as_deref();
    let ask = ExplainAsk {
        client: arguments.client.clone(),
        from: arguments.from.clone(),
        number: arguments.number.clone(),
        at_ms: at
            .map(|at| operations::instant(&arguments.state, at))
            .transpose()
            .map_err(|problem| anyhow::anyhow!("--at: {problem:#}"))?,
        phone: arguments.phone,
        calls: arguments.calls,
    };
    let explanation = operations::explain(&arguments.state, &ask)?;
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
