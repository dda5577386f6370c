//! A real Asterisk in its own root.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use nix::mount::{MsFlags, mount};

use crate::{Names, Office, Process, tools};

/// Which Asterisk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// Asterisk 16 of Debian 11: chan_sip.
    Asterisk16,
    /// Asterisk 22 of Debian sid: chan_pjsip.
    Asterisk22,
}

impl Root {
    fn name(self) -> &'static str {
        match self {
            Root::Asterisk16 => "asterisk16",
            Root::Asterisk22 => "asterisk22",
        }
    }
}

/// A running Asterisk.
pub struct Pbx {
    root: PathBuf,
    folder: PathBuf,
    process: Process,
}

impl Pbx {
    /// Starts an Asterisk whose configuration is the files of `pbx/ROOT/common` and then of each of
    /// `pbx/ROOT/LAYER`; a later file of the same name replaces an earlier one. Returns when it says
    /// that it is fully booted. One of each root at a time in an office. `more` is a folder of further files, which are
    /// laid over the others; with it, Asterisk asks [`Names`] for names.
    ///
    /// # Errors
    /// When a layer is missing or Asterisk does not come up.
    pub fn start(
        office: &Office,
        which: Root,
        layers: &[&str],
        more: Option<&Path>,
    ) -> Result<Pbx> {
        let root = tools::root(which.name())?;
        let folder = office.folder().join(which.name());
        for sub in ["run", "log", "var/spool/outgoing"] {
            fs::create_dir_all(folder.join(sub))?;
        }
        for layer in ["common"].iter().chain(layers) {
            copy(
                &tools::here().join("pbx").join(which.name()).join(layer),
                &folder,
            )?;
        }
        if let Some(more) = more {
            copy(more, &folder)?;
        }
        bind(&folder, &root.join("pbx"))?;
        bind(Path::new("/dev"), &root.join("dev"))?;
        bind(Path::new("/proc"), &root.join("proc"))?;
        // Asterisk asks DNS for its own name at the start, and waits for servers that are not there.
        let resolver = folder.join("resolv.conf");
        let server = more.map_or_else(String::new, |_| format!("nameserver {}\n", Names::AT));
        fs::write(&resolver, server)?;
        bind(&resolver, &root.join("etc/resolv.conf"))?;
        let root_name = root.to_string_lossy().into_owned();
        let args = [
            root_name.as_str(),
            "/usr/sbin/asterisk",
            "-f",
            "-C",
            "/pbx/asterisk.conf",
        ];
        let process = office.start("chroot", &args)?;
        let mut pbx = Pbx {
            root,
            folder,
            process,
        };
        pbx.wait_booted()?;
        Ok(pbx)
    }

    /// Runs one command of Asterisk's command line and returns what it printed.
    ///
    /// # Errors
    /// When Asterisk cannot be reached.
    pub fn cli(&self, command: &str) -> Result<String> {
        let out = Command::new("chroot")
            .arg(&self.root)
            .args([
                "/usr/sbin/asterisk",
                "-C",
                "/pbx/asterisk.conf",
                "-rx",
                command,
            ])
            .output()?;
        ensure!(
            out.status.success(),
            "asterisk -rx '{command}': {}{}",
            String::from_utf8_lossy(&out.stdout),
            String::from_utf8_lossy(&out.stderr)
        );
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    }

    /// Sets a global variable of the dial plan.
    ///
    /// # Errors
    /// When Asterisk cannot be reached.
    pub fn set(&self, variable: &str, value: &str) -> Result<()> {
        self.cli(&format!("dialplan set global {variable} {value}"))
            .map(drop)
    }

    /// Waits until the answer to a command satisfies `done`; returns the answer.
    ///
    /// # Errors
    /// When it does not within `limit`.
    pub fn wait_cli(
        &self,
        command: &str,
        limit: Duration,
        done: impl Fn(&str) -> bool,
    ) -> Result<String> {
        let started = Instant::now();
        loop {
            let text = self.cli(command)?;
            if done(&text) {
                return Ok(text);
            }
            ensure!(
                started.elapsed() < limit,
                "'{command}' still says after {limit:?}:\n{text}"
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Its log until now.
    pub fn log(&self) -> String {
        fs::read(self.folder.join("log/full"))
            .map(|b| String::from_utf8_lossy(&b).into_owned())
            .unwrap_or_default()
    }

    fn wait_booted(&mut self) -> Result<()> {
        let socket = self.folder.join("run/asterisk.ctl");
        self.process
            .wait_for("the control socket", Duration::from_secs(30), |_| {
                socket.exists()
            })?;
        let said = self.cli("core waitfullybooted")?;
        ensure!(said.contains("fully booted"), "Asterisk is not up: {said}");
        Ok(())
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in
        fs::read_dir(from).with_context(|| format!("no such PBX layer: {}", from.display()))?
    {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

fn bind(from: &Path, to: &Path) -> Result<()> {
    let none: Option<&str> = None;
    mount(
        Some(from),
        to,
        none,
        MsFlags::MS_BIND | MsFlags::MS_REC,
        none,
    )
    .with_context(|| format!("cannot bind {} to {}", from.display(), to.display()))
}
