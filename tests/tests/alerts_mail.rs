//! Alerts by e-mail, to a real mail server in the office's network: what arrives, what is refused, and what
//! is not lost (docs/alerts.md).

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use trunkguard_tests::{
    Guard, Office, address,
    peers::{self, ADDRESS, Peer},
    scenario::BLOCKED,
    wire::Udp,
};

/// An alert leaves after 20 s, and the history is looked at every 5 s.
const SOON: Duration = Duration::from_secs(60);

fn policy(mail: &str) -> String {
    format!(
        r#"format = 1
[settings]
mode = "prevent"
country = "US"
[alerts]
name = "Maple Dental"
digest = "off"
{mail}
[policy.block]
countries = ["CU"]
[[client]]
name = "script"
addresses = ["127.0.0.50"]
"#
    )
}

fn mail(port: u16, more: &str) -> String {
    policy(&format!(
        "[alerts.mail]\nserver = \"{ADDRESS}\"\nport = {port}\nfrom = \"box@example.com\"\n{more}\n"
    ))
}

const OWNER: &str = "to = [\"owner@example.com\"]";
const PLAIN: &str = "security = \"none\"\nto = [\"owner@example.com\"]";
const LOGIN: &str =
    "username = \"box@example.com\"\npassword = \"correct horse\"\nto = [\"owner@example.com\"]";

/// A call that the policy is against.
fn refused(guard: &Guard, call: &str) -> Result<()> {
    let udp = Udp::at(address::SCRIPT, guard.listens())?;
    let status = udp.ask(BLOCKED, call)?.status();
    ensure!(status == Some(603), "{call} was answered {status:?}");
    Ok(())
}

/// What `alerts test` says of its only target.
fn test(guard: &Guard) -> Result<(i32, String)> {
    let said = guard.cli(&["alerts", "test", "--json"])?;
    let each: Value = serde_json::from_str(&said.out).with_context(|| format!("{said:?}"))?;
    Ok((
        said.code,
        each[0]["error"].as_str().unwrap_or_default().to_owned(),
    ))
}

fn channel(guard: &Guard) -> Result<Value> {
    let said = guard.cli(&["status", "--json"])?;
    let status: Value = serde_json::from_str(&said.out)?;
    Ok(status["alerts"]["channels"][0].clone())
}

/// Waits until the daemon says so of its first channel.
fn until(guard: &Guard, what: &str, done: impl Fn(&Value) -> bool) -> Result<Value> {
    let started = Instant::now();
    loop {
        let now = channel(guard)?;
        if done(&now) {
            return Ok(now);
        }
        ensure!(
            started.elapsed() < SOON,
            "not {what}: {now:#}\n{}",
            guard.log()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn header<'a>(mail: &'a str, name: &str) -> &'a str {
    let head = mail.split("\r\n\r\n").next().unwrap_or(mail);
    let line = head
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_default().trim()
}

#[test]
fn alerts_mail_a_burst_is_one_mail_with_its_count() {
    Office::run(|office| {
        let (server, list) = peers::certificate(office, "mail")?;
        let smtp = Peer::mail(office, 5_870, &["--certificate", &server.to_string_lossy()])?;
        smtp.mood(&json!({"login": ["box@example.com", "correct horse"]}))?;
        let mut guard = Guard::new(office, &mail(5_870, LOGIN))?;
        guard.variable("SSL_CERT_FILE", &list.to_string_lossy());
        guard.start()?;
        let udp = Udp::at(address::SCRIPT, guard.listens())?;
        for n in 0..1_000 {
            let status = udp.ask(BLOCKED, &format!("burst-{n}"))?.status();
            ensure!(status == Some(603), "{n}: {status:?}");
        }
        let got = smtp.wait(1, SOON)?;
        let mail = &got[0];
        for (name, value) in [
            ("X-Peer-Tls", "yes"),
            ("X-Peer-Login", "box@example.com"),
            ("X-Peer-To", "owner@example.com"),
            ("X-Peer-From", "box@example.com"),
            ("From", "\"Maple Dental\" <box@example.com>"),
            ("Auto-Submitted", "auto-generated"),
        ] {
            ensure!(
                header(mail, name) == value,
                "{name}: {}",
                header(mail, name)
            );
        }
        ensure!(
            mail.contains("Subject: [Maple Dental] Calls to a country"),
            "{mail}"
        );
        // Quoted-printable breaks long lines, but not these.
        ensure!(
            mail.contains("1000 times"),
            "not the count of the burst: {mail}"
        );
        let well = until(&guard, "delivered", |c| c["accepted_ms"].is_i64())?;
        ensure!(well["waiting"] == 0 && well["error"].is_null(), "{well:#}");

        // A restart sends nothing again.
        guard.stop()?;
        guard.start()?;
        refused(&guard, "after-the-restart")?;
        until(&guard, "up again", |c| c["accepted_ms"].is_i64())?;
        let outbox = guard.json(&["alerts", "outbox"])?;
        ensure!(outbox.as_array().map(Vec::len) == Some(1), "{outbox:#}");
        ensure!(
            outbox[0]["deliveries"][0]["state"] == "accepted",
            "{outbox:#}"
        );
        smtp.wait(1, Duration::ZERO)?;
        Ok(())
    });
}

/// Quiet hours around the clock, an alert a moment ago: a call for help is told all the same, and so is the next.
#[test]
fn alerts_mail_a_call_for_help_is_told_at_once_and_each_time() {
    Office::run(|office| {
        let smtp = Peer::mail(office, 5_871, &[])?;
        let always = "[alerts.quiet]\nfrom = \"00:00\"\nto = \"23:59\"";
        let guard = office.guard(&mail(5_871, &format!("{PLAIN}\n{always}")))?;
        refused(&guard, "before")?;
        smtp.wait(1, SOON)?;
        let udp = Udp::at(address::SCRIPT, guard.listens())?;
        let began = Instant::now();
        for (number, call) in [("988", "crisis"), ("911", "help")] {
            ensure!(udp.ask(number, call)?.status() == Some(302), "{number}");
        }
        let got = smtp.wait(2, Duration::from_secs(19))?;
        println!(
            "figure: from a call to 911 to its mail: {:?}",
            began.elapsed()
        );
        let told = &got[1];
        ensure!(
            told.contains("Subject: [Maple Dental] An emergency call was made"),
            "{told}"
        );
        for fact in ["script", "1001", "911", "First"] {
            ensure!(told.contains(fact), "no {fact}: {told}");
        }
        ensure!(!told.contains("988"), "the crisis line is told of: {told}");
        // Its owner has seen that one; the next one is an incident of its own, told at once.
        ensure!(guard.cli(&["alerts", "--acknowledge"])?.code == 0);
        ensure!(udp.ask("911", "again")?.status() == Some(302));
        let got = smtp.wait(3, Duration::from_secs(19))?;
        ensure!(got[2].contains("An emergency call was made"), "{}", got[2]);
        Ok(())
    });
}

#[test]
fn alerts_mail_the_test_message_goes_every_way_that_is_set() {
    Office::run(|office| {
        let (server, list) = peers::certificate(office, "mail")?;
        let server = server.to_string_lossy().into_owned();
        let login = json!({"login": ["box@example.com", "correct horse"]});
        for (port, arguments, settings, mood, tls) in [
            (5_001, vec![], PLAIN.to_owned(), json!({}), "no"),
            (
                5_002,
                vec!["--certificate", &server],
                OWNER.to_owned(),
                json!({}),
                "yes",
            ),
            (
                5_003,
                vec!["--certificate", &server],
                LOGIN.to_owned(),
                login.clone(),
                "yes",
            ),
            (
                5_004,
                vec!["--certificate", &server, "--tls"],
                format!("security = \"tls\"\n{OWNER}"),
                json!({}),
                "yes",
            ),
            (
                5_005,
                vec!["--certificate", &server, "--tls"],
                format!("security = \"tls\"\n{LOGIN}"),
                login,
                "yes",
            ),
        ] {
            let smtp = Peer::mail(office, port, &arguments)?;
            smtp.mood(&mood)?;
            let mut guard = Guard::new(office, &mail(port, &settings))?;
            guard.variable("SSL_CERT_FILE", &list.to_string_lossy());
            let said = guard.cli(&["alerts", "test", "--channel", "mail"])?;
            ensure!(
                said.code == 0 && said.out == "mail:owner@example.com: taken\n",
                "{settings}: {said:?}"
            );
            let got = smtp.wait(1, Duration::ZERO)?;
            ensure!(
                header(&got[0], "Subject") == "[Maple Dental] Test message",
                "{}",
                got[0]
            );
            ensure!(header(&got[0], "X-Peer-Tls") == tls, "{}", got[0]);
            smtp.stop();
        }
        Ok(())
    });
}

#[test]
fn alerts_mail_what_is_wrong_is_said() {
    Office::run(|office| {
        let (server, list) = peers::certificate(office, "mail")?;
        let (other, _) = peers::certificate(office, "other")?;
        let (server, other) = (server.to_string_lossy(), other.to_string_lossy());
        let login = json!({"login": ["box@example.com", "another horse"]});
        let tls = format!("security = \"tls\"\n{OWNER}");
        for (port, arguments, settings, mood, says) in [
            (
                5_011,
                vec!["--certificate", &server],
                LOGIN,
                login,
                "refuses the login (535",
            ),
            (
                5_012,
                vec![],
                PLAIN,
                json!({"refuse": ["owner@example.com"]}),
                "refuses the recipient (550",
            ),
            (
                5_013,
                vec!["--certificate", &other],
                OWNER,
                json!({}),
                "is not to be trusted",
            ),
            (
                5_014,
                vec!["--certificate", &other, "--tls"],
                tls.as_str(),
                json!({}),
                "is not to be trusted",
            ),
            (5_015, vec![], OWNER, json!({}), "does not offer STARTTLS"),
            (5_016, vec![], PLAIN, json!({"hang_up": true}), "hung up"),
            (
                5_017,
                vec![],
                PLAIN,
                json!({"later": 9}),
                "asks for another try (450",
            ),
            (
                5_018,
                vec![],
                PLAIN,
                json!({"reply": "554 5.7.1 looks like spam"}),
                "refuses the text (554",
            ),
            (5_019, vec!["--silent"], PLAIN, json!({}), "falls silent"),
            (
                5_020,
                vec!["--endless"],
                PLAIN,
                json!({}),
                "sends without end",
            ),
            (
                5_021,
                vec![],
                tls.as_str(),
                json!({}),
                "no mail server answers",
            ),
            (
                5_022,
                vec!["--certificate", &server],
                LOGIN,
                json!({}),
                "refuses the login",
            ),
        ] {
            let smtp = Peer::mail(office, port, &arguments)?;
            smtp.mood(&mood)?;
            let mut guard = Guard::new(office, &mail(port, settings))?;
            guard.variable("SSL_CERT_FILE", &list.to_string_lossy());
            let (code, said) = test(&guard)?;
            ensure!(
                code == 1 && said.contains(says),
                "{port}, expected {says}: {code} {said}"
            );
            ensure!(!said.contains("horse"), "the password is shown: {said}");
            smtp.wait(0, Duration::ZERO)?;
            smtp.stop();
        }
        let guard = Guard::new(office, &mail(5_023, PLAIN))?;
        let (code, said) = test(&guard)?;
        ensure!(code == 1 && said.contains("nobody listens"), "{said}");
        // Nobody to tell, and a channel that there is not.
        let said = guard.cli(&["alerts", "test", "--channel", "chat"])?;
        ensure!(
            said.code == 2 && said.err.contains("there is mail"),
            "{said:?}"
        );
        guard.apply(&policy(""))?;
        let said = guard.cli(&["alerts", "test"])?;
        ensure!(
            said.code == 2 && said.err.contains("no channel is set"),
            "{said:?}"
        );
        Ok(())
    });
}

/// One of two addresses is refused for good, which is told; the other asks to come again, and gets it.
#[test]
fn alerts_mail_each_address_is_its_own() {
    Office::run(|office| {
        let smtp = Peer::mail(office, 5_031, &[])?;
        smtp.mood(&json!({"refuse": ["gone@example.com"], "later": 1}))?;
        let both = "security = \"none\"\nto = [\"gone@example.com\", \"owner@example.com\"]";
        let guard = office.guard(&mail(5_031, both))?;
        refused(&guard, "call")?;
        let got = smtp.wait(1, SOON * 2)?;
        ensure!(
            header(&got[0], "X-Peer-To") == "owner@example.com",
            "{}",
            got[0]
        );
        ensure!(
            header(&got[0], "To") == "gone@example.com, owner@example.com",
            "{}",
            got[0]
        );
        until(&guard, "refused", |c| {
            c["waiting"] == 0 && c["error"].is_string()
        })?;
        let outbox = guard.json(&["alerts", "outbox"])?;
        let first = outbox
            .as_array()
            .and_then(|list| list.last())
            .context("an empty outbox")?;
        ensure!(first["deliveries"][0]["state"] == "given-up", "{outbox:#}");
        ensure!(first["deliveries"][1]["state"] == "accepted", "{outbox:#}");
        ensure!(first["deliveries"][1]["tries"] == 2, "{outbox:#}");
        let alerts = guard.json(&["alerts"])?;
        let kinds: Vec<&str> = alerts
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|a| a["kind"].as_str())
            .collect();
        ensure!(kinds.contains(&"alerts-undelivered"), "{alerts:#}");
        Ok(())
    });
}

#[test]
fn alerts_mail_what_waits_survives_kill_9() {
    Office::run(|office| {
        let mut guard = office.guard(&mail(5_041, PLAIN))?;
        refused(&guard, "while-the-server-is-away")?;
        let waiting = until(&guard, "tried", |c| {
            c["waiting"] == 1 && c["error"].is_string()
        })?;
        ensure!(
            waiting["error"]
                .as_str()
                .unwrap_or("")
                .contains("nobody listens"),
            "{waiting:#}"
        );
        guard.kill();
        let smtp = Peer::mail(office, 5_041, &[])?;
        guard.start()?;
        let got = smtp.wait(1, SOON)?;
        ensure!(got[0].contains("Calls to a country"), "{}", got[0]);
        until(&guard, "delivered", |c| {
            c["waiting"] == 0 && c["error"].is_null()
        })?;
        Ok(())
    });
}

/// The one moment in which a mail can come twice: both bear the same Message-ID.
#[test]
fn alerts_mail_killed_between_the_answer_and_the_note() {
    Office::run(|office| {
        let smtp = Peer::mail(office, 5_051, &[])?;
        let mut guard = office.guard(&mail(5_051, PLAIN))?;
        smtp.mood(&json!({"kill": guard.id().context("no process")?}))?;
        refused(&guard, "call")?;
        smtp.wait(1, SOON)?;
        let started = Instant::now();
        while guard.running() && started.elapsed() < SOON {
            std::thread::sleep(Duration::from_millis(5));
        }
        ensure!(!guard.running(), "the box was not killed");
        smtp.mood(&json!({}))?;
        guard.start()?;
        let got = smtp.wait(2, SOON)?;
        let id = header(&got[0], "Message-ID");
        ensure!(
            id.len() > 32 && header(&got[1], "Message-ID") == id,
            "{got:#?}"
        );
        until(&guard, "delivered", |c| c["waiting"] == 0)?;
        let outbox = guard.json(&["alerts", "outbox"])?;
        ensure!(
            outbox[0]["deliveries"][0]["state"] == "accepted",
            "{outbox:#}"
        );
        Ok(())
    });
}

/// Calls are answered while a mail server hangs.
#[test]
fn alerts_mail_a_silent_server_keeps_no_call_waiting() {
    Office::run(|office| {
        let _smtp = Peer::mail(office, 5_061, &["--silent"])?;
        let mut guard = office.guard(&mail(5_061, PLAIN))?;
        refused(&guard, "first")?;
        let udp = Udp::at(address::SCRIPT, guard.listens())?;
        let failed = |c: &Value| {
            c["error"]
                .as_str()
                .is_some_and(|e| e.contains("falls silent"))
        };
        let started = Instant::now();
        let (mut calls, mut longest) = (0, Duration::ZERO);
        while !failed(&channel(&guard)?) {
            ensure!(started.elapsed() < SOON, "{:#}", channel(&guard)?);
            calls += 1;
            let asked = Instant::now();
            let status = udp.ask(BLOCKED, &format!("call-{calls}"))?.status();
            longest = longest.max(asked.elapsed());
            ensure!(status == Some(603), "{status:?}");
        }
        ensure!(
            calls > 50 && longest < Duration::from_secs(2),
            "{calls} calls, one in {longest:?}"
        );
        guard.stop()?;
        Ok(())
    });
}
