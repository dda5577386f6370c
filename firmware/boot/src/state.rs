//! Which slot starts (B2): the record that U-Boot's script and the box share, and how it changes.

use std::fmt;

use crate::sector::{self, Content, Sector};

/// How often a slot is tried before the confirmed one comes back.
pub const TRIES: u8 = 3;

/// The highest sequence number: U-Boot counts in signed numbers of 64 bits, and 15 digits are far
/// from their end. One write a second would take 36 thousand million years to come here.
pub const LAST_SEQUENCE: u64 = 0x0fff_ffff_ffff_ffff;

/// One of the two systems on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slot {
    /// `boot-a` and `root-a`.
    A,
    /// `boot-b` and `root-b`.
    B,
}

impl Slot {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Slot {
        match self {
            Slot::A => Slot::B,
            Slot::B => Slot::A,
        }
    }

    /// Its name in the record and on the kernel's command line.
    pub fn name(self) -> &'static str {
        match self {
            Slot::A => "A",
            Slot::B => "B",
        }
    }

    /// By its name.
    pub fn named(name: &str) -> Option<Slot> {
        [Slot::A, Slot::B].into_iter().find(|s| s.name() == name)
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A slot that is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// Which.
    pub slot: Slot,
    /// How often it may still be started.
    pub tries: u8,
}

/// What a slot is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was confirmed: it starts, whenever nothing else is tried.
    Confirmed,
    /// It is tried.
    Tried,
    /// It starts only when the other one cannot be loaded.
    Spare,
}

/// A record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Counts up with every write; 0 means that none was written yet.
    pub sequence: u64,
    /// The slot that was confirmed.
    pub good: Slot,
    /// The slot that is tried, if one is.
    pub trial: Option<Trial>,
}

impl Default for State {
    /// What holds where no record is valid.
    fn default() -> State {
        State {
            sequence: 0,
            good: Slot::A,
            trial: None,
        }
    }
}

impl State {
    /// The slot that the next start is meant for.
    pub fn primary(self) -> Slot {
        match self.trial {
            Some(Trial { slot, tries: 1.. }) => slot,
            _ => self.good,
        }
    }

    /// The slot that the script has started, when it left this record behind: a trial's last start
    /// leaves no tries.
    pub fn started(self) -> Slot {
        self.trial.map_or(self.good, |trial| trial.slot)
    }

    /// What a slot is worth.
    pub fn standing(self, slot: Slot) -> Standing {
        match self.trial {
            _ if self.good == slot => Standing::Confirmed,
            Some(trial) if trial.slot == slot => Standing::Tried,
            _ => Standing::Spare,
        }
    }

    /// The next starts try this slot; the confirmed one needs no trial.
    #[must_use]
    pub fn set_primary(self, slot: Slot) -> State {
        let trial = (slot != self.good).then_some(Trial { slot, tries: TRIES });
        State { trial, ..self }
    }

    /// This slot runs well, and is the confirmed one from now on. Said of the one that is confirmed
    /// already, it changes nothing, so that a start neither writes nor ends a trial that is still to
    /// come.
    #[must_use]
    pub fn good(self, slot: Slot) -> State {
        if slot == self.good {
            return self;
        }
        State {
            good: slot,
            trial: None,
            ..self
        }
    }

    /// This slot is not to be started: about to be overwritten, or found to be bad. A trial of it
    /// ends. Where it is the confirmed one, the other becomes that: there are but two.
    #[must_use]
    pub fn bad(self, slot: Slot) -> State {
        State {
            good: if self.good == slot {
                slot.other()
            } else {
                self.good
            },
            trial: self
                .trial
                .filter(|trial| trial.slot != slot && self.good != slot),
            ..self
        }
    }

    /// The record as a sector. Nothing for a sequence number that is none.
    pub fn encode(self) -> Option<Sector> {
        if !(1..=LAST_SEQUENCE).contains(&self.sequence) {
            return None;
        }
        let sequence = format!("{:x}", self.sequence);
        let mut variables = vec![("BS_SEQ", &*sequence), ("BS_GOOD", self.good.name())];
        let tries;
        if let Some(trial) = self.trial {
            tries = format!("{:x}", trial.tries);
            variables.push(("BS_TRIAL", trial.slot.name()));
            variables.push(("BS_TRIES", &tries));
        }
        sector::encode(&variables)
    }

    /// Reads a record. Nothing unless each of its variables makes sense.
    pub fn decode(sector: &Sector) -> Option<State> {
        let Content::Variables(variables) = sector::decode(sector) else {
            return None;
        };
        let value = |name: &str| {
            let mut all = variables.iter().filter(|(n, _)| n == name);
            all.next().map(|(_, value)| value.as_str())
        };
        let sequence = hexadecimal(value("BS_SEQ")?)?;
        let trial = match value("BS_TRIAL") {
            None => None,
            Some(slot) => Some(Trial {
                slot: Slot::named(slot)?,
                tries: hexadecimal(value("BS_TRIES")?)?.try_into().ok()?,
            }),
        };
        (1..=LAST_SEQUENCE).contains(&sequence).then_some(State {
            sequence,
            good: Slot::named(value("BS_GOOD")?)?,
            trial,
        })
    }
}

/// A number as U-Boot writes it: hexadecimal, without `0x`. No sign, no space: `from_str_radix`
/// would take a sign.
pub(crate) fn hexadecimal(text: &str) -> Option<u64> {
    let digits = (1..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    digits.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

/// Which of the two records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Sector 0.
    First,
    /// Sector 32.
    Second,
}

impl Place {
    /// Its sector in the partition.
    pub fn sector(self) -> u64 {
        match self {
            Place::First => 0,
            Place::Second => 32,
        }
    }
}

/// What the two records say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newest {
    /// The record in force; the default where none is valid.
    pub state: State,
    /// Where it stands.
    pub at: Option<Place>,
    /// Where the next one is written: never over the one in force.
    pub next: Place,
}

/// Compares the two records, as U-Boot's script does: the higher sequence number is in force, the
/// second one if they are the same.
pub fn newest(first: &Sector, second: &Sector) -> Newest {
    let (first, second) = (State::decode(first), State::decode(second));
    match (first, second) {
        (Some(a), Some(b)) if b.sequence >= a.sequence => in_force(b, Place::Second),
        (Some(a), _) => in_force(a, Place::First),
        (None, Some(b)) => in_force(b, Place::Second),
        (None, None) => Newest {
            state: State::default(),
            at: None,
            next: Place::First,
        },
    }
}

fn in_force(state: State, at: Place) -> Newest {
    Newest {
        state,
        at: Some(at),
        next: match at {
            Place::First => Place::Second,
            Place::Second => Place::First,
        },
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
