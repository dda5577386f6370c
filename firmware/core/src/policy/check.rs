//! The parts of a definition, each looked at by itself: what it may not be, and its compiled form.

use alloc::{boxed::Box, format, vec::Vec};

use super::{
    compile::{Compiler, bounds},
    definition::{Burst, Client, Definition, LimitSet, Limits, NumberList, Rules, Settings},
    exports::{Syslog, Transport},
    firewall::Firewall,
    place::Place,
    values::CountryCode,
};
use crate::{
    lookup::NumberSet,
    verdict::{Level, Rule},
};

impl Compiler {
    pub(super) fn settings(&mut self, s: &Settings) {
        if s.country == CountryCode::ANY {
            self.problem(
                "settings.country",
                "the office is in one country; write it, such as US",
            );
        }
        if s.area_code.is_some_and(|a| !(200..=999).contains(&a)) {
            self.problem(
                "settings.area_code",
                "an area code has three digits and begins with 2 to 9",
            );
        }
        if !(1..=240).contains(&s.assumed_call_minutes) {
            self.problem("settings.assumed_call_minutes", "write 1 to 240 minutes");
        }
        if !(1..=3650).contains(&s.history_days) {
            self.problem("settings.history_days", "write 1 to 3650 days");
        }
        for (i, number) in s.emergency.iter().enumerate() {
            let text = number.as_str();
            if !(2..=6).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_digit()) {
                self.problem(
                    format!("settings.emergency[{i}]"),
                    format!("`{text}` is no emergency number; it has 2 to 6 digits, such as 999"),
                );
            }
        }
    }

    /// What one part of `[firewall]` says of another. What a network may not be is looked at by the
    /// part that loads it, from the same list for everybody who asks (docs/security.md F12).
    pub(super) fn firewall(&mut self, f: &Firewall) {
        if f.outside.is_some() && f.outside == f.inside {
            self.problem(
                "firewall.inside",
                "outside and inside are the same port; name two",
            );
        }
        for (key, count) in [
            ("firewall.pbx", f.pbx.len()),
            ("firewall.remote", f.remote.len()),
            ("firewall.office", f.office.len()),
        ] {
            if count > bounds::NETWORKS {
                self.problem(key, format!("at most {}; write networks", bounds::NETWORKS));
            }
        }
        if f.pops.len() > crate::pops::follow::MOST_CHOSEN {
            let most = crate::pops::follow::MOST_CHOSEN;
            self.problem("firewall.pops", format!("at most {most} names"));
        }
        if f.dns.len() > 4 {
            self.problem("firewall.dns", "at most 4 servers");
        }
    }

    pub(super) fn syslog(&mut self, s: &Syslog) {
        if s.local > 7 {
            self.problem("syslog.local", "write 0 to 7, for local0 to local7");
        }
        if s.port == Some(0) {
            self.problem("syslog.port", "write 1 to 65535");
        }
        if s.fingerprint.is_some() && s.transport != Transport::Tls {
            self.problem(
                "syslog.fingerprint",
                "only a server that is reached by TLS has a certificate; write transport = \"tls\", or leave it out",
            );
        }
    }

    pub(super) fn lists(&mut self, lists: &[NumberList]) -> Box<[NumberSet]> {
        let mut all = 0;
        let compiled = (lists.iter().enumerate())
            .map(|(i, list)| {
                all += list.numbers.len();
                if self
                    .list_index
                    .insert(list.name.clone(), i as u16)
                    .is_some()
                {
                    self.problem(
                        format!("list[{i}].name"),
                        format!("there are two lists named `{}`", list.name),
                    );
                }
                NumberSet::new(list.numbers.iter().map(|n| n.digits()))
            })
            .collect();
        if all > bounds::LIST_NUMBERS || lists.len() > 1_000 {
            self.problem(
                "list",
                format!(
                    "{all} numbers in {} lists; at most {} in 1000 fit",
                    lists.len(),
                    bounds::LIST_NUMBERS
                ),
            );
        }
        compiled
    }

    pub(super) fn networks(&mut self, clients: &[Client]) -> Box<[(ipnet::IpNet, u16)]> {
        let mut networks: Vec<(ipnet::IpNet, u16)> = Vec::new();
        for (i, client) in clients.iter().enumerate() {
            if clients[..i].iter().any(|c| c.name == client.name) {
                self.problem(
                    format!("client[{i}].name"),
                    format!("there are two clients named `{}`", client.name),
                );
            }
            if client.addresses.is_empty() {
                self.problem(format!("client[{i}].addresses"), "a client is told apart by its address; write at least one, such as 192.168.1.10");
            }
            if !client.outside_prefix.bytes().all(|b| b.is_ascii_digit())
                || client.outside_prefix.len() > 4
            {
                self.problem(
                    format!("client[{i}].outside_prefix"),
                    "an outside prefix has at most 4 digits, such as 9",
                );
            }
            for (j, net) in client.addresses.iter().enumerate() {
                let path = || format!("client[{i}].addresses[{j}]");
                let net = net.net();
                let widest = if net.addr().is_ipv4() { 8 } else { 16 };
                if net.prefix_len() < widest {
                    self.problem(
                        path(),
                        format!(
                            "{net} is too wide for a PBX; name its address, such as 192.168.1.10"
                        ),
                    );
                }
                if net.addr().is_multicast() || net.addr().is_unspecified() {
                    self.problem(path(), format!("{net} is no address that a PBX can have"));
                }
                if let Some(&(_, other)) = networks.iter().find(|(n, _)| *n == net) {
                    self.problem(
                        path(),
                        format!(
                            "{net} already belongs to client `{}`",
                            clients[other as usize].name
                        ),
                    );
                }
                networks.push((net, i as u16));
            }
        }
        networks.sort_by_key(|(net, _)| core::cmp::Reverse(net.prefix_len()));
        networks.into()
    }

    pub(super) fn sizes(&mut self, d: &Definition) {
        for (name, have, most) in [
            ("client", d.clients.len(), bounds::CLIENTS),
            ("group", d.groups.len(), bounds::GROUPS),
            (
                "caller",
                d.callers.len() + d.groups.iter().map(|g| g.callers.len()).sum::<usize>(),
                bounds::CALLERS,
            ),
        ] {
            if have > most {
                self.problem(name, format!("{have} of these; at most {most} fit"));
            }
        }
    }

    pub(super) fn not_total(&mut self, path: &str, rules: &Rules) {
        if !rules.total.is_empty() {
            self.problem(
                format!("{path}.total"),
                "`total` limits a whole client; set it in [policy] or [client.policy]",
            );
        }
    }

    pub(super) fn place(&mut self, path: &str, level: Level, rules: &Rules) -> Place {
        for rule in rules.off.iter().flatten() {
            if matches!(
                rule,
                Rule::Loop
                    | Rule::Emergency
                    | Rule::AlwaysAllowed
                    | Rule::Lockdown
                    | Rule::TollFree
                    | Rule::Service
                    | Rule::Default
            ) {
                self.problem(
                    format!("{path}.off"),
                    format!("`{}` cannot be switched off", rule.name()),
                );
            }
        }
        for (name, burst) in [
            ("same_number", rules.same_number),
            ("spellings", rules.spellings),
            ("sequential", rules.sequential),
        ] {
            if burst.is_some_and(|Burst { calls, seconds }| {
                !(1..=16).contains(&calls) || !(1..=86_400).contains(&seconds)
            }) {
                self.problem(
                    format!("{path}.{name}"),
                    "`calls` is 1 to 16, `seconds` 1 to 86400",
                );
            }
        }
        for (name, set) in [("limits", &rules.limits), ("total", &rules.total)] {
            self.limits(&format!("{path}.{name}"), set);
        }
        let mut lists = [None, None];
        for (side, (name, targets)) in [("allow", &rules.allow), ("block", &rules.block)]
            .into_iter()
            .enumerate()
        {
            self.patterns += targets.prefixes.as_ref().map_or(0, Vec::len)
                + targets.patterns.as_ref().map_or(0, Vec::len);
            lists[side] = targets.lists.as_ref().map(|names| {
                let mut indexes = Vec::new();
                for (i, list) in names.iter().enumerate() {
                    match self.list_index.get(list) {
                        Some(&index) => indexes.push(index),
                        None => self.problem(
                            format!("{path}.{name}.lists[{i}]"),
                            format!("there is no list named `{list}`"),
                        ),
                    }
                }
                indexes.into_boxed_slice()
            });
        }
        if self.patterns > bounds::PATTERNS {
            self.problem(
                path,
                format!(
                    "more than {} prefixes and patterns; put whole numbers into a list",
                    bounds::PATTERNS
                ),
            );
        }
        if rules.hours.as_ref().is_some_and(|h| h.len() > 64) {
            self.problem(
                format!("{path}.hours"),
                "at most 64 spans of business hours",
            );
        }
        let [allow, block] = lists;
        Place::new(level, rules, allow, block)
    }

    fn limits(&mut self, path: &str, set: &LimitSet) {
        let most = u32::from(u16::MAX);
        let too_big = |l: &Limits| {
            [l.simultaneous, l.per_minute, l.per_hour, l.per_day]
                .into_iter()
                .flatten()
                .any(|v| v > most)
        };
        let flat = Limits {
            simultaneous: set.simultaneous,
            per_minute: set.per_minute,
            per_hour: set.per_hour,
            per_day: set.per_day,
        };
        if [&flat, &set.off_hours, &set.abroad, &set.abroad_off_hours]
            .into_iter()
            .any(too_big)
        {
            self.problem(
                path,
                format!("a limit is at most {most}; leave it out for no limit"),
            );
        }
    }
}
