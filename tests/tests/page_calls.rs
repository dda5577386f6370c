//! The pages about calls, with real calls: what is listed, found, explained and approved; and news of them.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    io::{Read, Write},
};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    Office, address,
    page::{Answer, Ask, Browser, Page},
    wire::{self, Udp},
};

const POLICY: &str = r#"
[settings]
mode = "prevent"
country = "US"
time_zone = "America/Toronto"
[policy]
off = ["same-number", "spellings", "sequential"]
[[client]]
name = "<i>shop</i>"
addresses = ["127.0.0.50"]
"#;

const HOME: &str = "2125550123";
const UK: &str = "011442071838750";

fn script(page: &Page) -> Result<Udp> {
    Udp::at(address::SCRIPT, page.guard.listens())
}

fn status(udp: &Udp, number: &str, call: &str) -> Result<u16> {
    udp.ask(number, call)?.status().context("no status")
}

/// The addresses of the calls on a page, in order.
fn calls(answer: &Answer) -> Vec<String> {
    let text = answer.text();
    let links = text.split("href=\"/calls/").skip(1);
    links
        .filter_map(|rest| rest.split('"').next())
        .filter(|key| key.starts_with(['c', 'r']))
        .map(|key| format!("/calls/{key}"))
        .collect()
}

/// The address behind a link's text.
fn link(answer: &Answer, rel: &str) -> Option<String> {
    let text = answer.text();
    let tag = text
        .split("<a ")
        .find(|tag| tag.contains(&format!("rel=\"{rel}\"")))?;
    let href = tag.split("href=\"").nth(1)?.split('"').next()?;
    Some(href.replace("&amp;", "&").replace("&#38;", "&"))
}

#[test]
fn calls_are_listed_and_found_by_everything_that_is_known_of_them() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        ensure!(owner.page("/calls")?.has("No call has been decided yet"));
        let udp = script(&page)?;
        assert_eq!(status(&udp, HOME, "one")?, 302);
        assert_eq!(status(&udp, UK, "two")?, 603);
        assert_eq!(status(&udp, UK, "three")?, 603);
        let all = owner.page("/calls")?;
        assert_eq!(
            calls(&all).len(),
            2,
            "refusals of an hour are one line: {all:?}"
        );
        for text in [
            "+12125550123",
            "+442071838750",
            "Approved",
            "Refused",
            "2 times",
            "United Kingdom",
        ] {
            ensure!(all.has(text), "{text} in {all:?}");
        }
        ensure!(
            all.has("allow the country (allow.countries)"),
            "what would have to change"
        );

        let found = |query: &str| -> Result<usize> {
            Ok(calls(&owner.page(&format!("/calls?{query}"))?).len())
        };
        for (query, expected) in [
            ("number=%2B44+20+7183", 1),
            ("number=(212)+555", 1),
            ("number=999999", 0),
            ("caller=1001", 2),
            ("caller=100", 0),
            ("client=%3Ci%3Eshop%3C%2Fi%3E", 2),
            ("client=nobody", 0),
            ("rule=country", 1),
            ("rule=default", 1),
            ("verdict=refused", 1),
            ("verdict=approved", 1),
            ("verdict=would-refuse", 0),
            ("from=2020-01-01&to=2099-01-01", 2),
            ("to=2020-01-01", 0),
            ("from=2099-01-01", 0),
        ] {
            assert_eq!(found(query)?, expected, "{query}");
        }
        assert_eq!(owner.get("/calls?from=yesterday")?.status, 422);
        assert_eq!(owner.get("/calls?after=x")?.status, 404);
        assert_eq!(owner.get("/calls/c999-0")?.status, 404);
        assert_eq!(owner.get("/calls/..%2f..")?.status, 404);

        let one = owner.page(&calls(&all)[0])?;
        for text in [
            "How it was decided",
            "What it would get now",
            "Approve this destination",
        ] {
            ensure!(one.has(text), "{text} in {one:?}");
        }
        let told = owner.page(
            "/calls/explain?client=%3Ci%3Eshop%3C%2Fi%3E&caller=1001&number=011442071838750",
        )?;
        ensure!(told.has("the country is not allowed"), "{told:?}");
        let wrong = owner.page("/calls/explain?client=nobody&number=1")?;
        ensure!(wrong.has("there is no client named"), "{wrong:?}");

        owner.set_cookie("lang", "fr");
        let french = owner.page("/calls")?;
        ensure!(
            french.has("le pays n’est pas permis") && french.has("Refusé"),
            "{french:?}"
        );
        Ok(())
    });
}

#[test]
fn pages_hold_every_call_once() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let udp = script(&page)?;
        for n in 0..120 {
            let number = if n % 4 == 0 {
                format!("01144207183{n:04}")
            } else {
                format!("212555{n:04}")
            };
            status(&udp, &number, &format!("call-{n}"))?;
        }
        let (mut at, mut seen) = (Some("/calls?caller=1001".to_owned()), Vec::new());
        while let Some(address) = at {
            ensure!(seen.len() < 1_000, "pages without an end");
            let answer = owner.page(&address)?;
            ensure!(calls(&answer).len() <= 50);
            seen.extend(calls(&answer));
            at = link(&answer, "next");
        }
        let distinct: BTreeSet<_> = seen.iter().collect();
        assert_eq!((seen.len(), distinct.len()), (120, 120));
        Ok(())
    });
}

/// An INVITE whose User-Agent and P-tfps were written by somebody hostile.
fn hostile(udp: &Udp, caller: &str, agent: &str) -> String {
    let more = format!("P-tfps: {caller};d;192.0.2.9;{agent};1\r\n");
    wire::request("INVITE", udp.here, "UDP", UK, "hostile", "", &more).replace(
        "User-Agent: script",
        "User-Agent: </td><script>alert(3)</script>",
    )
}

#[test]
fn hostile_names_are_shown_and_do_nothing() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let udp = script(&page)?;
        let agent = "\"><img src=x onerror=alert(2)>";
        udp.send(&hostile(&udp, "10.-_*#", agent))?;
        ensure!(udp.receive(std::time::Duration::from_secs(5))?.is_some());
        let list = owner.page("/calls")?;
        let key = calls(&list).pop().context("the call is not there")?;
        for path in [
            "/",
            "/calls",
            &key,
            &format!("{key}/approve"),
            "/box/diagnostics",
        ] {
            let answer = owner.page(path)?;
            let text = answer.text();
            ensure!(
                path == "/box/diagnostics" || text.contains("10.-_*#"),
                "{path}: {text}"
            );
            for harm in ["<script>alert", "<img src=x", "<i>shop", "</td><script"] {
                ensure!(!text.contains(harm), "{harm} on {path}");
            }
        }
        ensure!(list.has("i&#62;shop"), "it is shown, escaped: {list:?}");
        let one = owner.page(&key)?;
        ensure!(one.has("&#60;img src=x"), "{one:?}");
        let home = owner.page("/")?;
        ensure!(
            home.has("alert(3)"),
            "the PBX's own name for itself: {home:?}"
        );
        Ok(())
    });
}

#[test]
fn a_file_for_a_spreadsheet_holds_no_formula() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let udp = script(&page)?;
        udp.send(&hostile(&udp, "-2+3", "=cmd|'x'!A0"))?;
        ensure!(udp.receive(std::time::Duration::from_secs(5))?.is_some());
        let file = owner.page("/calls.csv?verdict=refused")?;
        assert_eq!(
            file.header("content-type"),
            Some("text/csv; charset=utf-8; header=present")
        );
        let text = file.text();
        assert_eq!(text.lines().count(), 2, "{text}");
        for cell in ["\"'=cmd|'x'!A0\"", "\"'-2+3\""] {
            ensure!(text.contains(cell), "{cell} in {text}");
        }
        ensure!(!text.contains(",\"=") && !text.contains(",\"+"), "{text}");
        ensure!(text.contains("\"442071838750\""), "{text}");
        Ok(())
    });
}

/// Approves the destination of the only refused call.
fn approve(owner: &Browser, what: &str, whom: &str) -> Result<Answer> {
    let list = owner.page("/calls?verdict=refused")?;
    let key = calls(&list).pop().context("no refused call")?;
    let action = format!("{key}/approve");
    let shows = owner.page(&format!("{action}?what={what}&whom={whom}"))?;
    ensure!(shows.has("What changes"), "{shows:?}");
    let csrf = shows.csrf()?;
    owner.post(&action, &[("csrf", &csrf), ("what", what), ("whom", whom)])
}

#[test]
fn a_destination_that_is_approved_gets_through_at_once_and_for_whom_it_was_meant() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let udp = script(&page)?;
        assert_eq!(status(&udp, UK, "before")?, 603);
        let list = owner.page("/calls?verdict=refused")?;
        let key = calls(&list).pop().context("no refused call")?;
        let action = format!("{key}/approve");

        // Nothing changes without the form's mark, or for what was not offered.
        let forged = owner.post(&action, &[("what", "number"), ("whom", "everybody")])?;
        assert_eq!(forged.status, 422, "{forged:?}");
        let wrong = owner.post(&action, &[("csrf", "x"), ("what", "number")])?;
        assert_eq!(wrong.status, 403, "{wrong:?}");
        assert_eq!(owner.get(&format!("{action}?what=everything"))?.status, 422);
        assert_eq!(status(&udp, UK, "still")?, 603);

        let shows = owner.page(&action)?;
        ensure!(
            shows.has("+442071838750 is added to [policy] allow.numbers"),
            "{shows:?}"
        );
        let done = approve(&owner, "number", "caller")?;
        assert_eq!(
            (done.status, done.location()),
            (303, Some(&*format!("{key}?said=approved")))
        );
        ensure!(
            owner
                .page(&format!("{key}?said=approved"))?
                .has("It holds for the next call")
        );
        assert_eq!(status(&udp, UK, "after")?, 302);
        // Another extension, another number.
        let explained =
            page.guard
                .cli(&["explain", "--client", "<i>shop</i>", "--from", "1002", UK])?;
        assert_eq!(explained.code, 1, "{}", explained.out);
        assert_eq!(status(&udp, "011442071838751", "another")?, 603);
        let policy = page.guard.cli(&["export"])?.out;
        ensure!(
            policy.contains("[[caller]]") && policy.contains("+442071838750"),
            "{policy}"
        );

        // The whole country, for everybody; calls home are not lost by it.
        let done = approve(&owner, "country", "everybody")?;
        assert_eq!(done.status, 303, "{done:?}");
        assert_eq!(status(&udp, "011442071838752", "country")?, 302);
        assert_eq!(status(&udp, HOME, "home")?, 302);
        Ok(())
    });
}

/// Reads from a stream of events until it says this.
fn until(stream: &mut impl Read, what: &str) -> Result<String> {
    let mut heard = String::new();
    let mut octets = [0; 4_096];
    while !heard.contains(what) {
        let count = stream.read(&mut octets)?;
        ensure!(count > 0, "the stream ended after: {heard}");
        heard.push_str(&String::from_utf8_lossy(&octets[..count]));
    }
    Ok(heard)
}

#[test]
fn pages_that_are_open_hear_of_a_call() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, POLICY)?;
        ensure!(
            page.browser().get("/live")?.status == 303,
            "nobody listens who has not logged in"
        );
        let owner = page.owner()?;
        let mut streams = Vec::new();
        for _ in 0..3 {
            let mut stream = owner.stream("/live")?;
            let head = until(&mut stream, "retry: 3000")?;
            ensure!(head.contains("text/event-stream"), "{head}");
            streams.push(stream);
        }
        let more = owner.ask(&Ask {
            path: "/live",
            ..Ask::default()
        })?;
        assert_eq!(
            more.status, 204,
            "a session has three, and the browser is told not to ask again"
        );

        assert_eq!(status(&script(&page)?, HOME, "one")?, 302);
        for stream in &mut streams {
            until(stream, "event: calls")?;
        }
        ensure!(owner.page("/")?.has("+12125550123"));
        page.guard.cli(&["mode", "detect"])?;
        until(&mut streams[0], "event: state")?;

        // A viewer that goes makes room.
        let mut gone = streams.pop().context("a stream")?;
        let _ = gone.write_all(b"x");
        drop(gone);
        assert_eq!(status(&script(&page)?, HOME, "two")?, 302);
        until(&mut streams[0], "event: calls")?;
        assert_eq!(status(&script(&page)?, HOME, "three")?, 302);
        until(&mut streams[0], "event: calls")?;
        until(&mut owner.stream("/live")?, "retry: 3000")?;
        Ok(())
    });
}

#[test]
fn the_first_page_says_how_it_stands_and_sets_the_mode() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let before = owner.page("/")?;
        ensure!(
            before.has("has not been heard of yet"),
            "what is still to do: {before:?}"
        );
        let udp = script(&page)?;
        assert_eq!(status(&udp, UK, "one")?, 603);
        let home = owner.page("/")?;
        ensure!(
            home.has("Prevent mode; calls today: 1, refused: 1."),
            "{home:?}"
        );
        for text in [
            "<svg class=\"chart\"",
            "Refused: 1",
            "Open alerts",
            "+442071838750",
        ] {
            ensure!(home.has(text), "{text} in {home:?}");
        }
        let set = owner.submit("/", "/mode", &[("mode", "detect")])?;
        assert_eq!((set.status, set.location()), (303, Some("/?said=mode")));
        ensure!(owner.page("/?said=mode")?.has("The mode is Detect now"));
        assert_eq!(page.guard.cli(&["mode"])?.out.trim(), "detect");
        assert_eq!(status(&udp, UK, "two")?, 302);
        ensure!(owner.page("/calls")?.has("Would be refused"));
        let wrong = owner.submit("/", "/mode", &[("mode", "off")])?;
        assert_eq!(wrong.status, 422);
        let unsigned = owner.post("/mode", &[("mode", "lockdown")])?;
        ensure!(unsigned.status != 303, "{unsigned:?}");
        assert_eq!(page.guard.cli(&["mode"])?.out.trim(), "detect");
        Ok(())
    });
}
