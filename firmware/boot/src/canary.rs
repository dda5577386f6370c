//! Do U-Boot's script and the box look at the same record? U-Boot says on the kernel's command line what
//! it saw; a box that reads something else must not write there (B2).

use std::{fs, io, path::Path};

use crate::{
    files,
    state::{Slot, State, hexadecimal},
};

/// Where the box notes the sequence number that it wrote last since this start. Memory: a start forgets it.
pub const NOTE: &str = "/run/trunkguard-box/sequence";

/// What the script has told the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The slot that it started.
    pub slot: Slot,
    /// The sequence number of the record in force then.
    pub sequence: u64,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canary {
    /// They see the same.
    Same,
    /// The kernel was told nothing: not started by the script.
    NotTold,
    /// The record's sequence number is neither the one that was told nor one that the box wrote.
    OtherSequence {
        /// What it ought to be.
        expected: u64,
    },
    /// Another slot runs than the record says: that one did not load (B3).
    OtherSlot {
        /// What it ought to be.
        expected: Slot,
    },
}

/// Finds what the script said, in `/proc/cmdline`.
pub fn told(cmdline: &str) -> Option<Told> {
    let value = |name: &str| {
        let mut words = cmdline.split_ascii_whitespace();
        words.find_map(|word| word.strip_prefix(name))
    };
    Some(Told {
        slot: Slot::named(value("trunkguard.slot=")?)?,
        sequence: hexadecimal(value("trunkguard.seq=")?)?,
    })
}

/// Compares. `note` is what the box itself has written since the start, if it has.
pub fn check(told: Option<Told>, note: Option<u64>, state: State) -> Canary {
    let Some(told) = told else {
        return Canary::NotTold;
    };
    let expected = note.unwrap_or(told.sequence);
    if state.sequence != expected {
        Canary::OtherSequence { expected }
    } else if note.is_none() && state.started() != told.slot {
        // After a write of the box itself the record speaks of the next start, not of this one.
        Canary::OtherSlot {
            expected: state.started(),
        }
    } else {
        Canary::Same
    }
}

/// The sequence number that was noted.
pub fn noted(path: &Path) -> Option<u64> {
    hexadecimal(fs::read_to_string(path).ok()?.trim())
}

/// Notes what was written. To be called after each [`crate::device::Device::change`].
///
/// # Errors
/// When the note cannot be written: the box then sees a difference, and takes no update until the
/// next start.
pub fn note(path: &Path, sequence: u64) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    files::replace(path, format!("{sequence:x}\n").as_bytes(), 0o644)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_read() {
        let line = "quiet root=PARTLABEL=root-b trunkguard.slot=B trunkguard.seq=1f\n";
        let expected = Told {
            slot: Slot::B,
            sequence: 0x1f,
        };
        assert_eq!(told(line), Some(expected));
        for wrong in [
            "",
            "trunkguard.slot=B",
            "trunkguard.slot=C trunkguard.seq=1",
            "trunkguard.slot=A trunkguard.seq=x",
        ] {
            assert_eq!(told(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_boxs_own_writes_are_no_difference() {
        let state = State {
            sequence: 4,
            ..State::default()
        };
        let told = |slot, sequence| Some(Told { slot, sequence });
        assert_eq!(check(told(Slot::A, 4), None, state), Canary::Same);
        assert_eq!(check(None, None, state), Canary::NotTold);
        let other = Canary::OtherSequence { expected: 3 };
        assert_eq!(check(told(Slot::A, 3), None, state), other);
        let other = Canary::OtherSlot { expected: Slot::A };
        assert_eq!(check(told(Slot::B, 4), None, state), other);
        let next = State {
            sequence: 5,
            ..state.set_primary(Slot::B)
        };
        assert_eq!(check(told(Slot::A, 4), Some(5), next), Canary::Same);
    }

    #[test]
    fn a_note_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("box/sequence");
        assert_eq!(noted(&path), None);
        note(&path, 0xab).unwrap();
        assert_eq!(noted(&path), Some(0xab));
    }
}
