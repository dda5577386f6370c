//! What went wrong, for a program and for who reads its log: problem details for HTTP (RFC 9457).

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use trunkguard_pbx::Wrong;

use crate::Problem;

/// Why something was not answered or done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The status.
    pub status: StatusCode,
    /// What is wrong, and after a `; ` what to do.
    pub said: String,
    /// Where in what was sent.
    pub place: Place,
    /// Try again after so many seconds.
    pub retry_s: Option<u32>,
    /// Each answer that is not right, where several were asked for.
    pub wrong: Vec<Wrong>,
}

/// A place in what was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The key, `client[0].profile`; empty for none.
    pub key: String,
    /// From 1; 0 for none.
    pub line: usize,
    /// From 1; 0 for none.
    pub column: usize,
}

impl Fault {
    /// A fault of no place.
    pub fn new(status: StatusCode, said: impl Into<String>) -> Fault {
        Fault {
            status,
            said: said.into(),
            place: Place::default(),
            retry_s: None,
            wrong: Vec::new(),
        }
    }

    /// What is to be changed is not what it was when it was read.
    pub fn changed(said: impl Into<String>) -> Fault {
        Fault::new(StatusCode::PRECONDITION_FAILED, said)
    }

    /// What was sent is understood and cannot be.
    pub fn refused(said: impl Into<String>) -> Fault {
        Fault::new(StatusCode::UNPROCESSABLE_ENTITY, said)
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Fault {
        let retry_s = match problem {
            Problem::Busy(seconds) => Some(seconds),
            _ => None,
        };
        Fault {
            retry_s,
            ..Fault::new(problem.status(), problem.to_string())
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let (what, remedy) = match self.said.split_once("; ") {
            Some((what, remedy)) => (what, Some(remedy)),
            None => (self.said.as_str(), None),
        };
        // `about:blank`: the title is the status' own (RFC 9457 4.2.1).
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": what,
        });
        if let Some(remedy) = remedy {
            body["remedy"] = remedy.into();
        }
        let Place { key, line, column } = self.place;
        if !key.is_empty() {
            body["key"] = key.into();
        }
        for (name, figure) in [("line", line), ("column", column)] {
            if figure > 0 {
                body[name] = figure.into();
            }
        }
        if !self.wrong.is_empty() {
            body["wrong"] = json!(self.wrong);
        }
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
