//! Settings: one's own account, the accounts of others, the page's certificate, the audit log.

mod certificate;
mod codes;
mod log;
mod me;
mod people;

use askama::Template;
use axum::{
    Router,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;

use crate::{
    Answer,
    accounts::Deed,
    shell::{Certificate, Frame, Section, Shell, Visitor, certificate::Facts},
    texts,
};

/// What the settings ask of the box.
pub trait Source: Send + Sync {
    /// Lines of the audit log before this one, or the newest; 50 at most, the newest first.
    ///
    /// # Errors
    /// When it cannot be read.
    fn deeds(&self, before: Option<i64>) -> Answer<Vec<Line>>;

    /// The page's certificate. Where the box made it itself and it nears its end, or does not name the box any more, it is
    /// made anew first.
    ///
    /// # Errors
    /// When it can neither be read nor made.
    fn certificate(&self) -> Answer<Certificate>;

    /// Has the box made it itself, and looks after it?
    fn is_made_here(&self) -> bool;

    /// Makes it anew, for the box's own names and addresses and these names, and keeps it.
    ///
    /// # Errors
    /// When it cannot be made or written.
    fn renew(&self, names: &[String]) -> Answer<Certificate>;

    /// Keeps another one, which fits.
    ///
    /// # Errors
    /// When it cannot be written.
    fn replace(&self, certificate: &Certificate) -> Answer<()>;

    /// The office's time, `2026-11-26 18:43:05`, of so many seconds since 1970.
    ///
    /// # Errors
    /// When the office's time zone cannot be read.
    fn local(&self, unix_s: i64) -> Answer<String>;
}

/// A line of the audit log.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its number; later lines have higher ones.
    pub id: i64,
    /// When, in the office's time: `2026-11-26 18:43:05`.
    pub at: String,
    /// The deed.
    pub deed: Deed,
}

/// Its addresses.
pub fn routes() -> Router<Shell> {
    Router::new()
        .route("/settings", get(index))
        .route("/settings/me", get(me::page))
        .route("/settings/me/password", post(me::password))
        .route("/settings/me/sessions", post(me::sessions))
        .route("/settings/me/codes", get(codes::page).post(codes::begin))
        .route("/settings/me/codes/end", post(codes::end))
        .route("/settings/accounts", get(people::page).post(people::add))
        .route("/settings/accounts/remove", post(people::remove))
        .route(
            "/settings/certificate",
            get(certificate::page).post(certificate::renew),
        )
        .route(
            "/settings/certificate/replace",
            get(certificate::replace_page).post(certificate::replace),
        )
        .route("/settings/log", get(log::page))
}

/// What was done, as a word in the address: pages say it by their own texts, never by what stands in the address.
#[derive(Default, Deserialize)]
pub struct Done {
    #[serde(default)]
    done: String,
}

/// On to a page that says what was done.
fn done(page: &str, word: &str) -> Answer<Response> {
    Ok(Redirect::to(&format!("{page}?done={word}")).into_response())
}

#[derive(Template)]
#[template(path = "settings/index.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Settings,
    facts: Facts,
}

async fn index(
    axum::extract::State(shell): axum::extract::State<Shell>,
    visitor: Visitor,
) -> Answer<Response> {
    Frame::show(&Page {
        frame: visitor.frame(Section::Settings),
        t: texts::Settings::of(visitor.look.lang),
        facts: shell.certificate(),
    })
}
