//! Policies and callers: what is in force in plain words, forms and a text editor to change it, and before anything is put in
//! force what it would have done to the calls of the last month.
//!
//! Every change is the same way: a form makes a [`Draft`](drafts::Draft) of the whole policy, the draft's page shows what it
//! changes, and its button puts it in force. A form carries the mark of the policy that it was made from, so that two people
//! who edit at the same time lose nothing: what the other one changed meanwhile is taken in, and shown.

mod diff;
mod drafts;
mod edit;
mod fields;
mod learn;
mod overview;
mod parts;
mod place;
mod preview;
mod text;
mod tree;
mod words;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use trunkguard_core::{
    learnt::Reason,
    policy::{CountryCode, Definition, Rules},
    verdict::Rule,
};

pub use drafts::Policies;

use crate::{Answer, shell::Shell};

/// A form with a policy or a list of numbers in it is at most this long.
const LONGEST: usize = 8 << 20;

/// What the policy's pages ask of the box.
pub trait Source: Send + Sync {
    /// The policy that is stored, which is the one in force.
    ///
    /// # Errors
    /// When it cannot be read.
    fn stored(&self) -> Answer<Definition>;

    /// A policy as the file that people read.
    ///
    /// # Errors
    /// When it cannot be written.
    fn render(&self, definition: &Definition) -> Answer<String>;

    /// Reads such a file.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    fn read(&self, text: &str) -> Result<Definition, Wrong>;

    /// What is wrong with a policy: that parts of it do not fit, or that this box cannot do it.
    ///
    /// # Errors
    /// Key and remedy of everything that was found.
    fn check(&self, definition: &Definition) -> Result<(), Vec<Wrong>>;

    /// What would have become of the last month's calls.
    ///
    /// # Errors
    /// When the history cannot be read.
    fn preview(&self, before: &Definition, after: &Definition) -> Answer<Preview>;

    /// Stores `after` and has the daemon take it over, or leaves everything as it was. `before` is what it was made from.
    ///
    /// # Errors
    /// When the stored policy is not `before` any more, or the daemon does not take it over.
    fn put_in_force(&self, before: &Definition, after: &Definition) -> Answer<Force>;

    /// What would fit the office's calls of the last days.
    ///
    /// # Errors
    /// When the history cannot be read.
    fn suggest(&self, days: u16) -> Answer<Suggestion>;
}

/// Something in a policy that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// From 1; 0 when it belongs to no line.
    pub line: usize,
    /// In characters, from 1; 0 when it belongs to a whole line.
    pub column: usize,
    /// The key, `client[0].profile`; empty when it belongs to none.
    pub key: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// Is what was stored in force?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// Yes.
    Now,
    /// At the next start: no daemon runs.
    NextStart,
}

/// The calls of the last month against two policies.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// Calls that were looked at.
    pub calls: u64,
    /// There were more of them; these are the newest.
    pub cut: bool,
    /// Would be refused, and are not now.
    pub refused: u64,
    /// Would go through, and do not now.
    pub approved: u64,
    /// Go through before and after, and the policy's opinion changes: Detect would report them, or not any more.
    pub opinion: u64,
    /// Those whose verdict differs, the newest first; not all where there are many.
    pub changes: Vec<Change>,
}

/// One call that would be decided differently, or refusals of an hour that mean the same.
#[derive(Clone, Debug)]
pub struct Change {
    /// When, in the office's time: `2026-11-26 18:50`.
    pub at: String,
    /// Name of the client.
    pub client: String,
    /// The extension.
    pub caller: String,
    /// The number, or what was dialled.
    pub number: String,
    /// Its country.
    pub country: Option<CountryCode>,
    /// How many calls.
    pub times: u64,
    /// What the policy in force says.
    pub before: Outcome,
    /// What the new one would say.
    pub after: Outcome,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// It goes through.
    pub approved: bool,
    /// The policy is for it.
    pub allowed: bool,
    /// The rule that decides; `None` when its PBX is no client, and gets no answer.
    pub rule: Option<Rule>,
}

/// A proposed policy.
#[derive(Clone, Debug)]
pub struct Suggestion {
    /// For everybody.
    pub rules: Rules,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Calls that it was made from.
    pub calls: u64,
    /// Days on which they were made.
    pub days: u32,
}

/// Its addresses.
pub fn routes() -> Router<Shell> {
    Router::new()
        .route("/policy", get(overview::page))
        .route("/policy/rules", get(edit::page).post(edit::change))
        .route(
            "/policy/client",
            get(parts::page::<parts::client::Fields>).post(parts::change::<parts::client::Fields>),
        )
        .route(
            "/policy/group",
            get(parts::page::<parts::group::Fields>).post(parts::change::<parts::group::Fields>),
        )
        .route(
            "/policy/caller",
            get(parts::page::<parts::caller::Fields>).post(parts::change::<parts::caller::Fields>),
        )
        .route(
            "/policy/list",
            get(parts::page::<parts::list::Fields>).post(parts::change::<parts::list::Fields>),
        )
        .route(
            "/policy/remove",
            get(parts::remove::page).post(parts::remove::change),
        )
        .route("/policy/text", get(text::page).post(text::change))
        .route("/policy/import", post(text::import))
        .route("/policy/export", get(text::export))
        .route("/policy/draft/{id}", get(preview::page))
        .route("/policy/draft/{id}/force", post(preview::force))
        .route("/policy/draft/{id}/drop", post(preview::drop_draft))
        .route("/policy/learn", get(learn::page).post(learn::change))
        .layer(DefaultBodyLimit::max(LONGEST))
}

/// A source behind a handle, for [`crate::Parts`].
impl Policies {
    /// Around what the box offers.
    pub fn new(source: Arc<dyn Source>) -> Policies {
        Policies::around(source)
    }
}
