//! Who asks, proved by a session's cookie.

use std::time::Instant;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts, uri::Uri},
    response::{IntoResponse, Redirect, Response},
};

use super::{Ends, Frame, Role, Shell, frame::Look, session::Session};
use crate::Problem;

/// `__Host-`: the browser takes it only by HTTPS, for this host alone (RFC 6265bis 4.1.3.2).
pub const COOKIE: &str = "__Host-session";

/// The header by which `assets/live.js` says that nobody has asked for this.
const SCRIPT: &str = "x-live";

/// The value of a cookie.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).into_iter();
    all.filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// Somebody who has logged in.
pub struct Visitor {
    /// The session.
    pub session: Session,
    /// The session's cookie.
    pub token: String,
    /// How this browser wants its pages.
    pub look: Look,
    /// From where.
    pub ends: Ends,
    /// Where it is.
    pub path: String,
    pub(super) shell: Shell,
}

impl Visitor {
    /// To where one types one's password again, and from there to `back`: for who has not done that within the last five
    /// minutes. Nothing for who has. For what cannot be taken back, or gives a secret away.
    pub fn unproved(&self, back: &str) -> Option<Response> {
        (!self.session.is_fresh(Instant::now())).then(|| {
            let back = urlencode(&crate::accounts::local(back));
            Redirect::to(&format!("/confirm?next={back}")).into_response()
        })
    }

    /// The frame around a page for this visitor.
    pub fn frame(&self, section: super::Section) -> Frame {
        Frame::new(
            &self.shell,
            self.look,
            section,
            Some(&self.session),
            &self.path,
        )
    }
}

/// Who did not get in.
pub enum Turned {
    /// To where one types one's password again.
    Asked(Box<Response>),
    /// To where one logs in, and back from there.
    Away(Uri),
    /// With a word.
    Down(Problem),
}

impl IntoResponse for Turned {
    fn into_response(self) -> Response {
        match self {
            Turned::Asked(response) => *response,
            Turned::Away(from) => {
                let path = from.path_and_query().map_or("/", |path| path.as_str());
                let next = crate::accounts::local(path);
                Redirect::to(&format!("/login?next={}", urlencode(&next))).into_response()
            }
            Turned::Down(problem) => problem.into_response(),
        }
    }
}

/// Everything but unreserved characters and `/` as `%XX` (RFC 3986 2.1).
pub fn urlencode(text: &str) -> String {
    use std::fmt::Write;
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut out, octet| {
            if octet.is_ascii_alphanumeric() || b"-._~/".contains(&octet) {
                out.push(char::from(octet));
            } else {
                // Writing to a String does not fail.
                let _ = write!(out, "%{octet:02X}");
            }
            out
        })
}

impl FromRequestParts<Shell> for Visitor {
    type Rejection = Turned;

    async fn from_request_parts(parts: &mut Parts, shell: &Shell) -> Result<Visitor, Turned> {
        let token = cookie(&parts.headers, COOKIE).unwrap_or_default();
        let now = Instant::now();
        // What the script asks by itself keeps nobody logged in who has gone.
        let session = shell.sessions(|sessions| match parts.headers.contains_key(SCRIPT) {
            true => sessions.peek(token, now),
            false => sessions.of(token, now),
        });
        match (session, parts.extensions.get::<Ends>()) {
            (Some(session), Some(&ends)) => Ok(Visitor {
                token: token.to_owned(),
                session,
                look: Look::of(&parts.headers),
                ends,
                path: parts.uri.path().to_owned(),
                shell: shell.clone(),
            }),
            _ => Err(Turned::Away(parts.uri.clone())),
        }
    }
}

/// Somebody who may change things.
pub struct Owner(pub Visitor);

impl FromRequestParts<Shell> for Owner {
    type Rejection = Turned;

    async fn from_request_parts(parts: &mut Parts, shell: &Shell) -> Result<Owner, Turned> {
        let visitor = Visitor::from_request_parts(parts, shell).await?;
        match visitor.session.role {
            Role::Owner => Ok(Owner(visitor)),
            Role::Viewer => Err(Turned::Down(Problem::Forbidden(
                "your account may look, but not change anything; ask an owner of the box".into(),
            ))),
        }
    }
}

/// An owner who has typed the password within the last five minutes; others are asked for it first, and come back to the
/// address that they wanted. For pages that show a secret, or lead to what cannot be taken back; see [`Fresh`](super::Fresh).
pub struct FreshOwner(pub Visitor);

impl FromRequestParts<Shell> for FreshOwner {
    type Rejection = Turned;

    async fn from_request_parts(parts: &mut Parts, shell: &Shell) -> Result<FreshOwner, Turned> {
        let Owner(visitor) = Owner::from_request_parts(parts, shell).await?;
        let back = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        match visitor.unproved(back) {
            Some(asked) => Err(Turned::Asked(Box::new(asked))),
            None => Ok(FreshOwner(visitor)),
        }
    }
}
