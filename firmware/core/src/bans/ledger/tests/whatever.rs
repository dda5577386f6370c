//! What holds whatever comes.

use std::{collections::BTreeMap, net::Ipv4Addr, vec::Vec};

use ipnet::IpNet;
use proptest::prelude::*;

use super::{
    super::{
        super::{Kind, record},
        *,
    },
    START, STRANGER, evidence, ip, std,
};

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Scanner("sipcli")),
        Just(Kind::Attempt),
        Just(Kind::Request),
        Just(Kind::Knock),
        Just(Kind::Password),
    ]
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    let source = prop_oneof![
        (0u32..40).prop_map(|low| IpAddr::V4(Ipv4Addr::from_bits(0xc633_6400 + low))),
        (0u16..40).prop_map(|low| IpAddr::V6([0x2001, 0xdb8, 0, 0, 0, 0, 0, low].into())),
    ];
    let rest = (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<Option<u32>>(),
    );
    (source, kind(), rest).prop_map(|(source, kind, (page, tcp, proven, user))| Evidence {
        service: if page { Service::Page } else { Service::Sip },
        tcp,
        proven,
        user,
        ..evidence(source, kind)
    })
}

#[derive(Clone, Debug)]
enum Step {
    See(Evidence, u8),
    Protect(Vec<IpNet>),
    Add(IpAddr, u32),
    Back(IpAddr, i64),
    Remove(IpAddr),
    End,
}

fn step() -> impl Strategy<Value = Step> {
    let network = (0u32..40, 26u8..=32).prop_map(|(low, length)| {
        IpNet::new(IpAddr::V4(Ipv4Addr::from_bits(0xc633_6400 + low)), length).unwrap()
    });
    let networks = proptest::collection::vec(network, 0..4);
    let address = || any_evidence().prop_map(|e| e.source);
    prop_oneof![
        6 => (any_evidence(), 1u8..40).prop_map(|(what, times)| Step::See(what, times)),
        1 => networks.prop_map(Step::Protect),
        1 => (address(), 60u32..90_000).prop_map(|(who, s)| Step::Add(who, s)),
        1 => (address(), -90_000i64..90_000).prop_map(|(who, s)| Step::Back(who, s)),
        1 => address().prop_map(Step::Remove),
        1 => Just(Step::End),
    ]
}

proptest! {
    /// Whatever comes: nobody who is protected is banned, and what the effects made of the firewall is
    /// what the list says.
    #[test]
    fn nobody_who_is_protected_is_ever_banned(
        steps in proptest::collection::vec((step(), 0u64..30_000), 1..60)
    ) {
        let mut ledger = Ledger::new(3);
        let mut never = Never::new([]);
        let mut firewall: BTreeMap<(IpAddr, Service), u64> = BTreeMap::new();
        let mut now = START;
        for (step, wait_ms) in steps {
            now += wait_ms;
            let mut effects = Vec::new();
            match step {
                Step::See(what, times) => {
                    for i in 0..u64::from(times) {
                        effects.extend(ledger.see(now + i * 900, &what));
                    }
                }
                Step::Protect(networks) => {
                    never = Never::new(networks);
                    effects.extend(ledger.protect(never.clone()));
                }
                Step::Add(who, s) => {
                    effects.extend(ledger.add(now, who, Service::Sip, s, "x").unwrap_or_default());
                }
                Step::Back(address, left_s) => {
                    let kept = Kept {
                        address, service: Service::Page, left_s, reason: "x".into(), by_hand: false, times: 9,
                    };
                    effects.extend(ledger.give_back(now, &kept));
                }
                Step::Remove(who) => effects.extend(ledger.remove(who, None)),
                Step::End => { ledger.end(now); }
            }
            for effect in effects {
                match effect {
                    Effect::Ban { address, service, seconds, reason } => {
                        prop_assert!(!never.holds(address));
                        prop_assert!(!reason.is_empty() && reason.len() <= REASON);
                        prop_assert!((1..=BY_HAND_S).contains(&seconds));
                        firewall.insert((address, service), 0);
                    }
                    Effect::Lift { address, service } => {
                        prop_assert!(firewall.remove(&(address, service)).is_some());
                    }
                }
            }
            let list = ledger.list(now);
            prop_assert!(list.iter().all(|ban| !never.holds(ban.address)));
            prop_assert!(list.iter().all(|ban| firewall.contains_key(&(ban.address, ban.service))));
        }
    }

    /// However many datagrams somebody forges in one second (in fact in less than five): no ban.
    #[test]
    fn a_burst_of_forged_datagrams_bans_nobody(
        sent in proptest::collection::vec((any_evidence(), 0u64..record::LEAST_SPAN_MS), 1..400),
        victim in any_evidence(),
    ) {
        let mut sent = sent;
        sent.sort_by_key(|(_, at)| *at);
        let mut ledger = Ledger::new(3);
        for (what, at_ms) in sent {
            let what = Evidence { source: victim.source, ..what };
            prop_assert_eq!(ledger.see(START + at_ms, &what), []);
        }
    }

    /// One datagram bans nobody, nor do two, three or four, whatever they are and whenever they come.
    #[test]
    fn a_few_datagrams_ban_nobody(
        sent in proptest::collection::vec((any_evidence(), 0u64..100_000), 1..5),
    ) {
        let mut ledger = Ledger::new(3);
        let mut now = START;
        for (what, wait_ms) in sent {
            now += wait_ms;
            let what = Evidence { source: ip(STRANGER), ..what };
            prop_assert_eq!(ledger.see(now, &what), []);
        }
    }
}
