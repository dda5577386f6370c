//! Backup and restore: by the command line and by the page, between two boxes, and with files that are not as they were.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use anyhow::{Result, ensure};
use trunkguard_tests::{
    Guard, Office,
    page::{Answer, Ask, Browser, PASSWORD, Page},
};

const POLICY: &str = "[settings]\nmode = \"prevent\"\n[policy]\nallow.countries = [\"US\", \"FR\"]\n[[client]]\nname = \"pbx\"\naddresses = [\"127.0.0.10\"]\ncredentials = { username = \"pbx\", password = \"very secret words\" }\n";
const OTHER: &str =
    "[settings]\nmode = \"detect\"\n[[client]]\nname = \"another\"\naddresses = [\"127.0.0.11\"]\n";
const SEALED: &str = "a sentence that nobody else has";

/// Another box, which does not run, with a state folder of its own.
fn other(office: &Office, name: &str) -> Result<Guard> {
    let state = office.folder().join(name);
    fs::create_dir_all(&state)?;
    Guard::with_state(office, state, OTHER)
}

fn password(office: &Office, text: &str) -> Result<String> {
    let path = office.folder().join("password");
    fs::write(&path, format!("{text}\n"))?;
    Ok(path.to_string_lossy().into_owned())
}

/// Everything of a box that a restore may change.
fn whole(guard: &Guard) -> Result<String> {
    let exported = guard.cli(&["export"])?.out;
    let mut files: Vec<String> = fs::read_dir(guard.state())?
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<std::io::Result<_>>()?;
    files.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm"));
    files.sort();
    Ok(format!("{exported}{files:?}"))
}

#[test]
fn a_box_becomes_another_one_by_the_command_line() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, POLICY)?;
        page.owner()?;
        let csrf_free = page.guard.cli(&["pops", "add", "198.51.100.0/28"])?;
        ensure!(csrf_free.code == 0, "{csrf_free:?}");
        let file = office.folder().join("a.backup");
        let (file, key) = (
            file.to_string_lossy().into_owned(),
            password(office, SEALED)?,
        );
        let made = page.guard.cli(&[
            "backup",
            "--password-file",
            &key,
            "--certificates",
            "--history",
            &file,
        ])?;
        ensure!(made.code == 0, "{made:?}");
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file)?.permissions());
        assert_eq!(mode & 0o777, 0o600);
        let again = page
            .guard
            .cli(&["backup", "--password-file", &key, &file])?;
        assert_eq!(again.code, 2, "never over another file");

        let other = other(office, "other")?;
        let shown = other.cli(&["restore", "--password-file", &key, "--show", &file])?;
        assert!(
            shown.out.contains("accounts      owner") && shown.out.contains("page"),
            "{shown:?}"
        );
        assert!(
            other.cli(&["export"])?.out.contains("another"),
            "to show is not to restore"
        );
        let done = other.cli(&["restore", "--password-file", &key, &file])?;
        ensure!(done.code == 0, "{done:?}");
        assert_eq!(
            other.cli(&["export"])?.out,
            page.guard.cli(&["export"])?.out
        );
        assert_eq!(
            fs::read(other.state().join("page.pem"))?,
            fs::read(page.guard.state().join("page.pem"))?
        );
        // The box that was restored runs, knows the decision, and lets the owner in.
        let mut page = page;
        page.guard.stop()?;
        let at = page.at;
        let mut restored = Page { guard: other, at };
        restored.guard.option("--web");
        restored.guard.option(&at.to_string());
        restored.guard.start()?;
        let listed = restored.guard.json(&["pops", "list"])?;
        assert_eq!(
            listed["decisions"][0]["subject"]["network"], "198.51.100.0/28",
            "{listed}"
        );
        restored.log_in("owner", PASSWORD)?;
        Ok(())
    });
}

#[test]
fn the_page_makes_it_and_puts_it_back() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let fields = [("password", SEALED), ("again", SEALED)];
        let made = owner.submit("/box/backup", "/box/backup", &fields)?;
        assert_eq!(made.status, 200, "{made:?}");
        assert!(
            made.header("content-disposition")
                .is_some_and(|name| name.contains(".trunkguard-backup"))
        );
        assert!(made.body.starts_with(b"Trunkguard backup\n"));
        for bad in [
            [("password", "short"), ("again", "short")],
            [("password", SEALED), ("again", "another")],
        ] {
            assert_eq!(
                owner.submit("/box/backup", "/box/backup", &bad)?.status,
                422
            );
        }
        // The policy is another one meanwhile; the backup brings it back.
        let before = page.guard.cli(&["export"])?.out;
        page.guard.apply(OTHER)?;
        let opened = upload(&owner, SEALED, &made.body)?;
        assert_eq!(opened.location(), Some("/box/restore"), "{opened:?}");
        let shown = owner.page("/box/restore")?;
        assert!(
            shown.has("Nothing has changed yet") && shown.has("owner"),
            "{shown:?}"
        );
        assert!(!shown.has("very secret words"));
        assert!(page.guard.cli(&["export"])?.out.contains("another"));
        let csrf = shown.csrf()?;
        let done = owner.post(
            "/box/restore",
            &[("csrf", &csrf), ("part", "policy"), ("part", "pops")],
        )?;
        assert_eq!(
            done.location(),
            Some("/box/backup?said=restored"),
            "{done:?}"
        );
        assert_eq!(page.guard.cli(&["export"])?.out, before);
        assert_eq!(owner.get("/box/restore")?.status, 422, "it is gone");
        // With the accounts, everybody logs in again.
        upload(&owner, SEALED, &made.body)?;
        let done = owner.post("/box/restore", &[("csrf", &csrf), ("part", "accounts")])?;
        assert_eq!(done.location(), Some("/login"), "{done:?}");
        assert_eq!(owner.get("/policy")?.status, 303);
        page.log_in("owner", PASSWORD)?;
        Ok(())
    });
}

#[test]
fn files_that_are_not_as_they_were_change_nothing() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let file = office.folder().join("a.backup");
        let key = password(office, SEALED)?;
        let path = file.to_string_lossy().into_owned();
        ensure!(
            page.guard
                .cli(&["backup", "--password-file", &key, &path])?
                .code
                == 0
        );
        let good = fs::read(&file)?;
        let other = other(office, "other")?;
        let before = whole(&other)?;
        let bad = office.folder().join("bad.backup");
        let restore = |octets: &[u8], key: &str| {
            fs::write(&bad, octets)?;
            other.cli(&["restore", "--password-file", key, &bad.to_string_lossy()])
        };
        // The head octet by octet, and the rest in steps.
        let places: Vec<usize> = (0..72)
            .chain((72..good.len()).step_by(good.len() / 60))
            .collect();
        assert!(places.len() > 100);
        for at in places {
            let mut wrong = good.clone();
            wrong[at] ^= 0x20;
            let said = restore(&wrong, &key)?;
            assert_eq!(said.code, 2, "octet {at}: {said:?}");
        }
        for length in [0, 1, 17, 18, 40, 72, 100, good.len() - 17, good.len() - 1] {
            let said = restore(&good[..length], &key)?;
            assert_eq!(said.code, 2, "{length} octets: {said:?}");
        }
        let said = restore(&[&good[..], b"more"].concat(), &key)?;
        assert!(said.code == 2 && said.err.contains("damaged"), "{said:?}");
        let mut newer = good.clone();
        newer[18] = 9;
        assert!(restore(&newer, &key)?.err.contains("newer firmware"));
        assert!(restore(&good[..good.len() - 1], &key)?.err.contains("cut"));
        assert!(restore(b"[policy]\n", &key)?.err.contains("no backup"));
        let another = office.folder().join("another");
        fs::write(&another, "not the one\n")?;
        assert!(
            restore(&good, &another.to_string_lossy())?
                .err
                .contains("password")
        );
        assert_eq!(whole(&other)?, before, "nothing has changed");

        // The same on the page, in words.
        let policy = page.guard.cli(&["export"])?.out;
        let damaged = {
            let mut wrong = good.clone();
            let last = wrong.len() - 1;
            wrong[last] ^= 1;
            wrong
        };
        for (octets, password, words) in [
            (
                &good[..],
                "not the one",
                "not the one that this backup was made with",
            ),
            (&good[..good.len() - 9], SEALED, "its end is missing"),
            (&newer[..], SEALED, "newer firmware"),
            (&damaged[..], SEALED, "The file is damaged"),
            (b"PK\x03\x04", SEALED, "no backup of a Trunkguard box"),
        ] {
            let said = upload(&owner, password, octets)?;
            assert!(said.status == 422 && said.has(words), "{words}: {said:?}");
        }
        let said = upload(&owner, SEALED, &vec![0; 9 << 20])?;
        assert!(said.status == 422 || said.status == 413, "{}", said.status);
        assert_eq!(owner.get("/box/restore")?.status, 422, "nothing was opened");
        assert_eq!(page.guard.cli(&["export"])?.out, policy);
        Ok(())
    });
}

#[test]
fn what_cannot_be_put_back_whole_is_not_put_back_at_all() {
    Office::run(|office| -> Result<()> {
        // A box without accounts has no owner to give to another one.
        let from = other(office, "from")?;
        from.apply(POLICY)?;
        let file = office.folder().join("a.backup");
        let key = password(office, SEALED)?;
        let path = file.to_string_lossy().into_owned();
        ensure!(from.cli(&["backup", "--password-file", &key, &path])?.code == 0);
        let to = other(office, "to")?;
        let before = to.cli(&["export"])?.out;
        let refused = to.cli(&[
            "restore",
            "--password-file",
            &key,
            "--only",
            "accounts,policy",
            &path,
        ])?;
        // Without accounts there is nothing to put back of them, and the rest is.
        assert_eq!(refused.code, 0, "{refused:?}");
        assert_ne!(to.cli(&["export"])?.out, before);
        // A state folder where one store cannot be written to: the policy, which came first, is as it was.
        to.apply(OTHER)?;
        block(&to.state().join("page.v1.db"))?;
        let page = Page::open(office, POLICY)?;
        page.owner()?;
        let path = office
            .folder()
            .join("b.backup")
            .to_string_lossy()
            .into_owned();
        ensure!(
            page.guard
                .cli(&["backup", "--password-file", &key, &path])?
                .code
                == 0
        );
        let refused = to.cli(&["restore", "--password-file", &key, &path])?;
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.err.contains("nothing was restored"), "{refused:?}");
        assert_eq!(to.cli(&["export"])?.out, before);
        Ok(())
    });
}

/// Puts a folder in the place of a file, which no process can open as a database.
fn block(path: &Path) -> Result<()> {
    if path.exists() {
        fs::remove_file(path)?;
    }
    fs::create_dir_all(path.join("x"))?;
    Ok(())
}

/// Sends a backup as a browser does (multipart/form-data).
fn upload(browser: &Browser, password: &str, file: &[u8]) -> Result<Answer> {
    let csrf = browser.page("/box/backup")?.csrf()?;
    let mut body = Vec::new();
    for (name, value) in [("csrf", &*csrf), ("password", password)] {
        body.extend(
            format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                .into_bytes(),
        );
    }
    body.extend(b"--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n");
    body.extend(file);
    body.extend(b"\r\n--edge--\r\n");
    browser.ask(&Ask {
        method: "POST",
        path: "/box/backup/open",
        headers: &[("content-type", "multipart/form-data; boundary=edge")],
        body: &body,
    })
}
