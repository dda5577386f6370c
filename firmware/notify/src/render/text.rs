//! Plain text, and the facts of an incident as pairs of a label and a value, which HTML shows too.

use trunkguard_core::{
    alerts::{Content, EMERGENCY_CALL, Entry, Message, Summary},
    policy::Mode,
};

use super::labels::Labels;

/// Who it is about: `office 1001`, or nothing for the box itself.
pub fn who(entry: &Entry) -> String {
    let caller = if entry.caller == "*" {
        ""
    } else {
        &entry.caller
    };
    match (entry.client.as_str(), caller) {
        ("", caller) => caller.to_owned(),
        (client, "") => client.to_owned(),
        (client, caller) => format!("{client} {caller}"),
    }
}

/// It is about calls, and not about the box.
fn is_of_calls(entry: &Entry) -> bool {
    !entry.client.is_empty()
}

/// The facts of an incident.
pub fn facts(labels: &Labels, mode: Mode, entry: &Entry) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let mut fact = |label, value: &str| {
        if !value.is_empty() {
            facts.push((label, value.to_owned()));
        }
    };
    fact(labels.client, &entry.client);
    // Of many extensions it bears a star.
    fact(labels.caller, entry.caller.trim_matches('*'));
    let about = if is_of_calls(entry) {
        labels.number
    } else {
        labels.details
    };
    fact(about, &labels.said(&entry.text));
    fact(labels.count, &labels.times(entry.count));
    if entry.told > 0 {
        fact(labels.told, &labels.times(entry.told));
    }
    fact(labels.first, &entry.first);
    if entry.count > 1 {
        fact(labels.last, &entry.last);
    }
    fact(labels.fate, fate(labels, mode, entry));
    facts
}

/// What became of the calls, where the kind says it: a first call may have been either.
fn fate(labels: &Labels, mode: Mode, entry: &Entry) -> &'static str {
    match (entry.kind.as_str(), mode) {
        _ if !is_of_calls(entry) => "",
        ("new-country" | "new-phone" | EMERGENCY_CALL, _) => "",
        ("loop", _) | (_, Mode::Prevent | Mode::Lockdown) => labels.refused,
        (_, Mode::Detect) => labels.went_through,
    }
}

/// What stands above an incident.
pub fn title(labels: &Labels, entry: &Entry) -> String {
    let title = labels.words(&entry.kind).title;
    let Labels { goes_on, colon, .. } = labels;
    match entry.told {
        0 => title.to_owned(),
        _ => format!("{goes_on}{colon}{title} ({})", labels.so_far(entry.count)),
    }
}

/// A day's figures.
pub fn figures(labels: &Labels, mode: Mode, day: &Summary) -> Vec<(&'static str, String)> {
    let mut figures = vec![
        (labels.mode, labels.mode_name(mode).to_owned()),
        (labels.approved, day.approved.to_string()),
    ];
    if day.would_deny > 0 {
        figures.push((labels.would_deny, day.would_deny.to_string()));
    }
    figures.extend([
        (labels.denied, day.denied.to_string()),
        (labels.chargeable, day.chargeable.to_string()),
        (labels.emergency, day.emergency.to_string()),
        (labels.open, day.open.to_string()),
    ]);
    figures
}

/// The line of an incident in a digest.
pub fn brief(labels: &Labels, entry: &Entry) -> String {
    let mut parts = vec![
        labels.words(&entry.kind).title.to_owned(),
        who(entry),
        labels.said(&entry.text),
    ];
    parts.retain(|part| !part.is_empty());
    parts.push(labels.times(entry.count));
    parts.join(", ")
}

/// What a chat shows: the message without what is said at its foot.
pub fn body(labels: &Labels, message: &Message) -> String {
    match &message.content {
        Content::Test => format!("{}\n", labels.test),
        Content::Alert { entries, more } => alert(labels, message.mode, entries, *more),
        Content::Digest(day) => digest(labels, message, day),
    }
}

/// The whole e-mail.
pub fn whole(labels: &Labels, office: &str, message: &Message) -> String {
    let foot = match &message.content {
        Content::Test => "",
        Content::Alert { .. } => labels.acknowledge,
        Content::Digest(_) => labels.digest_end,
    };
    let foot = if foot.is_empty() {
        String::new()
    } else {
        format!("\n{foot}\n")
    };
    // "-- " is what readers take for a signature (RFC 3676 4.3).
    format!(
        "{}{foot}\n-- \n{office}, {}\n",
        body(labels, message),
        message.at
    )
}

fn alert(labels: &Labels, mode: Mode, entries: &[Entry], more: u64) -> String {
    let mut text = String::new();
    for entry in entries {
        let words = labels.words(&entry.kind);
        let title = title(labels, entry);
        text += &format!(
            "{title}\n{}\n\n{}\n\n",
            "=".repeat(title.chars().count()),
            words.what
        );
        text += &pairs(&facts(labels, mode, entry));
        text += &format!("\n{}{}{}\n\n", labels.todo, labels.colon, words.todo);
    }
    if more > 0 {
        text += &format!("{}.\n\n", labels.more(more));
    }
    text.trim_end().to_owned() + "\n"
}

fn digest(labels: &Labels, message: &Message, day: &Summary) -> String {
    let mut text = format!("{} {}\n\n", labels.digest_intro, message.at);
    text += &pairs(&figures(labels, message.mode, day));
    text += &format!(
        "\n{}\n{}\n\n",
        labels.day,
        "=".repeat(labels.day.chars().count())
    );
    if day.entries.is_empty() {
        text += &format!("{}\n", labels.nothing);
    }
    for entry in &day.entries {
        text += &format!("{}  {}\n", entry.last, brief(labels, entry));
    }
    if day.more > 0 {
        text += &format!("{}.\n", labels.more(day.more));
    }
    text
}

fn pairs(pairs: &[(&'static str, String)]) -> String {
    let width = pairs
        .iter()
        .map(|(label, _)| label.chars().count())
        .max()
        .unwrap_or(0);
    let line = |(label, value): &(&str, String)| {
        let space = " ".repeat(width - label.chars().count());
        format!("{label}{space}  {value}\n")
    };
    pairs.iter().map(line).collect()
}
