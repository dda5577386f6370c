//! A restore that is killed at any step, by strace at the n-th system call that changes the disk: afterwards the box is wholly
//! the old one, or wholly the new one (docs/backup.md).
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    Guard, Office, address,
    page::{PASSWORD, Page},
    tools,
    wire::Udp,
};

const OLD: &str =
    "[settings]\nmode = \"detect\"\n[[client]]\nname = \"old\"\naddresses = [\"127.0.0.50\"]\n";
const NEW: &str =
    "[settings]\nmode = \"prevent\"\n[[client]]\nname = \"new\"\naddresses = [\"127.0.0.50\"]\n";
const SEALED: &str = "a sentence that nobody else has";
/// What changes the disk, or makes a change of it last.
const CALLS: [&str; 7] = [
    "mkdir",
    "rename",
    "fsync",
    "fdatasync",
    "unlink",
    "unlinkat",
    "rmdir",
];

/// A box that has been used: a policy, an account, a decision, certificates, a call. Answers its state folder.
fn used(office: &Office, policy: &str, owner: &str) -> Result<PathBuf> {
    let state = office.folder().join(owner);
    fs::create_dir_all(&state)?;
    let mut guard = Guard::with_state(office, state.clone(), policy)?;
    let at = std::net::SocketAddr::from((address::BOX, 8443));
    for option in ["--web", &at.to_string(), "--sips", "127.0.0.20:5061"] {
        guard.option(option);
    }
    guard.start()?;
    let page = Page { guard, at };
    let code = page.code()?;
    let fields = [
        ("code", &*code),
        ("name", owner),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ];
    let set = page.browser().submit("/setup", "/setup", &fields)?;
    ensure!(set.status == 303, "{set:?}");
    let network = if owner == "old" {
        "198.51.100.0/28"
    } else {
        "203.0.113.16/28"
    };
    let decided = page.guard.cli(&["pops", "add", network])?;
    ensure!(decided.code == 0, "{decided:?}");
    Udp::at(address::SCRIPT, page.guard.listens())?.ask("911", owner)?;
    page.guard.calls(1)?;
    let mut page = page;
    page.guard.stop()?;
    Ok(state)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(to);
    let text = |path: &Path| path.to_string_lossy().into_owned();
    tools::run("cp", &["-a", &text(from), &text(to)]).map(drop)
}

/// Everything that a restore replaces, as the box itself says it.
fn whole(guard: &Guard) -> Result<String> {
    let sql = |file: &str, query: &str| {
        let path = guard.state().join(file);
        tools::run("sqlite3", &[&path.to_string_lossy(), query])
    };
    let policy = guard.cli(&["export"])?.out;
    let calls = guard.json(&["calls"])?[0]["client"].to_string();
    let accounts = sql("page.v1.db", "SELECT name, role, hash FROM account")?;
    let decisions = sql("network.v1.db", "SELECT subject FROM decision")?;
    let files: Vec<String> = ["page.pem", "page.names", "sips.crt", "sips.key"]
        .iter()
        .map(|name| fs::read_to_string(guard.state().join(name)).unwrap_or_default())
        .collect();
    Ok([policy, calls, accounts, decisions, files.concat()].join("\n"))
}

struct Boxes {
    old: PathBuf,
    backup: String,
    key: String,
}

impl Boxes {
    fn new(office: &Office) -> Result<Boxes> {
        let new = used(office, NEW, "new")?;
        let old = used(office, OLD, "old")?;
        let at = |name: &str| office.folder().join(name).to_string_lossy().into_owned();
        let (backup, key) = (at("new.backup"), at("password"));
        fs::write(&key, format!("{SEALED}\n"))?;
        let guard = Guard::with_state(office, new, NEW)?;
        let made = guard.cli(&[
            "backup",
            "--password-file",
            &key,
            "--certificates",
            "--history",
            &backup,
        ])?;
        ensure!(made.code == 0, "{made:?}");
        Ok(Boxes { old, backup, key })
    }

    /// Restores; killed at the n-th of these calls. Answers whether it came to its end.
    fn restore(&self, state: &Path, call: &str, n: usize, parts: &[&str]) -> Result<bool> {
        let status = Command::new(tools::on_path("strace")?)
            .args(["-f", "-qqq", "-o", "/dev/null", "-e"])
            .arg(format!("trace={call}"))
            .arg("-e")
            .arg(format!("inject={call}:signal=KILL:when={n}"))
            .arg(tools::trunkguard()?)
            .arg("restore")
            .arg("--state")
            .arg(state)
            .args(["--password-file", &self.key])
            .args(parts)
            .arg(&self.backup)
            .output()?;
        ensure!(
            status.status.success() || status.stderr.is_empty(),
            "{call} {n}: {}",
            String::from_utf8_lossy(&status.stderr)
        );
        Ok(status.status.success())
    }
}

#[test]
fn restore_power_cuts_leave_the_old_box_or_the_new_one() {
    Office::run(|office| {
        let boxes = Boxes::new(office)?;
        let state = office.folder().join("state-of-a-try");
        let fresh = || -> Result<Guard> {
            copy(&boxes.old, &state)?;
            Guard::with_state(office, state.clone(), OLD)
        };
        let mut guard = fresh()?;
        guard.start()?;
        let old = whole(&guard)?;
        guard.stop()?;
        ensure!(
            boxes.restore(&state, "rename", 10_000, &[])?,
            "it was killed"
        );
        guard.start()?;
        let new = whole(&guard)?;
        guard.stop()?;
        ensure!(
            old != new && new.contains("203.0.113.16/28") && !new.contains("198.51.100"),
            "{new}"
        );

        let (mut killed, mut taken_back, mut done) = (0, 0, 0);
        for call in CALLS {
            for n in 1.. {
                let mut guard = fresh()?;
                if boxes.restore(&state, call, n, &[])? {
                    break;
                }
                killed += 1;
                guard.start().with_context(|| format!("{call} {n}"))?;
                let now = whole(&guard)?;
                guard.stop()?;
                match () {
                    () if now == old => taken_back += 1,
                    () if now == new => done += 1,
                    () => anyhow::bail!("{call} {n}: neither the old box nor the new one:\n{now}"),
                }
                for left in ["restore.new", "restore.undo", "restore.done"] {
                    ensure!(!state.join(left).exists(), "{call} {n}: {left} is left");
                }
            }
        }
        println!("killed {killed} times: {taken_back} times the old box, {done} times the new one");
        ensure!(
            killed > 40 && taken_back > 20 && done > 0,
            "{killed} {taken_back} {done}"
        );
        Ok(())
    });
}

/// Beside a daemon that runs: it takes back by itself what a killed restore leaves.
#[test]
fn restore_power_a_daemon_takes_back_what_a_killed_restore_leaves() {
    Office::run(|office| {
        let boxes = Boxes::new(office)?;
        let state = office.folder().join("state-of-a-try");
        copy(&boxes.old, &state)?;
        let mut guard = Guard::with_state(office, state.clone(), OLD)?;
        guard.start()?;
        let old = whole(&guard)?;
        let parts = ["--only", "policy,pops,accounts,certificates"];
        // As soon as one is killed when the policy is the new one already.
        let mut half = false;
        for n in 1..40 {
            if boxes.restore(&state, "rename", n, &parts)? {
                break;
            }
            let was_half = state.join("restore.undo").exists()
                && guard.cli(&["export"])?.out.contains("\"new\"");
            let started = Instant::now();
            while ["restore.undo", "restore.new", "restore.done"]
                .iter()
                .any(|left| state.join(left).exists())
            {
                ensure!(
                    started.elapsed() < Duration::from_secs(60),
                    "{n}: it is not taken back"
                );
                std::thread::sleep(Duration::from_millis(50));
            }
            if was_half {
                half = true;
                ensure!(whole(&guard)? == old, "{n}: not the old box");
                break;
            }
        }
        ensure!(half, "no restore was killed half-way");
        guard.stop()
    });
}
