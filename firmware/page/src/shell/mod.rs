//! What all pages share.

mod assets;
mod attempts;
mod body;
pub mod certificate;
mod contact;
mod form;
mod frame;
mod guard;
mod incoming;
mod plain;
mod problem;
mod server;
mod session;
mod upload;
mod visitor;

pub use certificate::Certificate;
pub use form::{Form, Fresh, Own, checked, read, read_form};
pub use frame::{Frame, Look, Section};
pub use incoming::{Incoming, IncomingForm};
pub use server::{serve, serve_plain};
pub(crate) use session::random;
pub use session::{Role, Session, Sessions, Who};
pub use upload::Upload;
pub use visitor::{COOKIE, FreshOwner, Owner, Visitor, cookie, urlencode};

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::{Answer, Parts, Problem};

/// Questions to the box at a time; the others wait. Each takes a thread.
const AT_ONCE: usize = 4;

/// How the page is run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Host names that it answers to beside its own addresses, `localhost` and names of the box (`trunkguard-1a2b.local`):
    /// any other is somebody's else, and refused (DNS rebinding).
    pub names: Vec<String>,
    /// What a person in front of the box reads off its terminal to set the first password. `None`: only the button opens
    /// the set-up window.
    pub setup_code: Option<String>,
}

/// What handlers share. A handle: copies are the same.
#[derive(Clone)]
pub struct Shell(Arc<Inner>);

struct Inner {
    parts: Parts,
    options: Options,
    sessions: Mutex<Sessions>,
    attempts: Mutex<attempts::Attempts>,
    served: Mutex<certificate::Served>,
    questions: Semaphore,
    /// Passwords are looked at one at a time: each takes 19 MiB.
    passwords: Semaphore,
    /// Long files come one at a time: each takes a thread for minutes.
    files: Semaphore,
    assets: assets::Assets,
    live: crate::live::Hub,
}

impl Shell {
    /// A shell around these parts, which proves itself by this certificate.
    ///
    /// # Errors
    /// A certificate that cannot be used.
    pub fn new(parts: Parts, options: Options, certificate: &Certificate) -> Result<Shell, String> {
        Ok(Shell(Arc::new(Inner {
            parts,
            options,
            sessions: Mutex::default(),
            attempts: Mutex::default(),
            served: Mutex::new(certificate.served()?),
            questions: Semaphore::new(AT_ONCE),
            passwords: Semaphore::new(1),
            files: Semaphore::new(1),
            assets: assets::Assets::new(),
            live: crate::live::Hub::default(),
        })))
    }

    /// How it is run.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// Asks the box, on a thread that may wait for it.
    ///
    /// # Errors
    /// What the box says.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Parts) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let _place = self.0.questions.acquire().await.map_err(|_| away())?;
        let shell = self.clone();
        tokio::task::spawn_blocking(move || question(&shell.0.parts))
            .await
            .map_err(|_| away())?
    }

    /// Looks at or hashes a password, one at a time.
    ///
    /// # Errors
    /// [`Problem::Busy`] when others wait already.
    pub async fn password<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        /// Long enough for a few on a slow board.
        const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);
        let _place = tokio::time::timeout(PATIENCE, self.0.passwords.acquire())
            .await
            .map_err(|_| Problem::Busy(5))?
            .map_err(|_| away())?;
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| away())?
    }

    /// Takes a long file, one at a time; other questions do not wait for it.
    ///
    /// # Errors
    /// [`Problem::Busy`] while another one comes; what the box says.
    pub(crate) async fn receive<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Parts) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let _place = self.0.files.try_acquire().map_err(|_| Problem::Busy(60))?;
        let shell = self.clone();
        tokio::task::spawn_blocking(move || work(&shell.0.parts))
            .await
            .map_err(|_| away())?
    }

    /// Works on the sessions.
    pub fn sessions<T>(&self, work: impl FnOnce(&mut Sessions) -> T) -> T {
        work(
            &mut self
                .0
                .sessions
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Who is looking.
    pub(crate) fn live(&self) -> &crate::live::Hub {
        &self.0.live
    }

    /// Works on what was attempted and was wrong.
    pub(crate) fn attempts<T>(&self, work: impl FnOnce(&mut attempts::Attempts) -> T) -> T {
        work(
            &mut self
                .0
                .attempts
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Proves itself by another certificate from now on; connections that are there keep theirs.
    ///
    /// # Errors
    /// A certificate that cannot be used: the one of before stays.
    pub fn replace_certificate(&self, certificate: &Certificate) -> Result<(), String> {
        let served = certificate.served()?;
        *self.0.served.lock().unwrap_or_else(PoisonError::into_inner) = served;
        Ok(())
    }

    /// What the page proves itself with.
    pub fn certificate(&self) -> certificate::Facts {
        let served = self.0.served.lock();
        served.unwrap_or_else(PoisonError::into_inner).facts.clone()
    }

    fn acceptor(&self) -> TlsAcceptor {
        let served = self.0.served.lock();
        served
            .unwrap_or_else(PoisonError::into_inner)
            .acceptor
            .clone()
    }

    /// Is this (in small letters) a name of the box? Its own, and those that its owner has put into the certificate.
    fn is_named(&self, name: &str) -> bool {
        let served = self.0.served.lock();
        self.0.options.names.iter().any(|own| own == name)
            || served
                .unwrap_or_else(PoisonError::into_inner)
                .facts
                .names
                .iter()
                // `localhost` is the box only where it is asked by itself, which the guard has seen to.
                .any(|own| own == name && own != "localhost")
    }

    fn assets(&self) -> &assets::Assets {
        &self.0.assets
    }
}

fn away() -> Problem {
    Problem::Unavailable("the page is stopping; load it again in a moment".into())
}

/// Both ends of a connection, beside every request.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// Who asks.
    pub peer: IpAddr,
    /// Which of the box's addresses is asked.
    pub here: IpAddr,
}
