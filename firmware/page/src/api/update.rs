//! A bundle that a program brings.

use axum::{
    Json,
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{Fault, token::Writer};
use crate::{shell::Incoming, updates::LONGEST};

const KIND: &str = "application/octet-stream";

/// The request's body is the bundle.
pub async fn receive(Writer(asker): Writer, request: Request) -> Result<Response, Fault> {
    if !is_of_octets(request.headers()) {
        return Err(Fault::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("a bundle is not sent so; send it with Content-Type {KIND}"),
        ));
    }
    let bundle = Incoming::of(request).ok_or_else(|| {
        Fault::new(
            StatusCode::LENGTH_REQUIRED,
            "the request does not say how long the bundle is; send it with Content-Length",
        )
    })?;
    let size = bundle.size;
    if size > LONGEST {
        return Err(Fault::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("this is larger than an update can be; send at most {LONGEST} octets"),
        ));
    }
    bundle
        .hand(asker.shell(), |parts, size, bundle| {
            parts.updates.receive(size, bundle)
        })
        .await?;
    asker.note("update", format!("upload {size}")).await?;
    let said = "the bundle is here; POST /api/v1/update/install installs it";
    Ok(Json(json!({ "said": said })).into_response())
}

fn is_of_octets(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case(KIND)
}
