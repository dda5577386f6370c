//! Asks DNS for the PoPs' addresses: every server by itself, so that their answers can be compared.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc::Receiver};
use trunkguard_core::{policy::HostName, pops::follow::MOST_OPEN};
use trunkguard_dns::Resolver;

use super::Firewall;
use crate::desk::Shared;

/// Answers questions for ever; as many at a time as the core leaves open.
pub async fn serve(firewall: Firewall, shared: Arc<Shared>, mut queries: Receiver<HostName>) {
    let places = Arc::new(Semaphore::new(MOST_OPEN));
    while let Some(name) = queries.recv().await {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let (firewall, shared) = (firewall.clone(), shared.clone());
        tokio::spawn(async move {
            let policy = shared.lock().gate.policy().clone();
            // Where no server is known, the name is asked for again when the core has waited enough.
            if let Ok(resolver) = Resolver::new(&policy.firewall.dns) {
                firewall.heard(name.clone(), resolver.ask(&name).await);
            }
            drop(place);
        });
    }
}
