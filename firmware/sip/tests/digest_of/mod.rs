//! The PBX's side of Digest (RFC 7616 3.4), written apart from the server's.
#![allow(dead_code, clippy::unwrap_used)]

use std::fmt::Write as _;

use md5::Md5;
use sha2::{Digest, Sha256};

/// What a PBX puts into Authorization.
#[derive(Clone)]
pub struct Credentials<'a> {
    pub username: &'a str,
    pub password: &'a str,
    pub realm: &'a str,
    pub nonce: &'a str,
    pub uri: &'a str,
    pub method: &'a str,
    pub nc: &'a str,
    /// `Some("SHA-256")`, `Some("MD5")`, or `None` as RFC 2617 leaves it out.
    pub algorithm: Option<&'a str>,
}

impl Credentials<'_> {
    /// The header line with its end.
    pub fn line(&self) -> String {
        let hash = match self.algorithm {
            Some("SHA-256") => hex::<Sha256>,
            _ => hex::<Md5>,
        };
        let Credentials {
            username,
            password,
            realm,
            nonce,
            uri,
            method,
            nc,
            ..
        } = self;
        let a1 = hash(&format!("{username}:{realm}:{password}"));
        let a2 = hash(&format!("{method}:{uri}"));
        let response = hash(&format!("{a1}:{nonce}:{nc}:0a4f113b:auth:{a2}"));
        let algorithm = self
            .algorithm
            .map(|a| format!("algorithm={a}, "))
            .unwrap_or_default();
        format!(
            "Authorization: Digest username=\"{username}\", realm=\"{realm}\", {algorithm}uri=\"{uri}\", \
             nonce=\"{nonce}\", response=\"{response}\", qop=auth, cnonce=\"0a4f113b\", nc={nc}\r\n"
        )
    }
}

fn hex<H: Digest>(text: &str) -> String {
    H::digest(text).iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

/// The nonce of a challenge.
pub fn nonce(challenge: &str) -> String {
    challenge
        .split("nonce=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned()
}
