//! What another policy would have done: the calls of the last month are decided once more, by the same core, against the policy
//! in force and against the other one, and compared.
//!
//! Both begin knowing the countries and phones of before that month, and no calls. Refusals are kept with a count; they are taken
//! to have come evenly between the first and the last.

use std::{collections::HashMap, net::IpAddr, net::Ipv4Addr, path::Path, sync::Arc};

use jiff::Timestamp;
use trunkguard_core::{
    gate::{Gate, Invite},
    policy::{CountryCode, Definition},
    record::Record,
    request::{Request, Said, Tampering},
    time::Now,
    verdict::Rule,
};
use trunkguard_store::history::{History, HistoryError};

use crate::{
    clock::Clock,
    control::{self, Ask},
    policy,
};

/// Calls that are looked at, and as many refusals: the newest.
const MOST: u64 = 20_000;
/// Days that are looked back.
const DAYS: i64 = 30;
/// Calls that are tried for refusals that mean the same.
const TRIED: u64 = 60;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// It goes through.
    pub approved: bool,
    /// The policy is for it.
    pub allowed: bool,
    /// The rule that decides; `None` when there is no such client.
    pub rule: Option<Rule>,
}

/// A call whose outcome differs, or refusals that mean the same.
#[derive(Clone, Debug)]
pub struct Change {
    /// ms since 1970.
    pub unix_ms: i64,
    /// The client.
    pub client: Arc<str>,
    /// The extension.
    pub caller: String,
    /// The number, or what was dialled.
    pub number: String,
    /// Its country.
    pub country: Option<CountryCode>,
    /// How many.
    pub times: u64,
    /// With the policy in force.
    pub before: Outcome,
    /// With the other one.
    pub after: Outcome,
}

/// What came out.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// Calls that were looked at.
    pub calls: u64,
    /// There were more; these were the newest.
    pub cut: bool,
    /// All that differ, the newest first.
    pub changes: Vec<Change>,
}

/// Decides the calls of the last 30 days against two policies.
///
/// # Errors
/// A history that cannot be read, or a policy that does not fit together.
pub fn compare(state: &Path, before: &Definition, after: &Definition) -> anyhow::Result<Replay> {
    // Without a daemon everything is written already.
    let _ = control::ask::<bool>(state, &Ask::Flush);
    let mut lanes = [Lane::new(before)?, Lane::new(after)?];
    let now_ms = lanes[0].clock.now().unix_ms;
    let since_ms = now_ms - DAYS * 86_400_000;
    let history = History::open(state)?;
    for lane in &mut lanes {
        lane.prime(&history, since_ms)?;
    }
    let (past, cut) = read(&history, since_ms)?;
    Ok(run(&mut lanes, &past, cut))
}

/// A call of the history.
struct Past {
    client: Arc<str>,
    record: Record,
    first_ms: i64,
    count: u64,
}

impl Past {
    /// How often it is tried.
    fn tries(&self) -> u64 {
        self.count.clamp(1, TRIED)
    }

    /// When it is tried for the nth time.
    fn at(&self, n: u64) -> i64 {
        let (last, tries) = (self.record.unix_ms, self.tries());
        let span = last.saturating_sub(self.first_ms).max(0);
        match tries {
            1 => last,
            _ => self.first_ms + span / (tries as i64 - 1) * n as i64,
        }
    }
}

fn read(history: &History, since_ms: i64) -> Result<(Vec<Past>, bool), HistoryError> {
    let mut names: HashMap<String, Arc<str>> = HashMap::new();
    let mut named = |name: &str| match names.get(name) {
        Some(known) => known.clone(),
        None => {
            let new: Arc<str> = name.into();
            names.insert(name.into(), new.clone());
            new
        }
    };
    let mut past = Vec::new();
    history.each_approved(since_ms, MOST, |client, record| {
        past.push(Past {
            client: named(client),
            record: record.clone(),
            first_ms: record.unix_ms,
            count: 1,
        });
    })?;
    let approved = past.len() as u64;
    let mut refused = 0;
    history.each_refused(since_ms, MOST, |client, record, first_ms, count| {
        refused += 1;
        // Of refusals by the thousand only the rule is kept.
        if record.caller != "*" && record.dialled != "*" {
            past.push(Past {
                client: named(client),
                record: record.clone(),
                first_ms: first_ms.max(since_ms),
                count,
            });
        }
    })?;
    let cut = approved >= MOST || refused >= MOST;
    past.sort_by_key(|call| std::cmp::Reverse(call.record.unix_ms));
    past.truncate(MOST as usize);
    Ok((past, cut))
}

fn run(lanes: &mut [Lane; 2], past: &[Past], cut: bool) -> Replay {
    let mut tries: Vec<(i64, usize)> = past
        .iter()
        .enumerate()
        .flat_map(|(at, call)| (0..call.tries()).map(move |n| (call.at(n), at)))
        .collect();
    tries.sort_unstable();
    let start_ms = tries.first().map_or(0, |(first, _)| *first);
    let mut differ: HashMap<usize, (u64, Outcome, Outcome)> = HashMap::new();
    for (n, (at_ms, at)) in tries.iter().enumerate() {
        let call = &past[*at];
        let [before, after] = lanes
            .each_mut()
            .map(|lane| lane.decide(n as u128 + 1, *at_ms, start_ms, call));
        if (before.approved, before.allowed) != (after.approved, after.allowed) {
            let (times, ..) = differ.get(at).copied().unwrap_or((0, before, after));
            differ.insert(*at, (times + 1, before, after));
        }
    }
    let mut changes: Vec<Change> = differ
        .into_iter()
        .map(|(at, (times, before, after))| {
            let Past {
                client,
                record,
                count,
                ..
            } = &past[at];
            Change {
                unix_ms: record.unix_ms,
                client: client.clone(),
                caller: record.caller.as_str().into(),
                number: record.digits.map_or_else(
                    || record.dialled.as_str().into(),
                    |digits| format!("+{digits}"),
                ),
                country: record.country,
                times: (times * count).div_ceil(past[at].tries()),
                before,
                after,
            }
        })
        .collect();
    changes
        .sort_by(|a, b| (b.unix_ms, &b.caller, &b.number).cmp(&(a.unix_ms, &a.caller, &a.number)));
    Replay {
        calls: past.iter().map(|call| call.count).sum(),
        cut,
        changes,
    }
}

/// One policy with figures of its own.
struct Lane {
    gate: Gate,
    clock: Clock,
}

impl Lane {
    fn new(definition: &Definition) -> anyhow::Result<Lane> {
        let compiled = policy::compile(definition)?;
        Ok(Lane {
            clock: Clock::new(&compiled.settings.time_zone).map_err(anyhow::Error::msg)?,
            gate: Gate::new(compiled.into(), (0x7265_706c, 0x6179)),
        })
    }

    fn prime(&mut self, history: &History, before_ms: i64) -> Result<(), HistoryError> {
        for (client, country) in history.known_countries(before_ms)? {
            self.gate.knows_country(&client, country);
        }
        for phone in history.known_phones(before_ms)? {
            let (caller, agent) = (phone.caller.as_bytes(), phone.agent.as_bytes());
            self.gate
                .knows_phone(&phone.client, caller, phone.address, agent);
        }
        Ok(())
    }

    fn decide(&mut self, n: u128, at_ms: i64, start_ms: i64, call: &Past) -> Outcome {
        let Some(client) = self.gate.policy().client_named(&call.client) else {
            return Outcome {
                approved: false,
                allowed: false,
                rule: None,
            };
        };
        let local = Timestamp::from_millisecond(at_ms)
            .ok()
            .and_then(|at| self.clock.now_at(at).local);
        let now = Now {
            mono_ms: Now::ORIGIN_MS + u64::try_from(at_ms - start_ms).unwrap_or(0),
            unix_ms: at_ms,
            local,
        };
        match self.gate.invite(&now, client, &request(n, &call.record)) {
            Invite::Decided { record, .. } => Outcome {
                approved: record.verdict.approved,
                allowed: record.verdict.allowed,
                rule: Some(record.verdict.rule),
            },
            // Each try is a transaction of its own.
            _ => Outcome {
                approved: false,
                allowed: false,
                rule: None,
            },
        }
    }
}

/// The INVITE that a record was made of, as far as it is kept.
fn request(n: u128, record: &Record) -> Request<'_> {
    Request {
        source: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        transaction: n,
        merge: n,
        dialled: record.dialled.as_bytes(),
        from: record.caller.as_bytes(),
        asserted: None,
        said: Said {
            fields: record.said_fields,
            address: record.phone,
            user_agent: record.phone_agent.as_bytes(),
            calls: record.said_calls,
            ..Said::default()
        },
        user_agent: b"",
        tampering: (record.verdict.rule == Rule::Tampering).then_some(Tampering::TwiceSaid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_800_000_000_000;

    fn office(limits: &str) -> Definition {
        let text = format!(
            "[settings]\nmode = \"prevent\"\n[policy]\nallow.countries = [\"US\", \"GB\"]\n{limits}\n[[client]]\nname = \"office\"\naddresses = [\"10.0.0.1\"]\n"
        );
        trunkguard_store::file::parse(&text, Path::new("office")).expect("a policy")
    }

    /// Calls as the gate would have recorded them.
    fn past(definition: &Definition, calls: &[(i64, &str, u64)]) -> Vec<Past> {
        let mut lane = Lane::new(definition).expect("a policy");
        let mut made = Vec::new();
        for (n, &(second, number, count)) in calls.iter().enumerate() {
            let now = Now {
                mono_ms: Now::ORIGIN_MS + second as u64 * 1_000,
                unix_ms: START + second * 1_000,
                local: None,
            };
            let blank = blank();
            let request = Request {
                dialled: number.as_bytes(),
                from: b"2001",
                ..request(n as u128 + 1, &blank)
            };
            let Invite::Decided { record, .. } = lane.gate.invite(&now, 0, &request) else {
                panic!("{number} was not decided");
            };
            made.push(Past {
                client: "office".into(),
                first_ms: record.unix_ms - 1_000 * (count as i64 - 1),
                record,
                count,
            });
        }
        made
    }

    fn blank() -> Record {
        Record {
            unix_ms: 0,
            client: 0,
            caller: Default::default(),
            dialled: Default::default(),
            digits: None,
            country: None,
            kind: None,
            mode: trunkguard_core::policy::Mode::Prevent,
            verdict: trunkguard_core::verdict::Verdict {
                approved: true,
                allowed: true,
                rule: Rule::Default,
                level: trunkguard_core::verdict::Level::BuiltIn,
                figures: None,
                chargeable: true,
            },
            first: None,
            said_calls: None,
            phone: None,
            phone_agent: Default::default(),
            said_fields: 0,
        }
    }

    fn lanes(before: &Definition, after: &Definition) -> [Lane; 2] {
        [before, after].map(|definition| Lane::new(definition).expect("a policy"))
    }

    #[test]
    fn the_same_policy_changes_nothing() {
        let policy = office("limits.per_day = 2");
        let calls: Vec<_> = (0..20).map(|n| (n * 40, "2125550100", 1)).collect();
        let past = past(&policy, &calls);
        let replay = run(&mut lanes(&policy, &policy), &past, false);
        assert_eq!(replay.calls, 20);
        assert!(replay.changes.is_empty(), "{:?}", replay.changes);
    }

    #[test]
    fn limits_count_the_calls_that_the_other_policy_lets_through() {
        let (before, after) = (office(""), office("limits.per_day = 3"));
        let calls: Vec<_> = (0..5).map(|n| (n * 400, "2125550100", 1)).collect();
        let replay = run(&mut lanes(&before, &after), &past(&before, &calls), false);
        assert_eq!(replay.changes.len(), 2, "the fourth and the fifth");
        let newest = &replay.changes[0];
        assert_eq!(newest.unix_ms, START + 4 * 400_000);
        assert_eq!(newest.after.rule, Some(Rule::PerDay));
        assert!(newest.before.approved && !newest.after.approved);
    }

    #[test]
    fn refusals_with_a_count_go_through_as_many() {
        let (before, after) = (
            office(""),
            office(
                "allow.kinds = [\"abroad\"]\nlimits.abroad = { per_day = 1000 }\noff = [\"same-number\", \"simultaneous\"]",
            ),
        );
        let past = past(&before, &[(3_000, "01137120000000", 500)]);
        let replay = run(&mut lanes(&before, &after), &past, false);
        assert_eq!(replay.calls, 500);
        assert_eq!(replay.changes.len(), 1);
        assert_eq!(replay.changes[0].times, 500, "{:?}", replay.changes);
        assert_eq!(replay.changes[0].before.rule, Some(Rule::Country));
    }

    #[test]
    fn a_client_that_is_gone_gets_no_answer() {
        let before = office("");
        let mut after = before.clone();
        after.clients.clear();
        let past = past(&before, &[(0, "2125550100", 1)]);
        let replay = run(&mut lanes(&before, &after), &past, false);
        assert_eq!(replay.changes[0].after.rule, None);
    }
}
