//! One-time codes of an authenticator: switched on by whoever can already make one, and off again.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{done, me};
use crate::{
    Answer, Problem,
    accounts::{
        Account, prove,
        totp::{Key, picture},
    },
    shell::{Frame, Own, Section, Shell, Visitor},
    texts,
};

const HERE: &str = "/settings/me/codes";

#[derive(Template)]
#[template(path = "settings/codes.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Settings,
    key: String,
    /// In groups of four, to be typed.
    spaced: String,
    picture: String,
    width: usize,
    wrong: bool,
}

pub async fn page(State(shell): State<Shell>, visitor: Visitor) -> Answer<Response> {
    if let Some(asked) = visitor.unproved(HERE) {
        return Ok(asked);
    }
    let key = Key::new().map_err(|problem| {
        Problem::Unavailable(format!("the kernel gives no random numbers: {problem}"))
    })?;
    show(&shell, &visitor, &key, false)
}

fn show(shell: &Shell, visitor: &Visitor, key: &Key, wrong: bool) -> Answer<Response> {
    let names = shell.options().names.first();
    let box_name = names.map_or("trunkguard", |name| name.trim_end_matches(".local"));
    let address = key.address(box_name, &visitor.session.name);
    let (picture, width) = picture(&address).unwrap_or_default();
    let groups = key.text().as_bytes().chunks(4);
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    Frame::show(&Page {
        frame: visitor.frame(Section::Settings),
        t: texts::Settings::of(visitor.look.lang),
        spaced: groups.join(" "),
        key: key.text().to_owned(),
        picture,
        width,
        wrong,
    })
}

#[derive(Deserialize)]
pub struct Fields {
    key: String,
    code: String,
}

/// Switches them on. The key comes back from the page that showed it: it is its owner's own choice, and the code proves
/// that the app has it.
pub async fn begin(State(shell): State<Shell>, form: Own<Fields>) -> Answer<Response> {
    let Own { visitor, fields } = form;
    if let Some(asked) = visitor.unproved(HERE) {
        return Ok(asked.into_response());
    }
    let key = Key::parse(&fields.key)
        .ok_or_else(|| Problem::Refused("this is no key of the box; load the page again".into()))?;
    if key.step_of(&fields.code, prove::unix_s(), 0).is_none() {
        return show(&shell, &visitor, &key, true);
    }
    set(&shell, &visitor, Some(key), "one-time-codes").await?;
    done("/settings/me", "codes")
}

#[derive(Deserialize)]
pub struct Nothing {}

/// Switches them off.
pub async fn end(State(shell): State<Shell>, form: Own<Nothing>) -> Answer<Response> {
    if let Some(asked) = form.visitor.unproved("/settings/me") {
        return Ok(asked);
    }
    set(&shell, &form.visitor, None, "one-time-codes-ended").await?;
    done("/settings/me", "codes-end")
}

async fn set(shell: &Shell, visitor: &Visitor, totp: Option<Key>, what: &str) -> Answer<()> {
    let account = Account {
        totp,
        ..me::own(shell, visitor).await?
    };
    let name = account.name.clone();
    shell.ask(move |parts| parts.accounts.put(&account)).await?;
    shell.sessions(|sessions| sessions.end_all_of(&name, Some(&visitor.token)));
    prove::note(shell, &name, visitor.ends.peer, what, &name).await
}
