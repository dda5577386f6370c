//! Writes and flushes of a card, recorded by QEMU (its driver `blklogwrites`), and cards as a power cut leaves them: what
//! was flushed is there, and of what was written after that, any part.
//!
//! The record has the format of the kernel's dm-log-writes (Documentation/admin-guide/device-mapper/log-writes.rst,
//! drivers/md/dm-log-writes.c): little endian, sectors of the size in the superblock.

use std::{
    fs::{File, OpenOptions},
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use super::Card;

const MAGIC: u64 = 0x006a_7366_7773_6872;
const FLUSH: u64 = 1;
const FUA: u64 = 2;
const DISCARD: u64 = 4;
const SECTOR: u64 = 512;

/// Where writes are recorded.
#[derive(Clone, Debug)]
pub struct Record(PathBuf);

impl Record {
    /// At this path; what is there is lost.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(path: &Path) -> Result<Record> {
        // Sparse: as large as a test may need.
        File::create(path)?.set_len(4 << 30)?;
        Ok(Record(path.to_owned()))
    }

    pub(super) fn blockdev(&self, card: &Card) -> String {
        format!(
            "driver=blklogwrites,node-name=card,file.driver=file,file.filename={},log.driver=file,log.filename={},log-super-update-interval=1",
            card.path().display(),
            self.0.display()
        )
    }

    /// How many writes and flushes were recorded until now.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn count(&self) -> Result<u64> {
        let mut count = [0; 8];
        File::open(&self.0)?.read_exact_at(&mut count, 16)?;
        Ok(u64::from_le_bytes(count))
    }

    /// What was recorded until now.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn read(&self) -> Result<Writes> {
        let file = File::open(&self.0)?;
        let mut head = [0; 32];
        file.read_exact_at(&mut head, 0)?;
        let word = |octets: &[u8], at: usize| -> u64 {
            u64::from_le_bytes(std::array::from_fn(|index| octets[at + index]))
        };
        ensure!(word(&head, 0) == MAGIC, "no record of writes: {head:x?}");
        let (count, sector) = (word(&head, 16), word(&head, 24) & 0xffff_ffff);
        ensure!(sector == SECTOR, "sectors of {sector}");
        let mut entries = Vec::new();
        let mut at = SECTOR;
        for _ in 0..count {
            let mut entry = [0; 32];
            file.read_exact_at(&mut entry, at)?;
            let (to, sectors, flags) = (word(&entry, 0), word(&entry, 8), word(&entry, 16));
            at += SECTOR;
            entries.push(Entry {
                to: to * SECTOR,
                length: sectors * SECTOR,
                flags,
                from: at,
            });
            if flags & DISCARD == 0 {
                at += sectors * SECTOR;
            }
        }
        Ok(Writes { file, entries })
    }
}

struct Entry {
    to: u64,
    length: u64,
    flags: u64,
    /// Where its octets lie in the record.
    from: u64,
}

impl Entry {
    /// It changes the card, and is lost with the power unless a flush comes after it.
    fn is_open(&self) -> bool {
        self.flags & (FUA | DISCARD) == 0 && self.length > 0
    }
}

/// A part of a write that had come to the card.
#[derive(Clone, Debug)]
pub struct Part {
    /// Which write, by its number in the record.
    pub index: usize,
    /// Octets of it.
    pub octets: Range<u64>,
}

/// Recorded writes, in their order.
pub struct Writes {
    file: File,
    entries: Vec<Entry>,
}

impl Writes {
    /// How many there are, flushes among them.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many of them are flushes.
    pub fn flushes(&self) -> usize {
        self.entries.iter().filter(|e| e.flags & FLUSH != 0).count()
    }

    /// Where a write went to, and how much it was: an octet of the card, and a count. A flush is of none.
    pub fn extent(&self, index: usize) -> Range<u64> {
        let entry = &self.entries[index];
        entry.to..entry.to + entry.length
    }

    /// Octets of a write, from this octet of the card on, which is within its extent.
    ///
    /// # Errors
    /// When the record cannot be read so far.
    pub fn octets(&self, index: usize, at: u64, count: usize) -> Result<Vec<u8>> {
        let entry = &self.entries[index];
        let mut octets = vec![0; count];
        self.file
            .read_exact_at(&mut octets, entry.from + (at - entry.to))?;
        Ok(octets)
    }

    /// Of the first `count`: those that no flush came after. A power cut then leaves any part of them.
    pub fn unflushed(&self, count: usize) -> Vec<usize> {
        let done = &self.entries[..count.min(self.entries.len())];
        let flushed = done
            .iter()
            .rposition(|entry| entry.flags & FLUSH != 0)
            .map_or(0, |at| at + 1);
        (flushed..done.len())
            .filter(|&at| done[at].is_open())
            .collect()
    }

    /// All of a write.
    pub fn whole(&self, index: usize) -> Part {
        Part {
            index,
            octets: 0..self.entries[index].length,
        }
    }

    /// The card as a power cut leaves it after the first `count`, on a copy of the card from before: all that was
    /// flushed, and then those parts of the others that are named, in their order.
    ///
    /// # Errors
    /// When the card cannot be written.
    pub fn replay(&self, count: usize, card: &Card, there: &[Part]) -> Result<()> {
        let target = OpenOptions::new().write(true).open(card.path())?;
        let count = count.min(self.entries.len());
        let first_open = self.unflushed(count).first().copied().unwrap_or(count);
        for (index, entry) in self.entries[..count].iter().enumerate() {
            if index < first_open || !entry.is_open() {
                self.apply(entry, 0..entry.length, &target)
                    .with_context(|| format!("write {index} of the record"))?;
            }
        }
        for part in there {
            self.apply(&self.entries[part.index], part.octets.clone(), &target)
                .with_context(|| format!("a part of write {} of the record", part.index))?;
        }
        Ok(())
    }

    fn apply(&self, entry: &Entry, part: Range<u64>, target: &File) -> Result<()> {
        // This card keeps what is discarded (`discard=ignore`), as the recorded one did.
        if entry.flags & DISCARD != 0 {
            return Ok(());
        }
        let mut octets = vec![0; (part.end - part.start).min(1 << 20) as usize];
        let mut done = part.start;
        while done < part.end {
            let piece = (part.end - done).min(octets.len() as u64) as usize;
            self.file
                .read_exact_at(&mut octets[..piece], entry.from + done)?;
            target.write_all_at(&octets[..piece], entry.to + done)?;
            done += piece as u64;
        }
        Ok(())
    }
}
