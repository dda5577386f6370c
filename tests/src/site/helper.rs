//! The privileged helper, spoken to as the daemon does: frames of JSON over its socket
//! (`firmware/firewall/src/protocol.rs`).

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::{INSIDE, OUTSIDE, Site, Topology};
use crate::{Process, tools};

/// What is to pass (`firmware/firewall/src/intent.rs`), as JSON.
#[derive(Clone, Debug)]
pub struct Intent(Value);

impl Intent {
    /// A usual office: it enforces, one PoP is allowed, and the PBX is a client.
    pub fn new(topology: Topology) -> Intent {
        let inside = (topology != Topology::Side).then_some(INSIDE);
        Intent(json!({
            "topology": topology.name(),
            "enforce": true,
            "outside": OUTSIDE,
            "inside": inside,
            "pbx": ["192.168.77.10/32", "2001:db8:77::10/128"],
            "clients": ["192.168.77.10/32"],
            "pops": ["208.100.60.17/32"],
            "remote": [],
            "office": ["192.168.77.0/24"],
            "never_ban": [],
            "from_pbx": "web",
            "rtp": "10000-20200",
            "serves": { "sip": 5060, "sips": 5061, "web": [8080], "ssh": false },
        }))
    }

    /// The same with one thing set otherwise.
    ///
    /// # Panics
    /// When there is no such thing.
    pub fn with(&self, key: &str, value: Value) -> Intent {
        let mut other = self.clone();
        let place = other.0.get_mut(key).expect("an intent has no such key");
        *place = value;
        other
    }

    /// As the protocol has it.
    pub fn json(&self) -> &Value {
        &self.0
    }

    /// The same in Detect.
    pub fn detect(&self) -> Intent {
        self.with("enforce", json!(false))
    }
}

#[derive(Default)]
struct Heard {
    replies: Vec<Value>,
    events: Vec<Value>,
    ended: bool,
}

/// A running helper and a connection to it.
pub struct Helper {
    socket: PathBuf,
    process: Process,
    stream: UnixStream,
    heard: Arc<Mutex<Heard>>,
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Helper {
    /// Has the closed rules loaded, as a box that starts does before its ports are up.
    ///
    /// # Errors
    /// When they cannot be.
    pub fn close(site: &Site<'_>) -> Result<()> {
        let binary = tools::trunkguard()?;
        let out = site.gate.within(|| {
            let arguments = ["firewall", "closed"];
            Ok(Command::new(&binary).args(arguments).output()?)
        })?;
        let said = String::from_utf8_lossy(&out.stderr);
        ensure!(
            out.status.success(),
            "the closed rules are not loaded: {said}"
        );
        Ok(())
    }

    /// Starts it on the box, and connects.
    ///
    /// # Errors
    /// When it does not come up within 10 s.
    pub fn start(site: &Site<'_>) -> Result<Helper> {
        let (process, socket) = start(site)?;
        let stream = UnixStream::connect(&socket)?;
        Ok(Helper {
            socket,
            process,
            heard: listen(&stream)?,
            stream,
        })
    }

    /// Lets go of the connection and opens a new one, as a daemon that was restarted does.
    ///
    /// # Errors
    /// When the helper does not take it.
    pub fn reconnect(&mut self) -> Result<()> {
        self.stream.shutdown(std::net::Shutdown::Both)?;
        self.stream = UnixStream::connect(&self.socket)?;
        self.heard = listen(&self.stream)?;
        Ok(())
    }

    /// Ends it with SIGKILL.
    pub fn kill(mut self) {
        self.process.kill();
    }

    /// Ends it as systemd would: with SIGTERM, which it does not catch.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(mut self) -> Result<()> {
        self.process.terminate(Duration::from_secs(10)).map(drop)
    }

    /// Is it running?
    pub fn alive(&mut self) -> bool {
        self.process.alive()
    }

    /// What it has printed.
    pub fn log(&self) -> String {
        self.process.printed()
    }

    /// Sends an order and waits for its reply.
    ///
    /// # Errors
    /// When none comes within 20 s.
    pub fn order(&mut self, order: &Value) -> Result<Value> {
        let body = serde_json::to_vec(order)?;
        let length = u32::try_from(body.len())?;
        let frame = [&length.to_be_bytes()[..], &body].concat();
        self.stream.write_all(&frame).context("the helper")?;
        let started = Instant::now();
        loop {
            let mut heard = lock(&self.heard);
            if !heard.replies.is_empty() {
                return Ok(heard.replies.remove(0));
            }
            ensure!(!heard.ended, "the helper hung up:\n{}", self.log());
            drop(heard);
            ensure!(
                started.elapsed() < Duration::from_secs(20),
                "no reply of the helper"
            );
            thread::sleep(Duration::from_micros(200));
        }
    }

    /// Has rules loaded; what it says of them (`generation`, `unchanged`, `took_ms`).
    ///
    /// # Errors
    /// When it refuses, or they cannot be loaded.
    pub fn load(&mut self, intent: &Intent) -> Result<Value> {
        let mut reply = self.order(&json!({ "load": intent.0 }))?;
        match reply.get_mut("loaded") {
            Some(loaded) => Ok(loaded.take()),
            None => bail!("the rules were not loaded: {reply}"),
        }
    }

    /// Asks for rules that it must not load; says why it does not.
    ///
    /// # Errors
    /// When it loads them.
    pub fn load_in_vain(&mut self, intent: &Intent) -> Result<String> {
        let reply = self.order(&json!({ "load": intent.0 }))?;
        let said = reply.get("refused").or_else(|| reply.get("failed"));
        let said = said.and_then(Value::as_str);
        Ok(said
            .with_context(|| format!("it was taken: {reply}"))?
            .to_owned())
    }

    /// An order whose reply is `done`.
    ///
    /// # Errors
    /// When it is another.
    pub fn done(&mut self, order: &Value) -> Result<()> {
        let reply = self.order(order)?;
        ensure!(reply == "done", "{order}: {reply}");
        Ok(())
    }

    /// Packets of each counter.
    ///
    /// # Errors
    /// When it does not say.
    pub fn figures(&mut self) -> Result<BTreeMap<String, u64>> {
        let reply = self.order(&json!("figures"))?;
        let list = reply["figures"].as_array().context("no figures")?;
        let one = |c: &Value| Some((c["name"].as_str()?.to_owned(), c["packets"].as_u64()?));
        list.iter()
            .map(|c| one(c).with_context(|| format!("counter {c}")))
            .collect()
    }

    /// Waits for an event that satisfies a condition; forgets all before it.
    ///
    /// # Errors
    /// When none comes within `limit`.
    pub fn event(&self, limit: Duration, which: impl Fn(&Value) -> bool) -> Result<Value> {
        let started = Instant::now();
        loop {
            let mut heard = lock(&self.heard);
            if let Some(at) = heard.events.iter().position(&which) {
                return Ok(heard.events.drain(..=at).next_back().unwrap_or_default());
            }
            let all = heard.events.clone();
            drop(heard);
            ensure!(
                started.elapsed() < limit,
                "no such event within {limit:?}, but: {all:?}\n{}",
                self.log()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Starts the helper on the box, for others to connect to; returns its socket too.
///
/// # Errors
/// When it does not come up within 10 s.
pub fn start(site: &Site<'_>) -> Result<(Process, PathBuf)> {
    let socket = site.office.folder().join("helper.sock");
    let path = socket.to_string_lossy().into_owned();
    let log = site.office.log("helper");
    let args = ["firewall", "--socket", &path, "--user", "root"];
    let binary = tools::trunkguard()?;
    let mut process = (site.gate).within(|| Process::start(&binary, &args, &log))?;
    let patience = Duration::from_secs(10);
    process.wait_for("socket", patience, |_| UnixStream::connect(&socket).is_ok())?;
    Ok((process, socket))
}

/// Reads frames on a thread that ends with the connection.
fn listen(stream: &UnixStream) -> Result<Arc<Mutex<Heard>>> {
    let heard = Arc::<Mutex<Heard>>::default();
    let (mut stream, into) = (stream.try_clone()?, Arc::clone(&heard));
    thread::spawn(move || {
        while let Ok(frame) = read(&mut stream) {
            let mut heard = lock(&into);
            match (frame.get("reply"), frame.get("event")) {
                (Some(reply), _) => heard.replies.push(reply.clone()),
                (_, Some(event)) => heard.events.push(event.clone()),
                _ => break,
            }
        }
        lock(&into).ended = true;
    });
    Ok(heard)
}

fn read(stream: &mut UnixStream) -> Result<Value> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut body = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}
