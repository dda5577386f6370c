//! Typing the password again, before what cannot be taken back.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{local, prove};
use crate::{
    Answer,
    shell::{Frame, Own, Section, Shell, Visitor},
    texts,
};

#[derive(Template)]
#[template(path = "accounts/confirm.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Accounts,
    next: String,
    wrong: bool,
    has_codes: bool,
}

/// Where to go after it.
#[derive(Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub struct Fields {
    password: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

pub async fn page(
    State(shell): State<Shell>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Answer<Response> {
    show(&shell, &visitor, &asked.next, false).await
}

async fn show(shell: &Shell, visitor: &Visitor, next: &str, wrong: bool) -> Answer<Response> {
    let name = visitor.session.name.clone();
    let accounts = shell.ask(|parts| parts.accounts.accounts()).await?;
    let mut own = accounts.iter().filter(|account| account.name == name);
    Frame::show(&Page {
        frame: visitor.frame(Section::None),
        t: texts::Accounts::of(visitor.look.lang),
        next: local(next),
        wrong,
        has_codes: own.any(|account| account.totp.is_some()),
    })
}

pub async fn confirm(State(shell): State<Shell>, own: Own<Fields>) -> Answer<Response> {
    let Own { visitor, fields } = own;
    let typed = prove::Typed {
        name: visitor.session.name.clone(),
        password: fields.password,
        code: fields.code,
    };
    match prove::proved(&shell, visitor.ends.peer, typed).await? {
        Some(_) => {
            let now = std::time::Instant::now();
            shell.sessions(|sessions| sessions.prove(&visitor.token, now));
            Ok(Redirect::to(&local(&fields.next)).into_response())
        }
        None => show(&shell, &visitor, &fields.next, true).await,
    }
}
