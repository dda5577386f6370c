//! Errors, as a page in the visitor's language with the sentence in it.

use std::time::Instant;

use askama::Template;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::warn;

use super::{
    Frame, Section, Shell,
    frame::Look,
    visitor::{COOKIE, cookie},
};
use crate::{
    Problem,
    texts::{self, Lang},
};

impl Problem {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Problem::NotFound => StatusCode::NOT_FOUND,
            Problem::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Problem::Forbidden(_) => StatusCode::FORBIDDEN,
            Problem::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
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

/// Makes a page of a handler's problem, and of what was refused before any handler saw it.
pub async fn shown(State(shell): State<Shell>, request: Request, next: Next) -> Response {
    let visit = Visit::of(&shell, request.headers());
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        if let Problem::Unavailable(why) = &problem {
            warn!(why, path, "a page could not be shown");
        }
        return visit.page(&problem);
    }
    let t = visit.frame.t;
    let (title, said) = match response.status() {
        _ if !is_for_people(&path) => return response,
        StatusCode::METHOD_NOT_ALLOWED => (t.problem, t.by_link),
        StatusCode::BAD_REQUEST | StatusCode::UNSUPPORTED_MEDIA_TYPE => (t.problem, t.unreadable),
        StatusCode::INTERNAL_SERVER_ERROR => (t.problem, t.broken),
        _ => return response,
    };
    let status = response.status();
    let mut page = visit.shown(title, said.to_owned());
    *page.status_mut() = status;
    if let Some(allow) = response.headers_mut().remove(header::ALLOW) {
        page.headers_mut().insert(header::ALLOW, allow);
    }
    page
}

/// The page that refuses what another site asks for.
pub fn foreign(shell: &Shell, request: &Request) -> Response {
    if !is_for_people(request.uri().path()) {
        let said = texts::Frame::of(Lang::En).foreign;
        return (StatusCode::FORBIDDEN, said).into_response();
    }
    let visit = Visit::of(shell, request.headers());
    let t = visit.frame.t;
    let mut page = visit.shown(t.forbidden, t.foreign.to_owned());
    *page.status_mut() = StatusCode::FORBIDDEN;
    page
}

/// Programs have answers of their own.
fn is_for_people(path: &str) -> bool {
    !["/api/", "/assets/", "/metrics", "/live"]
        .iter()
        .any(|front| path.starts_with(front))
}

/// Whoever sees it.
struct Visit {
    frame: Frame,
}

impl Visit {
    fn of(shell: &Shell, headers: &HeaderMap) -> Visit {
        let token = cookie(headers, COOKIE).unwrap_or_default();
        let session = shell.sessions(|sessions| sessions.peek(token, Instant::now()));
        let look = Look::of(headers);
        Visit {
            frame: Frame::new(shell, look, Section::None, session.as_ref(), "/"),
        }
    }

    fn page(self, problem: &Problem) -> Response {
        let t = self.frame.t;
        let title = match problem {
            Problem::NotFound => t.not_found,
            Problem::Refused(_) => t.problem,
            Problem::Forbidden(_) => t.forbidden,
            Problem::TooLarge => t.too_large,
            Problem::Busy(_) => t.busy,
            Problem::Unavailable(_) => t.unavailable,
        };
        let said = match problem {
            Problem::NotFound => t.not_found_why.to_owned(),
            Problem::Busy(seconds) => texts::fill(t.busy_why, &[seconds]),
            _ => problem.to_string(),
        };
        let mut shown = self.shown(title, said);
        *shown.status_mut() = problem.status();
        if let Problem::Busy(seconds) = problem {
            let after = HeaderValue::from(*seconds);
            shown.headers_mut().insert(header::RETRY_AFTER, after);
        }
        shown
    }

    fn shown(self, title: &'static str, problem: String) -> Response {
        let page = Page {
            frame: self.frame,
            title,
            problem,
        };
        Frame::show(&page).unwrap_or_else(|_| page.problem.into_response())
    }
}
