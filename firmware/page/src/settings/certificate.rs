//! What the page proves itself with: its fingerprint, made anew, or replaced by the owner's own.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use serde::Deserialize;

use super::{Done, done};
use crate::{
    Answer, Problem,
    accounts::prove,
    shell::{
        Certificate, Form, Frame, Fresh, FreshOwner, Owner, Section, Shell, Visitor,
        certificate::Facts,
    },
    texts,
};

const HERE: &str = "/settings/certificate";
/// Names that may be added to the box's own.
const MOST: usize = 16;

#[derive(Template)]
#[template(path = "settings/certificate.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Settings,
    facts: Facts,
    made_here: bool,
    until: String,
    said: &'static str,
}

pub async fn page(
    State(shell): State<Shell>,
    Owner(visitor): Owner,
    Query(what): Query<Done>,
) -> Answer<Response> {
    let t = texts::Settings::of(visitor.look.lang);
    let facts = shell.certificate();
    let until_s = facts.until_s;
    let (until, made_here) = shell
        .ask(move |parts| {
            let settings = &parts.settings;
            let mut until = settings.local(until_s)?;
            until.truncate("2026-11-26".len());
            Ok((until, settings.is_made_here()))
        })
        .await?;
    Frame::show(&Page {
        frame: visitor.frame(Section::Settings),
        t,
        until,
        made_here,
        facts,
        said: match what.done.as_str() {
            "renewed" => t.certificate_renewed,
            "replaced" => t.certificate_replaced,
            _ => "",
        },
    })
}

#[derive(Deserialize)]
pub struct Renewal {
    #[serde(default)]
    names: String,
}

/// Makes it anew.
pub async fn renew(State(shell): State<Shell>, Fresh(form): Fresh<Renewal>) -> Answer<Response> {
    let Form { owner, fields } = form;
    let names: Vec<String> = fields
        .names
        .split([' ', ',', '\r', '\n'])
        .filter(|name| !name.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    if let Some(wrong) = names.iter().find(|name| !is_name(name)) {
        return Err(Problem::Refused(format!(
            "`{}` is no host name; write names such as box.example.com",
            texts::plain(wrong, 80)
        )));
    }
    if names.len() > MOST {
        return Err(Problem::Refused(format!("{MOST} names at most")));
    }
    let certificate = shell.ask(move |parts| parts.settings.renew(&names)).await?;
    take_over(&shell, &owner, &certificate, "certificate-renewed").await?;
    done(HERE, "renewed")
}

/// Letters, digits and hyphens between dots (RFC 1123 2.1).
fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    name.len() <= 253 && name.split('.').all(label) && name.parse::<std::net::IpAddr>().is_err()
}

#[derive(Template)]
#[template(path = "settings/replace.html")]
struct ReplacePage {
    frame: Frame,
    t: &'static texts::Settings,
}

pub async fn replace_page(FreshOwner(visitor): FreshOwner) -> Answer<Response> {
    Frame::show(&ReplacePage {
        frame: visitor.frame(Section::Settings),
        t: texts::Settings::of(visitor.look.lang),
    })
}

#[derive(Deserialize)]
pub struct Pair {
    chain: String,
    key: String,
}

/// Takes the owner's own. It is tried before it is kept.
pub async fn replace(State(shell): State<Shell>, Fresh(form): Fresh<Pair>) -> Answer<Response> {
    let Form { owner, fields } = form;
    let certificate = Certificate {
        chain: fields.chain.into_bytes(),
        key: fields.key.into_bytes(),
    };
    let facts = certificate.check().map_err(Problem::Refused)?;
    if facts.until_s <= prove::unix_s() as i64 {
        return Err(Problem::Refused(
            "this certificate has ended; get a new one from who issued it".into(),
        ));
    }
    let kept = certificate.clone();
    shell
        .ask(move |parts| parts.settings.replace(&kept))
        .await?;
    take_over(&shell, &owner, &certificate, "certificate-replaced").await?;
    done(HERE, "replaced")
}

async fn take_over(
    shell: &Shell,
    owner: &Visitor,
    certificate: &Certificate,
    what: &str,
) -> Answer<()> {
    shell
        .replace_certificate(certificate)
        .map_err(Problem::Unavailable)?;
    let fingerprint = shell.certificate().fingerprint;
    prove::note(
        shell,
        &owner.session.name,
        owner.ends.peer,
        what,
        &fingerprint,
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_host_names() {
        for name in ["box", "box.example.com", "a-1.b"] {
            assert!(is_name(name), "{name}");
        }
        for none in [
            "",
            "a..b",
            "-a",
            "a-",
            "a_b",
            "*.example.com",
            "10.0.0.1",
            "é.ca",
        ] {
            assert!(!is_name(none), "{none}");
        }
    }
}
