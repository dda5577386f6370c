//! QEMU's machine protocol (docs/interop/qmp-spec.rst of QEMU): JSON, one object a line.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::Process;

/// A connection to a running QEMU.
pub struct Qmp {
    reader: BufReader<UnixStream>,
    events: Vec<String>,
}

impl Qmp {
    pub(super) fn connect(socket: &Path, process: &mut Process) -> Result<Qmp> {
        let started = Instant::now();
        let stream = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                // The socket is made a moment after the process.
                Err(_) if process.alive() && started.elapsed() < Duration::from_secs(20) => {
                    thread::sleep(Duration::from_millis(10))
                }
                Err(problem) => bail!("QEMU does not start ({problem}):\n{}", process.printed()),
            }
        };
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut qmp = Qmp {
            reader: BufReader::new(stream),
            events: Vec::new(),
        };
        qmp.read()?;
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    fn read(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("not JSON from QEMU: {line:?}"))
    }

    /// Runs a command and returns what it answers.
    ///
    /// # Errors
    /// What QEMU says.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Result<Value> {
        let line = json!({ "execute": command, "arguments": arguments }).to_string();
        self.reader
            .get_mut()
            .write_all(format!("{line}\n").as_bytes())?;
        loop {
            let answer = self.read()?;
            if let Some(value) = answer.get("return") {
                return Ok(value.clone());
            }
            if let Some(error) = answer.get("error") {
                bail!("{command}: {error}");
            }
            self.events
                .extend(answer["event"].as_str().map(String::from));
        }
    }

    /// Events that came until now (`WATCHDOG`, `RESET`).
    ///
    /// # Errors
    /// When QEMU has gone.
    pub fn events(&mut self) -> Result<&[String]> {
        self.execute("query-status", json!({}))?;
        Ok(&self.events)
    }

    /// Waits for an event, or finds that it came already.
    ///
    /// # Errors
    /// When it does not within [`PATIENCE`](super::PATIENCE).
    pub fn until(&mut self, event: &str) -> Result<()> {
        let began = Instant::now();
        while !self.events()?.iter().any(|came| came == event) {
            ensure!(began.elapsed() < super::PATIENCE, "no {event}");
            // Asking is what makes QEMU's events arrive here.
            thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    /// A word of physical memory, as the machine's devices show it.
    ///
    /// # Errors
    /// When QEMU does not answer with one.
    pub fn word(&mut self, address: u64) -> Result<u32> {
        let said = self.execute(
            "human-monitor-command",
            json!({ "command-line": format!("xp /1wx {address:#x}") }),
        )?;
        let said = said.as_str().context("no text")?;
        let word = said.trim().rsplit("0x").next().context("no word")?;
        u32::from_str_radix(word, 16).with_context(|| said.to_owned())
    }

    /// Presses the machine's power key for about a tenth of a second.
    ///
    /// # Errors
    /// What QEMU says.
    pub fn press_power(&mut self) -> Result<()> {
        self.execute("system_powerdown", json!({})).map(drop)
    }

    /// Pulls the cable of a port, or plugs it in.
    ///
    /// # Errors
    /// What QEMU says.
    pub fn cable(&mut self, port: usize, plugged: bool) -> Result<()> {
        self.execute(
            "set_link",
            json!({ "name": format!("n{port}"), "up": plugged }),
        )
        .map(drop)
    }
}
