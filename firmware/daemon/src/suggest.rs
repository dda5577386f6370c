//! A policy proposed from what the office really calls, for the command line and for the page.

use std::path::Path;

use jiff::Timestamp;
use trunkguard_store::suggest::{Learner, Suggestion};

use crate::{clock::Clock, operations, policy};

/// Calls that are looked at; the newest.
const MOST: u64 = 1_000_000;

/// Proposes rules for everybody from the approved calls of the last days.
///
/// # Errors
/// A state directory or a history that cannot be read.
pub fn suggest(state: &Path, days: u16) -> anyhow::Result<Suggestion> {
    let settings = policy::definition(state)?.settings;
    let mut clock = Clock::new(&settings.time_zone).map_err(anyhow::Error::msg)?;
    let since_ms = clock.now().unix_ms - i64::from(days) * 86_400_000;
    let mut learner = Learner::new(&settings);
    operations::history(state)?.each_approved(since_ms, MOST, |client, record| {
        let local = Timestamp::from_millisecond(record.unix_ms)
            .ok()
            .and_then(|at| clock.now_at(at).local);
        learner.add(client, record, local);
    })?;
    Ok(learner.suggest())
}
