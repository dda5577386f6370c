//! What people and programs read, held by files in `tests/golden` (`UPDATE_GOLDEN=1` writes them), and what
//! strangers cannot make of it.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use serde_json::{Value, json};
use trunkguard_core::{
    alerts::{Content, Entry, Kind, Message, Summary},
    policy::{Alerts, Mode, Webhook},
};
use trunkguard_notify::render;

fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let held = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        held == text,
        "{} differs from what is rendered:\n{text}",
        path.display()
    );
}

fn alerts(language: &str) -> Alerts {
    serde_json::from_value(json!({"name": "Maple Dental", "language": language})).unwrap()
}

fn entry(kind: &str, count: u64, told: u64) -> Entry {
    Entry {
        incident: 7,
        kind: kind.into(),
        client: "office".into(),
        caller: "1001".into(),
        text: "5352041234".into(),
        count,
        told,
        first_ms: 1_800_000_000_000,
        last_ms: 1_800_000_600_000,
        first: "2027-01-15 03:00".into(),
        last: "2027-01-15 03:10".into(),
    }
}

fn of_the_box() -> Entry {
    Entry {
        incident: 8,
        client: String::new(),
        caller: String::new(),
        text: "atlanta1.voip.ms does not answer any more; montreal4.voip.ms answers best".into(),
        ..entry("pop-dead", 1, 0)
    }
}

fn message(mode: Mode, content: Content) -> Message {
    Message {
        token: "0123456789abcdef0123456789abcdef".into(),
        unix_ms: 1_800_000_620_000,
        at: "2027-01-15 03:10".into(),
        mode,
        urgent: true,
        content,
    }
}

fn alert(mode: Mode, entries: Vec<Entry>, more: u64) -> Message {
    message(mode, Content::Alert { entries, more })
}

fn digest() -> Message {
    message(
        Mode::Detect,
        Content::Digest(Summary {
            approved: 120,
            would_deny: 3,
            denied: 0,
            chargeable: 98,
            emergency: 1,
            open: 2,
            entries: vec![entry("country", 3, 3), of_the_box()],
            more: 4,
        }),
    )
}

/// Every message that there is a file of.
fn messages() -> Vec<(&'static str, Message)> {
    let quiet = Summary::default();
    vec![
        (
            "incident",
            alert(Mode::Prevent, vec![entry("country", 1_000, 0)], 0),
        ),
        (
            "detect",
            alert(Mode::Detect, vec![entry("per-day", 1, 0)], 0),
        ),
        (
            "going-on",
            alert(Mode::Prevent, vec![entry("country", 312, 20)], 0),
        ),
        ("box", alert(Mode::Prevent, vec![of_the_box()], 0)),
        (
            "several",
            alert(
                Mode::Prevent,
                vec![entry("spellings", 4, 0), of_the_box()],
                12,
            ),
        ),
        ("digest", digest()),
        (
            "digest-quiet",
            message(Mode::Prevent, Content::Digest(quiet)),
        ),
        ("test", message(Mode::Prevent, Content::Test)),
    ]
}

#[test]
fn mails_are_as_they_were() {
    for language in ["en", "fr"] {
        for (name, message) in messages() {
            let mail = render::mail(&alerts(language), &message);
            assert_eq!(mail.subject, render::subject(&alerts(language), &message));
            let text = format!("Subject: {}\n\n{}", mail.subject, mail.text);
            golden(&format!("{name}.{language}.txt"), &text);
            golden(&format!("{name}.{language}.html"), &mail.html);
        }
    }
}

fn webhook(shape: &str) -> Webhook {
    let url = "https://hooks.example/office-1";
    serde_json::from_value(json!({"name": "chat", "url": url, "shape": shape})).unwrap()
}

#[test]
fn webhooks_are_as_they_were() {
    for shape in ["json", "ntfy", "slack", "teams"] {
        for (name, message) in messages() {
            if !["incident", "digest", "test"].contains(&name) {
                continue;
            }
            let body = render::body(&alerts("en"), &webhook(shape), &message);
            let value: Value = serde_json::from_str(&body).unwrap();
            let pretty = serde_json::to_string_pretty(&value).unwrap() + "\n";
            golden(&format!("{name}.{shape}.json"), &pretty);
        }
    }
}

/// What strangers send as a number, a name or a User-Agent, and what lies in DNS.
const HOSTILE: [&str; 9] = [
    "x\r\nBcc: victim@example.com\r\n\r\nbody",
    "x\nSubject: other",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "&lt;b&gt; ' \" `",
    "\u{202e}moc.elpmaxe\u{2066}\u{200b}\u{feff}\u{2028}\u{85}",
    "<!channel> <@U123> <https://evil.example|click>",
    "[click](https://evil.example) **bold**",
    "\0\u{7}\u{1b}[2J\u{e0041}",
];

fn hostile(text: &str) -> Message {
    let entry = Entry {
        kind: text.into(),
        client: text.into(),
        caller: text.into(),
        text: text.repeat(200),
        first: text.into(),
        last: text.into(),
        ..entry("country", 5, 0)
    };
    alert(Mode::Prevent, vec![entry.clone(), entry], 0)
}

fn unseen(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[test]
fn strangers_write_neither_headers_nor_markup_nor_backwards() {
    for text in HOSTILE {
        let mut alerts = alerts("en");
        // The owner's own name is printable, and may be anything else.
        if let Ok(name) = trunkguard_core::policy::Name::parse(text) {
            alerts.name = name;
        }
        let message = hostile(text);
        let mail = render::mail(&alerts, &message);
        assert!(!mail.subject.contains(['\r', '\n']), "{:?}", mail.subject);
        assert!(mail.subject.chars().count() <= 161);
        for part in [&mail.subject, &mail.text, &mail.html] {
            assert!(!part.contains(unseen), "{part:?}");
        }
        assert!(!mail.text.contains("\nBcc:") && !mail.text.contains("\nSubject:"));
        // Only our own elements, each of which the template has.
        for tag in mail.html.split('<').skip(1) {
            let name = tag
                .trim_start_matches('/')
                .split([' ', '>'])
                .next()
                .unwrap();
            let ours = [
                "!DOCTYPE", "html", "head", "meta", "title", "body", "h2", "p", "table", "tr",
                "th", "td", "strong", "br",
            ];
            assert!(ours.contains(&name), "<{tag}");
            assert!(!tag.contains("onerror=\"") && !tag.starts_with("script"));
        }
        for shape in ["json", "ntfy", "slack", "teams"] {
            let body = render::body(&alerts, &webhook(shape), &message);
            assert!(body.len() < 64 << 10, "{shape}: {}", body.len());
            let value: Value = serde_json::from_str(&body).unwrap();
            every_text(&value, &mut |said| {
                assert!(!said.contains(unseen), "{shape}: {said:?}")
            });
        }
        let slack: Value =
            serde_json::from_str(&render::body(&alerts, &webhook("slack"), &message)).unwrap();
        assert!(!slack["text"].as_str().unwrap().contains(['<', '>']));
        for block in slack["blocks"].as_array().unwrap() {
            assert_eq!(block["text"]["type"], "plain_text");
        }
        let teams: Value =
            serde_json::from_str(&render::body(&alerts, &webhook("teams"), &message)).unwrap();
        let card = &teams["attachments"][0]["content"];
        for block in card["body"].as_array().unwrap() {
            assert_eq!(block["type"], "RichTextBlock");
        }
    }
}

fn every_text(value: &Value, look: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => look(text),
        Value::Array(list) => list.iter().for_each(|item| every_text(item, look)),
        Value::Object(map) => map.values().for_each(|item| every_text(item, look)),
        _ => {}
    }
}

#[test]
fn chats_get_no_more_than_they_take() {
    let entries = vec![entry("tampering", 99, 0); 50];
    let many = alert(Mode::Prevent, entries, 1_000);
    let of = |shape: &str| -> Value {
        serde_json::from_str(&render::body(&alerts("fr"), &webhook(shape), &many)).unwrap()
    };
    assert!(of("ntfy")["message"].as_str().unwrap().len() <= 3_500);
    let section = of("slack")["blocks"][1]["text"]["text"].clone();
    assert!(section.as_str().unwrap().chars().count() <= 3_000);
    assert!(of("teams").to_string().len() < 28_000);
    assert_eq!(of("json")["incidents"].as_array().map(Vec::len), Some(50));
}

#[test]
fn every_kind_renders_in_every_language() {
    for language in ["en", "fr"] {
        for kind in Kind::all() {
            let mail = render::mail(
                &alerts(language),
                &alert(Mode::Prevent, vec![entry(kind.name(), 1, 0)], 0),
            );
            assert!(
                mail.subject.starts_with("[Maple Dental] "),
                "{}",
                mail.subject
            );
            assert!(mail.subject.chars().count() <= 100, "{}", mail.subject);
        }
    }
}
