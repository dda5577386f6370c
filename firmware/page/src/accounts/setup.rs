//! The first password. Only somebody in front of the box can set it, and afterwards set it anew: the button opens a
//! window of ten minutes; where there is no button, the terminal shows a code.

use askama::Template;
use axum::{
    extract::{Request, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::{Account, Deed, Hash, begin, check, peer};
use crate::{
    Answer,
    shell::{Frame, Look, Role, Section, Shell, read_form},
    texts,
};

#[derive(Template)]
#[template(path = "accounts/setup.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Accounts,
    name: String,
    problem: &'static str,
}

#[derive(Deserialize)]
struct Fields {
    name: String,
    #[serde(default)]
    code: String,
    password: String,
    again: String,
}

pub async fn page(State(shell): State<Shell>, headers: HeaderMap) -> Answer<Response> {
    if is_over(&shell).await? {
        return Ok(Redirect::to("/login").into_response());
    }
    show(&shell, Look::of(&headers), "owner".into(), "")
}

/// There is a password, and nobody has opened the window by the button to set another one.
async fn is_over(shell: &Shell) -> Answer<bool> {
    shell
        .ask(|parts| {
            Ok(!parts.accounts.accounts()?.is_empty() && parts.accounts.setup_window()?.is_none())
        })
        .await
}

fn show(shell: &Shell, look: Look, name: String, problem: &'static str) -> Answer<Response> {
    Frame::show(&Page {
        frame: Frame::new(shell, look, Section::None, None, "/setup"),
        t: texts::Accounts::of(look.lang),
        name,
        problem,
    })
}

pub async fn set_up(State(shell): State<Shell>, request: Request) -> Answer<Response> {
    let (look, from) = (Look::of(request.headers()), peer(request.extensions()));
    let t = texts::Accounts::of(look.lang);
    let fields: Fields = read_form(request, &shell).await?;
    let name: String = fields
        .name
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(32)
        .collect();
    let name = if name.is_empty() {
        "owner".to_owned()
    } else {
        name
    };
    if fields.password != fields.again {
        return show(&shell, look, name, t.differ);
    }
    if let Err(problem) = check(&fields.password, &name, t) {
        return show(&shell, look, name, problem);
    }
    if !presence(&shell, &fields.code).await? {
        return show(&shell, look, name, t.no_presence);
    }
    let hash = shell.password(move || Hash::of(&fields.password)).await?;
    let account = Account {
        name: name.clone(),
        role: Role::Owner,
        hash,
    };
    let deed = Deed {
        who: "set-up".into(),
        from,
        what: "password".into(),
        detail: name.clone(),
    };
    shell
        .ask(move |parts| {
            parts.accounts.put(&account)?;
            parts.accounts.note(&deed)
        })
        .await?;
    shell.sessions(|sessions| sessions.end_all_of(&name, None));
    begin(&shell, &name, Role::Owner, "/")
}

/// Has somebody shown to stand in front of the box? The code counts only while there is no account at all.
async fn presence(shell: &Shell, code: &str) -> Answer<bool> {
    let (none, open) = shell
        .ask(|parts| {
            Ok((
                parts.accounts.accounts()?.is_empty(),
                parts.accounts.setup_window()?.is_some(),
            ))
        })
        .await?;
    let typed: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    let wanted = shell.options().setup_code.as_deref().unwrap_or_default();
    let fits = !wanted.is_empty()
        && bool::from(
            typed
                .to_ascii_uppercase()
                .as_bytes()
                .ct_eq(wanted.as_bytes()),
        );
    Ok(open || (none && fits))
}
