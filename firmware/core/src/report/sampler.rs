//! A bounded summary of sampled packets: who talks most, by rule.

use alloc::{format, string::String, vec::Vec};
use core::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::bans::packet::{self, Transport};

/// Rules that are told apart.
pub const RULES: usize = 32;
/// Ends of conversations that are told apart by rule.
pub const TALKERS: usize = 16;
/// Addresses that are counted by rule.
pub const DISTINCT: usize = 256;
/// Octets of a rule's name.
const NAME: usize = 32;

/// Sampled packets, summed up. A few tens of kilobytes at most, whatever comes.
#[derive(Clone, Debug, Default)]
pub struct Sampler {
    rules: Vec<Seen>,
}

/// What was sampled by one rule.
#[derive(Clone, Debug)]
pub struct Seen {
    rule: heapless::String<NAME>,
    samples: u64,
    last_ms: u64,
    addresses: Vec<IpAddr>,
    talkers: Vec<Talker>,
}

/// One far end: of packets from inside the receiver, of all others the sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Talker {
    /// The stranger's address.
    pub address: IpAddr,
    /// The other end: in the office, or the box.
    pub with: IpAddr,
    /// `UDP`, `TCP`, `ICMP`, or `protocol 47`.
    pub transport: String,
    /// The port that it went to; 0 where there is none.
    pub port: u16,
    /// The packets went to the stranger.
    pub outward: bool,
    /// Samples, at least. Only a few packets in a second are sampled.
    pub samples: u64,
    /// When the last one was, on the clock of the samples.
    pub last_ms: u64,
}

impl Sampler {
    /// Nothing sampled.
    pub fn new() -> Self {
        Sampler::default()
    }

    /// Takes one sample in. A packet that cannot be read, and a rule beyond [`RULES`], are passed over.
    pub fn add(&mut self, now_ms: u64, rule: &str, packet: &[u8]) {
        let at = match self.rules.iter().position(|seen| seen.rule == rule) {
            Some(at) => at,
            None => {
                let Ok(rule) = heapless::String::try_from(rule) else {
                    return;
                };
                if self.rules.len() >= RULES {
                    return;
                }
                self.rules.push(Seen {
                    rule,
                    samples: 0,
                    last_ms: 0,
                    addresses: Vec::new(),
                    talkers: Vec::new(),
                });
                self.rules.len() - 1
            }
        };
        self.rules[at].add(now_ms, packet);
    }

    /// What was sampled by a rule.
    pub fn seen(&self, rule: &str) -> Option<&Seen> {
        self.rules.iter().find(|seen| seen.rule == rule)
    }

    /// Everything that was sampled, in the order in which rules were first met.
    pub fn all(&self) -> &[Seen] {
        &self.rules
    }
}

impl Seen {
    /// The rule.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// Samples that could be read.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// When the last one was.
    pub fn last_ms(&self) -> u64 {
        self.last_ms
    }

    /// Far addresses; [`DISTINCT`] means so many or more.
    pub fn distinct(&self) -> usize {
        self.addresses.len()
    }

    /// Its packets come from inside.
    pub fn outward(&self) -> bool {
        self.rule.starts_with("pbx-") || self.rule.ends_with("-out")
    }

    /// Who was sampled most, the most frequent first.
    pub fn most(&self) -> Vec<Talker> {
        let mut most = self.talkers.clone();
        most.sort_by(|a, b| b.samples.cmp(&a.samples).then(a.address.cmp(&b.address)));
        most
    }

    fn add(&mut self, now_ms: u64, packet: &[u8]) {
        let Some(front) = packet::read(packet) else {
            return;
        };
        self.samples += 1;
        self.last_ms = now_ms;
        let outward = self.outward();
        let (address, with) = if outward {
            (front.destination, front.source)
        } else {
            (front.source, front.destination)
        };
        if self.addresses.len() < DISTINCT
            && let Err(at) = self.addresses.binary_search(&address)
        {
            self.addresses.insert(at, address);
        }
        let transport = match front.transport {
            Transport::Udp => "UDP".into(),
            Transport::Tcp { .. } => "TCP".into(),
            Transport::Icmp => "ICMP".into(),
            Transport::Other(number) => format!("protocol {number}"),
        };
        self.count(Talker {
            address,
            with,
            transport,
            port: front.ports.map_or(0, |ports| ports.destination),
            outward,
            samples: 1,
            last_ms: now_ms,
        });
    }

    /// As in [`crate::screen`]: who is new takes one from the least before it can move in, so that many
    /// who come once do not hide those who stay.
    fn count(&mut self, one: Talker) {
        let same = |t: &&mut Talker| {
            t.address == one.address && t.port == one.port && t.transport == one.transport
        };
        if let Some(known) = self.talkers.iter_mut().find(same) {
            known.samples += 1;
            known.last_ms = one.last_ms;
            known.with = one.with;
        } else if self.talkers.len() < TALKERS {
            self.talkers.push(one);
        } else if let Some(least) = self.talkers.iter_mut().min_by_key(|t| t.samples) {
            least.samples -= 1;
            if least.samples == 0 {
                *least = one;
            }
        }
    }
}

impl Talker {
    /// `203.0.113.7 (to UDP 5060)`, or of what goes out `198.51.100.9:5060 (UDP)`.
    pub fn describe(&self) -> String {
        match (self.outward, self.port) {
            (_, 0) => format!("{} ({})", self.address, self.transport),
            (true, port) => {
                let to = SocketAddr::new(self.address, port);
                format!("{to} ({})", self.transport)
            }
            (false, port) => format!("{} (to {} {port})", self.address, self.transport),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::bans::packet::made;
    use proptest::prelude::*;
    use std::{net::Ipv4Addr, string::ToString};

    fn udp(from: &str, to: &str, port: u16) -> Vec<u8> {
        made::packet(from, to, (40_000, port), None, b"x")
    }

    #[test]
    fn of_what_goes_out_the_receiver_is_named_of_all_else_the_sender() {
        let mut sampler = Sampler::new();
        sampler.add(1, "pbx-sip", &udp("192.168.1.5", "198.51.100.9", 5_060));
        sampler.add(1, "outside-sip", &udp("203.0.113.7", "192.168.1.5", 5_060));
        let described = |rule: &str| sampler.seen(rule).unwrap().most()[0].describe();
        assert_eq!(described("pbx-sip"), "198.51.100.9:5060 (UDP)");
        assert_eq!(described("outside-sip"), "203.0.113.7 (to UDP 5060)");
        assert!(sampler.seen("box-sip").is_none());
    }

    #[test]
    fn many_who_come_once_do_not_hide_the_one_that_stays_and_memory_is_bounded() {
        let mut sampler = Sampler::new();
        for i in 0..100_000u32 {
            let source = Ipv4Addr::from_bits(0x0b00_0000 + i).to_string();
            sampler.add(
                u64::from(i),
                "outside-sip",
                &udp(&source, "192.168.1.5", 5_060),
            );
            if i % 10 == 0 {
                sampler.add(
                    u64::from(i),
                    "outside-sip",
                    &udp("203.0.113.7", "192.168.1.5", 5_060),
                );
            }
        }
        let seen = sampler.seen("outside-sip").unwrap();
        assert_eq!(seen.most()[0].address.to_string(), "203.0.113.7");
        assert!(seen.distinct() == DISTINCT && seen.most().len() <= TALKERS);
        for i in 0..1_000 {
            sampler.add(
                0,
                &std::format!("rule-{i}"),
                &udp("203.0.113.7", "192.168.1.5", 1),
            );
        }
        assert_eq!(sampler.all().len(), RULES);
    }

    proptest! {
        #[test]
        fn any_sample_is_taken(rule in ".{0,40}", packet in proptest::collection::vec(any::<u8>(), 0..256)) {
            let mut sampler = Sampler::new();
            sampler.add(1, &rule, &packet);
            prop_assert!(sampler.all().iter().all(|seen| seen.distinct() <= 1));
        }
    }
}
