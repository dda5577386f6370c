//! The whole page in a real browser (Chromium), as `tests/page/walk.mjs` walks it: set-up, every page, keyboard, phone and
//! desk, light and dark, without JavaScript, by axe-core's rules. The lists hold what strangers and phones can put there.
#![allow(clippy::unwrap_used)]

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    Guard, Office, Process, address, tools,
    wire::{Udp, request},
};

const PAGE: (Ipv4Addr, u16) = (address::BOX, 8443);
const PASSWORD: &str = "seven green lamps at noon";
/// What a browser would run, were it not escaped; and what turns a line around (Unicode Bidirectional Algorithm, U+202E).
const HOSTILE: &str = "<script>alert(1)</script><img src=x onerror=alert(2)>\u{202e}'\"&";

const POLICY: &str = r#"
format = 1
[settings]
mode = "prevent"
country = "US"
[policy.allow]
countries = ["US"]
[[client]]
name = "office"
addresses = ["127.0.0.50"]
"#;

#[test]
fn page_browser_walks_every_page() {
    Office::run(|office| {
        let mut guard = Guard::new(office, POLICY)?;
        let at = SocketAddr::from(PAGE);
        guard.option("--web");
        guard.option(&at.to_string());
        guard.start()?;
        let log = guard.log();
        let code = (log.split("type this code: ").nth(1))
            .and_then(|rest| rest.split_whitespace().next())
            .context("no set-up code in the log")?;
        calls(&guard)?;

        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
        ensure!(
            folder.join("node_modules/axe-core").exists(),
            "tests/page has no node_modules: run tests/setup.sh"
        );
        let variables = [
            ("PAGE_URL", format!("https://{at}")),
            ("PAGE_CODE", code.to_owned()),
            ("PAGE_PASSWORD", PASSWORD.to_owned()),
            (
                "PAGE_CHROMIUM",
                tools::on_path("chromium")?.to_string_lossy().into_owned(),
            ),
            // Chromium keeps a profile, and wants a home for it.
            ("HOME", office.folder().to_string_lossy().into_owned()),
        ];
        let variables = variables.map(|(name, value)| format!("{name}={value}"));
        let script = folder.join("walk.mjs");
        let node = tools::on_path("node")?;
        let mut arguments: Vec<&str> = variables.iter().map(String::as_str).collect();
        let (node, script) = (node.to_string_lossy(), script.to_string_lossy());
        arguments.extend([&*node, &*script]);
        let mut walk = Process::start(&tools::on_path("env")?, &arguments, &office.log("walk"))?;
        let status = walk.wait(Duration::from_secs(900))?;
        let said = walk.printed();
        println!("{said}");
        ensure!(status.success(), "the walk ended with {status}");
        ensure!(guard.running(), "the box has ended");
        Ok(())
    });
}

/// Calls of all kinds, some by names that are meant for the browser.
fn calls(guard: &Guard) -> Result<()> {
    let client = Udp::at(address::SCRIPT, guard.listens())?;
    for (n, number) in [
        "12125550123",
        "011442071838750",
        "911",
        "01126377123456",
        "18005550100",
    ]
    .iter()
    .enumerate()
    {
        client.ask(number, &format!("usual-{n}"))?;
    }
    let said = format!("P-tfps: {HOSTILE};domain;10.0.0.9;{HOSTILE};1\r\n");
    for n in 0..3 {
        let call = format!("hostile-{n}");
        let number = ["011442071838750", "12125550123", "%3Cscript%3E"][n];
        client.send(&request(
            "INVITE",
            client.here,
            "UDP",
            number,
            &call,
            "",
            &said,
        ))?;
        client
            .receive(Duration::from_secs(5))?
            .context("no answer")?;
    }
    // A stranger, for the lists of those.
    let stranger = Udp::at(address::STRANGER, guard.listens())?;
    stranger.send(&request(
        "REGISTER",
        stranger.here,
        "UDP",
        HOSTILE,
        "stranger",
        "",
        "",
    ))?;
    Ok(())
}
