//! What the three LEDs show and what the button asks for.
//!
//! Meaning is in the blinking, never in a colour, and **steady never means well**: the firmware
//! itself makes STATUS blink, so that a box whose firmware hangs or dies is left with a STATUS that
//! stands still, which no healthy box shows.

use alloc::string::String;
use core::fmt::Write;

use crate::policy::Mode;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The time is not known: schedules take the stricter side.
    Clock,
    /// Calls cannot be written down (disk full, read-only, history moved aside).
    History,
    /// The policy in force is not the one that was last set.
    Policy,
}

/// How the box is, as confirmed, never as wished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// Not answering calls any more.
    Fault,
}

/// Everything that the LEDs show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// What it means, for people.
    pub means: &'static str,
    /// How it looks, for people.
    pub looks: &'static str,
    /// How it looks, exactly.
    pub pattern: Pattern,
}

const fn sign(led: Led, means: &'static str, looks: &'static str, pattern: &'static [u16]) -> Sign {
    Sign {
        led,
        means,
        looks,
        pattern: Pattern(pattern),
    }
}

/// Every sign. The README and the page show this table.
pub const SIGNS: [Sign; 13] = [
    sign(
        Led::Status,
        "starting: no calls answered yet",
        "lit, a short gap every second",
        &[900, 100],
    ),
    sign(
        Led::Status,
        "well: calls are answered",
        "one short flash every 2 s",
        &[100, 1900],
    ),
    sign(
        Led::Status,
        "answering, but the time is not known",
        "2 flashes, pause",
        &[150, 250, 150, 1450],
    ),
    sign(
        Led::Status,
        "answering, but calls cannot be written down",
        "3 flashes, pause",
        &[150, 250, 150, 250, 150, 1450],
    ),
    sign(
        Led::Status,
        "answering, by an older policy than the one last set",
        "4 flashes, pause",
        &[150, 250, 150, 250, 150, 250, 150, 1450],
    ),
    sign(
        Led::Status,
        "updating: do not unplug",
        "even, twice a second",
        &[250, 250],
    ),
    sign(
        Led::Status,
        "fault: calls are not answered",
        "even, five times a second",
        &[100, 100],
    ),
    sign(
        Led::Mode,
        "detect: calls pass, what would be denied is recorded",
        "one short flash every 2 s",
        &[100, 1900],
    ),
    sign(
        Led::Mode,
        "prevent: calls are decided",
        "lit, a short gap every 2 s",
        &[1900, 100],
    ),
    sign(
        Led::Mode,
        "lockdown: emergency and always-allowed calls only",
        "even, twice a second",
        &[250, 250],
    ),
    sign(
        Led::Mode,
        "the set-up window is open",
        "slow and even, 1 s lit, 1 s dark",
        &[1000, 1000],
    ),
    sign(Led::Alert, "nothing waits", "dark", &[]),
    sign(
        Led::Alert,
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
            Service::Updating => 5,
            Service::Fault => 6,
        };
        let mode = match (self.setup_window, self.mode) {
            (true, _) => 10,
            (false, Mode::Detect) => 7,
            (false, Mode::Prevent) => 8,
            (false, Mode::Lockdown) => 9,
        };
        [
            &SIGNS[status],
            &SIGNS[mode],
            &SIGNS[if self.alert { 12 } else { 11 }],
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

/// What a press of the button asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    /// The alert has been seen.
    Acknowledge,
    /// Detect becomes Prevent, anything else becomes Detect.
    ToggleMode,
    /// Open the set-up window for [`SETUP_WINDOW_MS`]: somebody stands in front of the box.
    SetupWindow,
    /// Back to how it left the factory.
    FactoryReset,
}

/// How long the set-up window stays open.
pub const SETUP_WINDOW_MS: u64 = 10 * 60_000;

/// A span of holding the button that does something when the button is let go within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// From this many milliseconds on …
    pub from_ms: u64,
    /// … to fewer than this many.
    pub to_ms: u64,
    /// What it asks for.
    pub press: Press,
    /// What it does, for people.
    pub does: &'static str,
    /// How the LEDs look meanwhile, for people.
    pub looks: &'static str,
    /// How STATUS, MODE and ALERT look meanwhile, exactly.
    pub lit: [Pattern; 3],
}

/// The zones. Between them and past the last nothing is done, and all LEDs are dark.
pub const ZONES: [Span; 4] = [
    Span {
        from_ms: 0,
        to_ms: 1_000,
        press: Press::Acknowledge,
        does: "acknowledges the alert",
        looks: "ALERT lit",
        lit: [Pattern::DARK, Pattern::DARK, Pattern::LIT],
    },
    Span {
        from_ms: 3_000,
        to_ms: 6_000,
        press: Press::ToggleMode,
        does: "changes between Detect and Prevent",
        looks: "MODE lit",
        lit: [Pattern::DARK, Pattern::LIT, Pattern::DARK],
    },
    Span {
        from_ms: 9_000,
        to_ms: 12_000,
        press: Press::SetupWindow,
        does: "opens the set-up window for ten minutes",
        looks: "MODE and ALERT lit",
        lit: [Pattern::DARK, Pattern::LIT, Pattern::LIT],
    },
    Span {
        from_ms: 18_000,
        to_ms: 22_000,
        press: Press::FactoryReset,
        does: "resets to factory state",
        looks: "all three flash together, five times a second",
        lit: [
            Pattern(&[100, 100]),
            Pattern(&[100, 100]),
            Pattern(&[100, 100]),
        ],
    },
];

impl Press {
    /// The span of holding that asks for it.
    pub const fn zone(self) -> &'static Span {
        match self {
            Press::Acknowledge => &ZONES[0],
            Press::ToggleMode => &ZONES[1],
            Press::SetupWindow => &ZONES[2],
            Press::FactoryReset => &ZONES[3],
        }
    }
}

/// Where a held button is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// Letting go now does this.
    Acts(Press),
    /// Letting go now does nothing.
    Guard,
}

/// The zone after holding for so many milliseconds.
pub fn zone(held_ms: u64) -> Zone {
    ZONES
        .iter()
        .find(|z| (z.from_ms..z.to_ms).contains(&held_ms))
        .map_or(Zone::Guard, |z| Zone::Acts(z.press))
}

/// Levels of the button that last less than this are the contact bouncing.
pub const DEBOUNCE_MS: u64 = 30;

/// The button, followed over time. It must be seen released once before a press counts, so that a
/// button that is stuck or held while the box starts asks for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Gesture {
    /// The level last seen, and since when.
    seen: Option<(bool, u64)>,
    /// The level that is believed.
    believed: Believed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum Believed {
    /// Not seen released yet.
    #[default]
    Unknown,
    Released,
    PressedAt(u64),
}

impl Gesture {
    /// A button that nobody has looked at yet.
    pub const fn new() -> Self {
        Gesture {
            seen: None,
            believed: Believed::Unknown,
        }
    }

    /// Takes in the button's level at a time that never goes back, and says what was asked for when
    /// the button has just been let go in a zone. Call it on every change of the level and, for the
    /// last release to be believed, at least once [`DEBOUNCE_MS`] after it.
    pub fn step(&mut self, pressed: bool, now_ms: u64) -> Option<Press> {
        // What was seen until now may have lasted long enough without anybody looking.
        let asked = self.believe(now_ms);
        if self.seen.is_none_or(|(level, _)| level != pressed) {
            self.seen = Some((pressed, now_ms));
        }
        asked
    }

    /// The zone that the LEDs show at this time, while the button is held.
    pub fn zone(&self, now_ms: u64) -> Option<Zone> {
        match self.believed {
            Believed::PressedAt(since) => Some(zone(now_ms.saturating_sub(since))),
            Believed::Unknown | Believed::Released => None,
        }
    }

    fn believe(&mut self, now_ms: u64) -> Option<Press> {
        let (pressed, since) = self.seen?;
        if now_ms.saturating_sub(since) < DEBOUNCE_MS {
            return None;
        }
        match (self.believed, pressed) {
            (Believed::Unknown, false) => self.believed = Believed::Released,
            (Believed::Released, true) => self.believed = Believed::PressedAt(since),
            (Believed::PressedAt(from), false) => {
                self.believed = Believed::Released;
                return match zone(since.saturating_sub(from)) {
                    Zone::Acts(press) => Some(press),
                    Zone::Guard => None,
                };
            }
            (Believed::Unknown | Believed::PressedAt(_), true) | (Believed::Released, false) => {}
        }
        None
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
            Service::Updating,
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

    #[test]
    fn zones_are_those_of_the_manual() {
        let at = |ms| zone(ms);
        for (ms, press) in [
            (0, Press::Acknowledge),
            (999, Press::Acknowledge),
            (3_000, Press::ToggleMode),
            (5_999, Press::ToggleMode),
            (9_000, Press::SetupWindow),
            (11_999, Press::SetupWindow),
            (18_000, Press::FactoryReset),
            (21_999, Press::FactoryReset),
        ] {
            assert_eq!(at(ms), Zone::Acts(press), "{ms}");
        }
        for ms in [
            1_000,
            2_999,
            6_000,
            8_999,
            12_000,
            17_999,
            22_000,
            60_000,
            u64::MAX,
        ] {
            assert_eq!(at(ms), Zone::Guard, "{ms}");
        }
    }

    #[test]
    fn zones_look_different_from_each_other() {
        for (i, a) in ZONES.iter().enumerate() {
            assert_eq!(a.press.zone(), a);
            assert_ne!(
                a.lit,
                [Pattern::DARK; 3],
                "a zone must not look like a guard band"
            );
            for b in &ZONES[i + 1..] {
                assert_ne!(a.lit, b.lit);
                assert!(a.to_ms < b.from_ms, "a guard band lies between two zones");
            }
        }
    }

    #[test]
    fn a_button_held_since_the_start_asks_for_nothing() {
        let mut g = Gesture::new();
        assert_eq!(g.step(true, 0), None);
        assert_eq!(g.step(false, 20_000), None);
        assert_eq!(g.step(false, 20_100), None);
        assert_eq!(g.zone(20_100), None);
        assert_eq!(g.step(true, 30_000), None);
        assert_eq!(g.step(false, 30_500), None);
        assert_eq!(g.step(false, 30_530), Some(Press::Acknowledge));
    }

    #[test]
    fn a_held_button_shows_its_zone() {
        let mut g = released();
        g.step(true, 1_000);
        g.step(true, 1_100);
        assert_eq!(g.zone(1_100), Some(Zone::Acts(Press::Acknowledge)));
        assert_eq!(g.zone(2_500), Some(Zone::Guard));
        assert_eq!(g.zone(5_000), Some(Zone::Acts(Press::ToggleMode)));
        assert_eq!(
            g.zone(500),
            Some(Zone::Acts(Press::Acknowledge)),
            "a clock that goes back harms nothing"
        );
        assert_eq!(
            State::default().levels(g.zone(5_000), 5_000),
            [false, true, false]
        );
        assert_eq!(State::default().levels(g.zone(2_500), 2_500), [false; 3]);
    }

    fn released() -> Gesture {
        let mut g = Gesture::new();
        g.step(false, 0);
        g.step(false, DEBOUNCE_MS);
        g
    }

    proptest! {
        /// One press does at most one thing, the one of its length, however often it is looked at
        /// and however the contact bounces at both ends.
        #[test]
        fn a_press_does_what_its_length_says(
            held in 200u64..30_000,
            every in 1u64..1_000,
            bounces in prop::collection::vec(1u64..DEBOUNCE_MS, 0..6),
        ) {
            let mut g = released();
            let mut asked = Vec::new();
            let mut now = 1_000;
            let bounce = |g: &mut Gesture, now: &mut u64, first: bool, asked: &mut Vec<Press>| {
                let mut pressed = first;
                for &ms in &bounces {
                    asked.extend(g.step(pressed, *now));
                    pressed = !pressed;
                    *now += ms;
                }
                asked.extend(g.step(first, *now));
            };
            bounce(&mut g, &mut now, true, &mut asked);
            // Bouncing may leave the last edge where the level does not change.
            let start = match g.seen { Some((true, since)) => since, other => panic!("{other:?}") };
            let end = start.max(now) + held;
            while now + every < end {
                now += every;
                asked.extend(g.step(true, now));
            }
            prop_assert!(asked.is_empty());
            now = end;
            bounce(&mut g, &mut now, false, &mut asked);
            let let_go = match g.seen { Some((false, since)) => since, other => panic!("{other:?}") };
            asked.extend(g.step(false, now + DEBOUNCE_MS));
            let expected = match zone(let_go - start) { Zone::Acts(p) => Some(p), Zone::Guard => None };
            prop_assert_eq!(asked.first().copied(), expected);
            prop_assert!(asked.len() <= 1);
        }

        /// No sequence of levels and times, even impossible ones, does harm or asks twice for one press.
        #[test]
        fn nothing_confuses_it(steps in prop::collection::vec((any::<bool>(), any::<u64>()), 0..64)) {
            let mut g = Gesture::new();
            let mut presses = 0;
            for &(pressed, at) in &steps {
                presses += usize::from(g.step(pressed, at).is_some());
                let _ = State::default().levels(g.zone(at), at);
            }
            let edges = steps.windows(2).filter(|w| w[0].0 && !w[1].0).count();
            prop_assert!(presses <= edges);
        }

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
