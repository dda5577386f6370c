//! Digest credentials with MD5 (RFC 2617 3.2.2), as phones send them.

use md5::{Digest, Md5};

fn hex(text: &str) -> String {
    Md5::digest(text.as_bytes())
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

fn value<'a>(challenge: &'a str, name: &str) -> Option<&'a str> {
    let rest = challenge.trim_start().strip_prefix("Digest")?;
    rest.split(',').find_map(|part| {
        let (key, value) = part.trim().split_once('=')?;
        key.eq_ignore_ascii_case(name)
            .then(|| value.trim().trim_matches('"'))
    })
}

/// The value of the Authorization header that answers a challenge (the value of `WWW-Authenticate`
/// or `Proxy-Authenticate`). `None` when the challenge is not one with MD5.
pub fn credentials(
    challenge: &str,
    user: &str,
    password: &str,
    method: &str,
    uri: &str,
) -> Option<String> {
    let (realm, nonce) = (value(challenge, "realm")?, value(challenge, "nonce")?);
    if !value(challenge, "algorithm").is_none_or(|a| a.eq_ignore_ascii_case("MD5")) {
        return None;
    }
    let (a1, a2) = (
        hex(&format!("{user}:{realm}:{password}")),
        hex(&format!("{method}:{uri}")),
    );
    let (response, extra) = match value(challenge, "qop") {
        None => (hex(&format!("{a1}:{nonce}:{a2}")), String::new()),
        Some(_) => (
            hex(&format!("{a1}:{nonce}:00000001:0a4f113b:auth:{a2}")),
            String::from(", qop=auth, nc=00000001, cnonce=\"0a4f113b\""),
        ),
    };
    let opaque = value(challenge, "opaque")
        .map(|o| format!(", opaque=\"{o}\""))
        .unwrap_or_default();
    Some(format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
         response=\"{response}\", algorithm=MD5{extra}{opaque}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 2617 section 3.5, with its client nonce.
    #[test]
    fn the_example_of_the_rfc_without_qop_and_with_it() {
        let challenge = r#"Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41""#;
        let sent = credentials(
            challenge,
            "Mufasa",
            "Circle Of Life",
            "GET",
            "/dir/index.html",
        )
        .unwrap();
        assert!(
            sent.contains(r#"response="670fd8c2df070c60b045671b8b24ff02""#),
            "{sent}"
        );
        let sent = credentials(
            &format!("{challenge}, qop=\"auth\""),
            "Mufasa",
            "Circle Of Life",
            "GET",
            "/dir/index.html",
        )
        .unwrap();
        assert!(
            sent.contains(r#"response="6629fae49393a05397450978507c4ef1""#),
            "{sent}"
        );
        assert!(
            credentials(
                &format!("{challenge}, algorithm=SHA-256"),
                "a",
                "b",
                "GET",
                "/"
            )
            .is_none()
        );
    }
}
