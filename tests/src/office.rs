//! One test's own network, mounts and folder.

use std::{
    cell::Cell,
    fs,
    net::{IpAddr, SocketAddr},
    os::unix::fs::MetadataExt,
    panic,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::signal::{Signal, kill},
    unistd::{Pid, Uid, gettid},
};
use tempfile::TempDir;

use crate::{Guard, Pbx, Phone, Process, Provider, Root, address, tools};

/// A network namespace with loopback only, a mount namespace, and a folder, all of which go when
/// the test ends. Everything in it is started by, and dies with, the test's own thread.
pub struct Office {
    folder: TempDir,
    started: Cell<u32>,
}

impl Office {
    /// Runs a test in an office of its own. When it fails, the logs of everything it started are
    /// printed. Either way nothing that ran in the office is left.
    ///
    /// # Panics
    /// When the test does, when the office cannot be set up, or when the test left a process.
    pub fn run(test: impl FnOnce(&Office) -> Result<()> + Send + 'static) {
        // Namespaces belong to a thread; the test's children and further threads inherit them.
        let outcome = thread::spawn(move || {
            let office = Office::open().expect("the office cannot be set up");
            let outcome = panic::catch_unwind(panic::AssertUnwindSafe(|| test(&office)));
            let left = end_others_in_this_network();
            let failed = !matches!(outcome, Ok(Ok(()))) || !left.is_empty();
            if failed {
                office.print_logs();
            }
            match outcome {
                Ok(Ok(())) => assert!(left.is_empty(), "the test left processes behind: {left:?}"),
                Ok(Err(error)) => panic!("{error:#}"),
                Err(panicked) => panic::resume_unwind(panicked),
            }
        })
        .join();
        if let Err(panicked) = outcome {
            panic::resume_unwind(panicked);
        }
    }

    fn open() -> Result<Office> {
        ensure!(
            Uid::effective().is_root(),
            "the tests against real peers make network namespaces: run them as root (sudo make test)"
        );
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).context("no new namespaces")?;
        let none: Option<&str> = None;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
            .context("mounts stay shared")?;
        tools::run("ip", &["link", "set", "lo", "up"])?;
        Ok(Office {
            folder: tempfile::Builder::new().prefix("trunkguard-").tempdir()?,
            started: Cell::new(0),
        })
    }

    /// The office's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A new file name in the folder, for the output of something that is started.
    pub fn log(&self, name: &str) -> PathBuf {
        let n = self.started.get();
        self.started.set(n + 1);
        self.folder().join(format!("{n:02}-{name}.log"))
    }

    /// Sets the box up with a policy file and starts it.
    ///
    /// # Errors
    /// When it refuses the policy or does not get ready.
    pub fn guard(&self, policy: &str) -> Result<Guard> {
        let mut guard = Guard::new(self, policy)?;
        guard.start()?;
        Ok(guard)
    }

    /// Starts an Asterisk with the configuration of `layers` (see [`Pbx::start`]).
    ///
    /// # Errors
    /// When it does not come up.
    pub fn pbx(&self, root: Root, layers: &[&str]) -> Result<Pbx> {
        Pbx::start(self, root, layers, None)
    }

    /// Starts the provider.
    ///
    /// # Errors
    /// When its socket cannot be opened.
    pub fn provider(&self) -> Result<Provider> {
        Provider::start(SocketAddr::new(IpAddr::V4(address::PROVIDER), 5060))
    }

    /// Extension 1001, registered at the PBX.
    ///
    /// # Errors
    /// When the PBX does not take the registration.
    pub fn phone(&self) -> Result<Phone> {
        let mut phone = Phone::new(
            address::PHONE,
            SocketAddr::new(IpAddr::V4(address::PBX), 5060),
            "1001",
        )?;
        phone.register()?;
        Ok(phone)
    }

    /// A second phone of extension 1001 that has not registered.
    ///
    /// # Errors
    /// When its socket cannot be opened.
    pub fn other_phone(&self) -> Result<Phone> {
        Phone::new(
            address::OTHER_PHONE,
            SocketAddr::new(IpAddr::V4(address::PBX), 5060),
            "1001",
        )
    }

    /// Starts a program in the office.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self, program: &str, args: &[&str]) -> Result<Process> {
        let path = tools::on_path(program)?;
        Process::start(&path, args, &self.log(program))
    }

    /// Runs a program to its end, 60 s at most, and returns what it printed, whatever its exit code.
    ///
    /// # Errors
    /// When it cannot be started or does not end.
    pub fn finish(&self, program: &Path, args: &[&str]) -> Result<String> {
        let name = program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let mut process = Process::start(program, args, &self.log(&name))?;
        process.wait(Duration::from_secs(60))?;
        Ok(process.printed())
    }

    fn print_logs(&self) {
        let Ok(entries) = fs::read_dir(self.folder()) else {
            return;
        };
        let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        files.extend(files.clone().iter().map(|p| p.join("log/full")));
        files.retain(|p| p.is_file());
        files.sort();
        for file in files {
            // A card is no log.
            if fs::metadata(&file).is_ok_and(|found| found.len() > 32 << 20) {
                continue;
            }
            let text = fs::read(&file)
                .map(|b| String::from_utf8_lossy(&b).into_owned())
                .unwrap_or_default();
            // What Asterisk says of its modules tells nothing about a call.
            let tail: Vec<&str> = text
                .lines()
                .rev()
                .filter(|l| !l.contains("egistered") && !l.contains("loader.c"))
                .take(100)
                .collect();
            eprintln!("---- {}", file.display());
            for line in tail.iter().rev() {
                eprintln!("{line}");
            }
        }
    }
}

/// Ends whatever else runs in this thread's network namespace; says what it was.
pub(crate) fn end_others_in_this_network() -> Vec<i32> {
    let left = others_in_this_network();
    for &pid in &left {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    left
}

/// Processes other than this one that have a foot in this thread's network namespace.
fn others_in_this_network() -> Vec<i32> {
    let me = std::process::id() as i32;
    let inode = |path: String| fs::metadata(path).ok().map(|m| m.ino());
    let ours = inode(format!("/proc/self/task/{}/ns/net", gettid()));
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|&pid| pid != me && ours.is_some() && inode(format!("/proc/{pid}/ns/net")) == ours)
        .filter(|pid| {
            fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|s| !s.contains(") Z "))
        })
        .collect()
}
