//! Who may log in: the first password, which only somebody in front of the box can set, and the others.

mod confirm;
mod login;
mod password;
pub(crate) mod prove;
mod setup;
pub mod totp;

pub use password::{Hash, check};

use std::time::Duration;

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};

use crate::{
    Answer, Problem,
    shell::{Role, Shell, Who},
};

/// What accounts are kept in.
pub trait Source: Send + Sync {
    /// All accounts, 16 at most.
    ///
    /// # Errors
    /// When they cannot be read.
    fn accounts(&self) -> Answer<Vec<Account>>;

    /// Adds an account, or replaces the one of this name.
    ///
    /// # Errors
    /// When it cannot be written, or there are 16 others.
    fn put(&self, account: &Account) -> Answer<()>;

    /// Takes one away.
    ///
    /// # Errors
    /// [`Problem::NotFound`]; or when it cannot be written.
    fn remove(&self, name: &str) -> Answer<()>;

    /// How long the set-up window, which only the box's button opens, is open yet. `None`: it is not.
    ///
    /// # Errors
    /// When the daemon does not answer.
    fn setup_window(&self) -> Answer<Option<Duration>>;

    /// Closes the set-up window: it is for one password. Was it open? Of two who ask at the same time, one hears yes.
    ///
    /// # Errors
    /// When the daemon does not answer.
    fn close_setup_window(&self) -> Answer<bool>;

    /// Notes who did what from where, for the audit log.
    ///
    /// # Errors
    /// When it cannot be written.
    fn note(&self, deed: &Deed) -> Answer<()>;
}

/// Who may log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name that is typed; 1 to 32 characters.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// The password's hash (argon2id, PHC string).
    pub hash: Hash,
    /// The key of its one-time codes, where it has one.
    pub totp: Option<totp::Key>,
}

/// A line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// Who: an account, or `set-up` before there is one.
    pub who: String,
    /// From which address.
    pub from: std::net::IpAddr,
    /// What, in a word (`log-in`, `log-in-refused`, `mode` …).
    pub what: String,
    /// More of it, without secrets.
    pub detail: String,
}

/// Its addresses.
pub fn routes() -> Router<Shell> {
    Router::new()
        .route("/login", get(login::page).post(login::log_in))
        .route("/logout", post(login::log_out))
        .route("/confirm", get(confirm::page).post(confirm::confirm))
        .route("/setup", get(setup::page).post(setup::set_up))
        .route("/look", post(login::look))
}

/// An address on this box to go on to, whatever was asked for: `/` where it could lead elsewhere.
pub fn local(next: &str) -> String {
    let path = next
        .strip_prefix('/')
        .filter(|rest| !rest.starts_with(['/', '\\']));
    match path {
        Some(rest)
            if rest
                .bytes()
                .all(|octet| octet.is_ascii_graphic() && octet != b'\\') =>
        {
            format!("/{rest}")
        }
        _ => "/".to_owned(),
    }
}

/// On to an address with a cookie more.
fn on_with_cookie(to: &str, cookie: &str) -> Answer<Response> {
    let mut response = Redirect::to(to).into_response();
    let cookie = HeaderValue::from_str(cookie)
        .map_err(|_| Problem::Unavailable("a cookie cannot be written".into()))?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// From which address a request comes.
fn peer(extensions: &axum::http::Extensions) -> std::net::IpAddr {
    let ends = extensions.get::<crate::shell::Ends>();
    ends.map_or(std::net::Ipv4Addr::UNSPECIFIED.into(), |ends| ends.peer)
}

/// From where somebody comes, and with what.
struct Visit {
    from: std::net::IpAddr,
    agent: String,
}

impl Visit {
    fn of(request: &Request) -> Visit {
        let agent = request.headers().get(header::USER_AGENT);
        let agent = agent.and_then(|agent| agent.to_str().ok());
        Visit {
            from: peer(request.extensions()),
            agent: agent.unwrap_or_default().chars().take(120).collect(),
        }
    }
}

/// Begins a session and goes on. The one that this browser had, if any, ends: its cookie is replaced.
fn begin(shell: &Shell, name: &str, role: Role, visit: Visit, next: &str) -> Answer<Response> {
    let who = Who {
        name: name.to_owned(),
        role,
        from: visit.from,
        agent: visit.agent,
    };
    let token = shell
        .sessions(|sessions| sessions.begin(who, std::time::Instant::now()))
        .map_err(|problem| {
            Problem::Unavailable(format!("the kernel gives no random numbers: {problem}"))
        })?;
    on_with_cookie(
        &local(next),
        &format!(
            "{}={token}; Path=/; Secure; HttpOnly; SameSite=Strict",
            crate::shell::COOKIE
        ),
    )
}

/// The cookie of a session, where there is one.
fn token(headers: &HeaderMap) -> String {
    crate::shell::cookie(headers, crate::shell::COOKIE)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_next_is_always_on_this_box() {
        assert_eq!(local("/calls?rule=country"), "/calls?rule=country");
        for elsewhere in [
            "",
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "/a\r\nSet-Cookie: x",
            "calls",
        ] {
            assert_eq!(local(elsewhere), "/", "{elsewhere:?}");
        }
    }
}
