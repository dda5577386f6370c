//! Power cuts within an update: docs/updates.md, Power cuts.
//!
//! An update is recorded once, write by write, and played back to the moments of many power cuts: each leaves a card that is looked at, and
//! that a box is started from. `TRUNKGUARD_CUTS` says how many (20), `TRUNKGUARD_SEED` repeats a run as far as its writes were the same.
#![allow(clippy::unwrap_used)]

mod cut;
mod look;
mod migrate;
mod start;
mod story;

use std::{env, time::Instant};

use anyhow::{Context, Result, ensure};
use trunkguard_boot::state::Slot;
use trunkguard_tests::{
    Office,
    machine::{Card, Chance, updating::folder},
};

use cut::{Cut, Span};
use start::After;
use story::{Course, Story};

/// So many cards that did wrong are enough to know.
const ENOUGH: usize = 4;

fn cuts() -> Result<usize> {
    let wanted = env::var("TRUNKGUARD_CUTS").unwrap_or_else(|_| "20".into());
    wanted.parse().context("TRUNKGUARD_CUTS")
}

#[test]
#[ignore = "boots the image: make test-image"]
fn image_renew_power_cuts_leave_the_old_or_the_new() {
    Office::run(|office| {
        let mut chance = Chance::new("power cuts within an update")?;
        let story = story::update(folder(office)?)?;
        let course = Course::of(&story)?;
        let spans = [
            Span::new("download", course.began..course.slot, 2),
            Span::new("slot is written", course.slot..course.primary, 3),
            Span::new("restart", course.primary + 1..course.trial, 1),
            Span::new("trial", course.trial + 1..course.good, 4),
            Span::new("confirmed", course.good + 1..story.writes.len(), 1),
        ];
        for span in &spans {
            println!("figure: writes of `{}` {}", span.name, span.writes.len());
        }
        let cuts = cut::plan(&story, &spans, cuts()?, &mut chance);
        play(&story, &cuts, &mut chance)
    });
}

/// Tables of the version before are brought over when a new system starts for the first time. Half of the cuts are where the new file appears.
#[test]
#[ignore = "boots the image: make test-image"]
fn image_renew_power_cuts_in_a_migration_keep_the_policy() {
    Office::run(|office| {
        let mut chance = Chance::new("power cuts within a migration")?;
        let story = migrate::first_start(folder(office)?)?;
        let appears = migrate::appears(&story)?;
        println!("figure: the new policy file appears with write {appears}");
        let all = story.writes.len();
        let spans = [
            Span::new("start", 0..all, 1),
            Span::new(
                "migration",
                appears.saturating_sub(24)..(appears + 8).min(all),
                1,
            ),
        ];
        let cuts = cut::plan(&story, &spans, (cuts()? / 4).max(8), &mut chance);
        play(&story, &cuts, &mut chance)
    });
}

/// Plays every cut, looks at its card, starts it, and prints what came of it.
fn play(story: &Story, cuts: &[Cut], chance: &mut Chance) -> Result<()> {
    println!(
        "| cut | write | while | kind | not flushed | of these there | record | started | version | calls | outcome |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let (mut tried, mut wrong) = (0, Vec::new());
    let began = Instant::now();
    for (n, cut) in cuts.iter().enumerate() {
        let card = story.before.copy(&story.folder.join("cut.img"))?;
        let open = story.writes.unflushed(cut.count);
        let there = cut.parts(&story.writes, &open, chance);
        story.writes.replay(cut.count, &card, &there)?;
        if cut.given_up {
            story::give_up(&card)?;
        }
        let mut row = format!(
            "| {} | {} of {} | {} | {} | {} | {} |",
            n + 1,
            cut.count,
            story.writes.len(),
            cut.during,
            cut.kind,
            open.len(),
            there.len()
        );
        let outcome = one(story, cut, &card, &mut tried, &mut row);
        let said = outcome.as_ref().map_or_else(
            |problem| {
                format!(
                    "**wrong**: {}",
                    format!("{problem:#}").lines().next().unwrap_or_default()
                )
            },
            Clone::clone,
        );
        println!("{row} {said} |");
        if let Err(problem) = outcome {
            wrong.push(format!("cut {}: {problem:#}", n + 1));
            ensure!(wrong.len() < ENOUGH, "{}", wrong.join("\n"));
        }
    }
    println!(
        "figure: power cuts within an update {} in {:.0} s",
        cuts.len(),
        began.elapsed().as_secs_f64()
    );
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Looks at the card of one cut, and starts a box from it.
fn one(
    story: &Story,
    cut: &Cut,
    card: &Card,
    tried: &mut usize,
    row: &mut String,
) -> Result<String> {
    let state = look::look(story, cut, card).context("the card")?;
    row.push_str(&format!(" {} |", look::words(state)));
    let trial = state.primary() != state.good;
    // Some trials are seen to their end, and some updates that were cut off are made anew.
    let after = match (trial, cut.during) {
        (true, _) => {
            *tried += 1;
            if *tried % 3 == 1 && (*tried < 9 || *tried % 30 == 1) {
                After::Confirmed
            } else {
                After::Nothing
            }
        }
        (false, "download" | "slot is written") if cut.is_marked => After::Again,
        (false, _) => After::Nothing,
    };
    let started = start::start(story, card, state, &story.owed(cut.count), after)?;
    row.push_str(&format!(
        " {} | {} | {} |",
        started.slot, started.version, started.calls
    ));
    ensure!(
        (started.slot == Slot::A && started.version == story.versions[0])
            || (started.slot == Slot::B && started.version == story.versions[1]),
        "slot {} runs version {}: neither the old one nor the new one",
        started.slot,
        started.version
    );
    Ok(started.said)
}
