//! Writes and flushes of a card, recorded by QEMU (its driver `blklogwrites`), and cards as a power cut leaves them: what
//! was flushed is there, and of what was written after that, any part.
//!
//! The record has the format of the kernel's dm-log-writes (Documentation/admin-guide/device-mapper/log-writes.rst,
//! drivers/md/dm-log-writes.c): little endian, sectors of the size in the superblock.

use std::{
    fs::{File, OpenOptions},
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

    /// The writes as they were when so many of them had been done, on a copy of the card from before: all up to the
    /// last flush among them, and of the rest those that `kept` says (by their number). Says how many were not
    /// flushed, and of these how many are there all the same.
    ///
    /// # Errors
    /// When the card cannot be written.
    pub fn replay(
        &self,
        count: usize,
        card: &Card,
        mut kept: impl FnMut(usize) -> bool,
    ) -> Result<(usize, usize)> {
        let target = OpenOptions::new().write(true).open(card.path())?;
        let done = &self.entries[..count.min(self.entries.len())];
        let flushed = done
            .iter()
            .rposition(|entry| entry.flags & FLUSH != 0)
            .map_or(0, |at| at + 1);
        let (mut open, mut there) = (0, 0);
        for (index, entry) in done.iter().enumerate() {
            if index >= flushed && entry.flags & FUA == 0 && entry.length > 0 {
                open += 1;
                if !kept(index) {
                    continue;
                }
                there += 1;
            }
            self.apply(entry, &target)
                .with_context(|| format!("write {index} of the record"))?;
        }
        Ok((open, there))
    }

    fn apply(&self, entry: &Entry, target: &File) -> Result<()> {
        // This card keeps what is discarded (`discard=ignore`), as the recorded one did.
        if entry.flags & DISCARD != 0 {
            return Ok(());
        }
        let mut octets = vec![0; entry.length.min(1 << 20) as usize];
        let mut done = 0;
        while done < entry.length {
            let part = (entry.length - done).min(octets.len() as u64) as usize;
            self.file
                .read_exact_at(&mut octets[..part], entry.from + done)?;
            target.write_all_at(&octets[..part], entry.to + done)?;
            done += part as u64;
        }
        Ok(())
    }
}
