//! What one caller, or one client as a whole, has done lately.

use super::window::Window;

/// Spans a limit can be about, in the order of the policy's figures.
pub const SPANS: usize = 4;

/// Chargeable calls of one caller or client: at the same time, in a minute, an hour, a day; all of
/// them and those abroad.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// When it last changed, on the gate's clock.
    pub touched_ms: u64,
    scopes: [Spans; 2],
}

#[derive(Clone, Debug, Default)]
struct Spans {
    open: Window<9>,
    minute: Window<7>,
    hour: Window<13>,
    day: Window<25>,
}

const MINUTE_STEP: u64 = 10_000;
const HOUR_STEP: u64 = 300_000;
const DAY_STEP: u64 = 3_600_000;

impl Tally {
    /// No calls, as of `at_ms`.
    pub fn empty(at_ms: u64) -> Self {
        Tally {
            touched_ms: at_ms,
            ..Tally::default()
        }
    }

    /// Counts one approved call at `at_ms`, which is taken to last `open_ms`.
    pub fn add(&mut self, at_ms: u64, abroad: bool, open_ms: u64) {
        self.touched_ms = self.touched_ms.max(at_ms);
        for scope in &mut self.scopes[..1 + usize::from(abroad)] {
            scope.open.add(at_ms, open_step(open_ms));
            scope.minute.add(at_ms, MINUTE_STEP);
            scope.hour.add(at_ms, HOUR_STEP);
            scope.day.add(at_ms, DAY_STEP);
        }
    }

    /// Calls before this one in a span: 0 at the same time (an estimate from `open_ms`), 1 minute,
    /// 2 hour, 3 day.
    pub fn count(&self, now_ms: u64, abroad: bool, span: usize, open_ms: u64) -> u32 {
        let scope = &self.scopes[usize::from(abroad)];
        match span {
            0 => scope.open.sum(now_ms, open_step(open_ms)),
            1 => scope.minute.sum(now_ms, MINUTE_STEP),
            2 => scope.hour.sum(now_ms, HOUR_STEP),
            _ => scope.day.sum(now_ms, DAY_STEP),
        }
    }
}

fn open_step(open_ms: u64) -> u64 {
    (open_ms / 8).max(1)
}
