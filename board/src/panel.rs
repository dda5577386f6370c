//! The panel driver: any three output pins and any input pin.

use embedded_hal::digital::{InputPin, OutputPin};
use serde::Deserialize;
use trunkguard_core::panel::{Gesture, Led, State};

use crate::presence::Presence;

/// Which electrical level means "lit" or "pressed".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Active {
    /// High means it.
    High,
    /// Low means it.
    Low,
}

/// A pin and its active level.
#[derive(Debug)]
pub struct Line<P> {
    /// The pin.
    pub pin: P,
    /// Its active level.
    pub active: Active,
}

/// A pin that does not obey.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PanelError {
    /// An LED could not be switched.
    #[error("the {0} LED cannot be switched: {1}")]
    Led(&'static str, String),
    /// The button could not be read.
    #[error("the button cannot be read: {0}")]
    Button(String),
    /// The process that has the panel cannot be reached.
    #[error("{0}")]
    Remote(String),
}

/// A panel of any kind, as the one task that owns it sees it.
pub trait Front: Send {
    /// Shows the state as it looks at this time (milliseconds on a clock that never goes back) and
    /// says what the button has just asked for. To be called every [`Front::TICK_MS`]; it never waits.
    ///
    /// # Errors
    /// When a pin does not obey. It is tried again at the next call; calls go on without LEDs.
    fn tick(&mut self, state: &State, now_ms: u64) -> Result<Option<Presence>, PanelError>;
}

/// After so long without a look at the button, nobody knows how long it was held: a press counts for
/// nothing then. Half of the narrowest guard band, so that a late look never makes one press another.
const UNSEEN_MS: u64 = 1_000;

impl dyn Front {
    /// How often [`Front::tick`] wants to be called: half of the shortest blink, and often enough
    /// for a short press to be seen.
    pub const TICK_MS: u64 = 50;
}

/// Three LEDs and a button on pins of any kind.
#[derive(Debug)]
pub struct Panel<L, B> {
    leds: [Line<L>; 3],
    button: Line<B>,
    /// What was last written: a pin is touched only when it changes.
    written: [Option<bool>; 3],
    gesture: Gesture,
    /// When the button was last looked at.
    looked_ms: Option<u64>,
}

impl<L: OutputPin, B: InputPin> Panel<L, B> {
    /// `leds` are STATUS, MODE and ALERT.
    pub fn new(leds: [Line<L>; 3], button: Line<B>) -> Self {
        Panel {
            leds,
            button,
            written: [None; 3],
            gesture: Gesture::new(),
            looked_ms: None,
        }
    }

    /// The pins of STATUS, MODE and ALERT.
    pub fn leds(&self) -> [&L; 3] {
        self.leds.each_ref().map(|line| &line.pin)
    }

    /// The zone that a held button is in.
    pub fn held(&self, now_ms: u64) -> Option<trunkguard_core::panel::Zone> {
        self.gesture.zone(now_ms)
    }

    fn pressed(&mut self) -> Result<bool, PanelError> {
        let pin = &mut self.button.pin;
        match self.button.active {
            Active::High => pin.is_high(),
            Active::Low => pin.is_low(),
        }
        .map_err(|e| PanelError::Button(format!("{e:?}")))
    }

    fn write(&mut self, levels: [bool; 3]) -> Result<(), PanelError> {
        let mut result = Ok(());
        for (i, lit) in levels.into_iter().enumerate() {
            if self.written[i] == Some(lit) {
                continue;
            }
            let line = &mut self.leds[i];
            let high = lit == (line.active == Active::High);
            // One broken LED must not keep the others from showing.
            match line.pin.set_state(high.into()) {
                Ok(()) => self.written[i] = Some(lit),
                Err(e) => result = Err(PanelError::Led(Led::ALL[i].name(), format!("{e:?}"))),
            }
        }
        result
    }
}

impl<L: OutputPin + Send, B: InputPin + Send> Front for Panel<L, B> {
    fn tick(&mut self, state: &State, now_ms: u64) -> Result<Option<Presence>, PanelError> {
        let unseen = self
            .looked_ms
            .is_some_and(|at| now_ms.saturating_sub(at) > UNSEEN_MS);
        if unseen {
            self.gesture = Gesture::new();
        }
        self.looked_ms = Some(now_ms);
        let pressed = self.pressed();
        // A button that cannot be read counts as let go nowhere: no press comes of it.
        let asked = match pressed {
            Ok(pressed) => self.gesture.step(pressed, now_ms),
            Err(_) => {
                self.gesture = Gesture::new();
                None
            }
        };
        let written = self.write(state.levels(self.gesture.zone(now_ms), now_ms));
        match (asked, pressed.and(written)) {
            // What a person asked for must not get lost over an LED.
            (Some(press), _) => Ok(Some(Presence::of(press))),
            (None, Ok(())) => Ok(None),
            (None, Err(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedded_hal::digital::{Error, ErrorKind, ErrorType};
    use trunkguard_core::panel::{Press, Service};

    /// A pin that counts how often it is written and can be broken.
    #[derive(Debug, Default)]
    struct Wire {
        high: bool,
        writes: u32,
        broken: bool,
    }
    #[derive(Debug)]
    struct Broken;
    impl Error for Broken {
        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }
    impl ErrorType for Wire {
        type Error = Broken;
    }
    impl OutputPin for Wire {
        fn set_low(&mut self) -> Result<(), Broken> {
            self.high = false;
            self.writes += 1;
            if self.broken { Err(Broken) } else { Ok(()) }
        }
        fn set_high(&mut self) -> Result<(), Broken> {
            self.high = true;
            self.writes += 1;
            if self.broken { Err(Broken) } else { Ok(()) }
        }
    }
    impl InputPin for Wire {
        fn is_high(&mut self) -> Result<bool, Broken> {
            if self.broken {
                Err(Broken)
            } else {
                Ok(self.high)
            }
        }
        fn is_low(&mut self) -> Result<bool, Broken> {
            self.is_high().map(|high| !high)
        }
    }

    fn panel(led: Active, button: Active) -> Panel<Wire, Wire> {
        let line = |active| Line {
            pin: Wire::default(),
            active,
        };
        let mut panel = Panel::new([line(led), line(led), line(led)], line(button));
        panel.button.pin.high = button == Active::Low;
        panel
    }

    const SERVING: State = State {
        service: Service::Serving,
        mode: trunkguard_core::policy::Mode::Detect,
        alert: true,
        setup_window: false,
    };

    #[test]
    fn active_low_leds_are_lit_by_a_low_level() {
        for (active, lit_is_high) in [(Active::High, true), (Active::Low, false)] {
            let mut p = panel(active, Active::Low);
            assert_eq!(p.tick(&SERVING, 0), Ok(None));
            assert_eq!(p.leds().map(|w| w.high), [lit_is_high; 3]);
            assert_eq!(p.tick(&SERVING, 600), Ok(None));
            assert_eq!(p.leds().map(|w| w.high), [!lit_is_high; 3]);
        }
    }

    #[test]
    fn a_pin_is_written_only_when_it_changes() {
        let mut p = panel(Active::High, Active::Low);
        for now in (0..2000).step_by(50) {
            assert_eq!(p.tick(&SERVING, now), Ok(None));
        }
        assert_eq!(p.leds().map(|w| w.writes), [2, 2, 4]);
    }

    #[test]
    fn a_broken_led_is_named_and_the_others_go_on() {
        let mut p = panel(Active::High, Active::Low);
        p.leds[1].pin.broken = true;
        let error = p.tick(&SERVING, 0).unwrap_err();
        assert_eq!(error, PanelError::Led("MODE", "Broken".into()));
        assert!(
            error
                .to_string()
                .starts_with("the MODE LED cannot be switched")
        );
        assert!(p.leds()[2].high);
        p.leds[1].pin.broken = false;
        assert_eq!(p.tick(&SERVING, 50), Ok(None), "it is tried again");
        assert!(p.leds()[1].high);
    }

    #[test]
    fn a_press_on_an_active_low_button_is_seen() {
        let mut p = panel(Active::High, Active::Low);
        let mut asked = Vec::new();
        for now in (0..6000).step_by(50) {
            p.button.pin.high = !(1000..5000).contains(&now);
            asked.extend(p.tick(&SERVING, now).unwrap().map(|p| p.press()));
            if now == 4500 {
                assert_eq!(
                    p.leds().map(|w| w.high),
                    [false, true, false],
                    "MODE shows the zone"
                );
            }
        }
        assert_eq!(asked, [Press::ToggleMode]);
    }

    /// The box stood still for a moment: a short press must not become a reset.
    #[test]
    fn a_press_that_nobody_looked_at_asks_for_nothing() {
        for (gap, expected) in [(20_000, None), (700, Some(Press::Acknowledge))] {
            let mut p = panel(Active::High, Active::Low);
            let mut asked = Vec::new();
            let mut now = 0;
            for step in 0..100 {
                now += if step == 20 { gap } else { 50 };
                p.button.pin.high = !(15..20).contains(&step);
                asked.extend(p.tick(&SERVING, now).unwrap().map(|p| p.press()));
            }
            assert_eq!(asked.first().copied(), expected, "{gap}");
        }
    }

    #[test]
    fn a_button_that_stops_answering_asks_for_nothing() {
        let mut p = panel(Active::High, Active::Low);
        for now in (0..8000).step_by(50) {
            p.button.pin.high = !(1000..5000).contains(&now);
            p.button.pin.broken = (3000..4000).contains(&now);
            match p.tick(&SERVING, now) {
                Ok(asked) => assert_eq!(asked, None),
                Err(error) => assert_eq!(error, PanelError::Button("Broken".into())),
            }
        }
    }
}
