//! Forms that come from our own page.

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq;

use super::{Owner, Shell, visitor::Turned, visitor::Visitor};
use crate::Problem;

/// A form whose mark is not that of the session.
pub(super) const ENDED: &str =
    "this form belongs to a session that has ended; load the page again and repeat the change";

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

/// A [`Form`] of an owner who has typed the password within the last five minutes; others are asked for it, and come back to
/// the address that the form was sent to. So a form that needs this is sent to the address of the page that it is on.
pub struct Fresh<T>(pub Form<T>);

/// What somebody has sent who may be a viewer: about their own account only. Checked as a [`Form`].
pub struct Own<T> {
    /// Who sent it.
    pub visitor: Visitor,
    /// What is in it.
    pub fields: T,
}

impl<T: DeserializeOwned> FromRequest<Shell> for Own<T> {
    type Rejection = Response;

    async fn from_request(request: Request, shell: &Shell) -> Result<Own<T>, Response> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, shell)
            .await
            .map_err(Turned::into_response)?;
        let fields = sent(Request::from_parts(parts, body), shell, &visitor)
            .await
            .map_err(Problem::into_response)?;
        Ok(Own { visitor, fields })
    }
}

impl<T: DeserializeOwned> FromRequest<Shell> for Form<T> {
    type Rejection = Response;

    async fn from_request(request: Request, shell: &Shell) -> Result<Form<T>, Response> {
        let (mut parts, body) = request.into_parts();
        let Owner(owner) = Owner::from_request_parts(&mut parts, shell)
            .await
            .map_err(Turned::into_response)?;
        let fields = sent(Request::from_parts(parts, body), shell, &owner)
            .await
            .map_err(Problem::into_response)?;
        Ok(Form { owner, fields })
    }
}

impl<T: DeserializeOwned> FromRequest<Shell> for Fresh<T> {
    type Rejection = Response;

    async fn from_request(request: Request, shell: &Shell) -> Result<Fresh<T>, Response> {
        let form = Form::from_request(request, shell).await?;
        match form.owner.unproved(&form.owner.path) {
            Some(asked) => Err(asked),
            None => Ok(Fresh(form)),
        }
    }
}

/// The fields of a form of this visitor's session.
async fn sent<T: DeserializeOwned>(
    request: Request,
    shell: &Shell,
    visitor: &Visitor,
) -> Result<T, Problem> {
    let text = text_of(request, shell).await?;
    checked(&text, &visitor.session.csrf)
}

async fn text_of(request: Request, shell: &Shell) -> Result<String, Problem> {
    String::from_request(request, shell)
        .await
        .map_err(|problem| match problem.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::TooLarge,
            _ => Problem::Refused(format!("the form cannot be read: {problem}")),
        })
}

/// The fields of a form that bears this session's mark.
pub fn checked<T: DeserializeOwned>(text: &str, csrf: &str) -> Result<T, Problem> {
    let sent: Csrf = read(text)?;
    if bool::from(sent.csrf.as_bytes().ct_eq(csrf.as_bytes())) {
        read(text)
    } else {
        Err(Problem::Forbidden(ENDED.into()))
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
    let text = text_of(request, shell).await?;
    read(&text)
}
