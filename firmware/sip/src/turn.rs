//! One message of a client on its way through the server: what is answered.

use core::net::SocketAddr;

use trunkguard_core::{
    gate::{self, Gate, Invite},
    policy::{Client, ContactHost},
    request::{Request, Said, Tampering},
    time::Now,
    verdict::Answer,
};

use crate::{
    keys::Names,
    limits,
    read::Message,
    said,
    text::{parts, unescape},
    uas::Handled,
    uri::{BadUri, NameAddr, Uri},
    write::{ALLOW, Host, Writer, contact, head, reason, tail},
};

/// One message on its way through.
pub(crate) struct Turn<'a, 'm> {
    pub now: &'a Now,
    pub gate: &'a mut Gate,
    pub client: u16,
    pub source: SocketAddr,
    pub message: &'a Message<'m>,
    pub names: Names,
}

impl<'m> Turn<'_, 'm> {
    pub fn client(&self) -> &Client {
        &self.gate.policy().clients()[self.client as usize]
    }

    /// Where answers go over UDP: back to the source with `rport` (RFC 3581), else to the port of the
    /// sent-by at the source's address (RFC 3261 18.2.2). Never to an address that a header names.
    fn to(&self) -> SocketAddr {
        match self.message.top {
            Some(via) if !via.rport => SocketAddr::new(self.source.ip(), via.port()),
            _ => self.source,
        }
    }

    /// An answer with `more` headers of its own.
    pub fn answer(
        &self,
        status: u16,
        why: &str,
        out: &mut [u8],
        more: impl FnMut(&mut Writer<'_>),
    ) -> Handled {
        match self.compose(status, why, out, more) {
            Some(len) => Handled::Answer { len, to: self.to() },
            None => Handled::Silent,
        }
    }

    /// Octets of an answer in `out`. One that would be too long goes without the Vias below the top
    /// one: silence could send a call on unseen.
    fn compose(
        &self,
        status: u16,
        why: &str,
        out: &mut [u8],
        mut more: impl FnMut(&mut Writer<'_>),
    ) -> Option<usize> {
        let tag = Some(self.names.tag);
        [limits::VIAS, 1].into_iter().find_map(|vias| {
            let mut w = Writer::new(out);
            head(&mut w, self.message, self.source, status, why, tag, vias);
            more(&mut w);
            tail(&mut w);
            w.finish()
        })
    }

    /// Refuses a request for a reason of protocol; an INVITE in the way that the client's PBX takes
    /// for a refusal.
    pub fn refuse(&self, status: u16, why: &str, out: &mut [u8]) -> Handled {
        if self.message.method == b"INVITE"
            && let Answer::Status(instead) = gate::not_a_verdict(self.client(), status)
            && instead != status
        {
            return self.answer(instead, reason(instead), out, |_| {});
        }
        self.answer(status, why, out, |_| {})
    }

    /// The dialled number, decoded.
    fn dialled<'o>(&self, out: &'o mut [u8]) -> Result<&'o [u8], BadUri>
    where
        'm: 'o,
    {
        let uri = Uri::read(self.message.uri, false)?;
        // Telephone parameters stand in the user part behind `;` (RFC 3261 19.1.6).
        let user = uri.user.split(|&b| b == b';').next().unwrap_or_default();
        unescape(user, out).ok_or(BadUri::Form)
    }

    pub fn is_emergency(&self) -> bool {
        let mut buffer = [0; limits::USER];
        let has_all = [
            self.message.from,
            self.message.to,
            self.message.call_id,
            self.message.cseq,
        ];
        has_all.iter().all(|value| !value.is_empty())
            && self
                .dialled(&mut buffer)
                .is_ok_and(|dialled| self.gate.is_emergency(self.client, dialled))
    }

    /// Has the call decided; every check of the request itself is done.
    pub fn invite(self, out: &mut [u8]) -> Handled {
        let mut buffer = [0; limits::USER];
        let dialled = match self.dialled(&mut buffer) {
            Ok(dialled) => dialled,
            Err(BadUri::Scheme) => return self.refuse(416, reason(416), out),
            Err(BadUri::Form) => return self.refuse(400, "Bad Request-URI", out),
        };
        let message = self.message;
        let said = said::read(&message.said);
        let (mut from, mut asserted) = ([0; limits::USER], [0; limits::USER]);
        let (from, asserted) = callers(message, &said, &mut from, &mut asserted);
        let mut request = Request {
            source: self.source.ip().to_canonical(),
            transaction: self.names.transaction,
            merge: self.names.merge,
            dialled,
            from,
            asserted,
            said,
            user_agent: message.user_agent,
            tampering: tampering(message),
        };
        let to = self.to();
        let mut decision = self.gate.invite(self.now, self.client, &request);
        if matches!(decision, Invite::Merged(_)) && self.gate.is_emergency(self.client, dialled) {
            // By another way again, since the first gave no answer in time: it is a call of its own.
            request.merge = request.transaction;
            decision = self.gate.invite(self.now, self.client, &request);
        }
        match decision {
            Invite::Waiting => Handled::Silent,
            Invite::Again(answer) | Invite::Merged(answer) => {
                match self.verdict(answer, dialled, out) {
                    Some(len) => Handled::Answer { len, to },
                    None => Handled::Silent,
                }
            }
            Invite::Decided {
                answer,
                record,
                ticket,
            } => {
                let len = self.verdict(answer, dialled, out).unwrap_or(0);
                Handled::Decided {
                    len,
                    to,
                    record,
                    ticket,
                    transaction: self.names.transaction,
                }
            }
        }
    }

    /// Composes the answer to an INVITE; the same for the same request and answer.
    fn verdict(&self, answer: Answer, dialled: &[u8], out: &mut [u8]) -> Option<usize> {
        let (status, prefix, number) = match answer {
            Answer::Redirect(prefix) => (302, Some(prefix), dialled),
            Answer::ReasonOnly(code) => (302, Some(code), &b""[..]),
            Answer::Status(status) => (status, None, &b""[..]),
        };
        self.compose(status, reason(status), out, |w| {
            let Some(prefix) = prefix else { return };
            let host = match &self.client().contact_host {
                ContactHost::Via => Host::Via,
                ContactHost::Source => Host::Source,
                ContactHost::Fixed(host) => Host::Fixed(host.as_bytes()),
            };
            contact(w, self.message, self.source, host, prefix, number);
        })
    }

    /// A matching INVITE is known: 200, without effect, since its answer is final (RFC 3261 9.2).
    pub fn cancel(&self, out: &mut [u8]) -> Handled {
        let status = if self.gate.knows(self.names.transaction) {
            200
        } else {
            481
        };
        self.answer(status, reason(status), out, |_| {})
    }

    /// What stands in the way of a request that we answer as the one it is meant for: a scheme that is
    /// not ours (RFC 3261 8.2.2.1), and option tags, of which none are known (8.2.2.3).
    pub fn not_for_us(&self, out: &mut [u8]) -> Option<Handled> {
        match Uri::read(self.message.uri, false) {
            Ok(_) => {}
            Err(BadUri::Scheme) => return Some(self.refuse(416, reason(416), out)),
            Err(BadUri::Form) => return Some(self.refuse(400, "Bad Request-URI", out)),
        }
        let require = &self.message.require;
        (!require.is_empty()).then(|| {
            self.answer(420, reason(420), out, |w| {
                require.iter().for_each(|tags| w.line(b"Unsupported", tags));
            })
        })
    }

    pub fn options(&self, out: &mut [u8]) -> Handled {
        if let Some(answer) = self.not_for_us(out) {
            return answer;
        }
        self.answer(200, reason(200), out, |w| {
            w.line(b"Allow", ALLOW);
            w.line(b"Accept", b"application/sdp");
            w.line(b"Accept-Encoding", b"identity");
            w.line(b"Accept-Language", b"en");
            w.put(b"Supported:\r\n");
        })
    }

    /// Does the request claim a dialog? There are none here.
    pub fn in_dialog(&self) -> bool {
        self.message.called.is_some_and(|to| !to.tag.is_empty())
    }

    /// Methods that a redirect server does not serve (RFC 3261 8.2.1).
    pub fn other(&self, out: &mut [u8]) -> Handled {
        let method = self.message.method;
        let in_dialog: &[&[u8]] = &[b"BYE", b"INFO", b"UPDATE", b"PRACK", b"NOTIFY", b"REFER"];
        let known: &[&[u8]] = &[b"SUBSCRIBE", b"MESSAGE", b"PUBLISH"];
        if in_dialog.contains(&method) && self.in_dialog() {
            return self.refuse(481, reason(481), out);
        }
        let status = if in_dialog.contains(&method) || known.contains(&method) {
            405
        } else {
            501
        };
        self.answer(status, reason(status), out, |w| w.line(b"Allow", ALLOW))
    }
}

/// Who calls, by From and by P-Asserted-Identity. That is what P-tfps says, where it says it; these
/// need not be read then.
fn callers<'o>(
    message: &Message<'o>,
    said: &Said<'_>,
    from: &'o mut [u8],
    asserted: &'o mut [u8],
) -> (&'o [u8], Option<&'o [u8]>) {
    if !said.caller.is_empty() {
        return (b"", None);
    }
    // A SIP and a tel identity may stand in one line (RFC 3325 9.1).
    let first = parts(message.asserted, b',').next().and_then(Result::ok);
    let asserted = user_of(first.and_then(NameAddr::read), asserted);
    (
        user_of(message.caller, from).unwrap_or_default(),
        asserted.filter(|user| !user.is_empty()),
    )
}

fn tampering(message: &Message<'_>) -> Option<Tampering> {
    if message.said.twice || both_spellings(message) {
        return Some(Tampering::TwiceSaid);
    }
    message.twice_named.then_some(Tampering::TwiceNamed)
}

/// P-tfps beside one of its older spellings: the PBX writes one of them, somebody else the other.
fn both_spellings(message: &Message<'_>) -> bool {
    let said = &message.said;
    said.tfps.is_some()
        && (said.older.is_some()
            || said.received.is_some()
            || said.agent.is_some()
            || said.calls.is_some())
}

fn user_of<'o>(value: Option<NameAddr<'o>>, out: &'o mut [u8]) -> Option<&'o [u8]> {
    let uri = Uri::read(value?.uri, true).ok()?;
    unescape(
        uri.user.split(|&b| b == b';').next().unwrap_or_default(),
        out,
    )
}
