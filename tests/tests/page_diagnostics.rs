//! Diagnostics on the page: the checks, SIP messages of a call, the support file.
#![allow(clippy::unwrap_used)]

use std::{fs, time::Duration};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    Office, address,
    page::Page,
    tools,
    wire::{self, Udp},
};

fn policy(numbers: &str) -> String {
    format!(
        r#"
[settings]
mode = "prevent"
country = "US"
log_numbers = "{numbers}"
[[client]]
name = "shop"
addresses = ["127.0.0.50"]
credentials = {{ username = "pbx", password = "correct horse battery" }}
[[client]]
name = "script"
addresses = ["127.0.0.51"]
"#
    )
}

/// Places a call that carries credentials, and a body with a key.
fn call(page: &Page, id: &str) -> Result<()> {
    let udp = Udp::at(address::SCRIPT, page.guard.listens())?;
    let more =
        "Authorization: Digest username=\"pbx\", response=\"00112233445566778899aabbccddeeff\"\r\n";
    udp.send(&wire::request(
        "INVITE",
        udp.here,
        "UDP",
        "12125550123",
        id,
        "",
        more,
    ))?;
    let answer = udp.receive(Duration::from_secs(5))?.context("no answer")?;
    ensure!(answer.status() == Some(403), "{answer:?}");
    Ok(())
}

#[test]
fn messages_of_a_call_are_kept_only_while_somebody_asks_and_without_credentials() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, &policy("masked"))?;
        let owner = page.owner()?;
        call(&page, "unseen")?;
        ensure!(owner.page("/box/diagnostics")?.has("Nothing recorded"));
        let on = owner.submit(
            "/box/diagnostics",
            "/box/diagnostics/record",
            &[("on", "yes")],
        )?;
        assert_eq!(on.status, 303, "{on:?}");
        call(&page, "seen")?;
        // Of a stranger nothing is kept.
        let stranger = Udp::at(address::STRANGER, page.guard.listens())?;
        stranger.send(&wire::invite(
            stranger.here,
            "UDP",
            "12125550199",
            "strange",
        ))?;
        let list = owner.page("/box/diagnostics")?;
        ensure!(
            list.has("Recording;") && list.has("INVITE sip:1212555****@"),
            "{list:?}"
        );
        ensure!(!list.has("unseen") && !list.has("strange"), "{list:?}");
        let ladder = owner.page("/box/diagnostics/call?id=seen%40127.0.0.50")?;
        ensure!(ladder.has("Authorization: (blanked)"), "{ladder:?}");
        ensure!(ladder.has("SIP/2.0 403"), "{ladder:?}");
        ensure!(
            !ladder.has("00112233") && !ladder.has("12125550123"),
            "{ladder:?}"
        );
        assert_eq!(owner.get("/box/diagnostics/call?id=other")?.status, 404);

        let shown = page.guard.cli(&["trace"])?;
        ensure!(
            shown.code == 0 && shown.out.contains("INVITE sip:1212555****"),
            "{shown:?}"
        );
        owner.submit(
            "/box/diagnostics",
            "/box/diagnostics/record",
            &[("on", "no")],
        )?;
        call(&page, "later")?;
        let list = owner.page("/box/diagnostics")?;
        ensure!(!list.has("Recording;") && !list.has("later"), "{list:?}");
        Ok(())
    });
}

#[test]
fn the_support_file_holds_everything_but_secrets() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, &policy("full"))?;
        let owner = page.owner()?;
        let script = Udp::at([127, 0, 0, 51].into(), page.guard.listens())?;
        ensure!(script.ask("12125550123", "one")?.status() == Some(302));
        let path = "/box/diagnostics";
        let unsigned = owner.post(path, &[])?;
        ensure!(
            unsigned.status != 200,
            "only by the page's own form: {unsigned:?}"
        );
        let file = owner.submit(path, path, &[])?;
        assert_eq!(
            (file.status, file.header("content-type")),
            (200, Some("application/zip"))
        );
        let saved = office.folder().join("support.zip");
        fs::write(&saved, &file.body)?;
        let saved = saved.to_string_lossy();
        ensure!(tools::run("python3", &["-m", "zipfile", "-t", &saved])?.contains("Done"));
        let list = tools::run("python3", &["-m", "zipfile", "-l", &saved])?;
        for name in [
            "README.txt",
            "version.txt",
            "status.json",
            "doctor.txt",
            "policy.toml",
            "ruleset.nft",
            "calls.csv",
            "alerts.json",
            "sip.txt",
            "log.txt",
        ] {
            ensure!(
                list.contains(&format!("trunkguard-support/{name}")),
                "{name} in {list}"
            );
        }
        // What is in it is stored as it is.
        let text = String::from_utf8_lossy(&file.body);
        ensure!(text.contains("12125550123") && text.contains("(blanked)"));
        for secret in [
            "correct horse",
            trunkguard_tests::page::PASSWORD,
            "argon2",
            "PRIVATE KEY",
        ] {
            ensure!(!text.contains(secret), "{secret}");
        }
        Ok(())
    });
}

#[test]
fn the_checks_are_those_of_the_command() {
    Office::run(|office| -> Result<()> {
        let page = Page::open(office, &policy("full"))?;
        let owner = page.owner()?;
        ensure!(
            !owner.page("/box/diagnostics")?.has("checks are well"),
            "not unasked"
        );
        let answer = owner.page("/box/diagnostics?checks=run")?;
        ensure!(answer.has("checks are well"), "{answer:?}");
        Ok(())
    });
}
