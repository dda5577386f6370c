//! The one thread that owns what is to pass: it takes up what happens, one thing at a time, and shows
//! what is confirmed, never what is wished.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tracing::warn;
use trunkguard_core::{
    bans::Watched,
    policy::{HostName, Mode, Policy, Topology},
    pops::follow::At,
};
use trunkguard_firewall::{
    intent::Intent,
    protocol::{Event, Loaded, Order, Reply},
};
use trunkguard_store::network::NetworkStore;

use super::{
    Driver, Firewall, PATIENCE, Work,
    bans::Bans,
    drops::Drops,
    intent::Facts,
    link::Link,
    pops::Pops,
    rules::own,
    view::{FirewallStatus, View},
};
use crate::{clock::Clock, control::Decision, desk::Shared};

/// How often the clock is looked after while nothing comes.
const TICK: Duration = Duration::from_millis(250);
/// What others see is this old at most.
const SHOWN_EVERY: Duration = Duration::from_secs(1);
/// Counters are read this often.
const FIGURES_EVERY: Duration = Duration::from_secs(5);
/// A helper that is not there is looked for after so long, and then less often.
pub(super) const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What the owner is made of.
pub struct Parts {
    /// The policy to begin with.
    pub policy: Arc<Policy>,
    /// What the box knows of itself.
    pub facts: Facts,
    /// Who loads the rules.
    pub driver: Driver,
    /// The state directory.
    pub state: PathBuf,
    /// Where incidents are raised.
    pub shared: Arc<Shared>,
    /// The clock.
    pub clock: Clock,
    /// A new random number each time.
    pub random: Box<dyn FnMut() -> u64 + Send>,
    /// Names that are to be asked for in DNS.
    pub queries: tokio::sync::mpsc::Sender<HostName>,
}

/// Starts the owner, and waits until it has loaded the first rules, or has failed to: it goes on
/// trying then, and calls are answered meanwhile.
///
/// # Errors
/// When there is no thread to be had.
pub fn start(parts: Parts) -> std::io::Result<(Firewall, JoinHandle<()>)> {
    let (firewall, inbox) = Firewall::new();
    let handle = firewall.clone();
    let (begun, begins) = sync_channel(1);
    let thread = thread::Builder::new()
        .name("firewall".into())
        .spawn(move || {
            let mut owner = Owner::new(parts, handle);
            owner.begin();
            owner.publish();
            let _ = begun.send(());
            owner.run(&inbox);
        })?;
    let _ = begins.recv_timeout(PATIENCE);
    Ok((firewall, thread))
}

/// See [`start`].
pub(super) struct Owner {
    pub(super) policy: Arc<Policy>,
    pub(super) facts: Facts,
    pub(super) driver: Driver,
    pub(super) shared: Arc<Shared>,
    clock: Clock,
    random: Box<dyn FnMut() -> u64 + Send>,
    pub(super) queries: tokio::sync::mpsc::Sender<HostName>,
    firewall: Firewall,
    pub(super) link: Link,
    pub(super) store: NetworkStore,
    pub(super) pops: Pops,
    pub(super) bans: Bans,
    /// What is to be in force; `None` where the settings do not make one.
    pub(super) wanted: Option<Intent>,
    /// Its script.
    pub(super) ruleset: String,
    /// What is.
    pub(super) loaded: Option<Loaded>,
    pub(super) problem: Option<String>,
    /// A problem is an incident once.
    pub(super) told: bool,
    pub(super) retry_at: Instant,
    pub(super) retry_after: Duration,
    figures_at: Instant,
    drops: Drops,
}

impl Owner {
    fn new(parts: Parts, firewall: Firewall) -> Self {
        let Parts {
            policy,
            facts,
            driver,
            state,
            shared,
            mut clock,
            mut random,
            queries,
        } = parts;
        let (store, problem) = NetworkStore::open(&state);
        if let Some(problem) = problem {
            warn!("{problem}");
            raise(&shared, "restored", &problem);
        }
        let now = clock.now();
        let at = At {
            mono_ms: now.mono_ms,
            unix_ms: now.unix_ms,
            random: random(),
        };
        let watched = Watched::new(
            [facts.sip.port()]
                .into_iter()
                .chain(facts.sips.map(|at| at.port())),
            [22].into_iter().chain(facts.web.iter().copied()),
        );
        let pops = Pops::new(&policy.firewall, &own(&policy), &store, at);
        let bans = Bans::new(random(), watched, &store, now.mono_ms, now.unix_ms);
        let link = match &driver {
            Driver::DryRun => Link::none(),
            Driver::Nft(socket) => Link::to(socket.clone(), firewall.clone()),
        };
        let now = Instant::now();
        Owner {
            policy,
            facts,
            driver,
            shared,
            clock,
            random,
            queries,
            firewall,
            link,
            store,
            pops,
            bans,
            wanted: None,
            ruleset: String::new(),
            loaded: None,
            problem: None,
            told: false,
            retry_at: now,
            retry_after: RETRY.0,
            figures_at: now,
            drops: Drops::default(),
        }
    }

    fn run(mut self, inbox: &Receiver<Work>) {
        let (mut ticked, mut published) = (Instant::now(), Instant::now());
        loop {
            match inbox.recv_timeout(TICK) {
                Ok(Work::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(work) => self.take(work),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
                self.tick();
            }
            if published.elapsed() >= SHOWN_EVERY {
                published = Instant::now();
                self.publish();
            }
        }
        self.save();
    }

    fn take(&mut self, work: Work) {
        match work {
            Work::Policy(policy, answer) => {
                let taken = self.replace_policy(policy);
                self.publish();
                let _ = answer.send(taken);
            }
            Work::Decide(decision, by, answer) => {
                let done = self.decide(decision, &by);
                self.publish();
                let _ = answer.send(done);
            }
            Work::Decisions(decisions, answer) => {
                let done = self.replace_decisions(decisions);
                self.publish();
                let _ = answer.send(done);
            }
            Work::Heard(name, heard) => self.heard(&name, &heard),
            Work::Probed(name, answer) => self.probed(&name, answer),
            Work::Evidence(evidence) => self.evidence(&evidence),
            Work::Event(Event::Samples(samples)) => self.samples(&samples),
            Work::Event(Event::Drifted { what, restored }) => self.drifted(&what, restored),
            Work::Gone(connection) => {
                if self.link.lost(connection) {
                    self.failed(
                        "the firewall's helper has ended; the rules stay as they are".into(),
                    );
                }
            }
            // The loop sees it.
            Work::Stop => {}
        }
    }

    fn tick(&mut self) {
        self.follow_tick();
        self.bans_tick();
        if self.problem.is_some() && Instant::now() >= self.retry_at {
            self.retry();
        }
        if self.link.is_up() && self.figures_at.elapsed() >= FIGURES_EVERY {
            self.figures_at = Instant::now();
            if let Ok(Reply::Figures(counters)) = self.link.order(&Order::Figures) {
                self.bans.counters = counters;
            }
        }
    }

    /// A moment, for the core.
    pub(super) fn at(&mut self) -> At {
        let now = self.clock.now();
        At {
            mono_ms: now.mono_ms,
            unix_ms: now.unix_ms,
            random: (self.random)(),
        }
    }

    fn decide(&mut self, decision: Decision, by: &str) -> Result<String, String> {
        match decision {
            Decision::Ban { .. } | Decision::Unban { .. } => self.decide_ban(decision),
            _ => self.decide_pop(decision, by),
        }
    }

    fn save(&mut self) {
        self.save_pops();
        self.save_bans();
    }

    fn publish(&mut self) {
        let now = self.clock.now();
        let enforces = self.policy.settings.mode != Mode::Detect;
        let pops = self.pops.view();
        let dry = self.driver == Driver::DryRun;
        let report = self.bans.report(self.policy.settings.mode);
        let dropped = report.decided.iter().chain(&report.always);
        let dropped = dropped.map(|line| line.packets).sum();
        self.drops.note(now.unix_ms, dropped);
        let bans = self.bans.ledger.list(now.mono_ms);
        self.firewall.show(View {
            status: FirewallStatus {
                driver: if dry { "dry-run" } else { "nft" }.into(),
                topology: topology(self.policy.firewall.topology).into(),
                enforces,
                in_force: self.loaded.is_some(),
                generation: self
                    .loaded
                    .as_ref()
                    .map(|l| format!("{:08x}", l.generation)),
                problem: self.problem.clone(),
                allowed: pops.allowed.len(),
                asked: pops.asked.len(),
                bans: bans.len(),
                dropped,
            },
            pops,
            report: (!dry).then_some(report),
            bans,
            dropped: self.drops.list(),
            never: self.never(),
            ruleset: self.ruleset.clone(),
        });
    }
}

/// The topology's name.
fn topology(topology: Topology) -> &'static str {
    match topology {
        Topology::Side => "side",
        Topology::Router => "router",
        Topology::Bridge => "bridge",
    }
}

pub(super) fn raise(shared: &Shared, kind: &str, text: &str) {
    if let Some(journal) = shared.journal() {
        journal.raise(kind, text);
    }
}
