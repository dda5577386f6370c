//! The most calls that one caller, or one client, made within a span of time.

use super::Call;

const MINUTE: i64 = 60_000;

/// The most of each, not necessarily at the same time or by the same caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Busiest {
    pub simultaneous: u32,
    pub per_minute: u32,
    pub per_hour: u32,
    pub per_day: u32,
    /// Who had the busiest day.
    pub who: u32,
}

impl Busiest {
    /// Looks at the calls that `takes` says yes to. A call is taken to last `open_ms`; what the PBX
    /// counted itself, of all its calls, counts for more.
    pub fn of(
        calls: &[Call],
        of_client: bool,
        open_ms: i64,
        takes: &dyn Fn(&Call) -> bool,
    ) -> Self {
        let who = |call: &Call| if of_client { call.client } else { call.caller };
        let mut calls: Vec<&Call> = calls.iter().filter(|c| takes(c)).collect();
        calls.sort_by_key(|call| (who(call), call.at_ms));
        let mut busiest = Busiest::default();
        for same in calls.chunk_by(|a, b| who(a) == who(b)) {
            let said = same
                .iter()
                .map(|c| u32::from(c.said_calls))
                .max()
                .filter(|_| of_client)
                .unwrap_or(0);
            busiest.simultaneous = busiest
                .simultaneous
                .max(most_within(same, open_ms))
                .max(said);
            busiest.per_minute = busiest.per_minute.max(most_within(same, MINUTE));
            busiest.per_hour = busiest.per_hour.max(most_within(same, 60 * MINUTE));
            let per_day = most_within(same, 24 * 60 * MINUTE);
            if per_day > busiest.per_day {
                (busiest.per_day, busiest.who) = (per_day, who(same[0]));
            }
        }
        busiest
    }
}

/// The most of these calls, sorted by time, within any span of that length.
fn most_within(calls: &[&Call], span_ms: i64) -> u32 {
    let mut first = 0;
    let mut most = 0;
    for (n, call) in calls.iter().enumerate() {
        while call.at_ms - calls[first].at_ms >= span_ms {
            first += 1;
        }
        most = most.max(n + 1 - first);
    }
    most as u32
}
