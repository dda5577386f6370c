//! One network namespace of a site.

use std::{fs, fs::File, os::fd::AsRawFd, process::Command};

use anyhow::{Context, Result, ensure};
use nix::sched::{CloneFlags, setns, unshare};

use crate::tools;

/// A network of its own without a name, which goes when nothing is in it any more. What is started
/// inside ([`Place::within`]) stays inside: processes, threads and sockets.
pub struct Place {
    name: &'static str,
    network: File,
}

fn current() -> Result<File> {
    File::open("/proc/thread-self/ns/net").context("the thread's own network")
}

/// Leads the thread back where it came from, whatever happened.
struct Back(File);

impl Drop for Back {
    fn drop(&mut self) {
        setns(&self.0, CloneFlags::CLONE_NEWNET).expect("no way back into the test's own network");
    }
}

impl Place {
    /// An empty network: loopback, and kernel settings that leave all filtering to the box.
    ///
    /// # Errors
    /// When the kernel does not give one.
    pub fn new(name: &'static str) -> Result<Place> {
        let _back = Back(current()?);
        unshare(CloneFlags::CLONE_NEWNET).context("no new network namespace")?;
        let place = Place {
            name,
            network: current()?,
        };
        tools::run("ip", &["link", "set", "lo", "up"])?;
        for setting in [
            "ipv4/conf/all/rp_filter=0",
            "ipv4/conf/default/rp_filter=0",
            "ipv4/conf/all/accept_redirects=0",
            "ipv4/icmp_ratelimit=0",
            "ipv6/conf/all/accept_dad=0",
            "ipv6/conf/default/accept_dad=0",
            "ipv6/conf/default/accept_ra=0",
            "ipv6/conf/default/router_solicitations=0",
        ] {
            set(setting)?;
        }
        Ok(place)
    }

    /// What it is called in messages.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Does something in this network. Threads, processes and sockets that are made meanwhile stay
    /// in it.
    ///
    /// # Errors
    /// As what is done.
    pub fn within<T>(&self, what: impl FnOnce() -> Result<T>) -> Result<T> {
        let _back = Back(current()?);
        setns(&self.network, CloneFlags::CLONE_NEWNET).context(self.name)?;
        what().with_context(|| format!("in the network `{}`", self.name))
    }

    /// Runs a short command in this network and returns what it printed.
    ///
    /// # Errors
    /// When it ends with anything but 0.
    pub fn command(&self, program: &str, args: &[&str]) -> Result<String> {
        self.within(|| tools::run(program, args))
    }

    /// The same, whatever it ends with: did it succeed, and what did it print?
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn attempt(&self, program: &str, args: &[&str]) -> Result<(bool, String)> {
        self.within(|| {
            let out = Command::new(tools::on_path(program)?).args(args).output()?;
            let text = [out.stdout, out.stderr].concat();
            Ok((
                out.status.success(),
                String::from_utf8_lossy(&text).into_owned(),
            ))
        })
    }

    /// Runs lines of `ip`'s own language (`addr add …`), all or none of which must work.
    ///
    /// # Errors
    /// When one does not.
    pub fn ip(&self, lines: &str) -> Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        fs::write(file.path(), lines)?;
        let path = file.path().to_string_lossy().into_owned();
        self.command("ip", &["-batch", &path]).map(drop)
    }

    /// Sets something under `/proc/sys/net` (`ipv4/ip_forward=1`).
    ///
    /// # Errors
    /// When the kernel does not take it.
    pub fn set(&self, setting: &str) -> Result<()> {
        self.within(|| set(setting))
    }

    /// Where `ip link … netns` finds this network.
    pub fn path(&self) -> String {
        format!(
            "/proc/{}/fd/{}",
            std::process::id(),
            self.network.as_raw_fd()
        )
    }
}

fn set(setting: &str) -> Result<()> {
    let (name, value) = setting.split_once('=').context("which value?")?;
    let path = format!("/proc/sys/net/{name}");
    ensure!(fs::exists(&path)?, "the kernel has no {path}");
    fs::write(&path, value).with_context(|| format!("{path} = {value}"))
}
