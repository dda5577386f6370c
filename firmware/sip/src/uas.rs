//! The user agent server: one message in, at most one answer out (RFC 3261 8.2, 8.3, 9.2, 10.3, 17.2).
//!
//! A redirect server that keeps INVITE transactions (in the core's gate) and answers everything else
//! without memory. Strangers are not its business: the shell asks it for clients only.

use core::net::SocketAddr;

use trunkguard_core::{
    gate::{self, Gate, Invite},
    policy::{Client, ContactHost, bounds},
    record::{self, Record},
    request::{Request, Tampering},
    time::Now,
    transaction::Ticket,
    verdict::Answer,
};

use crate::{
    digest::{Checked, Digests},
    keys::{Keys, Names},
    limits,
    read::{Framing, Message, Read, Via, read},
    retransmit::Repeats,
    said,
    text::{number, trim, unescape},
    uri::{BadUri, NameAddr, Uri},
    write::{ALLOW, Host, Writer, contact, head, reason, tail},
};

/// Answers to unreadable requests that one client gets in a second.
const REFUSALS_PER_SECOND: u32 = 20;
/// The shortest registration, in seconds (RFC 3261 10.3 allows to refuse less than an hour).
const MIN_EXPIRES: u32 = 60;
const DEFAULT_EXPIRES: u32 = 3_600;

/// Draws for one process: names, tags, nonces.
#[derive(Clone, Copy)]
pub struct Seeds {
    /// For transactions and tags.
    pub keys: Keys,
    /// For nonces.
    pub nonce: [u8; 32],
}

/// The server's own state; the policy and the transactions are the gate's.
pub struct Uas {
    heard: Box<[Heard]>,
    keys: Keys,
    digests: Digests,
    repeats: Repeats,
    second: u64,
    refusals: u32,
}

/// The last that was heard of a client.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// On the gate's clock; 0 is never.
    pub at_ms: u64,
    /// Its User-Agent.
    pub user_agent: heapless::String<64>,
    /// Fields of P-tfps in its last call; 1 to 4 mean that its dial plan does not escape the `;`.
    pub said_fields: u8,
}

/// What to do about one message.
// Used at once; boxing the record would allocate on the path of every call.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
pub enum Handled {
    /// Nothing goes back.
    Silent,
    /// `out[..len]` goes back to `to`.
    Answer {
        /// Octets.
        len: usize,
        /// Where to, over UDP; a stream answers on its connection.
        to: SocketAddr,
    },
    /// A call was decided: the record goes to the journal, and `out[..len]` goes back to `to`, at
    /// once or, with a ticket, when the record is on disk.
    Decided {
        /// Octets.
        len: usize,
        /// Where to.
        to: SocketAddr,
        /// For the journal.
        record: Record,
        /// The answer waits.
        ticket: Option<Ticket>,
        /// For [`Uas::sent`].
        transaction: u128,
    },
}

/// One message on its way through.
struct Turn<'a, 'm> {
    now: &'a Now,
    gate: &'a mut Gate,
    client: u16,
    source: SocketAddr,
    message: &'a Message<'m>,
    names: Names,
}

impl Uas {
    /// A server with these draws.
    pub fn new(seeds: Seeds) -> Self {
        let heard = vec![Heard::default(); bounds::CLIENTS].into();
        Uas {
            heard,
            keys: seeds.keys,
            digests: Digests::new(seeds.nonce),
            repeats: Repeats::default(),
            second: 0,
            refusals: 0,
        }
    }

    /// Handles one message of a client. `out` takes the answer; 8 KiB hold any.
    pub fn handle(
        &mut self,
        now: &Now,
        gate: &mut Gate,
        client: u16,
        bytes: &[u8],
        source: SocketAddr,
        framing: Framing,
        out: &mut [u8],
    ) -> Handled {
        let (message, refused) = match read(bytes, framing) {
            Read::Ignored => return Handled::Silent,
            Read::Request(message) => (message, None),
            Read::Refused(message, status, why) => (message, Some((status, why))),
        };
        self.hear(now, client, &message);
        let names = self.keys.names(&message, source.ip().to_canonical());
        let turn = Turn {
            now,
            gate,
            client,
            source,
            message: &message,
            names,
        };
        if let Some((status, why)) = refused {
            // ACK is never answered (RFC 3261 17.1.1.3), however broken it is.
            if message.method == b"ACK" || !self.may_refuse(now) {
                return Handled::Silent;
            }
            if message.method == b"INVITE" && turn.is_emergency() {
                return turn.invite(out);
            }
            return turn.refuse(status, why, out);
        }
        match message.method {
            b"INVITE" => self.invite(turn, out),
            b"ACK" => {
                self.repeats.acknowledged(names.transaction);
                Handled::Silent
            }
            b"CANCEL" => turn.cancel(out),
            b"OPTIONS" => turn.options(out),
            b"REGISTER" => self.register(turn, out),
            _ => turn.other(out),
        }
    }

    fn hear(&mut self, now: &Now, client: u16, message: &Message<'_>) {
        let Some(heard) = self.heard.get_mut(client as usize) else {
            return;
        };
        // The name changes with an upgrade; there is no need to copy it for every call.
        let renewed = now.mono_ms >= heard.at_ms + 1_000;
        heard.at_ms = now.mono_ms;
        if renewed && !message.user_agent.is_empty() {
            heard.user_agent = record::text(message.user_agent);
        }
        if message.method == b"INVITE" {
            heard.said_fields = said::read(&message.said).fields;
        }
    }

    /// The last that was heard of a client of the policy in force.
    pub fn heard(&self, client: u16) -> Option<&Heard> {
        self.heard
            .get(client as usize)
            .filter(|heard| heard.at_ms > 0)
    }

    /// Another policy is in force: its clients have other numbers.
    pub fn forget_clients(&mut self) {
        self.heard.fill(Heard::default());
    }

    fn may_refuse(&mut self, now: &Now) -> bool {
        let second = now.mono_ms / 1_000;
        if second != self.second {
            (self.second, self.refusals) = (second, 0);
        }
        self.refusals += 1;
        self.refusals <= REFUSALS_PER_SECOND
    }

    fn invite(&mut self, turn: Turn<'_, '_>, out: &mut [u8]) -> Handled {
        let to_tag = NameAddr::read(turn.message.to)
            .map(|to| to.tag())
            .unwrap_or_default();
        if !to_tag.is_empty() {
            return turn.refuse(481, reason(481), out);
        }
        if !turn.is_emergency()
            && let Some(answer) = self.authenticate(&turn, out)
        {
            return answer;
        }
        turn.invite(out)
    }

    /// `None` when the request may go on.
    fn authenticate(&mut self, turn: &Turn<'_, '_>, out: &mut [u8]) -> Option<Handled> {
        let policy = turn.gate.policy().clone();
        let credentials = policy.clients()[turn.client as usize]
            .credentials
            .as_ref()?;
        let message = turn.message;
        let now_ms = turn.now.mono_ms;
        let checked = match message.authorization {
            [] => Checked::Missing,
            value => self
                .digests
                .check(now_ms, value, message.method, message.uri, credentials),
        };
        match checked {
            Checked::Right => None,
            Checked::Wrong => Some(turn.refuse(403, reason(403), out)),
            Checked::Missing | Checked::Stale => {
                let digests = &mut self.digests;
                Some(turn.answer(401, reason(401), out, |w| {
                    digests.challenge(now_ms, checked == Checked::Stale, w)
                }))
            }
        }
    }

    fn register(&mut self, turn: Turn<'_, '_>, out: &mut [u8]) -> Handled {
        if let Some(answer) = turn.bad_extension(out) {
            return answer;
        }
        if let Some(answer) = self.authenticate(&turn, out) {
            return answer;
        }
        turn.register(out)
    }

    /// A final answer to an INVITE has left over UDP: it leaves again until its ACK comes.
    pub fn sent(&mut self, now_ms: u64, transaction: u128, to: SocketAddr, bytes: &[u8]) {
        self.repeats.sent(now_ms, transaction, to, bytes);
    }

    /// Answers that are to leave again now.
    pub fn due(&mut self, now_ms: u64, send: impl FnMut(SocketAddr, &[u8])) {
        self.repeats.due(now_ms, send);
    }

    /// 100 Trying for a request whose answer has to wait. `None` when it is no readable request.
    pub fn trying(
        bytes: &[u8],
        source: SocketAddr,
        framing: Framing,
        out: &mut [u8],
    ) -> Option<usize> {
        let Read::Request(message) = read(bytes, framing) else {
            return None;
        };
        let mut w = Writer::new(out);
        head(&mut w, &message, source, 100, reason(100), None);
        if !message.timestamp.is_empty() {
            w.line(b"Timestamp", message.timestamp);
        }
        tail(&mut w);
        w.finish()
    }
}

impl Turn<'_, '_> {
    fn client(&self) -> &Client {
        &self.gate.policy().clients()[self.client as usize]
    }

    /// Where answers go over UDP: back to the source with `rport` (RFC 3581), else to the port of the
    /// sent-by at the source's address (RFC 3261 18.2.2). Never to an address that a header names.
    fn to(&self) -> SocketAddr {
        let via = self.message.vias.first().and_then(|via| Via::read(via));
        let Some(via) = via.filter(|via| via.parameter(b"rport").is_none()) else {
            return self.source;
        };
        let port = via
            .sent_by
            .rsplit(|&b| b == b':')
            .next()
            .filter(|p| p.len() < via.sent_by.len());
        let port = port
            .and_then(|p| number(trim(p), 65_535))
            .filter(|&p| p > 0)
            .unwrap_or(5060);
        SocketAddr::new(self.source.ip(), port as u16)
    }

    fn answer(
        &self,
        status: u16,
        why: &str,
        out: &mut [u8],
        more: impl FnOnce(&mut Writer<'_>),
    ) -> Handled {
        let mut w = Writer::new(out);
        head(
            &mut w,
            self.message,
            self.source,
            status,
            why,
            Some(self.names.tag),
        );
        more(&mut w);
        tail(&mut w);
        match w.finish() {
            Some(len) => Handled::Answer { len, to: self.to() },
            None => Handled::Silent,
        }
    }

    /// Refuses a request for a reason of protocol; an INVITE in the way that the client's PBX takes
    /// for a refusal.
    fn refuse(&self, status: u16, why: &str, out: &mut [u8]) -> Handled {
        if self.message.method == b"INVITE"
            && let Answer::Status(instead) = gate::not_a_verdict(self.client(), status)
            && instead != status
        {
            return self.answer(instead, reason(instead), out, |_| {});
        }
        self.answer(status, why, out, |_| {})
    }

    /// The dialled number, decoded.
    fn dialled<'o>(&self, out: &'o mut [u8]) -> Result<&'o [u8], BadUri> {
        let uri = Uri::read(self.message.uri, false)?;
        // Telephone parameters stand in the user part behind `;` (RFC 3261 19.1.6).
        let user = uri.user.split(|&b| b == b';').next().unwrap_or_default();
        unescape(user, out).ok_or(BadUri::Form)
    }

    fn is_emergency(&self) -> bool {
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

    fn invite(self, out: &mut [u8]) -> Handled {
        let mut buffer = [0; limits::USER];
        let dialled = match self.dialled(&mut buffer) {
            Ok(dialled) => dialled,
            Err(BadUri::Scheme) => return self.refuse(416, reason(416), out),
            Err(BadUri::Form) => return self.refuse(400, "Bad Request-URI", out),
        };
        let message = self.message;
        let (mut from, mut asserted) = ([0; limits::USER], [0; limits::USER]);
        let tampering = match (
            message.said.twice || both_spellings(message),
            message.twice_named,
        ) {
            (true, _) => Some(Tampering::TwiceSaid),
            (false, true) => Some(Tampering::TwiceNamed),
            (false, false) => None,
        };
        let request = Request {
            source: self.source.ip().to_canonical(),
            transaction: self.names.transaction,
            merge: self.names.merge,
            dialled,
            from: user_of(message.from, &mut from).unwrap_or_default(),
            asserted: user_of(message.asserted, &mut asserted).filter(|user| !user.is_empty()),
            said: said::read(&message.said),
            user_agent: message.user_agent,
            tampering,
        };
        let to = self.to();
        match self.gate.invite(self.now, self.client, &request) {
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
        let mut w = Writer::new(out);
        head(
            &mut w,
            self.message,
            self.source,
            status,
            reason(status),
            Some(self.names.tag),
        );
        if let Some(prefix) = prefix {
            let host = match &self.client().contact_host {
                ContactHost::Via => Host::Via,
                ContactHost::Source => Host::Source,
                ContactHost::Fixed(host) => Host::Fixed(host.as_bytes()),
            };
            contact(&mut w, self.message, self.source, host, prefix, number);
        }
        tail(&mut w);
        w.finish()
    }

    /// A matching INVITE is known: 200, without effect, since its answer is final (RFC 3261 9.2).
    fn cancel(&self, out: &mut [u8]) -> Handled {
        let status = if self.gate.knows(self.names.transaction) {
            200
        } else {
            481
        };
        self.answer(status, reason(status), out, |_| {})
    }

    /// Option tags that a UAS would have to understand: none are (RFC 3261 8.2.2.3).
    fn bad_extension(&self, out: &mut [u8]) -> Option<Handled> {
        let require = self.message.require;
        (!require.is_empty())
            .then(|| self.answer(420, reason(420), out, |w| w.line(b"Unsupported", require)))
    }

    fn options(&self, out: &mut [u8]) -> Handled {
        if let Some(answer) = self.bad_extension(out) {
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

    /// A registrar that keeps nothing: some PBXs insist on registering, and all that they want back
    /// is their own Contact (RFC 3261 10.3).
    fn register(&self, out: &mut [u8]) -> Handled {
        let message = self.message;
        let asked = message.expires.unwrap_or(DEFAULT_EXPIRES);
        match message.contact {
            [] => self.answer(200, reason(200), out, |_| {}),
            b"*" if asked == 0 => self.answer(200, reason(200), out, |_| {}),
            b"*" => self.refuse(400, "Contact * Needs Expires 0", out),
            contacts => {
                let Some(first) = first_contact(contacts) else {
                    return self.refuse(400, "Bad Contact", out);
                };
                let expires = match first.parameters.get(b"expires") {
                    Some(value) => {
                        number(value, u64::from(u32::MAX)).map_or(DEFAULT_EXPIRES, |e| e as u32)
                    }
                    None => asked,
                };
                match expires {
                    0 => self.answer(200, reason(200), out, |_| {}),
                    1..MIN_EXPIRES => self.answer(423, reason(423), out, |w| {
                        let _ = core::fmt::Write::write_fmt(
                            w,
                            format_args!("Min-Expires: {MIN_EXPIRES}\r\n"),
                        );
                    }),
                    _ => self.answer(200, reason(200), out, |w| {
                        w.put(b"Contact: <");
                        w.unfolded(first.uri);
                        let expires = expires.min(DEFAULT_EXPIRES);
                        let _ =
                            core::fmt::Write::write_fmt(w, format_args!(">;expires={expires}\r\n"));
                    }),
                }
            }
        }
    }

    /// Methods that a redirect server does not serve (RFC 3261 8.2.1).
    fn other(&self, out: &mut [u8]) -> Handled {
        let method = self.message.method;
        let has_tag = NameAddr::read(self.message.to).is_some_and(|to| !to.tag().is_empty());
        let in_dialog: &[&[u8]] = &[b"BYE", b"INFO", b"UPDATE", b"PRACK", b"NOTIFY", b"REFER"];
        let known: &[&[u8]] = &[b"SUBSCRIBE", b"MESSAGE", b"PUBLISH"];
        if in_dialog.contains(&method) && has_tag {
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

/// P-tfps beside one of its older spellings: the PBX writes one of them, somebody else the other.
fn both_spellings(message: &Message<'_>) -> bool {
    let said = &message.said;
    said.tfps.is_some()
        && (said.older.is_some()
            || said.received.is_some()
            || said.agent.is_some()
            || said.calls.is_some())
}

fn user_of<'o>(value: &[u8], out: &'o mut [u8]) -> Option<&'o [u8]> {
    let uri = Uri::read(NameAddr::read(value)?.uri, true).ok()?;
    unescape(
        uri.user.split(|&b| b == b';').next().unwrap_or_default(),
        out,
    )
}

fn first_contact(contacts: &[u8]) -> Option<NameAddr<'_>> {
    let (first, _) = crate::text::split_outside(contacts, b',').ok()?;
    NameAddr::read(first)
}
