//! A webhook by HTTP: one POST, no redirect followed, little of the answer read.

use std::{io::Read, sync::Arc, time::Duration};

use trunkguard_core::{
    alerts::Message,
    policy::{Alerts, Shape, Webhook},
};
use ureq::{
    Agent, Body,
    http::Response,
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
};

use crate::{
    Outcome, clean, render, roots,
    sign::{DELIVERY, SIGNATURE, signature},
};

const CONNECT: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(30);
/// Octets of an answer's headers.
const HEADERS: usize = 16 << 10;
/// Octets of an answer that are read, to say what a refusal says.
const READ: u64 = 400;

pub fn send(alerts: &Alerts, webhook: &Webhook, message: &Message, now_s: i64) -> Outcome {
    let agent = match agent() {
        Ok(agent) => agent,
        Err(why) => {
            return Outcome::Later {
                why,
                slow: true,
                whole: true,
            };
        }
    };
    let body = render::body(alerts, webhook, message);
    let url = address(webhook);
    let mut request = agent
        .post(&url)
        .header("Content-Type", "application/json")
        .header(DELIVERY, &clean::line(&message.token, 64));
    if let Some(secret) = &webhook.secret {
        request = request.header(
            SIGNATURE,
            signature(secret.reveal(), now_s, body.as_bytes()),
        );
    }
    let host = webhook.url.host();
    match request.send(body.as_bytes()) {
        Ok(answer) => judge(host, answer),
        Err(error) => failure(host, &error),
    }
}

/// ntfy takes JSON at the server's own address, the topic being in it.
fn address(webhook: &Webhook) -> String {
    match (webhook.shape, webhook.url.split_topic()) {
        (Shape::Ntfy, Some((front, _, query))) => format!("{front}{query}"),
        _ => webhook.url.reveal().to_owned(),
    }
}

fn agent() -> Result<Agent, String> {
    let roots = match roots::pem()? {
        None => RootCerts::WebPki,
        Some(pem) => {
            let certificates = parse_pem(&pem).filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            });
            RootCerts::Specific(Arc::new(certificates.collect()))
        }
    };
    let tls = TlsConfig::builder()
        .root_certs(roots)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    Ok(Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .timeout_connect(Some(CONNECT))
        .timeout_global(Some(WHOLE))
        .max_response_header_size(HEADERS)
        .user_agent(concat!("Trunkguard/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
        .build()
        .into())
}

/// 2xx is taken; 429, 408 and 5xx may pass (RFC 9110 15.5.9, 15.6; RFC 6585 4); anything else does not.
fn judge(host: &str, answer: Response<Body>) -> Outcome {
    let status = answer.status().as_u16();
    if (200..300).contains(&status) {
        return Outcome::Accepted;
    }
    let mut said = Vec::new();
    // An answer that breaks off has said what it has said.
    let _ = answer
        .into_body()
        .into_reader()
        .take(READ)
        .read_to_end(&mut said);
    let said = clean::line(String::from_utf8_lossy(&said).trim(), 160);
    let said = if said.is_empty() {
        said
    } else {
        format!(": {said}")
    };
    match status {
        408 | 429 | 500..=599 => Outcome::Later {
            why: format!("{host} answers {status}{said}"),
            slow: false,
            whole: true,
        },
        300..=399 => Outcome::Never {
            why: format!(
                "{host} answers {status}, which leads elsewhere and is not followed; write the final address as url"
            ),
        },
        _ => Outcome::Never {
            why: format!(
                "{host} refuses it with {status}{said}; look at the webhook's url and shape"
            ),
        },
    }
}

fn failure(host: &str, error: &ureq::Error) -> Outcome {
    let said = clean::line(&error.to_string(), 200);
    let (why, slow) = match error {
        ureq::Error::Timeout(_) => (format!("no answer from {host} in time ({said})"), false),
        ureq::Error::HostNotFound => (
            format!("{host} has no address; look at the webhook's url, and at the box's DNS"),
            false,
        ),
        _ if said.contains("certificate") => (
            format!(
                "the certificate of {host} is not to be trusted ({said}); look at the webhook's url and the box's clock"
            ),
            true,
        ),
        _ => (format!("{host} cannot be talked to ({said})"), false),
    };
    Outcome::Later {
        why,
        slow,
        whole: true,
    }
}
