//! HTTP without TLS: everybody is sent on to HTTPS, and nothing else is said.

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Shell, guard};

/// Answers for the port that is not encrypted. `port` is the page's.
pub fn router(port: u16, shell: Shell) -> Router {
    Router::new().fallback(on).with_state((port, shell))
}

/// 308: the method stays, so that nothing that was sent here is sent again as something else (RFC 9110 15.4.9).
async fn on(State((port, shell)): State<(u16, Shell)>, request: Request) -> Response {
    let ends = request.extensions().get::<super::Ends>().copied();
    let host = guard::host(request.headers())
        .unwrap_or_default()
        .to_owned();
    if !guard::is_ours(request.headers(), ends, &shell) {
        return guard::not_ours();
    }
    let host = match host.contains(':') {
        true => format!("[{host}]"),
        false => host,
    };
    let port = match port {
        443 => String::new(),
        port => format!(":{port}"),
    };
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    match HeaderValue::from_str(&format!("https://{host}{port}{path}")) {
        Ok(to) => (
            StatusCode::PERMANENT_REDIRECT,
            [
                (header::LOCATION, to),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ],
        )
            .into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}
