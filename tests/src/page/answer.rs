//! What the page says: status, headers, text, and the forms in it.

use std::fmt;

use anyhow::{Context, Result, bail};

/// An answer of the page.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, in order, their names in small letters.
    pub headers: Vec<(String, String)>,
    /// What came after them.
    pub body: Vec<u8>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}\n{}", self.status, self.headers, self.text())
    }
}

impl Answer {
    /// Reads one from what has come until the end of the connection.
    ///
    /// # Errors
    /// What is no answer.
    pub fn read(octets: &[u8]) -> Result<Answer> {
        let end = octets
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .context("the answer has no end of its headers")?;
        let head = std::str::from_utf8(&octets[..end]).context("the headers are no text")?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let headers = lines.filter_map(|line| line.split_once(':'));
        let mut answer = Answer {
            status: status.and_then(|s| s.parse().ok()).context("no status")?,
            headers: headers
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
            body: octets[end + 4..].to_vec(),
        };
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = unchunked(&answer.body)?;
        }
        Ok(answer)
    }

    /// The first header of this name (in small letters).
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    /// All headers of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let of_name = self.headers.iter().filter(move |(own, _)| own == name);
        of_name.map(|(_, value)| value.as_str())
    }

    /// Where it leads on to.
    pub fn location(&self) -> Option<&str> {
        (300..400)
            .contains(&self.status)
            .then(|| self.header("location"))
            .flatten()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Does the body hold this?
    pub fn has(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// What a browser would send of the form for `action`, untouched: names and values, buttons left out.
    ///
    /// # Errors
    /// When there is no such form.
    pub fn form(&self, action: &str) -> Result<Vec<(String, String)>> {
        let text = self.text();
        let mark = format!("action=\"{action}\"");
        let Some(form) = text.split("<form").skip(1).find(|form| {
            form.split('>')
                .next()
                .is_some_and(|head| head.contains(&mark))
        }) else {
            bail!("no form for {action} in: {self:?}");
        };
        let form = form.split("</form>").next().unwrap_or(form);
        Ok(fields(form))
    }

    /// The csrf field of any form of the page.
    ///
    /// # Errors
    /// When there is none.
    pub fn csrf(&self) -> Result<String> {
        let text = self.text();
        let rest = text.split("name=\"csrf\" value=\"").nth(1);
        Ok(rest
            .and_then(|rest| rest.split('"').next())
            .context("no csrf field")?
            .to_owned())
    }
}

/// Inputs, areas of text and lists that have a name.
fn fields(form: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    // A list whose first choice has not come yet.
    let mut is_new = false;
    for piece in form.split('<').skip(1) {
        let Some((tag, after)) = piece.split_once('>') else {
            continue;
        };
        let kind = tag.split(' ').next().unwrap_or_default();
        let (name, value) = (attribute(tag, "name"), attribute(tag, "value"));
        let is_set = |word: &str| tag.split(' ').any(|part| part == word);
        match kind {
            "input" => {
                let check = matches!(
                    attribute(tag, "type").as_deref(),
                    Some("checkbox" | "radio")
                );
                if let Some(name) = name
                    && (!check || is_set("checked"))
                {
                    let default = if check { "on" } else { "" };
                    found.push((name, value.unwrap_or_else(|| default.into())));
                }
            }
            "textarea" => found.extend(name.map(|name| (name, unescape(after)))),
            "select" => {
                is_new = true;
                found.extend(name.map(|name| (name, String::new())));
            }
            // The first of a list, unless another is chosen.
            "option" => {
                if let Some((_, chosen)) = found.last_mut()
                    && (std::mem::take(&mut is_new) || is_set("selected"))
                {
                    *chosen = value.unwrap_or_else(|| unescape(after.trim()));
                }
            }
            _ => {}
        }
    }
    found
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next().map(unescape)
}

/// What templates have escaped.
fn unescape(text: &str) -> String {
    let mut pieces = text.split('&');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let Some((name, rest)) = piece.split_once(';') else {
            plain.push('&');
            plain.push_str(piece);
            continue;
        };
        let named = match name {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "amp" => Some('&'),
            _ => (name.strip_prefix('#'))
                .and_then(|number| number.parse().ok())
                .and_then(char::from_u32),
        };
        match named {
            Some(character) => plain.push(character),
            None => plain.extend(["&", name, ";"]),
        }
        plain.push_str(rest);
    }
    plain
}

/// The pieces of a chunked body put together (RFC 9112 7.1); the last one may be missing where the stream goes on.
fn unchunked(mut octets: &[u8]) -> Result<Vec<u8>> {
    let mut whole = Vec::new();
    while let Some(end) = octets.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&octets[..end])?;
        let size = usize::from_str_radix(size.split(';').next().unwrap_or(size), 16)
            .with_context(|| format!("{size:?} is no size of a chunk"))?;
        let rest = &octets[end + 2..];
        if size == 0 || rest.len() < size {
            break;
        }
        whole.extend(&rest[..size]);
        octets = rest.get(size + 2..).unwrap_or_default();
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_chunks_is_read() {
        let octets = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n";
        let answer = Answer::read(octets).unwrap();
        assert_eq!((answer.status, answer.text()), (200, "hello!".into()));
    }

    #[test]
    fn a_forms_fields_are_what_a_browser_sends() {
        let body = "<form action=\"/other\"><input name=\"x\"></form>\n<form method=\"post\" action=\"/a\">\
            <input type=\"hidden\" name=\"csrf\" value=\"abc\"><input name=\"who\" value=\"&#60;b&#62; &#38;amp;\">\
            <input type=\"checkbox\" name=\"off\"><input type=\"checkbox\" name=\"on\" checked>\
            <select name=\"mode\"><option value=\"detect\">Detect</option><option value=\"prevent\" selected>Prevent</option></select>\
            <textarea name=\"text\">a&#38;b</textarea><button name=\"go\" value=\"1\">Go</button></form>";
        let octets = format!("HTTP/1.1 200 OK\r\n\r\n{body}");
        let answer = Answer::read(octets.as_bytes()).unwrap();
        let expected = [
            ("csrf", "abc"),
            ("who", "<b> &amp;"),
            ("on", "on"),
            ("mode", "prevent"),
            ("text", "a&b"),
        ];
        assert_eq!(
            answer.form("/a").unwrap(),
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert_eq!(answer.csrf().unwrap(), "abc");
        assert!(answer.form("/b").is_err());
    }
}
