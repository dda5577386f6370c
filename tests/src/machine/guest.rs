//! A shell in the guest, as root, over a virtio port.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::PATIENCE;

/// Numbers the lines, so that a late answer to one guest's line is not taken for another's.
static ASKED: AtomicU32 = AtomicU32::new(0);

/// The shell.
pub struct Guest {
    reader: BufReader<UnixStream>,
}

/// How a command in the guest ended.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// What it printed, both outputs.
    pub out: String,
}

impl Guest {
    pub(super) fn on(stream: UnixStream) -> Result<Guest> {
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut guest = Guest {
            reader: BufReader::new(stream),
        };
        let started = Instant::now();
        // What is written before the shell is there waits in the port, or is lost with an early reader.
        loop {
            match guest.run("true") {
                Ok(_) => break,
                Err(problem) if started.elapsed() > PATIENCE => {
                    return Err(problem.context("no shell"));
                }
                Err(_) => {}
            }
        }
        guest
            .reader
            .get_ref()
            .set_read_timeout(Some(PATIENCE / 4))?;
        Ok(guest)
    }

    /// Runs a line in the guest.
    ///
    /// # Errors
    /// When the guest does not answer.
    pub fn run(&mut self, line: &str) -> Result<Ran> {
        let asked = ASKED.fetch_add(1, Ordering::Relaxed);
        let mark = format!("ran-{asked}-");
        // The mark is put together in the guest, so that the line itself does not contain it.
        let text = format!(
            "{{ {line}\n}} 2>&1 </dev/null; code=$?; echo; echo \"ran-\"\"{asked}-$code\"\n"
        );
        self.reader.get_mut().write_all(text.as_bytes())?;
        let mut out = String::new();
        loop {
            let mut octets = Vec::new();
            let read = self
                .reader
                .read_until(b'\n', &mut octets)
                .with_context(|| format!("`{line}` in the guest; until now: {out}"))?;
            ensure!(
                read > 0,
                "the guest has gone during `{line}`; until then: {out}"
            );
            let text = String::from_utf8_lossy(&octets);
            if let Some(code) = text.trim_end().strip_prefix(&mark) {
                let out = out.strip_suffix('\n').unwrap_or(&out).to_owned();
                return Ok(Ran {
                    code: code.parse().context("exit code")?,
                    out,
                });
            }
            out.push_str(&text);
        }
    }

    /// Runs a line that must succeed, and returns what it printed.
    ///
    /// # Errors
    /// When it ends with anything but 0.
    pub fn must(&mut self, line: &str) -> Result<String> {
        let ran = self.run(line)?;
        ensure!(
            ran.code == 0,
            "`{line}` in the guest: exit {}\n{}",
            ran.code,
            ran.out
        );
        Ok(ran.out)
    }

    /// Waits until the start is over and nothing has failed.
    ///
    /// # Errors
    /// What has failed, or what is still waited for.
    pub fn running(&mut self) -> Result<()> {
        let said = self.until(
            "case $(systemctl is-system-running) in running|degraded) ;; *) systemctl list-jobs --no-pager; false ;; esac",
        );
        said.context("the start does not end")?;
        let failed = self.must("systemctl --failed --no-pager --no-legend")?;
        ensure!(failed.trim().is_empty(), "failed:\n{failed}");
        Ok(())
    }

    /// Waits until a line succeeds.
    ///
    /// # Errors
    /// When it does not within [`PATIENCE`].
    pub fn until(&mut self, line: &str) -> Result<String> {
        let started = Instant::now();
        loop {
            let ran = match self.run(line) {
                Ok(ran) if ran.code == 0 => return Ok(ran.out),
                Ok(ran) => ran,
                // An answer may be lost where the shell was started again in between.
                Err(_) if started.elapsed() < PATIENCE => continue,
                Err(problem) => return Err(problem),
            };
            ensure!(
                started.elapsed() < PATIENCE,
                "`{line}` in the guest still says, exit {}:\n{}",
                ran.code,
                ran.out
            );
            // The guest is another machine: there is nothing here to wait on.
            thread::sleep(Duration::from_millis(200));
        }
    }
}
