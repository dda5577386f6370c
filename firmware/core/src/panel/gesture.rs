//! The button: what a press asks for, and the zone that a held button is in.

use serde::{Deserialize, Serialize};

use super::Pattern;

/// What a press of the button asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::panel::State;
    use proptest::prelude::*;
    use std::vec::Vec;

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
    }
}
