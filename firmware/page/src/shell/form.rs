//! Forms that come from our own page.

use axum::{
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq;

use super::{Owner, Shell, visitor::Turned, visitor::Visitor};
use crate::Problem;

/// What an owner has sent by a form of this session's own pages. The handler gets it and nothing else: a change without its
/// session's `csrf` field never reaches it.
pub struct Form<T> {
    /// Who sent it.
    pub owner: Visitor,
    /// What is in it.
    pub fields: T,
}

#[derive(serde::Deserialize)]
struct Csrf {
    csrf: String,
}

impl<T: DeserializeOwned> FromRequest<Shell> for Form<T> {
    type Rejection = Response;

    async fn from_request(request: Request, shell: &Shell) -> Result<Form<T>, Response> {
        let (mut parts, body) = request.into_parts();
        let Owner(owner) = <Owner as axum::extract::FromRequestParts<Shell>>::from_request_parts(
            &mut parts, shell,
        )
        .await
        .map_err(Turned::into_response)?;
        let request = Request::from_parts(parts, body);
        let text = String::from_request(request, shell)
            .await
            .map_err(|problem| {
                Problem::Refused(format!("the form cannot be read: {problem}")).into_response()
            })?;
        match checked(&text, &owner.session.csrf) {
            Ok(fields) => Ok(Form { owner, fields }),
            Err(problem) => Err(problem.into_response()),
        }
    }
}

/// The fields of a form that bears this session's mark.
pub fn checked<T: DeserializeOwned>(text: &str, csrf: &str) -> Result<T, Problem> {
    let sent: Csrf = read(text)?;
    if bool::from(sent.csrf.as_bytes().ct_eq(csrf.as_bytes())) {
        read(text)
    } else {
        Err(Problem::Forbidden(
            "this form belongs to a session that has ended; load the page again and repeat the change".into(),
        ))
    }
}

/// The fields of a form (`application/x-www-form-urlencoded`); a field that comes several times makes a list. Fields that
/// nobody asks for are passed over.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    serde_html_form::from_str(text)
        .map_err(|problem| Problem::Refused(format!("the form cannot be read: {problem}")))
}

/// The fields of a form that needs no session: logging in, and the first password.
///
/// # Errors
/// What cannot be read.
pub async fn read_form<T: DeserializeOwned>(request: Request, shell: &Shell) -> Result<T, Problem> {
    let text = String::from_request(request, shell)
        .await
        .map_err(|problem| Problem::Refused(format!("the form cannot be read: {problem}")))?;
    read(&text)
}
