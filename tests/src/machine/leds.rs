//! The LEDs of a machine, as the levels of its GPIO controller show them.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use super::Qmp;

/// Where a controller shows the levels of its lines, and which lines STATUS, MODE and ALERT are.
#[derive(Clone, Copy, Debug)]
pub struct Front {
    register: u64,
    lines: [u32; 3],
}

impl Front {
    /// QEMU's `virt`: the PL061's data register, read with all lines unmasked (ARM DDI 0190B, 3.3.1); lines
    /// of the board profile `qemu-virt`.
    pub const VIRT: Front = Front {
        register: 0x0903_03fc,
        lines: [0, 1, 2],
    };
    /// A Raspberry Pi 3: GPLEV0 (BCM2835 ARM Peripherals, 6.1); pins of the board profile `rpi3`.
    pub const PI: Front = Front {
        register: 0x3f20_0034,
        lines: [17, 27, 22],
    };
}

/// How an LED looked while it was watched.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Look {
    /// Of 100 looks, how often it was lit.
    pub lit_percent: u32,
    /// How often it went on, per minute.
    pub flashes_per_minute: u32,
}

impl Look {
    /// Never lit.
    pub fn dark(self) -> bool {
        self.lit_percent == 0
    }

    /// Always lit.
    pub fn steady(self) -> bool {
        self.lit_percent == 100
    }

    /// Does it look like this much light and that many flashes, within what an emulated machine's time makes
    /// of them?
    pub fn like(self, lit_percent: u32, flashes_per_minute: u32) -> bool {
        let near =
            |is: u32, should: u32, least: u32| is.abs_diff(should) <= (should / 3).max(least);
        near(self.lit_percent, lit_percent, 5)
            && near(self.flashes_per_minute, flashes_per_minute, 12)
    }
}

/// Watches STATUS, MODE and ALERT for a while.
///
/// # Errors
/// When QEMU does not answer.
pub fn watch(qmp: &mut Qmp, front: Front, span: Duration) -> Result<[Look; 3]> {
    let started = Instant::now();
    let (mut looks, mut lit, mut rises) = (0u32, [0u32; 3], [0u32; 3]);
    let mut before = None;
    while started.elapsed() < span {
        let word = qmp.word(front.register)?;
        let now = front.lines.map(|line| word >> line & 1 == 1);
        for index in 0..3 {
            lit[index] += u32::from(now[index]);
            rises[index] +=
                u32::from(now[index] && before.is_some_and(|before: [bool; 3]| !before[index]));
        }
        (looks, before) = (looks + 1, Some(now));
        // Ten looks in the shortest flash.
        std::thread::sleep(Duration::from_millis(10));
    }
    // A span is seconds, and looks are hundreds of it.
    let (millis, looks) = (started.elapsed().as_millis() as u32, looks.max(1));
    Ok(std::array::from_fn(|index| Look {
        lit_percent: lit[index] * 100 / looks,
        flashes_per_minute: rises[index] * 60_000 / millis,
    }))
}

/// Milliseconds lit, dark, lit …, as the README's table says them in words; none: dark, one: lit.
pub type Pattern = &'static [u64];

/// What STATUS, MODE and ALERT can look like (README, The panel).
pub mod looks {
    use super::Pattern;

    /// STATUS: no calls answered yet.
    pub const STARTING: Pattern = &[900, 100];
    /// STATUS: calls are answered.
    pub const WELL: Pattern = &[100, 1900];
    /// STATUS: the time is not known.
    pub const NO_TIME: Pattern = &[150, 250, 150, 1450];
    /// STATUS: the firewall's rules are not those that were set.
    pub const NO_RULES: Pattern = &[150, 250, 150, 250, 150, 250, 150, 250, 150, 1450];
    /// STATUS: going back to factory state.
    pub const RESETTING: Pattern = &[600, 100, 200, 100];
    /// STATUS: calls are not answered.
    pub const FAULT: Pattern = &[100, 100];
    /// MODE: detect.
    pub const DETECT: Pattern = &[100, 1900];
    /// MODE: prevent.
    pub const PREVENT: Pattern = &[1900, 100];
    /// MODE: the set-up window is open.
    pub const SET_UP: Pattern = &[1000, 1000];
    /// ALERT: nothing waits.
    pub const QUIET: Pattern = &[];
    /// ALERT: an alert waits.
    pub const WAITING: Pattern = &[500, 500];
}

/// By how much a stretch may be longer or shorter than it should: a step of the panel's loop (50 ms) at
/// each end, or less, and what a busy host adds.
const SLACK: u64 = 70;
/// So long without a change counts as steady: longer than any stretch of a pattern.
const STEADY: u64 = 2_500;

/// What one LED did: how long it was lit or dark, in turn.
#[derive(Default)]
struct Run {
    /// Whole stretches, the newest last.
    whole: VecDeque<(bool, u64)>,
    /// The one that lasts.
    now: Option<(bool, Instant)>,
    /// Its beginning was seen.
    begun: bool,
}

impl Run {
    fn see(&mut self, lit: bool, at: Instant) {
        match self.now {
            Some((before, _)) if before == lit => return,
            Some((before, since)) if self.begun => {
                // Spans are seconds.
                self.whole
                    .push_back((before, (at - since).as_millis() as u64));
                if self.whole.len() > 24 {
                    self.whole.pop_front();
                }
            }
            Some(_) => self.begun = true,
            None => {}
        }
        self.now = Some((lit, at));
    }

    /// Has it just gone through all of the pattern, from any of its stretches on?
    fn shows(&self, pattern: Pattern, at: Instant) -> bool {
        let count = pattern.len();
        if count < 2 {
            return self.now.is_some_and(|(lit, since)| {
                lit == (count == 1) && (at - since).as_millis() as u64 >= STEADY
            });
        }
        // Two patterns may share their stretches in part: one lit and one dark is not enough of them.
        let need = count.max(4);
        let Some(from) = self.whole.len().checked_sub(need) else {
            return false;
        };
        (0..count).step_by(2).any(|turn| {
            self.whole
                .range(from..)
                .enumerate()
                .all(|(index, &(lit, ms))| {
                    let place = (turn + index + usize::from(!self.whole[from].0)) % count;
                    lit == place.is_multiple_of(2) && ms.abs_diff(pattern[place]) <= SLACK
                })
        })
    }
}

/// Watches until STATUS, MODE and ALERT look so, where something is given; returns how long that took.
///
/// # Errors
/// When they do not within the limit; with what they did instead.
pub fn wait(
    qmp: &mut Qmp,
    front: Front,
    wanted: [Option<Pattern>; 3],
    limit: Duration,
) -> Result<Duration> {
    let started = Instant::now();
    let mut runs: [Run; 3] = Default::default();
    let mut shown = [false; 3];
    while started.elapsed() < limit {
        let word = qmp.word(front.register)?;
        let at = Instant::now();
        for (index, run) in runs.iter_mut().enumerate() {
            run.see(word >> front.lines[index] & 1 == 1, at);
            shown[index] |= wanted[index].is_none_or(|pattern| run.shows(pattern, at));
        }
        if shown == [true; 3] {
            return Ok(started.elapsed());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let said: Vec<String> = ["STATUS", "MODE", "ALERT"]
        .iter()
        .zip(&runs)
        .map(|(name, run)| {
            let stretches: Vec<String> = run
                .whole
                .iter()
                .map(|(lit, ms)| format!("{}{ms}", if *lit { "+" } else { "-" }))
                .collect();
            let now = run.now.map(|(lit, at)| (lit, at.elapsed().as_millis()));
            format!("{name}: {} now {now:?}", stretches.join(" "))
        })
        .collect();
    bail!(
        "within {limit:?} the LEDs do not look like {wanted:?} (shown: {shown:?}), but:\n{}",
        said.join("\n")
    )
}
