//! Style and script, built in. Their address holds a hash of what they are, so that a browser may keep them for ever.

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use sha2::{Digest, Sha256};

use super::Shell;
use crate::Problem;

const FILES: [(&str, &str, &[u8]); 3] = [
    (
        "style.css",
        "text/css; charset=utf-8",
        include_bytes!("../../assets/style.css"),
    ),
    (
        "live.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../assets/live.js"),
    ),
    (
        "icon.svg",
        "image/svg+xml",
        include_bytes!("../../assets/icon.svg"),
    ),
];

/// The addresses of the built-in files.
pub struct Assets {
    paths: [String; FILES.len()],
}

impl Assets {
    pub fn new() -> Assets {
        Assets {
            paths: FILES.map(|(name, _, octets)| {
                let hash = Sha256::digest(octets);
                let short: String = hash
                    .iter()
                    .take(6)
                    .map(|octet| format!("{octet:02x}"))
                    .collect();
                format!("/assets/{short}/{name}")
            }),
        }
    }

    /// The address of a file.
    pub fn path(&self, name: &str) -> &str {
        let at = FILES.iter().position(|(known, ..)| *known == name);
        at.map_or("", |at| &self.paths[at])
    }
}

pub fn routes() -> Router<Shell> {
    Router::new()
        .route("/assets/{hash}/{name}", get(file))
        .route("/favicon.ico", get(icon))
}

/// Browsers ask for it by this name where what they show is no page of ours (the API's document).
async fn icon(State(shell): State<Shell>) -> Redirect {
    Redirect::temporary(shell.assets().path("icon.svg"))
}

async fn file(State(shell): State<Shell>, Path((hash, name)): Path<(String, String)>) -> Response {
    let asked = format!("/assets/{hash}/{name}");
    let at = shell.assets().paths.iter().position(|path| *path == asked);
    match at.and_then(|at| FILES.get(at)) {
        Some((_, kind, octets)) => (
            [
                (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
                (
                    header::CACHE_CONTROL,
                    HeaderValue::from_static("public, max-age=31536000, immutable"),
                ),
            ],
            *octets,
        )
            .into_response(),
        None => Problem::NotFound.into_response(),
    }
}
