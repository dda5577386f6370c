//! The process: answers questions on a Unix socket, and does one thing at a time.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Write},
    os::{
        fd::AsFd,
        unix::{
            fs::PermissionsExt,
            net::{UnixListener, UnixStream},
        },
    },
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::statvfs::statvfs,
};
use tracing::{info, warn};
use trunkguard_core::update::{
    Version,
    report::{Activity, Ask, Status},
};

use crate::{
    Places,
    boot::Boot,
    client::Answer,
    judge::{Facts, adopt, judge},
    record::{Book, Record},
};

mod work;

/// Connections at a time.
const AT_ONCE: usize = 8;
/// A question, and each part of a bundle, is here within so long.
const PATIENCE: Duration = Duration::from_secs(30);
/// Octets of a question.
const LONGEST: u64 = 4_096;
/// With nothing to do for so long, the process ends; the socket starts it again.
const IDLE: Duration = Duration::from_secs(60);
/// Left free on the disk, whatever is fetched.
const KEEP_FREE: u64 = 32 << 20;
/// Longer than an image is used: a clock beyond it is wrong.
const AGE_S: i64 = 20 * 366 * 86_400;

/// How it is started.
#[derive(Debug)]
pub struct Options {
    /// The socket that systemd hands over. Then the process ends when nobody has asked for a minute.
    pub listener: Option<UnixListener>,
    /// Where it listens otherwise.
    pub socket: PathBuf,
    /// Where everything is.
    pub places: Places,
    /// The data that this version writes.
    pub data: u32,
}

/// Serves until nothing is to be done, or it is killed.
///
/// # Errors
/// What keeps it from starting.
pub fn serve(options: Options) -> Result<(), String> {
    let socket = options.socket.display();
    let handed_over = options.listener.is_some();
    let listener = match options.listener {
        Some(listener) => listener,
        None => bind(&options.socket).map_err(|e| format!("{socket}: {e}"))?,
    };
    listener
        .set_nonblocking(true)
        .map_err(|e| format!("{socket}: {e}"))?;
    let updater = Arc::new(Updater::open(options.places, options.data)?);
    info!(version = %updater.version, "ready");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let talking = Arc::new(AtomicUsize::new(0));
    let mut last = Instant::now();
    loop {
        let mut wait = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        match poll(&mut wait, PollTimeout::from(1_000u16)) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(e) => return Err(format!("{socket}: {e}")),
        }
        match listener.accept() {
            Ok((stream, _)) => {
                last = Instant::now();
                if talking.fetch_add(1, Ordering::Relaxed) >= AT_ONCE {
                    talking.fetch_sub(1, Ordering::Relaxed);
                    continue;
                }
                let (updater, talking) = (updater.clone(), talking.clone());
                let talk = move || {
                    if let Err(problem) = converse(stream, &updater) {
                        warn!(%problem, "a question was not answered");
                    }
                    talking.fetch_sub(1, Ordering::Relaxed);
                };
                if thread::Builder::new()
                    .name("asked".into())
                    .spawn(talk)
                    .is_err()
                {
                    return Err("no thread can be started".into());
                }
            }
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) => {}
            Err(e) => return Err(format!("{socket}: {e}")),
        }
        let busy = talking.load(Ordering::Relaxed) > 0 || updater.lock().activity != Activity::Idle;
        if busy {
            last = Instant::now();
        }
        if handed_over && last.elapsed() > IDLE {
            return Ok(());
        }
    }
}

fn bind(socket: &std::path::Path) -> io::Result<UnixListener> {
    match fs::remove_file(socket) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

fn converse(stream: UnixStream, updater: &Arc<Updater>) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut answer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    (&mut reader).take(LONGEST).read_line(&mut line)?;
    let done = match serde_json::from_str::<Ask>(&line) {
        Ok(ask) => updater.answer(&ask, &mut reader),
        Err(e) => Err(format!("the question is not understood ({e})")),
    };
    let said = match done {
        Ok(()) => Answer::Ok(Box::new(updater.status())),
        Err(why) => Answer::Error(why),
    };
    let mut text = serde_json::to_vec(&said)?;
    text.push(b'\n');
    answer.write_all(&text)
}

/// All that the process knows.
struct Updater {
    places: Places,
    version: Version,
    data: u32,
    inner: Mutex<Inner>,
}

struct Inner {
    activity: Activity,
    record: Record,
    book: Book,
    /// Why the record is not kept.
    problem: Option<String>,
}

impl Updater {
    fn open(places: Places, data: u32) -> Result<Self, String> {
        let book = Book::of(&places.kept);
        let (record, problem) = book.read();
        if let Some(problem) = &problem {
            warn!("{problem}");
        }
        Ok(Updater {
            version: places.version()?,
            data,
            inner: Mutex::new(Inner {
                activity: Activity::Idle,
                record,
                book,
                problem: None,
            }),
            places,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what is asked, or begins it.
    fn answer(self: &Arc<Self>, ask: &Ask, body: &mut impl Read) -> Result<(), String> {
        self.judge();
        {
            // What the disk did not take, it may take now.
            let mut inner = self.lock();
            if inner.problem.is_some() {
                inner.keep();
            }
        }
        match ask {
            Ask::Status => Ok(()),
            Ask::Check { url } => {
                let url = self.url(url.as_deref())?;
                self.begin(Activity::Checking, move |updater| {
                    updater.check(&url).map(drop)
                })
            }
            Ask::Download { url } => {
                let url = self.url(url.as_deref())?;
                self.begin(Activity::Checking, move |updater| updater.download(&url))
            }
            Ask::Receive { size } => self.receive(*size, body),
            Ask::Install => {
                let message = String::new();
                let installing = Activity::Installing {
                    percent: 0,
                    message,
                };
                self.begin(installing, |updater| updater.install())
            }
            Ask::Restart => self.restart(),
            Ask::Rollback => self.rollback(),
            Ask::Discard => self.discard(),
        }
    }

    fn url(&self, said: Option<&str>) -> Result<String, String> {
        let url = said.map(ToOwned::to_owned).or_else(|| self.places.url());
        url.ok_or_else(|| {
            "no server is named; write update.url in the policy, or bring a file".into()
        })
    }

    /// Begins something that takes its time, in a thread of its own.
    fn begin(
        self: &Arc<Self>,
        activity: Activity,
        work: impl FnOnce(&Updater) -> Result<(), String> + Send + 'static,
    ) -> Result<(), String> {
        self.occupy(activity)?;
        let updater = self.clone();
        let job = move || {
            if let Err(why) = work(&updater) {
                warn!("{why}");
            }
            updater.lock().activity = Activity::Idle;
        };
        (thread::Builder::new().name("work".into()).spawn(job))
            .map(drop)
            .map_err(|e| {
                self.lock().activity = Activity::Idle;
                format!("no thread can be started ({e})")
            })
    }

    /// One thing at a time, and none on a box that cannot take an update now.
    fn occupy(&self, activity: Activity) -> Result<(), String> {
        self.able()?;
        let mut inner = self.lock();
        if inner.activity != Activity::Idle {
            return Err("something else is being done; wait until it has ended".into());
        }
        inner.activity = activity;
        Ok(())
    }

    fn able(&self) -> Result<Boot, String> {
        let boot = Boot::read(&self.places.boot).ok_or(
            "this is no box with two systems, or its start was not whole: no update can be installed",
        )?;
        match &boot.problem {
            Some(problem) => Err(problem.clone()),
            None if boot.on_trial() => {
                Err("this version is on trial; wait some minutes until it is confirmed".into())
            }
            None => Ok(boot),
        }
    }

    fn judge(&self) {
        let Some(boot) = Boot::read(&self.places.boot) else {
            return;
        };
        let facts = Facts {
            boot: &boot,
            version: self.version,
            begun: self.places.begun(),
            reason: self.reason(),
            now_s: now_s(),
        };
        let before_ns = self.reason_ns();
        let mut inner = self.lock();
        if inner.activity != Activity::Idle {
            return;
        }
        if adopt(&mut inner.record, &facts) {
            inner.record.reason_before_ns = before_ns;
            info!(
                "another one has had RAUC install an update: it is started and judged as if it had been asked for here"
            );
            inner.keep();
        }
        if judge(&mut inner.record, &facts) {
            if inner.record.ready.is_none() {
                let _ = fs::remove_file(self.places.bundle());
            }
            inner.keep();
        }
    }

    /// What the system on trial has said of itself: this one, and in this trial.
    fn reason(&self) -> Option<String> {
        let pending = self.lock().record.pending.clone()?;
        // Not "written later than the update began": a wrong clock may be the very reason.
        if self.reason_ns() == self.lock().record.reason_before_ns {
            return None;
        }
        let text = crate::places::read(&self.places.reason, 4_096)?;
        let (version, reason) = text.split_once('\n')?;
        let this = version == pending.version.to_string();
        (this && !reason.trim().is_empty()).then(|| reason.trim().to_owned())
    }

    /// When the reason that is there was written.
    fn reason_ns(&self) -> Option<i64> {
        let written = fs::metadata(&self.places.reason).and_then(|file| file.modified());
        let since = written.ok()?.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(since.as_nanos()).ok()
    }

    fn status(&self) -> Status {
        let boot = Boot::read(&self.places.boot);
        let able = self.able().err();
        let inner = self.lock();
        let record = &inner.record;
        let trial = boot.as_ref().is_some_and(Boot::on_trial);
        Status {
            version: self.version,
            slot: boot.map(|boot| boot.running),
            trial,
            activity: inner.activity.clone(),
            offer: record.offer.clone(),
            ready: record.ready.clone(),
            pending: record.pending.clone(),
            other: record.other,
            outcomes: record.outcomes.clone(),
            checked: record.checked.clone(),
            url: self.places.url(),
            problem: able.filter(|_| !trial).or_else(|| inner.problem.clone()),
        }
    }

    /// The time, if it can be right.
    fn time(&self) -> Result<i64, String> {
        let (now, made) = (now_s(), self.places.made_s());
        let floor = made.max(self.lock().record.seen_s);
        if (floor..made.saturating_add(AGE_S)).contains(&now) {
            return Ok(now);
        }
        Err("the box's clock is wrong, so that it cannot tell an old offer from a new one; check the time server".into())
    }

    fn room_for(&self, octets: u64) -> Result<(), String> {
        let kept = self.places.kept.display();
        let disk = statvfs(&self.places.kept).map_err(|e| format!("{kept}: {e}"))?;
        let free = disk.blocks_available() as u64 * disk.fragment_size() as u64;
        match free >= octets.saturating_add(KEEP_FREE) {
            true => Ok(()),
            false => Err(format!(
                "{kept} has {} MB free, and {} are needed; use a larger card",
                free >> 20,
                (octets + KEEP_FREE) >> 20
            )),
        }
    }
}

impl Inner {
    /// Keeps the record. A disk that takes nothing is a reason not to install anything.
    fn keep(&mut self) {
        self.problem = self.book.write(&self.record).err();
        if let Some(problem) = &self.problem {
            warn!("{problem}");
        }
    }

    fn kept(&mut self) -> Result<(), String> {
        self.keep();
        self.problem.clone().map_or(Ok(()), Err)
    }
}

fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64)
}

/// Makes what was written durable, and gives it its name.
fn finish(part: &std::path::Path, whole: &std::path::Path) -> Result<(), String> {
    let folder = whole.parent().unwrap_or(std::path::Path::new("."));
    let done = || -> io::Result<()> {
        fs::set_permissions(part, fs::Permissions::from_mode(0o644))?;
        File::open(part)?.sync_all()?;
        fs::rename(part, whole)?;
        File::open(folder)?.sync_all()
    };
    done().map_err(|e| format!("{}: {e}; check the card", whole.display()))
}
