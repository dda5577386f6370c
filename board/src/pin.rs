//! Pins of a real panel, whichever wire they are on.

use std::fmt;

use embedded_hal::digital::{Error, ErrorKind, ErrorType, InputPin, OutputPin};

use crate::{
    class::ClassLed,
    gpio::{GpioButton, GpioLed},
    key::KeyButton,
};

/// What a pin says when it does not obey: what, where, and what to do.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PinError(pub(crate) String);

/// The traits ask for nothing but this, so it says the same.
impl fmt::Debug for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for PinError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

/// An LED.
#[derive(Debug)]
pub(crate) enum LedOut {
    Line(GpioLed),
    Class(ClassLed),
}

impl ErrorType for LedOut {
    type Error = PinError;
}

impl OutputPin for LedOut {
    fn set_low(&mut self) -> Result<(), PinError> {
        match self {
            LedOut::Line(led) => led.set(false),
            LedOut::Class(led) => led.set(false),
        }
    }

    fn set_high(&mut self) -> Result<(), PinError> {
        match self {
            LedOut::Line(led) => led.set(true),
            LedOut::Class(led) => led.set(true),
        }
    }
}

/// A button.
#[derive(Debug)]
pub(crate) enum ButtonIn {
    Line(GpioButton),
    Key(KeyButton),
}

impl ErrorType for ButtonIn {
    type Error = PinError;
}

impl InputPin for ButtonIn {
    fn is_high(&mut self) -> Result<bool, PinError> {
        match self {
            ButtonIn::Line(button) => button.pressed(),
            ButtonIn::Key(button) => button.pressed(),
        }
    }

    fn is_low(&mut self) -> Result<bool, PinError> {
        self.is_high().map(|high| !high)
    }
}
