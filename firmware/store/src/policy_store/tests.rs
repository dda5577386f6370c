use std::{fs, os::unix::fs::PermissionsExt};

use proptest::{collection::vec, prelude::*};
use trunkguard_core::policy::{Client, Name, Network};

use super::*;
use crate::{policy_store::steps::Step, sample};

/// A policy that the core takes: `n` makes it another one.
fn policy(n: u32) -> Definition {
    let mut definition = file::parse(
        "[[client]]\nname = \"office\"\naddresses = [\"192.168.1.10\"]\ncredentials = { username = \"u\", password = \"secret word\" }\n\
         [[list]]\nname = \"known\"\nnumbers = [\"+442071838750\", \"+18095550100\"]\n",
        Path::new("test"),
    )
    .unwrap();
    definition.policy.limits.per_day = Some(n);
    definition
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.retain(|n| ![".lock", "-wal", "-shm"].iter().any(|end| n.ends_with(end)));
    names.sort();
    names
}

#[test]
fn what_is_stored_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("a/state");
    let (mut store, origin) = PolicyStore::open(&state).unwrap();
    assert_eq!(origin, Origin::Fresh);
    assert_eq!(
        store.definition().unwrap(),
        Definition {
            format: 1,
            ..Definition::default()
        }
    );
    assert!(store.replace(&policy(1)).unwrap());
    assert!(
        !store.replace(&policy(1)).unwrap(),
        "the same policy again is no edit"
    );
    assert!(store.set_mode(Mode::Lockdown).unwrap());
    assert!(!store.set_mode(Mode::Lockdown).unwrap());
    drop(store);

    let (store, origin) = PolicyStore::open(&state).unwrap();
    assert_eq!(origin, Origin::Loaded);
    let mut expected = policy(1);
    expected.settings.mode = Mode::Lockdown;
    assert_eq!(store.definition().unwrap(), expected);
    let copy = fs::read_to_string(state.join("policy.v2.last-good.toml")).unwrap();
    assert_eq!(file::parse(&copy, Path::new("copy")).unwrap(), expected);
}

#[test]
fn only_the_owner_reads_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let (mut store, _) = PolicyStore::open(&state).unwrap();
    store.replace(&policy(1)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    let files: Vec<_> = fs::read_dir(&state)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_policy_that_the_core_refuses_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = PolicyStore::open(dir.path()).unwrap();
    store.replace(&policy(1)).unwrap();
    let mut wrong = policy(2);
    wrong.policy.allow.lists = Some(vec![Name::parse("nowhere").unwrap()]);
    let error = store.replace(&wrong).unwrap_err().to_string();
    assert!(error.contains("policy.allow.lists[0]"), "{error}");
    assert_eq!(store.definition().unwrap(), policy(1));
}

#[test]
fn two_processes_see_each_others_edits() {
    let dir = tempfile::tempdir().unwrap();
    let (mut daemon, _) = PolicyStore::open(dir.path()).unwrap();
    let (mut command, origin) = PolicyStore::open(dir.path()).unwrap();
    assert_eq!(origin, Origin::Loaded);
    command.replace(&policy(3)).unwrap();
    assert_eq!(daemon.definition().unwrap(), policy(3));
    daemon.set_mode(Mode::Prevent).unwrap();
    assert_eq!(command.definition().unwrap().settings.mode, Mode::Prevent);
}

#[test]
fn a_first_start_and_a_first_edit_at_the_same_moment_lose_nothing() {
    for _ in 0..8 {
        let dir = sample::memory_dir();
        std::thread::scope(|scope| {
            for n in 0..4 {
                let dir = dir.path();
                scope.spawn(move || {
                    let (mut store, _) = PolicyStore::open(dir).unwrap();
                    if n == 0 {
                        store.replace(&policy(9)).unwrap();
                    }
                });
            }
        });
        let (store, origin) = PolicyStore::open(dir.path()).unwrap();
        assert_eq!(origin, Origin::Loaded);
        assert_eq!(store.definition().unwrap(), policy(9));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_definition_comes_back_from_the_tables(one in sample::definition(), two in sample::definition()) {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;").unwrap();
        for step in steps::STEPS {
            connection.execute_batch(step.sql).unwrap();
        }
        for definition in [one, two] {
            let tx = connection.transaction().unwrap();
            tables::write(&tx, &definition).unwrap();
            tx.commit().unwrap();
            prop_assert_eq!(tables::read(&connection).unwrap(), definition);
        }
    }

    #[test]
    fn damage_anywhere_costs_at_most_nothing(flips in vec((any::<prop::sample::Index>(), 1..=255u8), 0..40), cut in option_cut()) {
        let dir = sample::memory_dir();
        PolicyStore::open(dir.path()).unwrap().0.replace(&policy(4)).unwrap();
        let path = dir.path().join("policy.v2.db");
        let mut octets = fs::read(&path).unwrap();
        for (at, with) in &flips {
            let at = at.index(octets.len());
            octets[at] ^= with;
        }
        if let Some(cut) = &cut {
            octets.truncate(cut.index(octets.len()));
        }
        fs::write(&path, &octets).unwrap();
        let (store, origin) = PolicyStore::open(dir.path()).unwrap();
        match origin {
            // Flips in free space or within a text that still means something are not seen.
            Origin::Loaded => { store.definition().unwrap(); }
            Origin::LastGood { why } => {
                prop_assert_eq!(store.definition().unwrap(), policy(4));
                prop_assert!(names(dir.path()).iter().any(|n| n.starts_with("policy.v2.db.corrupt-")), "{}", why);
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

fn option_cut() -> impl Strategy<Value = Option<prop::sample::Index>> {
    prop::option::of(any::<prop::sample::Index>())
}

#[test]
fn garbage_gives_way_to_the_last_good_policy_and_that_to_the_default() {
    let dir = tempfile::tempdir().unwrap();
    PolicyStore::open(dir.path())
        .unwrap()
        .0
        .replace(&policy(5))
        .unwrap();
    let spoil = || fs::write(dir.path().join("policy.v2.db"), vec![7u8; 20_000]).unwrap();

    spoil();
    let (store, origin) = PolicyStore::open(dir.path()).unwrap();
    let Origin::LastGood { why } = origin else {
        panic!("{origin:?}")
    };
    assert!(
        why.contains("policy.v2.db was damaged") && why.contains("kept as"),
        "{why}"
    );
    assert_eq!(store.definition().unwrap(), policy(5));
    drop(store);
    assert_eq!(PolicyStore::open(dir.path()).unwrap().1, Origin::Loaded);

    spoil();
    fs::write(dir.path().join("policy.v2.last-good.toml"), "format = 9").unwrap();
    let (store, origin) = PolicyStore::open(dir.path()).unwrap();
    let Origin::Defaults { why } = origin else {
        panic!("{origin:?}")
    };
    assert!(why.contains("format 9 is not known"), "{why}");
    assert_eq!(
        store.definition().unwrap(),
        Definition {
            format: 1,
            ..Definition::default()
        }
    );

    for _ in 0..6 {
        spoil();
        PolicyStore::open(dir.path()).unwrap();
    }
    let aside = names(dir.path())
        .iter()
        .filter(|n| n.contains("corrupt"))
        .count();
    assert_eq!(aside, 3, "old damaged files make room");
}

#[test]
fn a_database_that_vanished_is_not_taken_for_a_new_box() {
    let dir = tempfile::tempdir().unwrap();
    PolicyStore::open(dir.path())
        .unwrap()
        .0
        .replace(&policy(6))
        .unwrap();
    fs::remove_file(dir.path().join("policy.v2.db")).unwrap();
    let (store, origin) = PolicyStore::open(dir.path()).unwrap();
    assert!(matches!(origin, Origin::LastGood { .. }), "{origin:?}");
    assert_eq!(store.definition().unwrap(), policy(6));
}

#[test]
fn a_client_name_with_any_text_is_data_and_never_sql() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = PolicyStore::open(dir.path()).unwrap();
    let mut definition = policy(1);
    let client = Client {
        name: Name::parse("a'; DROP TABLE client; --\"").unwrap(),
        ..definition.clients[0].clone()
    };
    definition.clients = vec![Client {
        addresses: vec![Network::parse("10.0.0.1").unwrap()],
        ..client
    }];
    store.replace(&definition).unwrap();
    assert_eq!(store.definition().unwrap(), definition);
}

/// Versions to come, as this version's tests imagine them.
const LATER: [Step; 4] = [
    Step {
        version: 1,
        sql: steps::STEPS[0].sql,
    },
    Step {
        version: 2,
        sql: steps::STEPS[1].sql,
    },
    Step {
        version: 3,
        sql: "ALTER TABLE list ADD COLUMN note TEXT NOT NULL DEFAULT ''; UPDATE setting SET value = '\"prevent\"' WHERE key = 'mode';",
    },
    Step {
        version: 4,
        sql: "CREATE TABLE page_user (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID; INSERT INTO page_user SELECT name FROM client;",
    },
];

#[test]
fn an_update_migrates_a_copy_and_leaves_the_old_file_to_the_old_slot() {
    let dir = tempfile::tempdir().unwrap();
    PolicyStore::open(dir.path())
        .unwrap()
        .0
        .replace(&policy(7))
        .unwrap();

    let (store, origin) = PolicyStore::open_as(dir.path(), &LATER).unwrap();
    assert_eq!(origin, Origin::Migrated { from: 2 });
    assert_eq!(store.definition().unwrap().settings.mode, Mode::Prevent);
    let user: String = store
        .connection
        .query_row("SELECT name FROM page_user", [], |r| r.get(0))
        .unwrap();
    assert_eq!(user, "office");
    drop(store);
    assert_eq!(
        PolicyStore::open_as(dir.path(), &LATER).unwrap().1,
        Origin::Loaded
    );

    let (old, origin) = PolicyStore::open(dir.path()).unwrap();
    assert_eq!(
        origin,
        Origin::Loaded,
        "the newer file is not for this version"
    );
    assert_eq!(old.definition().unwrap(), policy(7));
    assert_eq!(
        names(dir.path()),
        [
            "policy.v2.db",
            "policy.v2.last-good.toml",
            "policy.v4.db",
            "policy.v4.last-good.toml"
        ]
    );
}

#[test]
fn an_edit_in_the_old_slot_is_not_lost_by_the_next_update() {
    let dir = tempfile::tempdir().unwrap();
    PolicyStore::open(dir.path())
        .unwrap()
        .0
        .replace(&policy(1))
        .unwrap();
    PolicyStore::open_as(dir.path(), &LATER[..3]).unwrap();
    let (mut old, _) = PolicyStore::open(dir.path()).unwrap();
    old.replace(&policy(2)).unwrap();
    let (new, origin) = PolicyStore::open_as(dir.path(), &LATER[..3]).unwrap();
    assert_eq!(origin, Origin::Migrated { from: 2 });
    assert_eq!(new.definition().unwrap().policy.limits.per_day, Some(2));

    let (mut new, origin) = PolicyStore::open_as(dir.path(), &LATER).unwrap();
    assert_eq!(origin, Origin::Migrated { from: 3 });
    new.replace(&policy(3)).unwrap();
    let (new, origin) = PolicyStore::open_as(dir.path(), &LATER).unwrap();
    assert_eq!(origin, Origin::Loaded, "nothing older was edited since");
    assert_eq!(new.definition().unwrap(), policy(3));
}

#[test]
fn a_migration_that_fails_leaves_everything_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    PolicyStore::open(dir.path())
        .unwrap()
        .0
        .replace(&policy(8))
        .unwrap();
    let before = names(dir.path());
    let broken = [
        Step {
            version: 1,
            sql: LATER[0].sql,
        },
        Step {
            version: 2,
            sql: LATER[1].sql,
        },
        Step {
            version: 3,
            sql: "ALTER TABLE nothing ADD COLUMN x",
        },
    ];
    assert!(PolicyStore::open_as(dir.path(), &broken).is_err());
    assert_eq!(names(dir.path()), before);
    assert_eq!(
        PolicyStore::open(dir.path())
            .unwrap()
            .0
            .definition()
            .unwrap(),
        policy(8)
    );
}

#[test]
fn a_damaged_old_file_is_no_source_for_a_migration() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("policy.v2.db"), b"garbage").unwrap();
    let (store, origin) = PolicyStore::open_as(dir.path(), &LATER).unwrap();
    assert_eq!(origin, Origin::Fresh);
    assert_eq!(
        store.definition().unwrap(),
        Definition {
            format: 1,
            ..Definition::default()
        }
    );
}

#[test]
fn the_bundled_sqlite_has_the_fix_for_the_reset_of_the_log() {
    // sqlite.org/wal.html: before 3.51.3 two writers could corrupt a database when the log is reset.
    assert!(
        rusqlite::version_number() >= 3_051_003,
        "{}",
        rusqlite::version()
    );
}

#[test]
fn who_edits_what_is_not_there_any_more_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = PolicyStore::open(dir.path()).unwrap();
    let read = store.definition().unwrap();
    store.set_mode(Mode::Prevent).unwrap();
    let mut wanted = read.clone();
    wanted.settings.history_days = 7;
    let problem = store.replace_from(&read, &wanted).unwrap_err();
    assert!(matches!(problem, StoreError::Changed), "{problem}");
    let stored = store.definition().unwrap();
    assert_eq!(
        (stored.settings.mode, stored.settings.history_days),
        (Mode::Prevent, read.settings.history_days)
    );
    wanted.settings.mode = Mode::Prevent;
    assert!(store.replace_from(&stored, &wanted).unwrap());
    assert!(!store.replace_from(&wanted, &wanted).unwrap());
}

#[test]
fn a_policy_of_the_first_version_is_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let first = rusqlite::Connection::open(dir.path().join("policy.v1.db")).unwrap();
    first.execute_batch(steps::STEPS[0].sql).unwrap();
    first
        .execute_batch(
            "PRAGMA application_id = 0x54477031; PRAGMA user_version = 1;
             UPDATE everybody SET rules = '{\"limits\":{\"per_day\":5}}'",
        )
        .unwrap();
    drop(first);
    let (store, origin) = PolicyStore::open(dir.path()).unwrap();
    assert_eq!(origin, Origin::Migrated { from: 1 });
    let read = store.definition().unwrap();
    assert_eq!(read.policy.limits.per_day, Some(5));
    assert_eq!(read.update, trunkguard_core::policy::Update::default());
}
