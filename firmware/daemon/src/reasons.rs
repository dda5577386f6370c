//! An explanation of a verdict: asked on the command line and on the page.

use std::{fmt, net::IpAddr, net::Ipv4Addr};

use anyhow::bail;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use trunkguard_core::{
    decide::{Step, Trace},
    gate::Gate,
    request::{Request, Said},
    verdict::Rule,
};

use crate::{clock::Clock, control::ExplainAsk, words};

/// What a call would get, and why.
#[derive(Debug, Serialize, Deserialize)]
pub struct Explanation {
    /// Would the call go through?
    pub approved: bool,
    /// Is the policy for it? Differs from `approved` only in Detect.
    pub allowed: bool,
    /// The mode.
    pub mode: String,
    /// The rule that decides.
    pub rule: String,
    /// Who set it.
    pub level: String,
    /// Why, in a sentence.
    pub reason: String,
    /// What would have to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// What the number is.
    pub destination: String,
    /// The rules in the order in which they were asked.
    pub path: Vec<(String, String)>,
    /// Something to know about this explanation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Explains a call against the gate's policy and its figures now.
///
/// # Errors
/// When there is no such client.
pub fn explain(gate: &Gate, clock: &mut Clock, ask: &ExplainAsk) -> anyhow::Result<Explanation> {
    let policy = gate.policy();
    let Some(client) = policy.client_named(&ask.client) else {
        let names: Vec<&str> = policy.clients().iter().map(|c| c.name.as_str()).collect();
        bail!(
            "there is no client named `{}`; there is: {}",
            ask.client,
            if names.is_empty() {
                "none yet".into()
            } else {
                names.join(", ")
            }
        );
    };
    let now = match ask.at_ms {
        Some(ms) => clock.now_at(Timestamp::from_millisecond(ms)?),
        None => clock.now(),
    };
    let said = Said {
        fields: 5,
        caller: ask.from.as_bytes(),
        address: ask.phone,
        calls: ask.calls,
        ..Said::default()
    };
    let request = Request {
        source: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        transaction: 0,
        merge: 0,
        dialled: ask.number.as_bytes(),
        from: ask.from.as_bytes(),
        asserted: None,
        said,
        user_agent: b"",
        tampering: None,
    };
    let mut path = Path(Vec::new());
    let (decided, dialled) = gate.explain(&now, client, &request, &mut path);
    let verdict = decided.verdict;
    Ok(Explanation {
        approved: verdict.approved,
        allowed: verdict.allowed,
        mode: words::mode(policy.settings.mode).into(),
        rule: verdict.rule.name().into(),
        level: words::level(verdict.level).into(),
        reason: words::reason(&verdict),
        remedy: (!verdict.allowed)
            .then(|| words::remedy(verdict.rule))
            .flatten()
            .map(Into::into),
        destination: words::destination(&dialled),
        path: path.0,
        note: None,
    })
}

struct Path(Vec<(String, String)>);

impl Trace for Path {
    fn step(&mut self, rule: Rule, step: Step) {
        let words = match step {
            Step::Off(level) => format!("switched off {}", words::level(level)),
            Step::Passed(None) => "nothing against it".into(),
            Step::Passed(Some((had, most))) => format!("{had} of {most}"),
            Step::Allows(level) => format!("destination allowed {}", words::level(level)),
            Step::Approves(level) => format!("approved, {}", words::level(level)),
            Step::Denies(level) => format!("against it, set {}", words::level(level)),
            Step::New(level) => format!("new, alert {}", words::level(level)),
        };
        self.0.push((rule.name().into(), words));
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match (self.approved, self.allowed) {
            (true, true) => "approved",
            (true, false) => "approved (detect; the policy is against it)",
            (false, _) => "denied",
        };
        writeln!(f, "{verdict}: {}", self.reason)?;
        writeln!(f, "  number  {}", self.destination)?;
        writeln!(
            f,
            "  rule    {} ({}), mode {}",
            self.rule, self.level, self.mode
        )?;
        if let Some(remedy) = &self.remedy {
            writeln!(f, "  to let it through: {remedy}")?;
        }
        writeln!(f, "  path")?;
        for (rule, words) in &self.path {
            writeln!(f, "    {rule:<15} {words}")?;
        }
        if let Some(note) = &self.note {
            writeln!(f, "  note: {note}")?;
        }
        Ok(())
    }
}
