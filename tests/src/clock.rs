//! Another time for the box under test: libfaketime, which is told the time by a file.

use std::{
    fs,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};

use crate::{Guard, Office};

/// The box's wall clock; what counts from its start goes on as it is.
pub struct FakeClock(PathBuf);

impl FakeClock {
    /// Gives a box that does not run yet a clock of its own, which shows the real time until it is set.
    ///
    /// # Errors
    /// When libfaketime is not installed.
    pub fn of(guard: &mut Guard, office: &Office) -> Result<FakeClock> {
        let file = office.folder().join("clock");
        let places = ["x86_64-linux-gnu", "aarch64-linux-gnu"];
        let library = places
            .map(|machine| PathBuf::from(format!("/usr/lib/{machine}/faketime/libfaketime.so.1")))
            .into_iter()
            .find(|path| path.is_file())
            .context("libfaketime is missing: run tests/setup.sh as root (make test does)")?;
        let clock = FakeClock(file);
        clock.moved("+0")?;
        guard.wrap(&[
            "/usr/bin/env",
            &format!("LD_PRELOAD={}", library.display()),
            &format!("FAKETIME_TIMESTAMP_FILE={}", clock.0.display()),
            "FAKETIME_NO_CACHE=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
            "DONT_FAKE_MONOTONIC=1",
        ]);
        Ok(clock)
    }

    /// Moves it by so much (`+10y`, `-56y`, `+0`) from the real time.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn moved(&self, by: &str) -> Result<()> {
        let new = self.0.with_extension("new");
        fs::write(&new, by)?;
        Ok(fs::rename(new, &self.0)?)
    }

    /// Sets it to a time, in seconds since 1970; it goes on from there.
    ///
    /// # Errors
    /// As [`FakeClock::moved`].
    pub fn set(&self, unix_s: i64) -> Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        self.moved(&format!("{:+}", unix_s - i64::try_from(now)?))
    }
}
