//! The points of presence: what DNS and probes say of them goes into the core, and what the core wants
//! done is done here.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;
use tracing::{info, warn};
use trunkguard_core::{
    policy::{self, HostName},
    pops::{
        self,
        answers::Heard,
        follow::{Alert, At, Effect, Event, Follow},
        health::{self, Answered, Change, Health},
    },
};
use trunkguard_firewall::protocol::{Order, Reply};
use trunkguard_store::network::NetworkStore;

use super::{
    Driver,
    owner::{Owner, raise},
    view::{AskedLine, PopLine, PopsView},
};
use crate::control::Decision;

/// The names that are followed and how they do.
#[derive(Clone)]
pub(super) struct Pops {
    follow: Follow,
    health: BTreeMap<HostName, Health>,
    recommended: Option<HostName>,
}

impl Pops {
    pub fn new(settings: &policy::Firewall, own: &[IpAddr], store: &NetworkStore, at: At) -> Self {
        let kept = store.pops().unwrap_or_else(|problem| {
            warn!(%problem, "what was known of the PoPs cannot be read; the built-in list holds");
            Default::default()
        });
        Pops {
            follow: Follow::new(settings, own, kept.snapshot, kept.decisions, at),
            health: BTreeMap::new(),
            recommended: None,
        }
    }

    pub fn configure(&mut self, settings: &policy::Firewall, own: &[IpAddr], at: At) {
        self.follow.configure(settings, own, at);
        let follow = &self.follow;
        self.health
            .retain(|name, _| follow.names().any(|(followed, _)| followed == name));
    }

    pub fn allowed(&self) -> Vec<IpNet> {
        self.follow.allowed()
    }

    pub fn view(&self) -> PopsView {
        let unknown = Health::default();
        let names = self.follow.names().map(|(name, followed)| {
            let health = self.health.get(name).unwrap_or(&unknown);
            let known = pops::by_name(name.as_str());
            PopLine {
                name: name.to_string(),
                city: known.map(|pop| pop.city.to_owned()).unwrap_or_default(),
                built_in: known.and_then(|pop| pop.address).map(IpAddr::from),
                addresses: followed.addresses().collect(),
                failure: followed.failure.clone(),
                round_trip_us: health.round_trip_us(),
                loss_percent: health.loss_percent(),
                status: health.last().map(|last| last.status),
                dead: health.is_dead(),
            }
        });
        let asked = self.follow.sightings().map(|sighting| AskedLine {
            address: sighting.address,
            names: sighting.names.iter().map(ToString::to_string).collect(),
            agreed: sighting.agreed,
        });
        PopsView {
            allowed: self.allowed().iter().map(shown).collect(),
            names: names.collect(),
            asked: asked.collect(),
            decisions: self.follow.decisions().cloned().collect(),
            recommended: self.recommended.as_ref().map(ToString::to_string),
        }
    }

    /// The nearest that answers.
    fn recommend(&mut self) {
        let (names, all): (Vec<&HostName>, Vec<&Health>) = self.health.iter().unzip();
        let current = self
            .recommended
            .as_ref()
            .and_then(|name| names.iter().position(|n| *n == name));
        self.recommended = health::recommend(&all, current).map(|i| names[i].clone());
    }
}

/// A network without its length where it is one address.
fn shown(net: &IpNet) -> String {
    policy::Network::from(*net).to_string()
}

impl Owner {
    pub(super) fn follow_tick(&mut self) {
        self.step(Event::Tick);
    }

    pub(super) fn heard(&mut self, name: &HostName, heard: &[Heard]) {
        self.step(Event::Heard { name, heard });
    }

    fn step(&mut self, event: Event<'_>) {
        // Nothing is asked of a network that the box does not guard.
        if self.driver == Driver::DryRun {
            return;
        }
        let at = self.at();
        for effect in self.pops.follow.step(at, event) {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            // Where there is no room it counts as lost, and is asked again.
            Effect::Query(name) => drop(self.queries.try_send(name)),
            Effect::AllowedChanged => {
                info!(
                    networks = self.pops.allowed().len(),
                    "the allow-list of PoPs has changed"
                );
                self.allowed_changed();
            }
            Effect::Ask { address, name } => raise(
                &self.shared,
                "pop-elsewhere",
                &format!(
                    "{name} is now at {address}, outside of VoIP.ms's known range; look at voip.ms, then `trunkguard pops approve {address}` or `refuse`"
                ),
            ),
            Effect::Flows(addresses) => {
                let live = match self.link.order(&Order::Flows(addresses.clone())) {
                    Ok(Reply::Flows(live)) => live,
                    // Not known is as good as live: nothing is revoked.
                    _ => return,
                };
                let flows: Vec<(IpAddr, bool)> = (addresses.into_iter())
                    .zip(live.into_iter().map(|count| count > 0))
                    .collect();
                self.step(Event::Flows(&flows));
            }
            Effect::Save => self.save_pops(),
            Effect::Alert(alert) => {
                let text = alert_text(&alert);
                warn!("{text}");
                raise(&self.shared, "pop-answers", &text);
            }
        }
    }

    pub(super) fn probed(&mut self, name: &HostName, answer: Option<(u32, Answered)>) {
        // Of a name that is not followed any more.
        if !self
            .pops
            .follow
            .names()
            .any(|(followed, _)| followed == name)
        {
            return;
        }
        let health = self.pops.health.entry(name.clone()).or_default();
        let change = match answer {
            Some((round_trip_us, answered)) => health.answered(round_trip_us, answered),
            None => health.lost(),
        };
        self.pops.recommend();
        let used = self.policy.firewall.pops.contains(name);
        match change {
            Some(Change::Died) if used => {
                let nearest = self.pops.recommended.as_ref();
                let instead = nearest.map_or_else(
                    || "no other one answers either: look at the internet line".to_owned(),
                    |nearest| format!("{nearest} answers best"),
                );
                let text = format!("{name} does not answer any more; {instead}");
                warn!("{text}");
                raise(&self.shared, "pop-dead", &text);
            }
            Some(Change::Recovered) if used => info!(pop = name.as_str(), "answers again"),
            _ => {}
        }
    }

    pub(super) fn decide_pop(&mut self, decision: Decision, by: &str) -> Result<String, String> {
        let at = self.at();
        let follow = &mut self.pops.follow;
        let (stored, mut done) = match decision {
            Decision::AddPop(subject) => {
                let decision = follow.add(at, subject.clone(), by)?;
                (self.store.decide(&decision), format!("{subject} is added"))
            }
            Decision::ApprovePop(address) => {
                let decision = follow.approve(at, address, by)?;
                (
                    self.store.decide(&decision),
                    format!("{address} is approved"),
                )
            }
            Decision::RefusePop(address) => {
                let decision = follow.refuse(at, address, by)?;
                (
                    self.store.decide(&decision),
                    format!("{address} is refused"),
                )
            }
            Decision::ForgetPop(subject) => {
                follow.forget(at, &subject)?;
                let forgotten = self.store.forget(&subject).map(drop);
                (
                    forgotten,
                    format!("the decision on {subject} is taken back"),
                )
            }
            Decision::RefreshPops => {
                if self.driver == Driver::DryRun {
                    return Err("with --firewall dry-run nothing is asked in DNS".into());
                }
                self.step(Event::Refresh);
                return Ok("every name is asked for".into());
            }
            Decision::Ban { .. } | Decision::Unban { .. } => {
                return Err("no decision on a PoP".into());
            }
        };
        if let Err(problem) = stored {
            done += &format!(", until the next restart ({problem})");
        }
        self.save_pops();
        match self.driver {
            Driver::DryRun => self.allowed_changed(),
            Driver::Nft(_) => self.follow_tick(),
        }
        Ok(done)
    }

    /// Puts these decisions in place of all others: on disk first, so that what cannot be kept is not begun.
    pub(super) fn replace_decisions(
        &mut self,
        decisions: Vec<pops::owner::Decision>,
    ) -> Result<(), String> {
        let at = self.at();
        self.store
            .replace_decisions(&decisions)
            .map_err(|problem| problem.to_string())?;
        let (settings, own) = (&self.policy.firewall, super::rules::own(&self.policy));
        let snapshot = self.pops.follow.snapshot();
        self.pops.follow = Follow::new(settings, &own, snapshot, decisions, at);
        match self.driver {
            Driver::DryRun => self.allowed_changed(),
            Driver::Nft(_) => self.follow_tick(),
        }
        Ok(())
    }

    pub(super) fn save_pops(&mut self) {
        if let Err(problem) = self.store.save_pops(&self.pops.follow.snapshot()) {
            warn!(%problem, "the PoPs' addresses are not stored; they are followed anew after a restart");
        }
    }
}

fn alert_text(alert: &Alert) -> String {
    match alert {
        Alert::Moved { names, addresses } => format!(
            "{names} PoPs are at {addresses} addresses outside of VoIP.ms's known range: VoIP.ms moves, or somebody answers in its place; see `trunkguard pops`"
        ),
        Alert::Forbidden { name, address, why } => format!(
            "DNS says that {name} is at {address}, which is {}: a broken or a lying DNS server; the address is not taken",
            why.text()
        ),
        Alert::Disagree { name, address } => format!(
            "only one DNS server says that {name} is at {address}; the address is not taken"
        ),
        Alert::TooMany { name } => {
            format!("DNS gives more addresses for {name} than are taken; the rest is passed over")
        }
        Alert::Unconfirmed { names } => format!(
            "no DNS server has confirmed {names} PoPs for three days; their last addresses stay allowed"
        ),
    }
}
