//! A system on trial (docs/updates.md): `box trial`, `confirm`, `good`, `back`, `restart`.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use trunkguard_boot::{
    canary::{self, Canary, Told},
    device::Device,
    files,
    state::{Slot, State},
};
use trunkguard_update::{
    Places,
    boot::{self, Boot},
};

use super::partition_or;
use crate::{
    cli::{Answer, print},
    confirm,
};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(5);
/// All is seen to work so often in a row.
const IN_A_ROW: u32 = 2;

#[derive(Args)]
pub struct Bootstate {
    /// The partition `bootstate`; unless said, the one of the disk that the system runs from.
    #[arg(long, value_name = "PATH")]
    device: Option<PathBuf>,
}

#[derive(Args)]
pub struct Confirm {
    /// The daemon's state directory.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Where the page is.
    #[arg(long, value_name = "ADDR:PORT")]
    page: Option<SocketAddr>,
    /// It is to work within so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    within: u64,
    /// Where the reason is kept while it does not.
    #[arg(long, value_name = "FILE")]
    reason: Option<PathBuf>,
}

/// Notes for others which slot runs. Yes: on trial.
pub fn trial(arguments: &Bootstate) -> anyhow::Result<Answer> {
    let path = partition_or(arguments.device.as_deref(), "bootstate")?;
    Ok(match note(&path)?.on_trial() {
        true => Answer::Yes,
        false => Answer::No,
    })
}

/// Writes [`boot::PATH`].
pub fn note(device: &Path) -> anyhow::Result<Boot> {
    let found = Device::open_to_read(device)?.read()?;
    let (told, state) = (told()?, found.newest.state);
    let noted = canary::noted(Path::new(canary::NOTE));
    let problem = match canary::check(told, noted, state) {
        Canary::Same => None,
        Canary::NotTold => Some("the box was not started by its own script: no updates are taken".to_owned()),
        Canary::OtherSequence { .. } => Some(
            "boot loader and system do not see the same record: no updates are taken until the box was started anew".to_owned(),
        ),
        Canary::OtherSlot { expected } => Some(format!(
            "slot {expected} does not load any more, and the other one runs: have the card replaced; no updates are taken"
        )),
    };
    let running = told.map_or(state.good, |told| told.slot);
    let boot = Boot {
        running: running.name().into(),
        confirmed: state.good.name().into(),
        trial: state.trial.map(|trial| trial.slot.name().to_owned()),
        problem,
    };
    let path = Path::new(boot::PATH);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    files::replace(path, &serde_json::to_vec(&boot)?, 0o644)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(boot)
}

/// Looks whether everything works, again and again, until it does or time is over.
pub fn confirm(arguments: &Confirm) -> anyhow::Result<Answer> {
    let begin = Instant::now();
    let places = Places::default();
    let made_s = places.made_s();
    let (mut seen, mut last) = (0, String::new());
    loop {
        match confirm::look(&arguments.state, arguments.page, made_s) {
            Ok(()) => seen += 1,
            Err(problem) => {
                let problem = format!("{problem:#}");
                if problem != last {
                    print(format!("not yet: {problem}\n"))?;
                    // At once: whatever ends this process must not take the reason with it.
                    keep_reason(arguments, &places, &problem);
                }
                (seen, last) = (0, problem);
            }
        }
        if seen >= IN_A_ROW {
            if let Some(path) = &arguments.reason {
                let _ = fs::remove_file(path);
            }
            return print("this system answers calls, filters, and serves the page\n");
        }
        if begin.elapsed() >= Duration::from_secs(arguments.within) {
            bail!("{last}");
        }
        thread::sleep(PAUSE);
    }
}

/// Without it the system before only knows that this one did not do.
fn keep_reason(arguments: &Confirm, places: &Places, problem: &str) {
    let Some(path) = &arguments.reason else {
        return;
    };
    let version = places.of_release("VERSION_ID").unwrap_or_default();
    let text = format!("{version}\n{problem}\n");
    if let Err(e) = files::replace(path, text.as_bytes(), 0o644) {
        let _ = print(format!(
            "{}: {e}; the reason is in the log only\n",
            path.display()
        ));
    }
}

/// What runs is the confirmed system from now on.
pub fn good(arguments: &Bootstate) -> anyhow::Result<Answer> {
    let path = partition_or(arguments.device.as_deref(), "bootstate")?;
    let slot = change(&path, State::good)?;
    print(format!("slot {slot} is confirmed\n"))
}

/// What runs on trial does not do: restarts into what ran before.
pub fn back(arguments: &Bootstate) -> anyhow::Result<Answer> {
    let path = partition_or(arguments.device.as_deref(), "bootstate")?;
    // Where the record cannot be written, its tries end it: restarted in any case.
    let changed = match note(&path)?.on_trial() {
        true => change(&path, State::bad),
        false => return print("this system is not on trial\n"),
    };
    restart_now()?;
    changed.map(|_| Answer::Yes)
}

/// Restarts the box as the file says that the process of updates has made.
pub fn restart(arguments: &Bootstate) -> anyhow::Result<Answer> {
    let path = partition_or(arguments.device.as_deref(), "bootstate")?;
    let wish = Places::default().wishes.join("restart");
    let wanted = files::read(&wish, 16)
        .with_context(|| format!("{}: nobody asks for a restart", wish.display()))?;
    fs::remove_file(&wish)?;
    match wanted.as_slice() {
        b"restart" => {}
        b"other" => {
            ensure!(
                !note(&path)?.on_trial(),
                "this system is on trial, and is not left before it was judged"
            );
            change(&path, |state, running| state.set_primary(running.other()))?;
        }
        _ => bail!("{}: write restart or other", wish.display()),
    }
    restart_now()?;
    Ok(Answer::Yes)
}

/// Changes the record, where boot loader and system see the same one. Answers with the slot that runs.
fn change(device: &Path, change: impl FnOnce(State, Slot) -> State) -> anyhow::Result<Slot> {
    let (told, noted) = (told()?, canary::noted(Path::new(canary::NOTE)));
    let opened = Device::open(device)?;
    let mut seen = None;
    let (mut before, mut same) = (0, false);
    let after = opened.change(|state| {
        before = state.sequence;
        same = canary::check(told, noted, state) == Canary::Same;
        seen = told;
        match told {
            Some(told) if same => change(state, told.slot),
            _ => state,
        }
    })?;
    let Some(told) = seen.filter(|_| same) else {
        bail!(
            "boot loader and system do not see the same record (`trunkguard box state`); nothing was changed"
        );
    };
    if after.sequence != before {
        canary::note(Path::new(canary::NOTE), after.sequence)?;
    }
    note(device)?;
    Ok(told.slot)
}

fn told() -> anyhow::Result<Option<Told>> {
    Ok(canary::told(&fs::read_to_string("/proc/cmdline")?))
}

/// In order: services end, calls that were decided are written down.
fn restart_now() -> anyhow::Result<()> {
    let done = Command::new("/usr/bin/systemctl")
        .args(["--no-block", "reboot"])
        .status();
    ensure!(
        done.context("systemctl cannot be started")?.success(),
        "systemd does not restart the box"
    );
    Ok(())
}
