//! Does this system do its work? Asked from outside of the daemon, by a process of its own, while a new system is on trial: only what
//! was seen to work is confirmed (docs/updates.md).

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, bail, ensure};
use trunkguard_sip::caller::{Attempt, Reply};
use trunkguard_update::page;

use crate::{
    clock,
    control::{self, Ask},
    health::Status,
    self_test::Admitted,
};

/// A daemon that has not run for so long may be one that ends again and again.
const STEADY_S: u64 = 45;
/// What is asked for by SIP comes within so long.
const PATIENCE: Duration = Duration::from_secs(3);
/// An emergency number of every country of the North American plan: it is approved whatever the policy says.
const EMERGENCY: &str = "911";
/// An address of this machine that no PBX has.
const FROM: Ipv4Addr = Ipv4Addr::new(127, 84, 71, 1);

/// Looks once at everything.
///
/// # Errors
/// The first thing that does not work.
pub fn look(state: &Path, page: Option<SocketAddr>, made_s: i64) -> anyhow::Result<()> {
    time(made_s)?;
    let status: Option<Status> = control::ask(state, &Ask::Status)?;
    let status = status.context("no daemon answers")?;
    ensure!(
        status.uptime_s >= STEADY_S,
        "the daemon has not run for {STEADY_S} s yet"
    );
    let rules = &status.firewall;
    if rules.driver == "nft" && !rules.in_force {
        bail!(
            "the firewall's rules are not in force: {}",
            rules
                .problem
                .as_deref()
                .unwrap_or("they were not read back")
        );
    }
    sip(state, &status.sip)?;
    if let Some(at) = page {
        page::is_served(at).map_err(anyhow::Error::msg)?;
    }
    Ok(())
}

fn time(made_s: i64) -> anyhow::Result<()> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_s = since.map_or(0, |since| since.as_secs() as i64);
    let late = made_s.saturating_add(20 * 366 * 86_400);
    ensure!(
        clock::is_plausible(now_s * 1_000) && (made_s..late).contains(&now_s),
        "the clock is wrong: {now_s} s since 1970, and this system was made at {made_s}"
    );
    Ok(())
}

/// OPTIONS and an emergency call, over the socket that the PBX talks to.
fn sip(state: &Path, sip: &str) -> anyhow::Result<()> {
    let at: SocketAddr = sip
        .parse()
        .context("the daemon's SIP address is not understood")?;
    let to = match at.ip() {
        IpAddr::V4(ip) if !ip.is_unspecified() => SocketAddr::new(ip.into(), at.port()),
        _ => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), at.port()),
    };
    let socket = UdpSocket::bind((FROM, 0))?;
    socket
        .connect(to)
        .with_context(|| format!("no way to {to}"))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let from = socket.local_addr()?;
    let admitted: Option<Admitted> = control::ask(state, &Ask::AdmitSelfTest { from })?;
    let admitted = admitted.context("no daemon answers")?;
    if let Some(problem) = admitted.policy_problem {
        bail!("the policy is not the one that was last set: {problem}");
    }
    ensure!(admitted.written_down, "calls cannot be written down");
    let unique = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64;
    let attempt = |unique| Attempt {
        number: EMERGENCY,
        caller: "1001",
        said: "1001;localhost;;trunkguard-confirm;1",
        from,
        to,
        unique,
    };
    let options = attempt(unique);
    let reply = exchange(
        &socket,
        &options,
        &options.options().map_err(anyhow::Error::msg)?,
    )
    .context("OPTIONS")?;
    ensure!(
        reply.status == 200,
        "OPTIONS is answered with {}",
        reply.status
    );
    let invite = attempt(unique + 1);
    let reply = exchange(
        &socket,
        &invite,
        &invite.invite().map_err(anyhow::Error::msg)?,
    )
    .context("an emergency call")?;
    socket.send(&invite.ack(&reply).map_err(anyhow::Error::msg)?)?;
    ensure!(
        reply.status == 302,
        "an emergency call is answered with {}, not approved",
        reply.status
    );
    Ok(())
}

fn exchange(socket: &UdpSocket, attempt: &Attempt<'_>, request: &[u8]) -> anyhow::Result<Reply> {
    let mut buffer = [0; 8_192];
    for _ in 0..3 {
        socket.send(request)?;
        while let Ok(length) = socket.recv(&mut buffer) {
            if let Some(reply) = attempt
                .read(&buffer[..length])
                .filter(|reply| reply.status >= 200)
            {
                return Ok(reply);
            }
        }
    }
    bail!("no answer by SIP")
}
