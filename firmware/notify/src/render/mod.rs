//! What a person or a program reads. Pure: the same message under the same settings is the same text
//! (`tests/golden`).

mod html;
mod labels;
mod text;
mod webhook;

use trunkguard_core::{
    alerts::{Content, Message},
    policy::Alerts,
};

pub use webhook::body;

use crate::clean;
use labels::Labels;

/// Characters of a subject.
const LONGEST_SUBJECT: usize = 160;

/// An e-mail's parts, without its headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// For every reader.
    pub text: String,
    /// For those that show it.
    pub html: String,
}

/// An e-mail.
pub fn mail(alerts: &Alerts, message: &Message) -> Rendered {
    let message = &clean::message(message);
    let labels = Labels::of(alerts.language);
    let office = office(alerts);
    Rendered {
        subject: subject_of(labels, &office, message),
        text: text::whole(labels, &office, message),
        html: html::whole(labels, &office, message),
    }
}

/// One line that says what a message is about, with the office's name in front: an e-mail's subject, and a
/// line in lists.
pub fn subject(alerts: &Alerts, message: &Message) -> String {
    let labels = Labels::of(alerts.language);
    subject_of(labels, &office(alerts), &clean::message(message))
}

fn office(alerts: &Alerts) -> String {
    clean::line(alerts.name.as_str(), 64)
}

fn subject_of(labels: &Labels, office: &str, message: &Message) -> String {
    let about = match &message.content {
        Content::Test => labels.test_subject.to_owned(),
        Content::Digest(day) => {
            let happened = day.entries.len() as u64 + day.more;
            format!(
                "{} {}{}{}",
                labels.digest,
                message.at,
                labels.colon,
                labels.incidents(happened)
            )
        }
        Content::Alert { entries, more } => match (entries.as_slice(), more) {
            ([], _) => labels.incidents(*more),
            ([entry], 0) => {
                let title = labels.words(&entry.kind).title;
                let who = text::who(entry);
                let who = if who.is_empty() {
                    String::new()
                } else {
                    format!(", {who}")
                };
                match entry.told {
                    0 if entry.count == 1 => format!("{title}{who}"),
                    0 => format!("{title}{who} ({})", labels.times(entry.count)),
                    _ => format!(
                        "{}{}{title}{who} ({})",
                        labels.goes_on,
                        labels.colon,
                        labels.so_far(entry.count)
                    ),
                }
            }
            ([first, ..], _) => {
                let title = labels.words(&first.kind).title;
                let number = entries.len() as u64 + more;
                format!("{}{}{title} …", labels.incidents(number), labels.colon)
            }
        },
    };
    clean::line(&format!("[{office}] {about}"), LONGEST_SUBJECT)
}
