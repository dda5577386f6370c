//! From incidents and figures to a message.

use jiff::{Timestamp, tz::TimeZone};
use trunkguard_core::{
    alerts::{Content, Entry, MOST_ENTRIES, Message, Summary, Told, When},
    policy::{Alerts, Mode},
    time::Now,
};
use trunkguard_store::history::{Incident, Totals};

use crate::{clock, logs};

/// What a message has besides what it says.
pub struct Frame<'a> {
    /// Now.
    pub now: Now,
    /// The office's time zone.
    pub zone: &'a TimeZone,
    /// The mode.
    pub mode: Mode,
    /// Hide the last digits of numbers, as in logs.
    pub masks: bool,
    /// A name that no other message has.
    pub token: String,
}

/// 128 bits that nobody foresees, as 32 hexadecimal digits.
pub fn token(random: &mut impl FnMut() -> u64) -> String {
    format!("{:016x}{:016x}", random(), random())
}

/// A time by the office's clock. One at which the box did not know the time is a question mark.
pub fn at(unix_ms: i64, zone: &TimeZone) -> String {
    let time = Timestamp::from_millisecond(unix_ms);
    match time {
        Ok(time) if clock::is_plausible(unix_ms) => {
            let local = time.to_zoned(zone.clone());
            local.strftime("%Y-%m-%d %H:%M").to_string()
        }
        _ => "?".into(),
    }
}

impl Frame<'_> {
    fn message(self, urgent: bool, content: Content) -> Message {
        Message {
            token: self.token,
            unix_ms: self.now.unix_ms,
            at: at(self.now.unix_ms, self.zone),
            mode: self.mode,
            urgent,
            content,
        }
    }

    fn entry(&self, incident: &Incident, told: Option<Told>) -> Entry {
        Entry {
            incident: incident.id,
            kind: incident.kind.clone(),
            client: incident.client.clone().unwrap_or_default(),
            caller: incident.caller.clone(),
            text: match incident.client {
                Some(_) if self.masks => logs::masked(&incident.text),
                _ => incident.text.clone(),
            },
            count: incident.count,
            told: told.map_or(0, |told| told.count),
            first_ms: incident.first_ms,
            last_ms: incident.last_ms,
            first: at(incident.first_ms, self.zone),
            last: at(incident.last_ms, self.zone),
        }
    }

    /// Incidents that need a look: what is urgent first, then the newest.
    pub fn alert(
        self,
        settings: &Alerts,
        mut due: Vec<(&Incident, Option<Told>)>,
        urgent: bool,
    ) -> Message {
        due.sort_by_key(|(incident, _)| {
            let waits = settings.when(&incident.kind) != When::Urgent;
            (waits, std::cmp::Reverse(incident.last_ms))
        });
        let more = due.len().saturating_sub(MOST_ENTRIES) as u64;
        let entries = due.iter().take(MOST_ENTRIES);
        let entries = entries
            .map(|(incident, told)| self.entry(incident, *told))
            .collect();
        self.message(urgent, Content::Alert { entries, more })
    }

    /// The day: figures, and its incidents (newest first) but for kinds that are off.
    pub fn digest(
        self,
        settings: &Alerts,
        totals: Totals,
        open: u64,
        incidents: &[Incident],
    ) -> Message {
        let told: Vec<&Incident> = (incidents.iter())
            .filter(|incident| settings.when(&incident.kind) != When::Off)
            .collect();
        let entries = told.iter().take(MOST_ENTRIES);
        let summary = Summary {
            approved: totals.approved,
            would_deny: totals.would_deny,
            denied: totals.denied,
            chargeable: totals.chargeable,
            emergency: totals.emergency,
            open,
            entries: entries.map(|incident| self.entry(incident, None)).collect(),
            more: told.len().saturating_sub(MOST_ENTRIES) as u64,
        };
        self.message(false, Content::Digest(summary))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkguard_core::alerts::Kind;

    const NOW: i64 = 1_800_000_000_000;

    fn frame(zone: &TimeZone) -> Frame<'_> {
        Frame {
            now: Now {
                mono_ms: 0,
                unix_ms: NOW,
                local: None,
            },
            zone,
            mode: Mode::Prevent,
            masks: false,
            token: token(&mut || 255),
        }
    }

    fn incident(id: i64, kind: &str) -> Incident {
        Incident {
            id,
            kind: kind.into(),
            client: None,
            caller: String::new(),
            text: "x".into(),
            first_ms: 5_000,
            last_ms: NOW + id,
            count: 3,
            acknowledged_ms: None,
        }
    }

    #[test]
    fn what_is_urgent_stands_first_and_the_rest_is_counted() {
        let zone = TimeZone::get("America/Toronto").unwrap();
        let mut all: Vec<Incident> = (1..=70).map(|n| incident(n, "pop-dead")).collect();
        all[3].kind = "country".into();
        let due = all.iter().map(|i| (i, None)).collect();
        let message = frame(&zone).alert(&Alerts::default(), due, true);
        assert_eq!(message.token, "00000000000000ff".repeat(2));
        assert_eq!(message.at, "2027-01-15 03:00");
        let Content::Alert { entries, more } = message.content else {
            panic!("no alert");
        };
        assert_eq!((entries.len(), more), (MOST_ENTRIES, 20));
        assert_eq!(
            (entries[0].kind.as_str(), entries[1].incident),
            ("country", 70)
        );
        assert_eq!(entries[0].first, "?", "the box did not know the time");
    }

    #[test]
    fn numbers_are_masked_where_the_logs_mask_them() {
        let call = Incident {
            client: Some("office".into()),
            text: "5352041234".into(),
            ..incident(1, "country")
        };
        let zone = TimeZone::UTC;
        let frame = Frame {
            masks: true,
            ..frame(&zone)
        };
        let entry = frame.entry(&call, None);
        assert!(
            !entry.text.contains("1234") && entry.text.starts_with("535"),
            "{}",
            entry.text
        );
        assert_eq!(frame.entry(&incident(2, "pop-dead"), None).text, "x");
    }

    #[test]
    fn a_digest_leaves_out_what_is_off() {
        let zone = TimeZone::UTC;
        let mut settings = Alerts::default();
        settings
            .kinds
            .insert(Kind::named("loop").unwrap(), When::Off);
        let all = [incident(1, "loop"), incident(2, "new-phone")];
        let message = frame(&zone).digest(&settings, Totals::default(), 4, &all);
        let Content::Digest(day) = message.content else {
            panic!("no digest");
        };
        assert_eq!(
            (day.entries.len(), day.entries[0].incident, day.open),
            (1, 2, 4)
        );
    }
}
