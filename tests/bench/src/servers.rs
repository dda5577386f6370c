//! The servers that are compared: how each is started and known to be ready.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    policy::{self, Size},
    process::{SERVER_CORE, Server, on_core},
    socket::free_port,
};

/// Where every server listens; the port is free when it is chosen.
const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A running server and where it is reached.
pub struct Target {
    /// Its name in the tables.
    pub name: &'static str,
    /// Its process.
    pub server: Server,
    /// Its address.
    pub address: SocketAddr,
}

/// What servers are started with.
pub struct Place {
    /// For logs, states and policies; on the disk that strict durability is measured on.
    pub folder: PathBuf,
    /// The trunkguard binary.
    pub daemon: PathBuf,
    /// Kamailio's configuration.
    pub kamailio: PathBuf,
}

impl Place {
    /// The raw echo, this very binary: one datagram by one, or in batches.
    ///
    /// # Errors
    /// When it does not start.
    pub fn echo(&self, batched: bool) -> Result<Target> {
        let name = if batched { "echo-batched" } else { "echo" };
        let address = SocketAddr::new(HOST, free_port(HOST, 5100)?);
        let mut command = on_core(SERVER_CORE, &std::env::current_exe()?);
        command.args(["echo", "--at", &address.to_string()]);
        if batched {
            command.arg("--batched");
        }
        let mut server = Server::start(name, command, &self.folder.join(format!("{name}.log")))?;
        server.wait(|| answers(address, b"echo?", |back| back == b"echo?"))?;
        Ok(Target {
            name,
            server,
            address,
        })
    }

    /// Kamailio with one child.
    ///
    /// # Errors
    /// When it does not start.
    pub fn kamailio(&self) -> Result<Target> {
        let address = SocketAddr::new(HOST, free_port(HOST, 5100)?);
        let run = self.folder.join("kamailio");
        fs::create_dir_all(&run)?;
        let mut command = on_core(SERVER_CORE, Path::new("kamailio"));
        command.arg("-f").arg(&self.kamailio).args([
            "-l",
            &format!("udp:{address}"),
            "-DD",
            "-E",
            "-m",
            "64",
            "-M",
            "8",
        ]);
        command.arg("-Y").arg(&run).arg("-P").arg(run.join("pid"));
        let mut server = Server::start("kamailio", command, &self.folder.join("kamailio.log"))?;
        server.wait(|| answers_options(address))?;
        Ok(Target {
            name: "kamailio",
            server,
            address,
        })
    }

    /// Trunkguard with a new state folder and the given policy.
    ///
    /// # Errors
    /// When the policy is refused or the daemon does not start.
    pub fn trunkguard(&self, name: &'static str, size: Size, durability: &str) -> Result<Target> {
        self.trunkguard_under(name, size, durability, on_core(SERVER_CORE, &self.daemon))
    }

    /// The same, with strace writing one line to `calls` for each call that waits for the disk.
    ///
    /// # Errors
    /// As above, and without strace.
    pub fn trunkguard_traced(
        &self,
        name: &'static str,
        size: Size,
        calls: &Path,
    ) -> Result<Target> {
        let mut command = on_core(SERVER_CORE, Path::new("strace"));
        // With the filter in the kernel, all other system calls run at full speed.
        command.args([
            "-f",
            "-qq",
            "--seccomp-bpf",
            "-e",
            "trace=fsync,fdatasync,sync_file_range,msync",
            "-e",
            "signal=none",
        ]);
        command.arg("-o").arg(calls).arg("--").arg(&self.daemon);
        self.trunkguard_under(name, size, "strict", command)
    }

    /// Strict, with strace making each wait for the disk longer by so many µs: a slower disk.
    ///
    /// # Errors
    /// As above, and without strace.
    pub fn trunkguard_slowed(&self, name: &'static str, size: Size, by_us: u64) -> Result<Target> {
        let mut command = on_core(SERVER_CORE, Path::new("strace"));
        let inject = format!("inject=fsync,fdatasync:delay_exit={by_us}");
        command.args(["-f", "-qq", "--seccomp-bpf", "-e", "trace=fsync,fdatasync"]);
        command.args(["-e", &inject, "-e", "signal=none", "-o", "/dev/null", "--"]);
        command.arg(&self.daemon);
        self.trunkguard_under(name, size, "strict", command)
    }

    /// A new state folder, in place of the last one of that name, that has taken the policy over.
    ///
    /// # Errors
    /// When the policy is refused.
    pub fn new_state(&self, name: &str, policy: &str) -> Result<PathBuf> {
        let state = self.folder.join(format!("state-{name}"));
        // An empty journal each time.
        if state.exists() {
            fs::remove_dir_all(&state)?;
        }
        fs::create_dir_all(&state)?;
        let file = self.folder.join(format!("policy-{name}.toml"));
        fs::write(&file, policy)?;
        let applied = Command::new(&self.daemon)
            .args(["apply", "--state"])
            .arg(&state)
            .arg(&file)
            .output();
        let applied = applied.with_context(|| format!("cannot start {}", self.daemon.display()))?;
        if !applied.status.success() {
            let said = String::from_utf8_lossy(&applied.stderr);
            bail!(
                "the policy {} is refused:\n{}",
                file.display(),
                said.chars().take(2000).collect::<String>()
            );
        }
        Ok(state)
    }

    fn trunkguard_under(
        &self,
        name: &'static str,
        size: Size,
        durability: &str,
        mut command: Command,
    ) -> Result<Target> {
        let state = self.new_state(name, &policy::write(size, durability))?;
        let address = SocketAddr::new(HOST, free_port(HOST, 5100)?);
        command.args(["run", "--state"]).arg(&state);
        command.args([
            "--sip",
            &address.to_string(),
            "--board",
            "sim",
            "--firewall",
            "dry-run",
        ]);
        command.env_remove("NOTIFY_SOCKET");
        let mut server = Server::start(name, command, &self.folder.join(format!("{name}.log")))?;
        server.wait(|| answers_options(address))?;
        Ok(Target {
            name,
            server,
            address,
        })
    }
}

fn answers_options(address: SocketAddr) -> bool {
    let ask = |from: SocketAddr| {
        format!(
            "OPTIONS sip:{address} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKready{0};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:ready@{from}>;tag=r\r\nTo: <sip:{address}>\r\nCall-ID: ready-{0}@{from}\r\n\
             CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
            from.port()
        )
    };
    answers_from(address, ask, |back| back.starts_with(b"SIP/2.0 200 "))
}

/// Does one datagram get the right answer in 100 ms?
pub fn answers(address: SocketAddr, ask: &[u8], right: impl Fn(&[u8]) -> bool) -> bool {
    answers_from(
        address,
        |_| String::from_utf8_lossy(ask).into_owned(),
        right,
    )
}

/// Does one datagram, sent from this host, get the right answer in 100 ms?
fn answers_from(
    address: SocketAddr,
    ask: impl Fn(SocketAddr) -> String,
    right: impl Fn(&[u8]) -> bool,
) -> bool {
    let one = || -> std::io::Result<bool> {
        let socket = UdpSocket::bind((HOST, 0))?;
        socket.connect(address)?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        socket.send(ask(socket.local_addr()?).as_bytes())?;
        let mut back = [0; 2048];
        let got = socket.recv(&mut back)?;
        Ok(right(&back[..got]))
    };
    one().unwrap_or(false)
}
