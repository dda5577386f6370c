//! Approving the destination of a call: first what changes is shown, then it is done.

use askama::Template;
use axum::{
    extract::{Path, RawQuery, State},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{Choice, Line, Proposal, Whom, view::Told};
use crate::{
    Answer,
    accounts::Deed,
    shell::{Form, Frame, Owner, Section, Shell, read, urlencode},
    texts::{self, fill, verdicts},
};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    what: String,
    whom: String,
}

impl Asked {
    /// The number, for everybody, unless something else is chosen.
    fn choice(&self) -> Choice {
        let what = if self.what.is_empty() {
            "number"
        } else {
            &self.what
        };
        Choice {
            what: what.chars().take(32).collect(),
            whom: Whom::of_name(&self.whom).unwrap_or_default(),
        }
    }
}

/// A thing to choose.
struct Option_ {
    value: String,
    text: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "calls/approve.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Calls,
    line: Line,
    choice: Choice,
    whats: Vec<Option_>,
    whoms: Vec<Option_>,
    changes: String,
    inherits: String,
    proposal: Proposal,
    now: Told,
    then: Told,
}

/// What would change.
pub async fn page(
    State(shell): State<Shell>,
    Owner(visitor): Owner,
    Path(key): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let asked: Asked = read(query.as_deref().unwrap_or_default())?;
    let (choice, lang) = (asked.choice(), visitor.look.lang);
    let wanted = choice.clone();
    let proposal = shell
        .ask(move |parts| parts.calls.proposal(&key, &wanted))
        .await?;
    let t = texts::Calls::of(lang);
    let call = &proposal.call;
    let number = call.number.clone().unwrap_or_default();
    let option = |value: &str, text: String| Option_ {
        chosen: choice.what == value,
        value: value.to_owned(),
        text,
    };
    let mut whats = vec![option("number", fill(t.this_number, &[&number]))];
    whats.extend(
        (proposal.prefixes.iter()).map(|prefix| option(prefix, fill(t.this_prefix, &[prefix]))),
    );
    if let Some(code) = call.country {
        whats.push(option(
            "country",
            fill(t.this_country, &[&verdicts::country(lang, code)]),
        ));
    }
    let whoms = Whom::ALL.into_iter().map(|whom| Option_ {
        value: whom.name().to_owned(),
        text: match whom {
            Whom::Everybody => t.everybody.to_owned(),
            Whom::Client => fill(t.this_client, &[&call.client]),
            Whom::Caller => fill(t.this_caller, &[&call.caller]),
        },
        chosen: whom == choice.whom,
    });
    Frame::show(&Page {
        frame: visitor.frame(Section::Calls),
        t,
        line: Line::new(call.clone(), lang),
        whats,
        whoms: whoms.collect(),
        changes: fill(t.changes, &[&proposal.adds, &proposal.setting]),
        inherits: fill(t.inherits, &[&proposal.inherits]),
        now: Told::new(&proposal.now, lang),
        then: Told::new(&proposal.then, lang),
        choice,
        proposal,
    })
}

/// Does it.
pub async fn approve(
    State(shell): State<Shell>,
    Path(key): Path<String>,
    form: Form<Asked>,
) -> Answer<Response> {
    let choice = form.fields.choice();
    let (who, from) = (form.owner.session.name, form.owner.ends.peer);
    let back = format!("/calls/{}?said=approved", urlencode(&key));
    shell
        .ask(move |parts| {
            let done = parts.calls.approve(&key, &choice)?;
            parts.accounts.note(&Deed {
                who,
                from,
                what: "approve-destination".into(),
                detail: format!("{}: {}", done.setting, done.adds),
            })
        })
        .await?;
    Ok(Redirect::to(&back).into_response())
}
