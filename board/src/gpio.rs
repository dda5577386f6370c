//! LEDs and button as lines of a GPIO chip, by its character device (uAPI v2).
//!
//! The lines are asked for once and held for life: nobody else can take them, and the kernel keeps
//! their level. The kernel knows each line's active level, so that here "active" is lit or pressed.

use std::{sync::Arc, time::Duration};

use gpiocdev::{
    Chip, Request,
    line::{Bias, EdgeDetection, EdgeKind, Offset, Value},
};

use crate::{
    edges::Edges,
    panel::Active,
    pin::PinError,
    profile::{ButtonPin, LedPin, LineId, Pins, Pull},
};

/// Levels of the button shorter than this are its contact; the kernel passes over them.
const DEBOUNCE: Duration = Duration::from_millis(20);
/// Words of 8 octets of one event (`struct gpio_v2_line_event`, linux/gpio.h).
const EVENT_WORDS: usize = 6;
/// Edges taken at one look. A button that has more waiting is broken, and must not hold the loop.
const EDGES: usize = 64;

/// Why the lines cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum GpioError {
    /// There is no such chip.
    #[error(
        "there is no GPIO chip `{label}` that may be opened; found: {found}. Is its driver loaded, is it the right board (--board), may this user open /dev/gpiochip*?"
    )]
    NoChip {
        /// What was looked for.
        label: String,
        /// What is there.
        found: String,
    },
    /// The chip has no such line.
    #[error("GPIO chip `{label}` has no line {line}; `gpioinfo` lists them")]
    NoLine {
        /// The chip.
        label: String,
        /// The line.
        line: LineId,
    },
    /// Somebody else has them, or the chip cannot do it.
    #[error(
        "the lines of GPIO chip `{label}` are not given: {problem}; `gpioinfo` shows who holds them"
    )]
    Refused {
        /// The chip.
        label: String,
        /// What the kernel says.
        problem: gpiocdev::Error,
    },
}

/// The lines of one board.
pub(crate) struct Lines {
    request: Arc<Request>,
    leds: [Option<Offset>; 3],
    button: Option<Offset>,
}

impl GpioError {
    /// The line is none of the chip's.
    pub(crate) fn no_line(pins: &Pins, line: &LineId) -> GpioError {
        GpioError::NoLine {
            label: pins.chip.to_string(),
            line: line.clone(),
        }
    }
}

impl Lines {
    /// Takes every pin that is a line. `None` when none is.
    pub(crate) fn open(pins: &Pins) -> Result<Option<Lines>, GpioError> {
        let none = pins.leds.iter().all(|led| matches!(led, LedPin::Class(_)))
            && matches!(pins.button, ButtonPin::Key(..));
        if none {
            return Ok(None);
        }
        let (chip, count) = find(&pins.chip)?;
        let offset = |line: &LineId| {
            let offset = match line {
                LineId::Number(number) => Some(u32::from(*number)).filter(|offset| *offset < count),
                LineId::Name(name) => chip.find_line_info(name).map(|info| info.offset),
            };
            offset.ok_or_else(|| GpioError::no_line(pins, line))
        };
        let mut builder = Request::builder();
        builder.on_chip(chip.path()).with_consumer("trunkguard");
        let mut leds = [None; 3];
        for (place, led) in leds.iter_mut().zip(&pins.leds) {
            let LedPin::Line(line, active) = led else {
                continue;
            };
            let at = offset(line)?;
            builder.with_line(at);
            match active {
                Active::High => builder.as_active_high(),
                Active::Low => builder.as_active_low(),
            };
            builder.as_output(Value::Inactive);
            *place = Some(at);
        }
        let mut button = None;
        if let ButtonPin::Line(line, active, pull) = &pins.button {
            let at = offset(line)?;
            builder.with_line(at).as_input();
            match active {
                Active::High => builder.as_active_high(),
                Active::Low => builder.as_active_low(),
            };
            builder
                .with_bias(match pull {
                    Pull::Up => Bias::PullUp,
                    Pull::Down => Bias::PullDown,
                    Pull::None => Bias::Disabled,
                })
                .with_edge_detection(EdgeDetection::BothEdges)
                .with_debounce_period(DEBOUNCE);
            button = Some(at);
        }
        let request = builder.request().map_err(|problem| GpioError::Refused {
            label: pins.chip.to_string(),
            problem,
        })?;
        Ok(Some(Lines {
            request: Arc::new(request),
            leds,
            button,
        }))
    }

    /// The LED of this place, where it is a line.
    pub(crate) fn led(&self, place: usize) -> Option<GpioLed> {
        Some(GpioLed {
            request: self.request.clone(),
            offset: (*self.leds.get(place)?)?,
        })
    }

    /// The button, where it is a line.
    pub(crate) fn button(&self) -> Option<GpioButton> {
        let offset = self.button?;
        // A button that is held already is not believed until it was let go (core::panel::Gesture).
        let held = matches!(self.request.value(offset), Ok(Value::Active));
        Some(GpioButton {
            request: self.request.clone(),
            offset,
            edges: Edges::at(held),
            last: None,
        })
    }
}

/// The chip of this label, and how many lines it has.
fn find(label: &str) -> Result<(Chip, u32), GpioError> {
    let mut found = Vec::new();
    for path in gpiocdev::chip::chips().unwrap_or_default() {
        let Ok((chip, info)) = Chip::from_path(&path).and_then(|chip| {
            let info = chip.info()?;
            Ok((chip, info))
        }) else {
            found.push(format!("{} (not to be opened)", path.display()));
            continue;
        };
        if info.label == label {
            return Ok((chip, info.num_lines));
        }
        found.push(format!("`{}`", info.label));
    }
    Err(GpioError::NoChip {
        label: label.into(),
        found: match found.is_empty() {
            true => "none at all".into(),
            false => found.join(", "),
        },
    })
}

/// An LED on a line.
#[derive(Debug)]
pub(crate) struct GpioLed {
    request: Arc<Request>,
    offset: Offset,
}

impl GpioLed {
    pub(crate) fn set(&mut self, lit: bool) -> Result<(), PinError> {
        let value = if lit { Value::Active } else { Value::Inactive };
        (self.request.set_value(self.offset, value))
            .map_err(|problem| PinError(format!("GPIO line {}: {problem}", self.offset)))
    }
}

/// A button on a line.
#[derive(Debug)]
pub(crate) struct GpioButton {
    request: Arc<Request>,
    offset: Offset,
    edges: Edges,
    /// Number of the last edge; a gap means that the kernel had no room for some.
    last: Option<u32>,
}

impl GpioButton {
    pub(crate) fn pressed(&mut self) -> Result<bool, PinError> {
        let offset = self.offset;
        let wrong = |problem| PinError(format!("GPIO line {offset}: {problem}"));
        for _ in 0..EDGES {
            if !self.request.has_edge_event().map_err(wrong)? {
                return Ok(self.edges.look());
            }
            // Not read_edge_event: of gpiocdev 0.8, built for uAPI v2 alone, it reads eight and hands out
            // one, so that a press between two looks would lose its end.
            let mut words = [0; EVENT_WORDS];
            let edge = self
                .request
                .read_edge_events_into_slice(&mut words)
                .and_then(|read| self.request.edge_event_from_slice(&words[..read]))
                .map_err(wrong)?;
            let next = self
                .last
                .is_none_or(|last| last.wrapping_add(1) == edge.line_seqno);
            self.last = Some(edge.line_seqno);
            if !next {
                let held = matches!(self.request.value(offset), Ok(Value::Active));
                self.edges = Edges::at(held);
                return Err(PinError(format!(
                    "GPIO line {offset}: edges of the button were lost; press it again"
                )));
            }
            self.edges.push(edge.kind == EdgeKind::Rising);
        }
        Err(PinError(format!(
            "GPIO line {offset}: the button does not come to rest; look at its contact and its wire"
        )))
    }
}
