//! The firewall helper, by its socket: what the daemon says, in JSON, and what comes back.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{Office, Process, tools};

/// How long anything may take.
pub const LIMIT: Duration = Duration::from_secs(20);
/// Somebody who is in no list.
pub const STRANGER: &str = "203.0.113.9";

/// A helper that runs, and its socket.
pub struct Helper {
    /// The process.
    pub process: Process,
    /// Its socket.
    pub socket: PathBuf,
}

impl Helper {
    /// Starts one and waits until it serves.
    ///
    /// # Errors
    /// Where it does not.
    pub fn start(office: &Office) -> Result<Helper> {
        Helper::with(office, &[], &[])
    }

    /// With more arguments, through another program.
    ///
    /// # Errors
    /// Where it does not.
    pub fn with(office: &Office, arguments: &[&str], wrapper: &[&str]) -> Result<Helper> {
        let socket = office.folder().join("run/helper.sock");
        let binary = tools::trunkguard()?;
        let (binary, path) = (binary.to_string_lossy(), socket.to_string_lossy());
        let mut command: Vec<&str> = wrapper.to_vec();
        command.extend([&*binary, "firewall", "--socket", &path]);
        command.extend(arguments);
        let mut process =
            Process::start(Path::new(command[0]), &command[1..], &office.log("helper"))?;
        process.wait_for("ready", LIMIT, |log| log.contains("ready"))?;
        Ok(Helper { process, socket })
    }

    /// Connects as the daemon does.
    ///
    /// # Errors
    /// Where it does not.
    pub fn connect(&self) -> Result<Daemon> {
        let stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(LIMIT))?;
        Ok(Daemon {
            stream,
            events: Vec::new(),
        })
    }
}

/// The daemon's end of a connection.
pub struct Daemon {
    /// The connection.
    pub stream: UnixStream,
    /// Events that came before an answer.
    pub events: Vec<Value>,
}

impl Daemon {
    /// Sends one frame.
    ///
    /// # Errors
    /// Where it does not.
    pub fn send(&mut self, octets: &[u8]) -> Result<()> {
        let length = u32::try_from(octets.len())?.to_be_bytes();
        Ok(self.stream.write_all(&[&length[..], octets].concat())?)
    }

    /// Reads one frame.
    ///
    /// # Errors
    /// Where it does not.
    pub fn frame(&mut self) -> Result<Value> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).context("no frame")?;
        let mut body = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut body)?;
        Ok(serde_json::from_slice(&body)?)
    }

    /// Gives an order and returns what is answered; events are kept.
    ///
    /// # Errors
    /// Where it does not.
    pub fn order(&mut self, order: &Value) -> Result<Value> {
        self.send(order.to_string().as_bytes())?;
        loop {
            let frame = self.frame()?;
            match frame.get("reply") {
                Some(reply) => return Ok(reply.clone()),
                None => self.events.push(frame["event"].clone()),
            }
        }
    }

    /// Loads rules and returns what is said of them.
    ///
    /// # Errors
    /// Where it does not.
    pub fn load(&mut self, intent: &Value) -> Result<Value> {
        let reply = self.order(&json!({ "load": intent }))?;
        let loaded = reply.get("loaded").cloned();
        loaded.with_context(|| format!("not loaded: {reply}"))
    }

    /// What is said in a refusal or failure.
    ///
    /// # Errors
    /// Where it does not.
    pub fn told(&mut self, order: &Value, how: &str) -> Result<String> {
        let reply = self.order(order)?;
        let said = reply[how].as_str().map(str::to_owned);
        said.with_context(|| format!("not {how}: {reply}"))
    }

    /// The next event of this kind.
    ///
    /// # Errors
    /// Where it does not.
    pub fn event(&mut self, kind: &str) -> Result<Value> {
        loop {
            let event = match self.events.is_empty() {
                true => self.frame()?["event"].clone(),
                false => self.events.remove(0),
            };
            if let Some(event) = event.get(kind) {
                return Ok(event.clone());
            }
        }
    }

    /// Packets of a counter.
    ///
    /// # Errors
    /// Where it does not.
    pub fn counted(&mut self, name: &str) -> Result<u64> {
        let reply = self.order(&json!("figures"))?;
        let all = reply["figures"].as_array().context("no figures")?.clone();
        let counter = all.iter().find(|counter| counter["name"] == name);
        let packets = counter.and_then(|counter| counter["packets"].as_u64());
        packets.with_context(|| format!("no counter {name} in {all:?}"))
    }

    /// The helper has closed the connection.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0]), Ok(0) | Err(_))
    }
}

/// Rules of a box beside the PBX.
pub fn side() -> Value {
    json!({
        "topology": "side", "enforce": true, "outside": "eth0", "inside": null,
        "pbx": ["192.168.7.10/32"], "clients": ["192.168.7.10/32"],
        "pops": ["208.100.60.17/32", "208.100.60.18/32"], "remote": [],
        "office": ["192.168.7.0/24"], "never_ban": ["192.168.8.1/32"],
        "from_pbx": "web", "rtp": "10000-20000",
        "serves": { "sip": 5060, "sips": null, "web": [8443], "ssh": false },
    })
}

/// The same with another value.
pub fn with(key: &str, value: Value) -> Value {
    let mut intent = side();
    intent[key] = value;
    intent
}

/// Rules of a box between two ports.
pub fn two_ports(topology: &str) -> Value {
    let mut intent = with("topology", json!(topology));
    intent["inside"] = json!("eth1");
    intent
}

/// An order that bans from SIP.
pub fn ban(address: &str, seconds: u32) -> Value {
    json!({ "ban": [{ "address": address, "service": "sip", "seconds": seconds }] })
}

/// Runs nft.
///
/// # Errors
/// Where it fails.
pub fn nft(arguments: &[&str]) -> Result<String> {
    tools::run("nft", arguments)
}

/// Our table without figures that move.
///
/// # Errors
/// Where there is none.
pub fn rules() -> Result<String> {
    nft(&["-s", "list", "table", "inet", "trunkguard"])
}

/// The mark of what was loaded, as nft prints it.
pub fn mark(loaded: &Value) -> String {
    format!("{:#010x}", loaded["generation"].as_u64().unwrap_or(0))
}
