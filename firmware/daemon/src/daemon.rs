//! The composition root: read from top to bottom, it is the wiring diagram (docs/architecture.md).

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, oneshot},
};
use tracing::{info, warn};
use trunkguard_board::{Front, Profile, Remote, StatusLine};
use trunkguard_core::{gate::Past, policy::Interface, pops};
use trunkguard_sip::{keys::Keys, uas::Seeds};
use trunkguard_store::{
    history::History,
    journal::{self, Journal, Recovered},
    policy_store::Origin,
};

use crate::{
    alerts::{self, Alerts},
    backup,
    cli::{self, RunArguments},
    clock::Clock,
    control_server,
    desk::{QUEUE, Shared},
    firewall::{self, Driver, Firewall, intent::Facts},
    logs,
    network::Wishes,
    page, panel, policy,
    setup_window::SetupWindow,
    sockets, streams,
    syslog::Syslog,
    tls, udp,
    updates::{self, Updates},
    words,
};

/// What the parts of one run have in common.
pub struct Run {
    /// Where calls are answered.
    pub shared: Arc<Shared>,
    /// Who owns the rules for packets.
    pub firewall: Firewall,
    /// How the box itself is to be reached.
    pub network: Wishes,
    /// Who tells the owner.
    pub alerts: Alerts,
    /// The state directory.
    pub state: PathBuf,
    /// When it began.
    pub start: Instant,
    /// Where SIP is answered.
    pub sip: SocketAddr,
    /// Where SIP over TLS is answered, and by which certificate.
    pub sips: Option<(SocketAddr, String)>,
    /// The policy in force is not the one that was last set.
    pub policy_problem: Mutex<Option<String>>,
    /// Turns that the UDP thread has taken: it stands still when that thread does.
    pub turns: Arc<AtomicU64>,
    /// Policies that were taken over since the start.
    pub policies: AtomicU64,
    /// Who tells a log server of calls and incidents.
    pub syslog: Syslog,
    /// Somebody stands in front of the box and sets it up.
    pub setup_window: SetupWindow,
    /// The board's network ports.
    pub ports: Vec<Interface>,
    /// Held while the ways to the PoPs are measured.
    pub measures: Mutex<()>,
    /// Who says when the box is renewed.
    pub updates: Updates,
}

/// Is this folder one that a power cut empties?
fn in_memory(folder: &Path) -> bool {
    statfs(folder).is_ok_and(|of| of.filesystem_type() == TMPFS_MAGIC)
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// What keeps it from starting, or the part that ended and why.
pub fn run(arguments: &RunArguments) -> anyhow::Result<()> {
    keep_memory_small();
    let line = StatusLine::on_stderr();
    logs::start(&line);
    let board = Profile::load(&arguments.board)?;
    let front: Box<dyn Front> = match &arguments.panel_socket {
        Some(path) => Box::new(Remote::new(path, &arguments.panel_user)?),
        None => trunkguard_board::open(&board, line.clone(), Path::new("/"))
            .with_context(|| format!("board {}: the panel cannot be driven", board.name))?,
    };

    // One daemon per state directory; then the policy, before anything listens.
    let _lock = lock(&arguments.state)?;
    if let Err(problem) = backup::mend(&arguments.state) {
        warn!("a restore that did not come to its end cannot be taken back: {problem:#}");
    }
    let (compiled, origin) = policy::load(&arguments.state, arguments.policy.as_deref())?;
    let mut clock = Clock::new(&compiled.settings.time_zone).map_err(anyhow::Error::msg)?;
    let policy_problem = problem_of(&origin);
    let mode = words::mode(compiled.settings.mode);
    let history_days = compiled.settings.history_days;
    let clients = compiled.clients().len();

    // The sockets, and the desk where calls are answered.
    let open = sockets::open(arguments.sip, arguments.sips)?;
    let sip = open.udp.local_addr()?;
    let tls = open
        .tls
        .as_ref()
        .map(|_| tls::load(&arguments.state))
        .transpose()?;
    let sips = match (&open.tls, &tls) {
        (Some(listener), Some(tls)) => Some((listener.local_addr()?, tls.fingerprint.clone())),
        _ => None,
    };
    let shared = Arc::new(Shared::new(
        Arc::new(compiled),
        clock.clone(),
        seeds()?,
        open.udp,
    ));

    // What was before a restart counts; then the journal, which hands late answers to the desk.
    let options = journal::Options {
        history_days,
        capacity: QUEUE,
        ..journal::Options::default()
    };
    let desk: Weak<Shared> = Arc::downgrade(&shared);
    let (journal, recovered) = Journal::open(&arguments.state, options, move |tickets, outcome| {
        if let Some(desk) = desk.upgrade() {
            desk.settled(tickets, outcome);
        }
    })
    .context("the journal's thread cannot be started")?;
    remember(&arguments.state, &shared, &mut clock, &recovered);
    for problem in [&policy_problem, &recovered.problem].into_iter().flatten() {
        warn!("{problem}");
        journal.raise("restored", problem);
    }
    if arguments.network_wish.is_some() && in_memory(&arguments.state) {
        let problem = "the card's data partition cannot be used: what is set and decided now is forgotten when the \
                       power goes; have the card replaced";
        warn!("{problem}");
        journal.raise("state-in-memory", problem);
    }
    shared.set_journal(journal);

    // The firewall's owner, which loads the rules before the box says that it is ready.
    let (queries, asked) = mpsc::channel(pops::follow::MOST_OPEN);
    let driver = match arguments.firewall {
        cli::Firewall::Nft => Driver::Nft(arguments.firewall_socket.clone()),
        cli::Firewall::DryRun => Driver::DryRun,
    };
    let guards = driver != Driver::DryRun;
    let (firewall, firewall_thread) = firewall::start(firewall::Parts {
        policy: shared.lock().gate.policy().clone(),
        facts: Facts {
            ports: Facts::ports_of(&board),
            sip,
            sips: sips.as_ref().map(|(at, _)| *at),
            web: (arguments.web.map(|at| at.port()).into_iter())
                .chain(arguments.page_ports.iter().copied())
                .collect(),
        },
        driver,
        state: arguments.state.clone(),
        shared: shared.clone(),
        clock: clock.clone(),
        random: Box::new(random()?),
        queries,
    })
    .context("the firewall's thread cannot be started")?;
    shared.set_firewall(firewall.clone());

    // Who tells a log server, where one is named.
    let (syslog, syslog_thread) =
        Syslog::start(&arguments.state, shared.lock().gate.policy().syslog.clone())
            .context("the thread that tells the log server cannot be started")?;
    shared.set_syslog(syslog.clone());

    // How the box itself is to be reached: a file for `trunkguard network`, where one is asked for.
    let network = Wishes::new(arguments.network_wish.clone(), Facts::ports_of(&board));
    let in_force = shared.lock().gate.policy().clone();
    network.begin(&in_force, &shared);

    // Who tells the owner of what the journal notes.
    let (alerts, alerts_thread) = alerts::start(alerts::Parts {
        shared: shared.clone(),
        state: arguments.state.clone(),
        clock: clock.clone(),
        random: Box::new(random()?),
    })
    .context("the thread of alerts cannot be started")?;
    // Who says when the box is renewed; another process does it, where there is one.
    let (updates, updates_thread) = updates::start(updates::Parts {
        socket: arguments.update_socket.clone(),
        shared: shared.clone(),
        state: arguments.state.clone(),
        random: Box::new(random()?),
    })
    .context("the thread of updates cannot be started")?;
    give_memory_back();

    let run = Arc::new(Run {
        shared: shared.clone(),
        firewall: firewall.clone(),
        network,
        alerts: alerts.clone(),
        state: arguments.state.clone(),
        start: Instant::now(),
        sip,
        sips,
        policy_problem: Mutex::new(policy_problem),
        turns: Arc::default(),
        policies: AtomicU64::default(),
        syslog: syslog.clone(),
        setup_window: SetupWindow::default(),
        ports: Facts::ports_of(&board),
        measures: Mutex::default(),
        updates: updates.clone(),
    });

    // One thread answers UDP; everything else shares a runtime on this one.
    let stop = Arc::new(AtomicBool::new(false));
    let (udp_ended, udp_end) = oneshot::channel();
    let udp_thread = {
        let (shared, stop, turns) = (shared.clone(), stop.clone(), run.turns.clone());
        thread::Builder::new().name("udp".into()).spawn(move || {
            let _ = udp_ended.send(udp::serve(&shared, &stop, &turns));
        })?
    };
    // The page has a thread and a runtime of its own, and asks as the command line does: calls do not wait for it.
    let page = (arguments.web)
        .map(|web| {
            let places = page::Places::at(web)?;
            page::open(
                &arguments.state,
                places,
                true,
                arguments.update_socket.clone(),
            )
        })
        .transpose()?;
    let (page_ended, page_end) = oneshot::channel();
    // Where there is no page, its end never comes.
    let mut no_page = Some(page_ended);
    if let (Some(page), Some(page_ended)) = (page, no_page.take_if(|_| arguments.web.is_some())) {
        let at = format!("https://{}/", page.address()?);
        info!(page = at, certificate = page.fingerprint, "the page");
        thread::Builder::new().name("page".into()).spawn(move || {
            let _ = page_ended.send(page.serve(None));
        })?;
    }
    let draws = random()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(async {
        let tcp = streams::serve(tokio::net::TcpListener::from_std(open.tcp)?, None, shared.clone());
        let tls = async {
            match (open.tls, tls) {
                (Some(listener), Some(tls)) => {
                    streams::serve(tokio::net::TcpListener::from_std(listener)?, Some(Arc::new(tls)), shared.clone()).await
                }
                _ => std::future::pending().await,
            }
        };
        let control = control_server::serve(run.clone());
        // A box that guards nothing asks nobody.
        let dns = async {
            match guards {
                true => firewall::dns::serve(firewall.clone(), shared.clone(), asked).await,
                false => std::future::pending().await,
            }
        };
        let probes = async {
            match guards {
                true => firewall::probe::serve(firewall.clone(), shared.clone(), draws).await,
                false => std::future::pending().await,
            }
        };
        info!(%sip, sips = run.sips.as_ref().map(|(at, _)| at.to_string()).unwrap_or_default(), mode, clients, board = board.name.as_str(), "ready");
        if let Some((_, fingerprint)) = &run.sips {
            info!(fingerprint, "certificate of SIP over TLS (SHA-256)");
        }
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);

        // The first of these to end ends the daemon, by name.
        tokio::select! {
            end = tcp => Err(anyhow::Error::from(ended("SIP over TCP", end))),
            end = tls => Err(anyhow::Error::from(ended("SIP over TLS", end))),
            end = control => Err(anyhow::Error::from(ended("the control socket", end))),
            end = page_end => Err(anyhow::Error::from(ended("the page", end.unwrap_or(Ok(()))))),
            end = udp_end => Err(anyhow::Error::from(ended("SIP over UDP", end.unwrap_or(Ok(()))))),
            () = dns => bail!("the PoPs' names are not followed any more"),
            () = probes => bail!("the PoPs are not probed any more"),
            () = panel::drive(front, run.clone()) => bail!("the panel ended"),
            () = backup::watch(&arguments.state) => bail!("nobody looks after restores any more"),
            () = feed_watchdog(run.turns.clone(), shared.clone()) => bail!("the watchdog's feeder ended"),
            signal = stopped() => signal,
        }
    });

    // The end: no more calls, then what is queued goes to disk.
    stop.store(true, Ordering::Relaxed);
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    if udp_thread.join().is_err() {
        warn!("the UDP thread ended by a panic");
    }
    firewall.stop();
    if firewall_thread.join().is_err() {
        warn!("the firewall's thread ended by a panic");
    }
    alerts.stop(alerts_thread);
    updates.stop(updates_thread);
    if let Some(journal) = shared.journal() {
        journal.flush();
    }
    syslog.stop();
    if syslog_thread.join().is_err() {
        warn!("the thread that tells the log server ended by a panic");
    }
    line.clear();
    control_server::remove(&arguments.state);
    ended
}

impl Run {
    /// Why the policy in force is not the one that was last set.
    pub fn policy_problem(&self) -> Option<String> {
        let problem = self.policy_problem.lock();
        problem.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The policy in force is the one that was last set.
    pub fn policy_is_sound(&self) {
        let problem = self.policy_problem.lock();
        *problem.unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// One heap for all threads: calls are decided without allocating, so nobody waits for it, and several
/// heaps would keep megabytes that nobody uses.
fn keep_memory_small() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt(3) changes two figures of the allocator; no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 128 * 1024);
    }
}

/// Gives pages back that reading and compiling a policy has left free between others.
pub fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim(3) takes the allocator's own locks and frees only what nobody holds.
    unsafe {
        libc::malloc_trim(0);
    }
}

fn ended(part: &str, end: std::io::Result<()>) -> std::io::Error {
    match end {
        Ok(()) => std::io::Error::other(format!("{part} ended")),
        Err(problem) => std::io::Error::new(problem.kind(), format!("{part} ended: {problem}")),
    }
}

/// Holds the state directory for this daemon. The kernel lets go of it however the daemon ends.
fn lock(state: &Path) -> anyhow::Result<nix::fcntl::Flock<std::fs::File>> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    let context = || {
        format!(
            "{}: the state directory cannot be used; make it writable for Trunkguard",
            state.display()
        )
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state)
        .with_context(context)?;
    let path = state.join("lock");
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .or_else(|problem| {
            // A read-only directory is no reason not to answer calls, as long as the lock is there.
            if path.exists() {
                std::fs::File::open(&path)
            } else {
                Err(problem)
            }
        });
    match nix::fcntl::Flock::lock(
        file.with_context(context)?,
        nix::fcntl::FlockArg::LockExclusiveNonblock,
    ) {
        Ok(lock) => Ok(lock),
        Err(_) => bail!(
            "another trunkguard runs on {}; stop it, or choose another --state",
            state.display()
        ),
    }
}

/// Draws keys for this process from the kernel.
pub fn seeds() -> anyhow::Result<Seeds> {
    let mut octets = [0u8; 64];
    let mut random =
        std::fs::File::open("/dev/urandom").context("/dev/urandom cannot be opened")?;
    std::io::Read::read_exact(&mut random, &mut octets).context("/dev/urandom cannot be read")?;
    let word = |i: usize| {
        octets[i * 8..(i + 1) * 8]
            .iter()
            .fold(0u64, |w, &b| w << 8 | u64::from(b))
    };
    let mut nonce = [0; 32];
    nonce.copy_from_slice(&octets[32..]);
    Ok(Seeds {
        keys: Keys {
            transaction: (word(0), word(1)),
            tag: (word(2), word(3)),
        },
        nonce,
    })
}

/// Numbers that nobody foresees, from the kernel's: for names of questions, not for keys.
///
/// # Errors
/// When the kernel gives none.
pub fn random() -> anyhow::Result<impl FnMut() -> u64 + Send + 'static> {
    let mut state = seeds()?.keys.tag.0;
    // SplitMix64 (Steele, Lea, Flood 2014).
    Ok(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    })
}

fn problem_of(origin: &Origin) -> Option<String> {
    match origin {
        Origin::Fresh | Origin::Loaded | Origin::Migrated { .. } => None,
        Origin::LastGood { why } => Some(format!(
            "the policy in force is that of the last edit; look it over and apply it again ({why})"
        )),
        Origin::Defaults { why } => Some(format!(
            "the policy is lost and the default one is in force; apply yours again ({why})"
        )),
        Origin::ReadOnly { why } => {
            Some(format!("the policy can be read, but not changed ({why})"))
        }
    }
}

/// Counts the calls of the last two days again, and learns the countries and phones that are known.
fn remember(state: &Path, shared: &Shared, clock: &mut Clock, recovered: &Recovered) {
    const MOST: u64 = 100_000;
    let now = clock.now();
    let mut desk = shared.lock();
    let gate = &mut desk.gate;
    for (client, country) in &recovered.countries {
        gate.knows_country(client, *country);
    }
    for phone in &recovered.phones {
        gate.knows_phone(
            &phone.client,
            phone.caller.as_bytes(),
            phone.address,
            phone.agent.as_bytes(),
        );
    }
    let since = now.unix_ms - trunkguard_core::time::Now::ORIGIN_MS as i64;
    let read = History::open(state).and_then(|history| {
        history.each_approved(since, MOST, |client, record| {
            if record.verdict.chargeable {
                gate.remember(&now, &Past::of(client, record));
            }
        })
    });
    if let Err(problem) = read {
        warn!(%problem, "calls of before the restart are not counted");
    }
}

/// Feeds systemd's watchdog as long as work is done: the UDP thread takes turns, and nobody sits on
/// the desk's lock.
async fn feed_watchdog(turns: Arc<AtomicU64>, shared: Arc<Shared>) {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return std::future::pending().await;
    };
    let mut last = u64::MAX;
    let mut tick = tokio::time::interval((limit / 3).max(Duration::from_millis(100)));
    loop {
        tick.tick().await;
        let turn = turns.load(Ordering::Relaxed);
        drop(shared.lock());
        if turn != last {
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
        }
        last = turn;
    }
}

async fn stopped() -> anyhow::Result<()> {
    let (mut term, mut int) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    info!("stopping");
    Ok(())
}
