//! The desk where calls are answered: the gate, the reader of SIP and what waits, behind one lock.
//!
//! The UDP thread takes the lock once per batch, a connection once per message, the journal's thread
//! once per commit, and everybody else for a moment. Nothing under it waits for anything.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError},
};

use trunkguard_core::{
    bans::{Evidence, Service, evidence},
    gate::{self, Gate},
    policy::{Name, Policy, StoreFailure},
    record::Record,
    screen::Strangers,
    speakers::Speakers,
    time::Now,
    transaction::Ticket,
    verdict::Answer,
};
use trunkguard_sip::{
    read::{self, Framing, Read},
    uas::{Handled, Seeds, Uas},
};
use trunkguard_store::journal::{self, Entry, Journal};

use crate::{
    batch::{BATCH, Sender},
    clock::Clock,
    firewall::Firewall,
    held::{self, Held, Route, Waiting},
    logs::CallLog,
    self_test::SelfTest,
    streams::Connections,
    syslog::Syslog,
    tally::Tally,
    trace::{Recorder, Way},
};

/// Decided calls that may wait for the journal's thread: twice what can wait for the disk.
pub const QUEUE: usize = 2 * held::PLACES;

/// Strangers' datagrams that are looked at in a second.
const WITNESSED_PER_SECOND: u32 = 20;
/// The port of SIP (RFC 3261 19.1.2), whatever port the box was told to answer on.
const SIP_PORT: u16 = 5_060;

/// Everything that answering calls needs, shared by the threads that do it.
pub struct Shared {
    desk: Mutex<Desk>,
    /// Answers leave from where requests come to.
    pub socket: UdpSocket,
    /// Connections of clients.
    pub connections: Mutex<Connections>,
    /// Messages of clients, for who looks for a fault.
    pub recorder: Recorder,
    journal: OnceLock<Journal>,
    firewall: OnceLock<Firewall>,
    late: Mutex<Sender>,
}

/// What is under the lock.
pub struct Desk {
    /// Decides.
    pub gate: Gate,
    /// Reads and writes SIP.
    pub uas: Uas,
    /// Counts strangers.
    pub strangers: Strangers,
    /// Those of the office among them.
    pub speakers: Speakers,
    /// Answers that wait for the disk.
    pub held: Held,
    /// Tells the time.
    pub clock: Clock,
    entries: Vec<Entry>,
    log: CallLog,
    lines: Vec<Line>,
    /// Counts what was decided.
    pub tally: Tally,
    syslog: Option<Syslog>,
    /// Which second, and how many strangers' datagrams were looked at in it.
    witnessed: (u64, u32),
    seen: Vec<Evidence>,
    /// One address of this machine that asks for a moment.
    pub self_test: Option<Box<SelfTest>>,
    /// When a client's request was last decided, on the clock of [`Now::mono_ms`].
    pub decided_ms: u64,
}

/// A call that is told of, once the lock is free: in the log, to a log server, or both.
pub struct Line {
    record: Record,
    policy: Arc<Policy>,
    source: IpAddr,
    logged: bool,
    syslog: Option<Syslog>,
}

impl Line {
    /// Writes it.
    pub fn write(self) {
        let clients = self.policy.clients();
        if self.logged
            && let Some(client) = clients.get(self.record.client as usize)
        {
            crate::logs::call(
                &self.record,
                client,
                self.source,
                self.policy.settings.log_numbers,
            );
        }
        if let Some(syslog) = self.syslog {
            syslog.call(self.record, self.policy, self.source);
        }
    }
}

impl Shared {
    /// A desk with this policy.
    pub fn new(policy: Arc<Policy>, clock: Clock, seeds: Seeds, socket: UdpSocket) -> Self {
        let key = (seeds.keys.transaction.0, seeds.keys.tag.0);
        let recorder = Recorder::default();
        recorder.set_numbers(policy.settings.log_numbers);
        let desk = Desk {
            gate: Gate::new(policy, key),
            uas: Uas::new(seeds),
            strangers: Strangers::new(key.1),
            speakers: Speakers::default(),
            held: Held::default(),
            clock,
            entries: Vec::with_capacity(2 * BATCH),
            log: CallLog::default(),
            lines: Vec::with_capacity(2 * BATCH),
            tally: Tally::default(),
            syslog: None,
            witnessed: (0, 0),
            seen: Vec::with_capacity(WITNESSED_PER_SECOND as usize),
            self_test: None,
            decided_ms: 0,
        };
        Shared {
            desk: Mutex::new(desk),
            socket,
            connections: Mutex::default(),
            recorder,
            journal: OnceLock::new(),
            firewall: OnceLock::new(),
            late: Mutex::default(),
        }
    }

    /// Hires the journal; once, before the first call.
    pub fn set_journal(&self, journal: Journal) {
        let mut desk = self.lock();
        let clients = names(desk.gate.policy());
        desk.tally.set_clients(&clients);
        drop(desk);
        journal.announce(clients);
        let _ = self.journal.set(journal);
    }

    /// The journal.
    pub fn journal(&self) -> Option<&Journal> {
        self.journal.get()
    }

    /// Says who is told of strangers; once, before the first message.
    pub fn set_firewall(&self, firewall: Firewall) {
        let _ = self.firewall.set(firewall);
    }

    /// Says who tells a log server of calls; once, before the first message.
    pub fn set_syslog(&self, syslog: Syslog) {
        self.lock().syslog = Some(syslog);
    }

    /// Takes the lock. A panic under it has been reported; the state behind it is whole between
    /// messages, and calls go on.
    pub fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lock if nobody holds it.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, Desk>> {
        match self.desk.try_lock() {
            Ok(desk) => Some(desk),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Is this the address of a client? Counts it where it is not. `port` is the one that was knocked at.
    pub fn admits(&self, source: IpAddr, port: u16) -> bool {
        let mut desk = self.lock();
        let admitted = desk.gate.policy().client_of(source).is_some();
        if !admitted {
            desk.strangers.knock(source);
            let now = desk.clock.now();
            desk.speakers.heard(source, b"", b"", now.mono_ms);
            drop(desk);
            if let Some(firewall) = self.firewall.get() {
                firewall.evidence(evidence::of_connection(source, Service::Sip, port));
            }
        }
        admitted
    }

    /// Hands on what strangers' datagrams said, once the lock is free.
    pub fn report_strangers(&self, seen: &mut Vec<Evidence>) {
        let Some(firewall) = self.firewall.get() else {
            seen.clear();
            return;
        };
        seen.drain(..)
            .for_each(|evidence| firewall.evidence(evidence));
    }

    /// Handles one message of a connection. Answers with the length of what goes back on it now.
    pub fn message(
        &self,
        bytes: &[u8],
        from: SocketAddr,
        connection: u32,
        out: &mut [u8],
    ) -> Option<usize> {
        let mut desk = self.lock();
        let now = desk.clock.now();
        let answer = desk.handle(&now, bytes, from, Some(connection), out);
        let answered = answer.map(|(len, to)| (to, &out[..len]));
        self.record(&desk, from, true, bytes, answered);
        self.hand_over(&mut desk);
        let lines = std::mem::take(&mut desk.lines);
        drop(desk);
        lines.into_iter().for_each(Line::write);
        answer.map(|(len, _)| len)
    }

    /// Keeps a message of a client and its answer, where somebody has asked for that; otherwise it costs one look at a flag.
    pub fn record(
        &self,
        desk: &Desk,
        from: SocketAddr,
        stream: bool,
        bytes: &[u8],
        answer: Option<(SocketAddr, &[u8])>,
    ) {
        // Strangers would push out what is looked for.
        if self.recorder.is_on() && desk.gate.policy().client_of(from.ip()).is_some() {
            self.recorder.note(Way::In, from, stream, bytes);
            if let Some((to, bytes)) = answer {
                self.recorder.note(Way::Out, to, stream, bytes);
            }
        }
    }

    /// Gives decided calls to the journal. What finds no room there is answered for here.
    pub fn hand_over(&self, desk: &mut Desk) {
        let Some(journal) = self.journal.get() else {
            return;
        };
        if desk.entries.is_empty() {
            return;
        }
        journal.push(&mut desk.entries);
        if desk.entries.is_empty() {
            return;
        }
        let left = std::mem::take(&mut desk.entries);
        let tickets: Vec<Ticket> = left.iter().filter_map(|entry| entry.ticket).collect();
        journal.raise(
            "journal-full",
            "calls come faster than the disk takes them; the history has gaps",
        );
        self.settle(desk, &tickets, journal::Outcome::Failed);
    }

    /// The journal has stored calls, or could not: their answers leave now.
    pub fn settled(&self, tickets: &[Ticket], outcome: journal::Outcome) {
        let mut desk = self.lock();
        self.settle(&mut desk, tickets, outcome);
    }

    fn settle(&self, desk: &mut Desk, tickets: &[Ticket], outcome: journal::Outcome) {
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        let mut refusal = [0; held::LONGEST];
        let now = desk.clock.now();
        let Desk {
            gate, uas, held, ..
        } = desk;
        let refuses = outcome == journal::Outcome::Failed
            && gate.policy().settings.store_failure == StoreFailure::Refuse;
        for &ticket in tickets {
            let Some((waiting, bytes, request)) = held.release(ticket) else {
                continue;
            };
            if refuses {
                // The transaction is known with its refusal now: the same request gets that.
                gate.settle(ticket, Some(Answer::Status(waiting.refusal)));
                let client = gate.policy().client_of(waiting.from.ip());
                let handled = client.map(|client| {
                    let framing = waiting.route.framing();
                    uas.handle(
                        &now,
                        gate,
                        client,
                        request,
                        waiting.from,
                        framing,
                        &mut refusal,
                    )
                });
                if let Some(Handled::Answer { len, .. }) = handled {
                    self.leave(&mut late, waiting, &refusal[..len]);
                }
                continue;
            }
            gate.settle(ticket, None);
            self.leave(&mut late, waiting, bytes);
            if let (Route::Udp(to), Some(transaction)) = (waiting.route, waiting.repeats) {
                uas.sent(now.mono_ms, transaction, to, bytes);
            }
        }
        late.send(&self.socket);
    }

    fn leave(&self, late: &mut Sender, waiting: Waiting, bytes: &[u8]) {
        match waiting.route {
            Route::Udp(to) => {
                self.recorder.note(Way::Out, to, false, bytes);
                late.push(&self.socket, bytes, to);
            }
            Route::Stream(connection) => {
                self.recorder.note(Way::Out, waiting.from, true, bytes);
                self.connections
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .send(connection, bytes);
            }
        }
    }

    /// What is due by the clock: answers that leave again, and 100 Trying for requests whose answer
    /// has waited for long.
    pub fn tick(&self) {
        let mut desk = self.lock();
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        let now_ms = desk.clock.now().mono_ms;
        let Desk { uas, held, log, .. } = &mut *desk;
        uas.due(now_ms, |to, bytes| {
            self.recorder.note(Way::Out, to, false, bytes);
            late.push(&self.socket, bytes, to);
        });
        let mut trying = [0; held::LONGEST];
        held.impatient(now_ms, |waiting, request| {
            let Some(len) =
                Uas::trying(request, waiting.from, waiting.route.framing(), &mut trying)
            else {
                return;
            };
            self.leave(&mut late, waiting, &trying[..len]);
        });
        late.send(&self.socket);
        log.flush(now_ms);
    }

    /// Puts another policy in force, between two messages.
    pub fn replace_policy(&self, policy: Arc<Policy>, clock: &Clock) {
        let mut desk = self.lock();
        if let Some(journal) = self.journal.get() {
            // In the queue's order: records before this are of the old clients.
            self.hand_over(&mut desk);
            journal.announce(names(&policy));
            journal.set_options(journal::Options {
                history_days: policy.settings.history_days,
                capacity: QUEUE,
                ..journal::Options::default()
            });
        }
        desk.clock = desk.clock.with_zone_of(clock);
        self.recorder.set_numbers(policy.settings.log_numbers);
        desk.uas.forget_clients();
        desk.tally.set_clients(&names(&policy));
        let old = desk.gate.replace_policy(policy);
        drop(desk);
        // Freed without the lock: it may be large.
        drop(old);
    }
}

fn names(policy: &Policy) -> Arc<[Name]> {
    policy
        .clients()
        .iter()
        .map(|client| client.name.clone())
        .collect()
}

impl Desk {
    /// Handles one message: `out[..len]` goes back to the address, by UDP where there is no
    /// connection.
    pub fn handle(
        &mut self,
        now: &Now,
        bytes: &[u8],
        from: SocketAddr,
        connection: Option<u32>,
        out: &mut [u8],
    ) -> Option<(usize, SocketAddr)> {
        let Some(client) = self.gate.policy().client_of(from.ip()) else {
            let tested = self.self_test.as_mut().filter(|_| connection.is_none());
            if let Some(answer) = tested.and_then(|test| test.answer(now, bytes, from, out)) {
                return Some(answer);
            }
            self.strangers.knock(from.ip());
            self.witness(now, from.ip(), bytes);
            return None;
        };
        let framing = if connection.is_some() {
            Framing::Stream
        } else {
            Framing::Datagram
        };
        match self
            .uas
            .handle(now, &mut self.gate, client, bytes, from, framing, out)
        {
            Handled::Silent => None,
            Handled::Answer { len, to } => Some((len, to)),
            Handled::Decided {
                len,
                to,
                record,
                ticket,
                transaction,
            } => {
                self.decided_ms = now.mono_ms;
                self.note(&record, from.ip());
                let asker = &self.gate.policy().clients()[client as usize];
                let repeats = (connection.is_none() && asker.retransmit).then_some(transaction);
                let refusal = gate::deny_status(asker);
                let Some(ticket) = ticket else {
                    self.entries.push(Entry {
                        record,
                        ticket: None,
                    });
                    if let Some(transaction) = repeats {
                        self.uas.sent(now.mono_ms, transaction, to, &out[..len]);
                    }
                    return Some((len, to));
                };
                let waiting = Waiting {
                    ticket,
                    from,
                    route: connection.map_or(Route::Udp(to), Route::Stream),
                    repeats,
                    refusal,
                };
                if self.held.keep(now.mono_ms, waiting, &out[..len], bytes) {
                    self.entries.push(Entry {
                        record,
                        ticket: Some(ticket),
                    });
                    return None;
                }
                self.overloaded(now, client, bytes, from, framing, record, ticket, out)
            }
        }
    }

    /// No room for one more answer that waits: the call is refused, and recorded so.
    #[allow(clippy::too_many_arguments)]
    fn overloaded(
        &mut self,
        now: &Now,
        client: u16,
        bytes: &[u8],
        from: SocketAddr,
        framing: Framing,
        mut record: Record,
        ticket: Ticket,
        out: &mut [u8],
    ) -> Option<(usize, SocketAddr)> {
        let refusal = gate::deny_status(&self.gate.policy().clients()[client as usize]);
        self.gate.settle(ticket, Some(Answer::Status(refusal)));
        record.verdict.approved = false;
        self.entries.push(Entry {
            record,
            ticket: None,
        });
        // The transaction is known now: the same message gets the refusal that was just stored.
        match self
            .uas
            .handle(now, &mut self.gate, client, bytes, from, framing, out)
        {
            Handled::Answer { len, to } => Some((len, to)),
            Handled::Silent | Handled::Decided { .. } => None,
        }
    }

    /// Keeps what a stranger's datagram says, a few in a second: a flood costs no more than a scan.
    fn witness(&mut self, now: &Now, source: IpAddr, bytes: &[u8]) {
        let second = now.mono_ms / 1_000;
        if self.witnessed.0 != second {
            self.witnessed = (second, 0);
        }
        if self.witnessed.1 < WITNESSED_PER_SECOND {
            self.witnessed.1 += 1;
            let said = evidence::of_datagram(source, Service::Sip, SIP_PORT, bytes);
            self.seen.extend(said);
            if Speakers::keeps(source)
                && let Read::Request(message) = read::read(bytes, Framing::Datagram)
            {
                let (method, agent) = (message.method, message.user_agent);
                self.speakers.heard(source, method, agent, now.mono_ms);
            }
        }
    }

    /// What strangers said, to be handed on without the lock.
    pub fn take_evidence(&mut self, into: &mut Vec<Evidence>) {
        into.append(&mut self.seen);
    }

    fn note(&mut self, record: &Record, source: IpAddr) {
        self.tally.count(record);
        let logged = self.log.admits(record.unix_ms);
        let syslog = self.syslog.as_ref().filter(|syslog| syslog.wants_calls());
        if logged || syslog.is_some() {
            self.lines.push(Line {
                record: record.clone(),
                policy: self.gate.policy().clone(),
                source,
                logged,
                syslog: syslog.cloned(),
            });
        }
    }

    /// Calls that are told of, to be written without the lock.
    pub fn take_lines(&mut self, into: &mut Vec<Line>) {
        into.append(&mut self.lines);
    }
}
