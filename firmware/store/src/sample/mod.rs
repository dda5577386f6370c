//! Any definition and any record at all, for property tests.

mod calls;
mod definition;
mod of_the_box;

pub use calls::{approved, record, refused};
pub use definition::definition;

/// What starts this test program once more. `TRUNKGUARD_TEST_RUNNER` is put in front, words between spaces: what emulates
/// the machine that it is for (image/cross.sh), which the kernel need not know of.
pub fn this_program() -> Vec<std::ffi::OsString> {
    let runner = std::env::var("TRUNKGUARD_TEST_RUNNER").unwrap_or_default();
    let words = runner.split_whitespace().map(Into::into);
    let program = std::env::current_exe().unwrap();
    words.chain([program.into_os_string()]).collect()
}

/// A directory for tests that commit often and do not ask what a disk does.
pub fn memory_dir() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}
