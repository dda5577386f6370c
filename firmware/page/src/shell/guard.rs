//! What stands before every handler: is this our own host name, does this change come from our own page, and which headers
//! keep a browser from being used against us (OWASP ASVS 5.0, chapter 3).

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};

use super::{Ends, Shell, assets, contact, problem};

/// A form is at most this long, unless its handler says more.
const LONGEST_FORM: usize = 256 << 10;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Puts the guards around the slices' handlers.
pub fn around(routes: Router<Shell>, shell: &Shell) -> Router<Shell> {
    routes
        .merge(assets::routes())
        .merge(contact::routes())
        .fallback(async || crate::Problem::NotFound)
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
        .layer(middleware::from_fn_with_state(
            shell.clone(),
            problem::shown,
        ))
        .layer(middleware::from_fn_with_state(shell.clone(), guarded))
}

async fn guarded(State(shell): State<Shell>, request: Request, next: Next) -> Response {
    let ends = request.extensions().get::<Ends>().copied();
    let mut response = if !is_ours(request.headers(), ends, &shell) {
        not_ours()
    } else if !is_safe(request.method()) && is_foreign(request.headers()) {
        problem::foreign(&shell, &request)
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        (
            "permissions-policy",
            "camera=(), geolocation=(), microphone=()",
        ),
    ] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Nothing of the box is said to a name that is not its own.
pub(super) fn not_ours() -> Response {
    (
        StatusCode::MISDIRECTED_REQUEST,
        "This is not an address of this box. Use its IP address, or its name that ends in .local.\n\
         Ce n’est pas une adresse de ce boîtier. Utilisez son adresse IP, ou son nom qui finit par .local.\n",
    )
        .into_response()
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// The host that the browser believes to talk to, without its port.
pub(super) fn host(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    Some(match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    })
}

/// Is the page asked by a name or an address of the box itself?
pub(super) fn is_ours(headers: &HeaderMap, ends: Option<Ends>, shell: &Shell) -> bool {
    is_of(headers, ends, |name| shell.is_named(name))
}

fn is_of(headers: &HeaderMap, ends: Option<Ends>, is_named: impl Fn(&str) -> bool) -> bool {
    let (Some(host), Some(ends)) = (host(headers), ends) else {
        return false;
    };
    if let Ok(address) = host.parse::<std::net::IpAddr>() {
        return address.to_canonical() == ends.here;
    }
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    (host == "localhost" && ends.here.is_loopback()) || is_named(&host)
}

/// Does another site ask for this? Every browser since 2023 says so (Fetch Metadata); older ones name the origin. Who says
/// neither is no browser, and has no cookie of ours to misuse.
fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site != b"same-origin" && site != b"none",
        (None, Some(origin)) => {
            let own = headers.get(header::HOST).map(HeaderValue::as_bytes);
            own.is_none_or(|own| origin.strip_prefix(b"https://") != Some(own))
        }
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn only_names_and_addresses_of_the_box() {
        let ends = |here: &str| {
            Some(Ends {
                peer: "10.0.0.9".parse().unwrap(),
                here: here.parse().unwrap(),
            })
        };
        let named = |name: &str| name == "trunkguard-1a2b.local";
        let ours = |host, here| is_of(&headers(&[("host", host)]), ends(here), named);
        assert!(ours("10.0.0.2", "10.0.0.2"));
        assert!(ours("10.0.0.2:8443", "10.0.0.2"));
        assert!(ours("[fd00::2]:443", "fd00::2"));
        assert!(ours("TrunkGuard-1a2b.local", "10.0.0.2"));
        assert!(ours("localhost:8443", "127.0.0.1"));
        assert!(!ours("localhost", "10.0.0.2"));
        assert!(!ours("10.0.0.3", "10.0.0.2"));
        assert!(!ours("evil.example", "10.0.0.2"));
        assert!(!ours("trunkguard-1a2b.local.evil.example", "10.0.0.2"));
        assert!(!is_of(&headers(&[]), ends("10.0.0.2"), named));
    }

    #[test]
    fn changes_come_from_our_own_page() {
        let foreign = |pairs: &[(&'static str, &str)]| is_foreign(&headers(pairs));
        assert!(!foreign(&[
            ("host", "10.0.0.2"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(foreign(&[
            ("host", "10.0.0.2"),
            ("sec-fetch-site", "cross-site")
        ]));
        assert!(foreign(&[
            ("host", "10.0.0.2"),
            ("sec-fetch-site", "same-site")
        ]));
        assert!(!foreign(&[
            ("host", "10.0.0.2:8443"),
            ("origin", "https://10.0.0.2:8443")
        ]));
        assert!(foreign(&[
            ("host", "10.0.0.2"),
            ("origin", "https://evil.example")
        ]));
        assert!(foreign(&[("host", "10.0.0.2"), ("origin", "null")]));
    }
}
