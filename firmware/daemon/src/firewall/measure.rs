//! How far away is each point of presence, asked once by who sets the box up. [`super::probe`] goes on asking where the
//! firewall runs; this needs no firewall.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use tokio::{sync::Semaphore, task::JoinSet};
use trunkguard_core::pops::table::POPS;

use super::probe::probe;

/// Questions on their way at a time: all are answered, or given up, within a few seconds, and the way there is not
/// flooded by the question how long it is.
const AT_ONCE: usize = 48;

/// Asks every address that ships with the firmware once. µs there and back by host name; `None`: no answer.
pub async fn all(mut random: impl FnMut() -> u64) -> BTreeMap<String, Option<u32>> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut asked = JoinSet::new();
    let mut addresses: Vec<Ipv4Addr> = POPS.iter().filter_map(|pop| pop.address).collect();
    addresses.sort_unstable();
    addresses.dedup();
    for address in addresses {
        let (places, random) = (places.clone(), [random(), random(), random()]);
        asked.spawn(async move {
            let _place = places.acquire().await;
            (address, probe(IpAddr::V4(address), random).await)
        });
    }
    let mut took = BTreeMap::new();
    while let Some(answer) = asked.join_next().await {
        if let Ok((address, answer)) = answer {
            took.insert(address, answer.map(|(us, _)| us));
        }
    }
    let named = POPS.iter().filter_map(|pop| {
        let answer = took.get(&pop.address?)?;
        Some((pop.name.to_owned(), *answer))
    });
    named.collect()
}
