//! The panel's process and the daemon, each against the other end of their socket: what the LEDs show,
//! whom it believes, where presses go. The LEDs are files with the shape of the kernel's, the button a
//! pipe that carries the kernel's events.
#![allow(clippy::unwrap_used)]

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use nix::{sys::stat::Mode, unistd::mkfifo};
use serde_json::{Value, json};
use trunkguard_tests::{Guard, Office, Process, tools};

const LIMIT: Duration = Duration::from_secs(20);
/// As short as lets a sign be told from another on a busy machine.
const SILENT: Duration = Duration::from_millis(2_500);

const BOARD: &str = r#"
name = "bench"
about = "LEDs and button as files"
led.status.led = "trunkguard:status"
led.mode.led = "trunkguard:mode"
led.alert.led = "trunkguard:alert"
button = { input = "trunkguard-keys", key = "restart" }
[[port]]
interface = "port0"
about = "none"
"#;

/// A panel that runs, and the kernel's end of its LEDs and its button.
struct Bench {
    process: Process,
    socket: PathBuf,
    root: PathBuf,
    button: File,
}

impl Bench {
    fn start(office: &Office, more: &[&str]) -> Result<Bench> {
        let root = office.folder().join("root");
        for led in ["status", "mode", "alert"] {
            let folder = root
                .join("sys/class/leds")
                .join(format!("trunkguard:{led}"));
            fs::create_dir_all(&folder)?;
            for (file, text) in [
                ("brightness", "0"),
                ("max_brightness", "1"),
                ("trigger", ""),
            ] {
                fs::write(folder.join(file), text)?;
            }
        }
        let input = root.join("sys/class/input/event7/device");
        fs::create_dir_all(&input)?;
        fs::write(input.join("name"), "trunkguard-keys\n")?;
        fs::create_dir_all(root.join("dev/input"))?;
        let pipe = root.join("dev/input/event7");
        mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR)?;
        let button = OpenOptions::new().read(true).write(true).open(pipe)?;
        fs::write(root.join("board.toml"), BOARD)?;

        let folder = office.folder().join("run");
        fs::create_dir_all(&folder)?;
        let socket = folder.join("panel.sock");
        let silent = SILENT.as_millis().to_string();
        let (board, path) = (root.join("board.toml"), socket.to_string_lossy());
        let (board, at) = (board.to_string_lossy(), root.to_string_lossy());
        let mut args = vec!["panel", "--board", &board, "--root", &at, "--socket", &path];
        args.extend(["--silent-ms", &silent]);
        args.extend(more);
        let mut process = Process::start(&tools::trunkguard()?, &args, &office.log("panel"))?;
        process.wait_for("ready", LIMIT, |log| log.contains("ready"))?;
        Ok(Bench {
            process,
            socket,
            root,
            button,
        })
    }

    fn connect(&self) -> Result<End> {
        End::new(UnixStream::connect(&self.socket)?)
    }

    fn says(&mut self, what: &str) -> Result<()> {
        self.process.wait_for(what, LIMIT, |log| log.contains(what))
    }

    /// The kernel says that the button went down, or up.
    fn key(&mut self, down: bool) -> Result<()> {
        let mut events = Vec::new();
        for (kind, code, value) in [(1u16, 0x198u16, i32::from(down)), (0, 0, 0)] {
            events.extend([0; 16]);
            events.extend(kind.to_ne_bytes());
            events.extend(code.to_ne_bytes());
            events.extend(value.to_ne_bytes());
        }
        Ok(self.button.write_all(&events)?)
    }

    fn lit(&self, led: &str) -> Result<bool> {
        let file = format!("sys/class/leds/trunkguard:{led}/brightness");
        loop {
            // Empty for a moment: the kernel's file has no such moment.
            match fs::read_to_string(self.root.join(&file))?.as_str() {
                "" => thread::yield_now(),
                text => return Ok(text != "0"),
            }
        }
    }

    /// Waits until STATUS has looked like this for two seconds: the share of the time that it is lit, in
    /// percent, and how often it changes. `meanwhile` is done all along.
    fn status_looks(
        &self,
        what: &str,
        like: impl Fn(u32, u32) -> bool,
        mut meanwhile: impl FnMut() -> Result<()>,
    ) -> Result<()> {
        let started = Instant::now();
        let mut seen = Vec::new();
        while started.elapsed() < LIMIT {
            let (began, mut lit, mut looks, mut changes) = (Instant::now(), 0, 0, 0);
            let mut last = self.lit("status")?;
            while began.elapsed() < Duration::from_secs(2) {
                meanwhile()?;
                let now = self.lit("status")?;
                lit += u32::from(now);
                looks += 1;
                changes += u32::from(now != last);
                last = now;
                thread::sleep(Duration::from_millis(10));
            }
            let share = lit * 100 / looks;
            if like(share, changes) {
                return Ok(());
            }
            seen.push((share, changes));
        }
        bail!("STATUS does not look like {what}: {seen:?}")
    }

    fn looks_starting(&self) -> Result<()> {
        let like = |lit, changes| lit > 75 && (2..=6).contains(&changes);
        self.status_looks("starting", like, || Ok(()))
    }

    fn looks_fault(&self, meanwhile: impl FnMut() -> Result<()>) -> Result<()> {
        self.status_looks("a fault", |_, changes| changes > 12, meanwhile)
    }
}

fn looks_well(lit: u32, changes: u32) -> bool {
    lit < 20 && (1..=4).contains(&changes)
}

/// One end of the socket.
struct End(UnixStream);

impl End {
    fn new(stream: UnixStream) -> Result<End> {
        stream.set_read_timeout(Some(LIMIT))?;
        Ok(End(stream))
    }

    fn say(&mut self, message: &Value) -> Result<()> {
        let body = message.to_string();
        let length = u32::try_from(body.len())?.to_be_bytes();
        Ok(self.0.write_all(&[&length[..], body.as_bytes()].concat())?)
    }

    fn hear(&mut self) -> Result<Value> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).context("nothing was said")?;
        let mut body = vec![0; u32::from_be_bytes(length) as usize];
        self.0.read_exact(&mut body)?;
        Ok(serde_json::from_slice(&body)?)
    }

    fn is_closed(&mut self) -> bool {
        match self.0.read(&mut [0]) {
            Ok(read) => read == 0,
            Err(problem) => problem.kind() == ErrorKind::ConnectionReset,
        }
    }
}

fn well() -> Value {
    json!({ "service": "serving", "mode": "prevent", "alert": false, "setup_window": false })
}

/// B10: before the first word starting; then what the daemon says; silence and absence are a fault.
#[test]
fn leds_show_what_the_daemon_says_and_that_it_says_nothing() {
    Office::run(|office| {
        let bench = Bench::start(office, &[])?;
        bench.looks_starting()?;
        let mut daemon = bench.connect()?;
        daemon.say(&well())?;
        let mut said = Instant::now();
        bench.status_looks("well", looks_well, || {
            if said.elapsed() > Duration::from_millis(500) {
                said = Instant::now();
                daemon.say(&well())?;
            }
            Ok(())
        })?;
        // It is there, and says nothing.
        bench.looks_fault(|| Ok(()))?;
        let mut again = || daemon.say(&well());
        bench.status_looks("well", looks_well, &mut again)?;
        // It goes, and another comes.
        drop(daemon);
        bench.looks_fault(|| Ok(()))?;
        let mut daemon = bench.connect()?;
        bench.status_looks("well", looks_well, || daemon.say(&well()))
    });
}

/// A press shorter than any look at the button is seen, and goes to the newest daemon only.
#[test]
fn presses_go_to_the_one_daemon() {
    Office::run(|office| {
        let mut bench = Bench::start(office, &[])?;
        // The button must have been seen let go, which takes two looks.
        bench.looks_starting()?;
        bench.key(true)?;
        bench.key(false)?;
        bench.says("no daemon is connected; nothing was done")?;
        let mut first = bench.connect()?;
        first.say(&well())?;
        bench.says("the daemon has connected")?;
        let mut second = bench.connect()?;
        ensure!(first.is_closed(), "two daemons at a time");
        second.say(&well())?;
        bench.key(true)?;
        bench.key(false)?;
        ensure!(second.hear()? == json!("acknowledge"));
        // One that hangs would do it when nobody stands there any more.
        bench.looks_fault(|| Ok(()))?;
        bench.key(true)?;
        bench.key(false)?;
        bench.says("the daemon is silent; nothing was done")?;
        for octets in [&b"\x7f\xff\xff\xff"[..], b"\0\0\0\x02{}"] {
            let mut other = bench.connect()?;
            other.0.write_all(octets)?;
            ensure!(other.is_closed(), "{octets:?}");
        }
        ensure!(bench.process.alive());
        Ok(())
    });
}

/// By the kernel's word: root, and the user that it was told of.
#[test]
fn nobody_else_is_believed() {
    Office::run(|office| {
        let mut bench = Bench::start(office, &["--user", "daemon"])?;
        // The socket's mode keeps others out already; that alone is not relied upon.
        fs::set_permissions(office.folder(), fs::Permissions::from_mode(0o755))?;
        fs::set_permissions(&bench.socket, fs::Permissions::from_mode(0o666))?;
        let connect = |user: &str, wait: &str| -> Result<String> {
            let script = "import socket,sys\n\
                s=socket.socket(socket.AF_UNIX); s.settimeout(float(sys.argv[2])); s.connect(sys.argv[1])\n\
                try: print('closed' if s.recv(1)==b'' else 'told')\n\
                except TimeoutError: print('open')\n\
                except OSError: print('closed')";
            let out = Command::new(tools::on_path("setpriv")?)
                .args(["--reuid", user, "--clear-groups", "python3", "-c", script])
                .arg(&bench.socket)
                .arg(wait)
                // Root's own python may be where only root can go.
                .env("PATH", "/usr/bin:/bin")
                .output()?;
            ensure!(
                out.status.success(),
                "{}",
                String::from_utf8_lossy(&out.stderr)
            );
            Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
        };
        ensure!(connect("nobody", "20")? == "closed");
        ensure!(connect("daemon", "1")? == "open");
        bench.says("a connection is refused")?;
        bench.says("the daemon has connected")
    });
}

/// B10: a box whose daemon does not start is one that somebody wants to reset.
#[test]
fn a_reset_needs_no_daemon() {
    Office::run(|office| {
        let mut bench = Bench::start(office, &[])?;
        bench.looks_starting()?;
        bench.key(true)?;
        let pressed = Instant::now();
        let reset = bench.socket.with_file_name("reset");
        while pressed.elapsed() < Duration::from_millis(19_500) {
            ensure!(!reset.exists(), "it is asked for while the button is held");
            thread::sleep(Duration::from_millis(50));
        }
        bench.key(false)?;
        bench.says("reset to factory state")?;
        ensure!(reset.exists());
        let like = |lit, changes| (65..=90).contains(&lit) && changes >= 6;
        bench.status_looks("resetting", like, || Ok(()))
    });
}

const POLICY: &str = r#"format = 1
[settings]
mode = "detect"
country = "US"
[[client]]
name = "script"
addresses = ["127.0.0.50"]
"#;

/// The daemon's side, with the test as the panel.
#[test]
fn the_daemon_does_what_the_panel_says_and_tells_it_its_state() {
    Office::run(|office| {
        let path = office.folder().join("panel.sock");
        let listener = UnixListener::bind(&path)?;
        let mut guard = Guard::new(office, POLICY)?;
        guard.option("--panel-socket");
        guard.option(&path.to_string_lossy());
        guard.start()?;
        let accept = || -> Result<End> { End::new(listener.accept()?.0) };
        let state = |panel: &mut End, key: &str, wanted: Value| -> Result<()> {
            let started = Instant::now();
            loop {
                let said = panel.hear()?;
                if said[key] == wanted {
                    return Ok(());
                }
                ensure!(started.elapsed() < LIMIT, "{key} is not {wanted}: {said}");
            }
        };
        let mut panel = accept()?;
        state(&mut panel, "mode", json!("detect"))?;
        state(&mut panel, "setup_window", json!(false))?;
        // It speaks though nothing changes, well within the panel's patience.
        let heard = Instant::now();
        for _ in 0..3 {
            panel.hear()?;
        }
        ensure!(
            heard.elapsed() < Duration::from_millis(4_500),
            "{:?}",
            heard.elapsed()
        );

        ensure!(
            guard.figure("setup_window_s").is_err(),
            "it is open already"
        );
        panel.say(&json!("setup-window"))?;
        state(&mut panel, "setup_window", json!(true))?;
        let said = guard.cli(&["status"])?.out;
        ensure!(
            said.contains("set-up     window open for another"),
            "{said}"
        );
        let left = guard.figure("setup_window_s")?;
        ensure!((500..=600).contains(&left), "{left}");

        panel.say(&json!("toggle-mode"))?;
        state(&mut panel, "mode", json!("prevent"))?;

        // What is no press ends the connection; it comes back, and says all anew.
        panel.say(&json!({ "press": "setup-window" }))?;
        let mut panel = accept()?;
        state(&mut panel, "mode", json!("prevent"))?;
        drop(panel);
        let mut panel = accept()?;
        state(&mut panel, "setup_window", json!(true))?;
        ensure!(guard.running());
        Ok(())
    });
}

/// Presence is worth as much as the socket that it comes from.
#[test]
fn the_daemon_believes_no_panel_of_another_user() {
    Office::run(|office| {
        fs::set_permissions(office.folder(), fs::Permissions::from_mode(0o755))?;
        let folder = office.folder().join("theirs");
        fs::create_dir(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777))?;
        let path = folder.join("panel.sock");
        let script = "import os,socket,struct,sys\n\
            s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(4)\n\
            b=b'\"setup-window\"'\n\
            while True:\n c,_=s.accept()\n try: c.sendall(struct.pack('>I',len(b))+b)\n except OSError: pass";
        let args = [
            "--reuid",
            "nobody",
            "--clear-groups",
            "/usr/bin/python3",
            "-c",
            script,
        ];
        let at = path.to_string_lossy().into_owned();
        let _theirs = office.start("setpriv", &[&args[..], &[&*at]].concat())?;
        wait_for(&path)?;
        let mut guard = Guard::new(office, POLICY)?;
        guard.option("--panel-socket");
        guard.option(&at);
        guard.option("--panel-user");
        guard.option("daemon");
        guard.start()?;
        let started = Instant::now();
        let said = "neither root nor the panel's";
        while !guard.log().contains(said) {
            ensure!(started.elapsed() < LIMIT, "{}", guard.log());
            thread::sleep(Duration::from_millis(20));
        }
        let status = guard.cli(&["status"])?.out;
        ensure!(!status.contains("set-up"), "{status}");
        Ok(())
    });
}

/// As the units run them: two users, neither of them root, and a socket that systemd opened.
#[test]
fn panel_and_daemon_find_each_other_as_the_units_run_them() {
    Office::run(|office| {
        let folder = office.folder();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
        fs::create_dir(folder.join("bin"))?;
        let binary = folder.join("bin/trunkguard");
        fs::copy(tools::trunkguard()?, &binary)?;
        let (binary, path) = (binary.to_string_lossy(), folder.join("panel.sock"));
        let socket = path.to_string_lossy();
        let mut command = vec!["--listen", &*socket, "--fdname=panel"];
        command.extend(["/usr/bin/setpriv", "--reuid", "nobody", "--clear-groups"]);
        command.extend(["--no-new-privs", &*binary, "panel", "--board", "sim"]);
        command.extend(["--user", "daemon", "--socket", &*socket]);
        let mut panel = office.start("systemd-socket-activate", &command)?;
        panel.wait_for("the socket", LIMIT, |log| log.contains("Listening on"))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666))?;

        let state = folder.join("theirs");
        fs::create_dir(&state)?;
        std::os::unix::fs::chown(&state, Some(1), Some(1))?;
        let state = state.to_string_lossy();
        let mut command = vec!["--reuid", "daemon", "--regid", "daemon", "--clear-groups"];
        command.extend([
            &*binary,
            "run",
            "--state",
            &*state,
            "--sip",
            "127.0.0.20:5060",
        ]);
        command.extend(["--panel-socket", &*socket, "--panel-user", "nobody"]);
        for times in 1..=2 {
            let mut daemon = office.start("setpriv", &command)?;
            panel.wait_for("the daemon", LIMIT, |log| {
                log.matches("the daemon has connected").count() == times
            })?;
            ensure!(
                !daemon.printed().contains("is not reached"),
                "{}",
                daemon.printed()
            );
            ensure!(daemon.alive());
            daemon.kill();
            panel.wait_for("its end", LIMIT, |log| {
                log.matches("the daemon has gone").count() == times
            })?;
        }
        ensure!(!panel.printed().contains("refused"), "{}", panel.printed());
        Ok(())
    });
}

fn wait_for(path: &Path) -> Result<()> {
    let started = Instant::now();
    while !path.exists() {
        ensure!(started.elapsed() < LIMIT, "{} is not there", path.display());
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
