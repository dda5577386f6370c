//! Updates on the page, by the API and by the command line: a real server with everything that can be wrong with one, and the
//! process that installs. RAUC is not here: what is installed ends with that, and the page says so.
#![allow(clippy::unwrap_used)]

use std::{
    io::{Read, Write},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use trunkguard_tests::{
    Cli, Office,
    page::{Answer, Ask, Browser, Page, connect},
    vendor::{Installer, Pointer, Trouble, Vendor},
};

/// What a browser would run, and what turns a line around (U+202E).
const HOSTILE: &str = "Calls:\n<script>alert(1)</script><img src=x onerror=alert(2)>\u{202e}'\"&";

const POLICY: &str = r#"format = 1
[settings]
mode = "prevent"
time_zone = "UTC"
[metrics]
access = "token"
[update]
automatic = "check"
[[client]]
name = "pbx"
addresses = ["127.0.0.10"]
"#;

/// A box with its vendor and its owner.
struct Stand {
    vendor: Vendor,
    installer: Installer,
    page: Page,
    owner: Browser,
}

impl Stand {
    fn open(office: &Office, policy: &str) -> Result<Stand> {
        let vendor = Vendor::open(office)?;
        let installer = Installer::start(office, &vendor, Some(&vendor.url()))?;
        let page = Page::with(office, policy, |guard| {
            guard.option("--update-socket");
            guard.option(&installer.socket.to_string_lossy());
        })?;
        let owner = page.owner()?;
        Ok(Stand {
            vendor,
            installer,
            page,
            owner,
        })
    }

    /// The page, once it has this.
    fn shows(&self, text: &str) -> Result<Answer> {
        let began = Instant::now();
        loop {
            let page = self.owner.page("/updates")?;
            if page.has(text) {
                return Ok(page);
            }
            ensure!(
                began.elapsed() < Duration::from_secs(60),
                "no {text:?} in {page:?}"
            );
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Presses a button of the page.
    fn press(&self, action: &str, fields: &[(&str, &str)], done: &str) -> Result<()> {
        let on = match action {
            "/updates/install" | "/updates/rollback" => action,
            _ => "/updates",
        };
        let answer = self.owner.submit(on, action, fields)?;
        let to = format!("/updates?done={done}");
        ensure!(answer.location() == Some(&to), "{action}: {answer:?}");
        Ok(())
    }

    fn update(&self, arguments: &[&str]) -> Result<Cli> {
        self.page.guard.cli(&[&["update"], arguments].concat())
    }

    /// Looks for updates: on the page, once the look has ended, is this; and the command says it, too.
    fn look(&self, what: &str, page: &[&str], code: i32) -> Result<()> {
        let said = self.update(&["check"])?;
        ensure!(said.code == code, "{what}: {said:?}");
        let shown = self.owner.page("/updates")?;
        for text in page {
            ensure!(shown.has(text), "{what}: no {text:?} in {shown:?}");
            ensure!(code == 0 || said.err.contains(text), "{what}: {said:?}");
        }
        Ok(())
    }
}

#[test]
fn page_updates_from_the_offer_to_its_outcome() {
    Office::run(|office| {
        let stand = Stand::open(office, POLICY)?;
        let owner = &stand.owner;
        let fresh = stand.shows("Version 0.1.0, system A")?;
        for text in [
            "Nobody has looked",
            &stand.vendor.url(),
            "Nothing was installed yet",
        ] {
            ensure!(fresh.has(text), "{text}: {fresh:?}");
        }
        ensure!(
            !fresh.has("/updates/install"),
            "there is nothing to install"
        );
        ensure!(fresh.form("/updates/discard").is_err());

        let pointer = Pointer {
            notes: HOSTILE.into(),
            share: 0,
            ..Pointer::default()
        };
        stand
            .vendor
            .offer(&pointer, b"a bundle that RAUC will not see")?;
        stand.press("/updates/check", &[], "asked")?;
        let offered = stand.shows("Version 0.2.0 is available")?;
        ensure!(offered.has("press “Install now”"), "{offered:?}");
        ensure!(offered.has("not yet for this box"), "{offered:?}");
        ensure!(offered.has("&#60;script&#62;alert(1)"), "{offered:?}");
        ensure!(
            !offered.has("<script>alert") && !offered.has("<img src=x") && !offered.has("\u{202e}")
        );
        let home = owner.page("/")?;
        ensure!(
            home.has("An update to version 0.2.0 is available."),
            "{home:?}"
        );
        let status = stand.update(&["status"])?;
        ensure!(
            status.out.contains("offered     version 0.2.0"),
            "{status:?}"
        );

        // It is fetched, and ends where there is no RAUC: said on the page, on the first page, in the log, and as an alert.
        let asked = owner.page("/updates/install")?;
        ensure!(asked.has("Install version 0.2.0 now") && asked.has("This restarts the box"));
        stand.press("/updates/install", &[], "installing")?;
        let ended = stand.shows("not installed")?;
        ensure!(
            ended.has("Version 0.1.0 goes on running: there is no D-Bus"),
            "{ended:?}"
        );
        ensure!(
            ended.has("Version 0.2.0 did not work on this box"),
            "{ended:?}"
        );
        ensure!(
            !ended.has("/updates/install"),
            "nothing is here any more: {ended:?}"
        );
        let home = owner.page("/")?;
        ensure!(
            home.has("The update to version 0.2.0 did not work."),
            "{home:?}"
        );
        let log = owner.page("/settings/log")?;
        ensure!(
            log.has("saw to updates") && log.has("check") && log.has("install"),
            "{log:?}"
        );
        let alerts = owner.page("/alerts")?;
        ensure!(alerts.has("version 0.2.0 was not installed"), "{alerts:?}");
        let status = stand.update(&["status"])?;
        ensure!(status.out.contains("0.2.0 was not installed"), "{status:?}");
        Ok(())
    });
}

#[test]
fn every_fault_of_a_server_is_said() {
    Office::run(|office| {
        let mut stand = Stand::open(office, POLICY)?;
        stand.look("nothing there", &["404", "no such file"], 2)?;
        let sound = Pointer::default();
        for (what, pointer, said) in [
            (
                "another's signature",
                Pointer {
                    key: "stranger",
                    ..sound.clone()
                },
                &["signed by nobody whom this box believes"][..],
            ),
            (
                "expired",
                Pointer {
                    holds: ("-9 days", "-2 days"),
                    ..sound.clone()
                },
                &[
                    "latest.json of the server held until",
                    "was not looked after",
                ],
            ),
            (
                "not yet",
                Pointer {
                    holds: ("+2 days", "+9 days"),
                    ..sound.clone()
                },
                &["holds from", "clock"],
            ),
            (
                "another box",
                Pointer {
                    compatible: "fridge",
                    ..sound.clone()
                },
                &["for another kind of box"],
            ),
            (
                "too large",
                Pointer {
                    size: Some(1 << 40),
                    ..sound.clone()
                },
                &["1099511627776 octets"],
            ),
        ] {
            stand.vendor.offer(&pointer, b"x")?;
            stand.look(what, said, 2)?;
        }
        stand
            .vendor
            .put("latest.json", b"<html>Welcome to a hotel</html>")?;
        stand.look("no pointer", &["no pointer to an update"], 2)?;
        let older = Pointer {
            version: "0.0.9",
            ..sound.clone()
        };
        stand.vendor.offer(&older, b"x")?;
        stand.look("older", &["This box is up to date"], 0)?;

        stand.vendor.offer(&sound, b"x")?;
        for (trouble, said) in [
            (Trouble::Redirect, &["answers 302", "not followed"][..]),
            (Trouble::Status(503), &["answers 503"]),
            (Trouble::SelfSigned, &["certificate", "not to be trusted"]),
            (Trouble::OtherName, &["certificate", "not to be trusted"]),
        ] {
            stand.vendor.trouble(&trouble)?;
            stand.look(&format!("{trouble:?}"), said, 2)?;
        }
        stand.vendor.stop();
        stand.look("no server", &["cannot be talked to"], 2)?;

        // The pointer is sound, and the bundle is not what it says.
        stand.vendor.trouble(&Trouble::None)?;
        let other = Pointer {
            hashed: Some(b"another bundle".to_vec()),
            ..sound.clone()
        };
        let cut = Pointer {
            size: Some(1_000),
            ..sound.clone()
        };
        for (what, pointer, said) in [
            ("another bundle", &other, "not what is signed"),
            (
                "cut",
                &cut,
                "its file ends before the octets that are signed",
            ),
        ] {
            stand.vendor.offer(pointer, b"fourteen octets")?;
            stand.look(what, &["Version 0.2.0 is available"], 0)?;
            let ended = stand.update(&["install"])?;
            ensure!(
                ended.code == 2 && ended.err.contains(said),
                "{what}: {ended:?}"
            );
            stand.shows(said)?;
        }
        stand.vendor.take_away("box-0.2.0.raucb")?;
        stand.press("/updates/install", &[], "installing")?;
        stand.shows("box-0.2.0.raucb: the server answers 404")?;
        Ok(())
    });
}

/// What was fetched before a server broke off is not fetched again; and a server that has no bundle is not asked every second.
#[test]
fn a_download_goes_on_where_it_broke_off() {
    Office::run(|office| {
        // It fetches by itself, and installs at some other hour.
        let hour = |from_now: u64| -> Result<String> {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
            Ok(format!("{:02}:00", (now.as_secs() / 3_600 + from_now) % 24))
        };
        let hours = format!(
            "hours = {{ from = \"{}\", to = \"{}\" }}",
            hour(3)?,
            hour(6)?
        );
        let policy = POLICY.replace("automatic = \"check\"", &hours);
        let mut stand = Stand::open(office, &policy)?;
        let bundle: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
        stand.vendor.offer(&Pointer::default(), &bundle)?;
        // The pointer comes whole, and of the bundle a third.
        stand.vendor.trouble(&Trouble::Stall(1_000_000))?;
        stand.press("/updates/check", &[], "asked")?;
        stand.shows("Fetched: 3")?;
        ensure!(stand.shows("<progress")?.has("value=\"3"));
        while stand.installer.here() < 900_000 {
            thread::sleep(Duration::from_millis(50));
        }
        stand.vendor.stop();
        stand.shows("breaks off after")?;
        let waits = stand.shows("the box tries again by itself")?;
        ensure!(waits.has("Version 0.2.0 is available"), "{waits:?}");
        // Some looks later it has not asked again; a person does not wait.
        stand.vendor.trouble(&Trouble::None)?;
        let before = stand.vendor.asked()?.lines().count();
        thread::sleep(Duration::from_secs(3));
        ensure!(
            stand.vendor.asked()?.lines().count() == before,
            "it asks and asks"
        );
        stand.press("/updates/check", &[], "asked")?;
        let here = stand.shows("Version 0.2.0 is here")?;
        ensure!(
            here.has(&format!("between {} and {}", hour(3)?, hour(6)?)),
            "{here:?}"
        );
        ensure!(
            here.form("/updates/discard").is_err(),
            "it would come again"
        );
        let asked = stand.vendor.asked()?;
        let last = asked
            .lines()
            .rfind(|line| line.contains(".raucb"))
            .context("no bundle")?;
        ensure!(
            last.contains("bytes=9") && last.contains(" 206 "),
            "{asked}"
        );

        // Postponed, taken back, switched to a person's own decision, and thrown away.
        stand.press("/updates/postpone", &[("days", "7")], "postponed")?;
        stand.shows("Nothing is installed by itself before")?;
        stand.press("/updates/postpone", &[("days", "0")], "taken-back")?;
        stand.shows("between")?;
        let set = [("automatic", "check"), ("from", "01:00"), ("to", "03:30")];
        stand.press("/updates/settings", &set, "set")?;
        let exported = stand.page.guard.cli(&["export"])?.out;
        for line in ["automatic = \"check\"", "to = \"03:30\""] {
            ensure!(exported.contains(line), "{exported}");
        }
        stand.shows("press “Install now”")?;
        stand.press("/updates/discard", &[], "thrown-away")?;
        stand.shows("Version 0.2.0 is available")?;
        ensure!(stand.installer.here() == 0, "it is still there");
        Ok(())
    });
}

/// A form with a file, as browsers send it.
fn form(csrf: &str, file: &[u8]) -> Vec<u8> {
    let head = format!(
        "--edge\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--edge\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"a.raucb\"\r\nContent-Type: application/octet-stream\r\n\r\n"
    );
    [head.as_bytes(), file, b"\r\n--edge--\r\n"].concat()
}

fn upload(browser: &Browser, csrf: &str, file: &[u8]) -> Result<Answer> {
    browser.ask(&Ask {
        method: "POST",
        path: "/updates/upload",
        headers: &[("content-type", "multipart/form-data; boundary=edge")],
        body: &form(csrf, file),
    })
}

#[test]
fn what_a_person_brings_is_looked_over() {
    Office::run(|office| {
        let stand = Stand::open(office, POLICY)?;
        let owner = &stand.owner;
        let csrf = owner.page("/updates/upload")?.csrf()?;
        // Long enough that it does not fit into any buffer on its way.
        let file: Vec<u8> = (0..24_000_000u32).map(|n| (n % 249) as u8).collect();
        let refused = upload(owner, &csrf, &file)?;
        ensure!(refused.status == 422, "{refused:?}");
        ensure!(
            refused.has("The file was not taken: there is no D-Bus"),
            "{refused:?}"
        );
        ensure!(stand.installer.here() == 0, "it was kept");
        for (what, csrf, file, status) in [
            ("no file", &*csrf, &b""[..], 422),
            (
                "another's form",
                "0123456789abcdef0123456789abcdef",
                b"x",
                403,
            ),
            ("no form", "", b"x", 403),
        ] {
            let answer = upload(owner, csrf, file)?;
            ensure!(answer.status == status, "{what}: {answer:?}");
        }
        // Too long: refused by what it says of itself.
        let kind = ("content-type", "multipart/form-data; boundary=edge");
        let head = form(&csrf, b"begins");
        let long = owner.ask(&Ask {
            method: "POST",
            path: "/updates/upload",
            headers: &[kind, ("content-length", "999999999")],
            body: &head,
        })?;
        ensure!(
            long.status == 422 && long.has("larger than an update"),
            "{long:?}"
        );
        // Broken off: forgotten, and the next one is taken.
        let cookie = owner.cookie("__Host-session").context("no session")?;
        let mut stream = connect(stand.page.at)?;
        let request = format!(
            "POST /updates/upload HTTP/1.1\r\nhost: {}\r\ncookie: __Host-session={cookie}\r\ncontent-type: {}\r\ncontent-length: 9000000\r\n\r\n",
            stand.page.at, kind.1
        );
        stream.write_all(request.as_bytes())?;
        stream.write_all(&form(&csrf, &file[..2_000_000]))?;
        stand.shows("Uploaded: 2")?;
        // While it comes, no second one does.
        let second = upload(owner, &csrf, b"second")?;
        ensure!(second.status == 429, "{second:?}");
        drop(stream);
        stand.shows("Upload a file")?;
        let again = upload(owner, &csrf, b"small")?;
        ensure!(
            again.status == 422 && again.has("there is no D-Bus"),
            "{again:?}"
        );
        Ok(())
    });
}

#[test]
fn who_may_look_does_not_update_and_nobody_is_asked_twice_for_nothing() {
    Office::run(|office| {
        let stand = Stand::open(office, POLICY)?;
        stand.vendor.offer(&Pointer::default(), b"x")?;
        stand.look("offered", &["Version 0.2.0 is available"], 0)?;
        let owner = &stand.owner;
        let account = [
            ("name", "viewer"),
            ("role", "viewer"),
            ("password", "just looking around"),
            ("again", "just looking around"),
        ];
        let added = owner.submit("/settings/accounts", "/settings/accounts", &account)?;
        ensure!(added.status == 303, "{added:?}");
        let viewer = stand.page.log_in("viewer", "just looking around")?;
        let seen = viewer.page("/updates")?;
        ensure!(
            seen.has("Version 0.2.0 is available") && seen.has("You can look"),
            "{seen:?}"
        );
        for closed in [
            "/updates/install",
            "/updates/check",
            "/updates/upload",
            "name=\"automatic\"",
        ] {
            ensure!(!seen.has(closed), "{closed}: {seen:?}");
        }
        for path in ["/updates/install", "/updates/upload", "/updates/rollback"] {
            ensure!(viewer.get(path)?.status == 403, "{path}");
        }
        let csrf = viewer.page("/settings/me")?.csrf()?;
        ensure!(upload(&viewer, &csrf, b"x")?.status == 403);
        // No change without the session's own form.
        for action in [
            "check", "install", "postpone", "rollback", "discard", "settings",
        ] {
            let path = format!("/updates/{action}");
            let forged = owner.post(&path, &[("csrf", "0123456789abcdef"), ("days", "7")])?;
            ensure!(forged.status == 403, "{path}: {forged:?}");
        }
        // Two who change the settings: the second one is told.
        let page = owner.page("/updates")?;
        let form = page.form("/updates/settings")?;
        let fields: Vec<(&str, &str)> = form.iter().map(|(n, v)| (&**n, &**v)).collect();
        stand.press("/updates/settings", &[("from", "01:00")], "set")?;
        let late = owner.post("/updates/settings", &fields)?;
        ensure!(
            late.status == 422 && late.has("somebody else has changed"),
            "{late:?}"
        );
        for (name, value, said) in [
            ("url", "http://example.com/", "begins with https://"),
            ("to", "01:30", "an hour at least"),
        ] {
            let wrong = owner.submit("/updates", "/updates/settings", &[(name, value)])?;
            ensure!(wrong.status == 422 && wrong.has(said), "{wrong:?}");
        }
        // Nothing to go back to, and what runs on trial is left alone.
        ensure!(owner.get("/updates/rollback")?.location() == Some("/updates"));
        stand.installer.boot("B", "A", Some("B"))?;
        let csrf = page.csrf()?;
        let refused = owner.post("/updates/check", &[("csrf", &csrf)])?;
        ensure!(
            refused.status == 422 && refused.has("on trial"),
            "{refused:?}"
        );
        let trial = stand.shows("Version 0.1.0 is on trial")?;
        ensure!(!trial.has("/updates/upload\""), "{trial:?}");
        Ok(())
    });
}

/// A machine that is no box says so, and shows nothing that cannot work.
#[test]
fn without_a_box_there_are_no_updates() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let shown = owner.page("/updates")?;
        ensure!(
            shown.has("No updates here") && shown.has("a box with two systems"),
            "{shown:?}"
        );
        ensure!(shown.form("/updates/check").is_err() && shown.form("/updates/settings").is_err());
        let csrf = owner.page("/updates/upload")?.csrf()?;
        let asked = owner.post("/updates/check", &[("csrf", &csrf)])?;
        ensure!(
            asked.status == 422 && asked.has("a box with two systems"),
            "{asked:?}"
        );
        let brought = upload(&owner, &csrf, b"x")?;
        ensure!(
            brought.status == 422 && brought.has("a box with two systems"),
            "{brought:?}"
        );
        ensure!(!owner.page("/")?.has("href=\"/updates\""));
        Ok(())
    });
}

/// One that has a token.
struct Program {
    browser: Browser,
    token: String,
}

impl Program {
    fn new(page: &Page, access: &str) -> Result<Program> {
        let said = page
            .guard
            .cli(&["token", "add", access, "--access", access])?;
        ensure!(said.code == 0, "{said:?}");
        Ok(Program {
            browser: page.browser(),
            token: said.out.trim().to_owned(),
        })
    }

    fn ask(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Result<Answer> {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![("authorization", &*bearer)];
        if !kind.is_empty() {
            headers.push(("content-type", kind));
        }
        self.browser.ask(&Ask {
            method,
            path,
            headers: &headers,
            body,
        })
    }

    fn post(&self, order: &str) -> Result<Answer> {
        self.ask("POST", &format!("/api/v1/update/{order}"), "", b"")
    }

    fn update(&self) -> Result<Value> {
        let answer = self.ask("GET", "/api/v1/update", "", b"")?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(serde_json::from_slice(&answer.body)?)
    }
}

#[test]
fn programs_update_by_the_api() {
    Office::run(|office| {
        let stand = Stand::open(office, POLICY)?;
        stand.vendor.offer(&Pointer::default(), b"x")?;
        let (reader, writer) = (
            Program::new(&stand.page, "read")?,
            Program::new(&stand.page, "write")?,
        );
        stand.shows("Version 0.1.0")?;
        let view = reader.update()?;
        ensure!(
            view["status"]["version"] == "0.1.0" && view["absent"].is_null(),
            "{view}"
        );
        for order in ["check", "install", "rollback", "discard"] {
            ensure!(reader.post(order)?.status == 403, "{order}");
        }
        ensure!(writer.post("check")?.status == 200);
        let began = Instant::now();
        while writer.update()?["status"]["offer"].is_null() {
            ensure!(began.elapsed() < Duration::from_secs(30), "no offer");
            thread::sleep(Duration::from_millis(100));
        }
        let view = stand.page.guard.json(&["update", "status"])?;
        ensure!(view["status"]["offer"]["version"] == "0.2.0", "{view}");
        ensure!(
            writer.update()?["status"] == view["status"],
            "the command says something else"
        );
        let json = "application/json";
        let postpone = |days: Value| {
            writer.ask(
                "POST",
                "/api/v1/update/postpone",
                json,
                json!({ "days": days }).to_string().as_bytes(),
            )
        };
        let later = postpone(json!(7))?;
        ensure!(later.status == 200, "{later:?}");
        ensure!(writer.update()?["postponed_until_s"].is_number());
        ensure!(postpone(json!(0))?.status == 200 && postpone(json!(31))?.status == 422);
        ensure!(writer.update()?["postponed_until_s"].is_null());
        ensure!(writer.post("rollback")?.status == 422);
        let (path, kind) = ("/api/v1/update/bundle", "application/octet-stream");
        ensure!(reader.ask("PUT", path, kind, b"x")?.status == 403);
        ensure!(writer.ask("PUT", path, "text/plain", b"x")?.status == 415);
        ensure!(writer.ask("PUT", path, kind, b"")?.status == 411);
        let refused = writer.ask("PUT", path, kind, &vec![7; 3_000_000])?;
        ensure!(
            refused.status == 422 && refused.has("there is no D-Bus"),
            "{refused:?}"
        );
        let metrics = reader.ask("GET", "/metrics", "", b"")?;
        for line in [
            "trunkguard_update_info{version=\"0.1.0\",slot=\"A\"} 1",
            "trunkguard_update_trial 0",
            "trunkguard_update_waiting 1",
            "trunkguard_update_failed 0",
        ] {
            ensure!(metrics.has(line), "{line}: {metrics:?}");
        }
        ensure!(writer.post("install")?.status == 200);
        stand.shows("not installed")?;
        ensure!(
            reader
                .ask("GET", "/metrics", "", b"")?
                .has("trunkguard_update_failed 1")
        );
        let log = stand.owner.page("/settings/log")?;
        ensure!(log.has("token write") && log.has("postpone 7 d"), "{log:?}");
        Ok(())
    });
}

/// Whoever looks hears of it: an event of its own, and none for the other pages.
#[test]
fn open_pages_hear_of_updates() {
    Office::run(|office| {
        let stand = Stand::open(office, POLICY)?;
        stand.vendor.offer(&Pointer::default(), b"x")?;
        stand.shows("Version 0.1.0")?;
        let mut events = stand.owner.stream("/live")?;
        let mut said = String::new();
        let mut read = |until: &str| -> Result<()> {
            let mut buffer = [0; 4_096];
            while !said.contains(until) {
                let length = events.read(&mut buffer)?;
                ensure!(length > 0, "it ends: {said}");
                said += &String::from_utf8_lossy(&buffer[..length]);
            }
            Ok(())
        };
        read("retry:")?;
        stand.press("/updates/check", &[], "asked")?;
        read("event: updates")?;
        Ok(())
    });
}
