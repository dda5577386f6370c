//! What a person wants done.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{Order, words};
use crate::{
    Answer, Problem,
    accounts::Deed,
    shell::{Form, Frame, Fresh, FreshOwner, Section, Shell, Visitor},
    texts::{self, fill},
};

/// Nothing is in the form but its mark.
#[derive(Deserialize)]
pub struct Nothing {}

/// Begins it, notes it, and goes to where it is seen.
async fn begin(
    shell: &Shell,
    owner: &Visitor,
    order: Order,
    detail: &str,
    done: &str,
) -> Answer<Response> {
    shell.ask(move |parts| parts.updates.order(order)).await?;
    note(shell, owner, detail.into()).await?;
    Ok(Redirect::to(&format!("/updates?done={done}")).into_response())
}

/// A line of the audit log.
pub async fn note(shell: &Shell, owner: &Visitor, detail: String) -> Answer<()> {
    let deed = Deed {
        who: owner.session.name.clone(),
        from: owner.ends.peer,
        what: "update".into(),
        detail,
    };
    shell.ask(move |parts| parts.accounts.note(&deed)).await
}

/// `POST /updates/check`
pub async fn check(State(shell): State<Shell>, form: Form<Nothing>) -> Answer<Response> {
    begin(&shell, &form.owner, Order::Check, "check", "asked").await
}

/// `POST /updates/discard`
pub async fn discard(State(shell): State<Shell>, form: Form<Nothing>) -> Answer<Response> {
    let done = "thrown-away";
    begin(&shell, &form.owner, Order::Discard, "discard", done).await
}

#[derive(Deserialize)]
pub struct For {
    days: u8,
}

/// `POST /updates/postpone`
pub async fn postpone(State(shell): State<Shell>, form: Form<For>) -> Answer<Response> {
    let (days, done) = match form.fields.days {
        0 => (0, "taken-back"),
        days @ 1..=30 => (days, "postponed"),
        _ => return Err(Problem::Refused("write 0 to 30 days".into())),
    };
    let order = Order::Postpone(days);
    let detail = format!("postpone {days} d");
    begin(&shell, &form.owner, order, &detail, done).await
}

/// What is asked before a restart.
#[derive(Template)]
#[template(path = "updates/confirm.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Updates,
    title: String,
    what: &'static str,
    button: &'static str,
    action: &'static str,
}

/// `GET /updates/install`
pub async fn ask_install(
    State(shell): State<Shell>,
    FreshOwner(owner): FreshOwner,
) -> Answer<Response> {
    let t = texts::Updates::of(owner.look.lang);
    let view = shell.ask(|parts| parts.updates.view()).await?;
    let status = view.status.as_ref();
    let version = status.filter(|status| words::Can::of(&view, status).install);
    let Some(status) = version else {
        return Ok(Redirect::to("/updates").into_response());
    };
    let version = [
        (status.pending.as_ref()).map(|pending| Some(pending.version)),
        status.ready.as_ref().map(|ready| ready.version),
        (status.offer.as_ref()).map(|offer| Some(offer.release.version)),
    ];
    let version = version.into_iter().flatten().next().flatten();
    Frame::show(&Page {
        frame: owner.frame(Section::Box),
        t,
        title: match version {
            Some(version) => fill(t.install_title, &[&version]),
            None => t.install_unnamed.into(),
        },
        what: match status.pending.is_some() {
            true => t.restart_what,
            false => t.install_what,
        },
        button: t.install,
        action: "/updates/install",
    })
}

/// `POST /updates/install`
pub async fn install(State(shell): State<Shell>, Fresh(form): Fresh<Nothing>) -> Answer<Response> {
    let done = "installing";
    begin(&shell, &form.owner, Order::Install, "install", done).await
}

/// `GET /updates/rollback`
pub async fn ask_rollback(
    State(shell): State<Shell>,
    FreshOwner(owner): FreshOwner,
) -> Answer<Response> {
    let t = texts::Updates::of(owner.look.lang);
    let view = shell.ask(|parts| parts.updates.view()).await?;
    let status = view.status.as_ref();
    let Some(version) = status.and_then(|status| words::Can::of(&view, status).rollback) else {
        return Ok(Redirect::to("/updates").into_response());
    };
    Frame::show(&Page {
        frame: owner.frame(Section::Box),
        t,
        title: fill(t.go_back, &[&version]),
        what: t.rollback_what,
        button: t.rollback,
        action: "/updates/rollback",
    })
}

/// `POST /updates/rollback`
pub async fn rollback(State(shell): State<Shell>, Fresh(form): Fresh<Nothing>) -> Answer<Response> {
    let done = "going-back";
    begin(&shell, &form.owner, Order::Rollback, "rollback", done).await
}
