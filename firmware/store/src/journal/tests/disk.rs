//! Full, read-only, taken away.

use std::{
    env,
    process::{Command, Output},
};

use super::*;

const DIR: &str = "TRUNKGUARD_TEST_DIR";

/// Runs an ignored test of this file in a process of its own that has a file system of 1 MiB at
/// `DIR`, which nobody else sees. `None` where this machine does not let us.
fn with_small_disk(test: &str) -> Option<Output> {
    let dir = tempfile::tempdir().unwrap();
    let run = |user: &[&str]| {
        Command::new("unshare")
            .args(user)
            .args([
                "--mount",
                "sh",
                "-c",
                "mount -t tmpfs -o size=1m none \"$TRUNKGUARD_TEST_DIR\" || exit 99; exec \"$@\"",
                "sh",
            ])
            .args(sample::this_program())
            .args([
                "--exact",
                &format!("journal::tests::disk::{test}"),
                "--ignored",
                "--nocapture",
            ])
            .env(DIR, dir.path())
            .output()
            .ok()
            // unshare itself ends with 1 and no output of a test when it is not allowed.
            .filter(|o| {
                o.status.code() != Some(99)
                    && String::from_utf8_lossy(&o.stdout).contains("running 1 test")
            })
    };
    let output = run(&[]).or_else(|| run(&["--user", "--map-root-user"]));
    if output.is_none() {
        eprintln!("no mount namespace here: {test} was not run");
    }
    output
}

fn passed(output: &Output) {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&text)
    );
}

fn disk() -> std::path::PathBuf {
    env::var_os(DIR).expect("started by the test").into()
}

fn mount(options: &str) {
    let status = Command::new("mount")
        .args(["-o", options])
        .arg(disk())
        .status()
        .unwrap();
    assert!(status.success());
}

fn outcome(told: &Told, ticket: Ticket) -> Outcome {
    let told = told.lock().unwrap();
    assert_eq!(told[&ticket].len(), 1, "{ticket} was told more than once");
    told[&ticket][0]
}

#[test]
fn a_full_disk_fails_tickets_until_there_is_room() {
    with_small_disk("child_on_a_full_disk")
        .iter()
        .for_each(passed);
}

#[test]
#[ignore = "the process that `a_full_disk_…` starts"]
fn child_on_a_full_disk() {
    let dir = disk();
    let ballast = dir.join("ballast");
    fs::write(&ballast, vec![1; 600 << 10]).unwrap();
    let (journal, recovered, told) = open(&dir);
    assert_eq!(recovered.problem, None);

    let mut ticket = 0;
    while ticket == 0 || outcome(&told, ticket) == Outcome::Stored {
        ticket += 1;
        assert!(ticket < 100_000, "the disk never filled");
        push(
            &journal,
            [
                numbered(ticket),
                behind(sample::refused(0, 1, "103", "+18095550100")),
            ],
        );
        journal.flush();
    }
    let full_from = ticket;
    // Calls go on; nothing is promised, and nothing piles up.
    for _ in 0..50 {
        ticket += 1;
        push(&journal, [numbered(ticket)]);
        push(
            &journal,
            (0..500).map(|_| behind(sample::approved(0, 1, "102", "+442071838750"))),
        );
        assert!(!journal.flush());
        assert_eq!(outcome(&told, ticket), Outcome::Failed);
    }
    let figures = journal.figures();
    assert!(
        figures.failing && figures.failed >= 51 && figures.lost > 0,
        "{figures:?}"
    );

    fs::remove_file(&ballast).unwrap();
    ticket += 1;
    push(&journal, [numbered(ticket)]);
    assert!(journal.flush());
    assert_eq!(outcome(&told, ticket), Outcome::Stored);
    assert!(journal.flush());
    assert!(!journal.figures().failing);
    let there = stored(&dir);
    let expected: Vec<_> = (1..full_from).chain([ticket]).collect();
    assert_eq!(
        there, expected,
        "what was promised, and nothing that was refused"
    );
    let history = History::open(&dir).unwrap();
    let incidents = history.incidents(true, 100).unwrap();
    let failed = incidents
        .iter()
        .find(|i| i.kind == "history-failed")
        .unwrap();
    assert!(
        failed.text.contains("full; free some space") && failed.text.contains("51 approvals"),
        "{}",
        failed.text
    );
    assert_eq!(
        history.totals(0).unwrap().denied,
        full_from,
        "refusals were counted meanwhile"
    );
}

#[test]
fn a_read_only_disk_fails_tickets_until_it_can_be_written() {
    with_small_disk("child_on_a_read_only_disk")
        .iter()
        .for_each(passed);
}

#[test]
#[ignore = "the process that `a_read_only_disk_…` starts"]
fn child_on_a_read_only_disk() {
    let dir = disk();
    mount("remount,ro");
    let (journal, recovered, told) = open(&dir);
    let problem = recovered.problem.unwrap();
    assert!(
        problem.contains("history.v1.db") && problem.contains("writable for Trunkguard"),
        "{problem}"
    );
    push(
        &journal,
        [
            numbered(1),
            behind(sample::approved(0, 1, "102", "+442071838750")),
        ],
    );
    assert!(!journal.flush());
    assert_eq!(outcome(&told, 1), Outcome::Failed);
    assert_eq!((journal.figures().failed, journal.figures().lost), (1, 1));
    assert_eq!(calls(&dir), []);

    mount("remount,rw");
    push(&journal, [numbered(2)]);
    assert!(journal.flush());
    assert_eq!(outcome(&told, 2), Outcome::Stored);
    assert_eq!(
        calls(&dir)[0].client,
        "office",
        "the clients announced meanwhile are known"
    );
    drop(journal);

    mount("remount,ro");
    assert_eq!(stored(&dir), [2], "what is on a read-only disk can be read");
    let (journal, recovered, told) = open(&dir);
    assert!(recovered.problem.is_some());
    push(&journal, [numbered(3)]);
    journal.flush();
    assert_eq!(outcome(&told, 3), Outcome::Failed);
}

#[test]
fn a_disk_that_turns_read_only_fails_tickets_and_nothing_else() {
    with_small_disk("child_on_a_disk_that_turns_read_only")
        .iter()
        .for_each(passed);
}

#[test]
#[ignore = "the process that `a_disk_that_turns_…` starts"]
fn child_on_a_disk_that_turns_read_only() {
    let dir = disk();
    let (mut store, _) = crate::policy_store::PolicyStore::open(&dir).unwrap();
    store
        .set_mode(trunkguard_core::policy::Mode::Prevent)
        .unwrap();
    drop(store);
    mount("remount,ro");
    let (mut store, origin) = crate::policy_store::PolicyStore::open(&dir).unwrap();
    assert!(
        matches!(&origin, crate::policy_store::Origin::ReadOnly { why } if why.contains("writable")),
        "{origin:?}"
    );
    assert_eq!(
        store.definition().unwrap().settings.mode,
        trunkguard_core::policy::Mode::Prevent
    );
    let error = store
        .set_mode(trunkguard_core::policy::Mode::Detect)
        .unwrap_err()
        .to_string();
    assert!(error.contains("writable"), "{error}");
}

#[test]
fn a_policy_that_does_not_fit_on_the_disk_changes_nothing() {
    with_small_disk("child_with_a_large_policy")
        .iter()
        .for_each(passed);
}

#[test]
#[ignore = "the process that `a_policy_that_does_not_fit_…` starts"]
fn child_with_a_large_policy() {
    let dir = disk();
    let (mut store, _) = crate::policy_store::PolicyStore::open(&dir).unwrap();
    let mut large = store.definition().unwrap();
    let numbers = (0..100_000)
        .map(|n| trunkguard_core::policy::Prefix::parse(&format!("+1809{n:07}")).unwrap())
        .collect();
    large.lists.push(trunkguard_core::policy::NumberList {
        name: Name::parse("l").unwrap(),
        numbers,
        file: None,
    });
    let before = store.definition().unwrap();
    let error = store.replace(&large).unwrap_err().to_string();
    assert!(
        error.contains("full") && error.contains("free some space"),
        "{error}"
    );
    assert_eq!(store.definition().unwrap(), before);
    drop(store);
    let (store, origin) = crate::policy_store::PolicyStore::open(&dir).unwrap();
    assert_eq!(origin, crate::policy_store::Origin::Loaded);
    assert_eq!(store.definition().unwrap(), before);
}

#[test]
fn a_file_that_is_taken_away_is_missed() {
    let dir = sample::memory_dir();
    let (journal, _, _) = open(dir.path());
    push(&journal, [numbered(1)]);
    assert!(journal.flush());
    for suffix in ["", "-wal", "-shm"] {
        fs::remove_file(dir.path().join(format!("{}{suffix}", db::FILE))).unwrap();
    }
    assert!(journal.flush());
    push(&journal, [numbered(2)]);
    assert!(journal.flush());
    assert_eq!(stored(dir.path()), [2]);
    let calls = calls(dir.path());
    assert_eq!(calls[0].client, "office");
    let incidents = History::open(dir.path())
        .unwrap()
        .incidents(true, 10)
        .unwrap();
    assert_eq!(incidents[0].kind, "history-removed");
}

#[test]
fn damage_while_it_runs_is_moved_aside_and_told() {
    let dir = sample::memory_dir();
    let (journal, _, told) = open(dir.path());
    push(&journal, (0..5_000).map(numbered));
    assert!(journal.flush());
    let path = dir.path().join(db::FILE);
    let octets = vec![0x5a; fs::metadata(&path).unwrap().len() as usize];
    for name in [db::FILE.to_owned(), format!("{}-wal", db::FILE)] {
        fs::write(dir.path().join(name), &octets).unwrap();
    }
    for n in 0..2_000 {
        push(&journal, [numbered(10_000 + n)]);
    }
    journal.acknowledge(None);
    assert!(journal.flush());
    drop(journal);
    assert_eq!(told.lock().unwrap().len(), 7_000);
    assert!(
        told.lock()
            .unwrap()
            .values()
            .all(|o| *o == [Outcome::Stored])
    );
    let (journal, _, _) = open(dir.path());
    push(&journal, [numbered(99_999)]);
    assert!(journal.flush());
    assert_eq!(stored(dir.path()).last(), Some(&99_999));
    let aside = fs::read_dir(dir.path())
        .unwrap()
        .filter(|e| {
            e.as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .contains(".corrupt-")
        })
        .count();
    assert!(aside >= 1);
}

#[test]
fn a_file_of_another_program_or_version_is_left_alone_beside_ours() {
    let dir = sample::memory_dir();
    let other = rusqlite::Connection::open(dir.path().join(db::FILE)).unwrap();
    other
        .execute_batch("CREATE TABLE precious (x); INSERT INTO precious VALUES (1);")
        .unwrap();
    drop(other);
    let (journal, recovered, _) = open(dir.path());
    let problem = recovered.problem.unwrap();
    assert!(
        problem.contains("is not a history") || problem.contains("no such"),
        "{problem}"
    );
    push(&journal, [numbered(1)]);
    assert!(journal.flush());
    let aside = fs::read_dir(dir.path())
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.to_string_lossy().contains(".corrupt-"))
        .unwrap();
    let kept: i64 = rusqlite::Connection::open(aside)
        .unwrap()
        .query_row("SELECT x FROM precious", [], |r| r.get(0))
        .unwrap();
    assert_eq!(kept, 1);
}
