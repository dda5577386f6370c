mod approve;

use std::time::Instant;

use trunkguard_page::{
    Answer, Problem,
    calls::{Call, Choice, Explained, Listed, Proposal, Query, Question, Source, Verdict},
};
use trunkguard_store::history::{self, Cursor, Filter, History, HistoryError};

use super::{Office, times::Times};
use crate::{
    control::{Ask, ExplainAsk},
    health::Status,
};

impl Source for Office {
    fn calls(&self, query: &Query) -> Answer<Listed> {
        let times = self.times()?;
        let filter = filter(query, &times)?;
        let after: Option<Cursor> = match query.after.as_str() {
            "" => None,
            text => Some(text.parse().map_err(|_| Problem::NotFound)?),
        };
        let history = self.history()?;
        let found = history.page(&filter, after.as_ref()).map_err(unread)?;
        Ok(Listed {
            calls: found.calls.iter().map(|c| call(c, &times)).collect(),
            next: found.next.map(|cursor| cursor.to_string()),
            clients: history.clients().map_err(unread)?,
        })
    }

    fn call(&self, key: &str) -> Answer<Call> {
        let key = key.parse().map_err(|_| Problem::NotFound)?;
        let found = self.history()?.call(key).map_err(unread)?;
        Ok(call(&found.ok_or(Problem::NotFound)?, &self.times()?))
    }

    fn explain(&self, question: &Question) -> Answer<Explained> {
        self.ask(&Ask::Tell(ask(question)))
    }

    fn proposal(&self, key: &str, choice: &Choice) -> Answer<Proposal> {
        approve::proposal(self, key, choice)
    }

    fn approve(&self, key: &str, choice: &Choice) -> Answer<Proposal> {
        approve::approve(self, key, choice)
    }

    fn clients(&self) -> Answer<Vec<String>> {
        let status: Status = self.ask(&Ask::Status)?;
        Ok(status.clients.into_iter().map(|c| c.name).collect())
    }
}

impl Office {
    /// The history, with everything in it that was decided until now. Without a daemon, as it was left.
    pub(super) fn history(&self) -> Answer<History> {
        let mut flushes = self.flushes();
        let begin = Instant::now();
        if flushes.allows(begin) {
            let flushed: Answer<bool> = self.ask(&Ask::Flush);
            if let Err(problem) = flushed {
                tracing::debug!(%problem, "the history is read as it is on disk");
            }
            flushes.spend(begin.elapsed());
        }
        drop(flushes);
        History::open(self.state()).map_err(unread)
    }
}

/// Viewers may not keep the disk busy, on which answers wait: a tenth of its time is theirs.
pub(super) const FLUSHES: u32 = 10;

pub(super) fn unread(error: HistoryError) -> Problem {
    Problem::Unavailable(error.to_string())
}

/// A call that was or was not made, for the daemon.
pub(super) fn ask(question: &Question) -> ExplainAsk {
    ExplainAsk {
        client: question.client.clone(),
        from: question.caller.clone(),
        number: question.number.clone(),
        at_ms: None,
        phone: None,
        calls: None,
    }
}

fn filter(query: &Query, times: &Times) -> Answer<Filter> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Ok(Filter {
        client: some(&query.client),
        caller: some(&query.caller),
        number: some(&query.number),
        rule: query.rule,
        since_ms: times.day(&query.from, 0)?.unwrap_or(i64::MIN),
        // The whole of the last day.
        until_ms: (times.day(&query.to, 1)?).map_or(i64::MAX, |next| next - 1),
        approved: query.verdict.map(|verdict| verdict != Verdict::Refused),
        allowed: match query.verdict {
            Some(Verdict::Approved) => Some(true),
            Some(Verdict::WouldRefuse) => Some(false),
            Some(Verdict::Refused) | None => None,
        },
        limit: query.limit,
    })
}

pub(super) fn call(call: &history::Call, times: &Times) -> Call {
    Call {
        key: call.key.to_string(),
        at: times.second(call.unix_ms),
        at_iso: times.iso(call.unix_ms),
        first_at: times.second(call.first_ms),
        count: call.count,
        client: call.client.clone(),
        caller: call.caller.clone(),
        dialled: call.dialled.clone(),
        number: call.number.clone(),
        country: call.country,
        kind: call.kind,
        mode: call.mode,
        approved: call.approved,
        allowed: call.allowed,
        rule: call.rule,
        level: call.level,
        figures: call.figures,
        chargeable: call.chargeable,
        first: call.first,
        said_calls: call.said_calls,
        said_fields: call.said_fields,
        phone: call.phone,
        phone_agent: call.phone_agent.clone(),
    }
}
