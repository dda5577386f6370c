//! The box's page, as a browser without a script sees it: HTTPS, cookies, forms.
//!
//! [`Page::open`] starts a box with the page in an [`Office`]; [`Page::owner`] sets the first password with the code that the
//! box has logged and is then logged in. No redirect is followed unless asked ([`Browser::follow`]).

mod answer;
pub mod routes;
mod tls;

pub use answer::Answer;
pub use tls::{connect, connect_by};

use std::{
    cell::RefCell,
    collections::BTreeMap,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use rustls::{ClientConnection, StreamOwned};

use crate::{Guard, Office, address};

/// Where the page is in every office.
pub const PORT: u16 = 8443;
/// A password that the page takes.
pub const PASSWORD: &str = "three tall giraffes";
/// The longest answer that is read.
const LONGEST: u64 = 32 << 20;

/// A box with a page.
pub struct Page {
    /// The box.
    pub guard: Guard,
    /// Where its page is.
    pub at: SocketAddr,
}

impl Page {
    /// A box that has taken over this policy and serves its page.
    ///
    /// # Errors
    /// When it refuses the policy or does not get ready.
    pub fn open(office: &Office, policy: &str) -> Result<Page> {
        Page::with(office, policy, |_| {})
    }

    /// The same; `more` sets the box up further before it starts.
    ///
    /// # Errors
    /// As [`Page::open`].
    pub fn with(office: &Office, policy: &str, more: impl FnOnce(&mut Guard)) -> Result<Page> {
        let mut guard = Guard::new(office, policy)?;
        let at = SocketAddr::from((address::BOX, PORT));
        guard.option("--web");
        guard.option(&at.to_string());
        more(&mut guard);
        guard.start()?;
        Ok(Page { guard, at })
    }

    /// A browser that nobody has used yet.
    pub fn browser(&self) -> Browser {
        Browser::at(self.at)
    }

    /// The code that the box has logged, with which the first password can be set.
    ///
    /// # Errors
    /// When it has logged none.
    pub fn code(&self) -> Result<String> {
        let log = self.guard.log();
        let code = log
            .split("type this code: ")
            .last()
            .and_then(|rest| rest.get(..9));
        Ok(code
            .filter(|code| code.contains('-'))
            .with_context(|| format!("no code in the log:\n{log}"))?
            .to_owned())
    }

    /// Sets the first password as `owner`, [`PASSWORD`], and is logged in.
    ///
    /// # Errors
    /// When the page does not take it.
    pub fn owner(&self) -> Result<Browser> {
        let browser = self.browser();
        let fields = [
            ("code", &*self.code()?),
            ("name", "owner"),
            ("password", PASSWORD),
            ("again", PASSWORD),
        ];
        let answer = browser.submit("/setup", "/setup", &fields)?;
        ensure!(answer.status == 303, "the first password: {answer:?}");
        Ok(browser)
    }

    /// Logs in.
    ///
    /// # Errors
    /// When the page does not take it.
    pub fn log_in(&self, name: &str, password: &str) -> Result<Browser> {
        let browser = self.browser();
        let fields = [("name", name), ("password", password)];
        let answer = browser.submit("/login", "/login", &fields)?;
        ensure!(answer.status == 303, "log-in of {name}: {answer:?}");
        Ok(browser)
    }
}

/// A browser with its cookies.
pub struct Browser {
    at: SocketAddr,
    from: Option<Ipv4Addr>,
    cookies: RefCell<BTreeMap<String, String>>,
}

/// What is asked for, with headers of one's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ask<'a> {
    /// `GET` where it is empty.
    pub method: &'a str,
    /// The address, beginning with `/`.
    pub path: &'a str,
    /// More headers, or others than the browser's own (`host`, `cookie`).
    pub headers: &'a [(&'a str, &'a str)],
    /// What is sent.
    pub body: &'a [u8],
}

impl Browser {
    /// One that asks here.
    pub fn at(at: SocketAddr) -> Browser {
        Browser {
            at,
            from: None,
            cookies: RefCell::default(),
        }
    }

    /// One that asks from another address.
    pub fn from(at: SocketAddr, from: Ipv4Addr) -> Browser {
        Browser {
            from: Some(from),
            ..Browser::at(at)
        }
    }

    /// A cookie's value.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(name).cloned()
    }

    /// Sets a cookie, as somebody does who has got hold of it.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies
            .borrow_mut()
            .insert(name.to_owned(), value.to_owned());
    }

    /// Gets a page.
    ///
    /// # Errors
    /// When the box does not answer.
    pub fn get(&self, path: &str) -> Result<Answer> {
        self.ask(&Ask {
            path,
            ..Ask::default()
        })
    }

    /// Gets a page that must be there.
    ///
    /// # Errors
    /// When its status is not 200.
    pub fn page(&self, path: &str) -> Result<Answer> {
        let answer = self.get(path)?;
        ensure!(answer.status == 200, "{path}: {answer:?}");
        Ok(answer)
    }

    /// Gets a page, and what it redirects to, eight times at most.
    ///
    /// # Errors
    /// When the box does not answer, or redirects without an end.
    pub fn follow(&self, path: &str) -> Result<Answer> {
        let mut path = path.to_owned();
        for _ in 0..8 {
            let answer = self.get(&path)?;
            match answer.location() {
                Some(next) => path = next.to_owned(),
                None => return Ok(answer),
            }
        }
        bail!("{path}: it redirects without an end")
    }

    /// Sends a form as it is given.
    ///
    /// # Errors
    /// When the box does not answer.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<Answer> {
        self.post_with(path, fields, &[])
    }

    /// Sends a form with other headers.
    ///
    /// # Errors
    /// When the box does not answer.
    pub fn post_with(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Result<Answer> {
        let form: Vec<(&str, &str)> = [("content-type", "application/x-www-form-urlencoded")]
            .into_iter()
            .chain(headers.iter().copied())
            .collect();
        self.ask(&Ask {
            method: "POST",
            path,
            headers: &form,
            body: encode(fields).as_bytes(),
        })
    }

    /// Opens the page `on`, finds its form for `action`, and sends that with what a browser would send besides: hidden fields,
    /// prefilled ones. What `fields` names goes in their place.
    ///
    /// # Errors
    /// When there is no such form, or the box does not answer.
    pub fn submit(&self, on: &str, action: &str, fields: &[(&str, &str)]) -> Result<Answer> {
        let page = self.follow(on)?;
        let prefilled = page.form(action)?;
        let kept = prefilled.iter().map(|(name, value)| (&**name, &**value));
        let all: Vec<(&str, &str)> = kept
            .filter(|(name, _)| fields.iter().all(|(set, _)| set != name))
            .chain(fields.iter().copied())
            .collect();
        self.post(action, &all)
    }

    /// Asks whatever is asked, and keeps the cookies that come.
    ///
    /// # Errors
    /// When the box does not answer.
    pub fn ask(&self, ask: &Ask<'_>) -> Result<Answer> {
        let mut stream = self.connect()?;
        // Refused in the middle of it: the answer says why.
        let _ = stream.write_all(&self.request(ask));
        let mut octets = Vec::new();
        match (&mut stream).take(LONGEST).read_to_end(&mut octets) {
            Ok(_) => {}
            // Closed in the middle of what we say: what it said before is there.
            Err(_) if !octets.is_empty() => {}
            Err(problem) => return Err(problem).context(format!("no answer to {}", ask.path)),
        }
        let answer = Answer::read(&octets)?;
        self.keep(&answer);
        Ok(answer)
    }

    /// Begins a page that does not end, such as a stream of events; what follows is the caller's to read.
    ///
    /// # Errors
    /// When the box cannot be reached.
    pub fn stream(&self, path: &str) -> Result<impl Read + Write + use<>> {
        let mut stream = self.connect()?;
        let ask = Ask {
            path,
            ..Ask::default()
        };
        stream.write_all(&self.request(&ask))?;
        Ok(stream)
    }

    fn connect(&self) -> Result<StreamOwned<ClientConnection, TcpStream>> {
        match self.from {
            Some(from) => tls::connect_from(from, self.at),
            None => connect(self.at),
        }
    }

    /// The request, octet by octet.
    fn request(&self, ask: &Ask<'_>) -> Vec<u8> {
        let method = if ask.method.is_empty() {
            "GET"
        } else {
            ask.method
        };
        let mut headers: Vec<(&str, String)> = vec![
            ("host", self.at.to_string()),
            ("connection", "close".into()),
        ];
        let cookies: Vec<String> = (self.cookies.borrow().iter())
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            headers.push(("cookie", cookies.join("; ")));
        }
        if !ask.body.is_empty() || method == "POST" {
            headers.push(("content-length", ask.body.len().to_string()));
        }
        headers.retain(|(name, _)| ask.headers.iter().all(|(own, _)| own != name));
        let own = ask
            .headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let mut octets = format!("{method} {} HTTP/1.1\r\n", ask.path).into_bytes();
        for (name, value) in headers.into_iter().chain(own) {
            octets.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        octets.extend(b"\r\n");
        octets.extend(ask.body);
        octets
    }

    fn keep(&self, answer: &Answer) {
        let mut cookies = self.cookies.borrow_mut();
        for set in answer.all("set-cookie") {
            let mut parts = set.split(';');
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            if parts.any(|part| part.trim().eq_ignore_ascii_case("max-age=0")) {
                cookies.remove(name.trim());
            } else {
                cookies.insert(name.trim().to_owned(), value.to_owned());
            }
        }
    }
}

/// A form's fields as a browser sends them (application/x-www-form-urlencoded).
pub fn encode(fields: &[(&str, &str)]) -> String {
    let escape = |text: &str| -> String {
        text.bytes()
            .map(|octet| match octet {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                    char::from(octet).to_string()
                }
                b' ' => "+".to_owned(),
                _ => format!("%{octet:02X}"),
            })
            .collect()
    };
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
        .collect();
    pairs.join("&")
}

/// How long a connection waits for the box.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_what_was_asked_for() {
        let browser = Browser::at("127.0.0.1:8443".parse().unwrap());
        browser.set_cookie("a", "1");
        let body = encode(&[("name", "a b&é")]);
        let ask = Ask {
            method: "POST",
            path: "/x",
            headers: &[("host", "evil.example")],
            body: body.as_bytes(),
        };
        assert_eq!(
            String::from_utf8(browser.request(&ask)).unwrap(),
            "POST /x HTTP/1.1\r\nconnection: close\r\ncookie: a=1\r\ncontent-length: 17\r\nhost: evil.example\r\n\r\nname=a+b%26%C3%A9"
        );
    }
}
