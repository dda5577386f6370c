//! An outbox that is reopened, killed, damaged, full and without a disk.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use trunkguard_core::{
    alerts::{Content, Entry, PER_HOUR, Summary},
    policy::Mode,
};

use super::*;

const NOW: i64 = 1_800_000_000_000;

fn message(n: u64) -> Message {
    let entry = Entry {
        incident: n as i64,
        kind: "country".into(),
        client: "office".into(),
        caller: "1001".into(),
        text: "5312345678".into(),
        count: n,
        told: 0,
        first_ms: NOW,
        last_ms: NOW,
        first: "2027-01-15 08:00".into(),
        last: "2027-01-15 08:00".into(),
    };
    Message {
        token: format!("{n:032x}"),
        unix_ms: NOW + n as i64,
        at: "2027-01-15 08:00".into(),
        mode: Mode::Prevent,
        urgent: false,
        content: Content::Alert {
            entries: vec![entry],
            more: 0,
        },
    }
}

fn digest(n: u64) -> Message {
    Message {
        content: Content::Digest(Summary::default()),
        ..message(n)
    }
}

fn targets() -> Vec<String> {
    ["mail:owner@example.com", "webhook:office"]
        .map(Into::into)
        .into()
}

fn sound(dir: &Path) -> Outbox {
    let (outbox, problem) = Outbox::open(dir);
    assert_eq!(problem, None);
    outbox
}

fn waits(outbox: &Outbox) -> Vec<(i64, String, u32)> {
    let waiting = outbox.waiting().unwrap();
    waiting
        .into_iter()
        .map(|w| (w.id, w.target, w.tries))
        .collect()
}

#[test]
fn what_waits_is_there_after_a_restart_and_what_was_taken_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = sound(dir.path());
    let told = Told {
        count: 7,
        at_ms: NOW,
    };
    let marks = Marks {
        seen: Some(9),
        digest: Some(Date::try_from("2027-01-15".to_owned()).unwrap()),
    };
    assert_eq!(outbox.marks(), Ok(Marks::default()));
    assert_eq!(
        outbox.put(&message(7), &targets(), &[((7, NOW), told)], &marks),
        Ok(0)
    );
    outbox.accepted(1, "webhook:office", NOW + 5).unwrap();
    let later = (1, targets()[0].clone(), After::Again(NOW + 30_000));
    outbox.failed(&[later], "no answer", NOW + 6).unwrap();
    drop(outbox);

    let mut outbox = sound(dir.path());
    assert_eq!(waits(&outbox), [(1, "mail:owner@example.com".into(), 1)]);
    assert_eq!(outbox.waiting().unwrap()[0].message, message(7));
    assert_eq!(outbox.waiting().unwrap()[0].next_ms, NOW + 30_000);
    assert_eq!(outbox.marks().unwrap(), marks);
    assert_eq!(outbox.told().unwrap(), HashMap::from([((7, NOW), told)]));
    assert_eq!(outbox.sent().unwrap(), [NOW + 7]);
    let channels = outbox.channels().unwrap();
    assert_eq!(channels[0].error.as_deref(), Some("no answer"));
    assert_eq!(
        (channels[0].waiting, channels[0].oldest_ms),
        (1, Some(NOW + 7))
    );
    assert_eq!(
        (channels[1].waiting, channels[1].accepted_ms),
        (0, Some(NOW + 5))
    );

    // Taken at last: the channel is well again.
    outbox
        .accepted(1, "mail:owner@example.com", NOW + 9)
        .unwrap();
    assert!(waits(&outbox).is_empty());
    assert_eq!(outbox.channels().unwrap()[0].error, None);
    let line = &outbox.list().unwrap()[0];
    assert!(line.deliveries.iter().all(|d| d.state == State::Accepted));
    assert_eq!(line.deliveries[0].tries, 2);
}

#[test]
fn what_is_given_up_is_shown_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = sound(dir.path());
    outbox
        .put(&message(1), &targets(), &[], &Marks::default())
        .unwrap();
    let long = "x".repeat(5_000);
    outbox
        .failed(&[(1, targets()[1].clone(), After::GivenUp)], &long, NOW)
        .unwrap();
    let line = &outbox.list().unwrap()[0];
    assert_eq!(line.deliveries[1].state, State::GivenUp);
    assert_eq!(
        line.deliveries[1].error.as_ref().map(String::len),
        Some(MOST_ERROR)
    );
    assert_eq!(line.deliveries[1].next_ms, None);
    // A second answer to what is done with changes nothing.
    outbox.accepted(1, "webhook:office", NOW).unwrap();
    assert_eq!(
        outbox.list().unwrap()[0].deliveries[1].state,
        State::GivenUp
    );
}

#[test]
fn a_full_outbox_gives_digests_away_first_and_urgent_alerts_last() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = sound(dir.path());
    let one = &targets()[..1];
    let urgent = Message {
        urgent: true,
        ..message(1)
    };
    let marks = Marks::default();
    assert_eq!(outbox.put(&urgent, one, &[], &marks), Ok(0));
    assert_eq!(outbox.put(&message(2), one, &[], &marks), Ok(0));
    for n in 3..=MOST_WAITING as u64 {
        let next = if n == 10 { digest(n) } else { message(n) };
        assert_eq!(outbox.put(&next, one, &[], &marks), Ok(0));
    }
    let mut gone = Vec::new();
    for n in 1_000..1_003 {
        let before = waits(&outbox);
        assert_eq!(outbox.put(&message(n), one, &[], &marks), Ok(1));
        let after = waits(&outbox);
        gone.extend(
            before
                .iter()
                .map(|w| w.0)
                .filter(|id| !after.iter().any(|w| w.0 == *id)),
        );
        assert_eq!(after.len(), MOST_WAITING);
    }
    assert_eq!(gone, [10, 2, 3]);
    let digest = outbox
        .list()
        .unwrap()
        .into_iter()
        .find(|l| l.class == "digest")
        .unwrap();
    assert_eq!(
        digest.deliveries[0].error.as_deref(),
        Some("made room for newer alerts")
    );
}

#[test]
fn what_is_done_with_is_forgotten_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = sound(dir.path());
    let one = &targets()[..1];
    for n in 1..=2 * MOST_DONE as i64 {
        outbox
            .put(&message(n as u64), one, &[], &Marks::default())
            .unwrap();
        if n != 1 {
            outbox.accepted(n, &one[0], NOW).unwrap();
        }
    }
    let lines = outbox.list().unwrap();
    assert!(lines.len() <= MOST_DONE + 2, "{}", lines.len());
    assert_eq!(lines.last().map(|l| l.id), Some(1), "what waits stays");
    assert_eq!(outbox.sent().unwrap().len(), PER_HOUR);
}

#[test]
fn channels_that_are_gone_keep_nothing_waiting_and_others_are_tried_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = sound(dir.path());
    outbox
        .put(&message(1), &targets(), &[], &Marks::default())
        .unwrap();
    let hour = After::Again(NOW + 3_600_000);
    let both = targets()
        .into_iter()
        .map(|target| (1, target, hour))
        .collect::<Vec<_>>();
    outbox.failed(&both, "x", NOW).unwrap();
    assert_eq!(outbox.retarget(&targets()[..1], NOW + 10), Ok(1));
    let waiting = outbox.waiting().unwrap();
    assert_eq!((waiting.len(), waiting[0].next_ms), (1, NOW + 10));
    assert_eq!(outbox.channels().unwrap().len(), 1);
    assert_eq!(
        outbox.list().unwrap()[0].deliveries[1].error.as_deref(),
        Some("the channel was removed")
    );
}

#[test]
fn what_was_told_is_bounded_and_of_one_history_only() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = sound(dir.path());
    let told = |n: i64| {
        let told = Told {
            count: 1,
            at_ms: NOW + n,
        };
        ((n, NOW), told)
    };
    let all: Vec<_> = (0..MOST_TOLD as i64 + 50).map(told).collect();
    outbox
        .put(&message(1), &targets(), &all, &Marks::default())
        .unwrap();
    let kept = outbox.told().unwrap();
    assert_eq!(kept.len(), MOST_TOLD);
    assert!(!kept.contains_key(&(49, NOW)) && kept.contains_key(&(50, NOW)));
    assert!(
        !kept.contains_key(&(50, NOW + 1)),
        "another history's incident"
    );
}

#[test]
fn a_damaged_file_is_kept_aside_and_an_empty_one_begun() {
    let dir = tempfile::tempdir().unwrap();
    drop(sound(dir.path()));
    let path = dir.path().join(open::SMALL.file);
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    for log in ["-wal", "-shm"] {
        let _ = fs::remove_file(disk_name(&path, log));
    }
    fs::write(
        &path,
        b"no database at all, but long enough to look at".repeat(100),
    )
    .unwrap();
    assert!(read_only(dir.path()).is_err());
    let (mut outbox, problem) = Outbox::open(dir.path());
    assert!(problem.unwrap().contains("is kept as"), "it says so");
    assert_eq!(outbox.problem(), None, "the new one is sound");
    outbox
        .put(&message(1), &targets(), &[], &Marks::default())
        .unwrap();
    assert_eq!(
        read_only(dir.path())
            .unwrap()
            .unwrap()
            .list()
            .unwrap()
            .len(),
        1
    );
}

fn disk_name(path: &Path, suffix: &str) -> std::path::PathBuf {
    crate::disk::with_suffix(path, suffix)
}

#[test]
fn without_a_disk_it_works_in_memory_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, b"").unwrap();
    // A state directory that is a file cannot hold one.
    let (mut outbox, problem) = Outbox::open(&file);
    assert!(problem.unwrap().contains("in memory only"));
    outbox
        .put(&message(1), &targets(), &[], &Marks::default())
        .unwrap();
    assert_eq!(waits(&outbox).len(), 2);
    assert!(read_only(&dir.path().join("none")).unwrap().is_none());
}

#[test]
fn a_message_that_is_too_long_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = sound(dir.path());
    let mut long = message(1);
    long.at = "x".repeat(LONGEST);
    assert!(
        outbox
            .put(&long, &targets(), &[], &Marks::default())
            .is_err()
    );
    assert!(waits(&outbox).is_empty());
}
