//! Who may log in: added and taken away by an owner.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use serde::Deserialize;

use super::{Done, done};
use crate::{
    Answer, Problem,
    accounts::{Account, Hash, check, prove},
    shell::{Form, Frame, Fresh, Owner, Role, Section, Shell, Visitor},
    texts,
};

#[derive(Template)]
#[template(path = "settings/people.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Settings,
    a: &'static texts::Accounts,
    accounts: Vec<Row>,
    name: String,
    said: &'static str,
    problem: &'static str,
}

struct Row {
    name: String,
    role: &'static str,
    has_codes: bool,
    me: bool,
}

pub async fn page(
    State(shell): State<Shell>,
    Owner(visitor): Owner,
    Query(what): Query<Done>,
) -> Answer<Response> {
    let t = texts::Settings::of(visitor.look.lang);
    let said = match what.done.as_str() {
        "added" => t.added,
        "removed" => t.removed,
        _ => "",
    };
    show(&shell, &visitor, String::new(), said, "").await
}

async fn show(
    shell: &Shell,
    visitor: &Visitor,
    name: String,
    said: &'static str,
    problem: &'static str,
) -> Answer<Response> {
    let t = texts::Settings::of(visitor.look.lang);
    let accounts = shell.ask(|parts| parts.accounts.accounts()).await?;
    let rows = accounts.into_iter().map(|account| Row {
        me: account.name == visitor.session.name,
        role: match account.role {
            Role::Owner => t.owner,
            Role::Viewer => t.viewer,
        },
        has_codes: account.totp.is_some(),
        name: account.name,
    });
    Frame::show(&Page {
        accounts: rows.collect(),
        frame: visitor.frame(Section::Settings),
        t,
        a: texts::Accounts::of(visitor.look.lang),
        name,
        said,
        problem,
    })
}

#[derive(Deserialize)]
pub struct Fields {
    name: String,
    role: Role,
    password: String,
    again: String,
}

/// Adds an account. One that is there is not replaced: its password is its own.
pub async fn add(State(shell): State<Shell>, Fresh(form): Fresh<Fields>) -> Answer<Response> {
    let Form { owner, fields } = form;
    let (t, s) = (
        texts::Accounts::of(owner.look.lang),
        texts::Settings::of(owner.look.lang),
    );
    let name = texts::plain(&fields.name, 32);
    let there = shell.ask(|parts| parts.accounts.accounts()).await?;
    let problem = if name.is_empty() || there.iter().any(|account| account.name == name) {
        s.name_taken
    } else if fields.password != fields.again {
        t.differ
    } else {
        check(&fields.password, &name, t).err().unwrap_or_default()
    };
    if !problem.is_empty() {
        return show(&shell, &owner, name, "", problem).await;
    }
    let hash = shell.password(move || Hash::of(&fields.password)).await?;
    let account = Account {
        name: name.clone(),
        role: fields.role,
        hash,
        totp: None,
    };
    shell.ask(move |parts| parts.accounts.put(&account)).await?;
    note(&shell, &owner, "account-added", &name).await?;
    done("/settings/accounts", "added")
}

#[derive(Deserialize)]
pub struct Which {
    name: String,
}

/// Takes an account away, and ends its sessions. Not one's own: then there is always an owner.
pub async fn remove(State(shell): State<Shell>, form: Form<Which>) -> Answer<Response> {
    let Form { owner, fields } = form;
    if let Some(asked) = owner.unproved("/settings/accounts") {
        return Ok(asked);
    }
    if fields.name == owner.session.name {
        return Err(Problem::Refused(
            "this is your own account; another owner can remove it".into(),
        ));
    }
    let name = fields.name.clone();
    shell.ask(move |parts| parts.accounts.remove(&name)).await?;
    shell.sessions(|sessions| sessions.end_all_of(&fields.name, None));
    note(&shell, &owner, "account-removed", &fields.name).await?;
    done("/settings/accounts", "removed")
}

async fn note(shell: &Shell, owner: &Visitor, what: &str, detail: &str) -> Answer<()> {
    prove::note(shell, &owner.session.name, owner.ends.peer, what, detail).await
}
