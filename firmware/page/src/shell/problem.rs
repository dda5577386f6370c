//! Errors, as a page in the visitor's language with the sentence in it.

use std::time::Instant;

use askama::Template;
use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::warn;

use super::{
    Frame, Section, Shell,
    frame::Look,
    visitor::{COOKIE, cookie},
};
use crate::Problem;

impl Problem {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Problem::NotFound => StatusCode::NOT_FOUND,
            Problem::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Problem::Forbidden(_) => StatusCode::FORBIDDEN,
            Problem::Busy(_) => StatusCode::TOO_MANY_REQUESTS,
            Problem::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// The status alone, with the problem beside it for [`shown`].
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct Page {
    frame: Frame,
    title: &'static str,
    problem: String,
}

/// Makes a page of a handler's problem.
pub async fn shown(State(shell): State<Shell>, request: Request, next: Next) -> Response {
    let look = Look::of(request.headers());
    let token = cookie(request.headers(), COOKIE)
        .unwrap_or_default()
        .to_owned();
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    if let Problem::Unavailable(why) = &problem {
        warn!(why, path, "a page could not be shown");
    }
    let session = shell.sessions(|sessions| sessions.peek(&token, Instant::now()));
    let frame = Frame::new(&shell, look, Section::None, session.as_ref(), "/");
    let title = match problem {
        Problem::NotFound => frame.t.not_found,
        Problem::Refused(_) => frame.t.problem,
        Problem::Forbidden(_) => frame.t.forbidden,
        Problem::Busy(_) => frame.t.busy,
        Problem::Unavailable(_) => frame.t.unavailable,
    };
    let said = match problem {
        Problem::NotFound => frame.t.not_found_why.to_owned(),
        Problem::Busy(seconds) => crate::texts::fill(frame.t.busy_why, &[&seconds]),
        _ => problem.to_string(),
    };
    let page = Page {
        frame,
        title,
        problem: said,
    };
    let mut shown = match Frame::show(&page) {
        Ok(page) => page,
        Err(_) => problem.to_string().into_response(),
    };
    *shown.status_mut() = problem.status();
    if let Problem::Busy(seconds) = problem {
        shown
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    shown
}
