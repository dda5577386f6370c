//! The pages.

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    http::header,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{
    Finding, Severity, Trace,
    ladder::{self, Dialog, Rung},
    zip,
};
use crate::{
    Answer, Problem,
    accounts::Deed,
    shell::{Form, Frame, Fresh, Section, Shell, Visitor, read, urlencode},
    texts::{self, fill},
};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    checks: String,
    id: String,
}

/// A finding in words.
struct FindingLine {
    class: &'static str,
    text: &'static str,
    finding: Finding,
}

#[derive(Template)]
#[template(path = "diagnostics/diagnostics.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Diagnostics,
    checked: bool,
    findings: Vec<FindingLine>,
    well: String,
    recording: Option<String>,
    dialogs: Vec<(String, Dialog)>,
    /// What PBXs ask all the time: folded, calls are looked for.
    signs: Vec<(String, Dialog)>,
    signs_of_life: String,
}

/// Checks, recorded calls, and what the support file holds.
pub async fn page(
    State(shell): State<Shell>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let asked: Asked = read(query.as_deref().unwrap_or_default())?;
    let checked = asked.checks == "run";
    let t = texts::Diagnostics::of(visitor.look.lang);
    let (findings, trace) = shell
        .ask(move |parts| {
            let findings = match checked {
                true => parts.diagnostics.doctor()?,
                false => Vec::new(),
            };
            // A daemon that does not answer is one of the findings.
            let trace = parts.diagnostics.trace();
            Ok((
                findings,
                if checked {
                    trace.unwrap_or_default()
                } else {
                    trace?
                },
            ))
        })
        .await?;
    let all = findings.len();
    let worth: Vec<FindingLine> = (findings.into_iter())
        .filter(|finding| finding.severity != Severity::Ok)
        .map(|finding| line(finding, t))
        .collect();
    let dialogs = ladder::dialogs(&trace.messages).into_iter();
    let (signs, dialogs): (Vec<_>, Vec<_>) = dialogs
        .map(|dialog| {
            let href = format!("/box/diagnostics/call?id={}", urlencode(&dialog.id));
            (href, dialog)
        })
        .partition(|(_, dialog)| dialog.sign_of_life);
    Frame::show(&Page {
        frame: visitor.frame(Section::Box),
        t,
        checked,
        well: fill(t.well, &[&(all - worth.len()), &all]),
        findings: worth,
        recording: trace.left_s.map(|s| fill(t.recording, &[&s.div_ceil(60)])),
        signs_of_life: fill(t.signs_of_life, &[&signs.len()]),
        signs,
        dialogs,
    })
}

fn line(finding: Finding, t: &'static texts::Diagnostics) -> FindingLine {
    let (class, text) = match finding.severity {
        Severity::Ok => ("good", t.ok),
        Severity::Hint => ("", t.hint),
        Severity::Warning => ("warn", t.warning),
        Severity::Problem => ("bad", t.problem),
    };
    FindingLine {
        class,
        text,
        finding,
    }
}

#[derive(Template)]
#[template(path = "diagnostics/call.html")]
struct Call {
    frame: Frame,
    t: &'static texts::Diagnostics,
    id: String,
    rungs: Vec<Rung>,
}

/// The ladder of one call.
pub async fn call(
    State(shell): State<Shell>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let asked: Asked = read(query.as_deref().unwrap_or_default())?;
    let trace: Trace = shell.ask(|parts| parts.diagnostics.trace()).await?;
    let rungs = ladder::rungs(&trace.messages, &asked.id);
    if rungs.is_empty() {
        return Err(Problem::NotFound);
    }
    Frame::show(&Call {
        frame: visitor.frame(Section::Box),
        t: texts::Diagnostics::of(visitor.look.lang),
        id: asked.id,
        rungs,
    })
}

#[derive(Deserialize)]
pub struct Switch {
    on: String,
}

/// Begins or ends recording.
pub async fn record(State(shell): State<Shell>, form: Form<Switch>) -> Answer<Response> {
    let on = form.fields.on == "yes";
    let (who, from) = (form.owner.session.name, form.owner.ends.peer);
    shell
        .ask(move |parts| {
            parts.diagnostics.record(on)?;
            parts.accounts.note(&Deed {
                who,
                from,
                what: "record-sip".into(),
                detail: if on { "on" } else { "off" }.into(),
            })
        })
        .await?;
    Ok(Redirect::to("/box/diagnostics").into_response())
}

#[derive(Deserialize)]
pub struct Nothing {}

/// The support file, for who has typed the password a moment ago: it tells whom the office calls.
pub async fn support(State(shell): State<Shell>, Fresh(form): Fresh<Nothing>) -> Answer<Response> {
    let (who, from) = (form.owner.session.name, form.owner.ends.peer);
    let file = shell
        .ask(move |parts| {
            let file = zip::write(&parts.diagnostics.support()?);
            parts.accounts.note(&Deed {
                who,
                from,
                what: "support-file".into(),
                detail: format!("{} octets", file.len()),
            })?;
            Ok(file)
        })
        .await?;
    let headers = [
        (header::CONTENT_TYPE, "application/zip"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"trunkguard-support.zip\"",
        ),
    ];
    Ok((headers, file).into_response())
}
