//! Incidents, who is told of them, and what became of the telling.

mod channels;
mod list;
mod settings;

use std::net::IpAddr;

use axum::{
    Router,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use trunkguard_core::policy::{Alerts, Language};

use crate::{
    Answer,
    accounts::Deed,
    shell::{Shell, Visitor},
    texts::Lang,
};

/// What these pages ask of the box.
pub trait Source: Send + Sync {
    /// Incidents, the newest first: those that nobody has acknowledged, then others, some hundreds in all.
    ///
    /// # Errors
    /// When the history cannot be read.
    fn incidents(&self) -> Answer<Vec<Incident>>;

    /// Marks an incident as seen, or all of them.
    ///
    /// # Errors
    /// When the daemon does not answer, or the disk takes nothing.
    fn acknowledge(&self, incident: Option<i64>) -> Answer<()>;

    /// The settings as they are stored, secrets and all: these pages show none.
    ///
    /// # Errors
    /// When they cannot be read.
    fn settings(&self) -> Answer<Alerts>;

    /// Stores other settings and has them taken over: all of it or nothing.
    ///
    /// # Errors
    /// What does not fit together, with the key; or when it cannot be stored.
    fn set(&self, alerts: Alerts) -> Answer<()>;

    /// How each target does.
    ///
    /// # Errors
    /// When the daemon does not answer.
    fn channels(&self) -> Answer<Vec<Channel>>;

    /// Sends a test message now, to all or by one channel; may take minutes. For each target, why it was not
    /// taken.
    ///
    /// # Errors
    /// When there is nobody to tell.
    fn test(&self, channel: Option<&str>) -> Answer<Vec<(String, Option<String>)>>;

    /// What was sent, what waits and what was given up, the newest first.
    ///
    /// # Errors
    /// When it cannot be read.
    fn outbox(&self, language: Language) -> Answer<Vec<Sent>>;
}

/// One incident.
#[derive(Clone, Debug)]
pub struct Incident {
    /// Its number.
    pub id: i64,
    /// Its kind.
    pub kind: String,
    /// The client and the extension; empty for the box itself.
    pub who: String,
    /// The first number, or a sentence.
    pub text: String,
    /// How often.
    pub count: u64,
    /// First time, by the office's clock.
    pub first: String,
    /// Last time.
    pub last: String,
    /// When somebody acknowledged it.
    pub acknowledged: Option<String>,
}

/// How a target does.
#[derive(Clone, Debug)]
pub struct Channel {
    /// `mail:owner@example.com`, `webhook:NAME`.
    pub target: String,
    /// When it took something last, by the office's clock.
    pub accepted: Option<String>,
    /// Why it did not take the last one.
    pub error: Option<String>,
    /// Messages that wait.
    pub waiting: u32,
}

/// One message.
#[derive(Clone, Debug)]
pub struct Sent {
    /// When it was made, by the office's clock.
    pub made: String,
    /// What it is about.
    pub subject: String,
    /// To whom.
    pub deliveries: Vec<Delivery>,
}

/// A message to one target.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// To whom.
    pub target: String,
    /// What became of it.
    pub state: State,
    /// Tries so far.
    pub tries: u32,
    /// When it was taken, or is tried next, by the office's clock.
    pub at: String,
    /// Why the last try failed.
    pub error: String,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not taken yet.
    Waiting,
    /// Taken.
    Accepted,
    /// Never to be taken.
    GivenUp,
}

/// Their addresses.
pub fn routes() -> Router<Shell> {
    Router::new()
        .route("/alerts", get(list::page))
        .route("/alerts/acknowledge", post(list::acknowledge))
        .route("/alerts/outbox", get(list::outbox))
        .route("/alerts/channels", get(channels::page))
        .route("/alerts/test", post(channels::test))
        .route("/alerts/general", post(settings::general))
        .route("/alerts/kinds", post(settings::kinds))
        .route("/alerts/mail", post(settings::mail))
        .route("/alerts/webhook", post(settings::webhook))
}

/// The core's name for a language of the page.
fn language(lang: Lang) -> Language {
    match lang {
        Lang::En => Language::En,
        Lang::Fr => Language::Fr,
    }
}

/// Notes who did what, for the audit log, and goes to where it is seen.
async fn noted(shell: &Shell, by: &Visitor, detail: &'static str, to: &str) -> Answer<Response> {
    let deed = deed(&by.session.name, by.ends.peer, detail);
    shell.ask(move |parts| parts.accounts.note(&deed)).await?;
    Ok(Redirect::to(to).into_response())
}

fn deed(who: &str, from: IpAddr, detail: &str) -> Deed {
    Deed {
        who: who.to_owned(),
        from,
        what: "alerts".into(),
        detail: detail.to_owned(),
    }
}
