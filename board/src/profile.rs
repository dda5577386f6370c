//! A board as data: which pins the LEDs and the button are on, and which ports it has.

use std::{fmt, path::Path};

use heapless::{String, Vec};
use serde::Deserialize;

use crate::panel::Active;

mod written;

use written::Written;

/// One board.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// What `--board` calls it.
    pub name: String<24>,
    /// What it is, for people.
    pub about: String<96>,
    /// How its pins are driven.
    pub driver: Driver,
    /// Label of the GPIO chip that the lines are on. Empty for [`Driver::Sim`].
    pub chip: String<32>,
    /// STATUS, MODE and ALERT. `None` for [`Driver::Sim`].
    pub leds: Option<[Pin; 3]>,
    /// The button. `None` for [`Driver::Sim`].
    pub button: Option<Pin>,
    /// Network ports, the one on the board first.
    pub ports: Vec<Port, 4>,
}

/// How the pins of a board are driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// Drawn on the terminal.
    Sim,
    /// Lines of a GPIO chip.
    Gpio,
}

/// One line of the GPIO chip.
#[derive(Clone, Debug, PartialEq)]
pub struct Pin {
    /// Which one.
    pub line: LineId,
    /// The level that means lit or pressed.
    pub active: Active,
    /// The resistor that holds an input when nothing else does.
    pub pull: Pull,
}

/// A line of a GPIO chip, by its number or by the name that the device tree gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineId {
    /// Offset on the chip.
    Number(u16),
    /// Name on the chip.
    Name(String<32>),
}

impl<'de> Deserialize<'de> for LineId {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = LineId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the line's number (0 to 511) or its name in quotes")
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<LineId, E> {
                match u16::try_from(number) {
                    Ok(number) if number <= 511 => Ok(LineId::Number(number)),
                    _ => Err(E::invalid_value(
                        serde::de::Unexpected::Signed(number),
                        &self,
                    )),
                }
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<LineId, E> {
                match String::try_from(name) {
                    Ok(text) if !name.is_empty() => Ok(LineId::Name(text)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(name), &self)),
                }
            }
        }
        from.deserialize_any(Visitor)
    }
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
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Name of the interface in the kernel.
    pub interface: String<15>,
    /// What it is, for people.
    pub about: String<64>,
    /// The board works without it.
    #[serde(default)]
    pub optional: bool,
}

/// What is wrong with a profile, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// No built-in profile has that name.
    #[error("no board `{0}`; there are {names}, or give the path of a profile (./my-board.toml)", names = names())]
    Unknown(std::string::String),
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

const BUILT_IN: [(&str, &str); 5] = [
    ("sim", include_str!("../profiles/sim.toml")),
    ("qemu-virt", include_str!("../profiles/qemu-virt.toml")),
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
    /// The profile of this name, or in this file when it looks like a path.
    ///
    /// # Errors
    /// When there is no such profile, or the file cannot be read, or is wrong.
    pub fn load(name: &str) -> Result<Profile, ProfileError> {
        if let Some((_, text)) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
            return Profile::parse(&format!("{name}.toml"), text);
        }
        if !name.contains('/') && !name.ends_with(".toml") {
            return Err(ProfileError::Unknown(name.escape_debug().to_string()));
        }
        Profile::parse(name, &read(Path::new(name))?)
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
    let size = std::fs::metadata(path).map_err(|e| unreadable(e.to_string()))?;
    if !size.is_file() || size.len() > MAX_LEN {
        return Err(unreadable(format!(
            "not a board profile: not a file of at most {MAX_LEN} octets"
        )));
    }
    std::fs::read_to_string(path).map_err(|e| unreadable(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_profile_is_right_and_bears_its_name() {
        for (name, _) in BUILT_IN {
            let profile = Profile::load(name).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(profile.name, name);
            assert_eq!(profile.leds.is_some(), profile.driver == Driver::Gpio);
            assert_eq!(profile.button.is_some(), profile.driver == Driver::Gpio);
        }
    }

    #[test]
    fn the_folder_has_no_profile_that_is_not_built_in() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");
        let mut found: std::vec::Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let mut known = BUILT_IN.map(|(name, _)| format!("{name}.toml"));
        found.sort();
        known.sort();
        assert_eq!(found, known);
    }

    #[test]
    fn a_board_that_is_not_there_is_answered_with_those_that_are() {
        let error = Profile::load("rpi9").unwrap_err().to_string();
        assert_eq!(
            error,
            "no board `rpi9`; there are sim, qemu-virt, rpi3, rpi4, cm4, or give the path of a profile (./my-board.toml)"
        );
        let error = Profile::load("./no/such.toml").unwrap_err().to_string();
        assert!(error.starts_with("./no/such.toml: No such file"), "{error}");
        assert!(
            Profile::load("/dev/zero")
                .unwrap_err()
                .to_string()
                .contains("not a board profile")
        );
    }

    /// Each row changes one line of the Pi 4's profile and expects the error that points there.
    #[test]
    fn errors_name_file_line_and_key() {
        let good = include_str!("../profiles/rpi4.toml");
        for (from, to, line, says) in [
            (
                "name = \"rpi4\"",
                "name = \"Pi 4!\"",
                3,
                "name: write letters",
            ),
            (
                "driver = \"gpio\"",
                "driver = \"spi\"",
                5,
                "unknown variant `spi`",
            ),
            (
                "chip = \"pinctrl-bcm2711\"",
                "chip = \"\"",
                6,
                "chip: write the label",
            ),
            ("chip = \"pinctrl-bcm2711\"\n", "", 5, "chip: missing"),
            (
                "line = 17",
                "line = 4711",
                9,
                "integer `4711`, expected the line's number (0 to 511) or its name",
            ),
            (
                "line = 17",
                "line = -1",
                9,
                "integer `-1`, expected the line's number",
            ),
            (
                "line = 27",
                "line = 17",
                13,
                "led.mode.line: 17 is taken by led.status already",
            ),
            ("line = 22", "line = \"\"", 17, "expected the line's number"),
            (
                "line = 22",
                "line = 22\npull = \"up\"",
                18,
                "led.alert.pull: an LED is an output",
            ),
            (
                "active = \"low\"",
                "active = \"lo\"",
                22,
                "unknown variant `lo`",
            ),
            (
                "pull = \"up\"",
                "pull = \"down\"",
                23,
                "button.pull: with active = \"low\"",
            ),
            ("pull = \"up\"\n", "", 21, "button.pull: missing"),
            ("pull = \"up\"", "pul = \"up\"", 23, "unknown field `pul`"),
            (
                "interface = \"eth1\"",
                "interface = \"eth0\"",
                29,
                "port.interface: eth0 is named twice",
            ),
            (
                "interface = \"eth1\"",
                "interface = \"../x\"",
                29,
                "port.interface: write",
            ),
            (
                "interface = \"eth1\"",
                "interface = \"a-name-that-is-too-long\"",
                30,
                "15",
            ),
        ] {
            assert!(good.contains(from), "{from}");
            let bad = good.replacen(from, to, 1);
            let error = Profile::parse("my.toml", &bad).unwrap_err().to_string();
            let at = error
                .strip_prefix("my.toml:")
                .unwrap_or_else(|| panic!("{error}"));
            let (number, what) = at.split_once(": ").unwrap();
            assert!(what.contains(says), "{from} -> {to}: {error}");
            assert!(
                number.parse::<usize>().unwrap().abs_diff(line) <= 1,
                "{from} -> {to}: {error}, not {line}"
            );
        }
    }

    #[test]
    fn the_simulated_board_has_no_pins() {
        let error = Profile::parse(
            "s.toml",
            "name = \"s\"\nabout = \"\"\ndriver = \"sim\"\nchip = \"x\"\n",
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "s.toml:4: chip: needless: the simulated panel has no pins; leave it out"
        );
    }
}
