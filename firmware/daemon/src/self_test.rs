//! Lets the box ask itself: for a moment, one address of the loopback is answered like a client, through the same socket, reader, rules
//! and writer as everybody's calls. What it asks is written down nowhere and counts for no limit: it has a gate of its own.

use std::{net::SocketAddr, sync::Arc};

use anyhow::bail;
use serde::{Deserialize, Serialize};
use serde_json::json;
use trunkguard_core::{gate::Gate, policy::Client, time::Now};
use trunkguard_sip::{
    read::Framing,
    uas::{Handled, Uas},
};
use trunkguard_store::policy_store::PolicyStore;

use crate::{daemon::Run, policy};

/// It is answered for so long.
const FOR_MS: u64 = 20_000;
/// Only packets of this machine come from there (RFC 1122 3.2.1.3), and no PBX does.
const FROM: &str = "127.84.71.0/24";

/// What the daemon says when it lets somebody ask.
#[derive(Debug, Serialize, Deserialize)]
pub struct Admitted {
    /// The policy in force is not the one that was last set.
    pub policy_problem: Option<String>,
    /// Calls are written down.
    pub written_down: bool,
}

/// One address that is answered, beside the clients.
pub struct SelfTest {
    from: SocketAddr,
    until_ms: u64,
    gate: Gate,
    uas: Uas,
}

impl SelfTest {
    /// Answers one datagram, if it is from there and it is still time.
    pub fn answer(
        &mut self,
        now: &Now,
        bytes: &[u8],
        from: SocketAddr,
        out: &mut [u8],
    ) -> Option<(usize, SocketAddr)> {
        if from != self.from || now.mono_ms > self.until_ms {
            return None;
        }
        let handled =
            (self.uas).handle(now, &mut self.gate, 0, bytes, from, Framing::Datagram, out);
        match handled {
            Handled::Silent => None,
            Handled::Answer { len, to } | Handled::Decided { len, to, .. } => Some((len, to)),
        }
    }
}

/// Lets `from` ask, by the policy that is in force.
///
/// # Errors
/// When that is no address of the loopback that is kept for this, or no policy can be made.
pub fn admit(run: &Run, from: SocketAddr) -> anyhow::Result<Admitted> {
    let network: ipnet::IpNet = FROM.parse()?;
    if !network.contains(&from.ip()) {
        bail!("a self-test comes from {FROM}");
    }
    let (store, _) = PolicyStore::open(&run.state)?;
    let mut definition = store.definition()?;
    let tester: Client =
        serde_json::from_value(json!({ "name": "self-test", "addresses": [FROM] }))?;
    // Alone, as the first: callers and groups that name others have no say here.
    definition.clients = vec![tester];
    definition.callers.clear();
    let policy = policy::compile(&definition)?;
    let seeds = crate::daemon::seeds()?;
    let key = (seeds.keys.transaction.0, seeds.keys.tag.0);
    let mut desk = run.shared.lock();
    let now = desk.clock.now();
    desk.self_test = Some(Box::new(SelfTest {
        from,
        until_ms: now.mono_ms + FOR_MS,
        gate: Gate::new(Arc::new(policy), key),
        uas: Uas::new(seeds),
    }));
    drop(desk);
    let journal = run.shared.journal();
    Ok(Admitted {
        policy_problem: run.policy_problem(),
        written_down: journal.is_some_and(|journal| journal.flush() && !journal.figures().failing),
    })
}
