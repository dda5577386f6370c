//! Asks each PoP for a sign of life: SIP OPTIONS (RFC 3261 11), one at a time, slowly.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    net::UdpSocket,
    time::{sleep, timeout},
};
use trunkguard_core::{
    policy::HostName,
    pops::{self, health::Answered},
};
use trunkguard_sip::probe::{self, Probe};

use super::Firewall;
use crate::desk::Shared;

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(2);
/// A PoP that is used is asked this often.
const USED_EVERY: Duration = Duration::from_secs(30);
/// Every PoP is asked this often, to find the nearest.
const ALL_EVERY: Duration = Duration::from_secs(600);
/// So many times around without waiting: who sets a box up wants to see which PoP is near.
const HASTY: usize = 3;
/// Not faster than this, whatever is due.
const GAP: Duration = Duration::from_millis(500);

/// Probes for ever. Where no socket can be opened it waits: the network may come later.
pub async fn serve(firewall: Firewall, shared: Arc<Shared>, mut random: impl FnMut() -> u64) {
    let mut next = 0usize;
    loop {
        let targets = targets(&firewall, &shared);
        let Some((name, address, used)) = targets.get(next % targets.len().max(1)).cloned() else {
            sleep(Duration::from_secs(1)).await;
            continue;
        };
        next = next.wrapping_add(1);
        let answer = probe(address, [random(), random(), random()]).await;
        firewall.probed(name, answer);
        let every = match (next <= HASTY * targets.len(), used) {
            (true, _) => Duration::ZERO,
            (false, true) => USED_EVERY,
            (false, false) => ALL_EVERY,
        };
        let share = every / u32::try_from(targets.len()).unwrap_or(u32::MAX);
        sleep(share.max(GAP)).await;
    }
}

/// Who is to be asked: the PoPs that are used, or all where none is named.
fn targets(firewall: &Firewall, shared: &Shared) -> Vec<(HostName, IpAddr, bool)> {
    let policy = shared.lock().gate.policy().clone();
    let used = !policy.firewall.pops.is_empty();
    let view = firewall.view();
    view.pops
        .names
        .iter()
        .filter_map(|line| {
            let name = HostName::parse(&line.name).ok()?;
            let built_in = pops::by_name(&line.name).and_then(|pop| pop.address);
            let address = line.addresses.first().copied();
            let address = address.or_else(|| built_in.map(IpAddr::from))?;
            Some((name, address, used))
        })
        .collect()
}

/// Asks one address once: µs there and back, and what it said. `None`: nothing within 2 s.
pub(super) async fn probe(address: IpAddr, random: [u64; 3]) -> Option<(u32, Answered)> {
    let target = SocketAddr::new(address, 5_060);
    let any: IpAddr = match address {
        IpAddr::V4(_) => [0, 0, 0, 0].into(),
        IpAddr::V6(_) => [0; 16].into(),
    };
    let socket = UdpSocket::bind((any, 0)).await.ok()?;
    // Connected, so that the kernel drops what comes from elsewhere, and tells the address that the
    // Via must name.
    socket.connect(target).await.ok()?;
    let question = Probe::new(target, socket.local_addr().ok()?, random);
    let sent = Instant::now();
    let mut request = [0; probe::LONGEST];
    socket.send(question.request(&mut request)?).await.ok()?;
    let answer = async {
        let mut buffer = [0; 2_048];
        loop {
            let len = socket.recv(&mut buffer).await.ok()?;
            if let Some(status) = question.reads(&buffer[..len], target) {
                return Some(status);
            }
        }
    };
    let status = timeout(PATIENCE, answer).await.ok()??;
    let took = u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX);
    let unix_ms = i64::try_from(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis(),
    )
    .unwrap_or(i64::MAX);
    Some((took, Answered { status, unix_ms }))
}
