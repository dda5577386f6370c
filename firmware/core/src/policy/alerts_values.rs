//! The small values of `[alerts]`, each of which refuses what it cannot be.

use alloc::{format, string::String};
use core::{fmt, net::IpAddr};
use serde::{Deserialize, Serialize};

use super::values::{Clock, text_value};

/// When the daily digest is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Digest {
    /// Never.
    Off,
    /// At this time of the day.
    At(Clock),
}

impl Digest {
    /// # Errors
    /// When it is neither `off` nor a time of day.
    pub fn parse(text: &str) -> Result<Self, String> {
        match (text, Clock::parse(text)) {
            ("off", _) => Ok(Digest::Off),
            (_, Ok(at)) if at.minutes() < 1_440 => Ok(Digest::At(at)),
            _ => Err(format!(
                "`{}` is not a time for the digest; write a time of day such as 07:30, or off",
                text.escape_debug()
            )),
        }
    }
}
impl Default for Digest {
    fn default() -> Self {
        Digest::At(Clock(7 * 60 + 30))
    }
}
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Digest::Off => f.write_str("off"),
            Digest::At(at) => at.fmt(f),
        }
    }
}
text_value!(Digest);

/// A machine by its name or its address: `smtp.example.com`, `mail`, `192.168.1.5`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Host(String);

impl Host {
    /// # Errors
    /// When it is neither a name (RFC 1123 2.1) nor an address.
    pub fn parse(text: &str) -> Result<Self, String> {
        let name = text.to_ascii_lowercase();
        let numeric = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let is_name = !numeric && name.len() <= 253 && name.split('.').all(label);
        if is_name || text.parse::<IpAddr>().is_ok() {
            return Ok(Host(name));
        }
        Err(format!(
            "`{}` is not a server; write its name such as smtp.example.com, or its address",
            text.escape_debug()
        ))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is this the address of a machine in an office, or of the box itself? A name is not: who answers for
    /// it may change.
    pub fn is_private(&self) -> bool {
        self.0.parse().is_ok_and(crate::screen::is_near)
    }
}
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
text_value!(Host);

fn label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// A mail address, `owner@example.com` (RFC 5321 4.1.2, without quotes and address literals).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct MailAddress(String);

impl MailAddress {
    /// # Errors
    /// When it is no such address.
    pub fn parse(text: &str) -> Result<Self, String> {
        let atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
        let fits = text.rsplit_once('@').is_some_and(|(local, domain)| {
            (1..=64).contains(&local.len())
                && local.bytes().all(atom)
                && local.split('.').all(|part| !part.is_empty())
                && domain.len() <= 253
                && domain.split('.').all(label)
        });
        if !fits || text.len() > 254 {
            return Err(format!(
                "`{}` is not a mail address; write it as owner@example.com",
                text.escape_debug()
            ));
        }
        Ok(MailAddress(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands after the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}
impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
text_value!(MailAddress);

/// Where a webhook is: `https://host/path`, or `http://` to a private address. Never printed whole by
/// `Debug`: its path is what lets one post.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct WebhookUrl {
    text: String,
    /// Where the path begins.
    path: usize,
}

/// Octets of an address.
const LONGEST_URL: usize = 2_048;

impl WebhookUrl {
    /// # Errors
    /// When it is no such address, names a user, or is `http` to anything but a private address. The
    /// error shows no more of it than the host.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!("a webhook's address {why}; write such as https://example.com/hook")
        };
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| wrong("begins with https://"))?;
        if text.len() > LONGEST_URL || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(wrong(
                "has at most 2048 printable ASCII characters and no space",
            ));
        }
        if rest.contains(['#', '\\', '"', '<', '>', '`']) {
            return Err(wrong("has no fragment (#), quote or backslash"));
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let authority = &rest[..end];
        if authority.contains('@') {
            return Err(wrong("names no user"));
        }
        let host = host_of(authority).ok_or_else(|| wrong("names a host, and perhaps a port"))?;
        match scheme {
            "https" => {}
            "http" if host.is_private() => {}
            "http" => {
                return Err(format!(
                    "{host} cannot be reached by http, which anybody on the way can read; write https:// (http is for a \
                     private address such as http://192.168.1.5/hook)"
                ));
            }
            _ => return Err(wrong("begins with https://")),
        }
        Ok(WebhookUrl {
            path: scheme.len() + 3 + end,
            text: text.into(),
        })
    }

    /// The whole address.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// The host, with the port where one is named: what may be shown.
    pub fn host(&self) -> &str {
        let begin = self.text.find("://").map_or(0, |at| at + 3);
        self.text.get(begin..self.path).unwrap_or("")
    }

    /// The last part of the path: an ntfy topic. What stands before it, and the query behind it.
    pub fn split_topic(&self) -> Option<(&str, &str, &str)> {
        let end = self.text.find('?').unwrap_or(self.text.len());
        let (front, query) = self.text.split_at(end);
        let at = front.get(self.path..)?.rfind('/')? + self.path;
        let topic = &front[at + 1..];
        let fits = (1..=64).contains(&topic.len())
            && topic
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        fits.then_some((&front[..at + 1], topic, query))
    }
}

pub(super) fn host_of(authority: &str) -> Option<Host> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.contains(':').then_some(())?;
            (host, port)
        }
        None => match authority.split_once(':') {
            Some((host, _)) => (host, &authority[host.len()..]),
            None => (authority, ""),
        },
    };
    if let Some(port) = port.strip_prefix(':') {
        let digits = port.bytes().all(|b| b.is_ascii_digit());
        (digits && port.parse::<u16>().is_ok_and(|port| port > 0)).then_some(())?;
    } else if !port.is_empty() {
        return None;
    }
    Host::parse(host).ok()
}

impl TryFrom<String> for WebhookUrl {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}
impl From<WebhookUrl> for String {
    fn from(url: WebhookUrl) -> String {
        url.text
    }
}
impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookUrl({} …)", self.host())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses() {
        for text in [
            "smtp.example.com",
            "mail",
            "192.168.1.5",
            "fd00::5",
            "a-b.c",
        ] {
            assert!(Host::parse(text).is_ok(), "{text}");
        }
        for text in [
            "", ".", "a..b", "1.2.3", "a b", "a/b", "-a", "a_b", "a:25", "é.fr", "a\r\nb",
        ] {
            assert!(Host::parse(text).is_err(), "{text:?}");
        }
        for (text, private) in [
            ("10.0.0.1", true),
            ("127.0.0.1", true),
            ("fd00::1", true),
            ("::ffff:192.168.0.1", true),
            ("192.0.2.1", false),
            ("2001:db8::1", false),
            ("pbx.lan", false),
        ] {
            assert_eq!(Host::parse(text).unwrap().is_private(), private, "{text}");
        }
    }

    #[test]
    fn mail_addresses_carry_nothing_else() {
        for text in ["owner@example.com", "a.b+c@x.y", "root@localhost"] {
            assert!(MailAddress::parse(text).is_ok(), "{text}");
        }
        assert_eq!(MailAddress::parse("a@b.c").unwrap().domain(), "b.c");
        for text in [
            "",
            "owner",
            "@x.y",
            "a@",
            "a b@x.y",
            "a@x y",
            "a@x.y,b@x.y",
            "<a@x.y>",
            "a@x.y\r\nBcc: b@x.y",
            "\"a\"@x.y",
            ".a@x.y",
            "a..b@x.y",
            "a@-x.y",
            "a@x..y",
            "é@x.y",
            "a@[10.0.0.1]",
        ] {
            assert!(MailAddress::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn webhooks_are_https_or_at_home() {
        for (text, host) in [
            ("https://example.com/hook?a=b", "example.com"),
            ("https://example.com:8443/", "example.com:8443"),
            ("https://example.com?x", "example.com"),
            ("http://192.168.1.5:8080/hook", "192.168.1.5:8080"),
            ("http://[fd00::5]/x", "[fd00::5]"),
            ("https://[2001:db8::1]:444/x", "[2001:db8::1]:444"),
        ] {
            assert_eq!(WebhookUrl::parse(text).unwrap().host(), host);
        }
        for text in [
            "",
            "example.com/x",
            "ftp://example.com/",
            "http://example.com/",
            "http://192.0.2.1/",
            "https://",
            "https:///x",
            "https://a@b.c/",
            "https://a b/",
            "https://x/é",
            "https://x/#f",
            "https://x:0/",
            "https://x:99999/",
            "https://x:+80/",
            "https://[x]/",
            "https://a\r\nb/",
        ] {
            assert!(WebhookUrl::parse(text).is_err(), "{text:?}");
        }
        let url = WebhookUrl::parse("https://hooks.example/T0/secret").unwrap();
        assert_eq!(format!("{url:?}"), "WebhookUrl(hooks.example …)");
        assert!(
            !WebhookUrl::parse("http://x.example/secret")
                .unwrap_err()
                .contains("secret")
        );
    }

    #[test]
    fn a_topic_is_the_last_part() {
        let url = WebhookUrl::parse("https://ntfy.example/a/office-1?auth=x").unwrap();
        assert_eq!(
            url.split_topic(),
            Some(("https://ntfy.example/a/", "office-1", "?auth=x"))
        );
        for text in [
            "https://ntfy.example",
            "https://ntfy.example/",
            "https://ntfy.example/a.b",
        ] {
            assert_eq!(
                WebhookUrl::parse(text).unwrap().split_topic(),
                None,
                "{text}"
            );
        }
    }
}
