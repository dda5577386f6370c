//! A bundle that a person brings.

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};

use super::{LONGEST, act};
use crate::{
    Answer, Problem,
    shell::{Frame, FreshOwner, IncomingForm, Section, Shell, Visitor},
    texts::{self, fill, plain},
};

#[derive(Template)]
#[template(path = "updates/upload.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Updates,
    limit: String,
    wrong: String,
}

/// `GET /updates/upload`
pub async fn page(FreshOwner(owner): FreshOwner) -> Answer<Response> {
    show(&owner, String::new())
}

fn show(owner: &Visitor, wrong: String) -> Answer<Response> {
    let t = texts::Updates::of(owner.look.lang);
    let is_wrong = !wrong.is_empty();
    let page = Frame::show(&Page {
        frame: owner.frame(Section::Box),
        t,
        limit: fill(t.upload_hint, &[&(LONGEST >> 20)]),
        wrong,
    })?;
    Ok(match is_wrong {
        true => (StatusCode::UNPROCESSABLE_ENTITY, page).into_response(),
        false => page,
    })
}

/// `POST /updates/upload`
pub async fn take(State(shell): State<Shell>, form: IncomingForm) -> Answer<Response> {
    let IncomingForm { owner, file } = form;
    let t = texts::Updates::of(owner.look.lang);
    let size = file.size;
    if size > LONGEST {
        return show(&owner, t.too_large.into());
    }
    let taken = file
        .hand(&shell, |parts, size, bundle| {
            parts.updates.receive(size, bundle)
        })
        .await;
    match taken {
        Ok(()) => {
            act::note(&shell, &owner, format!("upload {size}")).await?;
            Ok(Redirect::to("/updates?done=received").into_response())
        }
        Err(Problem::Refused(why)) => {
            let why = texts::said(&plain(&why, 600), owner.look.lang);
            show(&owner, fill(t.not_taken, &[&why]))
        }
        Err(problem) => Err(problem),
    }
}
