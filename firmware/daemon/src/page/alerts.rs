use std::time::Duration;

use jiff::tz::TimeZone;
use trunkguard_core::policy::{Alerts, Language};
use trunkguard_notify::{LIMIT, render};
use trunkguard_page::{
    Answer, Problem,
    alerts::{Channel, Delivery, Incident, Sent, Source, State},
};
use trunkguard_store::{
    history::{self, History},
    outbox,
};

use super::{Office, refused};
use crate::{
    alerts::at,
    control::{self, Ask},
    health::Status,
    policy,
};

/// Incidents that are shown.
const MOST: u32 = 300;
/// A test goes to one channel after the other, five at most, and each takes its minute.
const TEST: Duration = LIMIT.saturating_mul(6);

impl Source for Office {
    fn incidents(&self) -> Answer<Vec<Incident>> {
        let _: bool = self.ask(&Ask::Flush)?;
        let zone = self.zone()?;
        let found = History::open(self.state()).and_then(|history| {
            let mut found = history.incidents(true, MOST)?;
            let all = history.incidents(false, MOST)?;
            found.extend(all.into_iter().filter(|i| i.acknowledged_ms.is_some()));
            Ok(found)
        });
        let found = found.map_err(unreadable)?;
        Ok(found.into_iter().map(|i| incident(i, &zone)).collect())
    }

    fn acknowledge(&self, incident: Option<i64>) -> Answer<()> {
        match self.ask(&Ask::Acknowledge { incident })? {
            true => Ok(()),
            false => Err(Problem::Unavailable(
                "the history cannot be written to; look at the card".into(),
            )),
        }
    }

    fn settings(&self) -> Answer<Alerts> {
        Ok(self.definition()?.alerts)
    }

    fn set(&self, alerts: Alerts) -> Answer<()> {
        let said = policy::change(self.state(), |definition| definition.alerts = alerts);
        said.map(drop).map_err(|problem| refused(&problem))
    }

    fn channels(&self) -> Answer<Vec<Channel>> {
        let status: Status = self.ask(&Ask::Status)?;
        let zone = self.zone()?;
        let channel = |c: crate::alerts::ChannelStatus| Channel {
            target: c.target,
            accepted: c.accepted_ms.map(|ms| at(ms, &zone)),
            error: c.error,
            waiting: c.waiting,
        };
        Ok(status.alerts.channels.into_iter().map(channel).collect())
    }

    fn test(&self, channel: Option<&str>) -> Answer<Vec<(String, Option<String>)>> {
        let ask = Ask::TestAlerts {
            channel: channel.map(str::to_owned),
        };
        control::ask_for(self.state(), &ask, TEST)
            .map_err(|problem| refused(&problem))?
            .ok_or_else(|| Problem::Unavailable("the daemon does not run at the moment".into()))
    }

    fn outbox(&self, language: Language) -> Answer<Vec<Sent>> {
        let zone = self.zone()?;
        let mut settings = self.settings()?;
        settings.language = language;
        let lines = match outbox::read_only(self.state()).map_err(unreadable)? {
            Some(outbox) => outbox.list().map_err(unreadable)?,
            None => Vec::new(),
        };
        Ok(lines
            .into_iter()
            .map(|line| sent(line, &settings, &zone))
            .collect())
    }
}

impl Office {
    pub(super) fn zone(&self) -> Answer<TimeZone> {
        policy::zone(self.state()).map_err(|problem| refused(&problem))
    }
}

fn unreadable(problem: impl std::fmt::Display) -> Problem {
    Problem::Unavailable(problem.to_string())
}

fn incident(incident: history::Incident, zone: &TimeZone) -> Incident {
    let caller = if incident.caller == "*" {
        String::new()
    } else {
        incident.caller
    };
    let who = [incident.client.unwrap_or_default(), caller];
    Incident {
        id: incident.id,
        kind: incident.kind,
        who: who.join(" ").trim().to_owned(),
        text: incident.text,
        count: incident.count,
        first: at(incident.first_ms, zone),
        last: at(incident.last_ms, zone),
        acknowledged: incident.acknowledged_ms.map(|ms| at(ms, zone)),
    }
}

fn sent(line: outbox::Line, settings: &Alerts, zone: &TimeZone) -> Sent {
    let delivery = |d: outbox::Delivery| Delivery {
        target: d.target,
        state: match d.state {
            outbox::State::Waiting => State::Waiting,
            outbox::State::Accepted => State::Accepted,
            outbox::State::GivenUp => State::GivenUp,
        },
        tries: d.tries,
        at: at(d.next_ms.unwrap_or(d.changed_ms), zone),
        error: d.error.unwrap_or_default(),
    };
    Sent {
        made: at(line.made_ms, zone),
        subject: (line.message.as_ref()).map_or_else(
            || line.class.clone(),
            |message| render::subject(settings, message),
        ),
        deliveries: line.deliveries.into_iter().map(delivery).collect(),
    }
}
