//! The other side: a call attempt as a PBX makes it. For `trunkguard call` and for tests.
//!
//! Composed and read with rsip, whose types stay in here; on the wire of strangers it has no place
//! (docs/decisions/sip-reader.md).

use core::net::SocketAddr;

use rsip::{
    Header, Headers, Method, Request, Response, SipMessage, Uri, Version,
    headers::UntypedHeader as _, prelude::HeadersExt as _,
};

/// One call attempt.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// As dialled.
    pub number: &'a str,
    /// The extension.
    pub caller: &'a str,
    /// The phone's address and User-Agent, and the calls that are counted, as P-tfps says them.
    pub said: &'a str,
    /// Where it is sent from.
    pub from: SocketAddr,
    /// Where it is sent to.
    pub to: SocketAddr,
    /// Makes this attempt another one than the last.
    pub unique: u64,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// User part of the Contact, where there is one.
    pub contact_user: Option<String>,
    /// The tag of To, for the ACK.
    pub to: String,
}

impl Attempt<'_> {
    /// The INVITE.
    ///
    /// # Errors
    /// When the number or the caller cannot stand in a URI.
    pub fn invite(&self) -> Result<Vec<u8>, String> {
        self.request(
            Method::Invite,
            &format!("<sip:{}@{}>", self.number, self.to),
        )
    }

    /// An OPTIONS.
    ///
    /// # Errors
    /// As [`Attempt::invite`].
    pub fn options(&self) -> Result<Vec<u8>, String> {
        self.request(Method::Options, &format!("<sip:{}>", self.to))
    }

    /// The ACK for a final answer that is no 2xx: same branch, To as answered (RFC 3261 17.1.1.3).
    ///
    /// # Errors
    /// As [`Attempt::invite`].
    pub fn ack(&self, reply: &Reply) -> Result<Vec<u8>, String> {
        self.request(Method::Ack, &reply.to)
    }

    fn request(&self, method: Method, to: &str) -> Result<Vec<u8>, String> {
        let fits = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"*#+-_.".contains(&b))
        };
        if !fits(self.number) || !fits(self.caller) {
            return Err(format!(
                "`{}` and `{}` must be digits, letters or one of * # + - _ .",
                self.number.escape_debug(),
                self.caller.escape_debug()
            ));
        }
        let Attempt {
            number,
            caller,
            from,
            unique,
            ..
        } = self;
        let uri = format!("sip:{}@{}", number.replace('#', "%23"), self.to);
        let uri = Uri::try_from(uri.as_str()).map_err(|e| format!("{uri}: {e}"))?;
        let mut headers: Headers = Headers::default();
        headers.push(
            rsip::headers::Via::new(format!(
                "SIP/2.0/UDP {from};branch=z9hG4bK{unique:016x};rport"
            ))
            .into(),
        );
        headers.push(rsip::headers::MaxForwards::new("70").into());
        headers.push(
            rsip::headers::From::new(format!("<sip:{caller}@{}>;tag={unique:08x}", from.ip()))
                .into(),
        );
        headers.push(rsip::headers::To::new(to).into());
        headers.push(rsip::headers::CallId::new(format!("{unique:016x}@{}", from.ip())).into());
        headers.push(rsip::headers::CSeq::new(format!("1 {method}")).into());
        headers.push(rsip::headers::Contact::new(format!("<sip:{caller}@{from}>")).into());
        headers.push(rsip::headers::UserAgent::new("trunkguard-call").into());
        if method == Method::Invite {
            headers.push(Header::Other("P-tfps".into(), self.said.into()));
        }
        headers.push(rsip::headers::ContentLength::new("0").into());
        let request = Request {
            method,
            uri,
            version: Version::V2,
            headers,
            body: Vec::new(),
        };
        Ok(SipMessage::Request(request).into())
    }

    /// Reads an answer to this attempt; `None` when it is another message.
    pub fn read(&self, bytes: &[u8]) -> Option<Reply> {
        let response = Response::try_from(bytes).ok()?;
        let ours = format!("{:016x}@{}", self.unique, self.from.ip());
        if response.call_id_header().ok()?.value() != ours {
            return None;
        }
        let contact_user = response.contact_header().ok().map(|contact| {
            let text = contact
                .value()
                .trim_start_matches('<')
                .trim_start_matches("sip:");
            text.split(['@', '>']).next().unwrap_or_default().to_owned()
        });
        let to = response.to_header().ok()?.value().to_owned();
        Some(Reply {
            status: response.status_code.into(),
            contact_user,
            to,
        })
    }
}
