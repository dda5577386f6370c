//! The thread: looks at the history, plans, keeps and sends, one round after the other.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use tracing::{info, warn};
use trunkguard_core::{
    alerts::{FORGOTTEN_MS, Plan, Seen, Step, Told, When, digest, plan},
    policy::{Alerts as Settings, LogNumbers, Policy},
    time::Now,
};
use trunkguard_notify::Target;
use trunkguard_store::{
    history::{History, Incident},
    journal::Journal,
    outbox::{self, Marks, Outbox},
};

use super::{
    Alerts, Parts,
    compose::{self, Frame},
    deliver::{self, Deliverer},
    view::{ChannelStatus, Standing},
};
use crate::{clock::Clock, desk::Shared};

/// How often the history is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// A digest is of so long.
const DAY_MS: i64 = 86_400_000;

/// The thread's own.
struct Teller {
    shared: Arc<Shared>,
    state: PathBuf,
    clock: Clock,
    random: Box<dyn FnMut() -> u64 + Send>,
    outbox: Outbox,
    deliverer: Deliverer,
    policy: Arc<Policy>,
    targets: Vec<Target>,
    marks: Marks,
    told: HashMap<outbox::Incident, Told>,
    /// When the newest alerts were made.
    sent: Vec<i64>,
    incidents: Vec<Incident>,
    /// Commits of the journal at the last look: without a new one there is nothing new.
    commits: Option<u64>,
    /// Why alerts wait, as it was last logged.
    grumbled: String,
}

/// Runs until the daemon ends.
pub fn run(parts: Parts, alerts: &Alerts, woken: &Receiver<()>) {
    let (outbox, problem) = Outbox::open(&parts.state);
    let policy = parts.shared.lock().gate.policy().clone();
    let mut teller = Teller {
        shared: parts.shared,
        state: parts.state,
        clock: parts.clock,
        random: parts.random,
        outbox,
        deliverer: Deliverer::default(),
        policy: policy.clone(),
        targets: Vec::new(),
        marks: Marks::default(),
        told: HashMap::new(),
        sent: Vec::new(),
        incidents: Vec::new(),
        commits: None,
        grumbled: String::new(),
    };
    if let Some(problem) = problem {
        warn!("{problem}");
        teller.raise("restored", &problem);
    }
    if let Err(problem) = teller.remember() {
        warn!(%problem, "what was told before the restart is not known");
    }
    teller.take(policy);
    loop {
        let more = teller.round(alerts);
        alerts.show(teller.standing());
        let wait = if more { Duration::ZERO } else { LOOK };
        match woken.recv_timeout(wait) {
            Ok(()) | Err(RecvTimeoutError::Timeout) if !alerts.is_stopping() => {}
            _ => return,
        }
    }
}

impl Teller {
    fn remember(&mut self) -> Result<(), outbox::OutboxError> {
        self.marks = self.outbox.marks()?;
        self.told = self.outbox.told()?;
        self.sent = self.outbox.sent()?;
        self.sent.reverse();
        Ok(())
    }

    fn journal(&self) -> Option<&Journal> {
        self.shared.journal()
    }

    fn raise(&self, kind: &str, text: &str) {
        if let Some(journal) = self.journal() {
            journal.raise(kind, text);
        }
    }

    /// Takes a policy over. What waits for a channel that is gone is given up; the rest is tried at once.
    fn take(&mut self, policy: Arc<Policy>) {
        let targets = Target::all(&policy.alerts);
        if policy.settings.time_zone != self.policy.settings.time_zone
            && let Ok(clock) = Clock::new(&policy.settings.time_zone)
        {
            self.clock = self.clock.with_zone_of(&clock);
        }
        self.policy = policy;
        if targets.is_empty() {
            // Who is told for the first time, or again, is not told of all that was meanwhile.
            self.marks.seen = None;
        }
        if targets != self.targets || targets.is_empty() {
            let names: Vec<String> = targets.iter().map(Target::name).collect();
            match self.outbox.retarget(&names, self.clock.now().unix_ms) {
                Ok(0) => {}
                Ok(gone) => info!(
                    gone,
                    "alerts that waited for a channel that is gone are given up"
                ),
                Err(problem) => warn!(%problem, "the outbox does not take the new channels over"),
            }
            self.targets = targets;
            self.commits = None;
        }
    }

    /// One look and what follows. Answers whether there is more to do at once.
    fn round(&mut self, alerts: &Alerts) -> bool {
        let policy = self.shared.lock().gate.policy().clone();
        if !Arc::ptr_eq(&policy, &self.policy) {
            self.take(policy.clone());
        }
        if self.targets.is_empty() {
            return false;
        }
        let told = self.look().and_then(|()| {
            self.tell(&policy.alerts)?;
            self.tell_the_day(&policy.alerts)
        });
        let more = self.deliver(alerts, &policy.alerts);
        let problem = told
            .and(more.as_ref().map(|_| ()).map_err(Clone::clone))
            .err();
        self.grumble(problem.unwrap_or_default());
        more.unwrap_or(false)
    }

    /// Logs why alerts wait, once for each reason.
    fn grumble(&mut self, problem: String) {
        if !problem.is_empty() && problem != self.grumbled {
            warn!("alerts wait: {problem}");
        }
        self.grumbled = problem;
    }

    /// Reads what is new in the history, where anything is.
    fn look(&mut self) -> Result<(), String> {
        let commits = self.journal().map(|journal| journal.figures().commits);
        if commits == self.commits && commits.is_some() {
            return Ok(());
        }
        self.read()?;
        self.commits = commits;
        Ok(())
    }

    fn read(&mut self) -> Result<(), String> {
        let history = History::open(&self.state).map_err(|e| e.to_string())?;
        let (_, highest) = history.open_incidents().map_err(|e| e.to_string())?;
        // A history that was begun anew counts from 1 again.
        let seen = self.marks.seen.map_or(highest, |seen| seen.min(highest));
        self.marks.seen = Some(seen);
        let since = self.clock.now().unix_ms.saturating_sub(FORGOTTEN_MS);
        let found = history
            .incidents_since(seen, since)
            .map_err(|e| e.to_string())?;
        self.incidents = found;
        Ok(())
    }

    fn seen(&self) -> Vec<Seen<'_>> {
        (self.incidents.iter())
            .map(|incident| Seen {
                kind: &incident.kind,
                count: incident.count,
                first_ms: incident.first_ms,
                acknowledged: incident.acknowledged_ms.is_some(),
                told: self.told.get(&(incident.id, incident.first_ms)).copied(),
            })
            .collect()
    }

    fn plan(&mut self, settings: &Settings) -> (Now, Plan) {
        let now = self.clock.now();
        let plan = plan(settings, &now, &self.seen(), &self.sent);
        (now, plan)
    }

    /// Keeps a message of what is to be told now.
    fn tell(&mut self, settings: &Settings) -> Result<(), String> {
        if self.plan(settings).1.due.is_empty() {
            return Ok(());
        }
        // Counts are in memory for up to ten seconds; what is told is to be what happened.
        if let Some(journal) = self.journal() {
            journal.flush();
        }
        self.read()?;
        let (now, Plan { due, urgent }) = self.plan(settings);
        if due.is_empty() {
            return Ok(());
        }
        let due: Vec<&Incident> = due.iter().map(|&at| &self.incidents[at]).collect();
        let key = |incident: &Incident| (incident.id, incident.first_ms);
        let with_told = due
            .iter()
            .map(|&i| (i, self.told.get(&key(i)).copied()))
            .collect();
        let frame = Frame {
            now,
            zone: self.clock.zone(),
            mode: self.policy.settings.mode,
            masks: self.policy.settings.log_numbers == LogNumbers::Masked,
            token: compose::token(&mut self.random),
        };
        let message = frame.alert(settings, with_told, urgent);
        let told: Vec<(outbox::Incident, Told)> = (due.iter())
            .map(|incident| {
                let told = Told {
                    count: incident.count,
                    at_ms: now.unix_ms,
                };
                (key(incident), told)
            })
            .collect();
        let marks = Marks {
            seen: self.done_with(settings, &told),
            ..self.marks
        };
        self.keep(&message, &told, &marks)?;
        self.told.extend(told);
        self.sent.push(now.unix_ms);
        let most = self
            .sent
            .len()
            .saturating_sub(trunkguard_core::alerts::PER_HOUR);
        self.sent.drain(..most);
        Ok(())
    }

    /// Up to which number nothing is left to be told, once this is. What is left (in quiet hours) would
    /// otherwise be looked for by its date, which is wrong where the box did not know the time.
    fn done_with(&self, settings: &Settings, told: &[(outbox::Incident, Told)]) -> Option<i64> {
        let is_left = |incident: &&Incident| {
            let key = (incident.id, incident.first_ms);
            settings.when(&incident.kind) <= When::Now
                && incident.acknowledged_ms.is_none()
                && !self.told.contains_key(&key)
                && !told.iter().any(|(now_told, _)| *now_told == key)
        };
        let left = self.incidents.iter().filter(is_left).map(|i| i.id).min();
        let highest = self.incidents.iter().map(|i| i.id).max();
        left.map(|id| id - 1).or(highest).max(self.marks.seen)
    }

    /// Keeps the day's digest, when it is time for it.
    fn tell_the_day(&mut self, settings: &Settings) -> Result<(), String> {
        let now = self.clock.now();
        let (day, is_made) = match digest(settings.digest, now.local, self.marks.digest) {
            Step::Wait => return Ok(()),
            Step::Skip(day) => (day, false),
            Step::Make(day) => (day, true),
        };
        let marks = Marks {
            digest: Some(day),
            ..self.marks
        };
        if !is_made {
            self.outbox.note(&marks).map_err(|e| e.to_string())?;
            self.marks = marks;
            return Ok(());
        }
        if let Some(journal) = self.journal() {
            journal.flush();
        }
        let since = now.unix_ms.saturating_sub(DAY_MS);
        let history = History::open(&self.state).map_err(|e| e.to_string())?;
        let totals = history.totals(since).map_err(|e| e.to_string())?;
        let (open, _) = history.open_incidents().map_err(|e| e.to_string())?;
        let of_the_day = history
            .incidents_since(i64::MAX, since)
            .map_err(|e| e.to_string())?;
        let frame = Frame {
            now,
            zone: self.clock.zone(),
            mode: self.policy.settings.mode,
            masks: self.policy.settings.log_numbers == LogNumbers::Masked,
            token: compose::token(&mut self.random),
        };
        let message = frame.digest(settings, totals, open, &of_the_day);
        self.keep(&message, &[], &marks)
    }

    /// Puts a message into the outbox, with what is told by it.
    fn keep(
        &mut self,
        message: &trunkguard_core::alerts::Message,
        told: &[(outbox::Incident, Told)],
        marks: &Marks,
    ) -> Result<(), String> {
        let names: Vec<String> = self.targets.iter().map(Target::name).collect();
        let gave_way =
            (self.outbox.put(message, &names, told, marks)).map_err(|e| e.to_string())?;
        self.marks = marks.clone();
        if gave_way > 0 {
            let text = format!("{gave_way} alerts that waited made room for newer ones");
            self.raise("alerts-undelivered", &text);
        }
        Ok(())
    }

    fn deliver(&mut self, alerts: &Alerts, settings: &Settings) -> Result<bool, String> {
        let clock = &mut self.clock;
        let mut frame = deliver::Frame {
            settings,
            targets: &self.targets,
            now: &mut || clock.now(),
            random: &mut self.random,
            stopping: &|| alerts.is_stopping(),
        };
        let round = self
            .deliverer
            .round(&mut self.outbox, &mut frame)
            .map_err(|e| e.to_string())?;
        for text in round.undelivered {
            self.raise("alerts-undelivered", &text);
        }
        Ok(round.more)
    }

    fn standing(&self) -> Standing {
        let known = self.outbox.channels().unwrap_or_default();
        let names = self.targets.iter().map(Target::name);
        Standing {
            channels: names.map(|name| ChannelStatus::of(name, &known)).collect(),
            problem: self.outbox.problem().map(str::to_owned),
        }
    }
}
