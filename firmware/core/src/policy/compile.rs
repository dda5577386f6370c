//! From what an owner wrote to what decides: every cross-reference resolved, every lookup flat.

use alloc::{boxed::Box, format, string::String, vec::Vec};
use core::net::IpAddr;
use hashbrown::HashMap;

use super::{
    alerts::Alerts,
    definition::{Client, Definition, Settings},
    exports::{Metrics, Syslog},
    firewall::Firewall,
    network::Addresses,
    place::{Place, Sources},
    update::Update,
    values::Name,
};
use crate::{lookup::NumberSet, verdict::Level};

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
    /// Networks in each list of `[firewall]`.
    pub const NETWORKS: usize = 128;
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
    /// The firewall, as it is written.
    pub firewall: Firewall,
    /// How the box itself is reached, as it is written.
    pub network: Addresses,
    /// Who is told what, and when, as it is written.
    pub alerts: Alerts,
    /// Who is told of calls and incidents by syslog.
    pub syslog: Syslog,
    /// Who may read the figures.
    pub metrics: Metrics,
    /// When the box renews itself.
    pub update: Update,
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

/// A compilation under way: `check` holds the steps that look at one part of a definition each.
pub(super) struct Compiler {
    pub(super) problems: Vec<Problem>,
    pub(super) list_index: HashMap<Name, u16>,
    pub(super) patterns: usize,
}

impl Compiler {
    pub(super) fn problem(&mut self, path: impl Into<String>, message: impl Into<String>) {
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
        self.firewall(&d.firewall);
        self.network(d);
        self.alerts(&d.alerts);
        self.syslog(&d.syslog);
        self.update(&d.update);
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
            firewall: d.firewall.clone(),
            network: d.network.clone(),
            alerts: d.alerts.clone(),
            syslog: d.syslog.clone(),
            metrics: d.metrics,
            update: d.update.clone(),
            clients: d.clients.clone().into(),
            networks,
            places: places.into(),
            lists,
            views: views.into(),
            by_client: by_client.into(),
            by_caller,
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
}
