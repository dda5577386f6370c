//! From what an owner wrote to what decides: every cross-reference resolved, every lookup flat.

use alloc::{boxed::Box, format, string::String, vec::Vec};
use core::net::IpAddr;
use hashbrown::HashMap;

use super::{
    definition::{Burst, Client, Definition, LimitSet, Limits, NumberList, Rules, Settings},
    place::{Place, Sources},
    values::{CountryCode, Name},
};
use crate::{
    lookup::NumberSet,
    verdict::{Level, Rule},
};

/// Bounds of a policy, so that a file cannot fill the box's memory.
pub mod bounds {
    /// Clients.
    pub const CLIENTS: usize = 64;
    /// Groups.
    pub const GROUPS: usize = 256;
    /// Callers with rules of their own, and group members.
    pub const CALLERS: usize = 8_192;
    /// Numbers in all lists.
    pub const LIST_NUMBERS: usize = 200_000;
    /// Prefixes and patterns in all rules.
    pub const PATTERNS: usize = 50_000;
}

/// Something in a definition that cannot be: where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Path of keys as in the file: `client[1].policy.allow.lists[0]`.
    pub path: String,
    /// What is wrong and the remedy.
    pub message: String,
}

/// The compiled policy. Read-only; replaced whole.
pub struct Policy {
    /// The box's settings.
    pub settings: Settings,
    clients: Box<[Client]>,
    networks: Box<[(ipnet::IpNet, u16)]>,
    pub(super) places: Box<[Place]>,
    pub(super) lists: Box<[NumberSet]>,
    views: Box<[Sources]>,
    by_client: Box<[u32]>,
    by_caller: HashMap<(u16, Box<[u8]>), u32>,
}

/// The rules that hold for one caller of one client.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub(super) policy: &'a Policy,
    pub(super) sources: &'a Sources,
}

impl Policy {
    /// Compiles a definition.
    ///
    /// # Errors
    /// Every problem found, in the order of the definition.
    pub fn compile(definition: &Definition) -> Result<Policy, Vec<Problem>> {
        let mut compiler = Compiler {
            problems: Vec::new(),
            list_index: HashMap::new(),
            patterns: 0,
        };
        let policy = compiler.run(definition);
        if compiler.problems.is_empty() {
            Ok(policy)
        } else {
            Err(compiler.problems)
        }
    }

    /// The client with the longest network that holds this address.
    pub fn client_of(&self, source: IpAddr) -> Option<u16> {
        let source = source.to_canonical();
        self.networks
            .iter()
            .find(|(net, _)| net.contains(&source))
            .map(|&(_, client)| client)
    }

    /// The clients, in the order of the definition.
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// The client of this name.
    pub fn client_named(&self, name: &str) -> Option<u16> {
        self.clients
            .iter()
            .position(|c| c.name.as_str() == name)
            .map(|i| i as u16)
    }

    /// The rules for this caller of this client.
    ///
    /// # Panics
    /// Never for an index that [`Policy::client_of`] or [`Policy::client_named`] gave.
    pub fn view(&self, client: u16, caller: &[u8]) -> View<'_> {
        let index = match self.by_caller.get(&(client, caller) as &dyn CallerKey) {
            Some(&index) => index,
            None => self.by_client[client as usize],
        };
        View {
            policy: self,
            sources: &self.views[index as usize],
        }
    }
}

/// Lets the map be asked with a borrowed caller.
trait CallerKey {
    fn parts(&self) -> (u16, &[u8]);
}
impl CallerKey for (u16, Box<[u8]>) {
    fn parts(&self) -> (u16, &[u8]) {
        (self.0, &self.1)
    }
}
impl CallerKey for (u16, &[u8]) {
    fn parts(&self) -> (u16, &[u8]) {
        (self.0, self.1)
    }
}
impl core::hash::Hash for dyn CallerKey + '_ {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}
impl PartialEq for dyn CallerKey + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}
impl Eq for dyn CallerKey + '_ {}
impl<'a> core::borrow::Borrow<dyn CallerKey + 'a> for (u16, Box<[u8]>) {
    fn borrow(&self) -> &(dyn CallerKey + 'a) {
        self
    }
}

/// For each caller of a client with rules of its own: the places of the caller and of its group.
type Chains = HashMap<(u16, Box<[u8]>), [Option<usize>; 2]>;

struct Compiler {
    problems: Vec<Problem>,
    list_index: HashMap<Name, u16>,
    patterns: usize,
}

impl Compiler {
    fn problem(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem {
            path: path.into(),
            message: message.into(),
        });
    }

    fn run(&mut self, d: &Definition) -> Policy {
        if d.format > 1 {
            self.problem(
                "format",
                format!(
                    "this file has format {}, and this version reads format 1; update Trunkguard",
                    d.format
                ),
            );
        }
        self.settings(&d.settings);
        let lists = self.lists(&d.lists);
        let networks = self.networks(&d.clients);
        self.sizes(d);

        let mut places = Vec::new();
        places.push(Place::built_in(&d.settings));
        places.push(self.place("policy", Level::Everybody, &d.policy));
        let client_places: Vec<usize> = (d.clients.iter().enumerate())
            .map(|(i, c)| {
                places.push(self.place(&format!("client[{i}].policy"), Level::Client, &c.policy));
                places.len() - 1
            })
            .collect();
        let group_places: Vec<usize> = (d.groups.iter().enumerate())
            .map(|(i, g)| {
                self.not_total(&format!("group[{i}].policy"), &g.policy);
                places.push(self.place(&format!("group[{i}].policy"), Level::Group, &g.policy));
                places.len() - 1
            })
            .collect();
        let caller_places: Vec<usize> = (d.callers.iter().enumerate())
            .map(|(i, c)| {
                self.not_total(&format!("caller[{i}].policy"), &c.policy);
                places.push(self.place(&format!("caller[{i}].policy"), Level::Caller, &c.policy));
                places.len() - 1
            })
            .collect();

        let mut views = Vec::new();
        let mut by_client = Vec::new();
        for &place in &client_places {
            views.push(Sources::resolve(&places, &[place, 1, 0]));
            by_client.push(views.len() as u32 - 1);
        }
        let mut chains = Chains::new();
        self.callers(d, &group_places, &caller_places, &mut chains);
        let mut by_caller = HashMap::with_capacity(chains.len());
        for (key, [caller, group]) in chains {
            let chain: Vec<usize> = [
                caller,
                group,
                client_places.get(key.0 as usize).copied(),
                Some(1),
                Some(0),
            ]
            .into_iter()
            .flatten()
            .collect();
            views.push(Sources::resolve(&places, &chain));
            by_caller.insert(key, views.len() as u32 - 1);
        }
        Policy {
            settings: d.settings.clone(),
            clients: d.clients.clone().into(),
            networks,
            places: places.into(),
            lists,
            views: views.into(),
            by_client: by_client.into(),
            by_caller,
        }
    }

    fn settings(&mut self, s: &Settings) {
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

    fn lists(&mut self, lists: &[NumberList]) -> Box<[NumberSet]> {
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

    fn networks(&mut self, clients: &[Client]) -> Box<[(ipnet::IpNet, u16)]> {
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

    fn sizes(&mut self, d: &Definition) {
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

    /// Which callers have rules of their own or by their group: (client, caller) to places.
    fn callers(
        &mut self,
        d: &Definition,
        group_places: &[usize],
        caller_places: &[usize],
        chains: &mut Chains,
    ) {
        for (i, group) in d.groups.iter().enumerate() {
            for client in self.clients_of(d, group.client.as_ref(), &format!("group[{i}].client")) {
                for (j, caller) in group.callers.iter().enumerate() {
                    let slot = chains
                        .entry((client, caller.as_str().as_bytes().into()))
                        .or_default();
                    if slot[1].is_some() {
                        self.problem(
                            format!("group[{i}].callers[{j}]"),
                            format!("caller `{caller}` is in two groups; leave it in one"),
                        );
                    }
                    slot[1] = Some(group_places[i]);
                }
            }
        }
        for (i, caller) in d.callers.iter().enumerate() {
            for client in self.clients_of(d, caller.client.as_ref(), &format!("caller[{i}].client"))
            {
                let slot = chains
                    .entry((client, caller.name.as_str().as_bytes().into()))
                    .or_default();
                if slot[0].is_some() {
                    self.problem(
                        format!("caller[{i}].name"),
                        format!("caller `{}` stands here twice", caller.name),
                    );
                }
                slot[0] = Some(caller_places[i]);
            }
        }
    }

    fn clients_of(&mut self, d: &Definition, name: Option<&Name>, path: &str) -> Vec<u16> {
        let Some(name) = name else {
            return (0..d.clients.len() as u16).collect();
        };
        match d.clients.iter().position(|c| c.name == *name) {
            Some(i) => [i as u16].into(),
            None => {
                self.problem(path, format!("there is no client named `{name}`"));
                Vec::new()
            }
        }
    }

    fn not_total(&mut self, path: &str, rules: &Rules) {
        if !rules.total.is_empty() {
            self.problem(
                format!("{path}.total"),
                "`total` limits a whole client; set it in [policy] or [client.policy]",
            );
        }
    }

    fn place(&mut self, path: &str, level: Level, rules: &Rules) -> Place {
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
