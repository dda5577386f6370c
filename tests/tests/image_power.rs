//! Power cuts at any moment: what the box has promised is on the card, the box starts again, and it is the same box with
//! the same policy (docs/box.md B1, B5; docs/policy.md, `durability = "strict"`).
//!
//! Two kinds. QEMU is killed: the card is honest, all that the box has written is there. And a card that had written
//! ahead: all up to the last flush is there, and of what came after that, any part ([`Record`]).
//!
//! `TRUNKGUARD_CUTS` says how many of the first kind (6), `TRUNKGUARD_SEED` repeats a run.
#![allow(clippy::unwrap_used)]

use std::{
    collections::HashSet,
    env,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    machine::{
        Calls, Card, Chance, Image, Kept, Machine, Options, PATIENCE, Record, Stand, office,
    },
    site::{Site, Topology},
};

/// With so many cuts a card is given back and the next one is new: the first start is cut as well.
const OF_ONE_CARD: usize = 6;
/// Recorded cuts whose card is looked at, and every how many of them is started.
const RECORDED: usize = 16;

fn cuts() -> usize {
    let wanted = env::var("TRUNKGUARD_CUTS").ok();
    wanted.and_then(|cuts| cuts.parse().ok()).unwrap_or(6)
}

/// What one card has to keep, from cut to cut.
#[derive(Default)]
struct Owed {
    calls: HashSet<String>,
    /// Policy and identifier, since a start was seen to its end.
    settled: Option<(String, String)>,
}

impl Owed {
    /// Is all of it there?
    fn check(&self, kept: &Kept) -> Result<()> {
        let missing: Vec<_> = self.calls.difference(&kept.calls).collect();
        ensure!(
            missing.is_empty(),
            "{} of {} calls that were answered are not in the history: {missing:?}",
            missing.len(),
            self.calls.len()
        );
        if let Some((policy, id)) = &self.settled {
            ensure!(*policy == kept.policy, "another policy:\n{}", kept.policy);
            ensure!(*id == kept.id, "another box: {id} was {}", kept.id);
        }
        Ok(())
    }
}

/// Waits until the box answers calls, and all of it is well.
fn up(machine: &mut Machine, calls: &Calls) -> Result<()> {
    let mut guest = machine.guest()?;
    office::up(&mut guest)?;
    let (before, began) = (calls.count(), Instant::now());
    while calls.count() == before && !calls.ended() {
        ensure!(
            began.elapsed() < PATIENCE,
            "no call is answered: {}",
            office::network(&mut guest)
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[test]
#[ignore = "boots the image: make test-image"]
fn image_power_cuts_lose_no_promise() {
    let image = Image::under_test().unwrap();
    Site::run(Topology::Side, move |site| {
        let stand = Stand::new(site, &image)?;
        let mut chance = Chance::new("power cuts")?;
        println!(
            "| cut | of card | after power on | at | calls answered before | in the history | outcome |"
        );
        println!("|---|---|---|---|---|---|---|");
        killed(&stand, &mut chance)
    });
}

fn killed(stand: &Stand<'_>, chance: &mut Chance) -> Result<()> {
    let options = Options {
        shell: true,
        ..Options::default()
    };
    // How long a start takes here, from the last one that was seen to its end.
    let mut start = Duration::from_secs(20);
    let mut card = None;
    let (mut owed, mut number) = (Owed::default(), 0);
    let cuts = cuts();
    for cut in 0..cuts {
        let of_card = cut % OF_ONE_CARD;
        if of_card == 0 {
            card = Some(stand.card("card.img", &office::policy("prevent"))?);
            owed = Owed::default();
        }
        let card = card.as_ref().context("no card")?;
        let mut machine = stand.start_with(card, options.clone())?;
        let on = Instant::now();
        let calls = Calls::start(stand.pbx()?, number, || 0);
        // By turns while it starts, and while it works; the last one of a card shows that it starts at all.
        let early = of_card.is_multiple_of(2);
        let at = if early {
            let at = chance.span(start);
            while on.elapsed() < at {
                std::thread::sleep(Duration::from_millis(1));
            }
            "the start"
        } else {
            let outcome = up(&mut machine, &calls);
            if outcome.is_err() {
                println!("{}", machine.console());
            }
            outcome.with_context(|| format!("the start of cut {cut}"))?;
            start = on.elapsed();
            std::thread::sleep(chance.span(Duration::from_secs(4)));
            "work"
        };
        let after = on.elapsed();
        machine.cut_power();
        let promised = calls.stop()?;
        number += 3_000;
        let new = promised.len();
        owed.calls
            .extend(promised.into_iter().map(|call| call.number));
        let kept = Kept::read(card, &stand.path("kept"));
        let seen = kept.as_ref().map_or(0, |kept| kept.calls.len());
        let outcome = match kept {
            Ok(kept) => owed.check(&kept).map(|()| {
                if !early {
                    owed.settled = Some((kept.policy, kept.id));
                }
                "sound, complete"
            }),
            // The first start was cut before there was anything.
            Err(_) if owed.calls.is_empty() && owed.settled.is_none() => Ok("nothing there yet"),
            Err(problem) => Err(problem),
        };
        println!(
            "| {} | {} | {:.2} s | {at} | {new} | {seen} | {} |",
            cut + 1,
            of_card + 1,
            after.as_secs_f64(),
            outcome
                .as_ref()
                .map_or_else(|problem| format!("{problem:#}"), |said| (*said).to_owned())
        );
        outcome.with_context(|| format!("cut {}", cut + 1))?;
    }
    println!("figure: power_cuts {cuts} cuts");
    println!(
        "figure: start_to_running_with_calls {:.1} s",
        start.as_secs_f64()
    );
    Ok(())
}

#[test]
#[ignore = "boots the image: make test-image"]
fn image_power_cuts_with_a_card_that_writes_ahead() {
    let image = Image::under_test().unwrap();
    Site::run(Topology::Side, move |site| {
        let stand = Stand::new(site, &image)?;
        let mut chance = Chance::new("recorded writes")?;
        println!(
            "| cut | writes | not flushed | of these there | answered | in the history | outcome |"
        );
        println!("|---|---|---|---|---|---|---|");
        recorded(&stand, &mut chance)
    });
}

fn recorded(stand: &Stand<'_>, chance: &mut Chance) -> Result<()> {
    let card = stand.card("card.img", &office::policy("prevent"))?;
    let before = card.copy(&stand.path("before.img"))?;
    let record = Record::new(&stand.path("writes"))?;
    let options = Options {
        shell: true,
        recorded: Some(record.clone()),
        ..Options::default()
    };
    // From the first start on, so that making the file system, identity and policy are cut as well.
    let mut machine = stand.start_with(&card, options)?;
    let marks = record.clone();
    let calls = Calls::start(stand.pbx()?, 0, move || marks.count().unwrap_or(u64::MAX));
    let outcome = up(&mut machine, &calls);
    if outcome.is_err() {
        println!("{}", machine.console());
    }
    outcome?;
    let settled = record.count()?;
    std::thread::sleep(Duration::from_secs(6));
    machine.cut_power();
    let promised = calls.stop()?;
    let writes = record.read()?;
    println!("figure: recorded_writes {} entries", writes.len());
    println!("figure: recorded_flushes {} flushes", writes.flushes());
    println!("figure: recorded_calls {} calls", promised.len());
    // The whole record is the card as it was cut.
    let whole = Kept::read(&card, &stand.path("kept")).context("the card itself")?;
    for cut in 0..RECORDED {
        // Three in four while calls were answered.
        let from = if cut % 4 == 0 { 0 } else { settled };
        let count = (from + chance.up_to(writes.len() as u64 - from)) as usize + 1;
        let copy = before.copy(&stand.path("cut.img"))?;
        let all = chance.up_to(4);
        let open = writes.unflushed(count);
        let kept = open.iter().filter(|_| match all {
            0 => false,
            1 => true,
            _ => chance.up_to(2) == 0,
        });
        let there: Vec<_> = kept.map(|&index| writes.whole(index)).collect();
        writes.replay(count, &copy, &there)?;
        let (open, there) = (open.len(), there.len());
        let owed = Owed {
            calls: promised
                .iter()
                .filter(|call| call.mark <= count as u64)
                .map(|call| call.number.clone())
                .collect(),
            settled: (count as u64 >= settled).then(|| (whole.policy.clone(), whole.id.clone())),
        };
        let kept = Kept::read(&copy, &stand.path("kept"));
        let seen = kept.as_ref().map_or(0, |kept| kept.calls.len());
        let mut outcome = match kept {
            Ok(kept) => owed.check(&kept).map(|()| "sound, complete"),
            Err(_) if owed.calls.is_empty() && owed.settled.is_none() => Ok("nothing there yet"),
            Err(problem) => Err(problem),
        };
        let every = if cuts() > 6 { 2 } else { 8 };
        if outcome.is_ok() && cut % every == every - 1 {
            outcome = starts(stand, &copy).map(|()| "sound, complete, starts");
        }
        println!(
            "| {} | {count} | {open} | {there} | {} | {seen} | {} |",
            cut + 1,
            owed.calls.len(),
            outcome
                .as_ref()
                .map_or_else(|problem| format!("{problem:#}"), |said| (*said).to_owned())
        );
        outcome.with_context(|| format!("cut {} of the record", cut + 1))?;
    }
    Ok(())
}

fn starts(stand: &Stand<'_>, card: &Card) -> Result<()> {
    let options = Options {
        shell: true,
        ..Options::default()
    };
    let mut machine = stand.start_with(card, options)?;
    let calls = Calls::start(stand.pbx()?, 90_000, || 0);
    let outcome = up(&mut machine, &calls);
    if outcome.is_err() {
        println!("{}", machine.console());
    }
    machine.cut_power();
    calls.stop()?;
    outcome
}
