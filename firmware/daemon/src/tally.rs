//! Decided calls since the start, by client, rule and verdict: a figure of each for `/metrics`.
//!
//! What a caller can invent is no key here: clients are at most 64 and written by the owner, rules and verdicts are few.

use serde::{Deserialize, Serialize};
use trunkguard_core::{policy::Name, record::Record, verdict::Rule};

const VERDICTS: [&str; 3] = ["approved", "detected", "denied"];

/// The figures.
#[derive(Default)]
pub struct Tally {
    /// In the order of the policy.
    clients: Vec<(Name, Counts)>,
}

type Counts = Box<[[u64; VERDICTS.len()]]>;

/// One figure that is not 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TallyLine {
    /// Name of the client.
    pub client: String,
    /// Name of the rule that decided.
    pub rule: String,
    /// `approved`; `detected` where the policy was against it and Detect let it through; `denied`.
    pub verdict: String,
    /// Calls.
    pub calls: u64,
}

impl Tally {
    /// Goes on counting for these clients; those that are gone are forgotten.
    pub fn set_clients(&mut self, names: &[Name]) {
        let mut before = std::mem::take(&mut self.clients);
        self.clients = (names.iter())
            .map(|name| {
                let known = before.iter().position(|(known, _)| known == name);
                match known {
                    Some(at) => before.swap_remove(at),
                    None => (name.clone(), vec![[0; 3]; Rule::ALL.len()].into()),
                }
            })
            .collect();
    }

    /// Counts one call.
    pub fn count(&mut self, record: &Record) {
        let verdict = match (record.verdict.approved, record.verdict.allowed) {
            (true, true) => 0,
            (true, false) => 1,
            (false, _) => 2,
        };
        let client = self.clients.get_mut(usize::from(record.client));
        let counts = client.and_then(|(_, counts)| counts.get_mut(record.verdict.rule as usize));
        if let Some(counts) = counts {
            counts[verdict] += 1;
        }
    }

    /// The figures that are not 0.
    pub fn lines(&self) -> Vec<TallyLine> {
        let of_client = |(name, counts): &(Name, Counts)| {
            let (name, counts) = (name.clone(), counts.clone());
            Rule::ALL.iter().flat_map(move |&rule| {
                let (name, counts) = (name.clone(), counts[rule as usize]);
                (0..VERDICTS.len())
                    .filter(move |&verdict| counts[verdict] > 0)
                    .map(move |verdict| TallyLine {
                        client: name.to_string(),
                        rule: rule.name().into(),
                        verdict: VERDICTS[verdict].into(),
                        calls: counts[verdict],
                    })
            })
        };
        self.clients.iter().flat_map(of_client).collect()
    }
}

#[cfg(test)]
mod tests {
    use trunkguard_core::{
        policy::Mode,
        verdict::{Level, Verdict},
    };

    use super::*;

    fn record(client: u16, rule: Rule, approved: bool, allowed: bool) -> Record {
        Record {
            unix_ms: 0,
            client,
            caller: Default::default(),
            dialled: Default::default(),
            digits: None,
            country: None,
            kind: None,
            mode: Mode::Detect,
            verdict: Verdict {
                approved,
                allowed,
                rule,
                level: Level::BuiltIn,
                figures: None,
                chargeable: false,
            },
            first: None,
            said_calls: None,
            phone: None,
            phone_agent: Default::default(),
            said_fields: 0,
        }
    }

    #[test]
    fn figures_follow_their_client_through_another_policy() {
        let names =
            |list: &[&str]| -> Vec<Name> { list.iter().map(|n| Name::parse(n).unwrap()).collect() };
        let mut tally = Tally::default();
        tally.set_clients(&names(&["office", "shop"]));
        tally.count(&record(1, Rule::Country, false, false));
        tally.count(&record(1, Rule::Country, false, false));
        tally.count(&record(0, Rule::Default, true, true));
        tally.count(&record(7, Rule::Default, true, true));
        tally.set_clients(&names(&["shop", "new"]));
        tally.count(&record(0, Rule::Country, true, false));
        let brief: Vec<_> = tally
            .lines()
            .into_iter()
            .map(|line| (line.client, line.rule, line.verdict, line.calls))
            .collect();
        let line = |verdict: &str, calls| {
            (
                "shop".to_owned(),
                "country".to_owned(),
                verdict.to_owned(),
                calls,
            )
        };
        assert_eq!(brief, [line("detected", 1), line("denied", 2)]);
    }
}
