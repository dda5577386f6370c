//! The messages: RFC 5424, with everything that is known as structured data.

use std::{fmt::Write, net::IpAddr};

use jiff::Timestamp;
use trunkguard_core::{policy::Policy, record::Record, unseen::is_unseen, verdict::Level};
use trunkguard_store::history::Incident;

use crate::{logs, words};

/// Facility `local0` (RFC 5424 6.2.1).
const LOCAL0: u8 = 16;
/// Severities.
const WARNING: u8 = 4;
const NOTICE: u8 = 5;
const INFORMATIONAL: u8 = 6;
/// The enterprise number that RFC 5612 keeps for documents: Trunkguard has none of its own, and a name without one is for the
/// IETF to give (RFC 5424 7).
const ENTERPRISE: &str = "32473";

/// The name of this machine as messages hold it: printable ASCII, or `-` (RFC 5424 6.2.4).
pub fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name
        .trim()
        .chars()
        .filter(char::is_ascii_graphic)
        .take(255)
        .collect();
    if name.is_empty() { "-".into() } else { name }
}

/// One decided call.
pub fn call(host: &str, local: u8, record: &Record, policy: &Policy, source: IpAddr) -> String {
    let verdict = &record.verdict;
    let word = match (verdict.approved, verdict.allowed) {
        (true, true) => "approved",
        (true, false) => "detected",
        (false, _) => "denied",
    };
    let severity = if verdict.allowed {
        INFORMATIONAL
    } else {
        NOTICE
    };
    let client = policy.clients().get(usize::from(record.client));
    let number = logs::shown(record, policy.settings.log_numbers);
    let mut data = Data::begin("call");
    data.put("client", client.map_or("?", |client| client.name.as_str()));
    data.put("source", &source.to_string());
    data.put("caller", &record.caller);
    data.put("number", &number);
    data.put_some("country", record.country.as_ref().map(|c| c.as_str()));
    data.put("verdict", word);
    data.put("rule", verdict.rule.name());
    data.put("level", level_name(verdict.level));
    data.put("mode", words::mode(record.mode));
    data.put(
        "chargeable",
        if verdict.chargeable { "true" } else { "false" },
    );
    if let Some((had, most)) = verdict.figures {
        data.put("had", &had.to_string());
        data.put("most", &most.to_string());
    }
    data.put_some("first", record.first.map(|rule| rule.name()));
    data.put_some(
        "phone",
        record.phone.map(|phone| phone.to_string()).as_deref(),
    );
    data.put("agent", &record.phone_agent);
    let text = format!("call {word}: {}", words::reason(verdict));
    message(host, local, severity, record.unix_ms, "CALL", data, &text)
}

/// One incident.
pub fn incident(host: &str, local: u8, incident: &Incident) -> String {
    let mut data = Data::begin("incident");
    data.put("id", &incident.id.to_string());
    data.put("kind", &incident.kind);
    data.put_some("client", incident.client.as_deref());
    data.put("caller", &incident.caller);
    data.put("count", &incident.count.to_string());
    let text = format!("incident {}: {}", incident.kind, incident.text);
    message(
        host,
        local,
        WARNING,
        incident.first_ms,
        "INCIDENT",
        data,
        &text,
    )
}

/// As the policy's keys and the history name it.
fn level_name(level: Level) -> &'static str {
    match level {
        Level::BuiltIn => "built-in",
        Level::Everybody => "everybody",
        Level::Client => "client",
        Level::Group => "group",
        Level::Caller => "caller",
    }
}

fn message(
    host: &str,
    local: u8,
    severity: u8,
    unix_ms: i64,
    id: &str,
    data: Data,
    text: &str,
) -> String {
    let priority = (LOCAL0 + local.min(7)) * 8 + severity;
    let at =
        Timestamp::from_millisecond(unix_ms).map_or_else(|_| "-".into(), |at| format!("{at:.3}"));
    // Without the mark of byte order: ours is UTF-8 in any case, and servers show the mark (RFC 5424 6.4, MSG-ANY).
    let text: String = text
        .chars()
        .map(|c| if is_unseen(c) { ' ' } else { c })
        .take(500)
        .collect();
    format!(
        "<{priority}>1 {at} {host} trunkguard {} {id} {} {text}",
        std::process::id(),
        data.end()
    )
}

/// Structured data (RFC 5424 6.3).
struct Data(String);

impl Data {
    fn begin(name: &str) -> Data {
        Data(format!("[{name}@{ENTERPRISE}"))
    }

    /// A parameter; `"`, `\` and `]` are escaped, control characters become spaces, and 200 characters are enough. What is
    /// empty is left out.
    fn put(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        // Writing to a String does not fail.
        let _ = write!(self.0, " {name}=\"");
        for c in value.chars().take(200) {
            match c {
                '"' | '\\' | ']' => self.0.extend(['\\', c]),
                c if is_unseen(c) => self.0.push(' '),
                c => self.0.push(c),
            }
        }
        self.0.push('"');
    }

    fn put_some(&mut self, name: &str, value: Option<&str>) {
        self.put(name, value.unwrap_or_default());
    }

    fn end(mut self) -> String {
        self.0.push(']');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranger(caller: &str, text: &str) -> Incident {
        Incident {
            id: 7,
            kind: "country".into(),
            client: Some("office".into()),
            caller: caller.into(),
            text: text.into(),
            first_ms: 1_700_000_000_123,
            last_ms: 1_700_000_000_123,
            count: 3,
            acknowledged_ms: None,
        }
    }

    #[test]
    fn an_incident_is_one_line_of_structured_data() {
        let pid = std::process::id();
        assert_eq!(
            incident("box", 2, &stranger("1001", "+263 77")),
            format!(
                "<148>1 2023-11-14T22:13:20.123Z box trunkguard {pid} INCIDENT \
                 [incident@32473 id=\"7\" kind=\"country\" client=\"office\" caller=\"1001\" count=\"3\"] incident country: +263 77"
            )
        );
    }

    #[test]
    fn what_strangers_say_stays_inside_its_quotes() {
        let said = incident(
            "box",
            0,
            &stranger("a\"] b\\\n<0>1 x", "line\r\n<34>1 forged"),
        );
        assert!(said.contains("caller=\"a\\\"\\] b\\\\ <0>1 x\""), "{said}");
        assert!(
            said.ends_with("incident country: line  <34>1 forged"),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1);
        let long = incident(
            "box",
            0,
            &stranger(&"x".repeat(10_000), &"y".repeat(10_000)),
        );
        assert!(long.len() < 2_048, "RFC 5426 3.2: {}", long.len());
    }
}
