//! A profile as it is written, and what it may say.

use heapless::{String, Vec};
use serde::Deserialize;
use toml::Spanned;

use super::{ButtonPin, LedPin, LineId, Pins, Port, Profile, Pull, Wiring, values::Key};
use crate::panel::Active;

/// A profile as it is written, with the places to point at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    name: Spanned<String<24>>,
    about: String<96>,
    driver: Option<Spanned<Driver>>,
    #[serde(default)]
    compatible: Vec<Spanned<String<64>>, 8>,
    chip: Option<Spanned<String<32>>>,
    led: Option<Spanned<WrittenLeds>>,
    button: Option<Spanned<WrittenPin>>,
    #[serde(default)]
    port: Vec<Spanned<WrittenPort>, 4>,
}

/// A panel that is no hardware.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Driver {
    Sim,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLeds {
    status: Spanned<WrittenPin>,
    mode: Spanned<WrittenPin>,
    alert: Spanned<WrittenPin>,
}

/// An LED or the button: what belongs to which is looked at in [`WrittenPin::led`] and
/// [`WrittenPin::button`], because a person is helped more by that than by "unknown field".
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPin {
    line: Option<Spanned<LineId>>,
    active: Option<Spanned<Active>>,
    pull: Option<Spanned<Pull>>,
    led: Option<Spanned<String<63>>>,
    input: Option<Spanned<String<63>>>,
    key: Option<Spanned<Key>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPort {
    interface: Spanned<String<15>>,
    about: String<64>,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    path: Vec<Spanned<String<64>>, 4>,
}

pub(super) type At = (usize, std::string::String);

fn at<T>(place: &Spanned<T>, what: impl Into<std::string::String>) -> At {
    (place.span().start, what.into())
}

/// Is every octet a letter, a digit, or one of these?
fn made_of(text: &str, more: &[u8]) -> bool {
    !text.is_empty() && (text.bytes()).all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
}

impl Written {
    /// The profile, or the place (octets from the start) and what is wrong there.
    pub(super) fn check(self) -> Result<Profile, At> {
        if !made_of(self.name.get_ref(), b"-") {
            let what = "name: write letters, digits and dashes, such as rpi4";
            return Err(at(&self.name, what));
        }
        let mut compatible: Vec<String<64>, 8> = Vec::new();
        for string in &self.compatible {
            if !made_of(string.get_ref(), b",.-_+") || !string.get_ref().contains(',') {
                let what = "compatible: write what the device tree says, such as \"raspberrypi,4-model-b\"";
                return Err(at(string, what));
            }
            // As many fit here as fitted there.
            let _ = compatible.push(string.get_ref().clone());
        }
        let wiring = match &self.driver {
            Some(driver) if *driver.get_ref() == Driver::Sim => self.check_sim()?,
            _ => Wiring::Pins(Box::new(self.check_pins()?)),
        };
        let ports = self.check_ports()?;
        Ok(Profile {
            name: self.name.into_inner(),
            about: self.about,
            compatible,
            wiring,
            ports,
        })
    }

    fn check_sim(&self) -> Result<Wiring, At> {
        let needless = "needless: the simulated panel has no pins; leave it out";
        if let Some(chip) = &self.chip {
            return Err(at(chip, format!("chip: {needless}")));
        }
        if let Some(led) = &self.led {
            return Err(at(led, format!("led: {needless}")));
        }
        match &self.button {
            Some(button) => Err(at(button, format!("button: {needless}"))),
            None => Ok(Wiring::Simulated),
        }
    }

    fn check_pins(&self) -> Result<Pins, At> {
        let missing = |key: &str| {
            at(
                &self.name,
                format!("{key}: missing; a board has it, unless it says driver = \"sim\""),
            )
        };
        let led = self.led.as_ref().ok_or_else(|| missing("led"))?.get_ref();
        let button = self.button.as_ref().ok_or_else(|| missing("button"))?;
        if self.port.is_empty() {
            return Err(missing("port"));
        }
        let pins = [
            ("led.status", &led.status),
            ("led.mode", &led.mode),
            ("led.alert", &led.alert),
            ("button", button),
        ];
        let leds = [
            pins[0].1.get_ref().led(pins[0].0, pins[0].1)?,
            pins[1].1.get_ref().led(pins[1].0, pins[1].1)?,
            pins[2].1.get_ref().led(pins[2].0, pins[2].1)?,
        ];
        let button = button.get_ref().button(button)?;
        for (i, (key, pin)) in pins.iter().enumerate() {
            let pin = pin.get_ref();
            for (other, taken) in &pins[..i] {
                let taken = taken.get_ref();
                if let (Some(a), Some(b)) = (&pin.line, &taken.line)
                    && a.get_ref() == b.get_ref()
                {
                    let what = format!("{key}.line: {} is taken by {other} already", a.get_ref());
                    return Err(at(a, what));
                }
                if let (Some(a), Some(b)) = (&pin.led, &taken.led)
                    && a.get_ref() == b.get_ref()
                {
                    let what = format!("{key}.led: {} is taken by {other} already", a.get_ref());
                    return Err(at(a, what));
                }
            }
        }
        let line = pins.iter().find_map(|(key, pin)| {
            let line = pin.get_ref().line.as_ref()?;
            Some((key, line))
        });
        let chip = match (&self.chip, line) {
            (None, None) => String::new(),
            (Some(chip), None) => {
                let what = "chip: needless: nothing here is a line of it; leave it out";
                return Err(at(chip, what));
            }
            (None, Some((key, line))) => {
                let what = format!("chip: missing; {key}.line is a line of which one?");
                return Err(at(line, what));
            }
            (Some(chip), Some(_)) if chip.get_ref().is_empty() => {
                let what = "chip: write the label that `gpiodetect` shows, such as pinctrl-bcm2711";
                return Err(at(chip, what));
            }
            (Some(chip), Some(_)) => chip.get_ref().clone(),
        };
        Ok(Pins { chip, leds, button })
    }

    fn check_ports(&self) -> Result<Vec<Port, 4>, At> {
        let mut ports: Vec<Port, 4> = Vec::new();
        for written in &self.port {
            let port = written.get_ref();
            let interface = port.interface.get_ref();
            if !made_of(interface, b"-._") {
                let what = "port.interface: write the name as `ip link` shows it, such as port0";
                return Err(at(&port.interface, what));
            }
            if ports.iter().any(|p| p.interface == *interface) {
                let what = format!("port.interface: {interface} is named twice");
                return Err(at(&port.interface, what));
            }
            if port.path.is_empty() && !self.compatible.is_empty() {
                let what = format!(
                    "port.path: missing; say where {interface} is plugged in, so that it gets its name (udevadm info /sys/class/net/… shows ID_PATH)"
                );
                return Err(at(written, what));
            }
            let kernels = ["eth", "usb", "wlan", "lo"].map(|name| interface.starts_with(name));
            if !port.path.is_empty() && kernels.contains(&true) {
                let what = format!(
                    "port.interface: {interface} may be the kernel's name for another one; with a path, write a name such as port0"
                );
                return Err(at(&port.interface, what));
            }
            let mut path: Vec<String<64>, 4> = Vec::new();
            for pattern in &port.path {
                let text = pattern.get_ref();
                if !made_of(text, b"-._:*") || text.starts_with('*') {
                    let what = "port.path: write an ID_PATH as `udevadm info` shows it, with * for what differs";
                    return Err(at(pattern, what));
                }
                if path.contains(text) || ports.iter().any(|p| p.path.contains(text)) {
                    let what = format!("port.path: {text} is named twice");
                    return Err(at(pattern, what));
                }
                // As many fit here as fitted there.
                let _ = path.push(text.clone());
            }
            // As many fit here as fitted there.
            let _ = ports.push(Port {
                interface: interface.clone(),
                about: port.about.clone(),
                optional: port.optional,
                path,
            });
        }
        Ok(ports)
    }
}

impl WrittenPin {
    fn led(&self, key: &str, whole: &Spanned<WrittenPin>) -> Result<LedPin, At> {
        if let Some(input) = &self.input {
            let what = format!("{key}.input: an LED is no input; write line or led");
            return Err(at(input, what));
        }
        if let Some(code) = &self.key {
            let what = format!("{key}.key: an LED has no key; leave it out");
            return Err(at(code, what));
        }
        if let Some(pull) = &self.pull {
            let what = format!("{key}.pull: an LED is an output and has no pull; leave it out");
            return Err(at(pull, what));
        }
        match (&self.line, &self.led) {
            (Some(line), None) => Ok(LedPin::Line(
                line.get_ref().clone(),
                self.active(key, line)?,
            )),
            (None, Some(led)) => {
                self.no_active(key)?;
                is_name(&format!("{key}.led"), led)?;
                Ok(LedPin::Class(led.get_ref().clone()))
            }
            (Some(_), Some(led)) => Err(at(
                led,
                format!("{key}.led: it is on a line already; write one of line and led"),
            )),
            (None, None) => Err(at(
                whole,
                format!(
                    "{key}: missing; write line (of the GPIO chip) or led (its name in /sys/class/leds)"
                ),
            )),
        }
    }

    fn button(&self, whole: &Spanned<WrittenPin>) -> Result<ButtonPin, At> {
        if let Some(led) = &self.led {
            let what = "button.led: a button is no LED; write line or input";
            return Err(at(led, what));
        }
        match (&self.line, &self.input) {
            (Some(line), None) => {
                if let Some(code) = &self.key {
                    let what = "button.key: needless: a line has no key; leave it out";
                    return Err(at(code, what));
                }
                let active = self.active("button", line)?;
                let Some(pull) = &self.pull else {
                    let what = "button.pull: missing; write \"up\", \"down\" or \"none\"";
                    return Err(at(line, what));
                };
                let held = match (active, pull.get_ref()) {
                    (Active::Low, Pull::Down) => Some(("low", "up")),
                    (Active::High, Pull::Up) => Some(("high", "down")),
                    _ => None,
                };
                if let Some((active, other)) = held {
                    let what = format!(
                        "button.pull: with active = \"{active}\" this pull presses the button for ever; write \"{other}\""
                    );
                    return Err(at(pull, what));
                }
                let line = line.get_ref().clone();
                Ok(ButtonPin::Line(line, active, *pull.get_ref()))
            }
            (None, Some(input)) => {
                self.no_active("button")?;
                if let Some(pull) = &self.pull {
                    let what = "button.pull: needless: the device tree says it; leave it out";
                    return Err(at(pull, what));
                }
                is_name("button.input", input)?;
                let Some(key) = &self.key else {
                    let what = "button.key: missing; write \"restart\", \"power\" or a code";
                    return Err(at(input, what));
                };
                Ok(ButtonPin::Key(input.get_ref().clone(), key.get_ref().0))
            }
            (Some(_), Some(input)) => Err(at(
                input,
                "button.input: it is on a line already; write one of line and input",
            )),
            (None, None) => Err(at(
                whole,
                "button: missing; write line (of the GPIO chip) or input (the input device's name)",
            )),
        }
    }

    fn active(&self, key: &str, line: &Spanned<LineId>) -> Result<Active, At> {
        let missing = || {
            let what = format!("{key}.active: missing; write \"high\" or \"low\"");
            at(line, what)
        };
        Ok(*self.active.as_ref().ok_or_else(missing)?.get_ref())
    }

    fn no_active(&self, key: &str) -> Result<(), At> {
        match &self.active {
            Some(active) => Err(at(
                active,
                format!("{key}.active: needless: the device tree says it; leave it out"),
            )),
            None => Ok(()),
        }
    }
}

/// It becomes a part of a path.
fn is_name(key: &str, name: &Spanned<String<63>>) -> Result<(), At> {
    match made_of(name.get_ref(), b":-_.@ ") && !name.get_ref().starts_with('.') {
        true => Ok(()),
        false => Err(at(
            name,
            format!("{key}: write the name as the kernel shows it, such as trunkguard:status"),
        )),
    }
}
