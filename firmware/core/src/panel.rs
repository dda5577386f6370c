//! What the three LEDs show and what the button asks for.
//!
//! Meaning is in the blinking, never in a colour, and **steady never means well**: the firmware
//! itself makes STATUS blink, so that a box whose firmware hangs or dies is left with a STATUS that
//! stands still, which no healthy box shows.

use alloc::string::String;
use core::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::policy::Mode;

mod gesture;
mod word;

pub use word::{SILENT_MS, Word};

pub use gesture::{DEBOUNCE_MS, Gesture, Press, SETUP_WINDOW_MS, Span, ZONES, Zone, zone};

/// The LEDs, in the order in which they sit on the front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Led {
    /// Is it well?
    Status,
    /// What does it do with calls?
    Mode,
    /// Does somebody have to look?
    Alert,
}

impl Led {
    /// All of them, in order.
    pub const ALL: [Led; 3] = [Led::Status, Led::Mode, Led::Alert];

    /// The name on the front.
    pub const fn name(self) -> &'static str {
        match self {
            Led::Status => "STATUS",
            Led::Mode => "MODE",
            Led::Alert => "ALERT",
        }
    }
}

/// Milliseconds lit, dark, lit, dark … for ever. Nothing: always dark; one figure: always lit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern(pub &'static [u16]);

impl Pattern {
    /// Always dark.
    pub const DARK: Pattern = Pattern(&[]);
    /// Always lit.
    pub const LIT: Pattern = Pattern(&[1]);

    /// Milliseconds until it begins anew; 0 when it never changes.
    pub fn period_ms(self) -> u64 {
        if self.0.len() < 2 {
            0
        } else {
            self.0.iter().map(|&ms| u64::from(ms)).sum()
        }
    }
}

/// Is the LED lit at this time? `at_ms` is on any clock that does not stand still.
pub fn level(pattern: Pattern, at_ms: u64) -> bool {
    let period = pattern.period_ms();
    if period == 0 {
        return !pattern.0.is_empty();
    }
    let mut rest = at_ms % period;
    let mut lit = true;
    for &ms in pattern.0 {
        if rest < u64::from(ms) {
            return lit;
        }
        rest -= u64::from(ms);
        lit = !lit;
    }
    false
}

/// Why a box that answers calls is not wholly well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The time is not known: the office is taken as open.
    Clock,
    /// Calls cannot be written down (disk full, read-only, history moved aside).
    History,
    /// The policy in force is not the one that was last set.
    Policy,
    /// The firewall's rules are not those that were set.
    Firewall,
}

/// How the box is, as confirmed, never as wished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// Not answering calls yet.
    #[default]
    Starting,
    /// Answering calls, all well.
    Serving,
    /// Answering calls, with a reason to look.
    Degraded(Why),
    /// An update is being written: do not unplug.
    Updating,
    /// Going back to how it left the factory: do not unplug.
    Resetting,
    /// Not answering calls any more.
    Fault,
}

/// Everything that the LEDs show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// How the box is.
    pub service: Service,
    /// The mode in force.
    pub mode: Mode,
    /// An alert waits to be acknowledged.
    pub alert: bool,
    /// The set-up window is open.
    pub setup_window: bool,
}

/// One thing that one LED can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sign {
    /// The LED that says it.
    pub led: Led,
    /// What it means, in a word or two.
    pub word: &'static str,
    /// What it means, for people.
    pub means: &'static str,
    /// How it looks, for people.
    pub looks: &'static str,
    /// How it looks, exactly.
    pub pattern: Pattern,
}

const fn sign(
    led: Led,
    word: &'static str,
    means: &'static str,
    looks: &'static str,
    pattern: &'static [u16],
) -> Sign {
    Sign {
        led,
        word,
        means,
        looks,
        pattern: Pattern(pattern),
    }
}

/// Every sign. The README and the page show this table.
pub const SIGNS: [Sign; 15] = [
    sign(
        Led::Status,
        "starting",
        "starting: no calls answered yet",
        "lit, a short gap every second",
        &[900, 100],
    ),
    sign(
        Led::Status,
        "well",
        "well: calls are answered",
        "one short flash every 2 s",
        &[100, 1900],
    ),
    sign(
        Led::Status,
        "no time",
        "answering, but the time is not known",
        "2 flashes, pause",
        &[150, 250, 150, 1450],
    ),
    sign(
        Led::Status,
        "no journal",
        "answering, but calls cannot be written down",
        "3 flashes, pause",
        &[150, 250, 150, 250, 150, 1450],
    ),
    sign(
        Led::Status,
        "old policy",
        "answering by an older policy than the one last set",
        "4 flashes, pause",
        &[150, 250, 150, 250, 150, 250, 150, 1450],
    ),
    sign(
        Led::Status,
        "no rules",
        "answering, but the firewall's rules are not those that were set",
        "5 flashes, pause",
        &[150, 250, 150, 250, 150, 250, 150, 250, 150, 1450],
    ),
    sign(
        Led::Status,
        "updating",
        "updating: do not unplug",
        "even, twice a second",
        &[250, 250],
    ),
    sign(
        Led::Status,
        "resetting",
        "going back to factory state: do not unplug",
        "lit, two short gaps every second",
        &[600, 100, 200, 100],
    ),
    sign(
        Led::Status,
        "fault",
        "fault: calls are not answered",
        "even, five times a second",
        &[100, 100],
    ),
    sign(
        Led::Mode,
        "detect",
        "detect: calls pass, what would be denied is recorded",
        "one short flash every 2 s",
        &[100, 1900],
    ),
    sign(
        Led::Mode,
        "prevent",
        "prevent: calls are decided",
        "lit, a short gap every 2 s",
        &[1900, 100],
    ),
    sign(
        Led::Mode,
        "lockdown",
        "lockdown: emergency and always-allowed calls only",
        "even, twice a second",
        &[250, 250],
    ),
    sign(
        Led::Mode,
        "set-up",
        "the set-up window is open",
        "slow and even, 1 s lit, 1 s dark",
        &[1000, 1000],
    ),
    sign(Led::Alert, "quiet", "nothing waits", "dark", &[]),
    sign(
        Led::Alert,
        "waiting",
        "an alert waits to be acknowledged",
        "even, once a second",
        &[500, 500],
    ),
];

impl State {
    /// What STATUS, MODE and ALERT say now. While the set-up window is open, MODE shows that.
    pub fn signs(&self) -> [&'static Sign; 3] {
        let status = match self.service {
            Service::Starting => 0,
            Service::Serving => 1,
            Service::Degraded(Why::Clock) => 2,
            Service::Degraded(Why::History) => 3,
            Service::Degraded(Why::Policy) => 4,
            Service::Degraded(Why::Firewall) => 5,
            Service::Updating => 6,
            Service::Resetting => 7,
            Service::Fault => 8,
        };
        let mode = match (self.setup_window, self.mode) {
            (true, _) => 12,
            (false, Mode::Detect) => 9,
            (false, Mode::Prevent) => 10,
            (false, Mode::Lockdown) => 11,
        };
        [
            &SIGNS[status],
            &SIGNS[mode],
            &SIGNS[if self.alert { 14 } else { 13 }],
        ]
    }

    /// Which of STATUS, MODE and ALERT are lit at this time. While the button is held, they show
    /// the zone instead.
    pub fn levels(&self, held: Option<Zone>, at_ms: u64) -> [bool; 3] {
        match held {
            Some(Zone::Acts(press)) => press.zone().lit.map(|p| level(p, at_ms)),
            Some(Zone::Guard) => [false; 3],
            None => self.signs().map(|s| level(s.pattern, at_ms)),
        }
    }
}

/// [`SIGNS`] and [`ZONES`] as the two Markdown tables of the README.
pub fn markdown() -> String {
    let mut out = String::from("| LED | looks | means |\n|---|---|---|\n");
    for s in &SIGNS {
        // Writing to a String does not fail.
        let _ = writeln!(out, "| {} | {} | {} |", s.led.name(), s.looks, s.means);
    }
    out.push_str("\n| hold the button | the LEDs meanwhile | letting go then |\n|---|---|---|\n");
    for z in &ZONES {
        let _ = match z.from_ms {
            0 => write!(out, "| under {} s ", z.to_ms / 1000),
            from => write!(out, "| {} to {} s ", from / 1000, z.to_ms / 1000),
        };
        let _ = writeln!(out, "| {} | {} |", z.looks, z.does);
    }
    out.push_str("| any other time | all dark | does nothing |\n");
    out
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    /// Every state there is.
    fn states() -> Vec<State> {
        let services = [
            Service::Starting,
            Service::Serving,
            Service::Degraded(Why::Clock),
            Service::Degraded(Why::History),
            Service::Degraded(Why::Policy),
            Service::Degraded(Why::Firewall),
            Service::Updating,
            Service::Resetting,
            Service::Fault,
        ];
        let mut all = Vec::new();
        for service in services {
            for mode in [Mode::Detect, Mode::Prevent, Mode::Lockdown] {
                for bits in 0..4 {
                    all.push(State {
                        service,
                        mode,
                        alert: bits & 1 == 1,
                        setup_window: bits & 2 == 2,
                    });
                }
            }
        }
        all
    }

    #[test]
    fn every_sign_is_shown_by_some_state_and_on_its_own_led() {
        let mut shown = [false; SIGNS.len()];
        for state in states() {
            for (led, sign) in Led::ALL.into_iter().zip(state.signs()) {
                assert_eq!(sign.led, led);
                shown[SIGNS.iter().position(|s| s == sign).unwrap()] = true;
            }
        }
        assert_eq!(shown, [true; SIGNS.len()]);
    }

    #[test]
    fn signs_of_one_led_differ_and_can_be_seen() {
        for (i, a) in SIGNS.iter().enumerate() {
            assert!(
                a.pattern.0.len() < 2 || a.pattern.0.len() % 2 == 0,
                "{} ends lit",
                a.means
            );
            assert!(
                a.pattern
                    .0
                    .iter()
                    .all(|&ms| a.pattern.0.len() == 1 || ms >= 100),
                "{}: too short to see",
                a.means
            );
            assert!(
                a.pattern.period_ms() <= 4_000,
                "{}: too long to wait for",
                a.means
            );
            for b in SIGNS[i + 1..].iter().filter(|b| b.led == a.led) {
                assert_ne!(a.pattern, b.pattern, "{} / {}", a.means, b.means);
                assert_ne!(a.looks, b.looks);
                assert_ne!(a.word, b.word);
            }
        }
    }

    #[test]
    fn a_status_that_stands_still_is_no_state_of_a_running_box() {
        for state in states() {
            assert!(state.signs()[0].pattern.period_ms() > 0, "{state:?}");
        }
    }

    #[test]
    fn a_pattern_is_lit_first_and_begins_anew() {
        let twice = Pattern(&[100, 200, 100, 600]);
        let lit: Vec<u64> = (0..2000)
            .step_by(100)
            .filter(|&t| level(twice, t))
            .collect();
        assert_eq!(lit, [0, 300, 1000, 1300]);
        assert!(!level(Pattern::DARK, 5) && level(Pattern::LIT, 5));
    }

    proptest! {
        /// A pattern is lit for just as long as it says.
        #[test]
        fn lit_time_is_the_sum_of_its_lit_parts(which in 0..SIGNS.len(), from in 0u64..1 << 40) {
            let pattern = SIGNS[which].pattern;
            let lit = (from..from + pattern.period_ms()).filter(|&t| level(pattern, t)).count();
            let said: usize = pattern.0.iter().step_by(2).map(|&ms| usize::from(ms)).sum();
            prop_assert_eq!(lit, said);
        }
    }
}
