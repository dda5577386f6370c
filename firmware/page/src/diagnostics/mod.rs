//! Diagnostics: the doctor's checks, the SIP messages of a call as a ladder, and a file for whoever helps.

mod ladder;
mod pages;
mod zip;

use axum::{
    Router,
    routing::{get, post},
};

use crate::{Answer, shell::Shell};

/// What the page asks of the box.
pub trait Source: Send + Sync {
    /// What the doctor finds; takes a few seconds.
    ///
    /// # Errors
    /// When it cannot look.
    fn doctor(&self) -> Answer<Vec<Finding>>;

    /// SIP messages that were recorded.
    ///
    /// # Errors
    /// When the daemon does not answer.
    fn trace(&self) -> Answer<Trace>;

    /// Records from now on for ten minutes and forgets what was; or stops.
    ///
    /// # Errors
    /// When the daemon does not answer.
    fn record(&self, on: bool) -> Answer<()>;

    /// Everything for whoever helps, without secrets.
    ///
    /// # Errors
    /// When nothing of it can be had; a part that cannot says so in its own file.
    fn support(&self) -> Answer<Vec<Part>>;
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Hint,
    /// May be wrong.
    Warning,
    /// Is wrong.
    Problem,
}

/// What was recorded.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Seconds for which it records yet; `None`: it does not.
    pub left_s: Option<u64>,
    /// Messages, oldest first, 256 at most.
    pub messages: Vec<Message>,
}

/// A SIP message.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// When, in the office's time zone, with milliseconds.
    pub at: String,
    /// ms since 1970.
    pub at_ms: i64,
    /// From the PBX to the box.
    pub incoming: bool,
    /// The PBX's end.
    pub peer: String,
    /// `UDP`, `TCP/TLS`.
    pub transport: String,
    /// OPTIONS or its answer.
    pub sign_of_life: bool,
    /// The message, without its body and credentials.
    pub text: String,
}

/// A file of the support file.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// Its addresses.
pub fn routes() -> Router<Shell> {
    Router::new()
        // To the page's own address: who has to type the password first comes back to it.
        .route("/box/diagnostics", get(pages::page).post(pages::support))
        .route("/box/diagnostics/call", get(pages::call))
        .route("/box/diagnostics/record", post(pages::record))
}
