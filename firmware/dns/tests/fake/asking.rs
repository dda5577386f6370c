//! Asks fake servers, and looks at what comes back.

use std::time::Duration;

use trunkguard_core::{
    policy::HostName,
    pops::answers::{Heard, Outcome},
};
use trunkguard_dns::Resolver;

use super::{Asked, Fake, Rr, alias};

pub const NAME: &str = "atlanta.voip.ms";
pub const GOOD: &str = "208.100.60.17";
/// Long enough for loopback on a busy machine.
pub const PATIENT: Duration = Duration::from_secs(3);
/// Where silence is what is waited for.
pub const SHORT: Duration = Duration::from_millis(1_200);

pub fn name() -> HostName {
    HostName::parse(NAME).unwrap()
}

pub fn ask(servers: &[&Fake], timeout: Duration) -> Vec<Heard> {
    let servers = servers.iter().map(|fake| fake.address).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(Resolver::at(servers, timeout).ask(&name()))
}

pub fn hears(
    timeout: Duration,
    says: impl Fn(&Asked) -> Vec<Vec<u8>> + Send + Sync + 'static,
) -> Outcome {
    let fake = Fake::serve(1, says);
    ask(&[&fake], timeout).remove(0).outcome
}

/// Addresses and times to live; fails for any other outcome.
pub fn records(outcome: &Outcome) -> Vec<(String, u32)> {
    match outcome {
        Outcome::Answer(answer) => {
            let records = answer.records.iter();
            records.map(|r| (r.address.to_string(), r.ttl_s)).collect()
        }
        other => panic!("{other:?}"),
    }
}

pub fn why(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Failed(why) => why,
        other => panic!("{other:?}"),
    }
}

pub fn chain(length: usize, end: Option<Rr>) -> Vec<Rr> {
    let link = |i| {
        if i == 0 {
            NAME.into()
        } else {
            format!("a{i}.example.net")
        }
    };
    // The other way round: aliases need not come in their order.
    let mut all: Vec<Rr> = (0..length)
        .rev()
        .map(|i| alias(&link(i), 600 - i as u32, &link(i + 1)))
        .collect();
    all.extend(end);
    all
}
