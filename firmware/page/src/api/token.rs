//! Tokens: what a program shows instead of a name and a password (RFC 6750).

use std::{sync::Arc, time::Instant};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::Response,
};
use sha2::{Digest, Sha256};

use super::{Fault, Question, limit::Limits, operations};
use crate::{
    accounts::Deed,
    shell::{Ends, Shell},
};

/// What every token begins with, so that one that was pasted somewhere is known for what it is.
const BEGIN: &str = "tg_";

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Looking.
    Read,
    /// Looking and changing.
    Write,
}

impl Access {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Access::Read => "read",
            Access::Write => "write",
        }
    }
}

/// A token, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Token {
    /// What it is for.
    pub name: String,
    /// What it is good for.
    pub access: Access,
    /// The day on which it was made, `2026-11-30`.
    pub made: String,
    /// The last day on which it is good; for ever unless said.
    pub expires: Option<String>,
    /// That day has passed.
    pub expired: bool,
    /// When it was last used, to the hour.
    pub used: Option<String>,
}

/// A token to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// What it is for: 1 to 64 printable characters.
    pub name: String,
    /// What it is good for.
    pub access: Access,
    /// The last day on which it is good, `2027-01-31`; for ever unless said.
    pub expires: Option<String>,
}

/// A new token, and the SHA-256 that is kept of it. 256 random bits need no slow hash: nobody guesses them.
///
/// # Errors
/// Where the kernel gives no random numbers.
pub fn make() -> Result<(String, [u8; 32]), getrandom::Error> {
    let mut octets = [0; 32];
    getrandom::fill(&mut octets)?;
    let digits: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    let token = format!("{BEGIN}{digits}");
    let hash = hash(&token);
    Ok((token, hash))
}

/// What is kept of a token.
pub fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Who asks, proved by a token.
pub struct Asker {
    /// The token's name.
    pub name: String,
    /// What it is good for.
    pub access: Access,
    ends: Ends,
    shell: Shell,
}

impl Asker {
    /// Asks the box.
    pub async fn ask(&self, question: Question) -> Result<Response, Fault> {
        let answer = self
            .shell
            .ask(move |parts| Ok(parts.api.answer(&question)))
            .await??;
        Ok(operations::said(answer))
    }

    /// Has the box change something, and notes it for the audit log.
    pub async fn change(
        &self,
        question: Question,
        what: &str,
        detail: String,
    ) -> Result<Response, Fault> {
        let response = self.ask(question).await?;
        self.note(what, detail).await?;
        Ok(response)
    }

    /// Notes what was done.
    pub async fn note(&self, what: &str, detail: String) -> Result<(), Fault> {
        let deed = Deed {
            who: format!("token {}", self.name),
            from: self.ends.peer,
            what: what.into(),
            detail,
        };
        Ok(self
            .shell
            .ask(move |parts| parts.accounts.note(&deed))
            .await?)
    }

    /// The shell.
    pub fn shell(&self) -> &Shell {
        &self.shell
    }
}

/// Who may look.
pub struct Reader(pub Asker);

impl FromRequestParts<Shell> for Reader {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, shell: &Shell) -> Result<Reader, Fault> {
        let (Some(&ends), Some(limits)) = (
            parts.extensions.get::<Ends>(),
            parts.extensions.get::<Arc<Limits>>().cloned(),
        ) else {
            return Err(Fault::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the request came by no connection",
            ));
        };
        let too_often = |seconds| Fault {
            retry_s: Some(seconds),
            ..Fault::new(
                StatusCode::TOO_MANY_REQUESTS,
                format!("asked too often; ask again in {seconds} s"),
            )
        };
        let asked = bearer(&parts.headers).map(|token| hash(&token));
        let found = match asked {
            Some(hash) => shell.ask(move |parts| parts.api.use_token(&hash)).await?,
            None => None,
        };
        let now = Instant::now();
        let (Some((name, access)), Some(hash)) = (found, asked) else {
            limits.stranger(ends.peer, now).map_err(too_often)?;
            return Err(Fault::new(
                StatusCode::UNAUTHORIZED,
                "there is no token that is good here; send `Authorization: Bearer` and a token, which an owner makes at /settings/tokens",
            ));
        };
        limits.token(hash, now).map_err(too_often)?;
        Ok(Reader(Asker {
            name,
            access,
            ends,
            shell: shell.clone(),
        }))
    }
}

/// Who may change things.
pub struct Writer(pub Asker);

impl FromRequestParts<Shell> for Writer {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, shell: &Shell) -> Result<Writer, Fault> {
        let Reader(asker) = Reader::from_request_parts(parts, shell).await?;
        match asker.access {
            Access::Write => Ok(Writer(asker)),
            Access::Read => Err(Fault::new(
                StatusCode::FORBIDDEN,
                "this token may only read; use one that was made for writing",
            )),
        }
    }
}

/// The token of a request (RFC 6750 2.1); the scheme's name in any case (RFC 9110 11.1).
fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    let is_one = token.len() == BEGIN.len() + 64 && token.starts_with(BEGIN);
    (scheme.eq_ignore_ascii_case("bearer") && is_one).then(|| token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_read_back() {
        let ((one, hash_of_one), (other, _)) = (make().unwrap(), make().unwrap());
        assert_ne!(one, other);
        assert_eq!(hash(&one), hash_of_one);
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            bearer(&headers)
        };
        assert_eq!(of(&format!("Bearer {one}")), Some(one.clone()));
        assert_eq!(of(&format!("bEARER  {one}")), Some(one.clone()));
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer tg_",
            &format!("Basic {one}"),
            &one,
        ] {
            assert_eq!(of(value), None, "{value}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
