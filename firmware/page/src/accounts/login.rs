use std::sync::LazyLock;

use askama::Template;
use axum::{
    extract::{Query, RawForm, Request, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use tracing::warn;

use super::{Account, Deed, Hash, begin, local, on_with_cookie, peer, token};
use crate::{
    Answer, Problem,
    shell::{Frame, Look, Section, Shell, read_form},
    texts,
    texts::Lang,
};

#[derive(Template)]
#[template(path = "accounts/login.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Accounts,
    next: String,
    name: String,
    wrong: bool,
}

/// Where to go after it.
#[derive(Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Fields {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

pub async fn page(
    State(shell): State<Shell>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Answer<Response> {
    if shell
        .ask(|parts| parts.accounts.accounts())
        .await?
        .is_empty()
    {
        return Ok(Redirect::to("/setup").into_response());
    }
    show(&shell, Look::of(&headers), asked.next, String::new(), false)
}

fn show(shell: &Shell, look: Look, next: String, name: String, wrong: bool) -> Answer<Response> {
    Frame::show(&Page {
        frame: Frame::new(shell, look, Section::None, None, "/login"),
        t: texts::Accounts::of(look.lang),
        next: local(&next),
        name,
        wrong,
    })
}

/// No cookie is there yet that another site could use, and [`crate::shell`]'s guard has looked at the origin: no csrf field.
pub async fn log_in(State(shell): State<Shell>, request: Request) -> Answer<Response> {
    let (look, from) = (Look::of(request.headers()), peer(request.extensions()));
    let fields: Fields = read_form(request, &shell).await?;
    let accounts = shell.ask(|parts| parts.accounts.accounts()).await?;
    let account = accounts
        .into_iter()
        .find(|account| account.name == fields.name);
    let password = fields.password;
    let proved = shell
        .password(move || Ok(proved(account, &password)))
        .await?;
    let deed = Deed {
        who: fields.name.chars().take(32).collect(),
        from,
        what: if proved.is_some() {
            "log-in"
        } else {
            "log-in-refused"
        }
        .into(),
        detail: String::new(),
    };
    shell.ask(move |parts| parts.accounts.note(&deed)).await?;
    match proved {
        Some(account) => begin(&shell, &account.name, account.role, &fields.next),
        None => {
            warn!(%from, "a log-in was refused");
            show(&shell, look, fields.next, fields.name, true)
        }
    }
}

/// The account, where this is its password. Takes as long where there is no such account.
fn proved(account: Option<Account>, password: &str) -> Option<Account> {
    static NOBODY: LazyLock<Option<Hash>> = LazyLock::new(|| Hash::of("").ok());
    let hash = account
        .as_ref()
        .map(|account| &account.hash)
        .or(NOBODY.as_ref())?;
    let is_of = hash.is_of(password);
    account.filter(|_| is_of)
}

pub async fn log_out(State(shell): State<Shell>, headers: HeaderMap) -> Answer<Response> {
    shell.sessions(|sessions| sessions.end(&token(&headers)));
    on_with_cookie(
        "/login",
        &format!(
            "{}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0",
            crate::shell::COOKIE
        ),
    )
}

#[derive(Deserialize)]
struct LookFields {
    #[serde(default)]
    lang: String,
    #[serde(default)]
    theme: String,
    #[serde(default)]
    next: String,
}

/// Keeps a browser's language and theme for a year. Changes nothing on the box, so anybody may.
pub async fn look(RawForm(form): RawForm) -> Answer<Response> {
    let text =
        std::str::from_utf8(&form).map_err(|_| Problem::Refused("the form is not UTF-8".into()))?;
    let fields: LookFields = crate::shell::read(text)?;
    let mut response = Redirect::to(&local(&fields.next)).into_response();
    let lang = Lang::of_tag(&fields.lang).map(|lang| format!("lang={}", lang.tag()));
    let theme = ["auto", "light", "dark"]
        .into_iter()
        .find(|theme| *theme == fields.theme);
    for cookie in lang
        .into_iter()
        .chain(theme.map(|theme| format!("theme={theme}")))
    {
        let cookie = format!("{cookie}; Path=/; Secure; SameSite=Strict; Max-Age=31536000");
        if let Ok(cookie) = axum::http::HeaderValue::from_str(&cookie) {
            response
                .headers_mut()
                .append(axum::http::header::SET_COOKIE, cookie);
        }
    }
    Ok(response)
}
