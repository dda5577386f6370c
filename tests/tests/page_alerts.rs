//! The page's alerts: incidents, channels, a test message and the outbox, as an owner without a script uses them.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use trunkguard_tests::{
    Office, address,
    page::Page,
    peers::{ADDRESS, Peer},
    scenario::BLOCKED,
    wire::Udp,
};

const POLICY: &str = r#"format = 1
[settings]
mode = "prevent"
country = "US"
[alerts]
digest = "off"
[policy.block]
countries = ["CU"]
[[client]]
name = "script"
addresses = ["127.0.0.50"]
"#;

const SECRETS: [&str; 3] = ["correct horse", "signing key", "path-that-lets-one-post"];

#[test]
fn page_alerts_from_the_first_channel_to_the_outbox() {
    Office::run(|office| {
        let smtp = Peer::mail(office, 5_071, &[])?;
        let web = Peer::web(office, 8_071)?;
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        ensure!(
            owner.page("/alerts")?.has("Nothing needs a look"),
            "a new box has an incident"
        );
        ensure!(
            owner.page("/alerts/channels")?.has("Nobody is told"),
            "a new box tells somebody"
        );

        // Two channels, by the forms as they stand there.
        let server = ADDRESS.to_string();
        let mail = [
            ("server", server.as_str()),
            ("port", "5071"),
            ("security", "none"),
            ("from", "box@example.com"),
            ("to", "owner@example.com\r\nother@example.com"),
        ];
        let saved = owner.submit("/alerts/channels", "/alerts/mail", &mail)?;
        ensure!(saved.location() == Some("/alerts/channels"), "{saved:?}");
        let hook = [
            ("name", "chat"),
            ("url", &*format!("http://{ADDRESS}:8071/{}", SECRETS[2])),
            ("secret", SECRETS[1]),
        ];
        let saved = owner.submit("/alerts/channels", "/alerts/webhook", &hook)?;
        ensure!(saved.status == 303, "{saved:?}");
        let general = [
            ("name", "Maple Dental"),
            ("language", "fr"),
            ("from", "22:00"),
            ("to", "07:00"),
        ];
        ensure!(
            owner
                .submit("/alerts/channels", "/alerts/general", &general)?
                .status
                == 303,
            "general"
        );
        let kinds = [("number", "off"), ("country", "urgent")];
        ensure!(
            owner
                .submit("/alerts/channels", "/alerts/kinds", &kinds)?
                .status
                == 303,
            "kinds"
        );
        let policy = page.guard.cli(&["export"])?.out;
        for line in [
            "name = \"Maple Dental\"",
            "language = \"fr\"",
            "digest = \"off\"",
            "from = \"22:00\"",
            "number = \"off\"",
            "\"other@example.com\"",
            SECRETS[1],
        ] {
            ensure!(policy.contains(line), "not in the policy: {line}\n{policy}");
        }
        ensure!(
            !policy.contains("country = \"urgent\""),
            "a default is written down:\n{policy}"
        );

        // A test message, with what became of it; the web server refuses.
        web.answers(&[404, 200])?;
        let tested = owner.submit("/alerts/channels", "/alerts/test", &[("channel", "")])?;
        ensure!(
            tested.status == 200 && tested.has("mail:other@example.com"),
            "{tested:?}"
        );
        ensure!(tested.has("refuses it with 404"), "{tested:?}");
        ensure!(
            smtp.wait(2, Duration::ZERO)?[0].contains("Message d'essai"),
            "no French"
        );

        // A call that the policy is against: seen, told, acknowledged.
        let udp = Udp::at(address::SCRIPT, page.guard.listens())?;
        ensure!(
            udp.ask(BLOCKED, "call")?.status() == Some(603),
            "the call went through"
        );
        smtp.wait(4, Duration::from_secs(60))?;
        let list = owner.page("/alerts")?;
        for text in [
            "Calls to a country that is not allowed",
            "script 1001",
            "What to do",
            "I have seen it",
        ] {
            ensure!(list.has(text), "{text}: {list:?}");
        }
        let outbox = delivered(&owner)?;
        ensure!(
            outbox.has("Maple Dental") && outbox.has("webhook:chat"),
            "{outbox:?}"
        );
        for which in [&[("incident", "1")][..], &[]] {
            let seen = owner.post(
                "/alerts/acknowledge",
                &[&[("csrf", &*list.csrf()?)], which].concat(),
            )?;
            ensure!(seen.location() == Some("/alerts"), "{seen:?}");
        }
        ensure!(
            owner.page("/alerts")?.has("Nothing needs a look"),
            "still open"
        );

        // No secret on any page; what is wrong is said and changes nothing.
        for path in ["/alerts", "/alerts/channels", "/alerts/outbox"] {
            let page = owner.page(path)?;
            for secret in SECRETS {
                ensure!(!page.has(secret), "{path} shows {secret}");
            }
        }
        let wrong = [("server", "smtp.example.com"), ("security", "none")];
        let refused = owner.submit("/alerts/channels", "/alerts/mail", &wrong)?;
        ensure!(
            refused.status == 422 && refused.has("alerts.mail.security"),
            "{refused:?}"
        );
        ensure!(
            page.guard.cli(&["export"])?.out == policy,
            "a refused change is stored"
        );
        Ok(())
    });
}

/// The outbox, once nothing waits in it.
fn delivered(owner: &trunkguard_tests::page::Browser) -> Result<trunkguard_tests::page::Answer> {
    let started = Instant::now();
    loop {
        let outbox = owner.page("/alerts/outbox")?;
        if outbox.has("tag good") && !outbox.has("tag warn") {
            return Ok(outbox);
        }
        ensure!(started.elapsed() < Duration::from_secs(20), "{outbox:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A stored password goes only to the server that it was typed for, and nothing is changed without the
/// session's own form.
#[test]
fn page_alerts_keep_a_password_where_it_belongs() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        let mail = [
            ("server", "smtp.example.com"),
            ("username", "box@example.com"),
            ("password", SECRETS[0]),
            ("from", "box@example.com"),
            ("to", "owner@example.com"),
        ];
        ensure!(
            owner
                .submit("/alerts/channels", "/alerts/mail", &mail)?
                .status
                == 303,
            "not saved"
        );
        let again = owner.submit(
            "/alerts/channels",
            "/alerts/mail",
            &[("to", "new@example.com")],
        )?;
        ensure!(again.status == 303, "{again:?}");
        let stored = page.guard.cli(&["export"])?.out;
        ensure!(
            stored.contains(SECRETS[0]) && stored.contains("new@example.com"),
            "{stored}"
        );
        let elsewhere = owner.submit(
            "/alerts/channels",
            "/alerts/mail",
            &[("server", "evil.example")],
        )?;
        ensure!(
            elsewhere.status == 422 && elsewhere.has("type the password again"),
            "{elsewhere:?}"
        );
        let forged = owner.post("/alerts/mail", &mail)?;
        ensure!(forged.status >= 400, "{forged:?}");
        let nobody = page.browser().post("/alerts/acknowledge", &[])?;
        ensure!(nobody.status >= 300, "{nobody:?}");
        let log = page.guard.log();
        ensure!(!log.contains(SECRETS[0]), "the log shows the password");
        let removed = owner.submit("/alerts/channels", "/alerts/mail", &[("remove", "true")])?;
        ensure!(removed.status == 303, "{removed:?}");
        ensure!(
            !page.guard.cli(&["export"])?.out.contains("alerts.mail"),
            "still there"
        );
        Ok(())
    });
}
