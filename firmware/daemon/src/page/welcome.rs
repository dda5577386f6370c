use std::{collections::BTreeMap, fs, net::SocketAddr};

use trunkguard_core::policy::Definition;
use trunkguard_page::{
    Answer, Problem,
    welcome::{Heard, RoundTrip, Source, Speaker, TestCall},
};
use trunkguard_store::history::{Filter, History};

use super::{Office, refused};
use crate::{
    control::Ask,
    firewall::{intent, view::View},
    health::Status,
    tls,
};

/// Steps of the first run that are done, a word each.
const STEPS: &str = "page.welcome";

impl Source for Office {
    fn stored(&self) -> Answer<Definition> {
        self.definition()
    }

    fn put(&self, before: &Definition, after: &Definition) -> Answer<()> {
        crate::policy::put_in_force(self.state(), Some(before), after)
            .map(drop)
            .map_err(|problem| refused(&problem))
    }

    fn zones(&self) -> Vec<String> {
        // What is not named after a place is for machines.
        let of_machines = ["Etc/", "posix/", "right/", "SystemV/", "US/"];
        let known = jiff::tz::db().available();
        let mut zones: Vec<String> = known
            .map(|name| name.to_string())
            .filter(|name| name.contains('/') || name == "UTC")
            .filter(|name| !of_machines.iter().any(|start| name.starts_with(start)))
            .collect();
        zones.sort();
        zones
    }

    fn ports(&self) -> Answer<Vec<String>> {
        let status: Status = self.ask(&Ask::Status)?;
        Ok(status.ports)
    }

    fn speakers(&self) -> Answer<Vec<Speaker>> {
        let status: Status = self.ask(&Ask::Status)?;
        let speakers = status.speakers.into_iter().map(|speaker| Speaker {
            address: speaker.address,
            agent: speaker.user_agent,
            method: speaker.method,
            heard_s: speaker.heard_s,
        });
        Ok(speakers.collect())
    }

    fn sip(&self) -> Answer<String> {
        let status: Status = self.ask(&Ask::Status)?;
        let Ok(at) = status.sip.parse::<SocketAddr>() else {
            return Ok(status.sip);
        };
        let own = intent::own_addresses()
            .into_iter()
            .find(|own| own.is_ipv4());
        Ok(match (at.ip().is_unspecified(), own) {
            (true, Some(own)) => SocketAddr::new(own, at.port()).to_string(),
            _ => at.to_string(),
        })
    }

    fn round_trips(&self) -> Answer<BTreeMap<String, RoundTrip>> {
        let mut trips = self.trips().clone();
        let view: View = self.ask(&Ask::Firewall)?;
        for line in view.pops.names {
            match (line.dead, line.round_trip_us) {
                (true, _) => trips.insert(line.name, RoundTrip::Silent),
                (false, Some(us)) => trips.insert(line.name, RoundTrip::Took(us)),
                (false, None) => None,
            };
        }
        Ok(trips)
    }

    fn measure(&self) -> Answer<()> {
        let measured: BTreeMap<String, Option<u32>> = self.ask(&Ask::MeasurePops)?;
        let trips = measured.into_iter().map(|(name, took)| {
            let trip = took.map_or(RoundTrip::Silent, RoundTrip::Took);
            (name, trip)
        });
        *self.trips() = trips.collect();
        Ok(())
    }

    fn heard(&self, client: &str, since_ms: i64) -> Answer<Heard> {
        let status: Status = self.ask(&Ask::Status)?;
        let spoke = status.clients.into_iter().find(|one| one.name == client);
        let _: bool = self.ask(&Ask::Flush)?;
        let filter = Filter {
            client: Some(client.to_owned()),
            since_ms,
            limit: 1,
            ..Filter::default()
        };
        let calls = History::open(self.state()).and_then(|history| history.calls(&filter));
        let call = calls
            .map_err(|problem| Problem::Unavailable(problem.to_string()))?
            .pop();
        Ok(Heard {
            spoke_s: spoke.as_ref().and_then(|client| client.heard_s),
            agent: spoke.map(|client| client.user_agent).unwrap_or_default(),
            said_fields: call.as_ref().map_or(0, |call| call.said_fields),
            call: call.map(|call| TestCall {
                caller: call.caller,
                dialled: call.dialled,
                number: call.number,
                country: (call.country).map_or(String::new(), |country| country.to_string()),
                approved: call.approved,
                allowed: call.allowed,
                rule: call.rule,
                figures: call.figures,
            }),
        })
    }

    fn steps(&self) -> Answer<Vec<String>> {
        // Where it is not there, or is no text, nothing is done yet.
        let text = fs::read_to_string(self.state().join(STEPS)).unwrap_or_default();
        Ok(text.lines().take(16).map(str::to_owned).collect())
    }

    fn step_is_done(&self, step: &str) -> Answer<()> {
        let mut steps = self.steps()?;
        if steps.iter().any(|done| done == step) {
            return Ok(());
        }
        steps.push(step.to_owned());
        let text = steps.join("\n") + "\n";
        tls::write(&self.state().join(STEPS), text.as_bytes(), 0o600)
            .map_err(|problem| Problem::Unavailable(format!("{problem:#}")))
    }
}
