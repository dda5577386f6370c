//! What stands before every page: names, origins, headers, sizes, times, TLS (docs/security.md, The page).
#![allow(clippy::unwrap_used)]

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    Office, Process, address,
    page::{Answer, Ask, Browser, PASSWORD, Page, connect, connect_by},
    tools,
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

#[test]
fn tls_is_of_today_and_its_certificate_is_the_one_that_is_shown() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
            connect_by(TcpStream::connect(page.at)?, &[version])?;
        }
        for old in ["-tls1", "-tls1_1"] {
            let at = page.at.to_string();
            let args = [
                "s_client",
                "-connect",
                &at,
                old,
                "-cipher",
                "ALL:@SECLEVEL=0",
            ];
            let mut process = office.start("openssl", &args)?;
            let status = process.wait(Duration::from_secs(20))?;
            ensure!(!status.success(), "{old}: {}", process.printed());
        }
        // Neither plain text nor anything else gets an answer there.
        let mut plain = TcpStream::connect(page.at)?;
        plain.set_read_timeout(Some(Duration::from_secs(20)))?;
        plain.write_all(b"GET / HTTP/1.1\r\nhost: 127.0.0.20\r\n\r\n")?;
        let mut said = Vec::new();
        let _ = plain.read_to_end(&mut said);
        ensure!(!said.starts_with(b"HTTP"), "{said:?}");

        let shown = |browser: &Browser| -> Result<String> {
            let text = browser.page("/settings/certificate")?.text();
            let code = text
                .split("<code id=\"fingerprint\">")
                .nth(1)
                .context("no fingerprint")?;
            Ok(code[..95].to_owned())
        };
        let real = |at: SocketAddr| -> Result<String> {
            let stream = connect(at)?;
            let chain = stream.conn.peer_certificates().context("no certificate")?;
            let der = chain.first().context("no certificate")?.to_vec();
            let file = office.folder().join("page.der");
            std::fs::write(&file, der)?;
            let path = file.to_string_lossy();
            let args = [
                "x509",
                "-inform",
                "DER",
                "-in",
                &path,
                "-noout",
                "-fingerprint",
                "-sha256",
            ];
            let said = tools::run("openssl", &args)?;
            let print = said.trim().rsplit('=').next().context("no fingerprint")?;
            Ok(print.to_owned())
        };
        let before = shown(&owner)?;
        ensure!(real(page.at)? == before, "{before}");
        // Made anew with a name, which is then one of the box's.
        let named = [("host", "box.example.com")];
        let ask = Ask {
            path: "/",
            headers: &named,
            ..Ask::default()
        };
        ensure!(owner.ask(&ask)?.status == 421);
        let fields = [("names", "box.example.com")];
        let made = owner.submit("/settings/certificate", "/settings/certificate", &fields)?;
        ensure!(
            made.location() == Some("/settings/certificate?done=renewed"),
            "{made:?}"
        );
        let after = shown(&owner)?;
        ensure!(after != before && real(page.at)? == after);
        ensure!(owner.ask(&ask)?.status == 200);
        replace(office, &page, &owner)
    });
}

/// The owner's own certificate: tried before it is kept.
fn replace(office: &Office, page: &Page, owner: &Browser) -> Result<()> {
    let at = |name: &str| office.folder().join(name).to_string_lossy().into_owned();
    let make = |name: &str| -> Result<(String, String)> {
        let (key, cert) = (at(&format!("{name}.key")), at(&format!("{name}.crt")));
        tools::run(
            "openssl",
            &[
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-keyout",
                &key,
                "-out",
                &cert,
                "-days",
                "30",
                "-subj",
                "/CN=own",
                "-addext",
                "subjectAltName=DNS:own.example.com",
            ],
        )?;
        Ok((
            std::fs::read_to_string(cert)?,
            std::fs::read_to_string(key)?,
        ))
    };
    let (first, second) = (make("first")?, make("second")?);
    let send = |chain: &str, key: &str| {
        let here = "/settings/certificate/replace";
        owner.submit(here, here, &[("chain", chain), ("key", key)])
    };
    let real = || -> Result<Vec<u8>> {
        let stream = connect(page.at)?;
        let chain = stream.conn.peer_certificates().context("no certificate")?;
        Ok(chain.first().context("no certificate")?.to_vec())
    };
    let before = real()?;
    for (chain, key) in [
        ("", ""),
        ("nonsense", "nonsense"),
        (&*first.0, &*second.1),
        (&*first.1, &*first.0),
    ] {
        let answer = send(chain, key)?;
        ensure!(answer.status == 422, "{answer:?}");
        ensure!(real()? == before);
    }
    let answer = send(&first.0, &first.1)?;
    ensure!(
        answer.location() == Some("/settings/certificate?done=replaced"),
        "{answer:?}"
    );
    ensure!(real()? != before);
    Ok(())
}

/// The page in a process of its own, as on the box: by its own socket, and by HTTP only to be sent on.
#[test]
fn the_page_by_itself_sends_plain_http_on() {
    Office::run(|office| {
        let guard = office.guard(POLICY)?;
        let (web, plain) = (
            SocketAddr::from((address::BOX, 8443)),
            SocketAddr::from((address::BOX, 8080)),
        );
        let (state, at, from) = (
            guard.state().to_string_lossy().into_owned(),
            web.to_string(),
            plain.to_string(),
        );
        let args = [
            "page",
            "--state",
            &state,
            "--web",
            &at,
            "--plain",
            &from,
            "--setup-code",
        ];
        let mut process = Process::start(&tools::trunkguard()?, &args, &office.log("page"))?;
        process.wait_for("ready", Duration::from_secs(20), |log| {
            log.contains("ready")
        })?;
        ensure!(Browser::at(web).get("/")?.location() == Some("/login?next=/"));
        let ask = |host: &str, path: &str| -> Result<Answer> {
            let mut stream = TcpStream::connect(plain)?;
            stream.set_read_timeout(Some(Duration::from_secs(20)))?;
            write!(
                stream,
                "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
            )?;
            let mut said = Vec::new();
            stream.read_to_end(&mut said)?;
            Answer::read(&said)
        };
        let answer = ask("127.0.0.20:8080", "/calls?rule=country")?;
        ensure!(answer.status == 308, "{answer:?}");
        let to = answer.header("location");
        ensure!(
            to == Some("https://127.0.0.20:8443/calls?rule=country"),
            "{answer:?}"
        );
        ensure!(ask("evil.example", "/")?.status == 421);
        ensure!(process.terminate(Duration::from_secs(10)).is_ok());
        Ok(())
    });
}
