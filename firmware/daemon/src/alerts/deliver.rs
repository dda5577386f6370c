//! Sends what waits, and notes what became of it.

use std::collections::HashSet;

use tracing::{info, warn};
use trunkguard_core::{
    alerts::{After, Content, after, is_due, may_leave},
    policy::Alerts as Settings,
    time::Now,
};
use trunkguard_notify::{Outcome, Target};
use trunkguard_store::outbox::{Outbox, OutboxError, Waiting};

/// Tries between two looks at the history.
const AT_ONCE: usize = 20;
/// A message that has not arrived for so long is worth an incident.
const LATE_MS: i64 = 3_600_000;

/// Who sends, with what it remembers between two rounds.
#[derive(Default)]
pub struct Deliverer {
    /// Taken by a server, and the disk did not take the note: not to be sent again.
    unnoted: HashSet<(i64, String)>,
    /// Targets of which it was said that alerts do not reach them.
    told: HashSet<String>,
}

/// What a round came to.
#[derive(Default)]
pub struct Round {
    /// Sentences for an incident: alerts do not reach somebody.
    pub undelivered: Vec<String>,
    /// There is more to be sent now.
    pub more: bool,
}

/// What is the same for all deliveries of a round.
pub struct Frame<'a> {
    /// The settings in force.
    pub settings: &'a Settings,
    /// Everybody that they name.
    pub targets: &'a [Target],
    /// Now, read anew for each delivery.
    pub now: &'a mut dyn FnMut() -> Now,
    /// Moves pauses.
    pub random: &'a mut dyn FnMut() -> u64,
    /// The daemon ends.
    pub stopping: &'a dyn Fn() -> bool,
}

impl Deliverer {
    /// Sends what is due, a few at a time.
    ///
    /// # Errors
    /// When the outbox cannot be read.
    pub fn round(
        &mut self,
        outbox: &mut Outbox,
        frame: &mut Frame<'_>,
    ) -> Result<Round, OutboxError> {
        let mut waiting = outbox.waiting()?;
        self.note_again(outbox, &mut waiting, (frame.now)().unix_ms);
        let mut round = Round::default();
        let mut tried = 0;
        while let Some((at, target)) = next(&waiting, frame) {
            if tried == AT_ONCE || (frame.stopping)() {
                round.more = true;
                break;
            }
            tried += 1;
            let delivery = waiting.remove(at);
            let now_s = (frame.now)().unix_ms / 1_000;
            let outcome =
                trunkguard_notify::send(frame.settings, &target, &delivery.message, now_s);
            let now_ms = (frame.now)().unix_ms;
            match outcome {
                Outcome::Accepted => self.accepted(outbox, &delivery, now_ms),
                Outcome::Never { why } => {
                    warn!(to = delivery.target, why, "an alert is refused for good");
                    let gone = [(delivery.id, delivery.target.clone(), After::GivenUp)];
                    self.complain(&mut round, &delivery, &why, true);
                    note(outbox.failed(&gone, &why, now_ms));
                }
                Outcome::Later { why, slow, whole } => {
                    // What keeps a channel keeps all that is due on it; each is not to wait for its own failure.
                    let mut failed = vec![delivery];
                    if whole {
                        let of_channel = |w: &mut Waiting| {
                            let theirs = frame.targets.iter().find(|t| t.name() == w.target);
                            theirs.is_some_and(|t| t.channel() == target.channel())
                                && is_due(w.next_ms, now_ms)
                        };
                        failed.extend(waiting.extract_if(.., of_channel));
                    }
                    self.later(
                        &mut round,
                        outbox,
                        &failed,
                        &why,
                        slow,
                        now_ms,
                        frame.random,
                    );
                }
            }
        }
        Ok(round)
    }

    fn accepted(&mut self, outbox: &mut Outbox, delivery: &Waiting, now_ms: i64) {
        info!(
            to = delivery.target,
            number = delivery.id,
            "an alert is delivered"
        );
        self.told.remove(&delivery.target);
        if let Err(problem) = outbox.accepted(delivery.id, &delivery.target, now_ms) {
            warn!(%problem, "a delivery could not be noted");
            self.unnoted.insert((delivery.id, delivery.target.clone()));
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn later(
        &mut self,
        round: &mut Round,
        outbox: &mut Outbox,
        failed: &[Waiting],
        why: &str,
        slow: bool,
        now_ms: i64,
        random: &mut dyn FnMut() -> u64,
    ) {
        let mut notes = Vec::new();
        for delivery in failed {
            let made_ms = delivery.message.unix_ms;
            let then = after(delivery.tries + 1, made_ms, now_ms, slow, random());
            let late = now_ms.saturating_sub(made_ms) >= LATE_MS;
            if slow || late || then == After::GivenUp {
                self.complain(round, delivery, why, then == After::GivenUp);
            }
            notes.push((delivery.id, delivery.target.clone(), then));
        }
        warn!(
            to = failed[0].target,
            waiting = failed.len(),
            why,
            "an alert is not delivered yet"
        );
        note(outbox.failed(&notes, why, now_ms));
    }

    /// Once for a target until it takes something again, or for each message that is given up. A message
    /// that only says that alerts do not arrive is no reason to say so.
    fn complain(&mut self, round: &mut Round, delivery: &Waiting, why: &str, given_up: bool) {
        if delivery.message.is_of_alerts_only() {
            return;
        }
        if self.told.insert(delivery.target.clone()) || given_up {
            round
                .undelivered
                .push(format!("{}: {why}", delivery.target));
        }
    }

    /// What was taken and could not be noted is noted, or at least not sent again.
    fn note_again(&mut self, outbox: &mut Outbox, waiting: &mut Vec<Waiting>, now_ms: i64) {
        self.unnoted
            .retain(|(id, target)| outbox.accepted(*id, target, now_ms).is_err());
        let unnoted = &self.unnoted;
        let taken = |w: &Waiting| unnoted.contains(&(w.id, w.target.clone()));
        waiting.retain(|w| !taken(w));
    }
}

/// A note that the disk does not take is a message that is tried again: too early at worst.
fn note(done: Result<(), OutboxError>) {
    if let Err(problem) = done {
        warn!(%problem, "what became of an alert could not be noted");
    }
}

/// The first delivery that is to leave now, and to whom.
fn next(waiting: &[Waiting], frame: &mut Frame<'_>) -> Option<(usize, Target)> {
    let now = (frame.now)();
    let leaves = |delivery: &Waiting| {
        let message = &delivery.message;
        let digest = matches!(message.content, Content::Digest(_));
        is_due(delivery.next_ms, now.unix_ms)
            && may_leave(frame.settings, &now, message.urgent, digest)
    };
    waiting.iter().enumerate().find_map(|(at, delivery)| {
        let target = frame.targets.iter().find(|t| t.name() == delivery.target)?;
        leaves(delivery).then(|| (at, target.clone()))
    })
}
