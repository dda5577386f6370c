//! The user agent server: one message in, at most one answer out (RFC 3261 8.2, 8.3, 9.2, 10.3, 17.2).
//!
//! A redirect server that keeps INVITE transactions (in the core's gate) and answers everything else
//! without memory. Strangers are not its business: the shell asks it for clients only.

use core::net::SocketAddr;

use trunkguard_core::{
    gate::Gate,
    policy::bounds,
    record::{self, Record},
    time::Now,
    transaction::Ticket,
};

use crate::{
    digest::{Asked, Checked, Digests},
    keys::Keys,
    limits,
    read::{Framing, Message, read_into},
    retransmit::Repeats,
    turn::Turn,
    write::{Writer, head, reason, tail},
};

/// Answers to unreadable requests that one client gets in a second.
const REFUSALS_PER_SECOND: u32 = 20;

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
    refused: Box<[Refused]>,
}

/// Unreadable requests of one client in one second.
#[derive(Clone, Copy, Default)]
struct Refused {
    second: u64,
    count: u32,
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

impl Uas {
    /// A server with these draws.
    pub fn new(seeds: Seeds) -> Self {
        let heard = vec![Heard::default(); bounds::CLIENTS].into();
        Uas {
            heard,
            keys: seeds.keys,
            digests: Digests::new(seeds.nonce),
            repeats: Repeats::default(),
            refused: vec![Refused::default(); bounds::CLIENTS].into(),
        }
    }

    /// Handles one message of a client. `out` takes the answer; 8 KiB hold any.
    // Who asks, what, and where the answer goes: a struct of them would be filled once and taken
    // apart at once.
    #[allow(clippy::too_many_arguments)]
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
        let mut message = Message::default();
        let refused = match read_into(bytes, framing, &mut message) {
            Ok(()) => None,
            Err(Some(refused)) => Some(refused),
            Err(None) => return Handled::Silent,
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
            return self.refused(turn, status, why, out);
        }
        match message.method {
            b"INVITE" => {
                let handled = self.invite(turn, out);
                if let (Handled::Decided { record, .. }, Some(heard)) =
                    (&handled, self.heard.get_mut(client as usize))
                {
                    heard.said_fields = record.said_fields;
                }
                handled
            }
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

    /// A request that is refused as it stands. What can be read of an emergency call is enough for it,
    /// and a call is always answered: silence would send it on unseen where a PBX has another trunk.
    fn refused(
        &mut self,
        turn: Turn<'_, '_>,
        status: u16,
        why: &'static str,
        out: &mut [u8],
    ) -> Handled {
        match turn.message.method {
            b"INVITE" if turn.is_emergency() => turn.invite(out),
            b"INVITE" => turn.refuse(status, why, out),
            // ACK is never answered (RFC 3261 17.1.1.3), however broken it is.
            b"ACK" => Handled::Silent,
            _ if self.may_refuse(turn.now, turn.client) => turn.refuse(status, why, out),
            _ => Handled::Silent,
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
        self.refused.fill(Refused::default());
    }

    fn may_refuse(&mut self, now: &Now, client: u16) -> bool {
        let Some(refused) = self.refused.get_mut(client as usize) else {
            return false;
        };
        let second = now.mono_ms / 1_000;
        if second != refused.second {
            *refused = Refused { second, count: 0 };
        }
        refused.count = refused.count.saturating_add(1);
        refused.count <= REFUSALS_PER_SECOND
    }

    fn invite(&mut self, turn: Turn<'_, '_>, out: &mut [u8]) -> Handled {
        if turn.in_dialog() {
            return turn.refuse(481, reason(481), out);
        }
        if turn.client().credentials.is_some()
            && !turn.is_emergency()
            && let Some(answer) = self.authenticate(&turn, out)
        {
            return answer;
        }
        turn.invite(out)
    }

    /// `None` when the request may go on.
    fn authenticate(&mut self, turn: &Turn<'_, '_>, out: &mut [u8]) -> Option<Handled> {
        let credentials = turn.client().credentials.as_ref()?;
        let asked = Asked {
            now_ms: turn.now.mono_ms,
            method: turn.message.method,
            uri: turn.message.uri,
            transaction: turn.names.transaction,
        };
        let checked = match turn.message.authorization {
            [] => Checked::Missing,
            value => self.digests.check(&asked, value, credentials),
        };
        match checked {
            Checked::Right => None,
            Checked::Wrong => Some(turn.refuse(403, reason(403), out)),
            Checked::Missing | Checked::Stale => {
                let digests = &mut self.digests;
                Some(turn.answer(401, reason(401), out, |w| {
                    digests.challenge(&asked, checked == Checked::Stale, w)
                }))
            }
        }
    }

    /// In the order of RFC 3261 8.2 and 10.3.
    fn register(&mut self, turn: Turn<'_, '_>, out: &mut [u8]) -> Handled {
        if let Some(answer) = turn.not_for_us(out) {
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
        let mut message = Message::default();
        read_into(bytes, framing, &mut message).ok()?;
        let mut w = Writer::new(out);
        head(
            &mut w,
            &message,
            source,
            100,
            reason(100),
            None,
            limits::VIAS,
        );
        if !message.timestamp.is_empty() {
            w.line(b"Timestamp", message.timestamp);
        }
        tail(&mut w);
        w.finish()
    }
}
