//! Every PBX against the box, whatever its method: one [`Plan`] a PBX, one function a case.

mod cases;
mod generated;

pub use cases::*;
pub use generated::{
    calls_from_the_account, dials_as_voipms, emergency_asks_nobody, every_refusal_refuses,
    fails_closed, fails_open, prefix_and_own_trunk,
};

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{Guard, Names, Office, Pbx, Phone, Provider, Root, address};

/// London: allowed by [`Plan::policy`].
pub const ALLOWED: &str = "011442071838750";
/// New York: allowed, and without the limits that calls abroad have from the start.
pub const DOMESTIC: &str = "12125551234";
/// Havana: blocked by [`Plan::policy`].
pub const BLOCKED: &str = "0115378301234";
/// Emergency.
pub const EMERGENCY: &str = "911";

/// A PBX, how it is set up, and what its client is set to.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Which Asterisk.
    pub root: Root,
    /// Its configuration.
    pub layers: &'static [&'static str],
    /// `profile` of the client.
    pub profile: &'static str,
    /// Further lines of `[[client]]`.
    pub client: &'static str,
    /// Answers to `trunkguard pbx-config`, whose files are laid over the layers, and whose client is taken; empty where
    /// all of it is written by hand.
    pub answers: &'static [&'static str],
    /// Further arguments of `trunkguard run`.
    pub options: &'static [&'static str],
    /// Who the box takes the caller to be.
    pub caller: &'static str,
    /// What its dial plan does when the box is silent.
    pub down: Down,
    /// Fields of P-tfps that it sends.
    pub fields: u8,
}

/// What a dial plan does when the box is silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// It obeys its global `TG_FAIL_OPEN`.
    AsSet,
    /// It goes on to the provider.
    Open,
}

/// One call in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What the PBX sent.
    pub dialled: String,
    /// The extension.
    pub caller: String,
    /// Did the call go through?
    pub approved: bool,
    /// Did the policy allow it?
    pub allowed: bool,
    /// The rule that decided.
    pub rule: String,
}

/// Everybody who takes part, started.
pub struct Stage {
    /// The box.
    pub guard: Guard,
    /// The PBX.
    pub pbx: Pbx,
    /// The provider.
    pub provider: Provider,
    /// Extension 1001.
    pub phone: Phone,
    /// What knows VoIP.ms's names, where the PBX asks.
    _names: Option<Names>,
}

impl Plan {
    /// A policy file in which the PBX is the client `office`, calls to the United Kingdom are
    /// allowed, and calls to Cuba are blocked.
    ///
    /// # Panics
    /// When `trunkguard pbx-config` refuses the plan's answers.
    pub fn policy(&self, mode: &str) -> String {
        let client = if self.answers.is_empty() {
            format!(
                "[[client]]\nname = \"office\"\naddresses = [\"127.0.0.10\"]\nprofile = \"{}\"\n",
                self.profile
            )
        } else {
            generated::client(self).expect("the plan's answers")
        };
        format!(
            r#"format = 1

[settings]
mode = "{mode}"
country = "US"

[policy.allow]
countries = ["US", "GB"]

[policy.block]
countries = ["CU"]

{client}{}
"#,
            self.client
        )
    }

    /// Starts the box, the PBX, the provider and the phone, and waits until the PBX has found the
    /// box alive.
    ///
    /// # Errors
    /// When one does not start.
    pub fn start(&self, office: &Office, mode: &str) -> Result<Stage> {
        let mut guard = Guard::new(office, &self.policy(mode))?;
        for option in self.options {
            guard.option(option);
        }
        guard.start()?;
        let provider = office.provider()?;
        let more = if self.answers.is_empty() {
            None
        } else {
            Some(generated::files(self, office)?)
        };
        let names = more
            .as_ref()
            .map(|_| Names::start(address::PROVIDER))
            .transpose()?;
        let pbx = Pbx::start(office, self.root, self.layers, more.as_deref())?;
        let stage = Stage {
            guard,
            pbx,
            provider,
            phone: office.phone()?,
            _names: names,
        };
        self.wait_reachable(&stage)?;
        Ok(stage)
    }

    /// Waits until the PBX's own qualification says that the box is alive.
    ///
    /// # Errors
    /// When it does not within 15 s (chan_sip asks a dead peer every 10 s).
    pub fn wait_reachable(&self, stage: &Stage) -> Result<()> {
        let (command, word) = self.qualification();
        stage
            .pbx
            .wait_cli(command, Duration::from_secs(15), |text| text.contains(word))
            .map(drop)
    }

    /// Waits until the PBX's own qualification says that the box is dead.
    ///
    /// # Errors
    /// When it does not within 15 s.
    pub fn wait_unreachable(&self, stage: &Stage) -> Result<()> {
        let word = if self.root == Root::Asterisk16 {
            "UNREACHABLE"
        } else {
            "Unavail"
        };
        let (command, _) = self.qualification();
        stage
            .pbx
            .wait_cli(command, Duration::from_secs(15), |text| text.contains(word))
            .map(drop)
    }

    fn qualification(&self) -> (&'static str, &'static str) {
        match self.root {
            Root::Asterisk16 => ("sip show peer trunkguard", "Status       : OK"),
            Root::Asterisk22 => ("pjsip show aor trunkguard", " Avail "),
        }
    }

    fn entry(&self, dialled: &str, approved: bool, allowed: bool, rule: &str) -> Entry {
        Entry {
            dialled: dialled.into(),
            caller: self.caller.into(),
            approved,
            allowed,
            rule: rule.into(),
        }
    }
}

impl Entry {
    /// Reads one element of `trunkguard calls --json`.
    ///
    /// # Errors
    /// When a field is missing or of another type.
    pub fn read(json: &Value) -> Result<Entry> {
        let text = |key: &str| {
            Ok::<_, anyhow::Error>(
                json[key]
                    .as_str()
                    .with_context(|| format!("{key} in {json}"))?
                    .to_owned(),
            )
        };
        let flag = |key: &str| {
            json[key]
                .as_bool()
                .with_context(|| format!("{key} in {json}"))
        };
        Ok(Entry {
            dialled: text("dialled")?,
            caller: text("caller")?,
            approved: flag("approved")?,
            allowed: flag("allowed")?,
            rule: text("rule")?,
        })
    }
}

impl Stage {
    /// Checks that the journal holds exactly these calls, oldest first.
    ///
    /// # Errors
    /// When it holds others.
    pub fn journal(&self, expected: &[Entry]) -> Result<()> {
        let calls = self.guard.calls(expected.len())?;
        let entries = calls.iter().map(Entry::read).collect::<Result<Vec<_>>>()?;
        ensure!(
            entries == expected,
            "the journal says {entries:#?}; expected {expected:#?}"
        );
        Ok(())
    }
}

/// Tests of the cases named, each in an office of its own.
#[macro_export]
macro_rules! cases {
    ($plan:expr => $($name:ident = $case:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                trunkguard_tests::Office::run(|office| trunkguard_tests::scenario::$case(&$plan, office));
            }
        )+
    };
}
