//! What the page shows, fetched for it: from the daemon by the control socket, as the command line does, and from the state
//! directory. So it is all the same whether the page runs in the daemon's process (`run --web`) or in its own
//! (`trunkguard page`): no code of it touches a call.

mod accounts;
mod backup;
mod calls;
mod diagnostics;
mod firewall;
mod home;
mod live;
mod pbx;
mod policy;
mod times;

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context;
use serde::de::DeserializeOwned;
use tracing::{info, warn};
use trunkguard_page::{
    Answer, Parts, Problem,
    shell::{self, Options, Shell},
};
use trunkguard_store::page_store::{PageError, PageStore};

use crate::{
    control::{self, Ask},
    tls,
};

/// Where the answers come from; every slice's source is made of one.
#[derive(Clone)]
pub struct Office(Arc<Inner>);

struct Inner {
    state: PathBuf,
    kept: Mutex<PageStore>,
    home: Mutex<home::Last>,
    backup: backup::Desk,
}

impl Office {
    /// The office of a state directory.
    ///
    /// # Errors
    /// When the page cannot keep anything there.
    fn open(state: &Path) -> anyhow::Result<Office> {
        let (kept, problem) = PageStore::open(state)?;
        if let Some(problem) = problem {
            warn!("{problem}");
        }
        Ok(Office(Arc::new(Inner {
            state: state.to_owned(),
            kept: Mutex::new(kept),
            home: Mutex::default(),
            backup: backup::Desk::default(),
        })))
    }

    /// The state directory.
    fn state(&self) -> &Path {
        &self.0.state
    }

    /// Accounts and the audit log.
    fn kept(&self) -> MutexGuard<'_, PageStore> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the first page showed last; whoever holds it makes the next.
    fn last_home(&self) -> MutexGuard<'_, home::Last> {
        self.0.home.lock().unwrap_or_else(PoisonError::into_inner)
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
        PageError::NoAccount => Problem::NotFound,
        PageError::Full => Problem::Refused(error.to_string()),
        PageError::Disk(why) => Problem::Unavailable(why),
    }
}

/// The page, ready to be served.
pub struct Page {
    listener: TcpListener,
    certificate: shell::Certificate,
    /// SHA-256 of the certificate, `AB:CD:…`.
    pub fingerprint: String,
    shell: Shell,
}

/// Opens everything that the page needs. With `shows_code`, a person at the terminal may set the first password with the code
/// that is in the log.
///
/// # Errors
/// An address that cannot be had, a certificate that cannot be used, a state directory that cannot be written to.
pub fn open(state: &Path, web: SocketAddr, shows_code: bool) -> anyhow::Result<Page> {
    let listener = TcpListener::bind(web)
        .with_context(|| format!("--web {web}: the page cannot listen there"))?;
    listener.set_nonblocking(true)?;
    let pair = tls::pair(state, "page")?;
    let office = Office::open(state)?;
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
        home: Arc::new(office.clone()),
        pbx: Arc::new(office.clone()),
        calls: Arc::new(office.clone()),
        live: Arc::new(office.clone()),
        diagnostics: Arc::new(office.clone()),
        backup: Arc::new(office.clone()),
        firewall: Arc::new(office.clone()),
        policy: trunkguard_page::policy::Policies::new(Arc::new(office)),
    };
    Ok(Page {
        listener,
        certificate: shell::Certificate {
            chain: pair.certificate,
            key: pair.key,
        },
        fingerprint: pair.fingerprint,
        shell: Shell::new(
            parts,
            Options {
                names: tls::own_names(),
                setup_code,
            },
        ),
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

    /// Serves on a runtime of its own until something ends it.
    ///
    /// # Errors
    /// What ended it.
    pub fn serve(self) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(16)
            .build()?;
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            shell::serve(listener, &self.certificate, self.shell).await
        })
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
