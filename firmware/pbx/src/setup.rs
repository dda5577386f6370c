//! The whole set-up of a PBX.

use serde::Serialize;

use crate::{
    Answers, Language,
    answers::{Method, Pbx},
    asterisk, checks, client, corrections, freepbx, freeswitch, portal, readable, warnings,
};

/// Everything that a person pastes, clicks and looks at, in the order in which it is done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setup {
    /// What is set up, in one line.
    pub title: String,
    /// Files to paste. Their comments are English.
    pub files: Vec<File>,
    /// What is done at the PBX.
    pub steps: Vec<Step>,
    /// What is done on VoIP.ms's pages.
    pub portal: Vec<Step>,
    /// The matching `[[client]]` of the policy file.
    pub client: String,
    /// What the answers bring with them.
    pub warnings: Vec<String>,
    /// What to look at when all is done.
    pub checks: Vec<Check>,
    /// Where this departs from the guides' letter.
    pub corrections: Vec<Correction>,
}

/// A file to paste.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct File {
    /// Its name; with `/` in it where it goes into folders.
    pub name: String,
    /// Where it goes, and who reads it.
    pub place: String,
    /// What is in it.
    pub text: String,
}

/// One thing to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What to do, in one or two sentences.
    pub what: String,
    /// Fields of a page, as the page calls them, with the exact values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(String, String)>,
    /// Lines to paste.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub block: String,
}

impl Step {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Step {
            what: what.into(),
            ..Step::default()
        }
    }

    pub(crate) fn field(mut self, name: &str, value: impl Into<String>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    pub(crate) fn block(mut self, text: impl Into<String>) -> Self {
        self.block = text.into();
        self
    }
}

/// One thing to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What to look at.
    pub what: String,
    /// What to do when it is not so.
    pub remedy: String,
}

/// A line of one of the guides, and what is written here instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Correction {
    /// The guide's line.
    pub line: String,
    /// What happens with it.
    pub why: String,
    /// What is written here.
    pub instead: String,
}

impl Setup {
    /// The set-up that the answers ask for.
    pub fn new(answers: &Answers, language: Language) -> Setup {
        let (files, steps) = match (answers.pbx, answers.method) {
            (Pbx::FreePbx { driver, .. }, Method::Redirect) => {
                let hook = freepbx::hook::file(answers, driver);
                (vec![hook], freepbx::steps(answers, driver, language))
            }
            (Pbx::FreePbx { driver, .. }, Method::Failover) => {
                (Vec::new(), freepbx::steps(answers, driver, language))
            }
            (Pbx::Asterisk(driver), _) => (
                asterisk::files(answers, driver),
                asterisk::steps(answers, driver, language),
            ),
            (Pbx::FreeSwitch, _) => (
                freeswitch::files(answers),
                freeswitch::steps(answers, language),
            ),
        };
        Setup {
            title: format!("{}, {}", answers.pbx, answers.method),
            files,
            steps,
            portal: portal::steps(answers, language),
            client: client::toml(answers),
            warnings: warnings::all(answers, language),
            checks: checks::all(answers, language),
            corrections: corrections::all(answers, language),
        }
    }

    /// All of it as one text for a terminal.
    pub fn readable(&self, language: Language) -> String {
        readable::text(self, language)
    }
}

/// Puts the client that belongs to the answers into a policy. A client of this name keeps its rules, its credentials and its
/// Contact; the points of presence that are followed get the one that is used, where they are named at all.
pub fn add(definition: &mut trunkguard_core::policy::Definition, answers: &Answers) {
    client::add(definition, answers);
}

/// The client of the policy that belongs to the answers; [`Setup::client`] is its text.
pub fn client(answers: &Answers) -> trunkguard_core::policy::Client {
    client::client(answers)
}
