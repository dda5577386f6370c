//! What is left when the process dies at any moment.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use super::*;

const DIR: &str = "TRUNKGUARD_TEST_DIR";
const FIRST: &str = "TRUNKGUARD_TEST_FIRST";

/// Records calls until it is killed, and says each ticket that was told to be stored.
#[test]
#[ignore = "the process that `killed_at_any_moment_…` starts and kills"]
fn child_records_until_it_is_killed() {
    let dir = std::path::PathBuf::from(env::var_os(DIR).expect("started by the test"));
    let first: Ticket = env::var(FIRST).unwrap().parse().unwrap();
    let (told, wait) = mpsc::sync_channel(100_000);
    let (journal, _) = Journal::open(&dir, Options::default(), move |tickets, outcome| {
        assert_eq!(outcome, Outcome::Stored);
        // One write for a commit: a line that was read is a promise that was made.
        let lines: String = tickets.iter().map(|t| format!("stored {t}\n")).collect();
        print!("{lines}");
        let _ = told.try_send(());
    })
    .unwrap();
    for n in first.. {
        // Batches of 1 to 40, refusals in between, and never more than a few commits behind.
        push(
            &journal,
            (0..1 + n % 40).map(|i| numbered(first + (n - first) * 40 + i)),
        );
        push(
            &journal,
            [behind(sample::refused(0, n as i64, "102", "+18095550100"))],
        );
        wait.recv().unwrap();
    }
}

#[test]
fn killed_at_any_moment_every_acknowledged_call_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut promised = Vec::new();
    for round in 0..6u64 {
        let program = sample::this_program();
        let mut child = Command::new(&program[0])
            .args(&program[1..])
            .args([
                "--exact",
                "journal::tests::kill::child_records_until_it_is_killed",
                "--ignored",
                "--nocapture",
            ])
            .env(DIR, dir.path())
            .env(FIRST, (round * 1_000_000).to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let read = |line: String| {
            line.split_once("stored ")
                .map(|(_, n)| n.parse::<Ticket>().unwrap())
        };
        promised.extend(
            lines
                .by_ref()
                .filter_map(read)
                .take(1 + round as usize * 60),
        );
        child.kill().unwrap();
        // What it said before it died was promised as well; a line that was cut was not.
        promised.extend(
            lines
                .filter(|l| l.starts_with("stored "))
                .filter_map(|l| l[7..].parse::<Ticket>().ok())
                .filter(|t| t / 1_000_000 == round),
        );
        child.wait().unwrap();

        let there = stored(dir.path());
        for ticket in &promised {
            assert!(
                there.binary_search(ticket).is_ok(),
                "round {round}: {ticket} was promised and is not there"
            );
        }
        assert!(
            there.windows(2).all(|w| w[0] != w[1]),
            "a call is there twice"
        );
    }
    assert!(promised.len() > 500);
}

/// A history whose last commits are only in the log, as after a power cut: file, log.
fn with_log(dir: &Path) -> (Vec<u8>, Vec<u8>) {
    let (journal, _, _) = open(dir);
    for n in 0..30 {
        push(&journal, (0..5).map(|i| numbered(n * 5 + i)));
        assert!(journal.flush());
    }
    // Copied while it is open: closing would play the log into the file.
    let file = |name: &str| fs::read(dir.join(name)).unwrap();
    (file(db::FILE), file(&format!("{}-wal", db::FILE)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_torn_log_costs_only_its_end(cut in any::<prop::sample::Index>(), flip in prop::option::of(any::<prop::sample::Index>())) {
        let made = sample::memory_dir();
        let (file, mut log) = with_log(made.path());
        log.truncate(cut.index(log.len() + 1));
        if let Some(flip) = flip.filter(|_| !log.is_empty()) {
            let at = flip.index(log.len());
            log[at] ^= 0x55;
        }
        let dir = sample::memory_dir();
        fs::write(dir.path().join(db::FILE), &file).unwrap();
        fs::write(dir.path().join(format!("{}-wal", db::FILE)), &log).unwrap();
        let (journal, _, _) = open(dir.path());
        push(&journal, [numbered(1_000)]);
        prop_assert!(journal.flush());
        let there = stored(dir.path());
        let whole = there.len() as u64 - 1;
        let expected: Vec<_> = (0..whole).chain([1_000]).collect();
        prop_assert_eq!(there, expected, "what is left is a front of what was written");
        prop_assert_eq!(whole % 5, 0, "and no half commit");
    }

    #[test]
    fn damage_anywhere_never_stops_the_calls(
        flips in vec((any::<prop::sample::Index>(), 1..=255u8), 1..60),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let dir = sample::memory_dir();
        let (journal, _, _) = open(dir.path());
        push(&journal, (0..2_000).map(numbered));
        push(&journal, (0..500).map(|n| behind(sample::refused(0, n, &n.to_string(), "+18095550100"))));
        drop(journal);
        let path = dir.path().join(db::FILE);
        let mut octets = fs::read(&path).unwrap();
        for (at, with) in &flips {
            let at = at.index(octets.len());
            octets[at] ^= with;
        }
        if let Some(cut) = cut {
            octets.truncate(cut.index(octets.len()));
        }
        fs::write(&path, &octets).unwrap();

        let (journal, _, told) = open(dir.path());
        for n in 0..20 {
            push(&journal, [numbered(10_000 + n), behind(sample::refused(0, 5, &n.to_string(), "+18095550199"))]);
            journal.flush();
        }
        journal.acknowledge(None);
        journal.flush();
        drop(journal);
        let told = told.lock().unwrap();
        prop_assert_eq!(told.len(), 20);
        prop_assert!(told.values().all(|o| *o == [Outcome::Stored]), "{:?}", told);
        let (journal, _, _) = open(dir.path());
        prop_assert!(journal.flush());
    }
}
