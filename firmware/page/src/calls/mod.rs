//! Calls: what was decided, why, and what would have to change.

mod approve;
mod csv;
mod list;
mod one;
mod view;

pub use csv::write as csv;
pub use view::{Line, Verdict};

use std::net::IpAddr;

use axum::{Router, routing::get};
use serde::{Deserialize, Serialize};
use trunkguard_core::{
    decide::Step,
    number::{Kind, NotANumber},
    policy::{CountryCode, Mode},
    verdict::{Level, Rule},
};

use crate::{Answer, shell::Shell};

/// What the pages about calls ask of the box.
pub trait Source: Send + Sync {
    /// Calls that a query finds, newest first.
    ///
    /// # Errors
    /// A date that is none; or a history that cannot be read.
    fn calls(&self, query: &Query) -> Answer<Listed>;

    /// One call, by its key.
    ///
    /// # Errors
    /// [`crate::Problem::NotFound`]; or a history that cannot be read.
    fn call(&self, key: &str) -> Answer<Call>;

    /// What a call would get now.
    ///
    /// # Errors
    /// When there is no such client, or the daemon does not answer.
    fn explain(&self, question: &Question) -> Answer<Explained>;

    /// What approving the destination of a call would change, and what the call would get then.
    ///
    /// # Errors
    /// When it has no destination that can be approved, or the choice is none that was offered.
    fn proposal(&self, key: &str, choice: &Choice) -> Answer<Proposal>;

    /// Approves the destination: stores it and has the daemon take it over. Answers with the proposal that was carried out.
    ///
    /// # Errors
    /// As [`Source::proposal`]; or when it cannot be stored or taken over: everything is as before then.
    fn approve(&self, key: &str, choice: &Choice) -> Answer<Proposal>;

    /// Names of the clients in force.
    ///
    /// # Errors
    /// When the daemon does not answer.
    fn clients(&self) -> Answer<Vec<String>>;
}

/// What calls to look for; empty texts let every call through.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// Part of the number: digits only.
    pub number: String,
    /// The extension.
    pub caller: String,
    /// Name of the client.
    pub client: String,
    /// The rule that decided.
    pub rule: Option<Rule>,
    /// What became of it.
    pub verdict: Option<Verdict>,
    /// Not before this day, `2026-11-26`, in the office's time zone.
    pub from: String,
    /// Not after this day.
    pub to: String,
    /// Where the page before ended.
    pub after: String,
    /// So many.
    pub limit: u32,
}

/// A page of calls.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// The calls, newest first.
    pub calls: Vec<Call>,
    /// For [`Query::after`] of the next page.
    pub next: Option<String>,
    /// Every client that has calls.
    pub clients: Vec<String>,
}

/// One decided call, or the refusals of an hour that mean the same.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its name in addresses.
    pub key: String,
    /// When, in the office's time zone; of several refusals the last.
    pub at: String,
    /// The same for machines (RFC 3339).
    pub at_iso: String,
    /// When the first of several was.
    pub first_at: String,
    /// How many.
    pub count: u64,
    /// The PBX.
    pub client: String,
    /// The extension.
    pub caller: String,
    /// What the PBX sent.
    pub dialled: String,
    /// `+442071838750`, where it is a number.
    pub number: Option<String>,
    /// Its country.
    pub country: Option<CountryCode>,
    /// Its kind.
    pub kind: Option<Kind>,
    /// The mode at the time.
    pub mode: Mode,
    /// It went through.
    pub approved: bool,
    /// The policy was for it.
    pub allowed: bool,
    /// The rule that decided.
    pub rule: Rule,
    /// Who set it.
    pub level: Level,
    /// What was met, and what is allowed.
    pub figures: Option<(u32, u32)>,
    /// It costs money.
    pub chargeable: bool,
    /// What was seen for the first time.
    pub first: Option<Rule>,
    /// Calls that the PBX counted.
    pub said_calls: Option<u16>,
    /// Fields of P-tfps that arrived.
    pub said_fields: u8,
    /// The phone's address.
    pub phone: Option<IpAddr>,
    /// Its User-Agent.
    pub phone_agent: String,
}

/// A call that was not made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The PBX.
    pub client: String,
    /// The extension.
    pub caller: String,
    /// As dialled.
    pub number: String,
}

/// What a call would get, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// It would go through.
    pub approved: bool,
    /// The policy is for it; differs from `approved` in Detect.
    pub allowed: bool,
    /// The mode.
    pub mode: Mode,
    /// The rule that decides.
    pub rule: Rule,
    /// Who set it.
    pub level: Level,
    /// What is met, and what is allowed.
    pub figures: Option<(u32, u32)>,
    /// What the number is.
    pub destination: Destination,
    /// The rules, in the order in which they were asked.
    pub steps: Vec<(Rule, Step)>,
}

/// What was dialled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Destination {
    /// Emergency.
    Emergency,
    /// A service without charge.
    Service,
    /// A telephone number.
    Number {
        /// Country code and number.
        digits: String,
        /// Its country.
        country: Option<CountryCode>,
        /// Its kind.
        kind: Kind,
    },
    /// Nothing that the client's format knows.
    NotANumber(NotANumber),
}

/// What to approve, and for whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// `number`, `country`, or one of [`Proposal::prefixes`].
    pub what: String,
    /// For whom.
    pub whom: Whom,
}

/// For whom a destination is approved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whom {
    /// Everybody.
    #[default]
    Everybody,
    /// The PBX of the call.
    Client,
    /// The extension of the call, at that PBX.
    Caller,
}

impl Whom {
    /// All of them.
    pub const ALL: [Whom; 3] = [Whom::Everybody, Whom::Client, Whom::Caller];

    /// In addresses and forms.
    pub fn name(self) -> &'static str {
        match self {
            Whom::Everybody => "everybody",
            Whom::Client => "client",
            Whom::Caller => "caller",
        }
    }

    fn of_name(name: &str) -> Option<Whom> {
        Whom::ALL.into_iter().find(|whom| whom.name() == name)
    }
}

/// What approving a destination would change.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The call whose destination it is.
    pub call: Call,
    /// Prefixes of the number that may be approved instead.
    pub prefixes: Vec<String>,
    /// The setting that changes, as the policy file writes it: `[[caller]] 1001: allow.numbers`.
    pub setting: String,
    /// What is added to it.
    pub adds: String,
    /// The setting had no value of its own: so many values come along from whom it was inherited, for nothing to be lost.
    pub inherits: usize,
    /// It is in the setting already.
    pub already: bool,
    /// What the call would get as it is.
    pub now: Explained,
    /// What it would get then, were no other call made.
    pub then: Explained,
}

/// Their addresses.
pub fn routes() -> Router<Shell> {
    Router::new()
        .route("/calls", get(list::page))
        .route("/calls.csv", get(csv::file))
        .route("/calls/explain", get(one::explain))
        .route("/calls/{key}", get(one::page))
        .route(
            "/calls/{key}/approve",
            get(approve::page).post(approve::approve),
        )
}
