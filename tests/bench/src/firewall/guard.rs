//! Trunkguard on its box: the helper that loads the rules, and the daemon.

use std::{
    fs,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{
    place::Place,
    wiring::{DNS, INSIDE, Kind, OUTSIDE, Wiring},
};
use crate::{
    call::mix,
    policy::{self, Size},
    process::{SERVER_CORE, Server, on_core},
    servers,
};

/// Bans that are there while packets are forwarded.
pub const BANS: usize = 100_000;
/// How long rules may take to be in force.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts the privileged helper in a network, on a core, and waits for its socket.
///
/// # Errors
/// When it does not come up.
pub fn helper(
    place: &Place,
    core: usize,
    of: &servers::Place,
    name: &str,
) -> Result<(Server, PathBuf)> {
    let socket = of.folder.join(format!("{name}.sock"));
    let mut command = on_core(core, &of.daemon);
    command.args(["firewall", "--user", "root", "--socket"]);
    command.arg(&socket).env_remove("NOTIFY_SOCKET");
    let log = of.folder.join(format!("{name}.log"));
    let mut server = place.within(|| Server::start(name, command, &log))?;
    server.wait(|| UnixStream::connect(&socket).is_ok())?;
    Ok((server, socket))
}

/// The box under test.
pub struct Guard {
    /// The daemon.
    pub daemon: Server,
    /// The helper.
    pub helper: Server,
    program: PathBuf,
    state: PathBuf,
}

impl Guard {
    /// Starts both on their box, and waits until the rules are in force.
    ///
    /// # Errors
    /// When they do not start, or the rules cannot be loaded.
    pub fn start(of: &servers::Place, wiring: &Wiring) -> Result<Self> {
        let place = wiring.of(Kind::Rules);
        let pbx = Kind::Rules.pbx();
        let firewall = format!(
            "[firewall]\ntopology = \"router\"\noutside = \"{OUTSIDE}\"\ninside = \"{INSIDE}\"\npbx = [\"{pbx}\"]\n\
             allow = \"hosts\"\ndns = [\"{DNS}\"]\n\n"
        );
        // No ACK is sent, so its answers are not to be sent again.
        let address = format!("{pbx}/32");
        let policy = policy::write_for(
            Size::FULL,
            "relaxed",
            &[("pbx", &address, false)],
            &firewall,
        );
        let state = of.new_state("firewall", &policy)?;
        let (helper, socket) = helper(place, SERVER_CORE, of, "helper")?;
        let mut command = on_core(SERVER_CORE, &of.daemon);
        command.args(["run", "--board", "sim", "--firewall", "nft", "--state"]);
        command.arg(&state).arg("--firewall-socket").arg(&socket);
        command.args(["--sip", &format!("{}:5060", Kind::Rules.inside())]);
        command.env_remove("NOTIFY_SOCKET");
        let log = of.folder.join("firewall.log");
        let mut daemon = place.within(|| Server::start("trunkguard", command, &log))?;
        daemon.wait(|| fs::read_to_string(&log).is_ok_and(|text| text.contains("ready")))?;
        let guard = Guard {
            daemon,
            helper,
            program: of.daemon.clone(),
            state,
        };
        guard.settle()?;
        Ok(guard)
    }

    /// What the daemon says of the firewall.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn status(&self) -> Result<Value> {
        let mut command = Command::new(&self.program);
        command
            .args(["status", "--json", "--state"])
            .arg(&self.state);
        // Its exit code says whether anything needs a look, which is another question.
        let said = command.output()?.stdout;
        let status: Value = serde_json::from_slice(&said).context("trunkguard status --json")?;
        find(&status, "firewall")
            .cloned()
            .context("the status says nothing of the firewall")
    }

    /// Waits until the rules are in force and have been for two seconds.
    ///
    /// # Errors
    /// When they are not after a minute.
    pub fn settle(&self) -> Result<()> {
        let start = Instant::now();
        let mut since = None;
        loop {
            let status = self.status()?;
            since = match status["in_force"] == true {
                true => since.or(Some(Instant::now())),
                false => None,
            };
            if since.is_some_and(|since: Instant| since.elapsed() > Duration::from_secs(2)) {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                bail!(
                    "the rules are not in force: {status}\n{}",
                    self.helper.log_end()
                );
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

fn find<'a>(json: &'a Value, name: &str) -> Option<&'a Value> {
    let object = json.as_object()?;
    let here = object.get(name).filter(|value| value.is_object());
    here.or_else(|| object.values().find_map(|value| find(value, name)))
}

/// Puts bans into the kernel's set, past the helper, which may say no more than a thousand at a time.
///
/// # Errors
/// When nft refuses.
pub fn ban(place: &Place, folder: &Path) -> Result<()> {
    let mut script = String::from("add element inet trunkguard bans_sip4 { ");
    for n in 0..BANS as u32 {
        let address = banned(n);
        script.push_str(&format!("{address} timeout 1d, "));
    }
    script.push_str("}\n");
    place.nft(folder, &script)
}

/// How many are banned from SIP.
///
/// # Errors
/// When nft does not say.
pub fn bans(place: &Place) -> Result<usize> {
    let sets = place.nft_list("set", &["set", "inet", "trunkguard", "bans_sip4"])?;
    let elements = sets.first().and_then(|set| set["elem"].as_array());
    Ok(elements.map_or(0, Vec::len))
}

/// Packets of the box's counters that `which` says.
///
/// # Errors
/// When nft does not say.
pub fn counted(place: &Place, which: impl Fn(&str) -> bool) -> Result<u64> {
    let counters = place.nft_list("counter", &["counters", "table", "inet", "trunkguard"])?;
    let meant = counters
        .iter()
        .filter(|counter| counter["name"].as_str().is_some_and(&which));
    Ok(meant
        .filter_map(|counter| counter["packets"].as_u64())
        .sum())
}

/// Scattered over 24.0.0.0/7, none twice: of each 256 addresses one.
fn banned(n: u32) -> std::net::Ipv4Addr {
    let low = mix(u64::from(n)) as u32 & 0xFF;
    std::net::Ipv4Addr::from((24 << 24) + (n << 8) + low)
}
