//! Alerts that leave the box: a thread of its own sees what is new in the history, keeps what is to be told in
//! the outbox, and sends it (docs/alerts.md). Calls never wait for it; it never waits for calls.

mod compose;
mod deliver;
mod teller;
mod view;

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use trunkguard_core::{
    alerts::{Content, Message},
    policy::{Alerts as Settings, MAIL, Mode},
};
use trunkguard_notify::{Outcome, Target};

use crate::{clock::Clock, desk::Shared};

pub use compose::at;
pub use view::{ChannelStatus, Standing};

/// The end of the daemon waits so long for a message that is on its way: what a server has taken is to be
/// noted, so that a restart does not send it again. A unit has 10 s to end.
const FAREWELL: Duration = Duration::from_secs(6);

/// What the thread is made of.
pub struct Parts {
    /// Where the policy and the journal are.
    pub shared: Arc<Shared>,
    /// The state directory.
    pub state: PathBuf,
    /// Tells the time.
    pub clock: Clock,
    /// Draws tokens and pauses.
    pub random: Box<dyn FnMut() -> u64 + Send>,
}

/// How everybody else reaches the thread.
#[derive(Clone)]
pub struct Alerts {
    wake: SyncSender<()>,
    stop: Arc<AtomicBool>,
    standing: Arc<Mutex<Standing>>,
}

impl Alerts {
    fn new() -> (Self, Receiver<()>) {
        // One call to wake up is as good as many.
        let (wake, woken) = sync_channel(1);
        let alerts = Alerts {
            wake,
            stop: Arc::default(),
            standing: Arc::default(),
        };
        (alerts, woken)
    }

    /// Has it look now: the policy is another one.
    pub fn wake(&self) {
        let _ = self.wake.try_send(());
    }

    /// How the channels do, as of the last look.
    pub fn standing(&self) -> Standing {
        self.lock().clone()
    }

    fn show(&self, standing: Standing) {
        *self.lock() = standing;
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        self.stop.load(Relaxed)
    }

    /// Ends the thread, and waits for what it is about. One that hangs on a server is left: what it holds
    /// is in the outbox.
    pub fn stop(&self, thread: JoinHandle<()>) {
        self.stop.store(true, Relaxed);
        self.wake();
        let until = Instant::now() + FAREWELL;
        while !thread.is_finished() && Instant::now() < until {
            thread::sleep(Duration::from_millis(10));
        }
        if thread.is_finished() && thread.join().is_err() {
            tracing::warn!("the thread of alerts ended by a panic");
        }
    }
}

/// Starts the thread.
///
/// # Errors
/// When it cannot be started.
pub fn start(parts: Parts) -> std::io::Result<(Alerts, JoinHandle<()>)> {
    let (alerts, woken) = Alerts::new();
    let theirs = alerts.clone();
    let thread = thread::Builder::new()
        .name("alerts".into())
        .spawn(move || {
            let _tells = TellsOnDrop(&theirs);
            teller::run(parts, &theirs, &woken);
        })?;
    Ok((alerts, thread))
}

/// Calls go on without alerts; that there are none is to be seen.
struct TellsOnDrop<'a>(&'a Alerts);

impl Drop for TellsOnDrop<'_> {
    fn drop(&mut self) {
        if !self.0.is_stopping() {
            let mut standing = self.0.standing();
            standing.problem = Some(
                "no alert leaves the box any more; restart Trunkguard, and look at its log".into(),
            );
            self.0.show(standing);
        }
    }
}

/// Sends a test message now: to all targets, or to those of one channel (`mail`, or a webhook's name). What
/// became of each, by its name. Where a channel does not work at all, its other addresses are not tried.
///
/// # Errors
/// When there is nobody to tell.
pub fn test(
    settings: &Settings,
    mode: Mode,
    channel: Option<&str>,
    clock: &mut Clock,
    mut random: impl FnMut() -> u64,
) -> anyhow::Result<Vec<(String, Outcome)>> {
    let targets = Target::all(settings).into_iter();
    let chosen: Vec<Target> = targets
        .filter(|target| channel.is_none_or(|name| name == target.channel()))
        .collect();
    if chosen.is_empty() {
        anyhow::bail!("{}", nobody(settings, channel));
    }
    let now = clock.now();
    let message = Message {
        token: compose::token(&mut random),
        unix_ms: now.unix_ms,
        at: compose::at(now.unix_ms, clock.zone()),
        mode,
        urgent: true,
        content: Content::Test,
    };
    let mut outcomes: Vec<(String, Outcome)> = Vec::new();
    let mut broken: Option<(String, Outcome)> = None;
    for target in chosen {
        let outcome = match &broken {
            Some((channel, outcome)) if channel == target.channel() => outcome.clone(),
            _ => trunkguard_notify::send(settings, &target, &message, now.unix_ms / 1_000),
        };
        if matches!(outcome, Outcome::Later { whole: true, .. }) {
            broken = Some((target.channel().to_owned(), outcome.clone()));
        }
        outcomes.push((target.name(), outcome));
    }
    Ok(outcomes)
}

fn nobody(settings: &Settings, channel: Option<&str>) -> String {
    let Some(channel) = channel.filter(|_| settings.has_channel()) else {
        return "no channel is set, and nothing leaves the box; write [alerts.mail] or [[alerts.webhook]] (docs/alerts.md)".into();
    };
    let mail = settings.mail.iter().map(|_| MAIL);
    let names: Vec<&str> = mail
        .chain(settings.webhooks.iter().map(|w| w.name.as_str()))
        .collect();
    format!(
        "there is no channel `{channel}`; there is {}",
        names.join(", ")
    )
}
