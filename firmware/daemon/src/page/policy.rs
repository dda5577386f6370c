use jiff::Timestamp;
use trunkguard_core::policy::{Definition, Policy};
use trunkguard_page::{
    Answer, Problem,
    policy::{Change, Force, Outcome, Preview, Source, Suggestion, Wrong},
};
use trunkguard_store::file::{self, FileError};

use super::{Office, refused};
use crate::{clock::Clock, policy, replay, suggest};

/// Changed calls that are shown.
const SHOWN: usize = 200;

impl Source for Office {
    fn stored(&self) -> Answer<Definition> {
        self.definition()
    }

    fn render(&self, definition: &Definition) -> Answer<String> {
        Ok(file::render(definition))
    }

    fn read(&self, text: &str) -> Result<Definition, Wrong> {
        policy::read_sent(text).map_err(wrong)
    }

    fn check(&self, definition: &Definition) -> Result<(), Vec<Wrong>> {
        let mut all = Vec::new();
        if let Err(message) = Clock::new(&definition.settings.time_zone) {
            all.push(at("settings.time_zone", message));
        }
        if let Err(problems) = Policy::compile(definition) {
            all.extend(
                problems
                    .into_iter()
                    .map(|problem| at(&problem.path, problem.message)),
            );
        }
        if all.is_empty() { Ok(()) } else { Err(all) }
    }

    fn preview(&self, before: &Definition, after: &Definition) -> Answer<Preview> {
        let replay = replay::compare(self.state(), before, after)
            .map_err(|problem| Problem::Unavailable(format!("{problem:#}")))?;
        let clock = Clock::new(&after.settings.time_zone).map_err(Problem::Refused)?;
        let mut preview = Preview {
            calls: replay.calls,
            cut: replay.cut,
            ..Preview::default()
        };
        for change in &replay.changes {
            match (change.before.approved, change.after.approved) {
                (true, false) => preview.refused += change.times,
                (false, true) => preview.approved += change.times,
                _ => preview.opinion += change.times,
            }
        }
        preview.changes = (replay.changes.into_iter().take(SHOWN))
            .map(|change| shown(change, &clock))
            .collect();
        Ok(preview)
    }

    fn put_in_force(&self, before: &Definition, after: &Definition) -> Answer<Force> {
        match policy::put_in_force(self.state(), Some(before), after) {
            Ok(policy::Force::Now) => Ok(Force::Now),
            Ok(policy::Force::NextStart) => Ok(Force::NextStart),
            Err(problem) => Err(refused(&problem)),
        }
    }

    fn suggest(&self, days: u16) -> Answer<Suggestion> {
        let suggestion = suggest::suggest(self.state(), days)
            .map_err(|problem| Problem::Unavailable(format!("{problem:#}")))?;
        Ok(Suggestion {
            rules: suggestion.rules,
            reasons: suggestion.reasons,
            calls: suggestion.calls,
            days: suggestion.days,
        })
    }
}

fn wrong(error: FileError) -> Wrong {
    Wrong {
        line: error.line,
        column: error.column,
        key: error.key,
        message: error.message,
    }
}

fn at(key: &str, message: String) -> Wrong {
    Wrong {
        line: 0,
        column: 0,
        key: key.into(),
        message,
    }
}

fn shown(change: replay::Change, clock: &Clock) -> Change {
    let outcome = |outcome: replay::Outcome| Outcome {
        approved: outcome.approved,
        allowed: outcome.allowed,
        rule: outcome.rule,
    };
    Change {
        at: minute(change.unix_ms, clock),
        client: change.client.as_ref().into(),
        caller: change.caller,
        number: change.number,
        country: change.country,
        times: change.times,
        before: outcome(change.before),
        after: outcome(change.after),
    }
}

/// A moment in the office's time zone, to the minute.
pub(super) fn minute(unix_ms: i64, clock: &Clock) -> String {
    Timestamp::from_millisecond(unix_ms).map_or_else(
        |_| "?".into(),
        |at| {
            let zoned = at.to_zoned(clock.zone().clone());
            zoned.strftime("%Y-%m-%d %H:%M").to_string()
        },
    )
}
