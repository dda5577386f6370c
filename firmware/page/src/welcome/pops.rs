//! Which of VoIP.ms's points of presence the office uses, with the way to each measured from here.

use std::{cmp::Ordering, collections::BTreeMap};

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use trunkguard_core::{policy::HostName, pops};

use super::{Nothing, Stage, Step, change, on, stages_at};
use crate::{
    Answer, Problem,
    shell::{Form, Frame, Owner, Section, Shell},
    texts,
};

/// So many may be chosen.
const MOST: usize = 16;
/// So many are shown as near.
const NEAR: usize = 3;

/// The way to a point of presence, as measured last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoundTrip {
    /// So many µs there and back.
    Took(u32),
    /// It did not answer.
    Silent,
}

#[derive(Template)]
#[template(path = "welcome/pops.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Welcome,
    stages: Vec<Stage>,
    pops: Vec<Row>,
    measured: bool,
}

struct Row {
    name: String,
    /// Without the part that all have.
    short: String,
    city: String,
    time: String,
    near: bool,
    chosen: bool,
}

pub async fn page(State(shell): State<Shell>, Owner(visitor): Owner) -> Answer<Response> {
    let t = texts::Welcome::of(visitor.look.lang);
    let stages = stages_at(&shell, &visitor, Step::Pops).await?;
    let (policy, trips) = shell
        .ask(|parts| Ok((parts.welcome.stored()?, parts.welcome.round_trips()?)))
        .await?;
    let chosen = policy.firewall.pops.iter().map(HostName::as_str);
    Frame::show(&Page {
        frame: visitor.frame(Section::None),
        t,
        stages,
        pops: rows(&trips, &chosen.collect::<Vec<_>>(), t),
        measured: !trips.is_empty(),
    })
}

/// Every point of presence for calls, the nearest first.
fn rows(trips: &BTreeMap<String, RoundTrip>, chosen: &[&str], t: &texts::Welcome) -> Vec<Row> {
    let calls = pops::table::POPS
        .iter()
        .filter(|pop| !pop.country.is_empty());
    let mut all: Vec<_> = calls.map(|pop| (pop, trips.get(pop.name))).collect();
    all.sort_by(|(a, trip_a), (b, trip_b)| {
        by_time(*trip_a, *trip_b).then_with(|| a.name.cmp(b.name))
    });
    let rows = all.into_iter().enumerate().map(|(at, (pop, trip))| Row {
        name: pop.name.to_owned(),
        short: pop.name.trim_end_matches(".voip.ms").to_owned(),
        city: pop.city.to_owned(),
        time: match trip {
            Some(RoundTrip::Took(us)) => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
            Some(RoundTrip::Silent) => t.silent.to_owned(),
            None => "–".to_owned(),
        },
        near: at < NEAR && matches!(trip, Some(RoundTrip::Took(_))),
        chosen: chosen.contains(&pop.name),
    });
    rows.collect()
}

/// What is near comes before what is far, and that before what is silent or was not asked.
fn by_time(a: Option<&RoundTrip>, b: Option<&RoundTrip>) -> Ordering {
    let place = |trip: Option<&RoundTrip>| match trip {
        Some(RoundTrip::Took(us)) => (0, *us),
        None => (1, 0),
        Some(RoundTrip::Silent) => (2, 0),
    };
    place(a).cmp(&place(b))
}

/// Measures, and shows the page anew.
pub async fn measure(State(shell): State<Shell>, _: Form<Nothing>) -> Answer<Response> {
    shell.ask(|parts| parts.welcome.measure()).await?;
    Ok(Redirect::to("/welcome/pops").into_response())
}

#[derive(Deserialize)]
pub struct Fields {
    #[serde(default)]
    pop: Vec<String>,
}

pub async fn save(State(shell): State<Shell>, form: Form<Fields>) -> Answer<Response> {
    let Form { owner, fields } = form;
    if fields.pop.len() > MOST {
        let t = texts::Welcome::of(owner.look.lang);
        return Err(Problem::Refused(texts::fill(t.pops_most, &[&MOST])));
    }
    change(&shell, &owner, "pops", move |policy| {
        let names = fields.pop.iter().map(|name| HostName::parse(name));
        policy.firewall.pops = names.collect::<Result<_, _>>().map_err(Problem::Refused)?;
        Ok(fields.pop.join(" "))
    })
    .await?;
    on(&shell, Step::Pops).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Lang;

    #[test]
    fn the_nearest_stands_first_and_silence_last() {
        let trips = [
            ("chicago1.voip.ms", RoundTrip::Took(12_345)),
            ("atlanta1.voip.ms", RoundTrip::Silent),
            ("newyork1.voip.ms", RoundTrip::Took(900)),
        ];
        let trips = trips.map(|(name, trip)| (name.to_owned(), trip)).into();
        let rows = rows(&trips, &["atlanta1.voip.ms"], texts::Welcome::of(Lang::En));
        let times: Vec<_> = rows
            .iter()
            .take(2)
            .map(|row| (&*row.name, &*row.time))
            .collect();
        assert_eq!(
            times,
            [
                ("newyork1.voip.ms", "0.9 ms"),
                ("chicago1.voip.ms", "12.3 ms")
            ]
        );
        let last = rows.last().unwrap();
        assert!(last.name == "atlanta1.voip.ms" && last.chosen && !last.near);
        assert!(rows.iter().all(|row| !row.name.starts_with("fax")));
    }
}
