use std::time::{Duration, Instant};

use trunkguard_core::policy::Mode;
use trunkguard_page::{
    Answer, Problem,
    home::{Alert, Firewall, Home, Pbx, Pop, Source, Span},
    live::Changes,
};
use trunkguard_store::history::{Counts, Filter, History};

use super::{
    Office,
    budget::Budget,
    calls::{call, unread},
    refused,
};
use crate::{
    control::Ask,
    firewall::view::{PopsView, View},
    health::Status,
};

/// Calls and alerts on the first page.
const FEW: u32 = 6;
/// PoPs on the first page that nobody has chosen: the nearest.
const NEAREST: usize = 3;
/// What changes without anybody calling (seconds since a PBX was heard of, round trips) may be this old.
const FRESH: Duration = Duration::from_secs(2);

/// Looking takes a fifth of a core and no more, however many look and however fast calls come.
const SHARE: u32 = 5;

/// The last answer, for all who ask at the same moment: fifty viewers hear of a call together.
pub(super) struct Last {
    made: Option<(Changes, Instant, Home)>,
    budget: Budget,
}

impl Default for Last {
    fn default() -> Self {
        Last {
            made: None,
            budget: Budget::new(SHARE, Instant::now()),
        }
    }
}

impl Source for Office {
    fn home(&self) -> Answer<Home> {
        let changes: Changes = self.ask(&Ask::Changes)?;
        let mut last = self.last_home();
        let begin = Instant::now();
        let pays = last.budget.allows(begin);
        if let Some((then, at, home)) = &last.made
            && (!pays || (*then == changes && at.elapsed() < FRESH))
        {
            return Ok(home.clone());
        }
        let home = self.look()?;
        last.budget.spend(begin.elapsed());
        last.made = Some((changes, Instant::now(), home.clone()));
        Ok(home)
    }

    fn set_mode(&self, mode: Mode) -> Answer<()> {
        crate::policy::change(self.state(), |definition| definition.settings.mode = mode)
            .map(|_| ())
            .map_err(|problem| refused(&problem))
    }
}

impl Office {
    fn look(&self) -> Answer<Home> {
        let status: Status = self.ask(&Ask::Status)?;
        let view: View = self.ask(&Ask::Firewall)?;
        let times = self.times()?;
        let history = self.history()?;
        let few = Filter {
            limit: FEW,
            ..Filter::default()
        };
        let calls = history.page(&few, None).map_err(unread)?.calls;
        let alerts = history.incidents(true, FEW).map_err(unread)?;
        let now_ms = jiff::Timestamp::now().as_millisecond();
        let dropped = |ms: i64| view.dropped_in(ms);
        Ok(Home {
            mode: mode(&status.mode)?,
            hours: spans(
                &history,
                &times.hours(now_ms, 24),
                |ms| times.hour(ms),
                dropped,
            )?,
            days: spans(
                &history,
                &times.days(now_ms, 14),
                |ms| times.month_day(ms),
                |_| 0,
            )?,
            calls: calls.iter().map(|c| call(c, &times)).collect(),
            alerts: (alerts.into_iter())
                .map(|incident| Alert {
                    kind: incident.kind,
                    client: incident.client,
                    caller: incident.caller,
                    text: incident.text,
                    at: times.second(incident.last_ms),
                    count: incident.count,
                })
                .collect(),
            open_alerts: status.journal.open_incidents,
            firewall: Firewall {
                loads: status.firewall.driver == "nft",
                topology: status.firewall.topology.clone(),
                in_force: status.firewall.in_force,
                enforces: status.firewall.enforces,
                dropped: status.firewall.dropped,
                bans: status.firewall.bans,
                strangers: status.strangers,
            },
            pops: pops(&view.pops, &self.chosen()?),
            pbxs: pbxs(&status),
            update: self.update_news()?,
            problems: status.problems,
        })
    }

    /// PoPs that the policy names.
    fn chosen(&self) -> Answer<Vec<String>> {
        let pops = self.definition()?.firewall.pops;
        Ok(pops.iter().map(ToString::to_string).collect())
    }
}

fn mode(name: &str) -> Answer<Mode> {
    let modes = [Mode::Detect, Mode::Prevent, Mode::Lockdown];
    let found = modes
        .into_iter()
        .find(|mode| crate::words::mode(*mode) == name);
    found.ok_or_else(|| {
        Problem::Unavailable("the daemon is of another version; restart the box".into())
    })
}

fn spans(
    history: &History,
    edges: &[i64],
    label: impl Fn(i64) -> String,
    dropped: impl Fn(i64) -> u64,
) -> Answer<Vec<Span>> {
    let counts = history.counts(edges).map_err(unread)?;
    let spans = edges.iter().zip(counts).map(|(&begin, counts)| {
        let Counts {
            approved,
            would_refuse,
            refused,
        } = counts;
        Span {
            label: label(begin),
            approved,
            would_refuse,
            refused,
            dropped: dropped(begin),
        }
    });
    Ok(spans.collect())
}

/// Those that were chosen or do not answer any more, and the nearest of the others.
fn pops(view: &PopsView, chosen: &[String]) -> Vec<Pop> {
    let mut pops: Vec<Pop> = (view.names.iter())
        .filter(|line| line.round_trip_us.is_some() || line.dead || chosen.contains(&line.name))
        .map(|line| Pop {
            name: line.name.clone(),
            city: line.city.clone(),
            round_trip_us: line.round_trip_us,
            loss_percent: line.loss_percent,
            dead: line.dead,
            chosen: chosen.contains(&line.name),
            recommended: view.recommended.as_ref() == Some(&line.name),
        })
        .collect();
    pops.sort_by_key(|pop| (!pop.chosen, pop.round_trip_us.unwrap_or(u32::MAX)));
    let mut others = 0;
    pops.retain(|pop| {
        others += usize::from(!pop.chosen && !pop.dead);
        pop.chosen || pop.dead || others <= NEAREST
    });
    // A line that is down kills all of them at once; one sentence about each is no help.
    pops.truncate(8);
    pops
}

fn pbxs(status: &Status) -> Vec<Pbx> {
    let clients = status.clients.iter().map(|client| Pbx {
        name: client.name.clone(),
        profile: client.profile.clone(),
        heard_s: client.heard_s,
        agent: client.user_agent.clone(),
    });
    clients.collect()
}
