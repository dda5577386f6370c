//! The whole policy as text: every setting there is, one by one or by a file.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};

use super::{Wrong, drafts::Proposed, tree};
use crate::{
    Answer, Parts, Problem,
    shell::{Form, Frame, Owner, Section, Shell, Upload, Visitor},
    texts::{self, fill},
};

#[derive(Template)]
#[template(path = "policy/text.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Policy,
    text: String,
    mark: String,
    wrong: Vec<Shown>,
    secrets: String,
}

/// Something that is wrong, at its place.
struct Shown {
    place: String,
    message: String,
    /// The lines around it: number, text, and whether it is the one.
    around: Vec<(usize, String, bool)>,
}

/// What the editor sends.
#[derive(serde::Deserialize)]
pub struct Sent {
    mark: String,
    text: String,
}

/// `GET /policy/text`
pub async fn page(State(shell): State<Shell>, Owner(owner): Owner) -> Answer<Response> {
    let (text, mark) = shell
        .ask(|parts| {
            let now = parts.policy.in_force()?;
            let shown = tree::blanked(&now.policy)?;
            Ok((parts.policy.source().render(&shown)?, now.mark))
        })
        .await?;
    show(&owner, text, mark, Vec::new())
}

fn show(owner: &Visitor, text: String, mark: String, wrong: Vec<Wrong>) -> Answer<Response> {
    let t = texts::Policy::of(owner.look.lang);
    let wrong = wrong.into_iter().map(|wrong| {
        let place = match wrong.line {
            0 => wrong.key.clone(),
            line => fill(t.in_line, &[&line, &wrong.key]),
        };
        Shown {
            place,
            around: around(&text, wrong.line),
            message: wrong.message,
        }
    });
    Frame::show(&Page {
        frame: owner.frame(Section::Policy),
        t,
        wrong: wrong.collect(),
        text,
        mark,
        secrets: fill(t.secrets_hint, &[&tree::UNCHANGED]),
    })
}

/// The lines around one, with their numbers; the one itself is marked.
fn around(text: &str, line: usize) -> Vec<(usize, String, bool)> {
    const MORE: usize = 2;
    if line == 0 {
        return Vec::new();
    }
    text.lines()
        .enumerate()
        .skip(line.saturating_sub(MORE + 1))
        .take(2 * MORE + 1)
        .map(|(at, text)| (at + 1, text.chars().take(200).collect(), at + 1 == line))
        .collect()
}

/// `POST /policy/text`
pub async fn change(
    State(shell): State<Shell>,
    Form { owner, fields }: Form<Sent>,
) -> Answer<Response> {
    // Browsers send lines that end in CR LF (HTML 4.10.21.4).
    let text = fields.text.replace("\r\n", "\n");
    propose(&shell, &owner, text, fields.mark, "text").await
}

/// `POST /policy/import`
pub async fn import(State(shell): State<Shell>, upload: Upload) -> Answer<Response> {
    let text = String::from_utf8(upload.file).map_err(|_| {
        Problem::Refused("the file is no text in UTF-8; is it a policy file (TOML)?".into())
    })?;
    propose(&shell, &upload.owner, text, String::new(), "file").await
}

async fn propose(
    shell: &Shell,
    owner: &Visitor,
    text: String,
    mark: String,
    what: &'static str,
) -> Answer<Response> {
    let (by, sent, base) = (owner.session.name.clone(), text.clone(), mark.clone());
    let proposed = shell
        .ask(move |parts| edit(parts, &by, &base, &sent, what))
        .await?;
    match proposed {
        Proposed::Draft(id) => Ok(Redirect::to(&format!("/policy/draft/{id}")).into_response()),
        Proposed::Same => Ok(Redirect::to("/policy?said=same").into_response()),
        Proposed::Wrong(wrong) => {
            let page = show(owner, text, mark, wrong)?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

fn edit(parts: &Parts, by: &str, mark: &str, text: &str, what: &str) -> Answer<Proposed> {
    let read = match parts.policy.source().read(text) {
        Ok(read) => read,
        Err(wrong) => return Ok(Proposed::Wrong(vec![wrong])),
    };
    let base = parts.policy.base(mark)?;
    match tree::filled(&read, &base)? {
        Ok(mine) => parts.policy.propose(by, what, mark, &mine),
        Err(key) => Ok(Proposed::Wrong(vec![Wrong {
            line: 0,
            column: 0,
            key,
            message: "no password is stored for this part; write one in the place of (unchanged)"
                .into(),
        }])),
    }
}

/// `GET /policy/export`
pub async fn export(State(shell): State<Shell>, Owner(_): Owner) -> Answer<Response> {
    let text = shell
        .ask(|parts| {
            let now = parts.policy.in_force()?;
            parts.policy.source().render(&tree::blanked(&now.policy)?)
        })
        .await?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/toml"),
        ),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"trunkguard-policy.toml\""),
        ),
    ];
    Ok((headers, text).into_response())
}
