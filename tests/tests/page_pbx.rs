//! The page's PBX: what it writes is what the command writes, its button edits the policy, and what PBXs say of
//! themselves is shown and judged.
#![allow(clippy::unwrap_used)]

use std::{process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    Office, address,
    page::{Browser, Page, encode},
    tools,
    wire::{Udp, request},
};

const POLICY: &str = "[settings]\ncountry = \"CA\"\narea_code = 416\n[[client]]\nname = \"office\"\n\
                      addresses = [\"127.0.0.50\"]\n[client.policy]\noff = [\"scanner\"]\n";

const ANSWERS: [(&str, &str); 9] = [
    ("pbx", "freepbx"),
    ("the_box", "192.168.1.20"),
    ("pbx_address", "192.168.1.10"),
    ("name", "office"),
    ("account", "100000_office"),
    ("pop", "montreal10.voip.ms"),
    ("did", "4165551234"),
    ("country", "CA"),
    ("area_code", "416"),
];

fn answers<'a>(changed: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = ANSWERS
        .iter()
        .filter(|(name, _)| changed.iter().all(|(set, _)| set != name));
    kept.chain(changed).copied().collect()
}

/// The same answers, given to the command.
fn command(answers: &[(&str, &str)]) -> Result<serde_json::Value> {
    let mut command = Command::new(tools::trunkguard()?);
    command.arg("pbx-config").arg("--json");
    for (name, value) in answers {
        let flag = if *name == "the_box" { "box" } else { name };
        command
            .arg(format!("--{}", flag.replace('_', "-")))
            .arg(value);
    }
    let out = command.output()?;
    ensure!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    Ok(serde_json::from_slice(&out.stdout)?)
}

fn open(office: &Office) -> Result<(Page, Browser)> {
    let page = Page::open(office, POLICY)?;
    let owner = page.owner()?;
    Ok((page, owner))
}

#[test]
fn page_pbx_writes_what_the_command_writes() {
    Office::run(|office| {
        let (_page, owner) = open(office)?;
        let form = owner.page("/pbx")?.form("/pbx/setup")?;
        for known in [
            ("pbx_address", "127.0.0.50"),
            ("name", "office"),
            ("country", "CA"),
            ("area_code", "416"),
        ] {
            let there = form
                .iter()
                .any(|(name, value)| (&**name, &**value) == known);
            ensure!(there, "{known:?} is not prefilled: {form:?}");
        }
        for changed in [
            &[][..],
            &[("pbx", "freeswitch")],
            &[("pbx", "asterisk-pjsip"), ("outside_prefix", "9")],
        ] {
            let answers = answers(changed);
            let wanted = command(&answers)?;
            let shown = owner.page(&format!("/pbx/setup?{}", encode(&answers)))?;
            ensure!(
                shown.has(wanted["title"].as_str().context("title")?),
                "{}",
                shown.text()
            );
            let files = wanted["files"].as_array().context("files")?;
            for (n, file) in files.iter().enumerate() {
                let got = owner.page(&format!("/pbx/file?{}&file={n}", encode(&answers)))?;
                ensure!(
                    got.text() == file["text"].as_str().context("text")?,
                    "{}",
                    got.text()
                );
            }
            let none = owner.get(&format!(
                "/pbx/file?{}&file={}",
                encode(&answers),
                files.len()
            ))?;
            ensure!(none.status == 404, "{none:?}");
        }
        Ok(())
    });
}

#[test]
fn page_pbx_says_all_that_is_wrong_and_changes_nothing() {
    Office::run(|office| {
        let (page, owner) = open(office)?;
        let wrong = answers(&[
            ("did", "1416<script>"),
            ("pop", "example.org"),
            ("method", "failover"),
        ]);
        let shown = owner.page(&format!("/pbx/setup?{}", encode(&wrong)))?;
        ensure!(
            shown.has("ten digits") && shown.has("montreal10.voip.ms"),
            "{}",
            shown.text()
        );
        ensure!(
            !shown.has("<script>1") && !shown.has("1416<script>"),
            "{}",
            shown.text()
        );
        // What was typed is still there.
        let form = shown.form("/pbx/setup")?;
        ensure!(
            form.contains(&("account".into(), "100000_office".into())),
            "{form:?}"
        );
        let together = answers(&[("method", "failover")]);
        let shown = owner.page(&format!("/pbx/setup?{}", encode(&together)))?;
        ensure!(shown.has("next trunk"), "{}", shown.text());

        let before = page.guard.cli(&["export"])?.out;
        let csrf = owner
            .page(&format!("/pbx/setup?{}", encode(&answers(&[]))))?
            .csrf();
        let mark = csrf.unwrap_or_default();
        let fields: Vec<(&str, &str)> = [("csrf", &*mark)].into_iter().chain(wrong).collect();
        let refused = owner.post("/pbx/client", &fields)?;
        ensure!(refused.status >= 400, "{refused:?}");
        ensure!(
            page.guard.cli(&["export"])?.out == before,
            "the policy has changed"
        );
        Ok(())
    });
}

#[test]
fn page_pbx_adds_the_client_by_its_button() {
    Office::run(|office| {
        let (page, owner) = open(office)?;
        let answers = answers(&[("deny_code", "486"), ("emergency", "999")]);
        let query = encode(&answers);
        let without = owner.post("/pbx/client", &answers)?;
        ensure!(without.status >= 400, "without its mark: {without:?}");
        let done = owner.submit(&format!("/pbx/setup?{query}"), "/pbx/client", &[])?;
        ensure!(done.location() == Some("/pbx?done=1"), "{done:?}");
        ensure!(
            owner.page("/pbx?done=1")?.has("client of the policy now"),
            "no word of it"
        );
        let policy = page.guard.cli(&["export"])?.out;
        for line in [
            "addresses = [\"192.168.1.10\"]",
            "deny_code = 486",
            "emergency = [\"999\"]",
            "off = [\"scanner\"]",
        ] {
            ensure!(policy.contains(line), "{line} is not in\n{policy}");
        }
        ensure!(policy.matches("\n[[client]]\n").count() == 1, "{policy}");
        // It is in force: the old address is a stranger's now.
        let status = page.guard.cli(&["status"])?.out;
        ensure!(status.contains("office (redirect)"), "{status}");
        Ok(())
    });
}

#[test]
fn page_pbx_judges_what_pbxs_say_they_are() {
    Office::run(|office| {
        let (page, owner) = open(office)?;
        ensure!(owner.page("/pbx")?.has("has not said yet"), "who spoke?");
        let pbx = Udp::at(address::SCRIPT, page.guard.listens())?;
        let says = |agent: &str, call: &str| -> Result<()> {
            let options = request("OPTIONS", pbx.here, "UDP", "box", call, "", "");
            pbx.send(&options.replace("User-Agent: script", &format!("User-Agent: {agent}")))?;
            pbx.receive(Duration::from_secs(5))?.context("no answer")?;
            Ok(())
        };
        says("FPBX-15.0.16.26(16.6.2)", "one")?;
        let shown = owner.page("/pbx")?;
        for known in [
            "CVE-2019-19006",
            "may be vulnerable",
            "not repaired any more",
            "CVE-2025-57819",
            "cannot be seen from here",
        ] {
            ensure!(shown.has(known), "{known}: {}", shown.text());
        }
        let status = page.guard.cli(&["status"])?.out;
        ensure!(
            status.contains("may be vulnerable: CVE-2019-19006"),
            "{status}"
        );
        let doctor = page.guard.cli(&["doctor"])?.out;
        ensure!(doctor.contains("15.0.16.27 or later"), "{doctor}");
        Ok(())
    });
}
