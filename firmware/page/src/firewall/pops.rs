//! VoIP.ms's points of presence.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};

use super::{View, overview::Said};
use crate::{
    Answer,
    shell::{Frame, Section, Shell, Visitor},
    texts,
};

#[derive(Template)]
#[template(path = "firewall/pops.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Firewall,
    said: &'static str,
    rows: Vec<Row>,
    view: View,
}

struct Row {
    name: String,
    city: String,
    addresses: Vec<Address>,
    round_trip: String,
    class: &'static str,
    state: &'static str,
    failure: String,
    recommended: bool,
}

struct Address {
    text: String,
    from: &'static str,
}

/// `GET /firewall/pops`
pub async fn page(
    State(shell): State<Shell>,
    visitor: Visitor,
    Query(Said { said }): Query<Said>,
) -> Answer<Response> {
    let view = shell.ask(|parts| parts.firewall.firewall()).await?;
    let t = texts::Firewall::of(visitor.look.lang);
    Frame::show(&Page {
        frame: visitor.frame(Section::Firewall),
        t,
        said: if said == "done" { t.said_done } else { "" },
        rows: rows(&view, t),
        view,
    })
}

fn rows(view: &View, t: &'static texts::Firewall) -> Vec<Row> {
    let pops = view.pops.iter();
    pops.map(|pop| {
        let from_dns = pop.addresses.iter().map(|address| Address {
            text: address.to_string(),
            from: t.from_dns,
        });
        let built_in = pop.built_in.filter(|_| pop.addresses.is_empty());
        let built_in = built_in.map(|address| Address {
            text: address.to_string(),
            from: t.built_in,
        });
        let (class, state) = match (pop.dead, pop.round_trip_us) {
            (true, _) => ("bad", t.dead),
            (false, Some(_)) => ("good", t.answers),
            (false, None) => ("", t.not_asked),
        };
        Row {
            name: pop.name.clone(),
            city: pop.city.clone(),
            addresses: from_dns.chain(built_in).collect(),
            round_trip: pop
                .round_trip_us
                .map(|us| round_trip(us, pop.loss_percent))
                .unwrap_or_default(),
            class,
            state,
            failure: pop.failure.clone().unwrap_or_default(),
            recommended: view.recommended.as_deref() == Some(&pop.name),
        }
    })
    .collect()
}

fn round_trip(us: u32, loss_percent: u8) -> String {
    let ms = format!("{:.1} ms", f64::from(us) / 1e3);
    match loss_percent {
        0 => ms,
        loss => format!("{ms}, {loss} % ✕"),
    }
}
