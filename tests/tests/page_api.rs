//! The HTTP API against a running box: who may ask, that every operation says what the command says, the policy with its
//! entity tags, tokens on the page, and `/metrics` under promtool.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, net::SocketAddr, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use trunkguard_tests::{
    Office, Process, address,
    page::{Answer, Ask, Browser, Page},
    site::{Site, Topology, at, helper},
    tools,
    wire::Udp,
};

const POLICY: &str = r#"format = 1
[settings]
mode = "prevent"
country = "US"
[policy.allow]
countries = ["US"]
[[client]]
name = "script"
addresses = ["127.0.0.50"]
"#;

/// One that has a token.
struct Program {
    browser: Browser,
    token: String,
}

impl Program {
    /// With a token that the command line has made.
    fn new(page: &Page, name: &str, access: &str) -> Result<Program> {
        let said = page
            .guard
            .cli(&["token", "add", name, "--access", access])?;
        ensure!(said.code == 0, "{said:?}");
        Ok(Program {
            browser: page.browser(),
            token: said.out.trim().to_owned(),
        })
    }

    fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer> {
        let bearer = format!("Bearer {}", self.token);
        let path = format!("/api/v1{path}");
        let headers: Vec<(&str, &str)> = [("authorization", &*bearer)]
            .into_iter()
            .chain(headers.iter().copied())
            .collect();
        self.browser.ask(&Ask {
            method,
            path: &path,
            headers: &headers,
            body: body.as_bytes(),
        })
    }

    fn json(&self, path: &str) -> Result<Value> {
        let answer = self.ask("GET", path, &[], "")?;
        ensure!(answer.status == 200, "{path}: {answer:?}");
        ensure!(answer.header("content-type") == Some("application/json"));
        Ok(serde_json::from_slice(&answer.body)?)
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Result<Answer> {
        let kind = [("content-type", "application/json")];
        self.ask(method, path, &kind, &body.to_string())
    }
}

/// What a problem says (RFC 9457), once it is one.
fn problem(answer: &Answer, status: u16) -> Result<Value> {
    ensure!(answer.status == status, "not {status}: {answer:?}");
    ensure!(
        answer.header("content-type") == Some("application/problem+json"),
        "{answer:?}"
    );
    let problem: Value = serde_json::from_slice(&answer.body)?;
    ensure!(problem["status"] == status, "{problem}");
    ensure!(problem["title"].is_string() && problem["detail"].is_string());
    Ok(problem)
}

fn call(page: &Page, number: &str, name: &str) -> Result<()> {
    Udp::at(address::SCRIPT, page.guard.listens())?.ask(number, name)?;
    Ok(())
}

#[test]
fn page_api_asks_for_a_token_and_nothing_else() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let reader = Program::new(&page, "reader", "read")?;
        let status = |headers: &[(&str, &str)], browser: &Browser| {
            browser.ask(&Ask {
                path: "/api/v1/status",
                headers,
                ..Ask::default()
            })
        };
        // No token, a wrong one, a cookie; and a token where a cookie belongs.
        let nobody = status(&[], &page.browser())?;
        problem(&nobody, 401)?;
        assert_eq!(nobody.header("www-authenticate"), Some("Bearer"));
        let wrong = format!("Bearer tg_{}", "0".repeat(64));
        problem(&status(&[("authorization", &wrong)], &page.browser())?, 401)?;
        problem(&status(&[], &owner)?, 401)?;
        let bearer = format!("Bearer {}", reader.token);
        let headers = [("authorization", &*bearer)];
        let elsewhere = page.browser().ask(&Ask {
            path: "/",
            headers: &headers,
            ..Ask::default()
        })?;
        assert_eq!(elsewhere.location(), Some("/login?next=/"));
        // One that reads does not write.
        assert_eq!(reader.json("/mode")?, json!({ "mode": "prevent" }));
        let refused = problem(
            &reader.send("PUT", "/mode", &json!({ "mode": "detect" }))?,
            403,
        )?;
        assert_eq!(refused["remedy"], "use one that was made for writing");
        problem(&reader.ask("POST", "/alerts/test", &[], "")?, 403)?;
        problem(&reader.ask("GET", "/trace", &[], "")?, 403)?;
        // Another host's name is no way in (DNS rebinding), with a token or without.
        let rebound = reader.ask("GET", "/status", &[("host", "evil.example")], "")?;
        assert_eq!(rebound.status, 421);
        // Guessing is slowed down, and who has a token is not.
        let guesses: Vec<u16> = (0..200)
            .map(|_| Ok(status(&[("authorization", &wrong)], &page.browser())?.status))
            .collect::<Result<_>>()?;
        assert!(guesses.contains(&429), "{guesses:?}");
        assert_eq!(reader.json("/mode")?, json!({ "mode": "prevent" }));
        // Taken away, it is worth nothing at once; what was done is in the log of deeds.
        let removed = page.guard.cli(&["token", "remove", "reader"])?;
        assert_eq!(removed.code, 0, "{removed:?}");
        let gone = reader.ask("GET", "/mode", &[], "")?.status;
        assert!([401, 429].contains(&gone), "{gone}");
        Ok(())
    });
}

#[test]
fn page_api_has_the_methods_of_its_document() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let writer = Program::new(&page, "writer", "write")?;
        let document: Value =
            serde_json::from_slice(&page.browser().page("/api/v1/openapi.json")?.body)?;
        for (path, methods) in document["paths"].as_object().context("no paths")? {
            let path = (path.replace("{address}", "203.0.113.9")).replace("{incident}", "1");
            let mut documented: BTreeSet<String> = methods
                .as_object()
                .unwrap()
                .keys()
                .map(|m| m.to_uppercase())
                .collect();
            if documented.contains("GET") {
                documented.insert("HEAD".into());
            }
            let answer = writer.ask("TRACE", &path, &[], "")?;
            problem(&answer, 405)?;
            let allowed: BTreeSet<String> = (answer.header("allow").context("no Allow")?)
                .split(',')
                .map(|method| method.trim().to_owned())
                .collect();
            assert_eq!(allowed, documented, "{path}");
        }
        problem(&writer.ask("GET", "/nothing", &[], "")?, 404)?;
        problem(&writer.ask("GET", "/status/", &[], "")?, 404)?;
        Ok(())
    });
}

#[test]
fn page_api_says_what_the_commands_say() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let (reader, writer) = (
            Program::new(&page, "reader", "read")?,
            Program::new(&page, "writer", "write")?,
        );
        for (n, number) in ["12125550123", "01126377123456", "911", "01126377123456"]
            .iter()
            .enumerate()
        {
            call(&page, number, &format!("call-{n}"))?;
        }
        page.guard.calls(3)?;
        let commands = |args: &[&str]| page.guard.json(args);

        assert_eq!(reader.json("/calls")?["calls"], commands(&["calls"])?);
        for (query, args) in [
            ("?rule=country", &["calls", "--rule", "country"][..]),
            ("?approved=true", &["calls", "--approved"]),
            ("?approved=false", &["calls", "--denied"]),
            (
                "?number=2125&client=script",
                &["calls", "--number", "2125", "--client", "script"],
            ),
        ] {
            let said = reader.json(&format!("/calls{query}"))?;
            assert_eq!(said["calls"], commands(args)?, "{query}");
            assert!(!said["calls"].as_array().unwrap().is_empty(), "{query}");
        }
        // Page by page it is the same list.
        let (mut paged, mut after) = (Vec::new(), String::new());
        loop {
            let said = reader.json(&format!("/calls?limit=1{after}"))?;
            paged.extend(said["calls"].as_array().unwrap().clone());
            match said["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(Value::from(paged), commands(&["calls"])?);

        let explain = "/explain?client=script&from=1001&number=01126377123456";
        assert_eq!(
            reader.json(explain)?["rule"],
            "country",
            "as `trunkguard explain` says, which ends with 1 then"
        );
        let said = page.guard.cli(&[
            "explain",
            "--client",
            "script",
            "--from",
            "1001",
            "--json",
            "01126377123456",
        ])?;
        assert_eq!(
            reader.json(explain)?,
            serde_json::from_str::<Value>(&said.out)?
        );
        problem(
            &reader.ask("GET", "/explain?client=nobody&from=1&number=911", &[], "")?,
            422,
        )?;
        problem(&reader.ask("GET", "/explain?client=script", &[], "")?, 422)?;
        problem(&reader.ask("GET", "/calls?limit=0", &[], "")?, 422)?;
        problem(&reader.ask("GET", "/calls?limti=1", &[], "")?, 422)?;

        let status = reader.json("/status")?;
        assert_eq!(status["calls"]["decided"], 4);
        let keys =
            |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
        assert_eq!(keys(&status), keys(&commands(&["status"])?));
        assert_eq!(reader.json("/alerts")?, commands(&["alerts"])?);
        assert!(!reader.json("/alerts")?.as_array().unwrap().is_empty());
        assert_eq!(reader.json("/pops")?, commands(&["pops"])?);
        assert_eq!(
            reader.json("/suggest?days=7")?,
            commands(&["suggest", "--days", "7"])?
        );
        assert_eq!(reader.json("/firewall")?["report"], Value::Null);
        assert_eq!(keys(&reader.json("/doctor")?), ["facts", "findings"]);
        let ruleset = reader.ask("GET", "/ruleset", &[], "")?;
        assert_eq!(ruleset.text(), page.guard.cli(&["ruleset"])?.out);

        // What is changed here is changed there.
        let said = writer.send("PUT", "/mode", &json!({ "mode": "detect" }))?;
        assert_eq!(
            (said.status, said.text()),
            (200, json!({ "said": "in force now" }).to_string())
        );
        assert_eq!(commands(&["mode"])?, json!({ "mode": "detect" }));
        problem(&writer.send("PUT", "/mode", &json!({ "mode": "on" }))?, 422)?;
        problem(
            &writer.send("PUT", "/mode", &json!({ "mode": "detect", "for": 3 }))?,
            422,
        )?;
        problem(&writer.ask("PUT", "/mode", &[], "{}")?, 415)?;
        problem(
            &writer.ask("PUT", "/mode", &[("content-type", "application/json")], "{")?,
            400,
        )?;

        assert_eq!(reader.json("/bans")?, json!([]));
        let pop = json!({ "subject": "203.0.113.7" });
        assert_eq!(writer.send("POST", "/pops/add", &pop)?.status, 200);
        let allowed = reader.json("/pops")?["allowed"].to_string();
        assert!(allowed.contains("203.0.113.7"), "{allowed}");
        assert_eq!(writer.send("POST", "/pops/forget", &pop)?.status, 200);
        problem(
            &writer.send("POST", "/pops/add", &json!({ "subject": "10.0.0.1" }))?,
            422,
        )?;
        problem(
            &writer.send("POST", "/pops/approve", &json!({ "address": "x" }))?,
            422,
        )?;

        // One incident by its number, then all.
        let open = reader.json("/alerts")?.as_array().unwrap().clone();
        let one = format!("/alerts/{}/acknowledge", open[0]["id"]);
        assert_eq!(writer.ask("POST", &one, &[], "")?.status, 200);
        problem(
            &writer.ask("POST", "/alerts/999999/acknowledge", &[], "")?,
            404,
        )?;
        problem(&writer.ask("POST", "/alerts/x/acknowledge", &[], "")?, 422)?;
        assert_eq!(reader.json("/alerts")?, json!(open[1..]));
        // The command's own way to one of them; once more is no mistake.
        let by_number = format!("--acknowledge={}", open[0]["id"]);
        assert_eq!(page.guard.cli(&["alerts", &by_number])?.code, 0);
        assert_eq!(page.guard.cli(&["alerts", "--acknowledge=999999"])?.code, 2);
        assert_eq!(
            writer.ask("POST", "/alerts/acknowledge", &[], "")?.status,
            200
        );
        assert_eq!(reader.json("/alerts")?, json!([]));
        assert!(
            !reader
                .json("/alerts?all=true")?
                .as_array()
                .unwrap()
                .is_empty()
        );
        Ok(())
    });
}

/// A policy with every kind of secret, and a channel at which nobody is.
const SECRETS: &str = r#"
credentials = { username = "pbx", password = "correct horse" }
[alerts]
[[alerts.webhook]]
name = "chat"
url = "http://127.0.0.50:9/a-path-that-lets-one-post"
secret = "battery staple"
"#;

#[test]
fn page_api_reads_the_policy_without_secrets() {
    Office::run(|office| {
        let page = Page::open(office, &format!("{POLICY}{SECRETS}"))?;
        let reader = Program::new(&page, "reader", "read")?;
        let writer = Program::new(&page, "writer", "write")?;
        for accept in ["application/toml", "application/json"] {
            let of = |program: &Program| program.ask("GET", "/policy", &[("accept", accept)], "");
            let (blanked, whole) = (of(&reader)?, of(&writer)?);
            assert_eq!((blanked.status, whole.status), (200, 200), "{blanked:?}");
            for secret in ["correct horse", "battery staple", "a-path-that-lets"] {
                assert!(!blanked.has(secret), "{secret}: {blanked:?}");
                assert!(whole.has(secret), "{secret}: {whole:?}");
            }
            assert!(
                blanked.has("127.0.0.50") && blanked.has("pbx"),
                "{blanked:?}"
            );
            // What is blanked is not put back by mistake.
            assert_eq!(blanked.header("etag"), None);
            assert!(whole.header("etag").is_some());
        }
        problem(&reader.send("PUT", "/policy", &json!({}))?, 403)?;
        Ok(())
    });
}

#[test]
fn page_api_tries_the_channels_and_shows_what_was_sent() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let reader = Program::new(&page, "reader", "read")?;
        let writer = Program::new(&page, "writer", "write")?;
        let nobody = problem(&writer.ask("POST", "/alerts/test", &[], "")?, 422)?;
        assert!(
            nobody["detail"]
                .as_str()
                .unwrap()
                .contains("no channel is set")
        );
        page.guard.apply(&format!("{POLICY}{SECRETS}"))?;
        let tested = writer.ask("POST", "/alerts/test?channel=chat", &[], "")?;
        assert_eq!(tested.status, 200, "{tested:?}");
        let tested: Value = serde_json::from_slice(&tested.body)?;
        let command = page.guard.cli(&["alerts", "test", "--json"])?;
        assert_eq!(command.code, 1, "{command:?}");
        assert_eq!(tested, serde_json::from_str::<Value>(&command.out)?);
        assert_eq!(
            (&tested[0]["target"], &tested[0]["accepted"]),
            (&json!("webhook:chat"), &json!(false))
        );
        assert!(tested[0]["error"].is_string(), "{tested}");
        problem(&writer.ask("POST", "/alerts/test?channel=x", &[], "")?, 422)?;
        // What waits, as the command lists it. Tries go on meanwhile.
        call(&page, "01126377123456", "one")?;
        page.guard.json(&["alerts", "outbox"])?;
        let names = |list: Value| -> Vec<Value> {
            let lines = list.as_array().cloned().unwrap_or_default();
            lines
                .into_iter()
                .map(|line| line["message"].clone())
                .collect()
        };
        assert_eq!(
            names(reader.json("/alerts/outbox")?),
            names(page.guard.json(&["alerts", "outbox"])?)
        );
        Ok(())
    });
}

#[test]
fn page_api_sets_a_pbx_up_records_sip_and_tells_of_updates() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let reader = Program::new(&page, "reader", "read")?;
        let writer = Program::new(&page, "writer", "write")?;
        let said = reader.json("/pbx-config?pbx=asterisk-pjsip&the_box=192.168.1.20&pbx_address=192.168.1.10&account=100000_office&pop=montreal10.voip.ms&did=4165551234&language=french")?;
        let command = Command::new(tools::trunkguard()?)
            .args("pbx-config --json --pbx asterisk-pjsip --box 192.168.1.20 --pbx-address 192.168.1.10".split(' '))
            .args("--account 100000_office --pop montreal10.voip.ms --did 4165551234 --language french".split(' '))
            .output()?;
        assert!(command.status.success(), "{command:?}");
        assert_eq!(said, serde_json::from_slice::<Value>(&command.stdout)?);
        let wrong = problem(
            &reader.ask("GET", "/pbx-config?pbx=freeswitch&did=12", &[], "")?,
            422,
        )?;
        let fields: Vec<&str> = (wrong["wrong"].as_array().context("no list")?.iter())
            .filter_map(|one| one["field"].as_str())
            .collect();
        assert!(
            fields.contains(&"did") && fields.contains(&"the_box"),
            "{wrong}"
        );
        problem(&reader.ask("GET", "/pbx-config?pbxx=1", &[], "")?, 422)?;

        let start = writer.ask("POST", "/trace/start", &[], "")?;
        assert_eq!(start.status, 200, "{start:?}");
        call(&page, "12125550123", "one")?;
        let recorded = writer.json("/trace")?;
        assert_eq!(
            recorded["messages"],
            page.guard.json(&["trace"])?["messages"]
        );
        assert!(recorded["left_s"].is_u64() && recorded["messages"][0]["incoming"] == true);
        assert_eq!(writer.ask("POST", "/trace/stop", &[], "")?.status, 200);
        assert_eq!(writer.json("/trace")?["left_s"], Value::Null);

        // Updates, as the command says it; on this machine there are none.
        assert_eq!(reader.json("/update")?, page.guard.json(&["update"])?);
        problem(&reader.ask("POST", "/update/install", &[], "")?, 403)?;
        problem(&writer.ask("POST", "/update/check", &[], "")?, 422)?;
        problem(
            &writer.send("POST", "/update/postpone", &json!({ "days": 31 }))?,
            422,
        )?;
        problem(&writer.ask("POST", "/update/rollback", &[], "")?, 422)?;
        Ok(())
    });
}

/// With real rules: a ban made by a program is in the kernel, and ends there when it is lifted.
#[test]
fn page_api_bans_are_in_the_kernel() {
    Site::run(Topology::Side, |site| {
        let (_helper, socket) = helper::start(site)?;
        let mut guard = site.daemon(&socket, "")?;
        let at = SocketAddr::from((at::BOX, 8443));
        guard.option("--web");
        guard.option(&at.to_string());
        site.gate.within(|| guard.start())?;
        let page = Page { guard, at };
        let writer = Program::new(&page, "writer", "write")?;
        // As the office's own computers ask.
        let send = |method: &str, path: &str, body: Value| {
            site.lan.within(|| writer.send(method, path, &body))
        };
        let banned = |address: &str| -> Result<bool> {
            let rules = site
                .gate
                .within(|| tools::run("nft", &["list", "ruleset"]))?;
            Ok(rules.contains(address))
        };
        let ban = json!({ "address": "203.0.113.9", "seconds": 600, "reason": "<b>x" });
        let said = send("POST", "/bans", ban)?;
        ensure!(said.status == 200, "{said:?}");
        ensure!(banned("203.0.113.9")?, "it is not in the kernel");
        let list: Value = serde_json::from_slice(&send("GET", "/bans", json!(null))?.body)?;
        ensure!(list == page.guard.json(&["bans"])?, "{list}");
        ensure!(
            list[0]["reason"] == "<b>x" && list[0]["by_hand"] == true,
            "{list}"
        );
        let said = send("DELETE", "/bans/203.0.113.9", json!(null))?;
        ensure!(said.status == 200, "{said:?}");
        ensure!(!banned("203.0.113.9")?, "it is still in the kernel");
        problem(&send("DELETE", "/bans/203.0.113.9", json!(null))?, 404)?;
        // What is never banned, and what is no ban.
        problem(
            &send("POST", "/bans", json!({ "address": "192.168.77.10" }))?,
            422,
        )?;
        problem(
            &send(
                "POST",
                "/bans",
                json!({ "address": "203.0.113.9", "seconds": 1 }),
            )?,
            422,
        )?;
        problem(&send("DELETE", "/bans/nobody", json!(null))?, 422)?;
        let report: Value = serde_json::from_slice(&send("GET", "/firewall", json!(null))?.body)?;
        ensure!(
            report["status"]["in_force"] == true && report["report"]["mode"] == "prevent",
            "{report}"
        );
        Ok(())
    });
}

#[test]
fn page_api_replaces_the_policy_whole_and_only_the_one_that_was_read() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let writer = Program::new(&page, "writer", "write")?;
        let toml = [("accept", "application/toml")];
        let read = writer.ask("GET", "/policy", &toml, "")?;
        assert_eq!(read.text(), page.guard.cli(&["export"])?.out);
        let tag = read.header("etag").context("no ETag")?.to_owned();
        let as_json = writer.ask("GET", "/policy", &[], "")?;
        assert_eq!(as_json.header("etag"), Some(&*tag));

        // The same in JSON, with a country more.
        let mut policy: Value = serde_json::from_slice(&as_json.body)?;
        policy["policy"]["allow"]["countries"] = json!(["US", "GB"]);
        let put = |tag: &str, kind: &str, body: &str| {
            writer.ask(
                "PUT",
                "/policy",
                &[("content-type", kind), ("if-match", tag)],
                body,
            )
        };
        let stored = put(&tag, "application/json", &policy.to_string())?;
        assert_eq!(stored.status, 200, "{stored:?}");
        let newer = stored.header("etag").context("no ETag")?.to_owned();
        assert_ne!(newer, tag);
        assert_eq!(
            writer.json("/explain?client=script&from=1001&number=011442071838750")?["allowed"],
            true
        );
        // Who has the old one does not undo it.
        let stale = problem(&put(&tag, "application/toml", &read.text())?, 412)?;
        assert!(stale["detail"].as_str().unwrap().contains("changed since"));
        assert_eq!(put("*", "application/toml", &read.text())?.status, 200);

        // What is wrong is said with its place, and nothing is stored.
        let now = page.guard.cli(&["export"])?.out;
        let wrong = problem(
            &put("*", "application/toml", "[settings]\nmode = \"on\"\n")?,
            422,
        )?;
        assert_eq!(
            (&wrong["line"], &wrong["key"]),
            (&json!(2), &json!("settings.mode"))
        );
        let wrong = problem(
            &put(
                "*",
                "application/json",
                "{\n \"settings\": {\"mode\": \"on\"}}",
            )?,
            422,
        )?;
        assert_eq!(wrong["line"], 2);
        let wrong = problem(
            &put(
                "*",
                "application/json",
                "{\"settings\": {\"time_zone\": \"Mars/Olympus\"}}",
            )?,
            422,
        )?;
        assert_eq!(wrong["key"], "settings.time_zone");
        let file = "[[list]]\nname = \"x\"\nfile = \"policy.toml\"\n";
        assert_eq!(
            problem(&put("*", "application/toml", file)?, 422)?["key"],
            "list[0].file"
        );
        problem(&put("*", "text/plain", "")?, 415)?;
        problem(&put("*", "application/toml", &"#".repeat(7 << 20))?, 413)?;
        assert_eq!(page.guard.cli(&["export"])?.out, now);
        Ok(())
    });
}

#[test]
fn page_api_tokens_are_made_on_the_page_and_shown_once() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let made = owner.submit(
            "/settings/tokens",
            "/settings/tokens",
            &[
                ("name", "<b>monitoring"),
                ("access", "read"),
                ("expires", "2999-12-31"),
            ],
        )?;
        assert_eq!(made.status, 200, "{made:?}");
        let token = made.text();
        let token = token
            .split("value=\"tg_")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .context("no token on the page")?;
        let program = Program {
            browser: page.browser(),
            token: format!("tg_{token}"),
        };
        assert_eq!(program.json("/mode")?, json!({ "mode": "prevent" }));
        let list = owner.page("/settings/tokens")?;
        assert!(!list.has(token), "it is shown once");
        assert!(
            list.has("&#60;b&#62;monitoring") && list.has("2999-12-31"),
            "{list:?}"
        );
        // The same name again, and a day that has passed.
        for (fields, says) in [
            (
                [("name", "<b>monitoring"), ("expires", "")],
                "of this name already",
            ),
            ([("name", "other"), ("expires", "2020-01-01")], "has passed"),
        ] {
            let refused = owner.submit("/settings/tokens", "/settings/tokens", &fields)?;
            assert!(refused.has(says), "{refused:?}");
        }
        let removed = owner.submit("/settings/tokens", "/settings/tokens/remove", &[])?;
        assert_eq!(removed.location(), Some("/settings/tokens?done=removed"));
        assert!(
            owner
                .follow("/settings/tokens?done=removed")?
                .has("no answer any more")
        );
        problem(&program.ask("GET", "/mode", &[], "")?, 401)?;
        assert!(owner.page("/api")?.has("/api/v1/explain"));
        Ok(())
    });
}

#[test]
fn page_api_metrics_are_what_prometheus_reads() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let reader = Program::new(&page, "prometheus", "read")?;
        let metrics = |headers: &[(&str, &str)]| {
            page.browser().ask(&Ask {
                path: "/metrics",
                headers,
                ..Ask::default()
            })
        };
        let bearer = format!("Bearer {}", reader.token);
        problem(&metrics(&[("authorization", &bearer)])?, 404)?;
        page.guard
            .apply(&format!("{POLICY}[metrics]\naccess = \"token\"\n"))?;
        problem(&metrics(&[])?, 401)?;
        call(&page, "12125550123", "one")?;
        call(&page, "01126377123456", "two")?;
        let said = metrics(&[("authorization", &bearer)])?;
        assert_eq!(
            said.header("content-type"),
            Some("text/plain; version=0.0.4; charset=utf-8")
        );
        let text = said.text();
        for line in [
            "trunkguard_calls_total{client=\"script\",rule=\"default\",verdict=\"approved\"} 1",
            "trunkguard_calls_total{client=\"script\",rule=\"country\",verdict=\"denied\"} 1",
            "trunkguard_mode{mode=\"prevent\"} 1",
            "trunkguard_mode{mode=\"detect\"} 0",
            "trunkguard_disk_failing 0",
        ] {
            assert!(
                text.lines().any(|own| own == line),
                "{line} is not in\n{text}"
            );
        }
        page.guard
            .apply(&format!("{POLICY}[metrics]\naccess = \"office\"\n"))?;
        let said = metrics(&[])?;
        assert_eq!(said.status, 200);
        // Counters go on through another policy.
        assert!(
            said.has("rule=\"country\",verdict=\"denied\"} 1"),
            "{said:?}"
        );
        let file = office.folder().join("metrics.txt");
        std::fs::write(&file, said.body)?;
        let command = format!("promtool check metrics < {}", file.display());
        let checked = Command::new(tools::on_path("sh")?)
            .args(["-c", &command])
            .output()?;
        let complaints = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert!(
            checked.status.success() && complaints.is_empty(),
            "{complaints}"
        );
        Ok(())
    });
}

/// Every operation with thousands of good and bad questions, by schemathesis: none crashes, every answer is of a status, a type
/// and a shape that the document names, nothing passes without its token.
#[test]
fn page_api_schemathesis_finds_nothing() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let writer = Program::new(&page, "schemathesis", "write")?;
        call(&page, "12125550123", "one")?;
        call(&page, "01126377123456", "two")?;
        let program = tools::schemathesis()?;
        let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("page/schemathesis.toml");
        let settings = settings.to_string_lossy().into_owned();
        let base = format!("https://{}/api/v1", page.at);
        let document = format!("{base}/openapi.json");
        let bearer = format!("Authorization: Bearer {}", writer.token);
        let home = office.folder().to_string_lossy().into_owned();
        let arguments = [
            // It keeps notes where it runs.
            "--chdir",
            &home,
            &format!("HOME={home}"),
            &*program.to_string_lossy(),
            "--config-file",
            &settings,
            "run",
            &document,
            "--url",
            &base,
            "--header",
            &bearer,
        ];
        let mut run = Process::start(
            &tools::on_path("env")?,
            &arguments,
            &office.log("schemathesis"),
        )?;
        let status = run.wait(Duration::from_secs(300))?;
        let said = run.printed();
        println!("{said}");
        ensure!(status.success(), "schemathesis found something: {status}");
        ensure!(
            said.contains("36 selected"),
            "it has not asked for everything"
        );
        ensure!(page.guard.json(&["mode"])?["mode"].is_string());
        Ok(())
    });
}
