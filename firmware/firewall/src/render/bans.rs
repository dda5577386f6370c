//! Bans: added to and taken from sets that no load touches.

use std::{collections::BTreeMap, net::IpAddr};

use super::TABLE;
use crate::protocol::{Ban, Service};

/// The script that bans. Somebody who is banned already is banned anew: older kernels keep the time
/// of an element that is added again, so it is taken away in the same transaction.
pub fn ban(bans: &[Ban], bridge: bool) -> String {
    let mut text = String::new();
    for ((family, set), elements) in by_set(bans, bridge) {
        let plain = list(elements.keys().map(ToString::to_string));
        text.push_str(&format!(
            "add element {family} {TABLE} {set} {plain}\n\
             delete element {family} {TABLE} {set} {plain}\n\
             add element {family} {TABLE} {set} {}\n",
            timed(&elements)
        ));
    }
    text
}

/// The same for sets that are empty: a third of the work, which is felt with 100,000 of them.
pub fn banned(bans: &[Ban], bridge: bool) -> String {
    let mut text = String::new();
    for ((family, set), elements) in by_set(bans, bridge) {
        text.push_str(&format!(
            "add element {family} {TABLE} {set} {}\n",
            timed(&elements)
        ));
    }
    text
}

type Sets = BTreeMap<(&'static str, &'static str), BTreeMap<IpAddr, u32>>;

fn by_set(bans: &[Ban], bridge: bool) -> Sets {
    let mut sets = Sets::new();
    for ban in bans {
        for family in families(ban.service, bridge) {
            let set = sets
                .entry((family, set(ban.service, ban.address)))
                .or_default();
            set.insert(ban.address, ban.seconds);
        }
    }
    sets
}

fn timed(elements: &BTreeMap<IpAddr, u32>) -> String {
    list(elements.iter().map(|(a, s)| format!("{a} timeout {s}s")))
}

/// The script that lifts these bans. One that is not there is no error.
pub fn lifted(lifted: &[(IpAddr, Service)], bridge: bool) -> String {
    let mut sets: BTreeMap<(&str, &str), Vec<IpAddr>> = BTreeMap::new();
    for &(address, service) in lifted {
        for family in families(service, bridge) {
            let set = sets.entry((family, set(service, address))).or_default();
            set.push(address);
        }
    }
    let mut text = String::new();
    for ((family, set), mut elements) in sets {
        elements.sort();
        elements.dedup();
        let plain = list(elements.iter().map(ToString::to_string));
        text.push_str(&format!(
            "add element {family} {TABLE} {set} {plain}\n\
             delete element {family} {TABLE} {set} {plain}\n"
        ));
    }
    text
}

fn families(service: Service, bridge: bool) -> impl Iterator<Item = &'static str> {
    // What is banned from the page is banned from the box alone, not from what passes through it.
    let through = bridge && service == Service::Sip;
    ["inet"].into_iter().chain(through.then_some("bridge"))
}

fn set(service: Service, address: IpAddr) -> &'static str {
    match (service, address) {
        (Service::Sip, IpAddr::V4(_)) => "bans_sip4",
        (Service::Sip, IpAddr::V6(_)) => "bans_sip6",
        (Service::Page, IpAddr::V4(_)) => "bans_page4",
        (Service::Page, IpAddr::V6(_)) => "bans_page6",
    }
}

fn list(elements: impl Iterator<Item = String>) -> String {
    let elements: Vec<String> = elements.collect();
    format!("{{ {} }}", elements.join(", "))
}
