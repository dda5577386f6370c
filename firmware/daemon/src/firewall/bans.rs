//! Bans: evidence goes into the core's ledger, and what it wants done is done here.

use tracing::{info, warn};
use trunkguard_core::{
    bans::{self, Effect, Evidence, Kept, Ledger, Service, Watched, ledger::REMEMBERED_S},
    policy::Mode,
    report::{self, Figure, Given, Report, Sampler},
};
use trunkguard_firewall::protocol::{Ban, Counter, Order, Reply, Sample};
use trunkguard_store::network::{NetworkStore, StoredBan};

use super::{Driver, owner::Owner};
use crate::control::Decision;

/// Bans are written to disk at most once in so many ms.
const SAVE_EVERY_MS: u64 = 10_000;
/// Bans that have ended are kept so long, in ms.
const REMEMBERED_MS: i64 = REMEMBERED_S as i64 * 1_000;

/// Who is banned, and what was dropped.
pub(super) struct Bans {
    pub ledger: Ledger,
    watched: Watched,
    sampler: Sampler,
    pub counters: Vec<Counter>,
    unsaved: bool,
    saved_at: u64,
}

impl Bans {
    pub fn new(
        key: u64,
        watched: Watched,
        store: &NetworkStore,
        now_ms: u64,
        unix_ms: i64,
    ) -> Self {
        let mut ledger = Ledger::new(key);
        // Those that have ended are kept for a while, because the next one lasts longer.
        let stored = store
            .bans(unix_ms - REMEMBERED_MS)
            .unwrap_or_else(|problem| {
                warn!(%problem, "the bans of before cannot be read");
                Vec::new()
            });
        for ban in &stored {
            // Those in force are loaded with the first rules.
            drop(ledger.give_back(now_ms, &kept(ban, unix_ms)));
        }
        Bans {
            ledger,
            watched,
            sampler: Sampler::new(),
            counters: Vec::new(),
            unsaved: false,
            saved_at: 0,
        }
    }

    /// What was dropped, or would have been, in plain words.
    pub fn report(&self, mode: Mode) -> Report {
        let figures: Vec<Figure<'_>> = self
            .counters
            .iter()
            .map(|counter| Figure {
                name: &counter.name,
                packets: counter.packets,
                bytes: counter.bytes,
            })
            .collect();
        report::report(&Given {
            mode,
            since_s: None,
            figures: &figures,
            sampler: &self.sampler,
        })
    }
}

impl Owner {
    pub(super) fn evidence(&mut self, evidence: &Evidence) {
        // Where no rule is loaded nobody is banned, and nobody is said to be.
        if !self.policy.firewall.bans || self.driver == Driver::DryRun {
            return;
        }
        let now_ms = self.at().mono_ms;
        self.apply_bans(|bans| bans.ledger.see(now_ms, evidence));
    }

    pub(super) fn samples(&mut self, samples: &[Sample]) {
        let at = self.at();
        for sample in samples {
            self.bans
                .sampler
                .add(at.mono_ms, &sample.rule, &sample.packet);
            let evidence =
                bans::evidence::of_sample(&sample.rule, &sample.packet, &self.bans.watched);
            if let Some(evidence) = evidence {
                self.evidence(&evidence);
            }
        }
    }

    pub(super) fn bans_tick(&mut self) {
        let now_ms = self.at().mono_ms;
        self.bans.unsaved |= !self.bans.ledger.end(now_ms).is_empty();
        if self.bans.unsaved && now_ms.saturating_sub(self.bans.saved_at) >= SAVE_EVERY_MS {
            self.save_bans();
        }
    }

    /// A helper that is new has none of the bans.
    pub(super) fn ban_again(&mut self) {
        let now_ms = self.at().mono_ms;
        let bans = self.bans.ledger.list(now_ms).into_iter().map(|ban| Ban {
            address: ban.address,
            service: ban.service,
            seconds: ban.left_s.max(1),
        });
        self.order_bans(bans.collect());
    }

    /// Asks the ledger, and carries out what it wants done.
    pub(super) fn apply_bans(&mut self, ask: impl FnOnce(&mut Bans) -> Vec<Effect>) {
        let effects = ask(&mut self.bans);
        self.carry_out_bans(effects);
    }

    fn carry_out_bans(&mut self, effects: Vec<Effect>) {
        let (mut bans, mut lifted) = (Vec::new(), Vec::new());
        for effect in effects {
            self.bans.unsaved = true;
            match effect {
                Effect::Ban {
                    address,
                    service,
                    seconds,
                    reason,
                } => {
                    info!(%address, %service, seconds, reason, "banned");
                    bans.push(Ban {
                        address,
                        service,
                        seconds,
                    });
                }
                Effect::Lift { address, service } => {
                    info!(%address, %service, "ban lifted");
                    if let Err(problem) = self.store.remove_ban(address, Some(service.name())) {
                        warn!(%problem, "the ban is lifted, and will be there again after a restart");
                    }
                    lifted.push((address, service));
                }
            }
        }
        self.order_bans(bans);
        if !lifted.is_empty() {
            self.order_or_warn(&Order::Unban(lifted));
        }
    }

    fn order_bans(&mut self, bans: Vec<Ban>) {
        for some in bans.chunks(trunkguard_firewall::protocol::BANS) {
            self.order_or_warn(&Order::Ban(some.to_vec()));
        }
    }

    fn order_or_warn(&mut self, order: &Order) {
        // Told to the next helper.
        if self.driver == Driver::DryRun || !self.link.is_up() {
            return;
        }
        match self.link.order(order) {
            Ok(Reply::Refused(why) | Reply::Failed(why)) | Err(why) => {
                warn!(why, "the firewall did not take a ban");
            }
            Ok(_) => {}
        }
    }

    pub(super) fn decide_ban(&mut self, decision: Decision) -> Result<String, String> {
        if self.driver == Driver::DryRun {
            return Err("with --firewall dry-run nobody is banned".into());
        }
        let now_ms = self.at().mono_ms;
        let (mut done, effects) = match decision {
            Decision::Ban {
                address,
                service,
                seconds,
                reason,
            } => {
                let effects = (self.bans.ledger)
                    .add(now_ms, address, service, seconds, &reason)
                    .map_err(|refused| format!("{address}: {refused}"))?;
                (format!("{address} is banned from {service}"), effects)
            }
            Decision::Unban { address, service } => {
                let effects = self.bans.ledger.remove(address, service);
                if effects.is_empty() {
                    return Err(format!("{address} is not banned"));
                }
                (format!("{address} is banned no more"), effects)
            }
            _ => return Err("no decision on a ban".into()),
        };
        self.carry_out_bans(effects);
        self.save_bans();
        if !self.link.is_up() {
            done += ", once the firewall's helper is there again";
        }
        Ok(done)
    }

    pub(super) fn save_bans(&mut self) {
        let at = self.at();
        self.bans.saved_at = at.mono_ms;
        self.bans.unsaved = false;
        let kept = self.bans.ledger.kept(at.mono_ms);
        let stored: Vec<StoredBan> = kept.iter().map(|ban| stored(ban, at.unix_ms)).collect();
        let oldest = at.unix_ms - REMEMBERED_MS;
        if let Err(problem) = self.store.save_bans(&stored, oldest) {
            warn!(%problem, "bans are not stored; they are forgotten at a restart");
        }
    }
}

fn kept(ban: &StoredBan, unix_ms: i64) -> Kept {
    let services = Service::ALL.into_iter();
    Kept {
        address: ban.address,
        service: (services.rev().find(|s| s.name() == ban.service)).unwrap_or(Service::Sip),
        left_s: (ban.until_ms - unix_ms) / 1_000,
        reason: ban.reason.clone(),
        by_hand: ban.by_hand,
        times: ban.times,
    }
}

fn stored(ban: &Kept, unix_ms: i64) -> StoredBan {
    StoredBan {
        address: ban.address,
        service: ban.service.name().into(),
        reason: ban.reason.clone(),
        since_ms: unix_ms,
        until_ms: unix_ms.saturating_add(ban.left_s.saturating_mul(1_000)),
        times: ban.times,
        by_hand: ban.by_hand,
    }
}
