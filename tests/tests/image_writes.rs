//! What the box writes to its card, by the kernel's own count: docs/box.md B5, `durability = "strict"`.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    machine::{Card, Guest, Image, PATIENCE, Stand, Started, policy},
    site::{Site, Topology},
    wire::{Udp, invite, request},
};

/// How long an idle box is watched. Data reach the card 30 s after they were written at the latest.
const IDLE: Duration = Duration::from_secs(180);
const NUMBER: &str = "12125550123";
/// What an hour of nothing may cost, taken from a span soon after a start: a card of 8 GiB that takes 1,000
/// times its size lasts for centuries.
const MOST_IDLE: u64 = 2 << 20;
/// Octets of one decided call, by itself: pages of the database and of the file system's journal.
const MOST_PER_CALL: u64 = 48 << 10;

#[test]
#[ignore = "boots the image: make test-image"]
fn image_writes_little_when_idle_and_for_calls() {
    let image = Image::under_test().unwrap();
    Site::run(Topology::Side, move |site| {
        let stand = Stand::new(site, &image)?;
        let card = Card::with_test_kernel(&image, &stand.path("card.img"))?;
        let wishes = policy("A01").replace("[settings]", "[settings]\ndurability = \"strict\"");
        card.put("trunkguard.toml", &wishes)?;
        let mut started = stand.start(&card, true)?;
        let outcome = claims(&stand, &mut started);
        outcome.with_context(|| format!("the console says:\n{}", started.machine.console()))
    });
}

fn claims(stand: &Stand<'_>, started: &mut Started) -> Result<()> {
    let mut guest = started.machine.guest()?;
    stand.until_decides("A01")?;
    guest.running()?;
    let first = written(&mut guest)?;
    println!("figure: octets written by the first start {first} B");
    let idle = idle(&mut guest)?;

    let before = written(&mut guest)?;
    let pbx = stand.pbx()?;
    let began = Instant::now();
    for call in 0..1_000 {
        let answer = pbx.ask(NUMBER, &format!("single-{call}"))?;
        ensure!(answer.status() == Some(302), "call {call}: {answer:?}");
    }
    let span = began.elapsed();
    let single = written(&mut guest)? - before;
    println!("figure: octets written per 1000 approved calls, one at a time {single} B");
    println!(
        "figure: seconds of 1000 approved calls, one at a time {:.1} s",
        span.as_secs_f64()
    );

    let before = written(&mut guest)?;
    let began = Instant::now();
    for lot in 0..16 {
        together(&pbx, lot)?;
    }
    let span = began.elapsed();
    let many = (written(&mut guest)? - before) * 1_000 / 1_024;
    println!("figure: octets written per 1000 approved calls, 64 at a time {many} B");
    println!(
        "figure: seconds of 1024 approved calls, 64 at a time {:.1} s",
        span.as_secs_f64()
    );

    ensure!(idle <= MOST_IDLE, "{idle} octets an hour for nothing");
    ensure!(
        single <= 1_000 * MOST_PER_CALL,
        "{single} octets for 1,000 calls"
    );
    ensure!(
        many < single,
        "calls that come together are not written together"
    );
    Ok(())
}

/// Octets that the card was given since the start.
fn written(guest: &mut Guest) -> Result<u64> {
    // sync(1) itself writes what was waiting; what it waits for belongs to the span before.
    let stat = guest.must("sync; cat /sys/block/vda/stat")?;
    let sectors: u64 = stat
        .split_whitespace()
        .nth(6)
        .context("no count of sectors")?
        .parse()?;
    Ok(sectors * 512)
}

fn idle(guest: &mut Guest) -> Result<u64> {
    // A file system that was made at this start still gets its inode tables from the kernel.
    let began = Instant::now();
    while guest.run("pidof ext4lazyinit")?.code == 0 {
        ensure!(began.elapsed() < PATIENCE, "ext4lazyinit does not end");
        thread::sleep(Duration::from_secs(1));
    }
    let before = written(guest)?;
    // The claim is about a span in which nobody does anything.
    thread::sleep(IDLE);
    let octets = written(guest)? - before;
    let hour = octets * 3600 / IDLE.as_secs();
    println!(
        "figure: octets written idle in {} s {octets} B",
        IDLE.as_secs()
    );
    println!("figure: octets written per idle hour, extrapolated {hour} B");
    println!(
        "{}",
        guest.must("cat /sys/block/vda/vda7/stat; find /data/ -mmin -4 -type f | xargs ls -l")?
    );
    Ok(hour)
}

/// 64 calls that are asked before the first answer.
fn together(pbx: &Udp, lot: usize) -> Result<()> {
    let mut waiting: BTreeMap<String, String> = (0..64)
        .map(|n| format!("lot-{lot}-{n}"))
        .map(|call| (format!("{call}@{}", pbx.here.ip()), call))
        .collect();
    for call in waiting.values() {
        pbx.send(&invite(pbx.here, "UDP", NUMBER, call))?;
    }
    let began = Instant::now();
    while !waiting.is_empty() {
        ensure!(began.elapsed() < PATIENCE, "no answer to {waiting:?}");
        let Some(answer) = pbx.receive(Duration::from_secs(2))? else {
            for call in waiting.values() {
                pbx.send(&invite(pbx.here, "UDP", NUMBER, call))?;
            }
            continue;
        };
        if answer.status().is_none_or(|status| status < 200) {
            continue;
        }
        if let Some(call) = waiting.remove(answer.header("Call-ID")) {
            ensure!(answer.status() == Some(302), "{answer:?}");
            let tag = format!(";tag={}", answer.parameter("To", "tag").unwrap_or(""));
            pbx.send(&request("ACK", pbx.here, "UDP", NUMBER, &call, &tag, ""))?;
        }
    }
    Ok(())
}
