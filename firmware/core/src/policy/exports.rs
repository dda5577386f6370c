//! `[syslog]` and `[metrics]`: what others are told of the box's work.

use alloc::{format, string::String};
use core::fmt;
use serde::{Deserialize, Serialize};

use super::{alerts_values::Host, values::text_value};

/// Who is told of every decided call and every incident, by syslog (RFC 5424). Nobody unless a server is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Syslog {
    /// The server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Host>,
    /// Its port; by `transport` unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How messages travel.
    pub transport: Transport,
    /// SHA-256 of the server's certificate, by which it is known (RFC 5425 4.2.2); `tls` only. Without it the certificate has
    /// to be signed by an authority that the system trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The facility of the messages, `local0` to `local7` as 0 to 7.
    pub local: u8,
    /// Tell of decided calls.
    pub calls: bool,
    /// Tell of incidents.
    pub incidents: bool,
}

impl Default for Syslog {
    fn default() -> Self {
        Syslog {
            server: None,
            port: None,
            transport: Transport::Udp,
            fingerprint: None,
            local: 0,
            calls: true,
            incidents: true,
        }
    }
}

impl Syslog {
    /// As it is unless somebody writes otherwise.
    pub fn is_default(&self) -> bool {
        *self == Syslog::default()
    }

    /// The port: RFC 5426 3.3, RFC 6587 3.2 (which leaves it open; 514 is what servers listen on), RFC 5425 4.1.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.transport {
            Transport::Udp | Transport::Tcp => 514,
            Transport::Tls => 6_514,
        })
    }
}

/// How syslog messages travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// A datagram each (RFC 5426); nobody hears of those that are lost.
    #[default]
    Udp,
    /// Octet counting (RFC 6587 3.4.1).
    Tcp,
    /// The same, encrypted (RFC 5425).
    Tls,
}

/// SHA-256 of a certificate, `AB:CD:…`, as `openssl x509 -fingerprint -sha256` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// # Errors
    /// When it is not 32 octets in hexadecimal digits, with or without colons.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            String::from(
                "not the SHA-256 of a certificate; write the 64 digits that openssl x509 -fingerprint -sha256 prints",
            )
        };
        let mut octets = [0; 32];
        let mut digits = text.chars().filter(|c| *c != ':');
        for octet in &mut octets {
            let mut nibble = || digits.next().and_then(|c| c.to_digit(16)).ok_or_else(wrong);
            *octet = (nibble()? << 4 | nibble()?) as u8;
        }
        match digits.next() {
            Some(_) => Err(wrong()),
            None => Ok(Fingerprint(octets)),
        }
    }

    /// The 32 octets.
    pub fn octets(&self) -> &[u8; 32] {
        &self.0
    }
}
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, octet) in self.0.iter().enumerate() {
            let colon = if n > 0 { ":" } else { "" };
            write!(f, "{colon}{octet:02X}")?;
        }
        Ok(())
    }
}
text_value!(Fingerprint);

/// `/metrics` of the page, for Prometheus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Who may read it.
    pub access: MetricsAccess,
}

impl Metrics {
    /// As it is unless somebody writes otherwise.
    pub fn is_default(&self) -> bool {
        *self == Metrics::default()
    }
}

/// Who may read `/metrics`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MetricsAccess {
    /// Nobody.
    #[default]
    Off,
    /// Who has a token of the API.
    Token,
    /// Whoever reaches the page from the office.
    Office,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_with_and_without_colons() {
        let plain = "0123456789abcdef".repeat(4);
        let read = Fingerprint::parse(&plain).expect("64 digits");
        let shown = String::from(read);
        assert!(shown.starts_with("01:23:45:67:89:AB:CD:EF:01:"), "{shown}");
        assert_eq!(Fingerprint::parse(&shown), Ok(read));
        assert_eq!(read.octets()[31], 0xef);
        for text in ["", "01", &plain[1..], &(plain.clone() + "0"), "é"] {
            assert!(Fingerprint::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn each_way_has_its_port() {
        let of = |transport| {
            Syslog {
                transport,
                ..Syslog::default()
            }
            .port()
        };
        assert_eq!(
            [Transport::Udp, Transport::Tcp, Transport::Tls].map(of),
            [514, 514, 6_514]
        );
    }
}
