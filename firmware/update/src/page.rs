//! Is the page of this box served? Asked as somebody asks who opens it, while a new system is on trial.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use ureq::{Agent, tls::TlsConfig};

const PATIENCE: Duration = Duration::from_secs(40);
/// Octets of a page.
const LONGEST: u64 = 1 << 20;

/// Opens the first page at this address. Its certificate is its own, and not looked at.
///
/// # Errors
/// What somebody would see instead of a page.
pub fn is_served(at: SocketAddr) -> Result<(), String> {
    let tls = TlsConfig::builder()
        .disable_verification(true)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(PATIENCE))
        .tls_config(tls)
        .build()
        .into();
    let dead = |e: ureq::Error| format!("the page is not served ({e})");
    let answer = agent.get(format!("https://{at}/")).call().map_err(dead)?;
    let status = answer.status();
    let body = answer
        .into_body()
        .with_config()
        .limit(LONGEST)
        .read_to_string();
    let text = body.map_err(dead)?;
    match status == 200 && text.contains("</html>") {
        true => Ok(()),
        false => Err(format!("the page answers {status}, and is not whole")),
    }
}
