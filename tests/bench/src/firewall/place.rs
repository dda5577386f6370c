//! One network namespace.

use std::{
    fs::{self, File},
    os::fd::AsRawFd,
    path::Path,
    process::{Command, Output},
};

use anyhow::{Context, Result, bail, ensure};
use nix::sched::{CloneFlags, setns, unshare};

/// A network of its own. It has no name, so that nothing can be left behind: the kernel takes it away,
/// with all ports and rules in it, when this and what was started inside have ended, however that
/// came about. It knows no other network but those it is connected with by [`cable`].
pub struct Place {
    name: &'static str,
    network: File,
}

/// Leads the thread back where it came from, whatever happened.
struct Back(File);

impl Drop for Back {
    fn drop(&mut self) {
        if let Err(error) = setns(&self.0, CloneFlags::CLONE_NEWNET) {
            // Nothing may be measured or sent in the wrong network.
            eprintln!("bench: no way back into the own network: {error}");
            std::process::abort();
        }
    }
}

fn current() -> Result<File> {
    File::open("/proc/thread-self/ns/net").context("the thread's own network")
}

impl Place {
    /// An empty network: loopback, and kernel settings that leave all filtering to the box's rules.
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
        place.ip("link set lo up\n")?;
        for setting in ["all/rp_filter", "default/rp_filter"] {
            place.set(&format!("ipv4/conf/{setting}"), "0")?;
        }
        place.set("ipv4/icmp_ratelimit", "0")?;
        Ok(place)
    }

    /// Does something in this network: processes and sockets that are made meanwhile stay in it.
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
    pub fn command(&self, command: &mut Command) -> Result<String> {
        self.within(|| run(command))
    }

    /// Runs lines of `ip`'s own language (`addr add …`).
    ///
    /// # Errors
    /// When one does not work.
    pub fn ip(&self, lines: &str) -> Result<()> {
        let arguments = lines.lines().filter(|line| !line.trim().is_empty());
        arguments
            .map(|line| self.command(Command::new("ip").args(line.split_whitespace())))
            .try_for_each(|done| done.map(drop))
    }

    /// Has nft load a script in this network.
    ///
    /// # Errors
    /// When it refuses.
    pub fn nft(&self, folder: &Path, script: &str) -> Result<()> {
        let file = folder.join("script.nft");
        fs::write(&file, script)?;
        self.command(Command::new("nft").arg("-f").arg(&file))
            .map(drop)
    }

    /// What nft prints as JSON: the objects of the given kind.
    ///
    /// # Errors
    /// When it refuses.
    pub fn nft_list(&self, kind: &str, list: &[&str]) -> Result<Vec<serde_json::Value>> {
        let said = self.command(Command::new("nft").arg("-j").arg("list").args(list))?;
        let said: serde_json::Value = serde_json::from_str(&said).context("nft -j")?;
        let all = said["nftables"].as_array().cloned().unwrap_or_default();
        let of_kind = |mut object: serde_json::Value| object.get_mut(kind).map(|o| o.take());
        Ok(all.into_iter().filter_map(of_kind).collect())
    }

    /// Sets something under `/proc/sys/net`.
    ///
    /// # Errors
    /// When the kernel does not take it.
    pub fn set(&self, name: &str, value: &str) -> Result<()> {
        let path = format!("/proc/sys/net/{name}");
        self.within(|| fs::write(&path, value).with_context(|| format!("{path} = {value}")))
    }

    /// A figure under `/proc/sys/net`.
    ///
    /// # Errors
    /// When there is none.
    pub fn figure(&self, name: &str) -> Result<u64> {
        let path = format!("/proc/sys/net/{name}");
        self.within(|| {
            let text = fs::read_to_string(&path).with_context(|| path.clone())?;
            Ok(text.trim().parse()?)
        })
    }

    /// Packets that a port has received.
    ///
    /// # Errors
    /// When there is no such port.
    pub fn received(&self, port: &str) -> Result<u64> {
        let text = self.within(|| Ok(fs::read_to_string("/proc/thread-self/net/dev")?))?;
        let of_port = |line: &str| {
            let (name, figures) = line.split_once(':')?;
            // Octets come first, then packets.
            (name.trim() == port).then(|| figures.split_whitespace().nth(1)?.parse().ok())?
        };
        text.lines()
            .find_map(of_port)
            .with_context(|| format!("no port {port} in `{}`", self.name))
    }

    /// Where `ip link … netns` finds this network.
    fn path(&self) -> String {
        format!(
            "/proc/{}/fd/{}",
            std::process::id(),
            self.network.as_raw_fd()
        )
    }
}

/// A cable between two networks; both ends are up.
///
/// # Errors
/// When a port of that name is there.
pub fn cable(one: (&Place, &str), other: (&Place, &str)) -> Result<()> {
    let path = other.0.path();
    one.0.ip(&format!(
        "link add {0} type veth peer name {1} netns {path}\nlink set {0} up\n",
        one.1, other.1
    ))?;
    other.0.ip(&format!("link set {} up\n", other.1))
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output();
    let Output {
        status,
        stdout,
        stderr,
    } = output.with_context(|| format!("cannot start {command:?}"))?;
    ensure!(
        status.success(),
        "{command:?} ended with {status}:\n{}",
        String::from_utf8_lossy(&stderr)
    );
    match String::from_utf8(stdout) {
        Ok(text) => Ok(text),
        Err(_) => bail!("{command:?} prints no text"),
    }
}
