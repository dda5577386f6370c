//! What is kept across restarts: one small file, replaced whole.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use trunkguard_core::update::{
    Version,
    report::{Checked, Offer, Outcome, Pending, Ready},
};

/// Its name in [`crate::Places::kept`].
const FILE: &str = "record.json";
/// Octets of it.
const LONGEST: u64 = 256 * 1024;
/// Outcomes that are kept.
const MOST: usize = 16;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// What the server offers.
    pub offer: Option<Offer>,
    /// What became of the last question to it.
    pub checked: Option<Checked>,
    /// The hash of the bundle that was begun to be fetched, hexadecimal.
    pub part_of: Option<String>,
    /// The bundle that is here, whole.
    pub ready: Option<Ready>,
    /// What is being installed or is installed, until it is judged.
    pub pending: Option<Pending>,
    /// When the last system's reason was written that was there before `pending`, nanoseconds since 1970 by whatever clock: it is not this one's.
    pub reason_before_ns: Option<i64>,
    /// RAUC has written `pending` to the end.
    pub written: bool,
    /// What the other slot has that would start.
    pub other: Option<Version>,
    /// What became of updates, the newest first.
    pub outcomes: Vec<Outcome>,
    /// Versions that are not tried again, the newest first.
    pub refused: Vec<Version>,
    /// The latest time that something signed has spoken of, seconds since 1970: no clock is right that is before it.
    pub seen_s: i64,
}

impl Record {
    /// Notes what became of an update.
    pub fn note(&mut self, outcome: Outcome) {
        self.outcomes.insert(0, outcome);
        self.outcomes.truncate(MOST);
    }

    /// A version that is not tried again.
    pub fn refuse(&mut self, version: Version) {
        self.refused.retain(|one| *one != version);
        self.refused.insert(0, version);
        self.refused.truncate(MOST);
    }
}

/// The file.
#[derive(Debug)]
pub struct Book(PathBuf);

impl Book {
    /// In this folder.
    pub fn of(kept: &Path) -> Self {
        Book(kept.join(FILE))
    }

    /// Reads it. What cannot be read is moved aside, and an empty one stands for it: an update is then offered once more, and a version that did
    /// not do would be tried once more. The second value says so.
    pub fn read(&self) -> (Record, Option<String>) {
        let text = match fs::metadata(&self.0) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return (Record::default(), None),
            _ => crate::places::read(&self.0, LONGEST),
        };
        let read = text.and_then(|text| serde_json::from_str(&text).ok());
        match read {
            Some(record) => (record, None),
            None => {
                let aside = self.0.with_extension("damaged");
                let _ = fs::rename(&self.0, &aside);
                let said = format!(
                    "{} cannot be read and is kept as {}: what is known of earlier updates is forgotten",
                    self.0.display(),
                    aside.display()
                );
                (Record::default(), Some(said))
            }
        }
    }

    /// Replaces it: there is the old one or the new one, whenever power fails.
    ///
    /// # Errors
    /// What the kernel says, with the remedy.
    pub fn write(&self, record: &Record) -> Result<(), String> {
        let new = self.0.with_extension("new");
        let folder = self.0.parent().unwrap_or(Path::new("."));
        let write = || -> io::Result<()> {
            let mut file = File::create(&new)?;
            file.write_all(&serde_json::to_vec_pretty(record)?)?;
            file.sync_all()?;
            fs::rename(&new, &self.0)?;
            File::open(folder)?.sync_all()
        };
        write().map_err(|e| {
            let _ = fs::remove_file(&new);
            format!(
                "{}: {e}; free some space on the disk, or check the card",
                self.0.display()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_and_a_damaged_one_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let book = Book::of(folder.path());
        assert_eq!(book.read(), (Record::default(), None));
        let mut record = Record::default();
        for n in 0..40 {
            record.refuse(Version {
                major: n,
                minor: 0,
                patch: 0,
            });
            record.refuse(Version {
                major: n,
                minor: 0,
                patch: 0,
            });
        }
        assert_eq!((record.refused.len(), record.refused[0].major), (MOST, 39));
        book.write(&record).unwrap();
        assert_eq!(book.read(), (record.clone(), None));
        fs::write(folder.path().join(FILE), b"{\"refused\": 7").unwrap();
        let (read, said) = book.read();
        assert_eq!(read, Record::default());
        assert!(said.unwrap().contains("record.damaged"));
        assert_eq!(book.read(), (Record::default(), None));
        book.write(&record).unwrap();
        assert_eq!(book.read().0, record);
    }
}
