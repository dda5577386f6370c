//! The whole policy: read, and replaced, as the file of `export` and `apply` or as the same in JSON.

use axum::{
    Json,
    extract::{DefaultBodyLimit, FromRequest, Request},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use serde_json::json;

use super::{
    Fault,
    token::{Access, Asker, Reader, Writer},
};
use crate::shell::Shell;

/// Longer than the largest policy there can be (200,000 numbers and all else that is bounded).
const LONGEST: usize = 6 << 20;
const TOML: &str = "application/toml";
const JSON: &str = "application/json";

/// How a policy is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The policy file.
    Toml,
    /// The same keys and values.
    Json,
}

/// A policy as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// What tells it from every other.
    pub mark: String,
    /// In the form that was asked for.
    pub text: String,
}

pub fn methods() -> MethodRouter<Shell> {
    get(read).put(write).layer(DefaultBodyLimit::max(LONGEST))
}

/// It holds the passwords of clients and of channels: who may only read gets it without, and without the tag that would have
/// it put back so.
async fn read(Reader(asker): Reader, headers: HeaderMap) -> Result<Response, Fault> {
    let (form, access) = (wanted(&headers), asker.access);
    let stored = asker
        .shell()
        .ask(move |parts| Ok(parts.api.policy(form, access)))
        .await??;
    let kind = match form {
        Form::Toml => "application/toml; charset=utf-8",
        Form::Json => JSON,
    };
    Ok(match access {
        Access::Read => ([(header::CONTENT_TYPE, kind)], stored.text).into_response(),
        Access::Write => {
            let headers = with_tag(&stored.mark, header::CONTENT_TYPE, kind)?;
            (headers, stored.text).into_response()
        }
    })
}

async fn write(
    Writer(asker): Writer,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Fault> {
    let Some(form) = sent(&headers) else {
        return Err(Fault::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("a policy is not written so; send it with Content-Type {TOML} or {JSON}"),
        ));
    };
    let expected = expected(&headers);
    let text = String::from_request(request, asker.shell())
        .await
        .map_err(|problem| {
            Fault::new(
                problem.status(),
                format!(
                    "the policy cannot be read: {}; it is UTF-8 text of at most {} MiB",
                    problem.body_text(),
                    LONGEST >> 20
                ),
            )
        })?;
    replace(&asker, text, form, expected).await
}

async fn replace(
    asker: &Asker,
    text: String,
    form: Form,
    expected: Option<String>,
) -> Result<Response, Fault> {
    let (mark, running) = asker
        .shell()
        .ask(move |parts| Ok(parts.api.set_policy(&text, form, expected.as_deref())))
        .await??;
    asker
        .note("policy", format!("replaced, now {mark}"))
        .await?;
    let headers = with_tag(&mark, header::CONTENT_TYPE, JSON)?;
    Ok((headers, Json(json!({ "said": running }))).into_response())
}

fn with_tag(
    mark: &str,
    name: HeaderName,
    value: &'static str,
) -> Result<[(HeaderName, HeaderValue); 2], Fault> {
    let tag = HeaderValue::from_str(&format!("\"{mark}\"")).map_err(|_| {
        Fault::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the policy's mark is no text",
        )
    })?;
    Ok([(header::ETAG, tag), (name, HeaderValue::from_static(value))])
}

/// TOML where it is asked for, else JSON: who asks for anything else gets what there is (RFC 9110 12.4.1).
fn wanted(headers: &HeaderMap) -> Form {
    let accept = headers.get(header::ACCEPT);
    match accept.and_then(|value| value.to_str().ok()) {
        Some(accept) if accept.contains(TOML) => Form::Toml,
        _ => Form::Json,
    }
}

fn sent(headers: &HeaderMap) -> Option<Form> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let kind = kind.split(';').next().unwrap_or_default().trim();
    match kind {
        _ if kind.eq_ignore_ascii_case(TOML) => Some(Form::Toml),
        _ if kind.eq_ignore_ascii_case(JSON) => Some(Form::Json),
        _ => None,
    }
}

/// The mark that `If-Match` names (RFC 9110 13.1.1); `*` is any, and so is none. What is no strong tag of ours fits nothing.
fn expected(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::IF_MATCH)?.to_str().unwrap_or_default();
    match value.trim() {
        "*" => None,
        tag => {
            let mark = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
            Some(mark.unwrap_or_default().to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_they_are_meant() {
        let of = |name: HeaderName, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            headers
        };
        assert_eq!(
            wanted(&of(header::ACCEPT, "text/plain, application/toml;q=0.9")),
            Form::Toml
        );
        assert_eq!(wanted(&of(header::ACCEPT, "*/*")), Form::Json);
        assert_eq!(
            sent(&of(header::CONTENT_TYPE, "Application/TOML; charset=utf-8")),
            Some(Form::Toml)
        );
        assert_eq!(sent(&of(header::CONTENT_TYPE, "text/plain")), None);
        assert_eq!(sent(&HeaderMap::new()), None);
        let tag = |value: &str| expected(&of(header::IF_MATCH, value));
        assert_eq!(tag("\"abc\""), Some("abc".into()));
        assert_eq!(tag("*"), None);
        assert_eq!(tag("abc"), Some(String::new()), "fits nothing");
        assert_eq!(tag("W/\"abc\""), Some(String::new()));
        assert_eq!(expected(&HeaderMap::new()), None);
    }
}
