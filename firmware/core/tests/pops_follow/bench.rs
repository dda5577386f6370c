//! A box with its clock, and short words for what it hears and says.

pub use std::net::IpAddr;

pub use trunkguard_core::{
    policy::{AllowList, Firewall, HostName},
    pops::{
        answers::{Answer, Forbidden, Heard, Outcome, Record},
        follow::{Alert, At, Effect, Event, Follow, MOST_OPEN, Snapshot},
        owner::{Decision, Subject},
        table,
    },
};

pub const SECOND: u64 = 1_000;
pub const HOUR: u64 = 3_600 * SECOND;
pub const START_UNIX: i64 = 1_790_000_000_000;

pub const RESOLVERS: [&str; 2] = ["192.0.2.53", "198.51.100.53"];
pub const ELSEWHERE: &str = "203.0.113.7";

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub fn name(text: &str) -> HostName {
    HostName::parse(text).unwrap()
}

pub fn subject(text: &str) -> Subject {
    Subject::parse(text).unwrap()
}

pub fn answer(addresses: &[&str], ttl_s: u32) -> Outcome {
    let records = addresses.iter().map(|a| Record {
        address: ip(a),
        ttl_s,
    });
    Outcome::Answer(Answer {
        records: records.collect(),
        aliases: 0,
        v4: true,
        v6: true,
    })
}

pub fn failed() -> Outcome {
    Outcome::Failed("SERVFAIL".into())
}

/// A box with its clock.
pub struct Bench {
    pub follow: Follow,
    pub now: u64,
}

impl Bench {
    pub fn new(firewall: &Firewall) -> Self {
        Self::restored(firewall, Snapshot::default(), Vec::new())
    }

    pub fn restored(firewall: &Firewall, snapshot: Snapshot, decisions: Vec<Decision>) -> Self {
        let now = 5 * HOUR;
        let own = [ip("192.0.2.10")];
        let follow = Follow::new(firewall, &own, snapshot, decisions, at(now));
        Bench { follow, now }
    }

    /// Follows these names only, in hosts mode.
    pub fn hosts(names: &[&str]) -> Self {
        Self::new(&Firewall {
            allow: AllowList::Hosts,
            pops: names.iter().map(|n| name(n)).collect(),
            ..Firewall::default()
        })
    }

    pub fn at(&self) -> At {
        at(self.now)
    }

    pub fn tick(&mut self) -> Vec<Effect> {
        self.follow.step(self.at(), Event::Tick)
    }

    pub fn pass(&mut self, ms: u64) -> Vec<Effect> {
        self.now += ms;
        self.tick()
    }

    /// All servers answer for a name; the outcomes are told to the resolvers in turn.
    pub fn hears(&mut self, of: &str, outcomes: &[Outcome]) -> Vec<Effect> {
        let heard: Vec<Heard> = outcomes
            .iter()
            .zip(RESOLVERS)
            .map(|(outcome, server)| Heard {
                server: ip(server),
                outcome: outcome.clone(),
            })
            .collect();
        let of = name(of);
        let event = Event::Heard {
            name: &of,
            heard: &heard,
        };
        self.follow.step(self.at(), event)
    }

    pub fn allowed(&self) -> Vec<String> {
        let allowed = self.follow.allowed();
        allowed
            .iter()
            .map(|net| net.to_string().replace("/32", ""))
            .collect()
    }

    pub fn pending(&self) -> Vec<String> {
        let sightings = self.follow.sightings().filter(|s| s.agreed);
        sightings.map(|s| s.address.to_string()).collect()
    }
}

pub fn at(now: u64) -> At {
    At {
        mono_ms: now,
        unix_ms: START_UNIX + now as i64,
        random: now.wrapping_mul(0x9e37_79b9_7f4a_7c15),
    }
}

pub fn queries(effects: &[Effect]) -> Vec<&str> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Query(name) => Some(name.as_str()),
            _ => None,
        })
        .collect()
}

pub fn alerts(effects: &[Effect]) -> Vec<&Alert> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Alert(alert) => Some(alert),
            _ => None,
        })
        .collect()
}

pub fn asks(effects: &[Effect]) -> Vec<String> {
    let ask = |effect: &Effect| match effect {
        Effect::Ask { address, name } => Some(format!("{name} {address}")),
        _ => None,
    };
    effects.iter().filter_map(ask).collect()
}
