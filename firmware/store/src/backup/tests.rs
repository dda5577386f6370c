use super::*;

const PASSWORD: &str = "a sentence that nobody else has";

fn sample() -> Backup {
    let policy = "[policy]\nallow.countries = [\"US\", \"GB\"]\n[[client]]\nname = \"office\"\naddresses = [\"192.168.1.10\"]\ncredentials = { username = \"pbx\", password = \"very secret\" }\n";
    Backup {
        about: About {
            made_ms: 1_800_000_000_000,
            host: "trunkguard-1a2b".into(),
            firmware: "0.1.0".into(),
        },
        policy: file::parse(policy, Path::new("p")).unwrap(),
        pops: vec![Decision {
            subject: trunkguard_core::pops::owner::Subject::parse("203.0.113.7").unwrap(),
            approved: false,
            unix_ms: 5,
            by: "owner".into(),
        }],
        accounts: vec![StoredAccount {
            name: "owner".into(),
            role: "owner".into(),
            hash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".into(),
            totp: None,
        }],
        certificates: vec![Certificate {
            name: "page".into(),
            chain: "-----BEGIN CERTIFICATE-----".into(),
            key: "-----BEGIN PRIVATE KEY-----".into(),
        }],
        history: None,
    }
}

#[test]
fn what_goes_in_comes_out_and_nothing_of_it_is_to_be_read() {
    let mut backup = sample();
    let file = backup.seal(PASSWORD).unwrap();
    assert_eq!(Backup::open(&file, PASSWORD).unwrap(), backup);
    for hidden in ["very secret", "argon2id", "PRIVATE KEY", "203.0.113.7"] {
        let is_there = file
            .windows(hidden.len())
            .any(|part| part == hidden.as_bytes());
        assert!(!is_there, "{hidden} can be read");
    }
    assert_ne!(
        file,
        backup.seal(PASSWORD).unwrap(),
        "salt and nonce are new each time"
    );
    backup.history = Some(b"SQLite format 3".to_vec());
    let file = backup.seal(PASSWORD).unwrap();
    assert_eq!(Backup::open(&file, PASSWORD).unwrap(), backup);
}

#[test]
fn each_fault_has_its_own_words() {
    let file = sample().seal(PASSWORD).unwrap();
    let open = |file: &[u8]| Backup::open(file, PASSWORD).unwrap_err();
    assert_eq!(
        Backup::open(&file, "another one").unwrap_err(),
        BackupError::Password
    );
    assert_eq!(open(b""), BackupError::NotABackup);
    assert_eq!(open(b"[policy]\n"), BackupError::NotABackup);
    assert_eq!(open(&file[..18]), BackupError::Cut);
    assert_eq!(open(&file[..file.len() - 1]), BackupError::Cut);
    assert_eq!(open(&[&file[..], b"x"].concat()), BackupError::Damaged);
    let mut newer = file.clone();
    newer[18] = 2;
    assert_eq!(open(&newer), BackupError::Newer(2));
    let mut dear = file.clone();
    dear[19..23].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(open(&dear), BackupError::Damaged, "it would take 4 TiB");
    let last = file.len() - 1;
    let mut damaged = file;
    damaged[last] ^= 1;
    assert_eq!(open(&damaged), BackupError::Damaged);
}

#[test]
fn no_octet_can_be_another_one() {
    let file = sample().seal(PASSWORD).unwrap();
    // The head, where each octet means something; of the rest, which is one seal, a sample. Those of the salt, the check and the
    // cost ask for the password to be derived again, and take a moment each.
    let places = (0..72).chain((72..file.len()).step_by(97));
    for at in places {
        let mut wrong = file.clone();
        wrong[at] ^= 1 << (at % 8);
        assert!(Backup::open(&wrong, PASSWORD).is_err(), "octet {at}");
    }
    for length in (0..file.len()).step_by(53) {
        assert!(
            Backup::open(&file[..length], PASSWORD).is_err(),
            "{length} octets"
        );
    }
}

#[test]
fn what_is_inside_is_looked_over() {
    let open = |inside: &serde_json::Value, history: &[u8]| {
        read(&serde_json::to_vec(inside).unwrap(), history)
    };
    let good = serde_json::json!({
        "format": 1, "about": { "made_ms": 1, "host": "h", "firmware": "0.1.0" }, "policy": "", "pops": [],
        "accounts": [], "certificates": [], "history": null,
    });
    assert!(open(&good, b"").is_ok());
    assert_eq!(open(&good, b"more").unwrap_err(), BackupError::Damaged);
    for (key, value) in [
        ("format", serde_json::json!(2)),
        (
            "policy",
            serde_json::json!("[[list]]\nname = \"a\"\nfile = \"../../etc/passwd\"\n"),
        ),
        ("policy", serde_json::json!("nonsense")),
        (
            "accounts",
            serde_json::json!([{ "name": "", "role": "owner", "hash": "$argon2id$", "totp": null }]),
        ),
        (
            "accounts",
            serde_json::json!([{ "name": "a", "role": "owner", "hash": "plain", "totp": null }]),
        ),
        (
            "accounts",
            serde_json::json!(vec![
                serde_json::json!({ "name": "a", "role": "viewer", "hash": "$argon2id$", "totp": null });
                65
            ]),
        ),
        ("surprise", serde_json::json!(1)),
    ] {
        let mut wrong = good.clone();
        wrong[key] = value;
        assert!(
            matches!(open(&wrong, b""), Err(BackupError::Contents(_))),
            "{key}: {}",
            wrong[key]
        );
    }
}

#[test]
fn a_history_goes_to_another_directory() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert_eq!(copy_history(from.path()).unwrap(), None);
    let connection =
        rusqlite::Connection::open(from.path().join(crate::journal::db::FILE)).unwrap();
    connection.execute_batch("CREATE TABLE other (x)").unwrap();
    drop(connection);
    let octets = copy_history(from.path()).unwrap().unwrap();
    assert!(octets.starts_with(b"SQLite format 3"));
    let aside = tempfile::tempdir().unwrap();
    let refused = put_history(to.path(), &octets, aside.path()).unwrap_err();
    assert!(
        matches!(refused, BackupError::Contents(_)),
        "not a history: {refused}"
    );
    assert!(
        !to.path().join(crate::journal::db::FILE).exists(),
        "nothing was changed"
    );
}
