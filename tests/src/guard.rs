//! The box under test, by its command line only.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{Office, Process, address, tools};

/// A `trunkguard` with a state folder of its own.
pub struct Guard {
    binary: PathBuf,
    state: PathBuf,
    policy: PathBuf,
    log: PathBuf,
    more: Vec<String>,
    wrapper: Vec<String>,
    variables: Vec<(String, String)>,
    sip: SocketAddr,
    firewall: Vec<String>,
    process: Option<Process>,
}

/// How a command of the box ended.
#[derive(Debug)]
pub struct Cli {
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Guard {
    /// A box that has taken over a policy file and does not run yet.
    ///
    /// # Errors
    /// When it refuses the policy.
    pub fn new(office: &Office, policy: &str) -> Result<Guard> {
        let state = office.folder().join("state");
        fs::create_dir_all(&state)?;
        Guard::with_state(office, state, policy)
    }

    /// The same with a state folder that is there already.
    ///
    /// # Errors
    /// When it refuses the policy.
    pub fn with_state(office: &Office, state: PathBuf, policy: &str) -> Result<Guard> {
        let guard = Guard {
            binary: tools::trunkguard()?,
            state,
            policy: office.folder().join("policy.toml"),
            log: office.log("trunkguard"),
            more: Vec::new(),
            wrapper: Vec::new(),
            variables: Vec::new(),
            sip: SocketAddr::from((address::BOX, 5060)),
            firewall: vec!["dry-run".to_owned()],
            process: None,
        };
        guard.apply(policy)?;
        Ok(guard)
    }

    /// Adds an argument of `run`.
    pub fn option(&mut self, argument: &str) {
        self.more.push(argument.to_owned());
    }

    /// Starts it through another program: the program's path and its arguments.
    pub fn wrap(&mut self, program: &[&str]) {
        self.wrapper = program.iter().map(|part| (*part).to_owned()).collect();
    }

    /// Sets a variable of its environment, and of its commands'. Not together with [`Guard::wrap`].
    pub fn variable(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
        self.wrapper = vec!["/usr/bin/env".to_owned()];
        let pairs = self
            .variables
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        self.wrapper.extend(pairs);
    }

    /// Has it answer SIP at another address.
    pub fn listen(&mut self, at: SocketAddr) {
        self.sip = at;
    }

    /// Has it load its rules by a helper.
    pub fn load_rules_by(&mut self, socket: &Path) {
        let socket = socket.to_string_lossy().into_owned();
        self.firewall = vec!["nft".to_owned(), "--firewall-socket".to_owned(), socket];
    }

    /// Where it listens.
    pub fn listens(&self) -> SocketAddr {
        self.sip
    }

    /// Its state folder.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Starts it and waits until it says that it is ready.
    ///
    /// # Errors
    /// When it does not within 20 s.
    pub fn start(&mut self) -> Result<()> {
        let before = fs::read_to_string(&self.log)
            .map(|text| text.matches("ready").count())
            .unwrap_or(0);
        let state = self.state.to_string_lossy().into_owned();
        let sip = self.listens().to_string();
        let mut args = vec!["run", "--state", &state, "--sip", &sip];
        args.extend(["--board", "sim", "--firewall"]);
        args.extend(self.firewall.iter().map(String::as_str));
        args.extend(self.more.iter().map(String::as_str));
        let binary = self.binary.to_string_lossy();
        let command: Vec<&str> = self
            .wrapper
            .iter()
            .map(String::as_str)
            .chain([&*binary])
            .chain(args)
            .collect();
        let mut process = Process::start(Path::new(command[0]), &command[1..], &self.log)?;
        process.wait_for("ready", Duration::from_secs(20), |log| {
            log.matches("ready").count() > before
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// Stops it as systemd would.
    ///
    /// # Errors
    /// When it does not end within 10 s or not with 0.
    pub fn stop(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            let status = process.terminate(Duration::from_secs(10))?;
            ensure!(
                status.success(),
                "the box ended with {status}:\n{}",
                process.printed()
            );
        }
        Ok(())
    }

    /// Ends it with SIGKILL, in the middle of whatever it does.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Is it running?
    pub fn running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::alive)
    }

    /// Its process id.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Takes a policy file over.
    ///
    /// # Errors
    /// When it refuses it.
    pub fn apply(&self, policy: &str) -> Result<()> {
        fs::write(&self.policy, policy)?;
        let said = self.cli(&["apply", &self.policy.to_string_lossy()])?;
        ensure!(
            said.code == 0,
            "the box refuses the policy ({}): {}{}",
            said.code,
            said.out,
            said.err
        );
        Ok(())
    }

    /// Runs one of its commands on this state folder.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn cli(&self, args: &[&str]) -> Result<Cli> {
        let (command, rest) = args.split_first().context("which command?")?;
        let out = Command::new(&self.binary)
            .arg(command)
            .arg("--state")
            .arg(&self.state)
            .args(rest)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .output()?;
        Ok(Cli {
            code: out.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&out.stdout).into_owned(),
            err: String::from_utf8_lossy(&out.stderr).into_owned(),
        })
    }

    /// What a command prints with `--json`.
    ///
    /// # Errors
    /// When it fails or prints no JSON.
    pub fn json(&self, args: &[&str]) -> Result<Value> {
        let said = self.cli(&[args, &["--json"]].concat())?;
        ensure!(
            said.code == 0,
            "trunkguard {args:?} ended with {}: {}{}",
            said.code,
            said.out,
            said.err
        );
        serde_json::from_str(&said.out)
            .with_context(|| format!("no JSON from {args:?}: {}", said.out))
    }

    /// The journal, oldest call first, once it holds `count` calls.
    ///
    /// # Errors
    /// When it does not hold exactly as many within 10 s.
    pub fn calls(&self, count: usize) -> Result<Vec<Value>> {
        let started = Instant::now();
        loop {
            let list = self.journal()?;
            if list.len() == count {
                return Ok(list);
            }
            if list.len() > count || started.elapsed() > Duration::from_secs(10) {
                bail!(
                    "the journal holds {} calls, expected {count}: {list:#?}",
                    list.len()
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The journal as it is now, oldest call first, the last 10,000 at most.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn journal(&self) -> Result<Vec<Value>> {
        let json = self.json(&["calls", "--limit", "10000"])?;
        let list = json.as_array().context("calls --json is no list")?;
        Ok(list.iter().rev().cloned().collect())
    }

    /// How many calls in the journal went through, once it has settled.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn approved_calls(&self) -> Result<u64> {
        let list = self.journal()?;
        Ok(list.iter().filter(|call| call["approved"] == true).count() as u64)
    }

    /// A figure of `status --json`, wherever in it.
    ///
    /// # Errors
    /// When there is no such figure.
    pub fn figure(&self, name: &str) -> Result<u64> {
        // Its exit code says whether anything needs a look, which is another question.
        let said = self.cli(&["status", "--json"])?;
        let status = serde_json::from_str(&said.out).with_context(|| format!("{said:?}"))?;
        find(&status, name).with_context(|| format!("no figure {name} in {status:#}"))
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read(&self.log)
            .map(|b| String::from_utf8_lossy(&b).into_owned())
            .unwrap_or_default()
    }
}

fn find(json: &Value, name: &str) -> Option<u64> {
    let object = json.as_object()?;
    object
        .get(name)
        .and_then(Value::as_u64)
        .or_else(|| object.values().find_map(|value| find(value, name)))
}
