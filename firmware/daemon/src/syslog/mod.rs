//! Tells a log server of every decided call and every incident (`[syslog]` of the policy), from a thread of its own. What
//! calls do is hand in a copy where there is room.

mod message;
mod wire;

use std::{
    collections::VecDeque,
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tracing::{info, warn};
use trunkguard_core::{
    policy::{self, Policy},
    record::Record,
};
use trunkguard_store::history::History;

use wire::Link;

/// Calls that the thread has not taken yet.
const QUEUE: usize = 1_024;
/// Messages that wait while the server is away; a later one finds no room and is counted.
const WAITING: usize = 4_096;
/// Between two looks at the incidents.
const LOOK: Duration = Duration::from_secs(2);
/// After a server that was not reached, and the longest pause.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How everybody else reaches the thread. A handle: copies are the same.
#[derive(Clone)]
pub struct Syslog(Arc<Inner>);

struct Inner {
    work: SyncSender<Work>,
    wants_calls: AtomicBool,
    sent: AtomicU64,
    lost: AtomicU64,
    /// Where it sends, and why it cannot.
    shown: Mutex<Option<(String, Option<String>)>>,
}

enum Work {
    Call(Box<(Record, Arc<Policy>, IpAddr)>),
    Settings(policy::Syslog),
    Stop,
}

/// How the log server does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyslogStatus {
    /// Where it is, and by which transport.
    pub server: String,
    /// Messages that were handed to it.
    pub sent: u64,
    /// Messages that found no room while it was away.
    pub lost: u64,
    /// Why it is not reached.
    pub problem: Option<String>,
}

impl fmt::Display for SyslogStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let away = if self.problem.is_some() {
            ", NOT REACHED"
        } else {
            ""
        };
        write!(
            f,
            "{}, {} messages sent, {} lost{away}",
            self.server, self.sent, self.lost
        )
    }
}

impl Syslog {
    /// Starts the thread, which waits until a server is named.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(
        state: &Path,
        settings: policy::Syslog,
    ) -> std::io::Result<(Syslog, JoinHandle<()>)> {
        let (work, inbox) = sync_channel(QUEUE);
        let handle = Syslog(Arc::new(Inner {
            work,
            wants_calls: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            shown: Mutex::default(),
        }));
        let teller = Teller {
            handle: handle.clone(),
            state: state.to_owned(),
            host: message::host(),
            settings: policy::Syslog::default(),
            link: None,
            waiting: VecDeque::new(),
            pause: FIRST_PAUSE,
            retry_at: Instant::now(),
            look_at: Instant::now(),
            seen: None,
        };
        handle.set(settings);
        let thread = thread::Builder::new()
            .name("syslog".into())
            .spawn(move || teller.run(&inbox))?;
        Ok((handle, thread))
    }

    /// Does somebody want to hear of calls?
    pub fn wants_calls(&self) -> bool {
        self.0.wants_calls.load(Ordering::Relaxed)
    }

    /// Hands in a decided call; counted as lost where there is no room. Never waits.
    pub fn call(&self, record: Record, policy: Arc<Policy>, source: IpAddr) {
        let call = Work::Call(Box::new((record, policy, source)));
        if self.0.work.try_send(call).is_err() {
            self.0.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Another policy is in force. The thread takes what stands before it within seconds.
    pub fn set(&self, settings: policy::Syslog) {
        let wants = settings.server.is_some() && settings.calls;
        self.0.wants_calls.store(wants, Ordering::Relaxed);
        let _ = self.0.work.send(Work::Settings(settings));
    }

    /// How the server does; `None` where none is named.
    pub fn status(&self) -> Option<SyslogStatus> {
        let shown = self.shown().clone();
        shown.map(|(server, problem)| SyslogStatus {
            server,
            sent: self.0.sent.load(Ordering::Relaxed),
            lost: self.0.lost.load(Ordering::Relaxed),
            problem,
        })
    }

    /// Ends the thread, after one more attempt to send what waits.
    pub fn stop(&self) {
        let _ = self.0.work.send(Work::Stop);
    }

    fn shown(&self) -> std::sync::MutexGuard<'_, Option<(String, Option<String>)>> {
        self.0.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread's own.
struct Teller {
    handle: Syslog,
    state: PathBuf,
    host: String,
    settings: policy::Syslog,
    link: Option<Link>,
    waiting: VecDeque<String>,
    pause: Duration,
    retry_at: Instant,
    look_at: Instant,
    /// The newest incident that was told of; `None` before the first look.
    seen: Option<i64>,
}

impl Teller {
    fn run(mut self, inbox: &Receiver<Work>) {
        loop {
            let work = inbox.recv_timeout(self.until_next());
            let stops = match work {
                Ok(work) => self.take(work),
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => true,
            };
            if stops {
                self.deliver();
                return;
            }
            // What came meanwhile, so that calls find room however slow the server is.
            for work in inbox.try_iter().take(QUEUE) {
                if self.take(work) {
                    self.deliver();
                    return;
                }
            }
            let now = Instant::now();
            if now >= self.look_at {
                self.look_at = now + LOOK;
                self.look();
            }
            if now >= self.retry_at {
                self.deliver();
            }
        }
    }

    fn until_next(&self) -> Duration {
        let now = Instant::now();
        if self.settings.server.is_none() {
            return Duration::from_secs(3_600);
        }
        let retry = (!self.waiting.is_empty()).then_some(self.retry_at);
        let next = retry.map_or(self.look_at, |at| at.min(self.look_at));
        next.saturating_duration_since(now)
    }

    /// Answers whether it is the end.
    fn take(&mut self, work: Work) -> bool {
        match work {
            Work::Stop => return true,
            Work::Settings(settings) => self.set(settings),
            Work::Call(call) => {
                let (record, policy, source) = *call;
                if self.settings.server.is_some() && self.settings.calls {
                    let message =
                        message::call(&self.host, self.settings.local, &record, &policy, source);
                    self.keep(message);
                }
            }
        }
        false
    }

    fn set(&mut self, settings: policy::Syslog) {
        if settings == self.settings {
            return;
        }
        self.settings = settings;
        self.link = None;
        self.pause = FIRST_PAUSE;
        self.retry_at = Instant::now();
        let server = wire::server(&self.settings);
        if server.is_none() {
            self.waiting.clear();
            self.seen = None;
        }
        *self.handle.shown() = server.map(|server| (server, None));
    }

    fn keep(&mut self, message: String) {
        if self.waiting.len() < WAITING {
            self.waiting.push_back(message);
        } else {
            self.handle.0.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Looks for new incidents. Those of before the first look are history, and nobody's news.
    fn look(&mut self) {
        const MOST: u32 = 200;
        if self.settings.server.is_none() || !self.settings.incidents {
            return;
        }
        let Ok(mut incidents) =
            History::open(&self.state).and_then(|history| history.incidents(false, MOST))
        else {
            return;
        };
        incidents.sort_by_key(|incident| incident.id);
        let newest = incidents.last().map_or(0, |incident| incident.id);
        // A history that was begun anew counts from 1 again.
        let seen = self.seen.map_or(newest, |seen| seen.min(newest));
        for incident in incidents.iter().filter(|incident| incident.id > seen) {
            let message = message::incident(&self.host, self.settings.local, incident);
            self.keep(message);
        }
        self.seen = Some(newest);
    }

    /// Sends what waits, in order, until the server takes no more; not all of it before the next look at what calls hand in.
    fn deliver(&mut self) {
        const AT_ONCE: usize = 256;
        for _ in 0..AT_ONCE {
            let Some(message) = self.waiting.front() else {
                return;
            };
            match self.send(message.clone()) {
                Ok(()) => {
                    self.waiting.pop_front();
                    self.handle.0.sent.fetch_add(1, Ordering::Relaxed);
                }
                Err(problem) => return self.failed(&problem),
            }
        }
    }

    fn send(&mut self, message: String) -> std::io::Result<()> {
        let link = match self.link.take() {
            Some(link) => link,
            None => Link::open(&self.settings)?,
        };
        let link = self.link.insert(link);
        link.send(&message).inspect_err(|_| self.link = None)?;
        if let Some((server, problem)) = &mut *self.handle.shown()
            && problem.take().is_some()
        {
            info!(server, "the log server is reached again");
        }
        self.pause = FIRST_PAUSE;
        Ok(())
    }

    fn failed(&mut self, why: &std::io::Error) {
        self.link = None;
        self.retry_at = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        if let Some((server, problem)) = &mut *self.handle.shown() {
            let said = format!(
                "the log server {server} is not reached ({why}); look at it, or at [syslog] in the policy"
            );
            if problem.is_none() {
                warn!("{said}");
            }
            *problem = Some(said);
        }
    }
}
