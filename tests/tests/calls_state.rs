//! What is promised about disks, crashes, clocks and policy files, seen from a client that asks.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use nix::mount::{MsFlags, mount};
use trunkguard_tests::{
    Guard, Office, address,
    clock::FakeClock,
    scenario::{BLOCKED, DOMESTIC, EMERGENCY},
    wire::{self, Udp},
};

fn policy(settings: &str, rules: &str) -> String {
    format!(
        r#"format = 1
[settings]
mode = "prevent"
country = "US"
{settings}
[policy]
off = ["same-number", "spellings", "sequential"]
[policy.block]
countries = ["CU"]
{rules}
[[client]]
name = "script"
addresses = ["127.0.0.50", "127.0.0.51"]
"#
    )
}

fn script(guard: &Guard) -> Result<Udp> {
    Udp::at(address::SCRIPT, guard.listens())
}

fn status(udp: &Udp, number: &str, call: &str) -> Result<u16> {
    udp.ask(number, call)?.status().context("no status")
}

fn expect(udp: &Udp, number: &str, call: &str, wanted: u16) -> Result<()> {
    let got = status(udp, number, call)?;
    ensure!(
        got == wanted,
        "{call}: {number} was answered {got}, expected {wanted}"
    );
    Ok(())
}

/// A state folder of so many octets, as a file system of its own.
fn small_disk(office: &Office, octets: u32) -> Result<PathBuf> {
    let folder = office.folder().join("state");
    fs::create_dir_all(&folder)?;
    let size = format!("size={octets}");
    mount(
        Some("tmpfs"),
        &folder,
        Some("tmpfs"),
        MsFlags::empty(),
        Some(size.as_str()),
    )
    .context("tmpfs")?;
    Ok(folder)
}

fn fill(folder: &Path) -> Result<PathBuf> {
    let file = folder.join("ballast");
    let mut size = 1 << 20;
    let mut bytes = Vec::new();
    while size >= 512 {
        bytes.extend(std::iter::repeat_n(1, size));
        if fs::write(&file, &bytes).is_err() {
            bytes.truncate(bytes.len() - size);
            size /= 2;
        }
    }
    // The last try failed half-way and has filled what was left.
    let _ = fs::write(&file, vec![1; bytes.len() + 512]);
    Ok(file)
}

#[test]
fn calls_state_limits_survive_kill_9() {
    Office::run(|office| {
        let mut guard = office.guard(&policy("", "[policy.limits]\nper_day = 3"))?;
        let udp = script(&guard)?;
        for n in 0..3 {
            expect(&udp, DOMESTIC, &format!("before-{n}"), 302)?;
        }
        guard.kill();
        guard.start()?;
        expect(&udp, DOMESTIC, "after", 603)?;
        expect(&udp, EMERGENCY, "emergency", 302)?;
        let calls = guard.calls(5)?;
        ensure!(calls[3]["rule"] == "per-day", "{calls:#?}");
        Ok(())
    });
}

/// Every approval that a client has heard of is in the journal, whenever the box is killed. (What the
/// disk itself keeps through a power cut is the store's own test.)
#[test]
fn calls_state_every_answered_approval_is_in_the_journal_after_kill_9() {
    Office::run(|office| {
        let mut guard = office.guard(&policy("", ""))?;
        let mut told = BTreeSet::new();
        for round in 0..5_u32 {
            let udp = script(&guard)?;
            for n in 0..200_u32 {
                udp.send(&wire::invite(
                    udp.here,
                    "UDP",
                    &format!("1212{:03}{n:04}", 200 + round),
                    &format!("cut-{round}-{n}"),
                ))?;
            }
            let enough = told.len() + 20 + 30 * round as usize;
            while told.len() < enough {
                let answer = udp
                    .receive(Duration::from_secs(5))?
                    .context("the answers stopped coming")?;
                if answer.status() == Some(302) {
                    told.insert(
                        trunkguard_tests::sip::user(answer.header("Contact"))[3..].to_owned(),
                    );
                }
            }
            guard.kill();
            while let Some(answer) = udp.receive(Duration::from_millis(20))? {
                if answer.status() == Some(302) {
                    told.insert(
                        trunkguard_tests::sip::user(answer.header("Contact"))[3..].to_owned(),
                    );
                }
            }
            guard.start()?;
        }
        let kept: BTreeSet<String> = guard
            .journal()?
            .iter()
            .filter_map(|call| Some(call["dialled"].as_str()?.to_owned()))
            .collect();
        let lost: Vec<_> = told.difference(&kept).collect();
        ensure!(
            lost.is_empty(),
            "{} of {} answered approvals are not in the journal: {lost:?}",
            lost.len(),
            told.len()
        );
        Ok(())
    });
}

#[test]
fn calls_state_full_disk_lets_calls_through_and_recovers() {
    Office::run(|office| {
        let state = small_disk(office, 4 << 20)?;
        let mut guard = Guard::with_state(
            office,
            state.clone(),
            &policy("", "[policy.limits]\nper_day = 3"),
        )?;
        guard.start()?;
        let udp = script(&guard)?;
        expect(&udp, DOMESTIC, "before", 302)?;
        let ballast = fill(&state)?;
        // Full: calls go on, limits are kept in memory, and emergency is never in question.
        expect(&udp, DOMESTIC, "full-1", 302)?;
        expect(&udp, EMERGENCY, "full-2", 302)?;
        expect(&udp, BLOCKED, "full-3", 603)?;
        expect(&udp, DOMESTIC, "full-4", 302)?;
        expect(&udp, DOMESTIC, "full-5", 603)?;
        ensure!(guard.running(), "the box did not survive the full disk");
        let health = guard.cli(&["status"])?;
        ensure!(
            health.code == 1,
            "status says healthy on a full disk: {health:?}"
        );
        fs::remove_file(ballast)?;
        guard.apply(&policy("", ""))?;
        expect(&udp, DOMESTIC, "after", 302)?;
        guard.stop()?;
        guard.start()?;
        let numbers = guard.journal()?;
        ensure!(
            numbers
                .iter()
                .filter(|call| call["dialled"] == DOMESTIC)
                .count()
                >= 2,
            "{numbers:#?}"
        );
        Ok(())
    });
}

#[test]
fn calls_state_full_disk_refuses_when_told_to() {
    Office::run(|office| {
        let state = small_disk(office, 4 << 20)?;
        let mut guard = Guard::with_state(
            office,
            state.clone(),
            &policy("store_failure = \"refuse\"", ""),
        )?;
        guard.start()?;
        let udp = script(&guard)?;
        expect(&udp, DOMESTIC, "before", 302)?;
        let ballast = fill(&state)?;
        expect(&udp, DOMESTIC, "full-1", 603)?;
        expect(&udp, EMERGENCY, "full-2", 302)?;
        fs::remove_file(ballast)?;
        let started = Instant::now();
        let mut n = 0;
        while status(&udp, DOMESTIC, &format!("after-{n}"))? != 302 {
            ensure!(
                started.elapsed() < Duration::from_secs(15),
                "the box does not notice that there is room again"
            );
            n += 1;
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    });
}

#[test]
fn calls_state_read_only_folder_still_answers_by_the_policy() {
    Office::run(|office| {
        let state = small_disk(office, 8 << 20)?;
        let mut guard = Guard::with_state(office, state.clone(), &policy("", ""))?;
        guard.start()?;
        guard.stop()?;
        let none: Option<&str> = None;
        mount(
            none,
            &state,
            none,
            MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY,
            none,
        )
        .context("remount")?;
        guard.start()?;
        let udp = script(&guard)?;
        expect(&udp, EMERGENCY, "emergency", 302)?;
        expect(&udp, BLOCKED, "blocked", 603)?;
        expect(&udp, DOMESTIC, "allowed", 302)?;
        ensure!(guard.running(), "the box did not survive");
        Ok(())
    });
}

fn spoil(file: &Path) -> Result<()> {
    ensure!(file.is_file(), "{} is not there", file.display());
    let mut bytes = fs::read(file)?;
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = (n * 31 % 251) as u8;
    }
    fs::write(file, bytes)?;
    for more in ["-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(more);
        if Path::new(&name).exists() {
            fs::write(&name, b"not a log either")?;
        }
    }
    Ok(())
}

#[test]
fn calls_state_a_spoilt_history_is_moved_aside_while_calls_go_on() {
    Office::run(|office| {
        let mut guard = office.guard(&policy("", ""))?;
        expect(&script(&guard)?, DOMESTIC, "before", 302)?;
        guard.stop()?;
        spoil(&guard.state().join("history.v1.db"))?;
        guard.start()?;
        let udp = script(&guard)?;
        expect(&udp, DOMESTIC, "after", 302)?;
        expect(&udp, BLOCKED, "blocked", 603)?;
        // Decided within one millisecond, the two have no order.
        let calls = guard.calls(2)?;
        ensure!(calls.iter().any(|call| call["dialled"] == DOMESTIC));
        let kept = fs::read_dir(guard.state())?.flatten().any(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.starts_with("history")
                && name != "history.v1.db"
                && !name.ends_with("-wal")
                && !name.ends_with("-shm")
        });
        ensure!(kept, "the spoilt history was thrown away");
        Ok(())
    });
}

#[test]
fn calls_state_a_spoilt_policy_falls_back_to_the_last_good_one() {
    Office::run(|office| {
        let mut guard = office.guard(&policy("", ""))?;
        expect(&script(&guard)?, BLOCKED, "before", 603)?;
        guard.stop()?;
        spoil(&guard.state().join("policy.v2.db"))?;
        guard.start()?;
        let udp = script(&guard)?;
        expect(&udp, EMERGENCY, "emergency", 302)?;
        expect(&udp, BLOCKED, "blocked", 603)?;
        expect(&udp, DOMESTIC, "allowed", 302)
    });
}

#[test]
fn calls_state_a_wrong_policy_file_changes_nothing() {
    Office::run(|office| {
        let guard = office.guard(&policy("", ""))?;
        let udp = script(&guard)?;
        let wrong = policy("", "").replace("countries", "contries");
        let file = office.folder().join("wrong.toml");
        fs::write(&file, &wrong)?;
        let said = guard.cli(&["apply", &file.to_string_lossy()])?;
        let line = wrong
            .lines()
            .position(|l| l.contains("contries"))
            .unwrap_or_default()
            + 1;
        for part in ["wrong.toml", "contries", &line.to_string()] {
            ensure!(
                said.code == 2 && said.err.contains(part),
                "the message lacks `{part}`: {said:?}"
            );
        }
        expect(&udp, BLOCKED, "still-blocked", 603)?;
        expect(&udp, DOMESTIC, "still-allowed", 302)
    });
}

/// The wall clock goes ten years on, and then back to 1970: limits hold, and calls are decided.
#[test]
fn calls_state_a_clock_that_jumps_neither_resets_nor_blocks() {
    Office::run(|office| {
        let mut guard = Guard::new(office, &policy("", "[policy.limits]\nper_day = 2"))?;
        let clock = FakeClock::of(&mut guard, office)?;
        guard.start()?;
        let udp = script(&guard)?;
        expect(&udp, DOMESTIC, "now-1", 302)?;
        for (name, offset) in [("future", "+10y"), ("past", "-56y")] {
            clock.moved(offset)?;
            expect(&udp, EMERGENCY, &format!("{name}-emergency"), 302)?;
            expect(&udp, BLOCKED, &format!("{name}-blocked"), 603)?;
        }
        expect(&udp, DOMESTIC, "past-2", 302)?;
        expect(&udp, DOMESTIC, "past-3", 603)?;
        clock.moved("+0")?;
        expect(&udp, DOMESTIC, "now-4", 603)?;
        ensure!(guard.running());
        Ok(())
    });
}
