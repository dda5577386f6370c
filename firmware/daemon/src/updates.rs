//! When the box is renewed: a thread of its own asks [`plan`] what is next and has the process that installs updates do it. It alone
//! knows policy, time zone and calls; the other process knows servers, signatures and slots.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tracing::{info, warn};
use trunkguard_core::{
    policy::{Automatic, Update},
    update::{
        plan::{self, LONGEST_POSTPONEMENT_S, Memory, Now, Schedule, Step, Why},
        report::{Activity, Ask, End, Status},
    },
};
use trunkguard_update::client;

use crate::{clock, desk::Shared};

/// How often it looks while nothing is done.
const LOOK: Duration = Duration::from_secs(20);
/// And while something is, or a restart waits for the next quiet moment.
const BUSY_LOOK: Duration = Duration::from_secs(1);
/// Looks in a row without asking the other process, which need not run for that.
const ASK_EVERY: u32 = 180;
/// Unless somebody wants to know, it is not asked before, so that a start has less to do.
const FIRST_S: i64 = 300;
/// What is remembered, in the state directory.
const FILE: &str = "update.json";

/// What a person asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Order {
    /// See how things stand.
    Look,
    /// Ask the server now.
    Check,
    /// Do what there is to do now: fetch, install, restart as soon as no call waits.
    Now,
    /// Nothing by itself for so many seconds; 0 takes that back.
    Postpone(i64),
    /// Go back to the system before this one.
    Rollback,
    /// Throw the bundle away that is here.
    Discard,
}

/// How things stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// What the other process says; none where there is none.
    pub status: Option<Status>,
    /// Why there is none.
    pub absent: Option<String>,
    /// Why nothing is done now.
    pub why: Why,
    /// A person wants it now.
    pub wanted: bool,
    /// Nothing is installed by itself before this time, seconds since 1970.
    pub postponed_until_s: Option<i64>,
    /// Seconds until the server is asked next, by itself.
    pub next_check_s: Option<i64>,
    /// What the policy says.
    pub settings: Update,
}

impl Default for View {
    fn default() -> Self {
        View {
            status: None,
            absent: Some(
                "updates are for a box with two systems; here, whoever installed Trunkguard renews it".into(),
            ),
            why: Why::Nothing,
            wanted: false,
            postponed_until_s: None,
            next_check_s: None,
            settings: Update::default(),
        }
    }
}

/// What the thread is made of.
pub struct Parts {
    /// Where the other process listens; nothing is done without it.
    pub socket: Option<PathBuf>,
    /// Where policy, calls and journal are.
    pub shared: Arc<Shared>,
    /// The state directory.
    pub state: PathBuf,
    /// Draws lots.
    pub random: Box<dyn FnMut() -> u64 + Send>,
}

/// An order and who waits for its answer; or only that it is to look now.
type Ordered = Option<(Order, SyncSender<Result<(), String>>)>;

/// How everybody else reaches the thread.
#[derive(Clone)]
pub struct Updates {
    orders: SyncSender<Ordered>,
    stop: Arc<AtomicBool>,
    view: Arc<Mutex<View>>,
}

impl Updates {
    /// Hands an order on, and says how things stand then.
    ///
    /// # Errors
    /// Why it is not carried out.
    pub fn order(&self, order: Option<Order>) -> anyhow::Result<View> {
        let unknown = || {
            let view = self.lock();
            (view.status.is_none() && view.absent.is_none()).then_some(Order::Look)
        };
        if let Some(order) = order.or_else(unknown) {
            let (tell, told) = sync_channel(1);
            (self.orders.try_send(Some((order, tell))))
                .map_err(|_| anyhow::anyhow!("updates are busy; try again in a moment"))?;
            let patience = Duration::from_secs(9);
            (told.recv_timeout(patience))
                .map_err(|_| anyhow::anyhow!("updates do not answer; look at the log"))?
                .map_err(anyhow::Error::msg)?;
        }
        Ok(self.lock().clone())
    }

    /// A number that is another when things stand otherwise.
    pub fn mark(&self) -> u64 {
        let mut view = self.lock().clone();
        // What a clock changes is no news.
        view.next_check_s = None;
        let mut hasher = DefaultHasher::new();
        serde_json::to_string(&view)
            .unwrap_or_default()
            .hash(&mut hasher);
        hasher.finish()
    }

    /// The policy is another one.
    pub fn wake(&self) {
        let _ = self.orders.try_send(None);
    }

    /// The other slot is being written, or the box is about to restart into it.
    pub fn is_writing(&self) -> bool {
        let view = self.lock();
        let status = view.status.as_ref();
        status.is_some_and(|s| matches!(s.activity, Activity::Installing { .. }) || s.trial)
    }

    /// Ends the thread. What it has begun, the other process ends by itself.
    pub fn stop(&self, thread: JoinHandle<()>) {
        self.stop.store(true, Relaxed);
        self.wake();
        let until = Instant::now() + Duration::from_secs(1);
        while !thread.is_finished() && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn lock(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the thread.
///
/// # Errors
/// When it cannot be started.
pub fn start(mut parts: Parts) -> io::Result<(Updates, JoinHandle<()>)> {
    let (orders, ordered) = sync_channel(4);
    let updates = Updates {
        orders,
        stop: Arc::default(),
        view: Arc::default(),
    };
    let theirs = updates.clone();
    let thread = thread::Builder::new()
        .name("updates".into())
        .spawn(move || {
            let schedule = Schedule::first((parts.random)());
            let memory = remembered(&parts.state);
            let planner = Planner {
                parts,
                memory,
                schedule,
                begun: Instant::now(),
                status: None,
                absent: None,
                wanted: false,
                checking: false,
                unasked: 0,
            };
            let run = AssertUnwindSafe(|| planner.run(&theirs, &ordered));
            if panic::catch_unwind(run).is_err() {
                let mut view = theirs.lock();
                view.status = None;
                view.absent = Some("what looks after updates has ended by a fault, which is in the log; the next start of the box brings it back".into());
            }
        })?;
    Ok((updates, thread))
}

struct Planner {
    parts: Parts,
    memory: Memory,
    schedule: Schedule,
    begun: Instant,
    status: Option<Status>,
    absent: Option<String>,
    wanted: bool,
    /// A question to the server was begun, and its end is not seen yet.
    checking: bool,
    unasked: u32,
}

impl Planner {
    fn run(mut self, updates: &Updates, ordered: &Receiver<Ordered>) {
        while !updates.stop.load(Relaxed) {
            let settings = self.parts.shared.lock().gate.policy().update.clone();
            let why = self.look(&settings);
            *updates.lock() = self.view(&settings, why);
            let pause = match (self.wanted, why) {
                (_, Why::Busy | Why::Calls) | (true, _) => BUSY_LOOK,
                _ => LOOK,
            };
            match ordered.recv_timeout(pause) {
                Ok(Some((order, tell))) => {
                    let done = self.obey(order, &settings);
                    *updates.lock() = self.view(&settings, why);
                    let _ = tell.try_send(done);
                }
                Ok(None) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// One look: asks where need be, does what is next, and says why nothing is.
    fn look(&mut self, settings: &Update) -> Why {
        if self.parts.socket.is_none() {
            return Why::Nothing;
        }
        let busy = self.wanted || self.checking || self.is_busy();
        self.unasked += 1;
        let first = self.status.is_none() && self.up_s() >= FIRST_S;
        if busy || first || self.unasked >= ASK_EVERY {
            self.ask(&Ask::Status);
        }
        let Some(status) = self.status.clone() else {
            return Why::NotNow;
        };
        if self.checking && status.activity == Activity::Idle {
            self.checking = false;
            let worked = status
                .checked
                .as_ref()
                .is_some_and(|checked| checked.problem.is_none());
            self.schedule = self
                .schedule
                .after(self.up_s(), worked, (self.parts.random)());
            if !worked || status.offer.is_none() {
                self.wanted &= status.ready.is_some() || status.pending.is_some();
            }
        }
        self.tell(&status, settings);
        let url = settings.url.as_ref().map(|url| url.as_str().to_owned());
        let now = self.now();
        let ask = match plan::next(settings, &status, &self.memory, self.schedule, &now) {
            Step::Wait(why) => {
                // What was wanted was done, or cannot be.
                self.wanted &= matches!(why, Why::Busy | Why::Calls | Why::Hours);
                return why;
            }
            Step::Check => Ask::Check { url },
            Step::Download => Ask::Download { url },
            Step::Install => Ask::Install,
            Step::Restart => Ask::Restart,
        };
        info!(?ask, "updates");
        self.checking = matches!(ask, Ask::Check { .. } | Ask::Download { .. });
        let restarts = ask == Ask::Restart;
        if !self.ask(&ask) {
            self.wanted = false;
            self.checking = false;
            self.schedule = self
                .schedule
                .after(self.up_s(), false, (self.parts.random)());
        } else if restarts {
            // The end of this process is on its way; nothing is asked twice.
            thread::sleep(Duration::from_secs(5));
        }
        Why::Busy
    }

    fn obey(&mut self, order: Order, settings: &Update) -> Result<(), String> {
        if self.parts.socket.is_none() {
            return Err(View::default().absent.unwrap_or_default());
        }
        self.ask(&Ask::Status);
        let Some(status) = self.status.clone() else {
            return Err(self.absent.clone().unwrap_or_default());
        };
        let able = || match (&status.problem, status.trial) {
            (Some(problem), _) => Err(problem.clone()),
            (None, true) => {
                Err("this version is on trial; wait some minutes until it is confirmed".into())
            }
            (None, false) => Ok(()),
        };
        match order {
            Order::Look => {}
            Order::Check => {
                able()?;
                let url = settings.url.as_ref().map(|url| url.as_str().to_owned());
                self.do_it(&Ask::Check { url })?;
                self.checking = true;
            }
            Order::Now => {
                able()?;
                if self.now().unix_s.is_none() && status.ready.is_none() && status.pending.is_none()
                {
                    return Err("the box's clock is not set; check the time server".into());
                }
                self.wanted = true;
                // Whether there is something newer is looked at first, unless something is here.
                if status.ready.is_none() && status.pending.is_none() && status.offer.is_none() {
                    self.schedule.due_s = 0;
                }
            }
            Order::Postpone(seconds) => {
                let now_s = self
                    .now()
                    .unix_s
                    .ok_or("the box's clock is not set; check the time server")?;
                let seconds = seconds.clamp(0, LONGEST_POSTPONEMENT_S);
                self.memory.postponed_until_s = if seconds == 0 { 0 } else { now_s + seconds };
                self.wanted = false;
                remember(&self.parts.state, &self.memory);
            }
            Order::Rollback => {
                able()?;
                if self.now().waiting > 0 {
                    return Err("a call is being decided; try again in a moment".into());
                }
                self.do_it(&Ask::Rollback)?;
            }
            Order::Discard => {
                self.do_it(&Ask::Discard)?;
                self.wanted = false;
            }
        }
        Ok(())
    }

    fn do_it(&mut self, ask: &Ask) -> Result<(), String> {
        match self.ask(ask) {
            true => Ok(()),
            false => Err(self.absent.clone().unwrap_or_default()),
        }
    }

    /// Asks the other process. What it says is kept.
    fn ask(&mut self, ask: &Ask) -> bool {
        let Some(socket) = &self.parts.socket else {
            return false;
        };
        self.unasked = 0;
        match client::ask(socket, ask) {
            Ok(status) => {
                (self.status, self.absent) = (Some(status), None);
                true
            }
            Err(why) => {
                if self.absent.as_ref() != Some(&why) {
                    warn!("updates: {why}");
                }
                self.absent = Some(why);
                false
            }
        }
    }

    fn is_busy(&self) -> bool {
        (self.status.as_ref())
            .is_some_and(|status| status.activity != Activity::Idle || status.trial)
    }

    fn up_s(&self) -> i64 {
        self.begun.elapsed().as_secs() as i64
    }

    fn now(&mut self) -> Now {
        let (waiting, quiet_s, now) = {
            let mut desk = self.parts.shared.lock();
            let now = desk.clock.now();
            let quiet_s = now.mono_ms.saturating_sub(desk.decided_ms) / 1_000;
            (desk.held.len(), quiet_s, now)
        };
        Now {
            unix_s: clock::is_plausible(now.unix_ms).then_some(now.unix_ms / 1_000),
            minute: now.local.map(|local| local.minute),
            waiting,
            quiet_s,
            up_s: self.up_s(),
            wanted: self.wanted,
        }
    }

    /// Tells the owner what is new, once.
    fn tell(&mut self, status: &Status, settings: &Update) {
        let before = self.memory.clone();
        // By which one it was, not by which is later: an outcome may bear the time of a clock that was wrong.
        let fresh =
            (status.outcomes.iter()).take_while(|outcome| outcome.at_s != before.told_outcome_s);
        for outcome in fresh {
            let version = outcome
                .version
                .map_or_else(|| "an update".into(), |v| format!("version {v}"));
            let (kind, text) = match &outcome.end {
                End::Confirmed => (
                    "updated",
                    format!(
                        "{version} runs and was looked over; before it ran {}",
                        outcome.from
                    ),
                ),
                End::CameBack { why } => (
                    "update-failed",
                    format!("{version} did not do, and {} is back: {why}", outcome.from),
                ),
                End::Failed { why } => (
                    "update-failed",
                    format!(
                        "{version} was not installed; {} goes on running: {why}",
                        outcome.from
                    ),
                ),
            };
            self.raise(kind, &text);
        }
        if let Some(newest) = status.outcomes.first() {
            self.memory.told_outcome_s = newest.at_s;
        }
        let offered = (status.offer.as_ref()).map(|offer| offer.release.version);
        if settings.automatic == Automatic::Check && offered.is_some() && offered != before.told {
            if let Some(version) = offered {
                self.raise(
                    "update-available",
                    &format!("version {version} can be installed; the page has what is new in it"),
                );
            }
            self.memory.told = offered;
        }
        if self.memory != before {
            remember(&self.parts.state, &self.memory);
        }
    }

    fn raise(&self, kind: &str, text: &str) {
        info!(kind, "{text}");
        if let Some(journal) = self.parts.shared.journal() {
            journal.raise(kind, text);
        }
    }

    fn view(&mut self, settings: &Update, why: Why) -> View {
        let now = self.now();
        let absent = match &self.parts.socket {
            None => View::default().absent,
            Some(_) => self.absent.clone(),
        };
        let until = self.memory.postponed_until_s;
        View {
            status: self.status.clone(),
            absent,
            why,
            wanted: self.wanted,
            postponed_until_s: now.unix_s.filter(|now| until > *now).map(|_| until),
            next_check_s: (self.parts.socket.is_some() && settings.automatic != Automatic::Off)
                .then(|| (self.schedule.due_s - self.up_s()).max(0)),
            settings: settings.clone(),
        }
    }
}

/// What was remembered. A file that is damaged is none: an outcome is then told of twice.
fn remembered(state: &Path) -> Memory {
    let text = fs::read(state.join(FILE)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

fn remember(state: &Path, memory: &Memory) {
    let (path, new) = (state.join(FILE), state.join("update.new"));
    let written = serde_json::to_vec(memory)
        .map_err(io::Error::other)
        .and_then(|text| fs::write(&new, text))
        .and_then(|()| fs::File::open(&new)?.sync_all())
        .and_then(|()| fs::rename(&new, &path));
    if let Err(problem) = written {
        warn!(%problem, "{}: what is remembered of updates is not kept", path.display());
    }
}
