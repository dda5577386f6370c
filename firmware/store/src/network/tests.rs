use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use super::*;
use trunkguard_core::{
    policy::HostName,
    pops::{
        Sighting,
        follow::{SavedAddress, SavedName},
    },
};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn saved(name: &str, addresses: &[&str]) -> SavedName {
    let address = |a: &&str| SavedAddress {
        address: ip(a),
        first_ms: 1,
        last_ms: 2,
    };
    SavedName {
        name: HostName::parse(name).unwrap(),
        ttl_s: 300,
        confirmed_ms: 3,
        addresses: addresses.iter().map(address).collect(),
    }
}

fn snapshot() -> Snapshot {
    Snapshot {
        names: vec![
            saved("atlanta1.voip.ms", &["208.100.60.17", "2001:db8::17"]),
            saved("toronto.voip.ms", &[]),
        ],
        sightings: vec![Sighting {
            address: ip("203.0.113.7"),
            names: vec![HostName::parse("atlanta1.voip.ms").unwrap()],
            servers: vec![ip("192.0.2.53"), ip("2001:db8::53")],
            agreed: true,
            first_ms: 4,
            last_ms: 5,
            rounds: 6,
        }],
    }
}

fn decision(subject: &str, approved: bool) -> Decision {
    Decision {
        subject: Subject::parse(subject).unwrap(),
        approved,
        unix_ms: 7,
        by: "anna".into(),
    }
}

fn ban(address: &str, service: &str, until_ms: i64) -> StoredBan {
    StoredBan {
        address: ip(address),
        service: service.into(),
        reason: "8 wrong passwords".into(),
        since_ms: 10,
        until_ms,
        times: 2,
        by_hand: false,
    }
}

fn opened(dir: &Path) -> NetworkStore {
    let (store, problem) = NetworkStore::open(dir);
    assert_eq!((problem, store.problem()), (None, None));
    store
}

/// Says what is wrong, and works.
fn opened_badly(dir: &Path) -> (NetworkStore, String) {
    let (mut store, problem) = NetworkStore::open(dir);
    store.save_pops(&snapshot()).unwrap();
    assert_eq!(store.pops().unwrap().snapshot, snapshot());
    (store, problem.unwrap())
}

#[test]
fn what_was_kept_is_there_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = opened(&dir.path().join("state"));
    assert_eq!(store.pops().unwrap(), Pops::default());
    store.save_pops(&snapshot()).unwrap();
    let decisions = [
        decision("203.0.113.9", false),
        decision("203.0.113.0/28", true),
        decision("pop.example.net", true),
    ];
    for d in &decisions {
        store.decide(d).unwrap();
    }
    let bans = [
        ban("198.51.100.7", "sip", 2_000),
        ban("198.51.100.7", "page", 1_000),
    ];
    store.save_bans(&bans, 0).unwrap();
    drop(store);

    let mut store = opened(&dir.path().join("state"));
    let pops = store.pops().unwrap();
    assert_eq!(pops.snapshot, snapshot());
    assert_eq!(pops.decisions, decisions);
    assert_eq!(store.bans(999).unwrap(), bans);
    assert_eq!(store.bans(1_000).unwrap(), bans[..1]);
    // Another snapshot leaves decisions and bans as they are.
    store.save_pops(&Snapshot::default()).unwrap();
    assert_eq!(store.pops().unwrap().decisions, decisions);
    assert_eq!(store.pops().unwrap().snapshot, Snapshot::default());
    let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        mode(&dir.path().join("state").join(open::SMALL.file)),
        0o600
    );
}

#[test]
fn a_decision_is_in_place_of_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = opened(dir.path());
    store.decide(&decision("203.0.113.9", false)).unwrap();
    store.decide(&decision("203.0.113.10", true)).unwrap();
    store.decide(&decision("203.0.113.9", true)).unwrap();
    let decisions = store.pops().unwrap().decisions;
    assert_eq!(
        decisions,
        [
            decision("203.0.113.10", true),
            decision("203.0.113.9", true)
        ]
    );
    let subject = Subject::parse("203.0.113.9").unwrap();
    assert_eq!(store.forget(&subject), Ok(true));
    assert_eq!(store.forget(&subject), Ok(false));
}

#[test]
fn bans_end_and_are_lifted() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = opened(dir.path());
    let long = "x".repeat(1_000);
    let wordy = StoredBan {
        reason: long.clone(),
        ..ban("198.51.100.1", "sip", 50)
    };
    store
        .save_bans(
            &[
                wordy,
                ban("2001:db8::1", "sip", 60),
                ban("198.51.100.2", "sip", 5),
            ],
            10,
        )
        .unwrap();
    let bans = store.bans(10).unwrap();
    assert_eq!(bans.len(), 2);
    assert_eq!(bans[1].reason, long[..MOST_REASON]);
    // The same one again is longer, not another one.
    store
        .save_bans(&[ban("2001:db8::1", "sip", 90)], 10)
        .unwrap();
    assert_eq!(store.bans(10).unwrap()[0].until_ms, 90);
    assert_eq!(store.remove_ban(ip("2001:db8::1"), Some("page")), Ok(false));
    assert_eq!(store.remove_ban(ip("2001:db8::1"), None), Ok(true));
    assert_eq!(store.bans(10).unwrap().len(), 1);
    store.save_bans(&[], 100).unwrap();
    assert!(store.bans(0).unwrap().is_empty());
}

#[test]
fn rows_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = opened(dir.path());
    let address = |i: u32| std::net::Ipv4Addr::from_bits(0x0b00_0000 + i).to_string();
    let bans: Vec<StoredBan> = (0..MOST_BANS as u32 + 500)
        .map(|i| ban(&address(i), "sip", 1_000 + i64::from(i)))
        .collect();
    store.save_bans(&bans, 0).unwrap();
    let kept = store.bans(0).unwrap();
    assert_eq!(kept.len(), MOST_BANS);
    assert_eq!(
        kept.last().unwrap().until_ms,
        1_500,
        "those that end first go"
    );
    let all: Vec<String> = (0..100).map(address).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let many = Snapshot {
        names: (0..300)
            .map(|i| saved(&format!("p{i:03}.example.net"), &all))
            .collect(),
        sightings: Vec::new(),
    };
    store.save_pops(&many).unwrap();
    let back = store.pops().unwrap().snapshot;
    assert_eq!(back.names.len(), MOST_NAMES);
    assert_eq!(
        back.names.iter().map(|n| n.addresses.len()).sum::<usize>(),
        MOST_ADDRESSES
    );
    for i in 0..MOST_DECISIONS as u32 + 10 {
        tables::write_decision(&store.connection, &decision(&address(i), true)).unwrap();
    }
    assert_eq!(store.pops().unwrap().decisions.len(), MOST_DECISIONS);
}

/// Damages the file in ways that cards do, and a few that people do.
#[test]
fn a_damaged_file_is_moved_aside_and_a_new_one_made() {
    for damage in ["noise", "half", "header", "another", "newer", "tables"] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(open::SMALL.file);
        let mut store = opened(dir.path());
        store.save_pops(&snapshot()).unwrap();
        drop(store);
        let octets = fs::read(&path).unwrap();
        let sql = |text: &str| {
            Connection::open(&path)
                .unwrap()
                .execute_batch(text)
                .unwrap()
        };
        match damage {
            "noise" => fs::write(&path, vec![0x5a; 20_000]).unwrap(),
            "half" => fs::write(&path, &octets[..octets.len() / 2]).unwrap(),
            "header" => fs::write(
                &path,
                [&octets[..20], &vec![0xff; octets.len() - 20]].concat(),
            )
            .unwrap(),
            "another" => sql("PRAGMA application_id = 5"),
            "newer" => sql("PRAGMA user_version = 9"),
            _ => sql("DROP TABLE sighting"),
        }
        let (store, problem) = opened_badly(dir.path());
        assert!(
            problem.contains("was damaged") && problem.contains("corrupt-"),
            "{damage}: {problem}"
        );
        assert_eq!(
            store.problem(),
            None,
            "{damage}: the new file is as good as any"
        );
        drop(store);
        assert_eq!(
            opened(dir.path()).pops().unwrap().snapshot,
            snapshot(),
            "{damage}"
        );
    }
}

#[test]
fn rows_that_are_not_understood_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = opened(dir.path());
    store.save_pops(&snapshot()).unwrap();
    store
        .connection
        .execute_batch(
            "INSERT INTO name VALUES ('not a name', 1, 1);
             INSERT INTO address VALUES ('toronto.voip.ms', 'nowhere', 1, 1);
             INSERT INTO sighting VALUES ('here', '', '', 0, 1, 1, 1);
             INSERT INTO decision (subject, approved, unix_ms, by) VALUES ('?', 1, 1, 'x');
             INSERT INTO ban VALUES ('somebody', 'sip', '', 1, 100, 1, 0);",
        )
        .unwrap();
    drop(store);
    let store = opened(dir.path());
    assert_eq!(
        store.pops().unwrap(),
        Pops {
            snapshot: snapshot(),
            decisions: vec![]
        }
    );
    assert!(store.bans(0).unwrap().is_empty());
}

#[test]
fn a_directory_that_cannot_be_made_is_no_reason_not_to_work() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let (store, problem) = opened_badly(&dir.path().join("file").join("state"));
    assert!(problem.contains("in memory only"), "{problem}");
    assert_eq!(store.problem(), Some(problem.as_str()));
}

/// A full disk, or a read-only one: SQLite cannot write, and what is there can be read.
#[test]
fn a_file_that_cannot_be_written_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = opened(dir.path());
    store.save_pops(&snapshot()).unwrap();
    store
        .save_bans(&[ban("198.51.100.7", "sip", 2_000)], 0)
        .unwrap();
    store.decide(&decision("203.0.113.9", false)).unwrap();
    drop(store);
    // A directory in the place of the log: root may write anywhere, but not that.
    fs::create_dir(dir.path().join("network.v1.db-wal")).unwrap();
    let (mut store, problem) = NetworkStore::open(dir.path());
    let problem = problem.unwrap();
    assert!(problem.contains("in memory only"), "{problem}");
    assert!(store.save_pops(&snapshot()).is_ok());
    drop(store);
    fs::remove_dir(dir.path().join("network.v1.db-wal")).unwrap();
    let store = opened(dir.path());
    assert_eq!(store.pops().unwrap().snapshot, snapshot());
    assert_eq!(store.bans(0).unwrap().len(), 1);

    // The copy in memory is what was in the file.
    let memory = open::in_memory(&dir.path().join(open::SMALL.file));
    let all = tables::read_pops(&memory).unwrap();
    assert_eq!(
        all,
        Pops {
            snapshot: snapshot(),
            decisions: vec![decision("203.0.113.9", false)]
        }
    );
    assert_eq!(tables::read_bans(&memory, 0).unwrap().len(), 1);
}

#[test]
fn reading_makes_and_repairs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(read_only(dir.path()), Ok(None)));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    fs::write(
        dir.path().join(open::SMALL.file),
        "nonsense, and rather long so that it is no empty file",
    )
    .unwrap();
    assert!(read_only(dir.path()).is_err());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

/// Set in the process that is killed, or that reads beside the writer.
const ROLE: &str = "TRUNKGUARD_NETWORK_TEST";

fn other_process(role: &str, dir: &Path) -> Command {
    let program = crate::sample::this_program();
    let mut command = Command::new(&program[0]);
    let test = match role {
        "writer" => "network::tests::a_kill_at_any_moment_leaves_all_of_a_write_or_nothing",
        _ => "network::tests::others_read_and_decide_while_the_daemon_writes",
    };
    command
        .args(&program[1..])
        .args(["--exact", test, "--nocapture"])
        .env(ROLE, dir);
    command.stdout(std::process::Stdio::piped());
    command
}

/// The snapshot of a generation: as many addresses of one last octet as names.
fn generation(n: u8) -> Snapshot {
    let address = format!("208.100.60.{n}");
    Snapshot {
        names: (0..20)
            .map(|i| saved(&format!("p{i:02}.example.net"), &[&address]))
            .collect(),
        sightings: Vec::new(),
    }
}

fn is_whole(snapshot: &Snapshot) -> bool {
    (0..=255).any(|n| *snapshot == generation(n))
}

#[test]
fn a_kill_at_any_moment_leaves_all_of_a_write_or_nothing() {
    if let Some(dir) = std::env::var_os(ROLE) {
        let mut store = opened(Path::new(&dir));
        for n in (0..=255).cycle() {
            store.save_pops(&generation(n)).unwrap();
            println!("{n}");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    for kill_after in [1, 2, 5, 9, 20] {
        let mut child = other_process("writer", dir.path()).spawn().unwrap();
        let written =
            std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
        let numbers = written
            .map_while(Result::ok)
            .filter(|line| line.parse::<u8>().is_ok());
        assert_eq!(numbers.take(kill_after).count(), kill_after);
        child.kill().unwrap();
        child.wait().unwrap();
        let pops = opened(dir.path()).pops().unwrap();
        assert!(is_whole(&pops.snapshot), "{:?}", pops.snapshot);
    }
}

#[test]
fn others_read_and_decide_while_the_daemon_writes() {
    if let Some(dir) = std::env::var_os(ROLE) {
        let mut cli = opened(Path::new(&dir));
        for i in 0..30 {
            let reader = read_only(Path::new(&dir)).unwrap().unwrap();
            assert!(is_whole(&reader.pops().unwrap().snapshot));
            cli.decide(&decision(&format!("203.0.113.{i}"), true))
                .unwrap();
            println!("{i}");
        }
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut store = opened(dir.path());
    store.save_pops(&generation(0)).unwrap();
    let mut child = other_process("reader", dir.path()).spawn().unwrap();
    let mut decided =
        std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let mut n = 0u16;
    loop {
        // Some writes, in the midst of which the other one reads and decides; then its turn for sure.
        for _ in 0..5 {
            n = (n + 1) % 256;
            store.save_pops(&generation(n as u8)).unwrap();
        }
        if decided.next().is_none() {
            break;
        }
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(store.pops().unwrap().decisions.len(), 30);
}
