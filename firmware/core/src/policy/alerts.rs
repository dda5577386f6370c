//! `[alerts]`: who is told what, and when (docs/alerts.md).

use alloc::{collections::BTreeMap, vec::Vec};
use core::fmt;
use serde::{Deserialize, Serialize};

use super::{
    alerts_values::{Digest, Host, MailAddress, WebhookUrl},
    values::{Clock, Name, Secret},
};
use crate::alerts::{Kind, When};

/// Addresses that one alert goes to by e-mail.
pub const MOST_ADDRESSES: usize = 10;
/// Webhooks.
pub const MOST_WEBHOOKS: usize = 4;
/// Name of the e-mail channel; no webhook may have it.
pub const MAIL: &str = "mail";

/// Alerts, as their owner writes them. Without a channel nothing leaves the box.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Alerts {
    /// What the office or the box is called in subjects.
    pub name: Name,
    /// The language of what is sent.
    pub language: Language,
    /// When the daily digest is made, by the office's clock.
    pub digest: Digest,
    /// When only what is urgent is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
    /// What becomes of an incident, by its kind; the table's default where a kind is not named.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<Kind, When>,
    /// By e-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<Mail>,
    /// By HTTP.
    #[serde(rename = "webhook", skip_serializing_if = "Vec::is_empty")]
    pub webhooks: Vec<Webhook>,
}

impl Default for Alerts {
    fn default() -> Self {
        Alerts {
            name: Name::trunkguard(),
            language: Language::En,
            digest: Digest::default(),
            quiet: None,
            kinds: BTreeMap::new(),
            mail: None,
            webhooks: Vec::new(),
        }
    }
}

impl Alerts {
    /// As it is unless somebody writes otherwise.
    pub fn is_default(&self) -> bool {
        *self == Alerts::default()
    }

    /// Is there anybody to tell?
    pub fn has_channel(&self) -> bool {
        self.mail.is_some() || !self.webhooks.is_empty()
    }

    /// What becomes of an incident of this kind. One that no table knows is told at once.
    pub fn when(&self, kind: &str) -> When {
        Kind::named(kind).map_or(When::Now, |kind| {
            self.kinds
                .get(&kind)
                .copied()
                .unwrap_or(kind.default_when())
        })
    }
}

/// A language of what is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// French.
    Fr,
}

/// A span of the day, by the office's clock; may pass midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// `22:00`.
    pub from: Clock,
    /// `07:00`.
    pub to: Clock,
}

impl Quiet {
    /// Is this minute of the day (0 … 1439) in the span?
    pub fn contains(&self, minute: u16) -> bool {
        let (from, to) = (self.from.minutes(), self.to.minutes());
        if from <= to {
            (from..to).contains(&minute)
        } else {
            minute >= from || minute < to
        }
    }
}

/// The e-mail channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The server that takes the office's mail.
    pub server: Host,
    /// Its port; by `security` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub security: Security,
    /// The login, with `password`; none unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<Name>,
    /// The login's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// Who it is from.
    pub from: MailAddress,
    /// Who it is for, 1 to 10.
    pub to: Vec<MailAddress>,
}

impl Mail {
    /// The port of the server: RFC 8314 (465, 587), RFC 5321 (25).
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.security {
            Security::Starttls => 587,
            Security::Tls => 465,
            Security::None => 25,
        })
    }
}

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// TLS after STARTTLS; a server that does not offer it gets nothing (RFC 3207).
    #[default]
    Starttls,
    /// TLS from the first octet (RFC 8314 3.3).
    Tls,
    /// None: only to a private address and without a login.
    None,
}

/// A webhook.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Its name, for the owner.
    pub name: Name,
    /// Where it is. Whoever has the address may post, so it is a secret of its own.
    pub url: WebhookUrl,
    /// Who reads it.
    #[serde(default)]
    pub shape: Shape,
    /// Key of the signature (HMAC-SHA256); not signed unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhook({} at {})", self.name, self.url.host())
    }
}

/// Who reads a webhook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// A program: all facts as JSON.
    #[default]
    Json,
    /// An ntfy server; the topic is the last part of the address.
    Ntfy,
    /// A Slack incoming webhook, or what understands one (Mattermost).
    Slack,
    /// A Microsoft Teams workflow: "when a webhook request is received".
    Teams,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet(from: &str, to: &str) -> Quiet {
        Quiet {
            from: Clock::parse(from).unwrap(),
            to: Clock::parse(to).unwrap(),
        }
    }

    #[test]
    fn quiet_hours_may_pass_midnight() {
        let night = quiet("22:00", "07:00");
        for (minute, is) in [
            (0, true),
            (419, true),
            (420, false),
            (1_319, false),
            (1_320, true),
        ] {
            assert_eq!(night.contains(minute), is, "{minute}");
        }
        let noon = quiet("12:00", "13:00");
        assert!(noon.contains(720) && !noon.contains(780) && !noon.contains(0));
        assert!(!quiet("07:00", "07:00").contains(420), "an empty span");
        assert!(quiet("00:00", "24:00").contains(1_439));
    }

    #[test]
    fn a_kind_is_told_as_its_owner_says_or_as_the_table_does() {
        let mut alerts = Alerts::default();
        assert_eq!(alerts.when("not-a-number"), When::Digest);
        let kind = Kind::named("not-a-number").unwrap();
        alerts.kinds.insert(kind, When::Off);
        assert_eq!(alerts.when("not-a-number"), When::Off);
        assert_eq!(alerts.when("of-a-later-version"), When::Now);
        assert!(!alerts.has_channel() && !alerts.is_default());
    }
}
