//! The front panel of the box: three LEDs and a button behind embedded-hal traits.
//!
//! What the LEDs mean and what a press asks for is decided in `trunkguard_core::panel`; here are
//! the wires. A board is data ([`Profile`]), the simulated panel is a driver like any other, and
//! which one runs is chosen at the start. On the box a process of its own has them ([`service`]), and
//! the daemon reaches them by a socket ([`Remote`]).
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::path::Path;

mod class;
mod edges;
mod frames;
mod gpio;
mod key;
mod panel;
mod pin;
mod presence;
mod profile;
mod remote;
pub mod service;
mod sim;
mod status_line;

pub use gpio::GpioError;
pub use panel::{Active, Front, Line, Panel, PanelError};
pub use presence::Presence;
pub use profile::{
    ButtonPin, LedPin, LineId, Pins, Port, Profile, ProfileError, Pull, Wiring, links,
};
pub use remote::Remote;
pub use sim::{SimButton, SimLed, SimPanel};
pub use status_line::{LogWriter, StatusLine, render};

use class::ClassLed;
use gpio::Lines;
use key::KeyButton;
use pin::{ButtonIn, LedOut};

/// Makes the panel of this board. `root` is where `sys` and `dev` are: `/`, unless a test says other.
///
/// # Errors
/// When its lines cannot be had. An LED or a button of a kernel driver may still come, and is waited
/// for: see [`Front::tick`].
pub fn open(profile: &Profile, line: StatusLine, root: &Path) -> Result<Box<dyn Front>, GpioError> {
    let pins = match &profile.wiring {
        Wiring::Simulated => return Ok(Box::new(SimPanel::new(line))),
        Wiring::Pins(pins) => pins,
    };
    let lines = Lines::open(pins)?;
    let lines = lines.as_ref();
    let led = |place: usize| {
        let pin = match &pins.leds[place] {
            LedPin::Class(name) => LedOut::Class(ClassLed::new(root, name)),
            LedPin::Line(line, _) => LedOut::Line(
                (lines.and_then(|lines| lines.led(place)))
                    .ok_or_else(|| GpioError::no_line(pins, line))?,
            ),
        };
        Ok(high(pin))
    };
    let button = match &pins.button {
        ButtonPin::Key(input, key) => ButtonIn::Key(KeyButton::new(root, input, *key)),
        ButtonPin::Line(line, ..) => ButtonIn::Line(
            (lines.and_then(Lines::button)).ok_or_else(|| GpioError::no_line(pins, line))?,
        ),
    };
    Ok(Box::new(Panel::new(
        [led(0)?, led(1)?, led(2)?],
        high(button),
    )))
}

/// The kernel turns levels round where a pin is active low: to us high is lit, and pressed.
fn high<P>(pin: P) -> Line<P> {
    Line {
        pin,
        active: Active::High,
    }
}
