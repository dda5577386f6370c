//! The first start of a system whose tables differ: it brings a policy of version 1 over.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, ensure};
use trunkguard_tests::{
    machine::{
        Card, HOST, Image, Machine, Options, Record,
        updating::{NEWER, Updating, said, version},
    },
    tools,
};

use crate::story::{
    POLICY, Promise, STATE, Story, answers, changes, newest, promise, standing, up,
};

/// A policy as version 1 of the tables has it, dumped from a file that a daemon of that version wrote.
const V1: &str = include_str!("policy.v1.sql");
const FILE: &str = "policy.v1.db";
const SETTLED: Duration = Duration::from_secs(4);

/// Installs a newer system beside one with a policy of version 1, and records its first start.
pub fn first_start(folder: PathBuf) -> Result<Story> {
    let image = Image::under_test()?;
    let card = Card::with_test_kernel(&image, &folder.join("card.img"))?;
    card.put("trunkguard.toml", POLICY)?;
    let mut stand = Updating::start(image, folder, &card, Options::default())?;
    let prepared = prepared(&mut stand);
    if prepared.is_err() {
        println!("{}", said(&mut stand.machine));
    }
    let (old, id, mut calls) = prepared?;
    let policy = exported(&stand.folder)?;
    let Updating {
        image,
        folder,
        server,
        machine,
    } = stand;
    // All of it was flushed: the box is off now, and the next start is the trial's first.
    machine.cut_power();

    let before = card.copy(&folder.join("before.img"))?;
    let record = Record::new(&folder.join("writes"))?;
    let options = Options {
        recorded: Some(record.clone()),
        user_network: true,
        shell: true,
        ..Options::default()
    };
    let mut machine = Machine::virt(&image, &card, &folder.join("trial"), &options)?;
    let watched = watched(&mut machine, &record, &policy);
    if watched.is_err() {
        println!("{}", said(&mut machine));
    }
    calls.extend(watched?);
    machine.cut_power();
    let writes = record.read()?;
    println!(
        "figure: recorded writes and flushes of the first start {}, of which flushes {}",
        writes.len(),
        writes.flushes()
    );
    Ok(Story {
        image,
        folder,
        _server: server,
        first: newest(&before)?,
        changes: changes(&writes)?,
        before,
        after: card,
        writes,
        calls,
        policy,
        id,
        versions: [old, NEWER.into()],
        began: 0,
        is_by_service: false,
        is_start: true,
    })
}

/// The box as it was before, with a newer system in the other slot: what runs, its identifier, and calls.
fn prepared(stand: &mut Updating) -> Result<(String, String, Vec<Promise>)> {
    let mut guest = stand.machine.guest()?;
    up(&mut guest)?;
    let old = version(&mut guest)?;
    let calls = vec![promise(&mut guest, None, 1)?, promise(&mut guest, None, 2)?];
    let (_, id) = standing(&mut guest)?;
    drop(guest);
    let bundle = stand.next(NEWER, None)?;
    stand.install_by_rauc(&bundle)?;

    let db = stand.server.www().join(FILE);
    tools::run("sqlite3", &[&db.to_string_lossy(), V1])?;
    let mut guest = stand.machine.guest()?;
    let sockets = "trunkguard.socket trunkguard-tls.socket trunkguard-page.socket trunkguard-page-plain.socket";
    guest.must(&format!(
        "systemctl stop {sockets} trunkguard-page.service trunkguard.service"
    ))?;
    guest.must(&format!(
        "cd {STATE} && rm policy.v2.* && wget -q http://{HOST}/{FILE} && chown trunkguard:trunkguard {FILE} && chmod 600 {FILE} && sync"
    ))?;
    Ok((old, id, calls))
}

/// The policy of version 1 as this machine's program brings it over.
fn exported(folder: &Path) -> Result<String> {
    let state = folder.join("version-1");
    fs::create_dir(&state)?;
    tools::run("sqlite3", &[&state.join(FILE).to_string_lossy(), V1])?;
    let program = tools::trunkguard()?;
    tools::run(
        &program.to_string_lossy(),
        &["export", "--state", &state.to_string_lossy()],
    )
}

/// The first start of the new system: the policy is brought over, and decides.
fn watched(machine: &mut Machine, record: &Record, policy: &str) -> Result<Vec<Promise>> {
    let mut guest = machine.guest()?;
    answers(&mut guest)?;
    let (found, _) = standing(&mut guest)?;
    ensure!(
        found.trim() == policy.trim(),
        "another policy than version 1's:\n{found}"
    );
    let call = promise(&mut guest, Some(record), 3)?;
    // The cuts are of this start, not of the work after it.
    std::thread::sleep(SETTLED);
    Ok(vec![call])
}

/// With how many writes the file of the new tables is there.
pub fn appears(story: &Story) -> Result<usize> {
    let is_there = |count: usize| -> Result<bool> {
        let card = story.before.copy(&story.folder.join("cut.img"))?;
        let open: Vec<_> = story
            .writes
            .unflushed(count)
            .into_iter()
            .map(|index| story.writes.whole(index))
            .collect();
        story.writes.replay(count, &card, &open)?;
        let data = story.folder.join("kept");
        let _ = fs::remove_dir_all(&data);
        card.data(&data)?;
        Ok(data.join("trunkguard/policy.v2.db").exists())
    };
    let (mut absent, mut there) = (0, story.writes.len());
    ensure!(
        !is_there(absent)? && is_there(there)?,
        "the policy was not brought over in this start"
    );
    while there - absent > 1 {
        let middle = absent.midpoint(there);
        if is_there(middle)? {
            there = middle;
        } else {
            absent = middle;
        }
    }
    Ok(there)
}
