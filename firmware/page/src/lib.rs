//! The local page: what an installer and an owner see of the box. HTTPS by the box's own certificate, accounts, HTML,
//! and the JSON API.
//!
//! # How it is made
//!
//! * [`shell`] is everything that all pages share: the server, sessions, forms that were checked, the frame around a page.
//! * A **slice** is one part of the page, from its address to its text: a module here with its handlers and a
//!   `pub fn routes() -> Router<Shell>`, its templates in `templates/SLICE/`, its texts in `texts/SLICE.rs` (English and
//!   French side by side, so that neither can be forgotten), and a trait `Source`: what it asks of the box, in values of its
//!   own. The daemon implements the trait (`firmware/daemon/src/page/SLICE.rs`); this crate knows neither SQLite nor the
//!   control socket. [`home`] is the example to follow.
//! * [`Parts`] names the sources; [`routes`] puts the slices together.
//!
//! A handler takes a [`Visitor`](shell::Visitor) (anybody who has logged in) or an [`Owner`](shell::Owner) (who may change things), asks its source with
//! [`Shell::ask`](shell::Shell::ask), which keeps blocking work off the thread that serves connections, and answers with
//! [`Frame::show`](shell::Frame::show). A form that changes something arrives as [`Form`](shell::Form), which has proved that it comes from our own page; its
//! template holds `{% include "csrf.html" %}`. Errors are a [`Problem`]; they become a page with the sentence in it.
//!
//! What comes from the network (caller names, User-Agents, host names) is data: templates escape it, and texts never hold markup.
//! Everything works without JavaScript; `assets/live.js` only refreshes elements that have `data-live`.

pub mod accounts;
pub mod alerts;
pub mod api;
pub mod backup;
pub mod calls;
pub mod diagnostics;
pub mod firewall;
pub mod home;
pub mod live;
pub mod pbx;
pub mod policy;
pub mod settings;
pub mod shell;
pub mod texts;
pub mod updates;
pub mod welcome;

use std::sync::Arc;

use axum::Router;

use shell::Shell;

/// Why the box gives no answer to a page.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Problem {
    /// There is no such thing (any more).
    #[error("there is nothing at this address (any more)")]
    NotFound,
    /// What was asked for cannot be: says what is wrong and what to do.
    #[error("{0}")]
    Refused(String),
    /// Who asks may not: says who may.
    #[error("{0}")]
    Forbidden(String),
    /// More than is taken at once.
    #[error("more was sent than this page takes; send less, or use the command line")]
    TooLarge,
    /// Too much at a time; try again in so many seconds.
    #[error("too many attempts; try again in {0} s")]
    Busy(u32),
    /// The daemon or the disk does not do its part: says which and what to do.
    #[error("{0}")]
    Unavailable(String),
}

/// What the box answers.
pub type Answer<T> = Result<T, Problem>;

/// Where each slice gets from the box what it shows.
pub struct Parts {
    /// Who may log in.
    pub accounts: Arc<dyn accounts::Source>,
    /// Backup and restore.
    pub backup: Arc<dyn backup::Source>,
    /// Incidents and who is told of them.
    pub alerts: Arc<dyn alerts::Source>,
    /// The API for programs.
    pub api: Arc<dyn api::Source>,
    /// The first page.
    pub home: Arc<dyn home::Source>,
    /// PBXs: setting one up, and known flaws.
    pub pbx: Arc<dyn pbx::Source>,
    /// Calls.
    pub calls: Arc<dyn calls::Source>,
    /// What changed.
    pub live: Arc<dyn live::Source>,
    /// Diagnostics.
    pub diagnostics: Arc<dyn diagnostics::Source>,
    /// Certificate and audit log.
    pub settings: Arc<dyn settings::Source>,
    /// The first run.
    pub welcome: Arc<dyn welcome::Source>,
    /// What passes, and who is banned.
    pub firewall: Arc<dyn firewall::Source>,
    /// Updates of the box.
    pub updates: Arc<dyn updates::Source>,
    /// Policies and callers.
    pub policy: policy::Policies,
}

/// All slices.
pub fn routes() -> Router<Shell> {
    Router::new()
        .merge(accounts::routes())
        .merge(backup::routes())
        .merge(alerts::routes())
        .merge(api::routes())
        .merge(home::routes())
        .merge(pbx::routes())
        .merge(calls::routes())
        .merge(live::routes())
        .merge(diagnostics::routes())
        .merge(settings::routes())
        .merge(welcome::routes())
        .merge(updates::routes())
        .merge(policy::routes())
        .merge(firewall::routes())
}
