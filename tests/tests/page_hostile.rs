//! What strangers, phones and a stolen PBX write (`trunkguard_tests::hostile`), sent for real, and then looked at wherever the box
//! shows it: every page and list, the API, files that are downloaded, `/metrics`, the command line, the log, e-mails and a log
//! server. Nothing of it is markup, a formula or a character that nobody sees.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeSet, VecDeque},
    fs,
    net::UdpSocket,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use trunkguard_tests::{
    Office, address,
    hostile::{self, html, visible},
    page::{Answer, Ask, Browser, PASSWORD, Page, encode, routes},
    peers::{ADDRESS, Peer},
    tools,
};

const MAIL: u16 = 5_872;
/// Pages that are looked at: lists go on for long.
const MOST_PAGES: usize = 300;

fn policy() -> String {
    format!(
        r#"format = 1
[settings]
mode = "prevent"
country = "US"
[alerts]
kinds = {{ not-a-number = "urgent", new-phone = "urgent" }}
[alerts.mail]
server = "{ADDRESS}"
port = {MAIL}
from = "box@example.com"
security = "none"
to = ["owner@example.com"]
[syslog]
server = "{ADDRESS}"
[policy]
off = ["same-number", "sequential"]
[policy.allow]
countries = ["US"]
[[client]]
name = "pbx"
addresses = ["127.0.0.10"]
"#
    )
}

/// Payloads as text, as far as they are.
fn texts() -> Vec<String> {
    let payloads = hostile::payloads();
    payloads
        .iter()
        .map(|payload| String::from_utf8_lossy(payload).into_owned())
        .collect()
}

#[test]
fn page_hostile_nothing_of_it_works_anywhere() {
    Office::run(|office| {
        let smtp = Peer::mail(office, MAIL, &[])?;
        let syslog = UdpSocket::bind((ADDRESS, 514))?;
        let page = Page::open(office, &policy())?;
        let owner = page.owner()?;
        let record = "/box/diagnostics/record";
        owner.submit("/box/diagnostics", record, &[("on", "yes")])?;
        hostile::knock(address::STRANGER, page.guard.listens())?;
        let answered = hostile::calls(address::PBX, page.guard.listens())?;
        println!("figure: hostile requests that were answered: {answered}");
        visitors(&page)?;

        let looked = crawl(&owner)?;
        println!("figure: pages and files that were looked at: {looked}");
        questions(&owner)?;
        programs(&page)?;
        support(office, &owner)?;
        command_line(&page)?;
        log_server(&syslog)?;
        let mails = smtp.wait(1, Duration::from_secs(60))?;
        mail(office, &mails[0])
    });
}

/// Names, browsers and addresses of people who try to log in, for the audit log and the list of sessions.
fn visitors(page: &Page) -> Result<()> {
    for (n, text) in texts().iter().enumerate() {
        let from = Browser::from(page.at, [127, 0, 1, 10 + n as u8].into());
        let fields = [("name", &**text), ("password", &**text)];
        ensure!(from.post("/login", &fields)?.status == 200, "{text:?}");
        let agent: String = text.chars().filter(|c| !c.is_control()).collect();
        let fields = encode(&[("name", "owner"), ("password", PASSWORD)]);
        let answer = page.browser().ask(&Ask {
            method: "POST",
            path: "/login",
            headers: &[
                ("content-type", "application/x-www-form-urlencoded"),
                ("user-agent", &agent),
            ],
            body: fields.as_bytes(),
        })?;
        ensure!(answer.status < 400, "{agent:?}: {answer:?}");
    }
    Ok(())
}

/// Looks at one answer by what it says it is.
fn look(path: &str, answer: &Answer) -> Result<()> {
    let kind = answer.header("content-type").unwrap_or_default();
    let text = answer.text();
    let what = format!("{path} ({kind})");
    match kind.split(';').next().unwrap_or_default() {
        "text/html" => html(&what, &text),
        "application/json" | "application/problem+json" => {
            json(&what, &serde_json::from_str(&text)?)
        }
        "text/csv" => csv(&what, &text),
        _ => visible(&what, &text),
    }
}

fn json(what: &str, value: &Value) -> Result<()> {
    match value {
        Value::String(text) => visible(what, text),
        Value::Array(all) => all.iter().try_for_each(|one| json(what, one)),
        Value::Object(all) => all.iter().try_for_each(|(key, one)| {
            visible(what, key)?;
            json(what, one)
        }),
        _ => Ok(()),
    }
}

/// No cell begins as a formula does (OWASP, CSV Injection).
fn csv(what: &str, text: &str) -> Result<()> {
    visible(what, text)?;
    ensure!(text.lines().count() > 10, "{what}: {text}");
    for cell in text.split("\",\"").flat_map(|cells| cells.split("\r\n\"")) {
        let formula = cell
            .trim_start_matches('"')
            .starts_with(['=', '+', '-', '@', '\t', '|', '%']);
        ensure!(!formula, "{what}: a formula in {cell}");
    }
    Ok(())
}

/// Every page that is known and every page that those lead to.
fn crawl(browser: &Browser) -> Result<usize> {
    let own = routes::taking(&["get("])?;
    let own = own.iter().filter(|path| !path.starts_with("/live"));
    let mut next: VecDeque<String> = own.map(|path| routes::filled(path)).collect();
    let mut known: BTreeSet<String> = next.iter().cloned().collect();
    let mut looked = 0;
    while let Some(path) = next.pop_front().filter(|_| looked < MOST_PAGES) {
        let answer = browser.get(&path)?;
        look(&path, &answer)?;
        looked += usize::from(answer.status == 200);
        let text = answer.text();
        for link in text.split("href=\"").skip(1) {
            let link = link.split('"').next().unwrap_or_default();
            let link = link.replace("&#38;", "&").replace("&amp;", "&");
            let link = link.split('#').next().unwrap_or_default().to_owned();
            if link.starts_with('/') && known.insert(link.clone()) {
                next.push_back(link);
            }
        }
    }
    ensure!(looked > 100, "only {looked} pages were found");
    Ok(looked)
}

/// The same asked for, so that the page says it back.
fn questions(browser: &Browser) -> Result<()> {
    let mut wrong = Vec::new();
    for text in texts() {
        let value = encode(&[("x", &text)])[2..].to_owned();
        for path in [
            format!("/calls?number={value}&caller={value}&client={value}&rule={value}"),
            format!("/calls/explain?client=pbx&caller={value}&number={value}"),
            format!("/policy/rules?of=caller&name={value}&client={value}"),
            format!("/box/diagnostics/call?id={value}"),
            format!("/?said={value}"),
            format!("/{value}"),
        ] {
            let answer = browser.get(&path)?;
            ensure!(answer.status < 500, "{path}: {answer:?}");
            wrong.extend(look(&path, &answer).err());
        }
        for (path, field) in [
            ("/firewall/pop", "subject"),
            ("/firewall/ban", "address"),
            ("/welcome/place", "zone"),
        ] {
            let csrf = browser.page("/")?.csrf()?;
            let fields = [
                ("csrf", &*csrf),
                (field, &*text),
                ("act", "add"),
                ("country", "US"),
            ];
            let answer = browser.post(path, &fields)?;
            ensure!(answer.status < 500, "{path}: {answer:?}");
            wrong.extend(look(path, &answer).err());
        }
    }
    let short = |error: &anyhow::Error| format!("{error:.400}");
    ensure!(
        wrong.is_empty(),
        "{:#?}",
        wrong.iter().map(short).collect::<Vec<_>>()
    );
    Ok(())
}

fn programs(page: &Page) -> Result<()> {
    let token = page.guard.cli(&["token", "add", "looks"])?;
    let bearer = format!("Bearer {}", token.out.trim());
    let headers = [("authorization", &*bearer)];
    let mut answered = 0;
    for path in routes::taking(&["get(", "ask(", "methods("])? {
        if !path.starts_with("/api/") && path != "/metrics" {
            continue;
        }
        let mut paths = vec![routes::filled(&path)];
        if path.ends_with("/calls") {
            paths.push(format!("{path}?limit=500"));
        }
        for path in &paths {
            let answer = page.browser().ask(&Ask {
                path,
                headers: &headers,
                ..Ask::default()
            })?;
            look(path, &answer)?;
            answered += usize::from(answer.status == 200);
        }
    }
    ensure!(answered > 8, "the API has answered {answered} questions");
    Ok(())
}

fn support(office: &Office, owner: &Browser) -> Result<()> {
    let path = "/box/diagnostics";
    let file = owner.submit(path, path, &[])?;
    let (zip, folder) = (
        office.folder().join("support.zip"),
        office.folder().join("support"),
    );
    fs::write(&zip, &file.body)?;
    let (zip, into) = (zip.to_string_lossy(), folder.to_string_lossy());
    tools::run("python3", &["-m", "zipfile", "-e", &zip, &into])?;
    let mut files = 0;
    for entry in fs::read_dir(folder.join("trunkguard-support"))? {
        let path = entry?.path();
        let text = String::from_utf8(fs::read(&path)?).context("no UTF-8")?;
        let name = path.to_string_lossy();
        match path.extension().and_then(|end| end.to_str()) {
            Some("csv") => csv(&name, &text)?,
            Some("json") => json(&name, &serde_json::from_str(&text)?)?,
            _ => visible(&name, &text)?,
        }
        files += 1;
    }
    ensure!(files >= 10, "{files} files");
    Ok(())
}

/// A terminal obeys what is written to it.
fn command_line(page: &Page) -> Result<()> {
    for command in [
        &["calls", "--limit", "1000"][..],
        &["alerts"],
        &["status"],
        &["trace"],
        &["bans"],
        &["pops"],
        &[
            "explain",
            "--client",
            "pbx",
            "--from",
            "\u{1b}[31m",
            "\u{202e}911",
        ],
    ] {
        let said = page.guard.cli(command)?;
        ensure!(!said.out.is_empty() || !said.err.is_empty(), "{command:?}");
        visible(&format!("trunkguard {command:?}"), &(said.out + &said.err))?;
    }
    visible("the log", &page.guard.log())
}

fn log_server(socket: &UdpSocket) -> Result<()> {
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut octets = vec![0; 65_536];
    let mut heard = 0;
    while let Ok(length) = socket.recv(&mut octets) {
        let text = std::str::from_utf8(&octets[..length]).context("no UTF-8")?;
        visible("syslog", text)?;
        ensure!(!text.contains('\n'), "a line of its own: {text:?}");
        heard += 1;
        socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    }
    ensure!(heard > 20, "the log server heard {heard} messages");
    Ok(())
}

/// Its parts as a reader shows them.
fn mail(office: &Office, mail: &str) -> Result<()> {
    let file = office.folder().join("hostile.eml");
    fs::write(&file, mail)?;
    let script = "import email,email.policy,sys,json;m=email.message_from_binary_file(open(sys.argv[1],'rb'),policy=email.policy.default);\
        print(json.dumps([[k,str(v)] for k,v in m.items()]+[[p.get_content_type(),p.get_content()] for p in m.walk() if not p.is_multipart()]))";
    let said = tools::run("python3", &["-c", script, &file.to_string_lossy()])?;
    let parts: Vec<(String, String)> = serde_json::from_str(&said)?;
    let mut kinds = BTreeSet::new();
    for (name, text) in &parts {
        visible(name, text)?;
        ensure!(!name.eq_ignore_ascii_case("bcc"), "{name}: {text}");
        if name == "text/html" {
            html(name, text)?;
        }
        kinds.insert(name.as_str());
    }
    ensure!(
        kinds.contains("text/html") && kinds.contains("text/plain"),
        "{kinds:?}"
    );
    ensure!(said.contains("alert(1)"), "nothing hostile came: {said}");
    Ok(())
}
