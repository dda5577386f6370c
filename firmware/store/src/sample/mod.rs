//! Any definition and any record at all, for property tests.

mod calls;
mod definition;
mod of_the_box;

pub use calls::{approved, record, refused};
pub use definition::definition;

/// A directory for tests that commit often and do not ask what a disk does.
pub fn memory_dir() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}
