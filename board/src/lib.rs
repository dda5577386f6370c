//! The front panel of the box: three LEDs and a button behind embedded-hal traits.
//!
//! What the LEDs mean and what a press asks for is decided in `trunkguard_core::panel`; here are
//! the wires. A board is data ([`Profile`]), the simulated panel is a driver like any other, and
//! which one runs is chosen when the daemon starts.
#![forbid(unsafe_code)]

mod panel;
mod profile;
mod sim;
mod status_line;

pub use panel::{Active, Front, Line, Panel, PanelError};
pub use profile::{Driver, Pin, Port, Profile, ProfileError, Pull};
pub use sim::{SimButton, SimLed, SimPanel};
pub use status_line::{LogWriter, StatusLine, render};

/// Why a panel cannot be driven.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The profile is fine, the driver is not there.
    #[error(
        "board `{0}` needs the GPIO driver, which is not in this version; start with `--board sim`"
    )]
    NoDriver(String),
}

/// Makes the driver that the profile names.
///
/// # Errors
/// When this version has no such driver.
pub fn open(profile: &Profile, line: StatusLine) -> Result<Box<dyn Front>, OpenError> {
    match profile.driver {
        Driver::Sim => Ok(Box::new(SimPanel::new(line))),
        Driver::Gpio => Err(OpenError::NoDriver(profile.name.as_str().into())),
    }
}
