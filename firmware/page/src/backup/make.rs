//! Making a backup.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{
    Answer, Problem,
    accounts::{self, Deed},
    shell::{Form, Frame, Fresh, Owner, Section, Shell, Visitor},
    texts,
};

/// A word that says what just happened.
#[derive(serde::Deserialize)]
pub struct Said {
    #[serde(default)]
    said: String,
}

#[derive(Template)]
#[template(path = "backup/backup.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Backup,
    said: &'static str,
    wrong_new: String,
    wrong_file: String,
}

/// `GET /box/backup`
pub async fn page(Owner(owner): Owner, Query(said): Query<Said>) -> Answer<Response> {
    let t = texts::Backup::of(owner.look.lang);
    let said = match said.said.as_str() {
        "restored" => t.said_restored,
        "dropped" => t.said_dropped,
        _ => "",
    };
    show(&owner, said, String::new(), String::new())
}

/// The page, with what is wrong with one of its two forms.
pub fn show(
    owner: &Visitor,
    said: &'static str,
    wrong_new: String,
    wrong_file: String,
) -> Answer<Response> {
    let is_wrong = !wrong_new.is_empty() || !wrong_file.is_empty();
    let page = Frame::show(&Page {
        frame: owner.frame(Section::Box),
        t: texts::Backup::of(owner.look.lang),
        said,
        wrong_new,
        wrong_file,
    })?;
    Ok(match is_wrong {
        true => (StatusCode::UNPROCESSABLE_ENTITY, page).into_response(),
        false => page,
    })
}

/// A backup that is wanted.
#[derive(serde::Deserialize)]
pub struct Wanted {
    password: String,
    again: String,
    #[serde(default)]
    certificates: String,
}

/// `POST /box/backup`: answers with the file.
pub async fn make(
    State(shell): State<Shell>,
    Fresh(Form { owner, fields }): Fresh<Wanted>,
) -> Answer<Response> {
    let words = texts::Accounts::of(owner.look.lang);
    if fields.password != fields.again {
        return show(&owner, "", words.differ.into(), String::new());
    }
    if let Err(why) = accounts::check(&fields.password, &owner.session.name, words) {
        return show(&owner, "", why.into(), String::new());
    }
    let (who, from) = (owner.session.name.clone(), owner.ends.peer);
    let certificates = !fields.certificates.is_empty();
    let made = shell
        .ask(move |parts| {
            let made = parts.backup.make(certificates, &fields.password)?;
            parts.accounts.note(&Deed {
                who,
                from,
                what: "backup".into(),
                detail: if certificates {
                    "with certificates".into()
                } else {
                    String::new()
                },
            })?;
            Ok(made)
        })
        .await?;
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{}\"", made.name))
        .map_err(|_| Problem::Unavailable("the backup has no name".into()))?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        ),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, made.octets).into_response())
}
