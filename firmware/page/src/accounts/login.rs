use askama::Template;
use axum::{
    extract::{Query, RawForm, Request, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{Visit, begin, local, on_with_cookie, prove, token};
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
    /// Somebody has one-time codes; whose they are is not said.
    has_codes: bool,
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
    code: String,
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
    show(&shell, Look::of(&headers), asked.next, String::new(), false).await
}

async fn show(
    shell: &Shell,
    look: Look,
    next: String,
    name: String,
    wrong: bool,
) -> Answer<Response> {
    let accounts = shell.ask(|parts| parts.accounts.accounts()).await?;
    Frame::show(&Page {
        frame: Frame::new(shell, look, Section::None, None, "/login"),
        t: texts::Accounts::of(look.lang),
        next: local(&next),
        name,
        wrong,
        has_codes: accounts.iter().any(|account| account.totp.is_some()),
    })
}

/// No cookie is there yet that another site could use, and [`crate::shell`]'s guard has looked at the origin: no csrf field.
pub async fn log_in(State(shell): State<Shell>, request: Request) -> Answer<Response> {
    let visit = Visit::of(&request);
    let look = Look::of(request.headers());
    let fields: Fields = read_form(request, &shell).await?;
    let typed = prove::Typed {
        name: fields.name.clone(),
        password: fields.password,
        code: fields.code,
    };
    match prove::proved(&shell, visit.from, typed).await? {
        Some(account) => begin(&shell, &account.name, account.role, visit, &fields.next),
        None => show(&shell, look, fields.next, fields.name, true).await,
    }
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
