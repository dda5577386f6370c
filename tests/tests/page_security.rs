//! Who gets into the page, and who does not (docs/security.md, The page).
#![allow(clippy::unwrap_used)]

use std::{
    io::Write,
    os::unix::net::{UnixListener, UnixStream},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use hmac::{Hmac, KeyInit, Mac};
use trunkguard_tests::{
    Guard, Office,
    page::{Answer, Ask, Browser, PASSWORD, Page, routes},
};

const POLICY: &str = "[[client]]\nname = \"pbx\"\naddresses = [\"127.0.0.10\"]\n";
const SESSION: &str = "__Host-session";

fn set_up(browser: &Browser, code: &str, password: &str) -> Result<Answer> {
    let fields = [
        ("code", code),
        ("name", "owner"),
        ("password", password),
        ("again", password),
    ];
    browser.post("/setup", &fields)
}

/// A browser at another address: what is wrong costs time by address.
fn elsewhere(page: &Page, last: u8) -> Browser {
    Browser::from(page.at, [127, 0, 0, last].into())
}

/// What goes wrong is a page like the others, in the visitor's language, with a way on.
#[test]
fn what_goes_wrong_is_a_page_in_the_visitors_language() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let long = format!("name={}", "x".repeat(300 << 10));
        let form: &[(&str, &str)] = &[("content-type", "application/x-www-form-urlencoded")];
        let foreign: &[(&str, &str)] = &[("sec-fetch-site", "cross-site")];
        /// Method, address, headers and body; the status, and what is said in English and in French.
        type Case<'a> = (
            &'a str,
            &'a str,
            &'a [(&'a str, &'a str)],
            &'a str,
            u16,
            [&'a str; 2],
        );
        let cases: &[Case<'_>] = &[
            ("GET", "/nothing", &[], "", 404, ["Not here", "Introuvable"]),
            (
                "POST",
                "/mode",
                form,
                "csrf=x&mode=detect",
                403,
                ["Not allowed", "Non autorisé"],
            ),
            (
                "POST",
                "/mode",
                foreign,
                "",
                403,
                ["another site", "un autre site"],
            ),
            (
                "DELETE",
                "/calls",
                &[],
                "",
                405,
                ["use its buttons", "utilisez ses boutons"],
            ),
            (
                "GET",
                "/policy/learn?days=x",
                &[],
                "",
                400,
                ["cannot be read", "ne peut pas être lu"],
            ),
            (
                "POST",
                "/settings/tokens",
                form,
                &long,
                413,
                ["Too large", "Trop grand"],
            ),
            (
                "GET",
                "/calls/x",
                &[],
                "",
                404,
                ["Back to the first page", "Retour à l’accueil"],
            ),
        ];
        for (lang, said) in [("en", 0), ("fr", 1)] {
            owner.set_cookie("lang", lang);
            for (method, path, headers, body, status, says) in cases {
                let ask = Ask {
                    method,
                    path,
                    headers,
                    body: body.as_bytes(),
                };
                let answer = owner.ask(&ask)?;
                ensure!(answer.status == *status, "{method} {path}: {answer:?}");
                let is_page =
                    answer.has(&format!("<html lang=\"{lang}\"")) && answer.has("class=\"menu\"");
                ensure!(
                    is_page && answer.has(says[said]),
                    "{method} {path}: {answer:?}"
                );
                ensure!(answer.header("content-security-policy").is_some());
            }
        }
        // Guessing.
        let stranger = elsewhere(&page, 79);
        stranger.set_cookie("lang", "fr");
        let busy =
            (0..30).map(|_| stranger.post("/login", &[("name", "owner"), ("password", "x")]));
        let busy = busy.collect::<Result<Vec<_>>>()?;
        let busy = busy
            .iter()
            .find(|answer| answer.status == 429)
            .context("no 429")?;
        ensure!(
            busy.has("Un instant") && busy.header("retry-after").is_some(),
            "{busy:?}"
        );
        Ok(())
    });
}

#[test]
fn there_is_no_password_until_somebody_at_the_terminal_sets_one() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let browser = page.browser();
        ensure!(browser.get("/")?.location() == Some("/login?next=/"));
        ensure!(browser.get("/login")?.location() == Some("/setup"));
        for (name, password) in [("owner", ""), ("admin", "admin"), ("owner", "trunkguard")] {
            let fields = [("name", name), ("password", password)];
            let answer = elsewhere(&page, 77).post("/login", &fields)?;
            ensure!(answer.status == 200, "{answer:?}");
        }
        // The code, and a password that is worth its name.
        ensure!(set_up(&elsewhere(&page, 78), "AAAA-AAAA", PASSWORD)?.has("the code is not right"));
        let code = page.code()?;
        for (weak, why) in [
            ("short", "too short"),
            ("password12345", "tried first"),
            ("trunkguard2026!!", "tried first"),
            ("ownerownerowner", "tried first"),
        ] {
            let answer = set_up(&browser, &code, weak)?;
            ensure!(
                answer.status == 200 && answer.has(why),
                "{weak}: {answer:?}"
            );
        }
        let owner = page.owner()?;
        ensure!(owner.page("/")?.has("owner"));
        // The code was for the first one.
        ensure!(browser.get("/setup")?.location() == Some("/login"));
        let answer = set_up(&elsewhere(&page, 79), &code, "another good password")?;
        ensure!(answer.status != 303, "{answer:?}");
        page.log_in("owner", PASSWORD)?;
        Ok(())
    });
}

/// The test as the panel: its press opens the window, and nothing else does.
struct Panel {
    stream: UnixStream,
}

impl Panel {
    fn open(listener: &UnixListener) -> Result<Panel> {
        Ok(Panel {
            stream: listener.accept()?.0,
        })
    }

    fn hold(&mut self, guard: &Guard) -> Result<()> {
        let body = b"\"setup-window\"";
        let length = u32::try_from(body.len())?.to_be_bytes();
        self.stream.write_all(&[&length[..], body].concat())?;
        let started = Instant::now();
        while guard.figure("setup_window_s").is_err() {
            ensure!(started.elapsed() < Duration::from_secs(20), "no window");
        }
        Ok(())
    }
}

#[test]
fn the_button_opens_what_a_password_and_an_app_have_closed() {
    Office::run(|office| {
        let socket = office.folder().join("panel.sock");
        let listener = UnixListener::bind(&socket)?;
        let page = Page::with(office, POLICY, |guard| {
            guard.option("--panel-socket");
            guard.option(&socket.to_string_lossy());
        })?;
        let mut panel = Panel::open(&listener)?;
        let owner = page.owner()?;
        let key = switch_codes_on(&owner)?;
        ensure!(page.log_in("owner", PASSWORD).is_err(), "a password alone");

        // Without the button there is no other way in, however often somebody asks.
        let stranger = elsewhere(&page, 77);
        for _ in 0..8 {
            let answer = set_up(&stranger, "AAAA-AAAA", "another good password")?;
            ensure!(answer.status != 303, "{answer:?}");
        }
        ensure!(set_up(&stranger, "", "another good password")?.status == 429);
        panel.hold(&page.guard)?;
        let answer = set_up(&stranger, "", "another good password")?;
        ensure!(answer.status == 303, "{answer:?}");
        // It was for one password.
        let late = elsewhere(&page, 76);
        let answer = set_up(&late, "", "yet another good one")?;
        ensure!(answer.status != 303, "{answer:?}");
        ensure!(page.guard.figure("setup_window_s").is_err());
        // The sessions of before have ended, and so have the codes.
        ensure!(owner.get("/")?.location().is_some());
        page.log_in("owner", "another good password")?;
        ensure!(page.log_in("owner", PASSWORD).is_err());
        drop(key);
        Ok(())
    });
}

/// The code of so many steps from now (RFC 6238), by another implementation than the box's.
fn code(key: &str, steps: i64) -> String {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: String = key
        .chars()
        .filter_map(|letter| LETTERS.find(letter))
        .map(|value| format!("{value:05b}"))
        .collect();
    let octets: Vec<u8> = bits
        .as_bytes()
        .chunks_exact(8)
        .map(|eight| u8::from_str_radix(std::str::from_utf8(eight).unwrap(), 2).unwrap())
        .collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let step = (now.as_secs() as i64 / 30 + steps) as u64;
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&octets).unwrap();
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 15);
    let four: [u8; 4] = hash[at..at + 4].try_into().unwrap();
    format!(
        "{:06}",
        (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000
    )
}

fn switch_codes_on(owner: &Browser) -> Result<String> {
    let form = owner
        .page("/settings/me/codes")?
        .form("/settings/me/codes")?;
    let key = form.iter().find(|(name, _)| name == "key");
    let key = key.context("no key")?.1.clone();
    let csrf = owner.page("/settings/me")?.csrf()?;
    let send = |code: &str| {
        let fields = [("csrf", &*csrf), ("key", &*key), ("code", code)];
        owner.post("/settings/me/codes", &fields)
    };
    let wrong = send(&code(&key, 100))?;
    ensure!(
        wrong.status == 200 && wrong.has("not the code of now"),
        "{wrong:?}"
    );
    let right = send(&code(&key, 0))?;
    ensure!(
        right.location() == Some("/settings/me?done=codes"),
        "{right:?}"
    );
    Ok(key)
}

#[test]
fn a_one_time_code_is_asked_for_and_good_once() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let key = switch_codes_on(&page.owner()?)?;
        let log_in = |code: &str| {
            let fields = [("name", "owner"), ("password", PASSWORD), ("code", code)];
            page.browser().post("/login", &fields)
        };
        ensure!(log_in("")?.status == 200);
        ensure!(log_in(&code(&key, 5))?.status == 200);
        // The next step's, so that this is not the one that a wrong clock would have used.
        let next = code(&key, 1);
        ensure!(log_in(&next)?.status == 303);
        ensure!(log_in(&next)?.status == 200, "a code was good twice");
        Ok(())
    });
}

#[test]
fn who_guesses_waits_and_the_owner_does_not() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        page.owner()?;
        let guess = |browser: &Browser| {
            browser.post(
                "/login",
                &[("name", "owner"), ("password", "a wrong password")],
            )
        };
        let other = elsewhere(&page, 77);
        for _ in 0..5 {
            let answer = guess(&other)?;
            ensure!(
                answer.status == 200 && answer.has("is not right"),
                "{answer:?}"
            );
        }
        let answer = guess(&other)?;
        ensure!(answer.status == 429, "{answer:?}");
        let wait: u64 = answer.header("retry-after").context("when?")?.parse()?;
        ensure!((1..=13).contains(&wait), "{wait}");
        // The right password does not help who has guessed, and another address is not affected.
        let fields = [("name", "owner"), ("password", PASSWORD)];
        ensure!(other.post("/login", &fields)?.status == 429);
        page.log_in("owner", PASSWORD)?;
        Ok(())
    });
}

#[test]
fn sessions_are_new_at_each_log_in_and_end_when_they_should() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        // Nobody chooses a session's name for somebody else.
        let browser = page.browser();
        browser.set_cookie(SESSION, "chosen-by-somebody-else");
        let fields = [("name", "owner"), ("password", PASSWORD)];
        let answer = browser.post("/login", &fields)?;
        let cookie = answer.header("set-cookie").context("no cookie")?;
        for part in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict"] {
            ensure!(cookie.contains(part), "{cookie}");
        }
        ensure!(cookie.starts_with("__Host-session=") && !cookie.contains("Domain"));
        let first = browser.cookie(SESSION).context("no session")?;
        ensure!(first.len() == 32 && first != "chosen-by-somebody-else");
        browser.post("/login", &fields)?;
        ensure!(browser.cookie(SESSION) != Some(first.clone()));

        // What the script asks by itself works, and is not what keeps a session.
        let ask = Ask {
            path: "/",
            headers: &[("x-live", "1")],
            ..Ask::default()
        };
        ensure!(browser.ask(&ask)?.status == 200);

        // Logged out is logged out, whoever has kept the cookie.
        let kept = browser.cookie(SESSION).context("no session")?;
        ensure!(browser.post("/logout", &[])?.location() == Some("/login"));
        let thief = page.browser();
        thief.set_cookie(SESSION, &kept);
        ensure!(thief.get("/")?.location().is_some(), "the session goes on");

        // Another password ends the others; so does the button for it.
        let second = page.log_in("owner", PASSWORD)?;
        let third = page.log_in("owner", PASSWORD)?;
        let fields = [
            ("password", PASSWORD),
            ("new", "four tall giraffes"),
            ("again", "four tall giraffes"),
        ];
        let changed = second.submit("/settings/me", "/settings/me/password", &fields)?;
        ensure!(
            changed.location() == Some("/settings/me?done=password"),
            "{changed:?}"
        );
        ensure!(owner.get("/")?.location().is_some() && third.get("/")?.location().is_some());
        ensure!(second.get("/")?.status == 200);
        let fourth = page.log_in("owner", "four tall giraffes")?;
        fourth.submit("/settings/me", "/settings/me/sessions", &[("id", "")])?;
        ensure!(second.get("/")?.location().is_some());
        ensure!(fourth.get("/")?.status == 200);
        Ok(())
    });
}

#[test]
fn a_viewer_looks_and_changes_nothing() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let fields = [
            ("name", "viewer"),
            ("role", "viewer"),
            ("password", "just looking around"),
            ("again", "just looking around"),
        ];
        let added = owner.submit("/settings/accounts", "/settings/accounts", &fields)?;
        ensure!(
            added.location() == Some("/settings/accounts?done=added"),
            "{added:?}"
        );
        let viewer = page.log_in("viewer", "just looking around")?;
        ensure!(viewer.get("/")?.status == 200);
        for closed in [
            "/settings/accounts",
            "/settings/certificate",
            "/settings/log",
        ] {
            ensure!(viewer.get(closed)?.status == 403, "{closed}");
        }
        let csrf = viewer.page("/settings/me")?.csrf()?;
        let addresses = routes::taking(&["post(", "put(", "delete(", "patch("])?;
        ensure!(addresses.len() > 8, "{addresses:?}");
        // Of oneself, and of who has not logged in; the API has tokens and no cookies.
        let own = ["/login", "/logout", "/setup", "/look", "/confirm"];
        for address in addresses {
            if own.contains(&&*address)
                || address.starts_with("/settings/me/")
                || address.starts_with("/api")
            {
                continue;
            }
            let path = routes::filled(&address);
            let answer = viewer.post(&path, &[("csrf", &csrf)])?;
            ensure!(answer.status == 403, "{path}: {answer:?}");
        }
        // Taken away is away at once.
        let fields = [("name", "viewer")];
        owner.submit("/settings/accounts", "/settings/accounts/remove", &fields)?;
        ensure!(viewer.get("/")?.location().is_some());
        ensure!(page.log_in("viewer", "just looking around").is_err());
        // Nobody takes away the last owner.
        let own = [
            ("name", "owner"),
            ("csrf", &*owner.page("/settings/me")?.csrf()?),
        ];
        ensure!(owner.post("/settings/accounts/remove", &own)?.status == 422);
        Ok(())
    });
}

#[test]
fn what_was_done_is_in_the_log() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let hostile = "<script>\u{202e}x";
        page.browser()
            .post("/login", &[("name", hostile), ("password", "x")])?;
        let log = owner.page("/settings/log")?;
        for word in ["set a password", "was refused", "127.0.0."] {
            ensure!(log.has(word), "{word}: {log:?}");
        }
        ensure!(!log.has(hostile) && !log.has("<script>") && log.has("&#60;script&#62;x"));
        let ask = Ask {
            path: "/settings/log?before=notanumber",
            ..Ask::default()
        };
        ensure!(owner.ask(&ask)?.status == 400);
        Ok(())
    });
}

/// What a viewer gets to see holds no password of a PBX, whatever the page; and who has not logged in sees no page at all.
#[test]
fn no_page_gives_a_secret_away() {
    const SECRET: &str = "between-pbx-and-box";
    Office::run(|office| {
        let policy =
            format!("{POLICY}[client.credentials]\nusername = \"pbx\"\npassword = \"{SECRET}\"\n");
        let page = Page::open(office, &policy)?;
        let owner = page.owner()?;
        let fields = [
            ("name", "viewer"),
            ("role", "viewer"),
            ("password", "just looking around"),
            ("again", "just looking around"),
        ];
        owner.submit("/settings/accounts", "/settings/accounts", &fields)?;
        let viewer = page.log_in("viewer", "just looking around")?;
        // Of who has not logged in, of the browser itself, and of machines with tokens of their own.
        let open = [
            "/login",
            "/setup",
            "/assets/{hash}/{name}",
            "/favicon.ico",
            "/.well-known/security.txt",
        ];
        let machines = ["/api", "/metrics"];
        let mut tried = 0;
        for address in routes::taking(&["get("])? {
            if address == "/live" || machines.iter().any(|start| address.starts_with(start)) {
                continue;
            }
            let path = routes::filled(&address);
            let answer = viewer.get(&path)?;
            ensure!(!answer.has(SECRET), "{path} tells a viewer: {answer:?}");
            if !open.contains(&&*address) {
                let answer = page.browser().get(&path)?;
                let to = answer.location().unwrap_or_default();
                ensure!(to.starts_with("/login?next="), "{path}: {answer:?}");
                tried += 1;
            }
        }
        ensure!(tried > 15, "{tried}");
        Ok(())
    });
}
