//! The audit log: who did what from where.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use serde::Deserialize;

use super::Line;
use crate::{
    Answer,
    shell::{Frame, Owner, Section, Shell},
    texts,
};

#[derive(Template)]
#[template(path = "settings/log.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Settings,
    lines: Vec<Row>,
    /// Where the next page begins, if there is one.
    more: Option<i64>,
}

/// A line, with the deed in words.
struct Row {
    at: String,
    who: String,
    from: String,
    said: String,
    detail: String,
}

/// Which page.
#[derive(Default, Deserialize)]
pub struct Asked {
    before: Option<i64>,
}

pub async fn page(
    State(shell): State<Shell>,
    Owner(visitor): Owner,
    Query(asked): Query<Asked>,
) -> Answer<Response> {
    let lines = shell
        .ask(move |parts| parts.settings.deeds(asked.before))
        .await?;
    let last = lines.last().map(|line| line.id);
    let lang = visitor.look.lang;
    let row = |line: Line| Row {
        at: line.at,
        who: texts::plain(&line.deed.who, 64),
        from: line.deed.from.to_string(),
        said: texts::deed(&line.deed.what, lang).to_owned(),
        detail: texts::plain(&line.deed.detail, 400),
    };
    Frame::show(&Page {
        frame: visitor.frame(Section::Settings),
        t: texts::Settings::of(visitor.look.lang),
        more: last.filter(|id| *id > 1),
        lines: lines.into_iter().map(row).collect(),
    })
}
