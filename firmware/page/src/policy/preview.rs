//! A draft: what it changes, what it would have done to last month's calls, and its button.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};

use super::{Change, Force, Outcome, Preview, diff::Line, words::Words};
use crate::{
    Answer,
    accounts::Deed,
    shell::{Form, Frame, Owner, Section, Shell},
    texts::{self, country, fill},
};

#[derive(Template)]
#[template(path = "policy/draft.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Policy,
    id: String,
    lines: Vec<Line>,
    meanwhile: Vec<Line>,
    looked_at: String,
    counts: Vec<String>,
    changes: Vec<Shown>,
    more: bool,
    problem: String,
}

/// A call that would be decided differently.
struct Shown {
    at: String,
    who: String,
    number: String,
    country: String,
    times: u64,
    before: Verdict,
    after: Verdict,
}

struct Verdict {
    class: &'static str,
    text: &'static str,
    rule: &'static str,
}

/// Nothing is in the form but its mark.
#[derive(serde::Deserialize)]
pub struct Nothing {}

/// `GET /policy/draft/ID`
pub async fn page(
    State(shell): State<Shell>,
    Owner(owner): Owner,
    Path(id): Path<String>,
) -> Answer<Response> {
    let (by, draft_id) = (owner.session.name.clone(), id.clone());
    let (draft, lines, preview) = shell
        .ask(move |parts| {
            let draft = parts.policy.freshen(&draft_id, &by)?;
            let lines = parts.policy.difference(&draft.before, &draft.after)?;
            // Without a history a change can be made all the same.
            let preview = parts.policy.source().preview(&draft.before, &draft.after);
            Ok((draft, lines, preview))
        })
        .await?;
    let words = Words::new(owner.look.lang);
    let t = words.t;
    let (preview, problem) = match preview {
        Ok(preview) => (preview, String::new()),
        Err(problem) => (Preview::default(), problem.to_string()),
    };
    let listed: u64 = preview.changes.iter().map(|change| change.times).sum();
    let all = preview.refused + preview.approved + preview.opinion;
    Frame::show(&Page {
        frame: owner.frame(Section::Policy),
        t,
        id,
        lines,
        meanwhile: draft.meanwhile,
        looked_at: fill(
            if preview.cut {
                t.looked_at_newest
            } else {
                t.looked_at
            },
            &[&preview.calls],
        ),
        counts: counts(t, &preview),
        changes: preview
            .changes
            .iter()
            .map(|change| shown(words, change))
            .collect(),
        more: listed < all,
        problem,
    })
}

fn counts(t: &texts::Policy, preview: &Preview) -> Vec<String> {
    let all = [
        (preview.refused, t.would_be_refused),
        (preview.approved, t.would_go_through),
        (preview.opinion, t.would_be_reported),
    ];
    let some = all.into_iter().filter(|(count, _)| *count > 0);
    some.map(|(count, text)| fill(text, &[&count])).collect()
}

fn shown(words: Words, change: &Change) -> Shown {
    Shown {
        at: change.at.clone(),
        who: format!("{} {}", change.client, change.caller),
        number: change.number.clone(),
        country: change
            .country
            .as_ref()
            .map(|code| country(code.as_str(), words.lang).to_owned())
            .unwrap_or_default(),
        times: change.times,
        before: verdict(words, change.before),
        after: verdict(words, change.after),
    }
}

fn verdict(words: Words, outcome: Outcome) -> Verdict {
    let t = words.t;
    let (class, text) = match (outcome.approved, outcome.allowed) {
        (true, true) => ("good", t.goes_through),
        (true, false) => ("warn", t.goes_through_reported),
        (false, _) => ("bad", t.refused),
    };
    Verdict {
        class,
        text,
        rule: outcome.rule.map_or(t.no_client, |rule| words.rule(rule)),
    }
}

/// `POST /policy/draft/ID/force`
pub async fn force(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    form: Form<Nothing>,
) -> Answer<Response> {
    let owner = form.owner;
    let (by, from) = (owner.session.name.clone(), owner.ends.peer);
    let force = shell
        .ask(move |parts| {
            let (draft, force) = parts.policy.force(&id, &by)?;
            parts.accounts.note(&Deed {
                who: by,
                from,
                what: "policy".into(),
                detail: draft.what,
            })?;
            Ok(force)
        })
        .await?;
    Ok(Redirect::to(match force {
        Force::Now => "/policy?said=force",
        Force::NextStart => "/policy?said=start",
    })
    .into_response())
}

/// `POST /policy/draft/ID/drop`
pub async fn drop_draft(
    State(shell): State<Shell>,
    Path(id): Path<String>,
    form: Form<Nothing>,
) -> Answer<Response> {
    let by = form.owner.session.name.clone();
    shell
        .ask(move |parts| {
            parts.policy.drop_draft(&id, &by);
            Ok(())
        })
        .await?;
    Ok(Redirect::to("/policy?said=dropped").into_response())
}
