//! The HTTP API: what the command line does, for programs. JSON in and out, in the words of `--json`.
//!
//! Who asks has a [`token`]; a browser's cookie is worth nothing here, and a token nothing elsewhere. What cannot be done is a
//! [`Fault`]: `application/problem+json` (RFC 9457). `openapi.json` beside this folder is the contract; a test walks it along
//! the router, and schemathesis walks both along a running box.

mod document;
mod fault;
mod limit;
mod metrics;
mod operations;
mod pbx_config;
mod policy;
pub mod token;
mod tokens;
mod update;

pub use fault::{Fault, Place};
pub use metrics::{Family, Figures, Kind, Sample};
pub use policy::{Form, Stored};
pub use token::{Access, NewToken, Token};

use std::{net::IpAddr, sync::Arc};

use axum::{Extension, Router};
use serde::Deserialize;
use serde_json::Value;
use trunkguard_core::{bans::Service, policy::Mode, pops::owner::Subject};

use crate::{Answer, shell::Shell, updates::Order};

/// What the API asks of the box.
pub trait Source: Send + Sync {
    /// Answers one question, as the command line does with `--json`.
    ///
    /// # Errors
    /// What cannot be answered or done.
    fn answer(&self, question: &Question) -> Result<Value, Fault>;

    /// The policy as it is stored; without what is secret for who may only read.
    ///
    /// # Errors
    /// When it cannot be read.
    fn policy(&self, form: Form, access: Access) -> Result<Stored, Fault>;

    /// Stores a policy and puts it in force; where `expected` is said, only in the place of the one with that mark. Answers
    /// with the new mark and whether it is in force.
    ///
    /// # Errors
    /// What is wrong with it, and where; 412 when the stored one is another.
    fn set_policy(
        &self,
        text: &str,
        form: Form,
        expected: Option<&str>,
    ) -> Result<(String, String), Fault>;

    /// What `/metrics` says, and who may read it.
    ///
    /// # Errors
    /// When the daemon does not answer.
    fn figures(&self) -> Answer<Figures>;

    /// The token with this SHA-256, unless it has expired. Its use is noted.
    ///
    /// # Errors
    /// When tokens cannot be read.
    fn use_token(&self, hash: &[u8; 32]) -> Answer<Option<(String, Access)>>;

    /// All tokens, 64 at most.
    ///
    /// # Errors
    /// When they cannot be read.
    fn tokens(&self) -> Answer<Vec<Token>>;

    /// Makes a token and answers with its secret, which nobody can ask for again.
    ///
    /// # Errors
    /// A name that is taken, a day that is none, or when there are too many.
    fn add_token(&self, token: &NewToken) -> Answer<String>;

    /// Takes a token away; it is worth nothing from now on.
    ///
    /// # Errors
    /// [`crate::Problem::NotFound`]; or when it cannot be written.
    fn remove_token(&self, name: &str) -> Answer<()>;
}

/// One question. Named like the commands.
#[derive(Clone, Debug)]
pub enum Question {
    /// `status`.
    Status,
    /// `calls`.
    Calls(Calls),
    /// `explain`.
    Explain(Explain),
    /// `mode`.
    Mode,
    /// `mode MODE`.
    SetMode(Mode),
    /// `alerts`; with those that were acknowledged too.
    Alerts {
        /// Those too.
        all: bool,
    },
    /// `alerts --acknowledge`.
    Acknowledge {
        /// Only this one; all of them unless said.
        incident: Option<i64>,
    },
    /// `alerts test`.
    TestAlerts {
        /// `mail`, or the name of a webhook; all of them unless said.
        channel: Option<String>,
    },
    /// `alerts outbox`.
    Outbox,
    /// `pops list`.
    Pops,
    /// `pops add`.
    AddPop(Subject),
    /// `pops approve`.
    ApprovePop(IpAddr),
    /// `pops refuse`.
    RefusePop(IpAddr),
    /// `pops forget`.
    ForgetPop(Subject),
    /// `pops refresh`.
    RefreshPops,
    /// `bans list`.
    Bans,
    /// `bans add`.
    Ban(Ban),
    /// `bans remove`.
    Unban {
        /// Whose.
        address: IpAddr,
        /// Of what; of everything unless said.
        from: Option<Service>,
    },
    /// `ruleset`: a text.
    Ruleset,
    /// `firewall report`.
    Firewall,
    /// `suggest`.
    Suggest {
        /// Days looked back, 1 to 3,650.
        days: u16,
    },
    /// `doctor`.
    Doctor,
    /// `trace`, and with its `--start` and `--stop`.
    Trace(Record),
    /// `update`, and what it takes.
    Update(Option<Order>),
}

/// What is to become of the recording of SIP messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// It stays as it is.
    Show,
    /// For ten minutes from now; what was recorded is forgotten.
    Start,
    /// It ends; what was recorded stays.
    Stop,
}

/// Which calls to list; the options of `calls`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calls {
    /// Only of this client.
    pub client: Option<String>,
    /// Only of this extension.
    pub from: Option<String>,
    /// Only numbers that contain these digits.
    pub number: Option<String>,
    /// Only what this rule decided.
    pub rule: Option<String>,
    /// Only calls that went through, or only those that did not.
    pub approved: Option<bool>,
    /// At most so many, 1 to 1,000; 50 unless said.
    pub limit: Option<u32>,
    /// Where the page before ended: its `next`.
    pub after: Option<String>,
}

/// A call to be explained; the options of `explain`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// Name of the client.
    pub client: String,
    /// The extension.
    pub from: String,
    /// The number as the PBX sends it.
    pub number: String,
    /// When; now unless said.
    pub at: Option<String>,
    /// The phone's address.
    pub phone: Option<IpAddr>,
    /// Calls that the PBX counts, this one included.
    pub calls: Option<u16>,
}

/// A ban to be made; the options of `bans add`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ban {
    /// Whom.
    pub address: IpAddr,
    /// From what.
    #[serde(default = "sip")]
    pub from: Service,
    /// For how long, 60 to 2,592,000 s (30 days).
    #[serde(default = "hour")]
    pub seconds: u32,
    /// Why, for the next one who reads the list.
    #[serde(default = "by_hand")]
    pub reason: String,
}

fn sip() -> Service {
    Service::Sip
}

fn hour() -> u32 {
    3_600
}

fn by_hand() -> String {
    "by hand".into()
}

/// Its addresses.
pub fn routes() -> Router<Shell> {
    let limits = Extension(Arc::new(limit::Limits::default()));
    Router::new()
        .merge(operations::routes())
        .merge(metrics::routes())
        .layer(limits)
        .merge(document::routes())
        .merge(tokens::routes())
}
