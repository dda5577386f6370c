//! Which rules are wanted, and which are in force: the intent of a policy, its loading, and what is done
//! where that fails.

use std::{net::IpAddr, sync::Arc, time::Instant};

use ipnet::IpNet;
use tracing::{error, info, warn};
use trunkguard_core::{bans::Never, policy::Policy};
use trunkguard_firewall::{
    check,
    intent::Intent,
    protocol::{Order, Reply},
    render,
};

use super::{
    Driver, intent,
    owner::{Owner, RETRY, raise},
    pops::Pops,
    view::NeverLine,
};

impl Owner {
    /// The first rules. Where they cannot be loaded, those of before the start hold (F17, F18).
    pub(super) fn begin(&mut self) {
        match self.intent_of(&self.policy.clone(), &self.pops.clone()) {
            Ok(intent) => self.want(intent),
            Err(problem) => self.failed(problem),
        }
    }

    /// Puts another policy in force: all of it, or nothing.
    pub(super) fn replace_policy(&mut self, policy: Arc<Policy>) -> Result<(), String> {
        let at = self.at();
        let mut pops = self.pops.clone();
        pops.configure(&policy.firewall, &own(&policy), at);
        let intent = self.intent_of(&policy, &pops)?;
        // What is not about packets needs no helper.
        let other = self.wanted.as_ref() != Some(&intent);
        if other {
            self.load(&intent)?;
        }
        (self.policy, self.pops) = (policy, pops);
        if other {
            self.in_force(intent);
        }
        self.follow_tick();
        Ok(())
    }

    /// What a policy with this allow-list asks for, looked over as the helper will.
    pub(super) fn intent_of(&self, policy: &Policy, pops: &Pops) -> Result<Intent, String> {
        let never = intent::gateways()
            .into_iter()
            .chain(resolvers(policy))
            .chain(intent::own_addresses());
        let never = never.filter(is_machine).map(IpNet::from).collect();
        let intent = intent::of(policy, &self.facts, pops.allowed(), never)?;
        check::intent(&intent).map_err(|refused| refused.to_string())?;
        Ok(intent)
    }

    /// Has rules loaded. They are in force when this answers `Ok`.
    fn load(&mut self, intent: &Intent) -> Result<(), String> {
        if self.driver == Driver::DryRun {
            return Ok(());
        }
        let was_up = self.link.is_up();
        let loaded = match self.link.order(&Order::Load(Box::new(intent.clone())))? {
            Reply::Loaded(loaded) => loaded,
            Reply::Refused(why) | Reply::Failed(why) => return Err(why),
            other => {
                return Err(format!(
                    "the helper answered {other:?}; is it another version?"
                ));
            }
        };
        if !loaded.unchanged {
            info!(
                generation = format!("{:08x}", loaded.generation),
                took_ms = loaded.took_ms,
                "rules loaded and read back"
            );
        }
        if let Some(warning) = &loaded.warning {
            warn!("{warning}");
            raise(&self.shared, "firewall", warning);
        }
        self.loaded = Some(loaded);
        if !was_up {
            self.ban_again();
        }
        Ok(())
    }

    /// Wants other rules, and loads them; goes on trying where that fails.
    pub(super) fn want(&mut self, intent: Intent) {
        match self.load(&intent) {
            Ok(()) => self.in_force(intent),
            Err(problem) => {
                self.aim(intent);
                self.failed(problem);
            }
        }
    }

    /// The allow-list has changed.
    pub(super) fn allowed_changed(&mut self) {
        match self.intent_of(&self.policy.clone(), &self.pops.clone()) {
            Ok(intent) => self.want(intent),
            Err(problem) => self.failed(problem),
        }
    }

    fn in_force(&mut self, intent: Intent) {
        self.aim(intent);
        if self.problem.take().is_some() {
            info!("the firewall's rules are in force again");
        }
        self.told = false;
        self.retry_after = RETRY.0;
    }

    /// These are the rules that are to be in force.
    fn aim(&mut self, intent: Intent) {
        self.protect(&intent);
        self.ruleset = render::rules(&intent).text;
        self.wanted = Some(intent);
    }

    pub(super) fn failed(&mut self, problem: String) {
        if !self.told {
            error!("{problem}");
            raise(&self.shared, "firewall", &problem);
            self.told = true;
        }
        self.loaded = None;
        self.problem = Some(problem);
        self.retry_at = Instant::now() + self.retry_after;
        self.retry_after = (self.retry_after * 2).min(RETRY.1);
    }

    pub(super) fn retry(&mut self) {
        match self.wanted.take() {
            Some(intent) => self.want(intent),
            None => self.begin(),
        }
    }

    pub(super) fn drifted(&mut self, what: &str, restored: bool) {
        let then = if restored {
            "they were put back"
        } else {
            "they could not be put back"
        };
        let text = format!("somebody else changed the firewall's rules ({what}); {then}");
        warn!("{text}");
        raise(&self.shared, "firewall-changed", &text);
        if !restored {
            self.failed(text);
        }
    }

    /// Who is never banned, for people to see.
    pub(super) fn never(&self) -> Vec<NeverLine> {
        /// There may be thousands of clients' networks.
        const SHOWN: usize = 500;
        let Some(intent) = &self.wanted else {
            return Vec::new();
        };
        [
            ("client", &intent.clients),
            ("pbx", &intent.pbx),
            ("remote", &intent.remote),
            ("office", &intent.office),
            ("other", &intent.never_ban),
            ("pop", &intent.pops),
        ]
        .into_iter()
        .flat_map(|(what, networks)| networks.iter().map(move |network| (what, network)))
        .take(SHOWN)
        .map(|(what, network)| NeverLine {
            network: trunkguard_core::policy::Network::from(*network).to_string(),
            what: what.into(),
        })
        .collect()
    }

    fn protect(&mut self, intent: &Intent) {
        let lists = [
            &intent.pops,
            &intent.clients,
            &intent.pbx,
            &intent.remote,
            &intent.office,
            &intent.never_ban,
        ];
        let never = Never::new(lists.into_iter().flatten().copied());
        self.apply_bans(|bans| bans.ledger.protect(never));
    }
}

/// Is this some other machine's address? A resolver on the box itself needs no protection, and an odd
/// line in resolv.conf must not cost the office its rules (F12 refuses such addresses).
fn is_machine(address: &IpAddr) -> bool {
    let broadcast = IpAddr::from([255, 255, 255, 255]);
    !address.is_loopback()
        && !address.is_unspecified()
        && !address.is_multicast()
        && *address != broadcast
}

/// DNS servers that are asked: those of the settings, else the system's.
fn resolvers(policy: &Policy) -> Vec<IpAddr> {
    let known = trunkguard_dns::Resolver::new(&policy.firewall.dns);
    known.map_or_else(
        |_| Vec::new(),
        |resolver| resolver.servers().iter().map(|at| at.ip()).collect(),
    )
}

/// Addresses that no DNS answer may bring: the box's and the PBX's.
pub(super) fn own(policy: &Policy) -> Vec<IpAddr> {
    let pbx = policy.firewall.pbx.iter().map(|network| network.net());
    let single = pbx.filter(|net| net.prefix_len() == net.max_prefix_len());
    single
        .map(|net| net.addr())
        .chain(intent::own_addresses())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_machines_are_protected_from_bans() {
        let is = |text: &str| is_machine(&text.parse().expect("an address"));
        assert!(is("192.168.1.1") && is("fe80::1") && is("8.8.8.8"));
        for text in [
            "127.0.0.53",
            "0.0.0.0",
            "::",
            "::1",
            "224.0.0.251",
            "255.255.255.255",
        ] {
            assert!(!is(text), "{text}");
        }
    }
}
