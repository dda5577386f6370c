//! HTML for mail readers: inline styles only, no image, no link, nothing that is loaded.

use trunkguard_core::{
    alerts::{Content, Entry, Message, Summary},
    policy::Mode,
};

use super::{labels::Labels, text};
use crate::clean::html as escaped;

const PAGE: &str = "font-family:sans-serif;font-size:15px;line-height:1.45;max-width:42em;margin:0 auto;padding:1em";
const HEADING: &str = "font-size:18px;margin:1.2em 0 .3em";
const LABEL: &str =
    "text-align:left;font-weight:normal;opacity:.75;padding:.1em 1em .1em 0;vertical-align:top";
const VALUE: &str = "padding:.1em 0;vertical-align:top;word-break:break-word";
const FOOT: &str =
    "font-size:13px;opacity:.75;border-top:1px solid #888;margin-top:1.5em;padding-top:.5em";

/// The whole e-mail.
pub fn whole(labels: &Labels, office: &str, message: &Message) -> String {
    let (body, foot) = match &message.content {
        Content::Test => (paragraph(labels.test), ""),
        Content::Alert { entries, more } => {
            let mut body: String = entries
                .iter()
                .map(|entry| incident(labels, message.mode, entry))
                .collect();
            if *more > 0 {
                body += &paragraph(&format!("{}.", labels.more(*more)));
            }
            (body, labels.acknowledge)
        }
        Content::Digest(day) => (digest(labels, message, day), labels.digest_end),
    };
    let foot = if foot.is_empty() {
        String::new()
    } else {
        format!("{}<br>", escaped(foot))
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head><meta charset=\"utf-8\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>{}</title></head>\n<body style=\"{PAGE}\">\n{body}<p style=\"{FOOT}\">{foot}{}, {}</p>\n</body>\n</html>\n",
        labels.code,
        escaped(office),
        escaped(office),
        escaped(&message.at)
    )
}

fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escaped(text))
}

fn heading(text: &str) -> String {
    format!("<h2 style=\"{HEADING}\">{}</h2>\n", escaped(text))
}

fn table(pairs: &[(&'static str, String)]) -> String {
    let row = |(label, value): &(&str, String)| {
        format!(
            "<tr><th scope=\"row\" style=\"{LABEL}\">{}</th><td style=\"{VALUE}\">{}</td></tr>\n",
            escaped(label),
            escaped(value)
        )
    };
    let rows: String = pairs.iter().map(row).collect();
    format!("<table style=\"border-collapse:collapse\">\n{rows}</table>\n")
}

fn incident(labels: &Labels, mode: Mode, entry: &Entry) -> String {
    let words = labels.words(&entry.kind);
    let todo = format!(
        "<p><strong>{}</strong>{}</p>\n",
        escaped(&format!("{}{}", labels.todo, labels.colon)),
        escaped(words.todo)
    );
    let facts = table(&text::facts(labels, mode, entry));
    heading(&text::title(labels, entry)) + &paragraph(words.what) + &facts + &todo
}

fn digest(labels: &Labels, message: &Message, day: &Summary) -> String {
    let mut body = paragraph(&format!("{} {}", labels.digest_intro, message.at));
    body += &table(&text::figures(labels, message.mode, day));
    body += &heading(labels.day);
    if day.entries.is_empty() {
        body += &paragraph(labels.nothing);
    } else {
        let item = |entry: &Entry| {
            format!(
                "<li>{} &ensp; {}</li>\n",
                escaped(&entry.last),
                escaped(&text::brief(labels, entry))
            )
        };
        let items: String = day.entries.iter().map(item).collect();
        body += &format!("<ul>\n{items}</ul>\n");
    }
    if day.more > 0 {
        body += &paragraph(&format!("{}.", labels.more(day.more)));
    }
    body
}
