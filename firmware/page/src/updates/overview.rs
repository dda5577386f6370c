//! The page of updates.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use serde::Deserialize;
use trunkguard_core::update::report::Status;

use super::{View, settings::Form, words};
use crate::{
    Answer,
    shell::{Frame, Section, Shell, Visitor},
    texts::{self, Lang, fill},
};

/// What was done a moment ago, as a word.
#[derive(Default, Deserialize)]
pub struct Done {
    #[serde(default)]
    done: String,
}

#[derive(Template)]
#[template(path = "updates/updates.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Updates,
    said: &'static str,
    /// Why there are no updates here, where there are none.
    absent: String,
    stands: Option<Stands>,
}

/// How things stand, in words.
struct Stands {
    runs: String,
    trial: bool,
    lead: words::Said,
    progress: Option<words::Progress>,
    found: Option<words::Found>,
    looked: Option<(String, words::Said)>,
    next_look: String,
    source: String,
    postponed: String,
    can: words::Can,
    go_back: String,
    outcomes: Vec<words::Ended>,
    form: Form,
}

/// `GET /updates`
pub async fn page(
    State(shell): State<Shell>,
    visitor: Visitor,
    Query(done): Query<Done>,
) -> Answer<Response> {
    let lang = visitor.look.lang;
    let t = texts::Updates::of(lang);
    let view = shell.ask(|parts| parts.updates.view()).await?;
    Frame::show(&Page {
        frame: visitor.frame(Section::Box),
        t,
        said: said(&done.done, t),
        absent: texts::said(&texts::plain(&view.absent, 600), lang),
        stands: view
            .status
            .as_ref()
            .map(|status| stands(&view, status, lang)),
    })
}

fn said(word: &str, t: &'static texts::Updates) -> &'static str {
    match word {
        "asked" => t.said_asked,
        "installing" => t.said_installing,
        "postponed" => t.said_postponed,
        "taken-back" => t.said_taken_back,
        "going-back" => t.said_going_back,
        "thrown-away" => t.said_thrown_away,
        "received" => t.said_received,
        "set" => t.said_set,
        _ => "",
    }
}

fn stands(view: &View, status: &Status, lang: Lang) -> Stands {
    let t = texts::Updates::of(lang);
    let can = words::Can::of(view, status);
    Stands {
        runs: words::runs(status, t),
        trial: status.trial,
        lead: words::lead(view, status, lang),
        progress: words::progress(view, status, t),
        found: status.offer.as_ref().map(|offer| words::found(offer, t)),
        looked: words::looked(view, status, lang),
        next_look: words::next_look(view, t),
        source: match (&view.settings.url, &status.url) {
            (Some(url), _) => url.to_string(),
            (None, Some(url)) => texts::plain(url, 512),
            (None, None) => t.no_source.into(),
        },
        postponed: (view.postponed_until_s)
            .map(|until_s| fill(t.postponed, &[&(view.local)(until_s)]))
            .unwrap_or_default(),
        go_back: (can.rollback)
            .map(|version| fill(t.go_back, &[&version]))
            .unwrap_or_default(),
        can,
        outcomes: (status.outcomes.iter())
            .map(|outcome| words::ended(outcome, (view.local)(outcome.at_s), lang))
            .collect(),
        form: Form::of(&view.settings, status.url.as_deref(), t),
    }
}
