//! The partition `bootstate`: reads and writes its sectors (B2, B4), power-cut safe one at a time.

use std::{
    fs::{File, OpenOptions},
    io,
    os::{
        fd::AsRawFd,
        unix::fs::{FileExt, FileTypeExt},
    },
    path::{Path, PathBuf},
};

use crate::{
    sector::{self, Content, OCTETS, Sector},
    state::{LAST_SEQUENCE, Newest, Place, State, newest},
};

/// The sector of the reset record (B4).
const RESET: u64 = 64;

/// What went wrong with the partition.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The kernel says no.
    #[error("{doing} {}: {source}; is it the partition `bootstate` of the box's disk, and are you root?", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The device.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// It reads otherwise than it was written.
    #[error("{} sector {sector} reads otherwise than it was written; the record before it is still in force, and the disk needs to be replaced", path.display())]
    ReadBack {
        /// The device.
        path: PathBuf,
        /// The sector.
        sector: u64,
    },
    /// The sequence numbers are used up, which no count of writes can do.
    #[error("{} has the last sequence number there is, {LAST_SEQUENCE:x}; overwrite sectors 0 and 32 with zeros", path.display())]
    UsedUp {
        /// The device.
        path: PathBuf,
    },
}

/// What the two records are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The record in force.
    pub newest: Newest,
    /// Neither is valid, and at least one was written to: not a new box, a damaged one.
    pub damaged: bool,
}

/// The partition, or a file that stands for it.
pub struct Device {
    path: PathBuf,
    file: File,
}

nix::ioctl_none!(
    /// Forgets what is cached of a block device (`<linux/fs.h>`).
    blkflsbuf, 0x12, 97
);

/// Forgets what the kernel holds of a file in memory, so that the next read asks the disk. Where that
/// cannot be had, the read still finds a write that the kernel refused.
pub(crate) fn forget_cache(file: &File) {
    let block = file
        .metadata()
        .is_ok_and(|m| m.file_type().is_block_device());
    // SAFETY: BLKFLSBUF takes no argument and touches no memory of ours.
    let done = block && unsafe { blkflsbuf(file.as_raw_fd()) }.is_ok();
    if !done {
        // BLKFLSBUF wants CAP_SYS_ADMIN; this does nearly the same without it.
        let _ = nix::fcntl::posix_fadvise(
            file,
            0,
            0,
            nix::fcntl::PosixFadviseAdvice::POSIX_FADV_DONTNEED,
        );
    }
}

impl Device {
    /// Opens it for reading and writing.
    ///
    /// # Errors
    /// When it is not there, or not for this user.
    pub fn open(path: &Path) -> Result<Device, DeviceError> {
        Device::with(path, true)
    }

    /// Opens it for reading.
    ///
    /// # Errors
    /// When it is not there, or not for this user.
    pub fn open_to_read(path: &Path) -> Result<Device, DeviceError> {
        Device::with(path, false)
    }

    fn with(path: &Path, write: bool) -> Result<Device, DeviceError> {
        let file = OpenOptions::new().read(true).write(write).open(path);
        Ok(Device {
            file: file.map_err(|source| DeviceError::Io {
                doing: "cannot open",
                path: path.to_owned(),
                source,
            })?,
            path: path.to_owned(),
        })
    }

    fn error(&self, doing: &'static str) -> impl FnOnce(io::Error) -> DeviceError {
        let path = self.path.clone();
        move |source| DeviceError::Io {
            doing,
            path,
            source,
        }
    }

    fn read_sector(&self, number: u64) -> Result<Sector, DeviceError> {
        let mut sector = [0; OCTETS];
        self.file
            .read_exact_at(&mut sector, number * OCTETS as u64)
            .map_err(self.error("cannot read"))?;
        Ok(sector)
    }

    fn write_sector(&self, number: u64, sector: &Sector) -> Result<(), DeviceError> {
        self.file
            .write_all_at(sector, number * OCTETS as u64)
            .and_then(|()| self.file.sync_all())
            .map_err(self.error("cannot write"))?;
        forget_cache(&self.file);
        if self.read_sector(number)? == *sector {
            Ok(())
        } else {
            Err(DeviceError::ReadBack {
                path: self.path.clone(),
                sector: number,
            })
        }
    }

    /// Reads both records.
    ///
    /// # Errors
    /// When the disk does not read.
    pub fn read(&self) -> Result<Found, DeviceError> {
        let first = self.read_sector(Place::First.sector())?;
        let second = self.read_sector(Place::Second.sector())?;
        let newest = newest(&first, &second);
        let blank = |s| sector::decode(s) == Content::Blank;
        Ok(Found {
            newest,
            damaged: newest.at.is_none() && !(blank(&first) && blank(&second)),
        })
    }

    /// Changes the state, and says what is in force afterwards. A change that changes nothing is not
    /// written. Two that happen at the same time come one after the other.
    ///
    /// # Errors
    /// When the disk does not read or take it: then the record before it is in force.
    pub fn change(&self, change: impl FnOnce(State) -> State) -> Result<State, DeviceError> {
        self.file.lock().map_err(self.error("cannot lock"))?;
        let written = self.change_locked(change);
        // A lock that cannot be given back ends with this file.
        let _ = self.file.unlock();
        written
    }

    fn change_locked(&self, change: impl FnOnce(State) -> State) -> Result<State, DeviceError> {
        let before = self.read()?.newest;
        let mut state = change(before.state);
        state.sequence = before.state.sequence;
        if state == before.state {
            return Ok(state);
        }
        state.sequence += 1;
        let sector = state.encode().ok_or_else(|| DeviceError::UsedUp {
            path: self.path.clone(),
        })?;
        self.write_sector(before.next.sector(), &sector)?;
        Ok(state)
    }

    /// Is the box to be reset?
    ///
    /// # Errors
    /// When the disk does not read.
    pub fn reset_wanted(&self) -> Result<bool, DeviceError> {
        let wanted = [("RESET".to_owned(), "1".to_owned())];
        Ok(sector::decode(&self.read_sector(RESET)?) == Content::Variables(wanted.to_vec()))
    }

    /// The next start resets the box.
    ///
    /// # Errors
    /// When the disk does not take it: then it may or may not.
    pub fn want_reset(&self) -> Result<(), DeviceError> {
        // Seven characters fit into a sector; were that ever wrong, nothing would be reset.
        let record = sector::encode(&[("RESET", "1")]).unwrap_or([0; OCTETS]);
        self.write_sector(RESET, &record)
    }

    /// The box was reset.
    ///
    /// # Errors
    /// When the disk does not take it: then it is reset once more.
    pub fn reset_done(&self) -> Result<(), DeviceError> {
        self.write_sector(RESET, &[0; OCTETS])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::state::Slot;

    fn device() -> (tempfile::NamedTempFile, Device) {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(1 << 20).unwrap();
        let device = Device::open(file.path()).unwrap();
        (file, device)
    }

    #[test]
    fn records_take_turns() {
        let (file, device) = device();
        let found = device.read().unwrap();
        assert_eq!(
            (found.newest.state, found.damaged),
            (State::default(), false)
        );
        let tried = device.change(|s| s.set_primary(Slot::B)).unwrap();
        assert_eq!(tried.sequence, 1);
        let good = device.change(|s| s.good(Slot::B)).unwrap();
        assert_eq!((good.sequence, good.good), (2, Slot::B));
        let found = device.read().unwrap();
        assert_eq!(
            (found.newest.state, found.newest.at),
            (good, Some(Place::Second))
        );

        // What changes nothing writes nothing.
        let before = std::fs::read(file.path()).unwrap();
        assert_eq!(device.change(|s| s.good(Slot::B)).unwrap(), good);
        assert_eq!(std::fs::read(file.path()).unwrap(), before);
    }

    #[test]
    fn a_new_box_is_not_a_damaged_one() {
        let (_file, device) = device();
        device.write_sector(32, &[7; OCTETS]).unwrap();
        assert!(device.read().unwrap().damaged);
        device.change(|s| s.set_primary(Slot::B)).unwrap();
        assert!(!device.read().unwrap().damaged);
    }

    #[test]
    fn a_reset_is_wanted_until_it_is_done() {
        let (_file, device) = device();
        assert!(!device.reset_wanted().unwrap());
        device.want_reset().unwrap();
        assert!(device.reset_wanted().unwrap());
        device.reset_done().unwrap();
        assert!(!device.reset_wanted().unwrap());
        device.write_sector(RESET, &[1; OCTETS]).unwrap();
        assert!(!device.reset_wanted().unwrap());
    }

    #[test]
    fn the_last_sequence_number_is_said() {
        let (_file, device) = device();
        let last = State {
            sequence: LAST_SEQUENCE,
            ..State::default()
        };
        device.write_sector(0, &last.encode().unwrap()).unwrap();
        let problem = device.change(|s| s.set_primary(Slot::B)).unwrap_err();
        assert!(
            problem.to_string().contains("last sequence number"),
            "{problem}"
        );
        assert_eq!(device.read().unwrap().newest.state, last);
    }

    #[test]
    fn a_device_that_is_too_short_or_missing_is_said() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let device = Device::open(file.path()).unwrap();
        assert!(device.read().is_err());
        assert!(Device::open(Path::new("/nonexistent")).is_err());
    }
}
