//! What stands before every page: names, origins, headers, sizes, times (docs/security.md, The page).
#![allow(clippy::unwrap_used)]

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    Office,
    page::{Answer, Ask, Browser, PASSWORD, Page, connect},
};

const POLICY: &str = "[[client]]\nname = \"pbx\"\naddresses = [\"127.0.0.10\"]\n";

const HEADERS: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
];

fn guarded(answer: &Answer) -> Result<()> {
    for (name, value) in HEADERS {
        ensure!(answer.header(name) == Some(value), "{name}: {answer:?}");
    }
    let policy = answer
        .header("content-security-policy")
        .context("no policy")?;
    ensure!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    ensure!(policy.contains("frame-ancestors 'none'"), "{policy}");
    Ok(())
}

#[test]
fn every_answer_has_its_headers_and_none_says_what_the_box_is() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let foreign = [("host", "evil.example")];
        for (what, ask) in [
            (
                "a page",
                Ask {
                    path: "/",
                    ..Ask::default()
                },
            ),
            (
                "none",
                Ask {
                    path: "/nothing",
                    ..Ask::default()
                },
            ),
            (
                "climbing",
                Ask {
                    path: "/assets/../../../../etc/passwd",
                    ..Ask::default()
                },
            ),
            (
                "climbing",
                Ask {
                    path: "/assets/%2e%2e%2f%2e%2e/passwd",
                    ..Ask::default()
                },
            ),
            (
                "another method",
                Ask {
                    method: "DELETE",
                    path: "/",
                    ..Ask::default()
                },
            ),
            (
                "another name",
                Ask {
                    path: "/",
                    headers: &foreign,
                    ..Ask::default()
                },
            ),
            (
                "no form",
                Ask {
                    method: "POST",
                    path: "/login",
                    body: b"\xff",
                    ..Ask::default()
                },
            ),
        ] {
            let answer = owner.ask(&ask)?;
            guarded(&answer).context(what)?;
            ensure!(answer.header("server").is_none(), "{answer:?}");
            ensure!(!answer.has("root:"), "{answer:?}");
            let wanted: &[u16] = match what {
                "a page" => &[200],
                "another method" => &[405],
                "another name" => &[421],
                "no form" => &[422],
                _ => &[404],
            };
            ensure!(wanted.contains(&answer.status), "{what}: {answer:?}");
        }
        let before = page.browser().get("/login")?;
        ensure!(
            !before.has(env!("CARGO_PKG_VERSION")),
            "its version is for who has logged in"
        );
        Ok(())
    });
}

/// DNS rebinding: a name that an attacker has made to point here.
#[test]
fn only_the_boxs_own_names_are_answered() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let status = |host: &str| -> Result<u16> {
            let headers = [("host", host)];
            let ask = Ask {
                path: "/",
                headers: &headers,
                ..Ask::default()
            };
            Ok(owner.ask(&ask)?.status)
        };
        let port = page.at.port();
        let at = page.at.ip();
        ensure!(status(&format!("{at}:{port}"))? == 200);
        ensure!(
            status(&format!("localhost:{port}"))? == 200,
            "asked by itself"
        );
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname")?;
        let name = name.trim().to_ascii_lowercase();
        // A machine whose name has dots in it has no name in mDNS.
        if !name.contains('.') {
            ensure!(status(&format!("{name}.local"))? == 200, "{name}.local");
        }
        for other in [
            "evil.example",
            "127.0.0.21:8443",
            "localhost.evil.example",
            "",
            "127.0.0.20.evil.example",
            "[::1]",
        ] {
            ensure!(status(other)? == 421, "{other}");
        }
        Ok(())
    });
}

#[test]
fn changes_come_from_the_boxs_own_forms() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let csrf = owner.page("/settings/me")?.csrf()?;
        let own = format!("https://{}", page.at);
        let send = |csrf: &str, headers: &[(&str, &str)]| -> Result<u16> {
            let fields = [("csrf", csrf), ("names", "")];
            Ok(owner
                .post_with("/settings/certificate", &fields, headers)?
                .status)
        };
        ensure!(send(&csrf, &[])? == 303);
        ensure!(send(&csrf, &[("origin", &own)])? == 303);
        ensure!(send(&csrf, &[("sec-fetch-site", "same-origin")])? == 303);
        for (csrf, headers) in [
            ("", &[][..]),
            ("0123456789abcdef0123456789abcdef", &[]),
            (&*csrf, &[("origin", "https://evil.example")]),
            (&*csrf, &[("origin", "null")]),
            (&*csrf, &[("origin", "http://127.0.0.20:8443")]),
            (&*csrf, &[("sec-fetch-site", "cross-site")]),
            (&*csrf, &[("sec-fetch-site", "same-site")]),
            (
                &*csrf,
                &[("origin", &*own), ("sec-fetch-site", "cross-site")],
            ),
        ] {
            ensure!(send(csrf, headers)? == 403, "{csrf} {headers:?}");
        }
        // One that is missing altogether, and one of another session of the same owner.
        ensure!(
            owner
                .post("/settings/certificate", &[("names", "")])?
                .status
                == 422
        );
        let other = page.log_in("owner", PASSWORD)?;
        let theirs = other.page("/settings/me")?.csrf()?;
        ensure!(send(&theirs, &[])? == 403);
        // Nor does a link change anything, and a log-in leads nowhere else.
        for address in [
            "/logout",
            "/settings/me/password",
            "/settings/accounts/remove",
        ] {
            ensure!(owner.get(address)?.status == 405, "{address}");
        }
        for next in ["https://evil.example/", "//evil.example", "/\\evil.example"] {
            let fields = [("name", "owner"), ("password", PASSWORD), ("next", next)];
            let answer = page.browser().post("/login", &fields)?;
            ensure!(answer.location() == Some("/"), "{next}: {answer:?}");
        }
        Ok(())
    });
}

/// Without a session: to the log-in, whatever the address; nothing of the box is said.
#[test]
fn nothing_is_shown_to_who_has_not_logged_in() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let home = owner.page("/")?;
        let menu = home.text();
        let links = menu
            .split("href=\"/")
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        let mut tried = 0;
        for link in links.filter(|link| !link.starts_with("assets/")) {
            let answer = page.browser().get(&format!("/{link}"))?;
            let to = answer.location().unwrap_or_default();
            ensure!(to.starts_with("/login?next="), "/{link}: {answer:?}");
            tried += 1;
        }
        ensure!(tried >= 2, "{menu}");
        let answer = page
            .browser()
            .post("/settings/certificate", &[("names", "")])?;
        ensure!(
            answer.location().is_some_and(|to| to.starts_with("/login")),
            "{answer:?}"
        );
        Ok(())
    });
}

#[test]
fn what_is_too_long_is_refused_and_the_page_goes_on() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let long = "x".repeat(300 << 10);
        let answer = owner.post("/login", &[("name", &*long), ("password", "x")])?;
        ensure!((400..500).contains(&answer.status), "{answer:?}");
        let headers = [("x-long", &*long)];
        let ask = Ask {
            path: "/",
            headers: &headers,
            ..Ask::default()
        };
        let refused = owner.ask(&ask).map_or(431, |answer| answer.status);
        ensure!(refused == 431, "{refused}");
        let many: Vec<(String, &str)> = (0..200).map(|n| (format!("x-{n}"), "1")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (&**name, *value)).collect();
        let ask = Ask {
            path: "/",
            headers: &many,
            ..Ask::default()
        };
        let refused = owner.ask(&ask).map_or(431, |answer| answer.status);
        ensure!(refused == 431, "{refused}");
        let path = format!("/{}", &long[..70 << 10]);
        let refused = owner.get(&path).map_or(414, |answer| answer.status);
        ensure!([414, 431].contains(&refused), "{refused}");
        ensure!(owner.get("/")?.status == 200);
        Ok(())
    });
}

/// Connections that say nothing, or half of something, are closed; meanwhile others are served.
#[test]
fn who_is_slow_keeps_nobody_out() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let mut silent = TcpStream::connect(page.at)?;
        silent.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut half = connect(page.at)?;
        half.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n")?;
        let held: Vec<TcpStream> = (0..200)
            .filter_map(|_| TcpStream::connect(page.at).ok())
            .collect();
        // From another address, because one address does not get all places.
        let other = Browser::from(page.at, [127, 0, 0, 78].into());
        let began = Instant::now();
        ensure!(other.get("/login")?.status == 200);
        ensure!(
            began.elapsed() < Duration::from_secs(9),
            "{:?}",
            began.elapsed()
        );
        drop(held);
        let ended = |read: std::io::Result<usize>| match read {
            Ok(octets) => octets == 0,
            Err(problem) => !matches!(problem.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        };
        ensure!(ended(silent.read(&mut [0; 16])), "silence goes on");
        let mut said = Vec::new();
        ensure!(
            ended(half.read_to_end(&mut said).map(|_| 0)),
            "half a question goes on"
        );
        ensure!(owner.get("/")?.status == 200);
        Ok(())
    });
}
