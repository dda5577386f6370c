//! What the box's units do at a start, as processes on real files and block devices: B4, B5, B12, B13 and
//! B16 of docs/box.md. Mounting the FAT itself needs a kernel with VFAT: the image's own tests do that.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use trunkguard_tests::tools;

const POLICY: &str = "[settings]\r\nmode = \"prevent\"\r\ntime_zone = \"America/Toronto\"\r\ncountry = \"CA\"\r\n\
     \r\n[[client]]\r\nname = \"office\"\r\naddresses = [\"192.168.1.10\"]\r\n";

fn on_box(arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(tools::trunkguard()?);
    Ok(command.arg("box").args(arguments).output()?)
}

/// What it prints, when it does not fail.
fn done(arguments: &[&str]) -> Result<String> {
    let out = on_box(arguments)?;
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    ensure!(out.status.success(), "{arguments:?}: {said}");
    Ok(String::from_utf8(out.stdout)?)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A card, and the box that it is put into.
struct Provisioned {
    folder: tempfile::TempDir,
}

impl Provisioned {
    fn new() -> Result<Provisioned> {
        let folder = tempfile::tempdir()?;
        for name in ["firmware", "runtime", "state"] {
            fs::create_dir(folder.path().join(name))?;
        }
        let new = Provisioned { folder };
        fs::write(
            new.path("firmware/trunkguard-result.txt"),
            " ".repeat(4_096),
        )?;
        Ok(new)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, policy: &str) -> Result<()> {
        Ok(fs::write(self.path("firmware/trunkguard.toml"), policy)?)
    }

    /// One start. Answers the result file, and whether it was written.
    fn start(&self) -> Result<(String, bool)> {
        let card = ["--firmware", text(&self.path("firmware"))].map(str::to_owned);
        let runtime = self.path("runtime");
        let runtime = ["--runtime", text(&runtime)];
        let [option, firmware] = &card;
        done(&["fetch", option, firmware, runtime[0], runtime[1]])?;
        done(&[
            "provision",
            "--state",
            text(&self.path("state")),
            "--applied",
            text(&self.path("applied")),
            runtime[0],
            runtime[1],
        ])?;
        let said = done(&["report", option, firmware, runtime[0], runtime[1]])?;
        let result = fs::read_to_string(self.path("firmware/trunkguard-result.txt"))?;
        ensure!(result.len() == 4_096, "{} octets", result.len());
        Ok((result, said == "reported\n"))
    }

    fn policy(&self) -> Result<String> {
        let mut command = Command::new(tools::trunkguard()?);
        let out = command.args(["export", "--state"]).arg(self.path("state"));
        Ok(String::from_utf8(out.output()?.stdout)?)
    }
}

#[test]
fn a_file_on_the_card_is_applied_once() -> Result<()> {
    let card = Provisioned::new()?;
    let (result, written) = card.start()?;
    ensure!(!written && result.trim().is_empty(), "{result}");

    // As a PC with Windows writes it.
    card.put(&format!("\u{feff}{POLICY}"))?;
    let (first, written) = card.start()?;
    ensure!(written && first.contains("WAS APPLIED"), "{first}");
    ensure!(first.contains("1 clients"), "{first}");
    ensure!(card.policy()?.contains("mode = \"prevent\""));

    // What is set on the box afterwards stays: the file is not applied twice.
    let mut command = Command::new(tools::trunkguard()?);
    let state = card.path("state");
    let set = command.args(["mode", "--state", text(&state), "detect"]);
    ensure!(set.output()?.status.success());
    let (second, written) = card.start()?;
    ensure!(!written && second == first, "{second}");
    ensure!(card.policy()?.contains("mode = \"detect\""));

    card.put(&POLICY.replace("192.168.1.10", "192.168.1.11"))?;
    let (third, written) = card.start()?;
    ensure!(written && third != first, "{third}");
    ensure!(card.policy()?.contains("192.168.1.11"));
    Ok(())
}

#[test]
fn a_wrong_file_is_explained_and_changes_nothing() -> Result<()> {
    let card = Provisioned::new()?;
    card.put(POLICY)?;
    card.start()?;
    let before = card.policy()?;

    card.put(&POLICY.replace("addresses", "adresses"))?;
    let (result, written) = card.start()?;
    ensure!(written && result.contains("WAS NOT APPLIED"), "{result}");
    ensure!(
        result.contains("trunkguard.toml:8") && result.contains("adresses"),
        "{result}"
    );
    ensure!(!result.contains("/run") && !result.contains(text(card.folder.path())));
    ensure!(card.policy()? == before);
    let (again, written) = card.start()?;
    ensure!(!written && again == result);

    // UTF-16, as Notepad's "Unicode"; and the name that Windows hides the end of.
    fs::write(card.path("firmware/trunkguard.toml"), b"\xff\xfe[\0s\0]\0")?;
    let (result, _) = card.start()?;
    ensure!(result.contains("UTF-8"), "{result}");
    fs::rename(
        card.path("firmware/trunkguard.toml"),
        card.path("firmware/trunkguard.toml.txt"),
    )?;
    let (result, _) = card.start()?;
    ensure!(result.contains("rename"), "{result}");
    ensure!(card.policy()? == before);

    fs::remove_file(card.path("firmware/trunkguard-result.txt"))?;
    let firmware = card.path("firmware");
    let runtime = card.path("runtime");
    let out = on_box(&[
        "report",
        "--firmware",
        text(&firmware),
        "--runtime",
        text(&runtime),
    ])?;
    ensure!(out.status.code() == Some(2));
    ensure!(!card.path("firmware/trunkguard-result.txt").exists());
    Ok(())
}

/// B12 and B5, as root, because folders are given to their owners.
#[test]
fn a_box_has_one_identity_and_its_folders() -> Result<()> {
    let data = tempfile::tempdir()?;
    let make = || done(&["identity", "--keep-host-name", "--data", text(data.path())]);
    let first = make()?;
    ensure!(first.contains("made now"), "{first}");
    let id = fs::read_to_string(data.path().join("box/id"))?;
    ensure!(id.trim_end().len() == 16 && first.starts_with(&format!("trunkguard-{}", &id[..4])));
    let second = make()?;
    ensure!(
        second.trim_end() == first.trim_end().trim_end_matches(", made now"),
        "{second}"
    );
    for (name, user, group, mode) in [
        ("trunkguard", 961, 961, 0o700),
        ("systemd", 0, 0, 0o755),
        ("box", 0, 0, 0o755),
        ("box/provision", 961, 961, 0o700),
        ("box/crash", 0, 966, 0o770),
    ] {
        let found = fs::metadata(data.path().join(name))?;
        ensure!(
            (found.uid(), found.gid(), found.mode() & 0o7777) == (user, group, mode),
            "{name}"
        );
    }
    fs::write(data.path().join("box/id"), "damaged")?;
    let third = make()?;
    ensure!(third.contains("another name"), "{third}");
    Ok(())
}

/// A file as a block device, until this is dropped.
struct Loop(String);

impl Loop {
    fn new(file: &Path) -> Result<Loop> {
        let out = Command::new(tools::on_path("losetup")?)
            .args(["--find", "--show"])
            .arg(file)
            .output()?;
        ensure!(
            out.status.success(),
            "losetup: {}",
            String::from_utf8_lossy(&out.stderr)
        );
        Ok(Loop(String::from_utf8(out.stdout)?.trim().to_owned()))
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").args(["--detach", &self.0]).status();
    }
}

/// B4 on block devices: what was asked for is done once, and the file system is gone.
#[test]
fn a_reset_erases_the_data_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (state, data) = (folder.path().join("bootstate"), folder.path().join("data"));
    fs::File::create(&state)?.set_len(1 << 20)?;
    fs::File::create(&data)?.set_len(16 << 20)?;
    let make = |path: &str| -> Result<()> {
        let out = Command::new(tools::on_path("mke2fs")?)
            .args(["-q", "-t", "ext4", path])
            .output()?;
        ensure!(out.status.success());
        Ok(())
    };
    let has_file_system = |path: &str| -> Result<bool> {
        let out = Command::new(tools::on_path("blkid")?)
            .args(["--probe", path])
            .output()?;
        Ok(out.status.success())
    };
    let (state, data) = (Loop::new(&state)?, Loop::new(&data)?);
    make(&data.0)?;
    let erase = || done(&["erase", "--device", &state.0, "--data", &data.0]);

    ensure!(erase()?.contains("no reset"));
    ensure!(has_file_system(&data.0)?);
    done(&["reset", "--no-restart", "--device", &state.0])?;
    let said = done(&["state", "--device", &state.0])?;
    ensure!(said.contains("reset       at the next start"), "{said}");
    ensure!(erase()?.contains("was reset"));
    ensure!(!has_file_system(&data.0)?);

    make(&data.0)?;
    ensure!(erase()?.contains("no reset"));
    ensure!(has_file_system(&data.0)?);
    Ok(())
}

#[test]
fn the_boot_state_is_said_in_words_and_json() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bootstate");
    fs::File::create(&path)?.set_len(1 << 20)?;
    let said = done(&["state", "--device", text(&path)])?;
    ensure!(
        said.contains("next start  slot A") && said.contains("none was written"),
        "{said}"
    );

    let device = trunkguard_boot::device::Device::open(&path)?;
    device.change(|s| s.set_primary(trunkguard_boot::state::Slot::B))?;
    let out = on_box(&["state", "--json", "--device", text(&path)])?;
    let said: Value = serde_json::from_slice(&out.stdout)?;
    ensure!(said["next_start"] == "B" && said["good"] == "A", "{said}");
    ensure!(
        said["trial"]["tries"] == 3 && said["updates"] == false,
        "{said}"
    );

    let mut octets = fs::read(&path)?;
    octets[..32 * 512 + 512].fill(0x5a);
    fs::write(&path, octets)?;
    let out = on_box(&["state", "--device", text(&path)])?;
    ensure!(out.status.code() == Some(1));
    ensure!(String::from_utf8(out.stdout)?.contains("both are damaged"));
    let out = on_box(&["state", "--device", "/nonexistent"])?;
    ensure!(out.status.code() == Some(2));
    Ok(())
}

/// B17: what RAUC's boot backend answers, and that it changes nothing on a machine that U-Boot's script has not started.
#[test]
fn rauc_is_answered_and_refused_off_the_box() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bootstate");
    fs::File::create(&path)?.set_len(1 << 20)?;
    let device = trunkguard_boot::device::Device::open(&path)?;
    device.change(|s| s.set_primary(trunkguard_boot::state::Slot::B))?;
    // RAUC knows a program by its name only.
    let link = folder.path().join("boot-backend");
    std::os::unix::fs::symlink(tools::trunkguard()?, &link)?;
    let rauc = |words: &[&str]| -> Result<(Option<i32>, String, String)> {
        let mut command = Command::new(&link);
        let out = command
            .args(["--device", text(&path)])
            .args(words)
            .output()?;
        let words = |octets| String::from_utf8(octets);
        Ok((out.status.code(), words(out.stdout)?, words(out.stderr)?))
    };
    for (words, answer) in [
        (&["get-primary"][..], "B\n"),
        (&["get-state", "A"], "good\n"),
        (&["get-state", "B"], "good\n"),
    ] {
        let (code, said, _) = rauc(words)?;
        ensure!(
            (code, &*said) == (Some(0), answer),
            "{words:?}: {code:?} {said}"
        );
    }
    let before = fs::read(&path)?;
    for (words, why) in [
        (&["get-current"][..], "was not told"),
        (&["set-primary", "B"], "do not see the same record"),
        (&["set-state", "B", "bad"], "do not see the same record"),
        (&["set-state", "A", "good"], "do not see the same record"),
        (&["set-primary", "C"], "A or B"),
        (&["set-state", "A", "fine"], "possible values"),
        (&["reboot"], "unrecognized"),
    ] {
        let (code, said, problem) = rauc(words)?;
        ensure!(
            code == Some(2) && said.is_empty(),
            "{words:?}: {code:?} {said}"
        );
        ensure!(problem.contains(why), "{words:?}: {problem}");
    }
    ensure!(fs::read(&path)? == before, "a refused change was written");
    Ok(())
}

#[test]
fn a_crash_is_kept_bounded_in_number_and_rate() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let ring = folder.path().join("ring");
    fs::create_dir(&ring)?;
    let pstore = folder.path().join("pstore");
    fs::create_dir(&pstore)?;
    fs::write(
        pstore.join("console-ramoops-0"),
        "Kernel panic - not syncing",
    )?;
    let places = ["--ring", text(&ring), "--counts", text(folder.path())];
    for _ in 0..6 {
        let mut command = Command::new(tools::trunkguard()?);
        let kept = command
            .args(["box", "crash", "trunkguard.service"])
            .args(places)
            .env("MONITOR_SERVICE_RESULT", "watchdog")
            .output()?;
        ensure!(
            kept.status.success(),
            "{}",
            String::from_utf8_lossy(&kept.stderr)
        );
    }
    done(&[
        "crash",
        "--kernel",
        "--pstore",
        text(&pstore),
        places[0],
        places[1],
    ])?;
    ensure!(fs::read_dir(&pstore)?.count() == 0);

    let list = done(&["crashes", places[0], places[1]])?;
    ensure!(list.lines().count() == 5, "{list}");
    let first = list.lines().next().context("no first")?;
    let said = done(&["crashes", first, places[0], places[1]])?;
    ensure!(said.contains("MONITOR_SERVICE_RESULT=watchdog"), "{said}");
    let said = done(&["crashes", "0005-kernel.log", places[0], places[1]])?;
    ensure!(said.contains("not syncing"), "{said}");
    ensure!(
        on_box(&["crashes", "0009-x.log", places[0], places[1]])?
            .status
            .code()
            == Some(2)
    );
    Ok(())
}
