//! Files that come from our own page.

use std::collections::BTreeMap;

use axum::{
    extract::{FromRequest, FromRequestParts, Multipart, Request, multipart::MultipartError},
    response::{IntoResponse, Response},
};
use subtle::ConstantTimeEq;

use super::{Owner, Shell, form::ENDED, visitor::Turned, visitor::Visitor};
use crate::Problem;

/// Fields beside the file.
const FIELDS: usize = 16;
/// Octets of such a field.
const LONGEST: usize = 4 << 10;

/// A file that an owner has sent by a form of this session's own pages (`multipart/form-data`, RFC 7578), with the fields in
/// front of it. `csrf` has to be the first. How long a file may be, the route's body limit says.
pub struct Upload {
    /// Who sent it.
    pub owner: Visitor,
    /// The fields in front of the file.
    pub fields: BTreeMap<String, String>,
    /// What is in it.
    pub file: Vec<u8>,
}

impl FromRequest<Shell> for Upload {
    type Rejection = Response;

    async fn from_request(request: Request, shell: &Shell) -> Result<Upload, Response> {
        let (mut parts, body) = request.into_parts();
        let Owner(owner) = Owner::from_request_parts(&mut parts, shell)
            .await
            .map_err(Turned::into_response)?;
        let request = Request::from_parts(parts, body);
        let form = Multipart::from_request(request, shell)
            .await
            .map_err(|problem| unreadable(&problem).into_response())?;
        match read(form, &owner.session.csrf).await {
            Ok((fields, file)) => Ok(Upload {
                owner,
                fields,
                file,
            }),
            Err(problem) => Err(problem.into_response()),
        }
    }
}

async fn read(
    mut form: Multipart,
    csrf: &str,
) -> Result<(BTreeMap<String, String>, Vec<u8>), Problem> {
    let mut fields = BTreeMap::new();
    let mut is_ours = false;
    while let Some(mut field) = form.next_field().await.map_err(|e| broken(&e))? {
        let name = field.name().unwrap_or_default().to_owned();
        if is_ours && name == "file" {
            let file = field.bytes().await.map_err(|e| broken(&e))?;
            if file.is_empty() {
                return Err(Problem::Refused(
                    "no file was chosen, or it is empty".into(),
                ));
            }
            return Ok((fields, file.into()));
        }
        let mut value = Vec::new();
        while let Some(more) = field.chunk().await.map_err(|e| broken(&e))? {
            value.extend_from_slice(&more);
            if value.len() > LONGEST {
                return Err(unreadable(&"a field is too long"));
            }
        }
        if name == "csrf" && bool::from(value.ct_eq(csrf.as_bytes())) {
            is_ours = true;
        } else if !is_ours {
            return Err(Problem::Forbidden(ENDED.into()));
        } else if fields.len() < FIELDS {
            let value = String::from_utf8(value).map_err(|_| unreadable(&"not UTF-8"))?;
            fields.insert(name, value);
        }
    }
    Err(Problem::Refused("no file was chosen".into()))
}

fn unreadable(problem: &impl std::fmt::Display) -> Problem {
    Problem::Refused(format!("the form cannot be read: {problem}"))
}

fn broken(error: &MultipartError) -> Problem {
    match error.status() {
        axum::http::StatusCode::PAYLOAD_TOO_LARGE => Problem::TooLarge,
        _ => unreadable(&error.body_text()),
    }
}
