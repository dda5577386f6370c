//! The firewall's half of the daemon: one thread owns what is to pass, and talks to the helper that
//! loads it. Everybody else holds a [`Firewall`] and sends it [`Work`].

mod bans;
pub mod dns;
mod drops;
pub mod intent;
mod link;
pub mod measure;
mod owner;
mod pops;
pub mod probe;
mod rules;
pub mod view;

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};

use trunkguard_core::{
    bans::Evidence,
    policy::{HostName, Policy},
    pops::{answers::Heard, health::Answered, owner as pops_owner},
};
use trunkguard_firewall::protocol::Event;

pub use owner::{Parts, start};
use view::View;

use crate::control::Decision;

/// Work that may wait for the owner. What strangers cause is dropped when it is full; orders wait.
const QUEUE: usize = 1_024;
/// An order is answered within so long: the helper's nft may take 5 s, twice.
const PATIENCE: Duration = Duration::from_secs(15);

/// Which driver loads the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Driver {
    /// None: rules are made, and nothing is loaded, asked in DNS or probed.
    DryRun,
    /// The privileged helper that listens on this socket.
    Nft(PathBuf),
}

/// What the owner does.
pub(super) enum Work {
    /// Load what this policy asks for. The answer says whether it is in force.
    Policy(Arc<Policy>, SyncSender<Result<(), String>>),
    /// What the servers said of a name.
    Heard(HostName, Vec<Heard>),
    /// A PoP answered a probe after so many µs, or did not.
    Probed(HostName, Option<(u32, Answered)>),
    /// Somebody did what only strangers do.
    Evidence(Evidence),
    /// The helper said something unasked.
    Event(Event),
    /// A connection to the helper has ended.
    Gone(u64),
    /// A person's decision, and who that is.
    Decide(Decision, String, SyncSender<Result<String, String>>),
    /// All decisions on PoPs, in place of those there are.
    Decisions(Vec<pops_owner::Decision>, SyncSender<Result<(), String>>),
    /// The daemon ends.
    Stop,
}

/// How everybody else reaches the owner.
#[derive(Clone)]
pub struct Firewall {
    work: SyncSender<Work>,
    view: Arc<Mutex<Arc<View>>>,
}

impl Firewall {
    pub(super) fn new() -> (Self, Receiver<Work>) {
        let (work, inbox) = sync_channel(QUEUE);
        let view = Arc::default();
        (Firewall { work, view }, inbox)
    }

    /// Puts the rules of a policy in force. Waits until they are.
    ///
    /// # Errors
    /// Why they are not; those of before are.
    pub fn replace_policy(&self, policy: Arc<Policy>) -> Result<(), String> {
        self.order(|answer| Work::Policy(policy, answer))
    }

    /// Does what a person decided; `by` is who. Answers with a sentence.
    ///
    /// # Errors
    /// Why it cannot be done.
    pub fn decide(&self, decision: Decision, by: &str) -> Result<String, String> {
        self.order(|answer| Work::Decide(decision, by.to_owned(), answer))
    }

    /// Puts these decisions on PoPs in place of all others.
    ///
    /// # Errors
    /// Why they cannot be kept; those of before hold then.
    pub fn replace_decisions(&self, decisions: Vec<pops_owner::Decision>) -> Result<(), String> {
        self.order(|answer| Work::Decisions(decisions, answer))
    }

    /// Hands in what a stranger did. Dropped where there is no room: there is more where it came from.
    pub fn evidence(&self, evidence: Evidence) {
        let _ = self.work.try_send(Work::Evidence(evidence));
    }

    /// Hands in what DNS said. Where there is no room the name is asked for again later.
    pub fn heard(&self, name: HostName, heard: Vec<Heard>) {
        let _ = self.work.try_send(Work::Heard(name, heard));
    }

    /// Hands in what became of a probe.
    pub fn probed(&self, name: HostName, answer: Option<(u32, Answered)>) {
        let _ = self.work.try_send(Work::Probed(name, answer));
    }

    /// What there is to see, as of the last second.
    pub fn view(&self) -> Arc<View> {
        self.lock_view().clone()
    }

    pub(super) fn show(&self, view: View) {
        *self.lock_view() = Arc::new(view);
    }

    fn lock_view(&self) -> MutexGuard<'_, Arc<View>> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the owner.
    pub fn stop(&self) {
        let _ = self.work.send(Work::Stop);
    }

    fn order<T>(
        &self,
        work: impl FnOnce(SyncSender<Result<T, String>>) -> Work,
    ) -> Result<T, String> {
        let (answer, answered) = sync_channel(1);
        let stuck = "the firewall's thread does not answer; look at the log";
        self.work.send(work(answer)).map_err(|_| stuck.to_owned())?;
        answered
            .recv_timeout(PATIENCE)
            .map_err(|_| stuck.to_owned())?
    }
}
