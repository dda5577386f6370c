//! Alerts on their way out: [`render`] makes of a [`Message`] what a person or a program reads, and
//! [`send`] hands it to a mail server or a webhook (docs/alerts.md).
//!
//! lettre's and ureq's types stay in here. Sending blocks for [`LIMIT`] at most; it knows no clock but for
//! that, keeps nothing and retries nothing.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod clean;
mod mail;
mod pipe;
pub mod render;
mod roots;
mod sign;
mod webhook;

use std::time::Duration;

use trunkguard_core::{
    alerts::Message,
    policy::{Alerts, MAIL, Mail, MailAddress, Webhook},
};

pub use sign::{DELIVERY, SIGNATURE, signature};

/// How long one try may take.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Somebody that a message is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One address, by e-mail. Each is a delivery of its own: one that is refused keeps nothing from the
    /// others.
    Mail(Mail, MailAddress),
    /// A webhook.
    Webhook(Webhook),
}

/// What became of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Taken: it is the server's now.
    Accepted,
    /// Not taken, and it may be another time.
    Later {
        /// Why, and what to do.
        why: String,
        /// The settings are at fault, so that a try every minute would only annoy.
        slow: bool,
        /// It failed before the message was looked at: so would every other of this channel.
        whole: bool,
    },
    /// Not taken, and it never will be.
    Never {
        /// Why, and what to do.
        why: String,
    },
}

impl Target {
    /// Everybody that the settings name.
    pub fn all(alerts: &Alerts) -> Vec<Target> {
        let mails = alerts.mail.iter().flat_map(|mail| {
            let to = mail.to.iter();
            to.map(|address| Target::Mail(mail.clone(), address.clone()))
        });
        let webhooks = alerts.webhooks.iter().cloned().map(Target::Webhook);
        mails.chain(webhooks).collect()
    }

    /// Its name in the outbox: `mail:owner@example.com`, `webhook:NAME`.
    pub fn name(&self) -> String {
        match self {
            Target::Mail(_, address) => format!("{MAIL}:{address}"),
            Target::Webhook(webhook) => format!("webhook:{}", webhook.name),
        }
    }

    /// The channel that it belongs to: `mail`, or the webhook's name. What does not work for one target of
    /// a channel does not work for another at the same moment.
    pub fn channel(&self) -> &str {
        match self {
            Target::Mail(..) => MAIL,
            Target::Webhook(webhook) => webhook.name.as_str(),
        }
    }
}

/// Sends a message to one target, now, and waits for the answer. `now_s` is the time for the signature, in
/// seconds since 1970.
pub fn send(alerts: &Alerts, target: &Target, message: &Message, now_s: i64) -> Outcome {
    match target {
        Target::Mail(mail, to) => mail::send(alerts, mail, to, message),
        Target::Webhook(webhook) => webhook::send(alerts, webhook, message, now_s),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_a_target_and_has_a_name() {
        let alerts: Alerts = serde_json::from_value(serde_json::json!({
            "mail": {"server": "a.b", "from": "x@a.b", "to": ["one@a.b", "two@a.b"]},
            "webhook": [{"name": "chat", "url": "https://a.b/c"}],
        }))
        .unwrap();
        let all = Target::all(&alerts);
        let names: Vec<(String, &str)> = all.iter().map(|t| (t.name(), t.channel())).collect();
        assert_eq!(
            names,
            [
                ("mail:one@a.b".to_owned(), "mail"),
                ("mail:two@a.b".to_owned(), "mail"),
                ("webhook:chat".to_owned(), "chat")
            ]
        );
        assert!(Target::all(&Alerts::default()).is_empty());
    }
}
