//! `call`: one real INVITE to the running daemon, and what became of it.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::Args;
use trunkguard_sip::caller::{Attempt, Reply};

use super::{Answer, print};
use crate::{
    control::{self, Ask, ExplainAsk},
    health::Status,
    reasons::Explanation,
};

/// T1 doubles from here (RFC 3261 17.1.1.2).
const FIRST_WAIT: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(8);

/// A call attempt.
#[derive(Args)]
pub struct Arguments {
    /// The state directory of the running daemon.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// The number as the PBX would send it.
    #[arg(long)]
    number: String,
    /// The calling extension.
    #[arg(long, default_value = "2001")]
    from: String,
    /// The client that this machine is; needed only when there are several.
    #[arg(long)]
    client: Option<String>,
}

/// Places the call. The answer on the wire is shown beside what `explain` says a moment before.
pub fn run(arguments: &Arguments) -> anyhow::Result<Answer> {
    let Some(status): Option<Status> = control::ask(&arguments.state, &Ask::Status)? else {
        bail!(
            "no daemon runs on {}; start it with `make run` or `trunkguard run`",
            arguments.state.display()
        );
    };
    let client = match (&arguments.client, status.clients.as_slice()) {
        (Some(client), _) => client.clone(),
        (None, [only]) => only.name.clone(),
        (None, []) => {
            bail!("the policy has no client; add this machine as one: [[client]] in docs/policy.md")
        }
        (None, many) => bail!(
            "there are {} clients; say which one this machine is with --client",
            many.len()
        ),
    };
    let ask = ExplainAsk {
        client,
        from: arguments.from.clone(),
        number: arguments.number.clone(),
        at_ms: None,
        phone: None,
        calls: None,
    };
    let explanation: Explanation =
        control::ask(&arguments.state, &Ask::Explain(ask))?.context("the daemon has just ended")?;

    let sip: SocketAddr = status
        .sip
        .parse()
        .context("the daemon's SIP address is not understood")?;
    let to = match sip.ip() {
        ip if ip.is_unspecified() => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), sip.port()),
        ip => SocketAddr::new(ip, sip.port()),
    };
    let reply = place(arguments, to)?;
    let Some(reply) = reply else {
        print(format!(
            "no answer from {to} within {} s: this machine is a stranger to the policy, or the box is busy\n",
            PATIENCE.as_secs()
        ))?;
        return Ok(Answer::No);
    };
    let contact = reply
        .contact_user
        .as_ref()
        .map_or(String::new(), |user| format!("  Contact user: {user}"));
    print(format!(
        "{} from {to}{contact}\n{explanation}",
        reply.status
    ))?;
    Ok(if explanation.approved {
        Answer::Yes
    } else {
        Answer::No
    })
}

fn place(arguments: &Arguments, to: SocketAddr) -> anyhow::Result<Option<Reply>> {
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket
        .connect(to)
        .with_context(|| format!("no way to {to}"))?;
    let said = format!("{};localhost;;trunkguard-call;1", arguments.from);
    let unique = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)?
        .as_nanos() as u64;
    let attempt = Attempt {
        number: &arguments.number,
        caller: &arguments.from,
        said: &said,
        from: socket.local_addr()?,
        to,
        unique,
    };
    let invite = attempt.invite().map_err(anyhow::Error::msg)?;
    let (mut buffer, mut wait, begin) = ([0; 8_192], FIRST_WAIT, Instant::now());
    while begin.elapsed() < PATIENCE {
        socket.send(&invite)?;
        socket.set_read_timeout(Some(wait))?;
        wait *= 2;
        while let Ok(len) = socket.recv(&mut buffer) {
            match attempt.read(&buffer[..len]) {
                Some(reply) if reply.status >= 200 => {
                    socket.send(&attempt.ack(&reply).map_err(anyhow::Error::msg)?)?;
                    return Ok(Some(reply));
                }
                _ => {}
            }
        }
    }
    Ok(None)
}
