//! What needs a look, what needed one, and what was sent of it.

use askama::Template;
use axum::{extract, response::Response};
use serde::Deserialize;
use trunkguard_core::alerts::{Words, words};

use super::{Incident, Sent, State, language, noted};
use crate::{
    Answer,
    shell::{Form, Frame, Section, Shell, Visitor},
    texts,
    texts::fill,
};

/// An incident with what is to be done about it.
struct Line {
    incident: Incident,
    words: Words,
    count: String,
}

#[derive(Template)]
#[template(path = "alerts/list.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Alerts,
    open: Vec<Line>,
    past: Vec<Line>,
}

pub async fn page(
    extract::State(shell): extract::State<Shell>,
    visitor: Visitor,
) -> Answer<Response> {
    let incidents = shell.ask(|parts| parts.alerts.incidents()).await?;
    let t = texts::Alerts::of(visitor.look.lang);
    let language = language(visitor.look.lang);
    let line = |incident: Incident| Line {
        words: words(&incident.kind, language),
        count: fill(t.times, &[&incident.count]),
        incident,
    };
    let (open, past): (Vec<Incident>, Vec<Incident>) = incidents
        .into_iter()
        .partition(|incident| incident.acknowledged.is_none());
    Frame::show(&Page {
        t,
        frame: visitor.frame(Section::Alerts),
        open: open.into_iter().map(line).collect(),
        past: past.into_iter().map(line).collect(),
    })
}

#[derive(Deserialize)]
pub struct Seen {
    /// Of one incident; of all where it is missing.
    incident: Option<i64>,
}

pub async fn acknowledge(
    extract::State(shell): extract::State<Shell>,
    form: Form<Seen>,
) -> Answer<Response> {
    let incident = form.fields.incident;
    shell
        .ask(move |parts| parts.alerts.acknowledge(incident))
        .await?;
    noted(&shell, &form.owner, "acknowledged", "/alerts").await
}

#[derive(Template)]
#[template(path = "alerts/outbox.html")]
struct Outbox {
    frame: Frame,
    t: &'static texts::Alerts,
    lines: Vec<Delivered>,
}

/// One delivery in a line.
struct Delivered {
    made: String,
    subject: String,
    target: String,
    /// The look of `state`.
    tag: &'static str,
    state: String,
    error: String,
}

fn lines(sent: Sent, t: &texts::Alerts) -> impl Iterator<Item = Delivered> {
    let Sent {
        made,
        subject,
        deliveries,
    } = sent;
    deliveries.into_iter().map(move |delivery| {
        let tries = || fill(t.tries, &[&delivery.tries]);
        let (tag, state) = match delivery.state {
            State::Accepted => ("good", fill(t.delivered, &[&delivery.at])),
            State::Waiting => (
                "warn",
                format!("{}, {}", fill(t.waits, &[&delivery.at]), tries()),
            ),
            State::GivenUp => ("bad", format!("{}, {}", t.given_up, tries())),
        };
        Delivered {
            made: made.clone(),
            subject: subject.clone(),
            target: delivery.target,
            tag,
            state,
            error: delivery.error,
        }
    })
}

pub async fn outbox(
    extract::State(shell): extract::State<Shell>,
    visitor: Visitor,
) -> Answer<Response> {
    let language = language(visitor.look.lang);
    let sent = shell
        .ask(move |parts| parts.alerts.outbox(language))
        .await?;
    let t = texts::Alerts::of(visitor.look.lang);
    Frame::show(&Outbox {
        t,
        frame: visitor.frame(Section::Alerts),
        lines: sent
            .into_iter()
            .flat_map(|message| lines(message, t))
            .collect(),
    })
}
