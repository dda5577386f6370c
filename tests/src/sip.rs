//! SIP messages as the tests' own peers read them: as little as they need, and nothing of the
//! product's reader, so that the two cannot be wrong in the same way.

/// One SIP message (RFC 3261 section 7), split into lines.
#[derive(Clone, Debug)]
pub struct Message {
    /// The request or status line.
    pub start: String,
    headers: Vec<(String, String)>,
}

impl Message {
    /// Reads the head of a message. `None` when it has no start line or a header has no colon.
    pub fn read(bytes: &[u8]) -> Option<Message> {
        let text = String::from_utf8_lossy(bytes);
        let head = text.split("\r\n\r\n").next()?;
        let mut lines = head.split("\r\n");
        let start = lines
            .next()
            .filter(|line| line.contains("SIP/2.0"))?
            .to_owned();
        let headers = lines
            .map(|line| {
                line.split_once(':')
                    .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            })
            .collect::<Option<Vec<_>>>()?;
        Some(Message { start, headers })
    }

    /// The status code of a response.
    pub fn status(&self) -> Option<u16> {
        self.start.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// The method of a request, or an empty text.
    pub fn method(&self) -> &str {
        if self.start.starts_with("SIP/2.0 ") {
            ""
        } else {
            self.start.split(' ').next().unwrap_or("")
        }
    }

    /// The URI of a request, or an empty text.
    pub fn uri(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or("")
    }

    /// Every value of a header, in order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The first value of a header, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or("")
    }

    /// A parameter of a header's first value (`tag` of `To`).
    pub fn parameter(&self, header: &str, name: &str) -> Option<&str> {
        self.header(header)
            .split(';')
            .skip(1)
            .find_map(|p| p.trim().strip_prefix(name)?.strip_prefix('='))
    }
}

/// The user part of the first `sip:` URI in a text, or an empty text.
pub fn user(text: &str) -> &str {
    let after = text.split_once("sip:").map_or("", |(_, rest)| rest);
    after.split_once('@').map_or("", |(user, _)| user)
}

/// The URI between `<` and `>`, or the whole text.
pub fn bare_uri(text: &str) -> &str {
    match text.split_once('<') {
        Some((_, rest)) => rest.split('>').next().unwrap_or(rest),
        None => text,
    }
}

/// An answer to a request, with the headers copied that RFC 3261 8.2.6.2 wants copied.
pub fn answer(request: &Message, status: &str, tag: &str, more: &str, body: &str) -> String {
    let mut out = format!("SIP/2.0 {status}\r\n");
    for via in request.all("Via") {
        out.push_str(&format!("Via: {via}\r\n"));
    }
    let to = request.header("To");
    let tag = if to.contains(";tag=") || tag.is_empty() {
        String::new()
    } else {
        format!(";tag={tag}")
    };
    out.push_str(&format!(
        "From: {}\r\nTo: {to}{tag}\r\n",
        request.header("From")
    ));
    out.push_str(&format!(
        "Call-ID: {}\r\nCSeq: {}\r\n",
        request.header("Call-ID"),
        request.header("CSeq")
    ));
    out.push_str(&format!(
        "{more}Content-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    out
}

/// A session description with one audio stream that nobody sends on.
pub fn description(address: std::net::IpAddr) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n\
         m=audio 30000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_response() {
        let m = Message::read(
            b"SIP/2.0 302 Moved\r\nTo: <sip:1@h>;tag=x\r\ncontact: <sip:A00442@h:5060>\r\n\r\n",
        )
        .unwrap();
        assert_eq!(m.status(), Some(302));
        assert_eq!(m.parameter("To", "tag"), Some("x"));
        assert_eq!(user(m.header("Contact")), "A00442");
        assert_eq!(bare_uri(m.header("Contact")), "sip:A00442@h:5060");
    }

    #[test]
    fn reads_a_request() {
        let m = Message::read(b"INVITE sip:911@h SIP/2.0\r\nVia: a\r\nVia: b\r\n\r\nbody").unwrap();
        assert_eq!(
            (m.method(), user(m.uri()), m.status()),
            ("INVITE", "911", None)
        );
        assert_eq!(m.all("via").collect::<Vec<_>>(), ["a", "b"]);
        assert!(Message::read(b"hello").is_none());
    }
}
