//! What the office's own calls suggest.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use trunkguard_core::policy::{Definition, Rules};

use super::{
    Suggestion, Wrong,
    drafts::Proposed,
    tree,
    words::{Row, Words},
};
use crate::{
    Answer, Parts,
    shell::{Form, Frame, Section, Shell, Visitor},
    texts::{self, fill},
};

/// What can be adopted by itself: a word for the form, and the rules.
const PARTS: [&str; 4] = ["countries", "hours", "limits", "total"];
/// Days that are looked back where nobody says.
const DAYS: u16 = 30;

#[derive(Template)]
#[template(path = "policy/learn.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Policy,
    days: u16,
    made_of: String,
    mark: String,
    parts: Vec<(&'static str, Row)>,
    reasons: Vec<String>,
    wrong: Vec<Wrong>,
}

/// How far back.
#[derive(serde::Deserialize)]
pub struct Asked {
    days: Option<u16>,
}

/// What is adopted.
#[derive(serde::Deserialize)]
pub struct Adopt {
    mark: String,
    days: u16,
    #[serde(default)]
    part: Vec<String>,
}

/// `GET /policy/learn`
pub async fn page(
    State(shell): State<Shell>,
    visitor: Visitor,
    Query(Asked { days }): Query<Asked>,
) -> Answer<Response> {
    let days = days.unwrap_or(DAYS).clamp(1, 3_650);
    let (suggestion, mark) = shell
        .ask(move |parts| {
            let now = parts.policy.in_force()?;
            Ok((parts.policy.source().suggest(days)?, now.mark))
        })
        .await?;
    show(&visitor, days, suggestion, mark, Vec::new())
}

fn show(
    visitor: &Visitor,
    days: u16,
    suggestion: Suggestion,
    mark: String,
    wrong: Vec<Wrong>,
) -> Answer<Response> {
    let words = Words::new(visitor.look.lang);
    let parts = PARTS.into_iter().filter_map(|part| {
        let rules = part_of(&suggestion.rules, part);
        let row = words.rows(&rules, &rules).into_iter().next();
        row.map(|row| (part, row))
    });
    Frame::show(&Page {
        frame: visitor.frame(Section::Policy),
        t: words.t,
        days,
        made_of: fill(words.t.learnt_from, &[&suggestion.calls, &suggestion.days]),
        mark,
        parts: parts.collect(),
        reasons: suggestion
            .reasons
            .iter()
            .map(|reason| texts::learnt(reason, visitor.look.lang))
            .collect(),
        wrong,
    })
}

fn part_of(rules: &Rules, part: &str) -> Rules {
    let mut some = Rules::default();
    match part {
        "countries" => some.allow = rules.allow.clone(),
        "hours" => some.hours.clone_from(&rules.hours),
        "limits" => some.limits = rules.limits.clone(),
        "total" => some.total = rules.total.clone(),
        _ => {}
    }
    some
}

/// `POST /policy/learn`
pub async fn change(
    State(shell): State<Shell>,
    Form { owner, fields }: Form<Adopt>,
) -> Answer<Response> {
    if !fields
        .part
        .iter()
        .any(|part| PARTS.contains(&part.as_str()))
    {
        return Ok(Redirect::to("/policy?said=same").into_response());
    }
    let by = owner.session.name.clone();
    let (days, mark) = (fields.days.clamp(1, 3_650), fields.mark.clone());
    let (proposed, suggestion) = shell.ask(move |parts| adopt(parts, &by, &fields)).await?;
    match proposed {
        Proposed::Draft(id) => Ok(Redirect::to(&format!("/policy/draft/{id}")).into_response()),
        Proposed::Same => Ok(Redirect::to("/policy?said=same").into_response()),
        Proposed::Wrong(wrong) => {
            let page = show(&owner, days, suggestion, mark, wrong)?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// Takes the chosen parts of the suggestion in. What it says goes before what everybody has; what it does not say stays.
fn adopt(parts: &Parts, by: &str, fields: &Adopt) -> Answer<(Proposed, Suggestion)> {
    let suggestion = parts.policy.source().suggest(fields.days.clamp(1, 3_650))?;
    let mut mine = Definition::clone(&*parts.policy.base(&fields.mark)?);
    let chosen = PARTS
        .into_iter()
        .filter(|part| fields.part.iter().any(|name| name == part));
    for part in chosen {
        mine.policy = tree::over(&part_of(&suggestion.rules, part), &mine.policy)?;
    }
    let proposed = parts
        .policy
        .propose(by, "what was learnt", &fields.mark, &mine)?;
    Ok((proposed, suggestion))
}
