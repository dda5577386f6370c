//! One call: everything that is known of it, and what it would get now.

use askama::Template;
use axum::{
    extract::{Path, RawQuery, State},
    response::Response,
};
use serde::Deserialize;
use trunkguard_core::verdict::Rule;

use super::{Call, Destination, Line, Question, view::Told};
use crate::{
    Answer, Problem,
    shell::{Frame, Section, Shell, Visitor, read, urlencode},
    texts::{self, Lang, verdicts},
};

/// A name, an extension, a number: nothing that is asked about is longer.
const LONGEST: usize = 64;

#[derive(Template)]
#[template(path = "calls/one.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Calls,
    line: Line,
    level: &'static str,
    mode: &'static str,
    first: Option<&'static str>,
    /// What was dialled, in words.
    destination: String,
    /// Where another number can be tried.
    again: String,
    /// What it would get now, or why that cannot be said.
    now: Result<Told, String>,
    /// Its destination was approved a moment ago.
    done: bool,
    approvable: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    said: String,
}

/// The page of a call.
pub async fn page(
    State(shell): State<Shell>,
    visitor: Visitor,
    Path(key): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let said: Said = read(query.as_deref().unwrap_or_default())?;
    let lang = visitor.look.lang;
    let (call, now) = shell
        .ask(move |parts| {
            let call = parts.calls.call(&key)?;
            let now = parts.calls.explain(&question(&call));
            Ok((call, now))
        })
        .await?;
    let destination = destination(&call, lang);
    let again = format!(
        "/calls/explain?client={}&caller={}&number={}",
        urlencode(&call.client),
        urlencode(&call.caller),
        urlencode(&call.dialled)
    );
    let (level, mode) = (
        verdicts::level(lang, call.level),
        verdicts::mode(lang, call.mode),
    );
    let first = call.first.map(|rule| verdicts::rule(lang, rule));
    // One that would be let through by now has nothing left to approve.
    let still = !now.as_ref().is_ok_and(|explained| explained.allowed);
    let approvable = still && !call.allowed && call.number.is_some();
    let mut line = Line::new(call, lang);
    line.remedy = line.remedy.filter(|_| still);
    let mut now = now
        .map(|explained| Told::new(&explained, lang))
        .map_err(|problem| problem.to_string());
    // What is said above need not be said again.
    if let Ok(told) = &mut now
        && told.remedy == line.remedy
    {
        told.remedy = None;
    }
    Frame::show(&Page {
        frame: visitor.frame(Section::Calls),
        t: texts::Calls::of(lang),
        level,
        mode,
        first,
        destination,
        again,
        now,
        done: said.said == "approved",
        approvable,
        line,
    })
}

/// What was dialled, as far as the history tells.
fn destination(call: &Call, lang: Lang) -> String {
    let kept = match (&call.number, call.kind) {
        (Some(number), Some(kind)) => Destination::Number {
            digits: number.trim_start_matches('+').to_owned(),
            country: call.country,
            kind,
        },
        _ if call.rule == Rule::Emergency => Destination::Emergency,
        _ if call.rule == Rule::Service => Destination::Service,
        _ => return verdicts::rule(lang, Rule::NotANumber).to_lowercase(),
    };
    verdicts::destination(lang, &kept)
}

/// The same call, to be made again.
pub fn question(call: &Call) -> Question {
    Question {
        client: call.client.clone(),
        caller: call.caller.clone(),
        number: call.dialled.clone(),
    }
}

#[derive(Template)]
#[template(path = "calls/explain.html")]
struct Explain {
    frame: Frame,
    t: &'static texts::Calls,
    asked: Asked,
    clients: Vec<String>,
    told: Option<Told>,
    problem: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    client: String,
    caller: String,
    number: String,
}

/// What any call would get.
pub async fn explain(
    State(shell): State<Shell>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let mut asked: Asked = read(query.as_deref().unwrap_or_default())?;
    for text in [&mut asked.client, &mut asked.caller, &mut asked.number] {
        *text = texts::plain(text, LONGEST);
    }
    let lang = visitor.look.lang;
    let question = Question {
        client: asked.client.clone(),
        caller: asked.caller.clone(),
        number: asked.number.clone(),
    };
    let (clients, told) = shell
        .ask(move |parts| {
            let clients = parts.calls.clients()?;
            let told = (!question.number.is_empty()).then(|| parts.calls.explain(&question));
            Ok((clients, told))
        })
        .await?;
    let (told, problem) = match told {
        None => (None, String::new()),
        Some(Ok(explained)) => (Some(Told::new(&explained, lang)), String::new()),
        // What was typed is wrong, and stays in the form.
        Some(Err(Problem::Refused(why))) => (None, why),
        Some(Err(problem)) => return Err(problem),
    };
    Frame::show(&Explain {
        frame: visitor.frame(Section::Calls),
        t: texts::Calls::of(lang),
        asked,
        clients,
        told,
        problem,
    })
}
