//! A board as data: which wires the LEDs and the button are on, and which ports it has.

use std::{fmt, io::Read, path::Path};

use heapless::{String, Vec};
use serde::Deserialize;

use crate::panel::Active;

mod detect;
mod links;
#[cfg(test)]
mod tests;
mod values;
mod written;

pub use links::links;
use written::Written;

/// One board.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// What `--board` calls it.
    pub name: String<24>,
    /// What it is, for people.
    pub about: String<96>,
    /// Root compatible strings of device trees that are this board's; none where it must be named.
    pub compatible: Vec<String<64>, 8>,
    /// How its LEDs and its button are reached.
    pub wiring: Wiring,
    /// Network ports, the one on the board first.
    pub ports: Vec<Port, 4>,
}

/// How LEDs and button are reached.
#[derive(Clone, Debug, PartialEq)]
pub enum Wiring {
    /// Drawn on the terminal.
    Simulated,
    /// There are real ones.
    Pins(Box<Pins>),
}

/// Three LEDs and a button, each on a wire of its own kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Pins {
    /// Label of the GPIO chip that the lines are on. Empty where none is a line.
    pub chip: String<32>,
    /// STATUS, MODE and ALERT.
    pub leds: [LedPin; 3],
    /// The button.
    pub button: ButtonPin,
}

/// What an LED is on.
#[derive(Clone, Debug, PartialEq)]
pub enum LedPin {
    /// A line of the GPIO chip, and the level that lights it.
    Line(LineId, Active),
    /// An LED that the kernel drives, by its name in /sys/class/leds.
    Class(String<63>),
}

/// What the button is on.
#[derive(Clone, Debug, PartialEq)]
pub enum ButtonPin {
    /// A line of the GPIO chip, the level that means pressed, and the resistor.
    Line(LineId, Active, Pull),
    /// A key of an input device that the kernel reads: the device's name, and the key's code
    /// (linux/input-event-codes.h).
    Key(String<63>, u16),
}

/// A line of a GPIO chip, by its number or by the name that the device tree gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineId {
    /// Offset on the chip.
    Number(u16),
    /// Name on the chip.
    Name(String<32>),
}

impl fmt::Display for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LineId::Number(n) => write!(f, "{n}"),
            LineId::Name(name) => write!(f, "\"{name}\""),
        }
    }
}

/// The resistor that holds an input when nothing else does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pull {
    /// Towards the supply.
    Up,
    /// Towards ground.
    Down,
    /// None, or one outside the chip.
    #[default]
    None,
}

/// A network port.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// Name of the interface: what it is called where `path` finds it, else the kernel's own.
    pub interface: String<15>,
    /// What it is, for people.
    pub about: String<64>,
    /// The board works without it.
    pub optional: bool,
    /// Where it is plugged in: udev's ID_PATH, with `*`, as systemd.link(5) takes it.
    pub path: Vec<String<64>, 4>,
}

/// What is wrong with a profile, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// No built-in profile has that name.
    #[error("no board `{0}`; there are {names} and auto, or give the path of a profile (./my-board.toml)", names = names())]
    Unknown(std::string::String),
    /// `auto`, and no built-in profile knows the device tree.
    #[error("--board auto: no profile is for this machine, whose device tree says {0}; name one with --board: {names}, or the path of a profile", names = names())]
    Undetected(std::string::String),
    /// The file cannot be read.
    #[error("{file}: {why}")]
    Unreadable {
        /// Its path.
        file: std::string::String,
        /// What the system says.
        why: std::string::String,
    },
    /// It says something that cannot be.
    #[error("{file}:{line}: {what}")]
    Wrong {
        /// Its path.
        file: std::string::String,
        /// The line, from 1.
        line: usize,
        /// The key and what is wrong with it.
        what: std::string::String,
    },
}

const BUILT_IN: [(&str, &str); 6] = [
    ("sim", include_str!("../profiles/sim.toml")),
    ("qemu-virt", include_str!("../profiles/qemu-virt.toml")),
    (
        "qemu-gpio-sim",
        include_str!("../profiles/qemu-gpio-sim.toml"),
    ),
    ("rpi3", include_str!("../profiles/rpi3.toml")),
    ("rpi4", include_str!("../profiles/rpi4.toml")),
    ("cm4", include_str!("../profiles/cm4.toml")),
];

fn names() -> std::string::String {
    BUILT_IN.map(|(name, _)| name).join(", ")
}

/// A profile is a page of text; what is longer is something else.
const MAX_LEN: u64 = 16 * 1024;

impl Profile {
    /// The profile of this name; in this file, when it looks like a path; or the one that is for this
    /// machine, when it is `auto`.
    ///
    /// # Errors
    /// When there is no such profile, or the file cannot be read, or is wrong.
    pub fn load(name: &str) -> Result<Profile, ProfileError> {
        if name == "auto" {
            return Profile::detect(&detect::read()?);
        }
        if let Some((_, text)) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
            return Profile::parse(&format!("{name}.toml"), text);
        }
        if !name.contains('/') && !name.ends_with(".toml") {
            return Err(ProfileError::Unknown(name.escape_debug().to_string()));
        }
        Profile::load_file(Path::new(name))
    }

    /// The profile in this file.
    ///
    /// # Errors
    /// When the file cannot be read, or is wrong.
    pub fn load_file(path: &Path) -> Result<Profile, ProfileError> {
        Profile::parse(&path.display().to_string(), &read(path)?)
    }

    /// Every built-in profile.
    ///
    /// # Errors
    /// None that a test would not have found.
    pub fn built_in() -> Result<std::vec::Vec<Profile>, ProfileError> {
        BUILT_IN
            .iter()
            .map(|(name, text)| Profile::parse(&format!("{name}.toml"), text))
            .collect()
    }

    /// Reads a profile. `file` is what errors call it.
    ///
    /// # Errors
    /// When it is not TOML, has an unknown key, or says something that cannot be.
    pub fn parse(file: &str, text: &str) -> Result<Profile, ProfileError> {
        let wrong = |at: usize, what: std::string::String| ProfileError::Wrong {
            file: file.into(),
            line: text.as_bytes()[..at.min(text.len())]
                .iter()
                .filter(|&&b| b == b'\n')
                .count()
                + 1,
            what,
        };
        let written: Written = toml::from_str(text).map_err(|e| {
            wrong(
                e.span().map_or(0, |s| s.start),
                e.message().replace('\n', ", "),
            )
        })?;
        written.check().map_err(|(at, what)| wrong(at, what))
    }
}

fn read(path: &Path) -> Result<std::string::String, ProfileError> {
    let unreadable = |why: std::string::String| ProfileError::Unreadable {
        file: path.display().to_string(),
        why,
    };
    let not_one = || {
        unreadable(format!(
            "not a board profile: not a file of at most {MAX_LEN} octets of text"
        ))
    };
    let meta = std::fs::metadata(path).map_err(|e| unreadable(e.to_string()))?;
    if !meta.is_file() {
        return Err(not_one());
    }
    let file = std::fs::File::open(path).map_err(|e| unreadable(e.to_string()))?;
    let mut octets = std::vec::Vec::new();
    (file.take(MAX_LEN + 1).read_to_end(&mut octets)).map_err(|e| unreadable(e.to_string()))?;
    if octets.len() as u64 > MAX_LEN {
        return Err(not_one());
    }
    std::string::String::from_utf8(octets).map_err(|_| not_one())
}
