//! A shell in the guest, as root, over a virtio port.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::PATIENCE;

/// How long one answer is waited for where the question can be put again.
const AGAIN: Duration = Duration::from_secs(60);

/// The shell.
pub struct Guest {
    reader: BufReader<UnixStream>,
    asked: u32,
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
    pub(super) fn connect(socket: &Path) -> Result<Guest> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut guest = Guest {
            reader: BufReader::new(stream),
            asked: 0,
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
        guest.reader.get_ref().set_read_timeout(Some(PATIENCE))?;
        Ok(guest)
    }

    /// Runs a line in the guest.
    ///
    /// # Errors
    /// When the guest does not answer.
    pub fn run(&mut self, line: &str) -> Result<Ran> {
        self.asked += 1;
        let mark = format!("ran-{}-", self.asked);
        // The mark is put together in the guest, so that the line itself does not contain it.
        let asked = format!(
            "{{ {line}\n}} 2>&1 </dev/null; code=$?; echo; echo \"ran-\"\"{}-$code\"\n",
            self.asked
        );
        self.reader.get_mut().write_all(asked.as_bytes())?;
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

    /// Waits until a line succeeds.
    ///
    /// # Errors
    /// When it does not within [`PATIENCE`].
    pub fn until(&mut self, line: &str) -> Result<String> {
        let started = Instant::now();
        loop {
            // A guest that starts may lose an answer: it is asked again, and a late answer has another number.
            self.reader.get_ref().set_read_timeout(Some(AGAIN))?;
            let ran = self.run(line);
            self.reader.get_ref().set_read_timeout(Some(PATIENCE))?;
            let ran = match ran {
                Ok(ran) => ran,
                Err(problem) if started.elapsed() > PATIENCE => return Err(problem),
                Err(_) => continue,
            };
            if ran.code == 0 {
                return Ok(ran.out);
            }
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
