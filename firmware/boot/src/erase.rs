//! Empties the partition `data` where a reset was asked for (B4), before anything mounts it.

use std::{
    fs::{File, OpenOptions},
    io::{self, Seek, SeekFrom},
    os::{
        fd::AsRawFd,
        unix::fs::{FileExt, FileTypeExt},
    },
    path::Path,
};

use crate::device::{Device, DeviceError, forget_cache};

/// What is overwritten at each end: superblock, its nearest copies, and whatever lies at the end.
const END: u64 = 1 << 20;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The record.
    #[error(transparent)]
    Record(#[from] DeviceError),
    /// The data.
    #[error(
        "cannot erase {path}: {source}; the reset is still wanted and is tried at the next start"
    )]
    Data {
        /// The partition.
        path: String,
        /// What the kernel said.
        source: io::Error,
    },
}

nix::ioctl_write_ptr_bad!(
    /// Tells the disk that a range is not needed any more: first octet, count (`<linux/fs.h>`).
    blkdiscard,
    nix::request_code_none!(0x12, 119),
    [u64; 2]
);

/// Resets the box if that was asked for, and says whether it was. Each step may be the last before a
/// power cut: the record is taken away only when the file system is gone for certain, so that
/// everything before is done again.
///
/// # Errors
/// When a disk does not take it; the reset is still wanted then.
pub fn run(device: &Device, data: &Path) -> Result<bool, EraseError> {
    if !device.reset_wanted()? {
        return Ok(false);
    }
    let problem = |source| EraseError::Data {
        path: data.display().to_string(),
        source,
    };
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(data)
        .map_err(problem)?;
    discard(&file);
    overwrite(&file).map_err(problem)?;
    device.reset_done()?;
    Ok(true)
}

/// Gives all of it back to the disk, which then hardly ever hands the old content out again. Not every
/// card can, and none promises to; the file system is gone by [`overwrite`].
fn discard(file: &File) {
    let block = file
        .metadata()
        .is_ok_and(|m| m.file_type().is_block_device());
    if let (true, Ok(size)) = (block, size(file)) {
        // SAFETY: the kernel reads the two numbers behind the pointer, and no more.
        let _ = unsafe { blkdiscard(file.as_raw_fd(), &[0, size]) };
    }
}

/// Overwrites both ends with zeros.
fn overwrite(file: &File) -> io::Result<()> {
    let size = size(file)?;
    let zeros = vec![0; usize::try_from(END.min(size)).unwrap_or(0)];
    file.write_all_at(&zeros, 0)?;
    file.write_all_at(&zeros, size - zeros.len() as u64)?;
    file.sync_all()?;
    forget_cache(file);
    Ok(())
}

fn size(mut file: &File) -> io::Result<u64> {
    file.seek(SeekFrom::End(0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    fn parts() -> (tempfile::TempDir, Device, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (state, data) = (folder.path().join("bootstate"), folder.path().join("data"));
        File::create(&state).unwrap().set_len(1 << 20).unwrap();
        fs::write(&data, vec![0xa5; 5 << 20]).unwrap();
        (folder, Device::open(&state).unwrap(), data)
    }

    fn ends_are_zero(data: &Path) -> bool {
        let octets = fs::read(data).unwrap();
        let end = END as usize;
        octets.len() == 5 << 20
            && octets[..end].iter().all(|&o| o == 0)
            && octets[octets.len() - end..].iter().all(|&o| o == 0)
    }

    #[test]
    fn only_what_was_asked_for_is_erased() {
        let (_folder, device, data) = parts();
        assert!(!run(&device, &data).unwrap());
        assert!(fs::read(&data).unwrap().iter().all(|&o| o == 0xa5));
        device.want_reset().unwrap();
        assert!(run(&device, &data).unwrap());
        assert!(ends_are_zero(&data));
        assert!(!run(&device, &data).unwrap());
    }

    /// Power fails after each step, and in the middle of the zeros: the box was reset, or is at the next start.
    #[test]
    fn a_power_cut_at_any_step_ends_in_a_reset() {
        for steps in 0..=3 {
            let (_folder, device, data) = parts();
            device.want_reset().unwrap();
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .open(&data)
                .unwrap();
            if steps > 0 {
                discard(&file);
            }
            if steps > 1 {
                file.write_all_at(&[0; 4_096], 0).unwrap();
            }
            if steps > 2 {
                overwrite(&file).unwrap();
            }
            assert!(device.reset_wanted().unwrap(), "after {steps} steps");
            assert!(run(&device, &data).unwrap());
            assert!(ends_are_zero(&data));
            assert!(!device.reset_wanted().unwrap());
        }
    }

    #[test]
    fn a_reset_that_fails_is_still_wanted() {
        let (_folder, device, _) = parts();
        device.want_reset().unwrap();
        let problem = run(&device, Path::new("/nonexistent")).unwrap_err();
        assert!(problem.to_string().contains("next start"), "{problem}");
        assert!(device.reset_wanted().unwrap());
    }

    #[test]
    fn a_partition_smaller_than_its_ends_is_erased() {
        let (folder, device, _) = parts();
        let small = folder.path().join("small");
        fs::write(&small, [1; 700]).unwrap();
        device.want_reset().unwrap();
        assert!(run(&device, &small).unwrap());
        assert_eq!(fs::read(&small).unwrap(), [0; 700]);
    }
}
