//! A profile as it is written, and what it may say.

use heapless::{String, Vec};
use serde::Deserialize;
use toml::Spanned;

use super::{Driver, LineId, Pin, Port, Profile, Pull};
use crate::panel::Active;

/// A profile as it is written, with the places to point at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    name: Spanned<String<24>>,
    about: String<96>,
    driver: Spanned<Driver>,
    chip: Option<Spanned<String<32>>>,
    led: Option<Spanned<WrittenLeds>>,
    button: Option<Spanned<WrittenPin>>,
    #[serde(default)]
    port: Vec<Spanned<Port>, 4>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLeds {
    status: Spanned<WrittenPin>,
    mode: Spanned<WrittenPin>,
    alert: Spanned<WrittenPin>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPin {
    line: Spanned<LineId>,
    active: Active,
    pull: Option<Spanned<Pull>>,
}

pub(super) type At = (usize, std::string::String);

fn at<T>(place: &Spanned<T>, what: impl Into<std::string::String>) -> At {
    (place.span().start, what.into())
}

impl Written {
    /// The profile, or the place (octets from the start) and what is wrong there.
    pub(super) fn check(self) -> Result<Profile, At> {
        let name = self.name.get_ref();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(at(
                &self.name,
                "name: write letters, digits and dashes, such as rpi4",
            ));
        }
        let (leds, button) = match self.driver.get_ref() {
            Driver::Sim => self.check_sim()?,
            Driver::Gpio => self.check_gpio()?,
        };
        let mut ports: Vec<Port, 4> = Vec::new();
        for port in &self.port {
            let interface = &port.get_ref().interface;
            if interface.is_empty()
                || !interface
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
            {
                return Err(at(
                    port,
                    "port.interface: write the kernel's name, such as eth0",
                ));
            }
            if ports.iter().any(|p| p.interface == *interface) {
                return Err(at(
                    port,
                    format!("port.interface: {interface} is named twice"),
                ));
            }
            // As many fit here as fitted there.
            let _ = ports.push(port.get_ref().clone());
        }
        Ok(Profile {
            driver: *self.driver.get_ref(),
            chip: self.chip.map(Spanned::into_inner).unwrap_or_default(),
            name: self.name.into_inner(),
            about: self.about,
            leds,
            button,
            ports,
        })
    }

    fn check_sim(&self) -> Result<(Option<[Pin; 3]>, Option<Pin>), At> {
        let needless = "needless: the simulated panel has no pins; leave it out";
        if let Some(chip) = &self.chip {
            return Err(at(chip, format!("chip: {needless}")));
        }
        if let Some(led) = &self.led {
            return Err(at(led, format!("led: {needless}")));
        }
        match &self.button {
            Some(button) => Err(at(button, format!("button: {needless}"))),
            None => Ok((None, None)),
        }
    }

    fn check_gpio(&self) -> Result<(Option<[Pin; 3]>, Option<Pin>), At> {
        let missing = |key: &str| {
            at(
                &self.driver,
                format!("{key}: missing; driver \"gpio\" needs it"),
            )
        };
        match &self.chip {
            None => return Err(missing("chip")),
            Some(chip) if chip.get_ref().is_empty() => {
                return Err(at(
                    chip,
                    "chip: write the label that `gpiodetect` shows, such as pinctrl-bcm2711",
                ));
            }
            Some(_) => {}
        }
        let led = self.led.as_ref().ok_or_else(|| missing("led"))?.get_ref();
        let button = self.button.as_ref().ok_or_else(|| missing("button"))?;
        if self.port.is_empty() {
            return Err(missing("port"));
        }
        let pins = [
            ("led.status", led.status.get_ref()),
            ("led.mode", led.mode.get_ref()),
            ("led.alert", led.alert.get_ref()),
            ("button", button.get_ref()),
        ];
        let mut checked: std::vec::Vec<Pin> = std::vec::Vec::with_capacity(pins.len());
        for (i, (key, pin)) in pins.iter().enumerate() {
            let pin = pin.check(key, i == 3)?;
            if let Some(other) = checked.iter().position(|p| p.line == pin.line) {
                let what = format!(
                    "{key}.line: {} is taken by {} already",
                    pin.line, pins[other].0
                );
                return Err(at(&pins[i].1.line, what));
            }
            checked.push(pin);
        }
        let button = checked.pop();
        Ok((<[Pin; 3]>::try_from(checked).ok(), button))
    }
}

impl WrittenPin {
    fn check(&self, key: &str, input: bool) -> Result<Pin, At> {
        let pull = match &self.pull {
            None if input => {
                return Err(at(
                    &self.line,
                    format!("{key}.pull: missing; write \"up\", \"down\" or \"none\""),
                ));
            }
            None => Pull::None,
            Some(pull) if !input => {
                return Err(at(
                    pull,
                    format!("{key}.pull: an LED is an output and has no pull; leave it out"),
                ));
            }
            Some(pull) => {
                let held_down = match (self.active, pull.get_ref()) {
                    (Active::Low, Pull::Down) => Some(("low", "up")),
                    (Active::High, Pull::Up) => Some(("high", "down")),
                    _ => None,
                };
                if let Some((active, other)) = held_down {
                    return Err(at(
                        pull,
                        format!(
                            "{key}.pull: with active = \"{active}\" this pull presses the button for ever; write \"{other}\""
                        ),
                    ));
                }
                *pull.get_ref()
            }
        };
        Ok(Pin {
            line: self.line.get_ref().clone(),
            active: self.active,
            pull,
        })
    }
}
