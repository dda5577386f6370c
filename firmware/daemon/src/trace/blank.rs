//! What is shown of a message: its head, without credentials, and with masked numbers where the owner wants that.

use trunkguard_core::{policy::LogNumbers, unseen::is_unseen};

/// Digits in a row that are taken for a number.
const NUMBER: usize = 7;
/// Of those, the last so many are hidden, as in the log.
const HIDDEN: usize = 4;

/// Headers whose digits are no numbers of people, by their long and their compact name (RFC 3261 7.3.3).
const KEPT: [&str; 12] = [
    "via",
    "v",
    "call-id",
    "i",
    "cseq",
    "content-length",
    "l",
    "max-forwards",
    "date",
    "expires",
    "user-agent",
    "server",
];
/// Headers whose value is a secret, or made of one.
const SECRET: [&str; 2] = ["authorization", "proxy-authorization"];

/// The text that is kept: `most` octets at most, printable, one line feed a line.
pub fn shown(octets: &[u8], numbers: LogNumbers, most: usize) -> String {
    let (head, body) = parts(octets);
    let head = &head[..head.len().min(most)];
    let mut out = String::with_capacity(head.len());
    let mut header = String::new();
    for line in String::from_utf8_lossy(head).lines() {
        let line: String = line.chars().map(printable).collect();
        // A line that begins with a blank goes on with the header before it (RFC 3261 7.3.1).
        let goes_on = line.starts_with([' ', '\t']);
        if !goes_on {
            header = (line.split_once(':'))
                .map_or_else(String::new, |(name, _)| name.trim().to_ascii_lowercase());
        }
        if SECRET.contains(&header.as_str()) {
            if !goes_on {
                let name = line.split(':').next().unwrap_or_default();
                out.push_str(&format!("{name}: (blanked)\n"));
            }
            continue;
        }
        match numbers {
            LogNumbers::Masked if !KEPT.contains(&header.as_str()) => mask(&line, &mut out),
            LogNumbers::Masked | LogNumbers::Full => out.push_str(&line),
        }
        out.push('\n');
    }
    if body > 0 {
        out.push_str(&format!("\n(a body of {body} octets)\n"));
    }
    let mut end = out.len().min(most);
    while !out.is_char_boundary(end) {
        end -= 1;
    }
    out.truncate(end);
    out
}

/// The head, and how long the body is. A body may hold keys (SDP `a=crypto`), and says nothing about a verdict.
fn parts(octets: &[u8]) -> (&[u8], usize) {
    let end = octets.windows(4).position(|four| four == b"\r\n\r\n");
    match end {
        Some(end) => (&octets[..end], octets.len() - end - 4),
        None => (octets, 0),
    }
}

/// What could move other text about on a screen becomes a mark.
fn printable(c: char) -> char {
    if is_unseen(c) && c != '\t' {
        '\u{fffd}'
    } else {
        c
    }
}

/// Hides the last digits of every number.
fn mask(line: &str, out: &mut String) {
    let mut digits = String::new();
    for c in line.chars().chain(['\n']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if digits.len() >= NUMBER {
            digits.truncate(digits.len() - HIDDEN);
            out.push_str(&digits);
            out.push_str(&"*".repeat(HIDDEN));
        } else {
            out.push_str(&digits);
        }
        digits.clear();
        if c != '\n' {
            out.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str = "INVITE sip:18095550100@10.0.0.2 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1234567890\r\n\
         From: <sip:1001@10.0.0.1>\r\nCall-ID: 1234567890@x\r\nAuthorization: Digest username=\"office\",\r\n response=\"0011\"\r\n\
         proxy-authorization : Digest x\r\nX-Name: \u{202e}evil\u{1b}[2J\r\n\r\nv=0\r\na=crypto:1 inline:secret\r\n";

    #[test]
    fn no_credential_and_no_key_is_kept() {
        let text = shown(INVITE.as_bytes(), LogNumbers::Full, 4_096);
        for secret in ["office", "0011", "Digest", "secret", "\u{202e}", "\u{1b}"] {
            assert!(!text.contains(secret), "{secret:?} in {text}");
        }
        assert!(text.contains("Authorization: (blanked)\n"), "{text}");
        assert!(
            text.contains("18095550100") && text.contains("(a body of 31 octets)"),
            "{text}"
        );
    }

    #[test]
    fn numbers_are_masked_where_the_owner_wants_it() {
        let text = shown(INVITE.as_bytes(), LogNumbers::Masked, 4_096);
        assert!(
            text.starts_with("INVITE sip:1809555****@10.0.0.2 SIP/2.0\n"),
            "{text}"
        );
        assert!(
            text.contains("z9hG4bK1234567890") && text.contains("Call-ID: 1234567890@x"),
            "{text}"
        );
        assert!(
            text.contains("sip:1001@"),
            "an extension is no number: {text}"
        );
    }

    #[test]
    fn whatever_comes_it_is_cut_and_is_text() {
        for octets in [
            &b""[..],
            b"\xff\xfe\r\n\r\n",
            b"\r\n\r\n\r\n",
            &[b'a'; 9_000],
            &[0xc3; 9_000],
        ] {
            let text = shown(octets, LogNumbers::Masked, 4_096);
            assert!(text.len() <= 4_096);
        }
    }
}
