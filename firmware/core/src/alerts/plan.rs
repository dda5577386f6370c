//! Which incidents are told now: one message for each that is new, with its count; then again at ten times
//! the count, an hour later at the earliest. A call for help is told at once, and each time.

use alloc::vec::Vec;

use super::{EMERGENCY_CALL, When};
use crate::{policy::Alerts, time::Now};

/// An incident waits so long for more of its kind, so that a burst is one message with a count.
pub const GATHER_MS: i64 = 20_000;
/// Between two alerts; what comes meanwhile is told together.
pub const GAP_MS: i64 = 60_000;
/// Alerts in an hour; what comes then waits, and is told together. What is urgent waits for [`GAP_MS`] only.
pub const PER_HOUR: usize = 12;
/// An incident that is older when it is first seen is not told: it is history.
pub const FORGOTTEN_MS: i64 = 48 * HOUR_MS;
const HOUR_MS: i64 = 3_600_000;
/// The count grows by so much before it is told again.
const GROWTH: u64 = 10;

/// An incident, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen<'a> {
    /// Its kind.
    pub kind: &'a str,
    /// How often.
    pub count: u64,
    /// First time, in milliseconds since 1970.
    pub first_ms: i64,
    /// Its owner knows of it.
    pub acknowledged: bool,
    /// What was told of it.
    pub told: Option<Told>,
}

/// What was told of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The count at the time.
    pub count: u64,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// What is to be told now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Places in the list of incidents.
    pub due: Vec<usize>,
    /// One of them breaks through quiet hours.
    pub urgent: bool,
}

/// `sent_ms` are the times of alerts of the last hour or more, in any order. While the time is not known
/// nothing is told: the date would be wrong, and no certificate valid.
pub fn plan(alerts: &Alerts, now: &Now, incidents: &[Seen<'_>], sent_ms: &[i64]) -> Plan {
    let Some(local) = now.local.filter(|_| alerts.has_channel()) else {
        return Plan::default();
    };
    let within = |long_ms| {
        sent_ms
            .iter()
            .filter(move |&&at| !past(at, long_ms, now.unix_ms))
            .count()
    };
    let recent = within(GAP_MS) > 0;
    let quiet = alerts.quiet.is_some_and(|span| span.contains(local.minute));
    let mut plan = Plan::default();
    for (at, incident) in incidents.iter().enumerate() {
        let urgent = match alerts.when(incident.kind) {
            When::Urgent => true,
            When::Now => false,
            When::Digest | When::Off => continue,
        };
        // Who lets the ambulance in cannot wait for another message's turn.
        let waits = recent && !(incident.kind == EMERGENCY_CALL && incident.told.is_none());
        if !waits && is_due(incident, now.unix_ms) && (urgent || !quiet) {
            plan.due.push(at);
            plan.urgent |= urgent;
        }
    }
    if !plan.urgent && within(HOUR_MS) >= PER_HOUR {
        return Plan::default();
    }
    plan
}

fn is_due(incident: &Seen<'_>, now_ms: i64) -> bool {
    match incident.told {
        _ if incident.acknowledged => false,
        // At once, and again for every further call.
        told if incident.kind == EMERGENCY_CALL => {
            told.is_none_or(|told| incident.count > told.count)
        }
        None => past(incident.first_ms, GATHER_MS, now_ms),
        Some(told) => {
            incident.count >= told.count.saturating_mul(GROWTH) && past(told.at_ms, HOUR_MS, now_ms)
        }
    }
}

/// Has it been so long? A time that lies ahead is of a clock that was set back since.
fn past(at_ms: i64, long_ms: i64, now_ms: i64) -> bool {
    let since = now_ms.saturating_sub(at_ms);
    since >= long_ms || since < 0
}

/// May a message that was made leave now? What was made before quiet hours and not taken by then waits for
/// their end, unless it is urgent or the digest, which has a time of its own.
pub fn may_leave(alerts: &Alerts, now: &Now, urgent: bool, digest: bool) -> bool {
    let minute = now.local.map(|local| local.minute);
    let quiet = |minute| alerts.quiet.is_some_and(|span| span.contains(minute));
    urgent || digest || !minute.is_some_and(quiet)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::{
        policy::{Clock, Host, Mail, MailAddress, Quiet, Security},
        time::{Date, Local},
    };

    /// Midnight of some day.
    const START: i64 = 1_800_000_000_000;

    fn alerts() -> Alerts {
        Alerts {
            mail: Some(Mail {
                server: Host::parse("smtp.example.com").unwrap(),
                port: None,
                security: Security::Starttls,
                username: None,
                password: None,
                from: MailAddress::parse("box@example.com").unwrap(),
                to: vec![MailAddress::parse("owner@example.com").unwrap()],
            }),
            ..Alerts::default()
        }
    }

    fn at(ms: i64) -> Now {
        Now {
            mono_ms: 0,
            unix_ms: START + ms,
            local: Some(Local {
                date: Date {
                    year: 2027,
                    month: 1,
                    day: 15,
                },
                weekday: 4,
                minute: (ms.div_euclid(60_000).rem_euclid(1_440)) as u16,
            }),
        }
    }

    /// A box that tells: incidents as they are in the history, looked at every five seconds.
    struct Virtual {
        alerts: Alerts,
        incidents: Vec<(&'static str, i64, u64, Option<Told>)>,
        sent: Vec<i64>,
        /// (when, the counts that were told)
        messages: Vec<(i64, Vec<u64>)>,
    }

    impl Virtual {
        fn new(alerts: Alerts) -> Self {
            Virtual {
                alerts,
                incidents: Vec::new(),
                sent: Vec::new(),
                messages: Vec::new(),
            }
        }

        fn happens(&mut self, ms: i64, kind: &'static str, times: u64) {
            match self.incidents.iter_mut().find(|i| i.0 == kind) {
                Some(incident) => incident.2 += times,
                None => self.incidents.push((kind, START + ms, times, None)),
            }
        }

        fn look(&mut self, ms: i64) {
            let seen: Vec<Seen<'_>> = (self.incidents.iter())
                .map(|&(kind, first_ms, count, told)| Seen {
                    kind,
                    count,
                    first_ms,
                    acknowledged: false,
                    told,
                })
                .collect();
            let now = at(ms);
            let plan = plan(&self.alerts, &now, &seen, &self.sent);
            if plan.due.is_empty() {
                return;
            }
            self.sent.push(now.unix_ms);
            let mut counts = Vec::new();
            for at in plan.due {
                let incident = &mut self.incidents[at];
                counts.push(incident.2);
                incident.3 = Some(Told {
                    count: incident.2,
                    at_ms: now.unix_ms,
                });
            }
            self.messages.push((ms, counts));
        }

        fn until(&mut self, from: i64, to: i64, mut each: impl FnMut(&mut Self, i64)) {
            for ms in (from..to).step_by(5_000) {
                each(self, ms);
                self.look(ms);
            }
        }
    }

    const HOUR: i64 = 3_600_000;

    #[test]
    fn a_burst_is_one_message_with_its_count() {
        let mut office = Virtual::new(alerts());
        office.until(0, 30 * 60_000, |office, ms| {
            if ms < 20_000 {
                office.happens(ms, "country", 250);
            }
        });
        assert_eq!(office.messages, [(20_000, vec![1_000])]);
    }

    #[test]
    fn what_goes_on_is_told_at_ten_times_the_count_and_once_an_hour() {
        let mut office = Virtual::new(alerts());
        // One call every five seconds, for a day: 17,280 in all.
        office.until(0, 24 * HOUR, |office, ms| office.happens(ms, "country", 1));
        let told: Vec<(i64, u64)> = (office.messages.iter())
            .map(|(ms, c)| (*ms, c[0]))
            .collect();
        // 5 after 20 s; 50 long before the hour is over, told at the hour; then ten times as many.
        assert_eq!(
            told,
            [(20_000, 5), (HOUR + 20_000, 725), (36_245_000, 7_250)]
        );
    }

    #[test]
    fn a_call_for_help_waits_for_nothing_and_each_is_told() {
        let quiet = Quiet {
            from: Clock::parse("00:00").unwrap(),
            to: Clock::parse("23:59").unwrap(),
        };
        let mut office = Virtual::new(Alerts {
            quiet: Some(quiet),
            ..alerts()
        });
        office.until(0, 2 * HOUR, |office, ms| match ms {
            0 => office.happens(ms, "country", 5),
            // Within the minute after the alert of those.
            25_000 => office.happens(ms, EMERGENCY_CALL, 1),
            // Two more at once, and one an hour later.
            30_000 => office.happens(ms, EMERGENCY_CALL, 2),
            4_000_000 => office.happens(ms, EMERGENCY_CALL, 1),
            _ => {}
        });
        let told = [
            (20_000, vec![5]),
            (25_000, vec![1]),
            (85_000, vec![3]),
            (4_000_000, vec![4]),
        ];
        assert_eq!(office.messages, told);
    }

    #[test]
    fn many_incidents_are_told_together_and_the_box_is_never_a_flood() {
        let mut office = Virtual::new(alerts());
        let kinds = [
            "loop",
            "number",
            "prefix",
            "pop-dead",
            "restored",
            "journal-full",
        ];
        // A new incident every ten seconds.
        office.until(0, 10 * HOUR, |office, ms| {
            if ms % 10_000 == 0 {
                let n = (ms / 10_000) as usize;
                office
                    .incidents
                    .push((kinds[n % kinds.len()], START + ms, 1, None));
            }
        });
        for hour in 0..9 {
            let span = hour * HOUR..(hour + 1) * HOUR;
            let sent = office
                .messages
                .iter()
                .filter(|(ms, _)| span.contains(ms))
                .count();
            assert!(sent <= PER_HOUR, "{sent} in hour {hour}");
        }
        let told: usize = office.messages.iter().map(|(_, counts)| counts.len()).sum();
        assert!(told > 3_000, "all but the last few are told: {told}");
        // What is urgent does not wait for the hour.
        let before = office.messages.len();
        office.happens(10 * HOUR, "country", 1);
        office.until(10 * HOUR, 10 * HOUR + 90_000, |_, _| {});
        assert!(office.messages.len() > before, "an urgent one goes");
    }

    #[test]
    fn quiet_hours_hold_all_but_what_is_urgent() {
        let mut alerts = alerts();
        alerts.quiet = Some(Quiet {
            from: Clock::parse("22:00").unwrap(),
            to: Clock::parse("07:00").unwrap(),
        });
        let mut office = Virtual::new(alerts);
        office.until(0, 12 * HOUR, |office, ms| match ms {
            3_600_000 => office.happens(ms, "pop-dead", 1),
            7_200_000 => office.happens(ms, "new-country", 3),
            10_800_000 => office.happens(ms, "firewall", 1),
            _ => {}
        });
        assert_eq!(
            office.messages,
            [(3 * HOUR + 20_000, vec![1]), (7 * HOUR, vec![1, 3])]
        );
        let night = at(HOUR);
        for (urgent, digest, leaves) in [
            (false, false, false),
            (true, false, true),
            (false, true, true),
        ] {
            assert_eq!(may_leave(&office.alerts, &night, urgent, digest), leaves);
        }
        assert!(may_leave(&office.alerts, &at(8 * HOUR), false, false));
    }

    #[test]
    fn what_is_off_acknowledged_or_for_the_digest_is_not_told() {
        let seen = |kind, acknowledged| Seen {
            kind,
            count: 5,
            first_ms: START,
            acknowledged,
            told: None,
        };
        let mut quiet = alerts();
        quiet
            .kinds
            .insert(super::super::Kind::named("loop").unwrap(), When::Off);
        let list = [
            seen("loop", false),
            seen("country", true),
            seen("new-phone", false),
            seen("number", false),
        ];
        assert_eq!(plan(&quiet, &at(HOUR), &list, &[]).due, [3]);
        assert!(
            plan(&Alerts::default(), &at(HOUR), &list, &[])
                .due
                .is_empty(),
            "nobody to tell"
        );
        let unset = Now {
            local: None,
            ..at(HOUR)
        };
        assert!(
            plan(&quiet, &unset, &list, &[]).due.is_empty(),
            "the time is not known"
        );
    }

    #[test]
    fn a_clock_that_is_set_back_delays_nothing() {
        let told = Some(Told {
            count: 1,
            at_ms: START + 100 * HOUR,
        });
        let seen = |told| Seen {
            kind: "country",
            count: 10,
            first_ms: START + 100 * HOUR,
            acknowledged: false,
            told,
        };
        let list = [seen(None), seen(told)];
        assert_eq!(
            plan(&alerts(), &at(0), &list, &[START + 100 * HOUR]).due,
            [0, 1]
        );
    }
}
