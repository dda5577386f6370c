//! Whatever DNS answers, in whatever order, and whatever the owner decides in between: the allow-list
//! holds what docs/security.md F12 and F21 allow, and no more.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use proptest::{collection::vec, prelude::*};
use trunkguard_core::{
    policy::{AllowList, Firewall, HostName},
    pops::{
        answers::{Answer, Heard, MOST_ADDRESSES, MOST_PER_NAME, Outcome, Record, forbidden},
        follow::{At, Effect, Event, Follow, MOST_OPEN, Snapshot},
        in_range, is_stale,
        owner::{Decision, Subject},
        table,
    },
};

const NAMES: [&str; 4] = [
    "atlanta1.voip.ms",
    "atlanta.voip.ms",
    "toronto.voip.ms",
    "pop.example.net",
];
const OWN: &str = "198.51.100.1";
/// 128 of the range, 67 that ship, 256 of DNS, 256 decisions.
const MOST_ALLOWED: usize = 128 + 67 + MOST_ADDRESSES + 256;

#[derive(Clone, Debug)]
enum Op {
    Heard(usize, Vec<(u8, Outcome)>),
    Pass(u64),
    Flows(bool),
    Approve(IpAddr),
    Refuse(IpAddr),
    Add(IpAddr, u8),
    Forget(IpAddr),
    Restart,
    Configure(bool),
}

fn v4(bits: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(bits))
}

fn address() -> impl Strategy<Value = IpAddr> {
    let named = [
        "127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.0.1",
        "100.64.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:208.100.60.17",
        "64:ff9b::7f00:1",
        "158.85.70.148",
        "74.63.41.218",
        OWN,
        "208.100.61.0",
        "208.100.59.255",
    ];
    let named: Vec<IpAddr> = named.iter().map(|a| a.parse().unwrap()).collect();
    prop_oneof![
        4 => (0u32..256).prop_map(|low| v4(0xd064_3c00 | low)),
        4 => (0u32..6).prop_map(|low| v4(0xcb00_7100 | low)),
        3 => prop::sample::select(named),
        1 => any::<u32>().prop_map(v4),
        1 => any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
        1 => (0u128..4).prop_map(|low| IpAddr::V6(Ipv6Addr::from_bits(0x2600 << 112 | low))),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let ttl = prop_oneof![
        Just(0),
        Just(1 << 31),
        Just(u32::MAX),
        any::<u32>(),
        60u32..600
    ];
    let records = |most| vec((address(), ttl.clone()), 0..most);
    let records = prop_oneof![20 => records(4), 3 => records(60), 1 => records(600)];
    let aliases = prop_oneof![9 => 0usize..9, 1 => any::<usize>()];
    prop_oneof![
        6 => (records, aliases, any::<bool>(), any::<bool>()).prop_map(|(records, aliases, v4, v6)| {
            let records = records.into_iter().map(|(address, ttl_s)| Record { address, ttl_s });
            Outcome::Answer(Answer { records: records.collect(), aliases, v4, v6 })
        }),
        1 => Just(Outcome::NoSuchName),
        2 => Just(Outcome::Failed("SERVFAIL".into())),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => (0..NAMES.len(), vec((0u8..3, outcome()), 0..4)).prop_map(|(n, o)| Op::Heard(n, o)),
        4 => prop_oneof![0u64..60_000, 0u64..200_000_000].prop_map(Op::Pass),
        2 => any::<bool>().prop_map(Op::Flows),
        3 => address().prop_map(Op::Approve),
        1 => address().prop_map(Op::Refuse),
        1 => (address(), 0u8..=128).prop_map(|(a, l)| Op::Add(a, l)),
        1 => address().prop_map(Op::Forget),
        1 => Just(Op::Restart),
        1 => any::<bool>().prop_map(Op::Configure),
    ]
}

/// What an observer outside knows.
struct Model {
    follow: Follow,
    now: u64,
    allow: AllowList,
    decisions: BTreeMap<Subject, Decision>,
    /// Servers that named an address while at least so many were asked.
    seen: BTreeMap<IpAddr, BTreeSet<IpAddr>>,
    alone: BTreeSet<IpAddr>,
}

fn firewall(allow: AllowList) -> Firewall {
    Firewall {
        allow,
        pops: NAMES.iter().map(|n| HostName::parse(n).unwrap()).collect(),
        ..Firewall::default()
    }
}

fn server(n: u8) -> IpAddr {
    v4(0xc000_0235 + u32::from(n))
}

impl Model {
    fn new(allow: AllowList) -> Self {
        let own = [OWN.parse().unwrap()];
        let at = At {
            mono_ms: 0,
            unix_ms: 0,
            random: 0,
        };
        Model {
            follow: Follow::new(&firewall(allow), &own, Snapshot::default(), Vec::new(), at),
            now: 0,
            allow,
            decisions: BTreeMap::new(),
            seen: BTreeMap::new(),
            alone: BTreeSet::new(),
        }
    }

    fn at(&self) -> At {
        At {
            mono_ms: self.now,
            unix_ms: 1_790_000_000_000 + self.now as i64,
            random: self.now.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x55,
        }
    }

    fn kept(&self) -> Vec<BTreeSet<IpAddr>> {
        self.follow
            .names()
            .map(|(_, n)| n.addresses().collect())
            .collect()
    }

    fn run(&mut self, op: &Op) -> Result<(), TestCaseError> {
        let (before, at) = (self.kept(), self.at());
        let mut effects = Vec::new();
        match op {
            Op::Heard(name, outcomes) => effects = self.hear(NAMES[*name], outcomes),
            Op::Pass(ms) => {
                self.now += ms;
                effects = self.follow.step(self.at(), Event::Tick);
            }
            Op::Flows(live) => {
                let flows: Vec<_> = before.iter().flatten().map(|a| (*a, *live)).collect();
                effects = self.follow.step(at, Event::Flows(&flows));
            }
            Op::Approve(address) => {
                let decided = self.follow.approve(at, *address, "p");
                if decided.is_ok() {
                    let address = address.to_canonical();
                    let refused = self
                        .decisions
                        .get(&address.into())
                        .is_some_and(|d| !d.approved);
                    let agreed = self.seen.get(&address).is_some_and(|by| by.len() >= 2);
                    prop_assert!(
                        refused || agreed || self.alone.contains(&address),
                        "{address}"
                    );
                }
                self.note(decided);
            }
            Op::Refuse(address) => {
                let decided = self.follow.refuse(at, *address, "p");
                self.note(decided);
            }
            Op::Add(address, length) => {
                let text = format!("{address}/{length}");
                if let Ok(subject) = Subject::parse(&text) {
                    let decided = self.follow.add(at, subject, "p");
                    self.note(decided);
                }
            }
            Op::Forget(address) => {
                let subject = Subject::from(*address);
                let there = self.decisions.remove(&subject).is_some();
                prop_assert_eq!(self.follow.forget(at, &subject).is_ok(), there);
            }
            Op::Restart => self.restart(),
            Op::Configure(hosts) => {
                self.allow = if *hosts {
                    AllowList::Hosts
                } else {
                    AllowList::Range
                };
                let own = [OWN.parse().unwrap()];
                self.follow.configure(&firewall(self.allow), &own, at);
            }
        }
        let open = effects
            .iter()
            .filter(|e| matches!(e, Effect::Query(_)))
            .count();
        prop_assert!(open <= MOST_OPEN && effects.len() <= MOST_OPEN + MOST_PER_NAME + 8);
        if matches!(op, Op::Heard(..) | Op::Pass(_) | Op::Flows(_) | Op::Restart) {
            for (before, after) in before.iter().zip(self.kept()) {
                prop_assert!(before.is_empty() || !after.is_empty(), "emptied by {op:?}");
                if matches!(op, Op::Heard(_, outcomes) if outcomes.iter().all(|(_, o)| !matches!(o, Outcome::Answer(_))))
                {
                    prop_assert_eq!(before, &after);
                }
            }
        }
        self.holds()
    }

    fn hear(&mut self, name: &str, outcomes: &[(u8, Outcome)]) -> Vec<Effect> {
        let heard: Vec<Heard> = outcomes
            .iter()
            .map(|(n, outcome)| Heard {
                server: server(*n),
                outcome: outcome.clone(),
            })
            .collect();
        let servers: BTreeSet<IpAddr> = heard.iter().map(|h| h.server).collect();
        for Heard { server, outcome } in &heard {
            let Outcome::Answer(answer) = outcome else {
                continue;
            };
            for record in &answer.records {
                let address = record.address.to_canonical();
                self.seen.entry(address).or_default().insert(*server);
                if servers.len() == 1 {
                    self.alone.insert(address);
                }
            }
        }
        let name = HostName::parse(name).unwrap();
        self.follow.step(
            self.at(),
            Event::Heard {
                name: &name,
                heard: &heard,
            },
        )
    }

    fn note(&mut self, decided: Result<Decision, String>) {
        if let Ok(decision) = decided {
            self.decisions.insert(decision.subject.clone(), decision);
        }
    }

    fn restart(&mut self) {
        let (snapshot, own) = (self.follow.snapshot(), [OWN.parse().unwrap()]);
        let decisions = self.follow.decisions().cloned().collect();
        let before = self.follow.allowed();
        self.follow = Follow::new(&firewall(self.allow), &own, snapshot, decisions, self.at());
        assert_eq!(self.follow.allowed(), before);
    }

    fn holds(&self) -> Result<(), TestCaseError> {
        let allowed = self.follow.allowed();
        prop_assert!(allowed.len() <= MOST_ALLOWED, "{}", allowed.len());
        prop_assert!(allowed.is_sorted() && allowed.windows(2).all(|w| w[0] != w[1]));
        let net = |d: &Decision| match &d.subject {
            Subject::Network(network) => Some(network.net()),
            Subject::Name(_) => None,
        };
        let decided = |approved: bool| {
            let decisions = self
                .decisions
                .values()
                .filter(move |d| d.approved == approved);
            decisions.filter_map(net)
        };
        for allow in &allowed {
            let known = in_range(allow.network()) && in_range(allow.broadcast());
            let approved = decided(true).any(|net| net.contains(allow));
            prop_assert!(known || approved, "{allow} without leave");
            let ends = [allow.network(), allow.broadcast()];
            for end in ends {
                prop_assert!(forbidden(end, &[]).is_none() && !is_stale(end), "{allow}");
            }
            for never in decided(false)
                .map(|n| n.addr())
                .chain([OWN.parse().unwrap()])
            {
                prop_assert!(!allow.contains(&never), "{allow} holds {never}");
            }
            for &stale in &table::STALE {
                prop_assert!(!allow.contains(&IpAddr::V4(stale)));
            }
        }
        let kept = self.kept();
        prop_assert!(
            kept.iter()
                .all(|addresses| addresses.len() <= MOST_PER_NAME)
        );
        let distinct: BTreeSet<&IpAddr> = kept.iter().flatten().collect();
        prop_assert!(distinct.len() <= MOST_ADDRESSES);
        prop_assert!(self.follow.sightings().count() <= 64);
        for sighting in self.follow.sightings() {
            prop_assert!(sighting.names.len() <= 8 && sighting.servers.len() <= 8);
            prop_assert!(!in_range(sighting.address) && forbidden(sighting.address, &[]).is_none());
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_allow_list_holds_only_what_it_may(hosts in any::<bool>(), ops in vec(op(), 1..60)) {
        let mut model = Model::new(if hosts { AllowList::Hosts } else { AllowList::Range });
        model.holds()?;
        for op in &ops {
            model.run(op)?;
        }
    }
}
