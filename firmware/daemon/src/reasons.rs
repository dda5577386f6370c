//! An explanation of a verdict: asked on the command line and on the page.

use std::{fmt, net::IpAddr, net::Ipv4Addr};

use anyhow::bail;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use trunkguard_core::{
    decide::{Step, Trace},
    gate::Gate,
    number::{Dialled, NotANumber},
    request::{Request, Said},
    verdict::Rule,
};
use trunkguard_page::{
    calls::{Destination, Explained},
    texts::{Lang, verdicts},
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

impl From<&Explained> for Explanation {
    fn from(told: &Explained) -> Explanation {
        const EN: Lang = Lang::En;
        let steps = told.steps.iter();
        Explanation {
            approved: told.approved,
            allowed: told.allowed,
            mode: words::mode(told.mode).into(),
            rule: told.rule.name().into(),
            level: verdicts::level(EN, told.level).into(),
            reason: verdicts::reason(EN, told.rule, told.figures),
            remedy: (!told.allowed)
                .then(|| verdicts::remedy(EN, told.rule))
                .flatten()
                .map(Into::into),
            destination: verdicts::destination(EN, &told.destination),
            path: steps
                .map(|&(rule, step)| (rule.name().into(), verdicts::step(EN, step)))
                .collect(),
            note: None,
        }
    }
}

/// Explains a call against the gate's policy and its figures now, in values that every language has words for.
///
/// # Errors
/// When there is no such client.
pub fn explain(gate: &Gate, clock: &mut Clock, ask: &ExplainAsk) -> anyhow::Result<Explained> {
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
    Ok(Explained {
        approved: verdict.approved,
        allowed: verdict.allowed,
        mode: policy.settings.mode,
        rule: verdict.rule,
        level: verdict.level,
        figures: verdict.figures,
        destination: destination(&dialled),
        steps: path.0,
    })
}

/// What was dialled, as the page knows it.
fn destination(dialled: &Result<Dialled, NotANumber>) -> Destination {
    match dialled {
        Ok(Dialled::Emergency) => Destination::Emergency,
        Ok(Dialled::Service) => Destination::Service,
        Ok(Dialled::Number(number)) => Destination::Number {
            digits: number.digits.to_string(),
            country: number.country,
            kind: number.kind,
        },
        Err(why) => Destination::NotANumber(*why),
    }
}

struct Path(Vec<(Rule, Step)>);

impl Trace for Path {
    fn step(&mut self, rule: Rule, step: Step) {
        self.0.push((rule, step));
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
