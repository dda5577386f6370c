//! Updates of the box: what runs, what is offered and when it is installed, what became of others, and what a person wants.

mod act;
mod overview;
mod settings;
mod upload;
mod words;

use std::io::Read;

use axum::{
    Router,
    routing::{get, post},
};
use trunkguard_core::{
    policy::Update,
    update::{plan::Why, report::Status},
};

pub use words::{News, news};

use crate::{Answer, shell::Shell};

/// Octets of a bundle.
pub const LONGEST: u64 = 176 << 20;

/// What these pages ask of the box.
pub trait Source: Send + Sync {
    /// How things stand.
    ///
    /// # Errors
    /// When the daemon does not answer.
    fn view(&self) -> Answer<View>;

    /// Has the box begin something.
    ///
    /// # Errors
    /// Why it does not.
    fn order(&self, order: Order) -> Answer<()>;

    /// Stores other settings in the place of `was`, and has them taken over: all of it or nothing.
    ///
    /// # Errors
    /// When somebody else has changed them meanwhile; what does not fit; when it cannot be stored.
    fn set(&self, was: &Update, settings: Update) -> Answer<()>;

    /// Takes a bundle of `size` octets, to be kept until it is installed; takes minutes.
    ///
    /// # Errors
    /// What is wrong with it, or why none is taken now.
    fn receive(&self, size: u64, bundle: &mut dyn Read) -> Answer<()>;
}

/// What a person may want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Ask the server now.
    Check,
    /// Fetch, install and restart now: as soon as no call waits.
    Install,
    /// Nothing by itself for so many days, 30 at most; 0 takes that back.
    Postpone(u8),
    /// Back to the system before this one.
    Rollback,
    /// Throw the bundle away that is here.
    Discard,
}

/// How things stand.
pub struct View {
    /// What the process says that does it.
    pub status: Option<Status>,
    /// Why there is none.
    pub absent: String,
    /// Why nothing is done now.
    pub why: Why,
    /// A person wants it now.
    pub wanted: bool,
    /// Nothing is installed by itself before this time, seconds since 1970.
    pub postponed_until_s: Option<i64>,
    /// Seconds until the server is asked next, by itself.
    pub next_check_s: Option<i64>,
    /// What the policy says.
    pub settings: Update,
    /// The office's time, `2026-11-26 18:43`, of seconds since 1970.
    pub local: Box<dyn Fn(i64) -> String + Send>,
}

/// Their addresses.
pub fn routes() -> Router<Shell> {
    Router::new()
        .route("/updates", get(overview::page))
        .route("/updates/check", post(act::check))
        .route("/updates/postpone", post(act::postpone))
        .route("/updates/discard", post(act::discard))
        .route("/updates/settings", post(settings::change))
        // To the page's own address: who has to type the password first comes back to it.
        .route("/updates/install", get(act::ask_install).post(act::install))
        .route(
            "/updates/rollback",
            get(act::ask_rollback).post(act::rollback),
        )
        .route("/updates/upload", get(upload::page).post(upload::take))
}
