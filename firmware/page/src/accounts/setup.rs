//! The first password. Only somebody in front of the box can set it, and afterwards set it anew: the button opens a
//! window of ten minutes; where there is no button, the terminal shows a code.

use std::{net::IpAddr, time::Instant};

use askama::Template;
use axum::{
    extract::{Request, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::{Account, Hash, Visit, begin, check, prove};
use crate::{
    Answer, Problem,
    shell::{Frame, Look, Role, Section, Shell, read_form},
    texts,
    texts::plain,
};

/// Who sets the first password, in the audit log and for how often one may be wrong.
const SET_UP: &str = "set-up";

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
    let visit = Visit::of(&request);
    let (look, from) = (Look::of(request.headers()), visit.from);
    let t = texts::Accounts::of(look.lang);
    let fields: Fields = read_form(request, &shell).await?;
    let name = match plain(&fields.name, 32) {
        name if name.is_empty() => "owner".to_owned(),
        name => name,
    };
    if fields.password != fields.again {
        return show(&shell, look, name, t.differ);
    }
    if let Err(problem) = check(&fields.password, &name, t) {
        return show(&shell, look, name, problem);
    }
    let Some(presence) = presence(&shell, from, &fields.code).await? else {
        return show(&shell, look, name, t.no_presence);
    };
    let hash = shell.password(move || Hash::of(&fields.password)).await?;
    let account = Account {
        name: name.clone(),
        role: Role::Owner,
        hash,
        // Whoever has lost the app comes back this way.
        totp: None,
    };
    let is_first = shell
        .ask(move |parts| {
            let is_first = parts.accounts.accounts()?.is_empty();
            // First, so that of two who set one at the same time only one does.
            if presence == Presence::Window && !parts.accounts.close_setup_window()? {
                return Err(Problem::Forbidden(
                    "somebody else has just set a password; hold the button again".into(),
                ));
            }
            parts.accounts.put(&account)?;
            Ok(is_first)
        })
        .await?;
    prove::note(&shell, SET_UP, from, "password", &name).await?;
    shell.sessions(|sessions| sessions.end_all_of(&name, None));
    // Who sets the password anew has been through the first run.
    let next = if is_first { "/welcome" } else { "/" };
    begin(&shell, &name, Role::Owner, visit, next)
}

/// How somebody has shown to stand in front of the box.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    /// The window is open.
    Window,
    /// By the code of the terminal.
    Code,
}

/// Has somebody shown to stand in front of the box? The code counts only while there is no account at all, and a wrong one
/// costs time as a wrong password does. The button always counts.
async fn presence(shell: &Shell, from: IpAddr, code: &str) -> Answer<Option<Presence>> {
    let (none, open) = shell
        .ask(|parts| {
            Ok((
                parts.accounts.accounts()?.is_empty(),
                parts.accounts.setup_window()?.is_some(),
            ))
        })
        .await?;
    if open {
        return Ok(Some(Presence::Window));
    }
    shell.attempts(|attempts| attempts.begin(from, SET_UP, Instant::now()))?;
    let typed: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    let typed = typed.to_ascii_uppercase();
    let wanted = shell.options().setup_code.as_deref().unwrap_or_default();
    let fits = !wanted.is_empty() && bool::from(typed.as_bytes().ct_eq(wanted.as_bytes()));
    if none && fits {
        shell.attempts(|attempts| attempts.right(from, SET_UP));
        return Ok(Some(Presence::Code));
    }
    Ok(None)
}
