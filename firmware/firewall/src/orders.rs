//! What is done for an order: the rules in force, the bans, and who had them changed.

use std::{net::IpAddr, time::Instant};

use tracing::{debug, info, warn};

use crate::{
    apply::{self, Before, Problem},
    bans::Bans,
    check,
    events::{Foreign, Watch},
    flows::{self, Trust},
    here,
    intent::Intent,
    kernel::{Family, Kernel},
    nets,
    protocol::{Ban, Counter, Event, Loaded, Order, Reply, Service},
    render::{self, Script},
};

/// Addresses in one question for live flows.
const ASKED: usize = 4_096;
/// Bans that are put back in one transaction.
const BANS_AT_ONCE: usize = 20_000;

/// Does what is ordered.
pub struct Orders {
    kernel: Kernel,
    /// Hears of other people's changes.
    pub watch: Watch,
    /// What was loaded last. None after a start, until the daemon says.
    intent: Option<Intent>,
    bans: Bans,
    /// Somebody changed our tables while an order was carried out.
    foreign: Option<Foreign>,
    /// The rules could not be put back, and this has been said.
    broken: bool,
    /// The sets of bans were lost, and are not filled again yet.
    bans_gone: bool,
}

impl Orders {
    /// # Errors
    /// Without netlink, or without CAP_NET_ADMIN, with the remedy.
    pub fn open() -> Result<Orders, Problem> {
        let netlink = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::PermissionDenied => Problem::NotAllowed,
            _ => Problem::System {
                what: "the kernel's rules cannot be watched by netlink (CONFIG_NF_TABLES)",
                source,
            },
        };
        Ok(Orders {
            kernel: Kernel::open().map_err(netlink)?,
            watch: Watch::open().map_err(netlink)?,
            intent: None,
            bans: Bans::default(),
            foreign: None,
            broken: false,
            bans_gone: false,
        })
    }

    /// Carries out one order.
    pub fn carry_out(&mut self, order: Order) -> Reply {
        match order {
            Order::Load(intent) => self.load(*intent),
            Order::Ban(bans) => self.ban(&bans),
            Order::Unban(lifted) => self.unban(&lifted),
            Order::Figures => match self.figures() {
                Ok(figures) => Reply::Figures(figures),
                Err(problem) => Reply::Failed(format!("counters cannot be read: {problem}")),
            },
            Order::Flows(addresses) if addresses.len() > ASKED => {
                Reply::Refused(format!("at most {ASKED} addresses in one question"))
            }
            Order::Flows(addresses) => match flows::count(&addresses) {
                Ok(counts) => Reply::Flows(counts),
                Err(problem) => Reply::Failed(problem),
            },
        }
    }

    /// Puts the rules back where somebody else was at our tables, now or during the last order.
    pub fn mend(&mut self) -> Option<Event> {
        let heard = self.watch.read();
        let Foreign(what) = self.foreign.take().or(heard)?;
        let Some(intent) = self.intent.clone() else {
            warn!("{what}; no rules are known here yet, so nothing is put back");
            let what = format!("{what}, before the daemon has said which rules are to be");
            return Some(Event::Drifted {
                what,
                restored: false,
            });
        };
        let outcome = self.force(&render::rules(&intent));
        let restored = outcome.is_ok();
        let what = match outcome {
            Ok(()) => {
                self.broken = false;
                what
            }
            // Tried again, and said once.
            Err(_) if self.broken => {
                self.foreign = Some(Foreign(what));
                return None;
            }
            Err(problem) => {
                self.broken = true;
                self.foreign = Some(Foreign(what.clone()));
                format!("{what}; the rules cannot be put back: {problem}")
            }
        };
        warn!(restored, "{what}");
        Some(Event::Drifted { what, restored })
    }

    /// The rules are still to be put back.
    pub fn is_pending(&self) -> bool {
        self.foreign.is_some()
    }

    fn load(&mut self, intent: Intent) -> Reply {
        if let Err(forbidden) = check::intent(&intent) {
            warn!("rules are refused: {forbidden}");
            return Reply::Refused(forbidden.to_string());
        }
        let started = Instant::now();
        match self.try_load(&intent) {
            Ok((generation, unchanged, warning)) => {
                let took = started.elapsed();
                info!(
                    generation,
                    unchanged,
                    ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                    "rules are in force"
                );
                self.intent = Some(intent);
                Reply::Loaded(Loaded {
                    generation,
                    unchanged,
                    took_ms: u32::try_from(took.as_millis()).unwrap_or(u32::MAX),
                    warning,
                })
            }
            Err(problem) => {
                warn!("rules are not loaded, those of before stay: {problem}");
                Reply::Failed(problem.to_string())
            }
        }
    }

    fn try_load(&mut self, intent: &Intent) -> Result<(u32, bool, Option<String>), Problem> {
        let script = render::rules(intent);
        let before = self.before()?;
        if before.bridge == script.bridge
            && apply::generation()? == Some(script.generation)
            && self.is_whole(&script)?
        {
            return Ok((script.generation, true, None));
        }
        let trusted = match &self.intent {
            Some(old) => Trust::of(old),
            None if before.inet => Trust::in_force()?,
            None => Trust::default(),
        };
        self.force(&script)?;
        // The rules come first: a flow that is ended before them would begin anew.
        let warning = match flows::end(&trusted.revoked(&Trust::of(intent))) {
            Ok(0) => None,
            Ok(addresses) => {
                info!(addresses, "live flows of revoked addresses are ended");
                None
            }
            Err(problem) => {
                warn!("live flows of revoked addresses may go on: {problem}");
                Some(format!(
                    "live flows of revoked addresses may go on: {problem}"
                ))
            }
        };
        Ok((script.generation, false, warning))
    }

    /// A mark alone does not say that nobody was at the rules: `flush table` leaves it. Where this
    /// helper has watched them all the time their number does; a new helper looks into the sets too.
    fn is_whole(&mut self, script: &Script) -> Result<bool, Problem> {
        if count(&mut self.kernel, script)? != script.rules {
            return Ok(false);
        }
        if self.intent.is_some() {
            return Ok(true);
        }
        for (name, networks) in &script.sets {
            for (v, ipv6) in [("4", false), ("6", true)] {
                let found = apply::networks(&format!("{name}{v}"))?;
                let wanted = nets::of_family(&[networks], ipv6);
                if nets::of_family(&[&found], ipv6) != wanted {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Loads a script whether or not it is in force, reads its mark back, and then puts bans back
    /// where their sets were gone: 100,000 of them take longer than the rules may be missed.
    fn force(&mut self, script: &Script) -> Result<(), Problem> {
        let before = self.before()?;
        self.bans_gone |= !before.inet || (script.bridge && !before.bridge);
        match self.own(&apply::transaction(script, before, false)) {
            Err(Problem::Conflict { said }) => {
                warn!("a table of another version is replaced: {said}");
                self.bans_gone = true;
                self.own(&apply::transaction(script, before, true))?;
            }
            other => other?,
        }
        verify(&mut self.kernel, script)?;
        if self.bans_gone {
            for some in self.bans.known(Instant::now()).chunks(BANS_AT_ONCE) {
                self.own(&render::banned(some, script.bridge))?;
            }
            self.bans_gone = false;
        }
        Ok(())
    }

    fn own(&mut self, text: &str) -> Result<(), Problem> {
        // What happened before is not mixed up with what is ours.
        let heard = self.watch.read();
        let (outcome, meanwhile) = self.watch.own(|| apply::load(text));
        if outcome.is_err() {
            // Otherwise the rules have just been loaded over what was changed before.
            self.foreign = self.foreign.take().or(heard);
        } else if let Some(Foreign(what)) = heard {
            warn!("{what}, just before the rules were loaded");
        }
        self.foreign = self.foreign.take().or(meanwhile);
        outcome.map(|_| ())
    }

    fn before(&mut self) -> Result<Before, Problem> {
        let mut has = |family| {
            (self.kernel.has_table(family)).map_err(|source| match source.kind() {
                std::io::ErrorKind::PermissionDenied => Problem::NotAllowed,
                _ => Problem::System {
                    what: "the kernel does not say which tables there are",
                    source,
                },
            })
        };
        Ok(Before {
            inet: has(Family::Inet)?,
            bridge: has(Family::Bridge)?,
        })
    }

    fn ban(&mut self, bans: &[Ban]) -> Reply {
        let Some(intent) = &self.intent else {
            return Reply::Failed("no rules are loaded yet, and with them it is said who is never banned; load them first".into());
        };
        if let Err(forbidden) = check::bans(bans, intent, &here::addresses()) {
            warn!("a ban is refused: {forbidden}");
            return Reply::Refused(forbidden.to_string());
        }
        let bans: Vec<Ban> = (bans.iter())
            .map(|ban| Ban {
                address: ban.address.to_canonical(),
                ..*ban
            })
            .collect();
        let bridge = render::is_bridge(intent);
        if bans.is_empty() {
            return Reply::Done;
        }
        match self.own(&render::ban(&bans, bridge)) {
            Ok(()) => {
                self.bans.add(&bans, Instant::now());
                debug!(addresses = bans.len(), "banned");
                Reply::Done
            }
            Err(problem) => Reply::Failed(format!("nobody was banned: {problem}")),
        }
    }

    fn unban(&mut self, lifted: &[(IpAddr, Service)]) -> Reply {
        if lifted.len() > crate::protocol::BANS {
            return Reply::Refused(format!(
                "{} bans in one order, at most {}; send several orders",
                lifted.len(),
                crate::protocol::BANS
            ));
        }
        let Some(intent) = &self.intent else {
            return Reply::Failed("no rules are loaded yet; load them first".into());
        };
        if lifted.is_empty() {
            return Reply::Done;
        }
        let lifted: Vec<(IpAddr, Service)> = lifted
            .iter()
            .map(|(address, service)| (address.to_canonical(), *service))
            .collect();
        match self.own(&render::lifted(&lifted, render::is_bridge(intent))) {
            Ok(()) => {
                self.bans.lift(&lifted);
                Reply::Done
            }
            Err(problem) => Reply::Failed(format!("no ban was lifted: {problem}")),
        }
    }

    /// The counters of both tables, added up by name.
    fn figures(&mut self) -> std::io::Result<Vec<Counter>> {
        let mut all = self.kernel.counters(Family::Inet)?;
        let bridge = match self.kernel.has_table(Family::Bridge)? {
            true => self.kernel.counters(Family::Bridge)?,
            false => Vec::new(),
        };
        for counter in bridge {
            match all.iter_mut().find(|known| known.name == counter.name) {
                Some(known) => {
                    known.packets = known.packets.saturating_add(counter.packets);
                    known.bytes = known.bytes.saturating_add(counter.bytes);
                }
                None => all.push(counter),
            }
        }
        // What another firmware counted may still be there.
        all.retain(|counter| render::says(&counter.name).is_some());
        all.sort_by_key(|counter| {
            render::COUNTERS
                .iter()
                .position(|known| known.name == counter.name)
        });
        Ok(all)
    }
}

/// Loads the closed rules (F17), without any helper or daemon.
///
/// # Errors
/// What failed, with the remedy; then the kernel has the rules of before, at a start none.
pub fn close() -> Result<(), Problem> {
    let mut kernel = Kernel::open().map_err(|source| Problem::System {
        what: "no netlink",
        source,
    })?;
    let mut has = |family| kernel.has_table(family).unwrap_or(false);
    let before = Before {
        inet: has(Family::Inet),
        bridge: has(Family::Bridge),
    };
    let load = |script: &Script| match apply::load(&apply::transaction(script, before, false)) {
        Err(Problem::Conflict { .. }) => {
            apply::load(&apply::transaction(script, before, true)).map(|_| ())
        }
        other => other.map(|_| ()),
    };
    let mut script = render::closed(true);
    match load(&script) {
        // It cannot be a bridge then, so there is nothing to close.
        Err(Problem::Lacks { what, .. }) => {
            info!("this kernel lacks {what}; the bridge is left out of the closed rules");
            script = render::closed(false);
            load(&script)?;
        }
        other => other?,
    }
    verify(&mut kernel, &script)
}

/// Are the rules in force? Their mark says that they came in one piece, their number that nobody has
/// taken any of them away since.
fn verify(kernel: &mut Kernel, script: &Script) -> Result<(), Problem> {
    let found = apply::generation()?;
    let rules = count(kernel, script)?;
    if found == Some(script.generation) && rules == script.rules {
        return Ok(());
    }
    Err(Problem::Unverified {
        expected: script.generation,
        found,
        rules: (script.rules, rules),
    })
}

fn count(kernel: &mut Kernel, script: &Script) -> Result<usize, Problem> {
    let mut rules = |family| {
        kernel.rules(family).map_err(|source| Problem::System {
            what: "the kernel does not say its rules",
            source,
        })
    };
    Ok(rules(Family::Inet)?
        + match script.bridge {
            true => rules(Family::Bridge)?,
            false => 0,
        })
}
