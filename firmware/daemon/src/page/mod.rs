//! What the page shows, fetched for it: from the daemon by the control socket, as the command line does, and from the state
//! directory. So it is all the same whether the page runs in the daemon's process (`run --web`) or in its own
//! (`trunkguard page`): no code of it touches a call.

mod accounts;
mod alerts;
mod api;
mod backup;
mod budget;
mod calls;
pub mod certificate;
mod diagnostics;
mod figures;
mod firewall;
mod home;
mod live;
mod pbx;
mod policy;
mod settings;
mod times;
pub mod tokens;
mod updates;
mod welcome;

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use serde::de::DeserializeOwned;
use tracing::{info, warn};
use trunkguard_core::policy::Definition;
use trunkguard_page::{
    Answer, Parts, Problem,
    shell::{self, Options, Shell},
    welcome::RoundTrip,
};
use trunkguard_store::page_store::{PageError, PageStore};

use crate::{
    control::{self, Ask},
    sockets, tls,
};
use budget::Budget;

/// Where the answers come from; every slice's source is made of one.
#[derive(Clone)]
pub struct Office(Arc<Inner>);

struct Inner {
    state: PathBuf,
    kept: Mutex<PageStore>,
    home: Mutex<home::Last>,
    flushes: Mutex<Budget>,
    trips: Mutex<BTreeMap<String, RoundTrip>>,
    backup: backup::Desk,
    update_socket: Option<PathBuf>,
}

impl Office {
    /// The office of a state directory.
    ///
    /// # Errors
    /// When the page cannot keep anything there.
    fn open(state: &Path, update_socket: Option<PathBuf>) -> anyhow::Result<Office> {
        let (kept, problem) = PageStore::open(state)?;
        if let Some(problem) = problem {
            warn!("{problem}");
        }
        Ok(Office(Arc::new(Inner {
            state: state.to_owned(),
            kept: Mutex::new(kept),
            home: Mutex::default(),
            flushes: Mutex::new(Budget::new(calls::FLUSHES, Instant::now())),
            trips: Mutex::default(),
            backup: backup::Desk::default(),
            update_socket,
        })))
    }

    /// The state directory.
    fn state(&self) -> &Path {
        &self.0.state
    }

    /// Where the process listens that installs updates; none where nobody does.
    fn update_socket(&self) -> Option<&Path> {
        self.0.update_socket.as_deref()
    }

    /// Accounts and the audit log.
    fn kept(&self) -> MutexGuard<'_, PageStore> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the first page showed last; whoever holds it makes the next.
    fn last_home(&self) -> MutexGuard<'_, home::Last> {
        self.0.home.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much of the disk's time the page may have.
    fn flushes(&self) -> MutexGuard<'_, Budget> {
        self.0
            .flushes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Round trips to the PoPs, as somebody has measured them.
    fn trips(&self) -> MutexGuard<'_, BTreeMap<String, RoundTrip>> {
        self.0.trips.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The policy as it is stored.
    fn definition(&self) -> Answer<Definition> {
        crate::policy::definition(self.state())
            .map_err(|problem| Problem::Unavailable(format!("{problem:#}")))
    }

    /// Asks the daemon.
    fn ask<T: DeserializeOwned>(&self, question: &Ask) -> Answer<T> {
        control::ask(self.state(), question).map_err(|problem| refused(&problem))?.ok_or_else(|| {
            Problem::Unavailable("the daemon does not run at the moment; calls are not answered. It is started again by itself".into())
        })
    }
}

/// What the daemon or the store does not want, in its own words.
fn refused(problem: &anyhow::Error) -> Problem {
    Problem::Refused(format!("{problem:#}"))
}

/// A store's error, for the page.
fn unkept(error: PageError) -> Problem {
    match error {
        PageError::NoAccount | PageError::NoToken => Problem::NotFound,
        PageError::Full | PageError::TokenExists | PageError::TokensFull => {
            Problem::Refused(error.to_string())
        }
        PageError::Disk(why) => Problem::Unavailable(why),
    }
}

/// The page, ready to be served.
pub struct Page {
    listener: TcpListener,
    plain: Option<TcpListener>,
    /// SHA-256 of the certificate, `AB:CD:…`.
    pub fingerprint: String,
    shell: Shell,
}

/// Where the page is served.
pub struct Places {
    /// By HTTPS.
    pub web: TcpListener,
    /// By HTTP, where everybody is sent on to the other.
    pub plain: Option<TcpListener>,
}

impl Places {
    /// At this address alone.
    ///
    /// # Errors
    /// An address that cannot be had.
    pub fn at(web: SocketAddr) -> anyhow::Result<Places> {
        Ok(Places {
            web: sockets::bind_page(web)?,
            plain: None,
        })
    }
}

/// Opens everything that the page needs. With `shows_code`, a person at the terminal may set the first password with the code
/// that is in the log. `update_socket` is where the process listens that installs updates.
///
/// # Errors
/// A certificate that cannot be used, a state directory that cannot be written to.
pub fn open(
    state: &Path,
    places: Places,
    shows_code: bool,
    update_socket: Option<PathBuf>,
) -> anyhow::Result<Page> {
    for listener in [Some(&places.web), places.plain.as_ref()]
        .into_iter()
        .flatten()
    {
        listener.set_nonblocking(true)?;
    }
    let office = Office::open(state, update_socket)?;
    let certificate = certificate::in_force(state)?;
    let setup_code = match shows_code
        && office
            .kept()
            .accounts()
            .map_err(anyhow::Error::new)?
            .is_empty()
    {
        true => Some(code()?),
        false => None,
    };
    if let Some(code) = &setup_code {
        info!(
            "to set the page's first password, type this code: {}-{}",
            &code[..4],
            &code[4..]
        );
    }
    let parts = Parts {
        accounts: Arc::new(office.clone()),
        alerts: Arc::new(office.clone()),
        api: Arc::new(office.clone()),
        home: Arc::new(office.clone()),
        pbx: Arc::new(office.clone()),
        calls: Arc::new(office.clone()),
        live: Arc::new(office.clone()),
        diagnostics: Arc::new(office.clone()),
        settings: Arc::new(office.clone()),
        welcome: Arc::new(office.clone()),
        backup: Arc::new(office.clone()),
        firewall: Arc::new(office.clone()),
        updates: Arc::new(office.clone()),
        policy: trunkguard_page::policy::Policies::new(Arc::new(office)),
    };
    let options = Options {
        names: tls::own_names(),
        setup_code,
    };
    let shell = Shell::new(parts, options, &certificate).map_err(anyhow::Error::msg)?;
    Ok(Page {
        listener: places.web,
        plain: places.plain,
        fingerprint: shell.certificate().fingerprint,
        shell,
    })
}

impl Page {
    /// Where it listens.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves on a runtime of its own until something ends it. `watchdog` is how often systemd wants to hear that the thread
    /// that serves takes its turns.
    ///
    /// # Errors
    /// What ended it.
    pub fn serve(self, watchdog: Option<Duration>) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(16)
            .build()?;
        let port = self.address()?.port();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            let plain = async {
                match self.plain {
                    Some(plain) => {
                        let plain = tokio::net::TcpListener::from_std(plain)?;
                        shell::serve_plain(plain, port, self.shell.clone()).await
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                end = shell::serve(listener, self.shell.clone()) => end,
                end = plain => end,
                () = feed(watchdog) => Ok(()),
                () = keep_certificate(self.shell.clone()) => Ok(()),
            }
        })
    }
}

/// All connections are served by one thread: where this has its turn, they have theirs.
async fn feed(watchdog: Option<Duration>) {
    let Some(limit) = watchdog else {
        return std::future::pending().await;
    };
    let mut tick = tokio::time::interval((limit / 3).max(Duration::from_millis(100)));
    loop {
        tick.tick().await;
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
    }
}

/// Has the certificate made anew when it is time to: a minute after the box's address has become another one.
async fn keep_certificate(shell: Shell) {
    let mut tick = tokio::time::interval(Duration::from_secs(60));
    loop {
        tick.tick().await;
        let kept = shell.ask(|parts| parts.settings.certificate()).await;
        let taken = kept
            .map_err(|problem| problem.to_string())
            .and_then(
                |kept| match kept.facts()?.fingerprint == shell.certificate().fingerprint {
                    true => Ok(()),
                    false => shell.replace_certificate(&kept),
                },
            );
        if let Err(problem) = taken {
            warn!(problem, "the page's certificate is the one of before");
        }
    }
}

/// Eight characters that are not mistaken for each other: 40 bits, and each guess takes a request.
fn code() -> anyhow::Result<String> {
    const SIGNS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut octets = [0u8; 8];
    let mut random =
        std::fs::File::open("/dev/urandom").context("/dev/urandom cannot be opened")?;
    std::io::Read::read_exact(&mut random, &mut octets).context("/dev/urandom cannot be read")?;
    Ok(octets
        .iter()
        .map(|octet| char::from(SIGNS[usize::from(octet % 32)]))
        .collect())
}
