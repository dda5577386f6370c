//! The simulated panel: pins that remember their level, drawn on the terminal.

use std::convert::Infallible;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use embedded_hal::digital::{ErrorType, InputPin, OutputPin};
use trunkguard_core::panel::State;

use crate::{
    panel::{Active, Front, Line, Panel, PanelError},
    presence::Presence,
    status_line::{StatusLine, render},
};

/// An LED that is not there: it remembers whether it is lit.
#[derive(Debug, Default)]
pub struct SimLed(bool);

impl SimLed {
    /// Is it lit?
    pub fn lit(&self) -> bool {
        self.0
    }
}

impl ErrorType for SimLed {
    type Error = Infallible;
}

impl OutputPin for SimLed {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.0 = false;
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.0 = true;
        Ok(())
    }
}

/// A button that is not there: whoever holds a clone of it can press it.
#[derive(Clone, Debug, Default)]
pub struct SimButton(Arc<AtomicBool>);

impl SimButton {
    /// Presses it down, or lets it go.
    pub fn press(&self, down: bool) {
        self.0.store(down, Relaxed);
    }
}

impl ErrorType for SimButton {
    type Error = Infallible;
}

impl InputPin for SimButton {
    fn is_high(&mut self) -> Result<bool, Infallible> {
        Ok(self.0.load(Relaxed))
    }

    fn is_low(&mut self) -> Result<bool, Infallible> {
        Ok(!self.0.load(Relaxed))
    }
}

/// The panel of `--board sim`.
#[derive(Debug)]
pub struct SimPanel {
    panel: Panel<SimLed, SimButton>,
    button: SimButton,
    line: StatusLine,
}

impl SimPanel {
    /// A panel drawn on this line.
    pub fn new(line: StatusLine) -> Self {
        let led = || Line {
            pin: SimLed::default(),
            active: Active::High,
        };
        let button = SimButton::default();
        let panel = Panel::new(
            [led(), led(), led()],
            Line {
                pin: button.clone(),
                active: Active::High,
            },
        );
        SimPanel {
            panel,
            button,
            line,
        }
    }

    /// Its button.
    pub fn button(&self) -> SimButton {
        self.button.clone()
    }

    /// Which of STATUS, MODE and ALERT are lit.
    pub fn lit(&self) -> [bool; 3] {
        self.panel.leds().map(SimLed::lit)
    }
}

impl Front for SimPanel {
    fn tick(&mut self, state: &State, now_ms: u64) -> Result<Option<Presence>, PanelError> {
        let asked = self.panel.tick(state, now_ms)?;
        let held = self.panel.held(now_ms);
        self.line
            .draw(now_ms, |utf8| render(self.lit(), state, held, utf8));
        Ok(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkguard_core::panel::{Press, Service};

    #[test]
    fn the_simulated_button_is_pressed_like_a_real_one() {
        let mut panel = SimPanel::new(StatusLine::hidden());
        let button = panel.button();
        let state = State {
            service: Service::Serving,
            ..State::default()
        };
        let mut asked = Vec::new();
        for now in (0..15_000).step_by(50) {
            button.press((1_000..11_000).contains(&now));
            asked.extend(panel.tick(&state, now).unwrap().map(|p| p.press()));
            if now == 10_500 {
                assert_eq!(panel.lit(), [false, true, true]);
            }
        }
        assert_eq!(asked, [Press::SetupWindow]);
    }
}
