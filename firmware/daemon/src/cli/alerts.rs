//! `alerts`: what needs a look, a message to try the channels, and what waits to be sent.

use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use trunkguard_core::policy::Alerts as Settings;
use trunkguard_notify::{Outcome, render};
use trunkguard_store::outbox::{Delivery, Line, State};

use super::{Answer, history, print, running::Asked};
use crate::{alerts, clock::Clock, daemon, operations};

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    asked: Asked,
    /// Mark all of them as seen, as the button on the box does; or one, by its `id` of `--json`.
    #[arg(long, value_name = "ID", num_args = 0..=1, require_equals = true, conflicts_with = "json")]
    acknowledge: Option<Option<i64>>,
}

#[derive(Subcommand)]
enum Action {
    /// Send a real test message now, and say what became of it.
    Test {
        /// Only by this channel: mail, or the name of a webhook.
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
    },
    /// List what was sent, what waits, and what was given up.
    Outbox,
}

/// # Errors
/// Bad input, or a state directory that cannot be used.
pub fn run(arguments: &Arguments) -> anyhow::Result<Answer> {
    let (asked, state) = (&arguments.asked, arguments.asked.state()?);
    match (&arguments.action, arguments.acknowledge) {
        (None, Some(incident)) => history::acknowledge(state, incident),
        (None, None) => history::alerts(state, asked.json()),
        (Some(Action::Test { channel }), _) => test(asked, channel.as_deref()),
        (Some(Action::Outbox), _) => {
            let lines = operations::outbox(state)?;
            if asked.json() {
                return print(serde_json::to_string_pretty(&lines)? + "\n");
            }
            let definition = crate::policy::definition(state)?;
            let clock = Clock::new(&definition.settings.time_zone).map_err(anyhow::Error::msg)?;
            print(list(&lines, &definition.alerts, clock.zone()))
        }
    }
}

/// Sends by this process, by the settings as they are stored: it works without a daemon.
fn test(asked: &Asked, channel: Option<&str>) -> anyhow::Result<Answer> {
    let definition = crate::policy::definition(asked.state()?)?;
    let settings = &definition.alerts;
    let mut clock = Clock::new(&definition.settings.time_zone).map_err(anyhow::Error::msg)?;
    let mode = definition.settings.mode;
    let outcomes = alerts::test(settings, mode, channel, &mut clock, daemon::random()?)?;
    let all = outcomes
        .iter()
        .all(|(_, outcome)| *outcome == Outcome::Accepted);
    if asked.json() {
        let each = outcomes
            .iter()
            .map(|(target, outcome)| (target.clone(), why(outcome).map(str::to_owned)));
        let json = operations::tested_json(each.collect());
        print(serde_json::to_string_pretty(&json)? + "\n")?;
    } else {
        let line = |(target, outcome): &(String, Outcome)| match why(outcome) {
            None => format!("{target}: taken\n"),
            Some(why) => format!("{target}: NOT taken: {why}\n"),
        };
        print(outcomes.iter().map(line).collect::<String>())?;
    }
    Ok(if all { Answer::Yes } else { Answer::No })
}

fn why(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Accepted => None,
        Outcome::Later { why, .. } | Outcome::Never { why } => Some(why),
    }
}

fn list(lines: &[Line], settings: &Settings, zone: &TimeZone) -> String {
    if lines.is_empty() {
        return "nothing was sent yet, and nothing waits\n".into();
    }
    let line = |line: &Line| {
        let subject = (line.message.as_ref())
            .map_or("(made by a later version)".into(), |message| {
                render::subject(settings, message)
            });
        let deliveries = line
            .deliveries
            .iter()
            .map(|d| format!("    {}\n", delivery(d, zone)));
        let deliveries: String = deliveries.collect();
        format!(
            "{}  {:<6} {subject}\n{deliveries}",
            alerts::at(line.made_ms, zone),
            line.class
        )
    };
    lines.iter().map(line).collect()
}

fn delivery(delivery: &Delivery, zone: &TimeZone) -> String {
    let Delivery { target, tries, .. } = delivery;
    let error = delivery.error.as_deref().unwrap_or("not tried yet");
    let at = |ms| alerts::at(ms, zone);
    match delivery.state {
        State::Accepted => format!("{target}: taken {}", at(delivery.changed_ms)),
        State::GivenUp => format!("{target}: GIVEN UP after {tries} tries: {error}"),
        State::Waiting => {
            let next = delivery.next_ms.map(at).unwrap_or_default();
            format!("{target}: waits, {tries} tries, the next {next}: {error}")
        }
    }
}
