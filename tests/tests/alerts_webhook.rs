//! Alerts by webhook, to a real web server in the office's network.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use trunkguard_tests::{
    Office, address,
    peers::{ADDRESS, Peer},
    scenario::BLOCKED,
    tools,
    wire::Udp,
};

const SOON: Duration = Duration::from_secs(60);

fn policy(webhooks: &str) -> String {
    format!(
        r#"format = 1
[settings]
mode = "detect"
country = "US"
[alerts]
digest = "off"
{webhooks}
[policy.block]
countries = ["CU"]
[[client]]
name = "script"
addresses = ["127.0.0.50"]
"#
    )
}

fn hook(name: &str, port: u16, path: &str, more: &str) -> String {
    format!(
        "[[alerts.webhook]]\nname = \"{name}\"\nurl = \"http://{ADDRESS}:{port}{path}\"\n{more}\n"
    )
}

fn request(got: &str) -> Result<(Value, Value)> {
    let request: Value = serde_json::from_str(got)?;
    let body = request["body"].as_str().context("no body")?;
    let body = serde_json::from_str(body)?;
    Ok((request, body))
}

/// What `openssl` says of the signature, as a receiver would ask.
fn hmac(secret: &str, text: &str) -> Result<String> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), text)?;
    let path = file.path().to_string_lossy().into_owned();
    let said = tools::run("openssl", &["dgst", "-sha256", "-hmac", secret, &path])?;
    Ok(said.rsplit("= ").next().unwrap_or("").trim().to_owned())
}

#[test]
fn alerts_webhook_is_signed_and_tried_again() {
    Office::run(|office| {
        let web = Peer::web(office, 8_001)?;
        web.answers(&[500, 200])?;
        let secret = "secret = \"a shared secret\"";
        let guard = office.guard(&policy(&hook("program", 8_001, "/hook?x=1", secret)))?;
        let udp = Udp::at(address::SCRIPT, guard.listens())?;
        // In Detect the call goes through, and that is said.
        let status = udp.ask(BLOCKED, "call")?.status();
        ensure!(status == Some(302), "{status:?}");
        let got = web.wait(2, SOON * 2)?;
        let (first, body) = request(&got[0])?;
        let (second, again) = request(&got[1])?;
        ensure!(body == again, "the second try says something else");
        ensure!(first["path"] == "/hook?x=1", "{first:#}");
        let header = |request: &Value, name: &str| {
            request["headers"][name].as_str().unwrap_or("").to_owned()
        };
        let id = header(&first, "x-trunkguard-delivery");
        ensure!(
            body["id"] == id.as_str() && header(&second, "x-trunkguard-delivery") == id,
            "{first:#}"
        );
        ensure!(
            body["mode"] == "detect" && body["incidents"][0]["kind"] == "country",
            "{body:#}"
        );
        ensure!(body["incidents"][0]["client"] == "script", "{body:#}");
        for request in [&first, &second] {
            let signature = header(request, "x-trunkguard-signature");
            let (time, digest) = signature.split_once(",v1=").context("no signature")?;
            let time = time.strip_prefix("t=").context("no time")?;
            let signed = format!("{time}.{}", request["body"].as_str().unwrap_or(""));
            ensure!(digest == hmac("a shared secret", &signed)?, "{signature}");
        }
        Ok(())
    });
}

#[test]
fn alerts_webhook_redirects_are_not_followed_and_refusals_are_said() {
    Office::run(|office| {
        let web = Peer::web(office, 8_011)?;
        web.answers(&[302, 404, 429])?;
        let two = hook("one", 8_011, "/one", "") + &hook("away", 8_012, "/", "");
        let guard = office.guard(&policy(&two))?;
        for (count, says) in [
            (1, "is not followed"),
            (2, "refuses it with 404: noted"),
            (3, "answers 429"),
        ] {
            let said = guard.cli(&["alerts", "test", "--channel", "one"])?;
            ensure!(said.code == 1 && said.out.contains(says), "{said:?}");
            let got = web.wait(count, Duration::ZERO)?;
            ensure!(got.iter().all(|g| !g.contains("elsewhere")), "{got:#?}");
        }
        let said = guard.cli(&["alerts", "test"])?;
        ensure!(
            said.code == 1 && said.out.contains("webhook:away: NOT taken"),
            "{said:?}"
        );
        Ok(())
    });
}

#[test]
fn alerts_webhook_speaks_to_chats() {
    Office::run(|office| {
        let web = Peer::web(office, 8_021)?;
        let all = hook("phone", 8_021, "/my-office", "shape = \"ntfy\"")
            + &hook("chat", 8_021, "/services/T0/B0", "shape = \"slack\"")
            + &hook("team", 8_021, "/workflows/1", "shape = \"teams\"");
        let guard = office.guard(&policy(&all))?;
        let said = guard.cli(&["alerts", "test"])?;
        ensure!(said.code == 0, "{said:?}");
        let got = web.wait(3, Duration::ZERO)?;
        let (ntfy, body) = request(&got[0])?;
        ensure!(
            ntfy["path"] == "/" && body["topic"] == "my-office",
            "{ntfy:#}"
        );
        let (slack, body) = request(&got[1])?;
        ensure!(
            slack["path"] == "/services/T0/B0" && body["text"] == "[Trunkguard] Test message",
            "{body:#}"
        );
        let (_, body) = request(&got[2])?;
        ensure!(
            body["attachments"][0]["content"]["type"] == "AdaptiveCard",
            "{body:#}"
        );
        Ok(())
    });
}
