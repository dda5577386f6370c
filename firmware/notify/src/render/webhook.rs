//! What a webhook is sent, in the four shapes.

use serde_json::{Value, json};
use trunkguard_core::{
    alerts::{Content, Entry, Message},
    policy::{Alerts, Language, Mode, Shape, Webhook},
};

use super::{labels::Labels, office, subject_of, text};
use crate::clean;

/// Version of the `json` shape; it grows when a field changes its meaning or goes.
const VERSION: u32 = 1;
/// ntfy turns a longer message into a file (its `message-size-limit` is 4,096 octets).
const LONGEST_NTFY: usize = 3_500;
/// Slack refuses a longer text in a section (3,000 characters), and a longer header (150).
const LONGEST_SLACK: usize = 2_900;
const LONGEST_SLACK_HEADER: usize = 148;
/// Teams refuses a card of over 28 KB.
const LONGEST_TEAMS: usize = 12_000;

/// The body for this webhook: always JSON.
pub fn body(alerts: &Alerts, webhook: &Webhook, message: &Message) -> String {
    let message = &clean::message(message);
    let labels = Labels::of(alerts.language);
    let office = office(alerts);
    let title = subject_of(labels, &office, message);
    let text = text::body(labels, message);
    let value = match webhook.shape {
        Shape::Json => whole(alerts, &office, labels, message, &title, &text),
        Shape::Ntfy => {
            let topic = webhook.url.split_topic().map_or("", |(_, topic, _)| topic);
            ntfy(topic, message, &title, &text)
        }
        Shape::Slack => slack(&title, &text),
        Shape::Teams => teams(&title, &text),
    };
    value.to_string()
}

fn whole(
    alerts: &Alerts,
    office: &str,
    labels: &Labels,
    message: &Message,
    title: &str,
    text: &str,
) -> Value {
    let mut value = json!({
        "version": VERSION,
        "id": message.token,
        "type": class(&message.content),
        "box": office,
        "made_ms": message.unix_ms,
        "urgent": message.urgent,
        "mode": match message.mode {
            Mode::Detect => "detect",
            Mode::Prevent => "prevent",
            Mode::Lockdown => "lockdown",
        },
        "language": match alerts.language {
            Language::En => "en",
            Language::Fr => "fr",
        },
        "title": title,
        "text": text,
    });
    let list = |entries: &[Entry]| -> Value {
        entries
            .iter()
            .map(|entry| incident(labels, entry))
            .collect()
    };
    match &message.content {
        Content::Test => {}
        Content::Alert { entries, more } => {
            value["incidents"] = list(entries);
            value["more"] = json!(more);
        }
        Content::Digest(day) => {
            value["incidents"] = list(&day.entries);
            value["more"] = json!(day.more);
            value["calls"] = json!({
                "approved": day.approved,
                "would_deny": day.would_deny,
                "denied": day.denied,
                "chargeable": day.chargeable,
                "emergency": day.emergency,
            });
            value["open_incidents"] = json!(day.open);
        }
    }
    value
}

fn incident(labels: &Labels, entry: &Entry) -> Value {
    let words = labels.words(&entry.kind);
    json!({
        "id": entry.incident,
        "kind": entry.kind,
        "title": words.title,
        "what": words.what,
        "todo": words.todo,
        "client": entry.client,
        "caller": entry.caller,
        "text": labels.said(&entry.text),
        "count": entry.count,
        "told_before": entry.told,
        "first_ms": entry.first_ms,
        "last_ms": entry.last_ms,
    })
}

fn class(content: &Content) -> &'static str {
    match content {
        Content::Alert { .. } => "alert",
        Content::Digest(_) => "digest",
        Content::Test => "test",
    }
}

/// Published as JSON (docs.ntfy.sh/publish), so that no text of a stranger's becomes a header.
fn ntfy(topic: &str, message: &Message, title: &str, text: &str) -> Value {
    let (priority, tag) = match &message.content {
        Content::Alert { .. } if message.urgent => (5, "rotating_light"),
        Content::Alert { .. } => (4, "warning"),
        Content::Digest(_) => (3, "bar_chart"),
        Content::Test => (3, "white_check_mark"),
    };
    json!({
        "topic": topic,
        "title": title,
        "message": clean::front(text, LONGEST_NTFY),
        "priority": priority,
        "tags": [tag],
    })
}

/// Blocks of `plain_text`, in which nothing is markup; `text` is what a notification shows, where `&`, `<`
/// and `>` are (docs.slack.dev, "Escaping text").
fn slack(title: &str, text: &str) -> Value {
    let plain = |text: String| json!({"type": "plain_text", "text": text, "emoji": false});
    let fallback = title
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let header = clean::line(title, LONGEST_SLACK_HEADER);
    json!({
        "text": fallback,
        "blocks": [
            {"type": "header", "text": plain(header)},
            {"type": "section", "text": plain(clean::front(text, LONGEST_SLACK))},
        ],
    })
}

/// An Adaptive Card of text runs, in which nothing is markup (a `TextBlock` would read Markdown).
fn teams(title: &str, text: &str) -> Value {
    let run = |text: &str, weight: &str| {
        let run = json!({"type": "TextRun", "text": text, "weight": weight});
        json!({"type": "RichTextBlock", "inlines": [run]})
    };
    let text = clean::front(text, LONGEST_TEAMS);
    let mut blocks = vec![run(title, "Bolder")];
    blocks.extend(
        text.split("\n\n")
            .filter(|part| !part.is_empty())
            .map(|part| run(part, "Default")),
    );
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": blocks,
            },
        }],
    })
}
