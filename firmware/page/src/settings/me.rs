//! One's own account: password, one-time codes, sessions.

use std::time::Instant;

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
    shell::{Frame, Own, Section, Session, Shell, Visitor},
    texts,
};

#[derive(Template)]
#[template(path = "settings/me.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Settings,
    a: &'static texts::Accounts,
    sessions: Vec<Row>,
    has_codes: bool,
    said: &'static str,
    problem: &'static str,
}

/// A session as it is shown.
struct Row {
    id: String,
    here: bool,
    agent: String,
    from: String,
    age: String,
    idle: String,
}

pub async fn page(
    State(shell): State<Shell>,
    visitor: Visitor,
    Query(what): Query<Done>,
) -> Answer<Response> {
    let t = texts::Settings::of(visitor.look.lang);
    let said = match what.done.as_str() {
        "password" => t.password_changed,
        "codes" => t.codes_on,
        "codes-end" => t.codes_off,
        "sessions" => t.sessions_ended,
        _ => "",
    };
    show(&shell, &visitor, said, "").await
}

async fn show(
    shell: &Shell,
    visitor: &Visitor,
    said: &'static str,
    problem: &'static str,
) -> Answer<Response> {
    let t = texts::Settings::of(visitor.look.lang);
    let (name, now) = (visitor.session.name.clone(), Instant::now());
    let all = shell.sessions(|sessions| sessions.of_account(&name, now));
    let account = own(shell, visitor).await?;
    Frame::show(&Page {
        frame: visitor.frame(Section::Settings),
        t,
        a: texts::Accounts::of(visitor.look.lang),
        sessions: (all.iter())
            .map(|session| row(session, &visitor.session.id(), now, t))
            .collect(),
        has_codes: account.totp.is_some(),
        said,
        problem,
    })
}

fn row(session: &Session, here: &str, now: Instant, t: &texts::Settings) -> Row {
    let (age, idle) = session.age(now);
    let minutes = |span: std::time::Duration| match span.as_secs() / 60 {
        0 => t.just_now.to_owned(),
        minutes => texts::fill(t.minutes_ago, &[&minutes]),
    };
    Row {
        here: session.id() == here,
        id: session.id(),
        agent: browser(&session.agent),
        from: session.from.to_string(),
        age: minutes(age),
        idle: minutes(idle),
    }
}

/// A browser and its system in two words, as far as its User-Agent tells: it says much more than a person wants to know. The
/// order matters: most of them claim to be the others too.
fn browser(agent: &str) -> String {
    let first = |known: &[(&str, &'static str)]| {
        let known = known.iter().find(|(mark, _)| agent.contains(mark));
        known.map(|(_, name)| *name)
    };
    let program = first(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("CriOS/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ]);
    match (program, system) {
        (Some(program), Some(system)) => format!("{program}, {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => texts::plain(agent, 40),
    }
}

/// The account of who asks.
///
/// # Errors
/// When it was removed meanwhile.
pub async fn own(shell: &Shell, visitor: &Visitor) -> Answer<Account> {
    let name = visitor.session.name.clone();
    let accounts = shell.ask(|parts| parts.accounts.accounts()).await?;
    accounts
        .into_iter()
        .find(|account| account.name == name)
        .ok_or(Problem::NotFound)
}

#[derive(Deserialize)]
pub struct Password {
    password: String,
    #[serde(default)]
    code: String,
    new: String,
    again: String,
}

/// Another password. The other sessions of the account end.
pub async fn password(State(shell): State<Shell>, form: Own<Password>) -> Answer<Response> {
    let Own { visitor, fields } = form;
    let t = texts::Accounts::of(visitor.look.lang);
    let name = visitor.session.name.clone();
    if fields.new != fields.again {
        return show(&shell, &visitor, "", t.differ).await;
    }
    if let Err(problem) = check(&fields.new, &name, t) {
        return show(&shell, &visitor, "", problem).await;
    }
    let typed = prove::Typed {
        name: name.clone(),
        password: fields.password,
        code: fields.code,
    };
    let Some(account) = prove::proved(&shell, visitor.ends.peer, typed).await? else {
        return show(&shell, &visitor, "", t.wrong).await;
    };
    let hash = shell.password(move || Hash::of(&fields.new)).await?;
    let account = Account { hash, ..account };
    shell.ask(move |parts| parts.accounts.put(&account)).await?;
    prove::note(&shell, &name, visitor.ends.peer, "password", &name).await?;
    shell.sessions(|sessions| {
        sessions.end_all_of(&name, Some(&visitor.token));
        sessions.prove(&visitor.token, Instant::now());
    });
    done("/settings/me", "password")
}

#[derive(Deserialize)]
pub struct Which {
    /// One session; empty: all but this one.
    #[serde(default)]
    id: String,
}

/// Ends sessions of one's own.
pub async fn sessions(State(shell): State<Shell>, form: Own<Which>) -> Answer<Response> {
    let Own { visitor, fields } = form;
    let name = &visitor.session.name;
    shell.sessions(|sessions| match fields.id.as_str() {
        "" => sessions.end_all_of(name, Some(&visitor.token)),
        id => sessions.end_one_of(name, id),
    });
    prove::note(&shell, name, visitor.ends.peer, "sessions-ended", "").await?;
    done("/settings/me", "sessions")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_in_two_words() {
        let safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Mobile Safari/604.1";
        assert_eq!(browser(safari), "Safari, iPhone");
        let edge =
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 Edg/131.0";
        assert_eq!(browser(edge), "Edge, Windows");
        assert_eq!(browser("curl/8.1\u{202e}"), "curl/8.1");
    }
}
