//! The client side of a load: calls that are made, and answers that are judged.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    call::{Call, Calls},
    flood::Beside,
    load::{Ask, Load, Outcome},
    message::{self, Key, Messages},
    socket::{self, Inbox, Outbox},
};

/// After this an answer is lost.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a closed load waits before it looks for lost answers.
const LOOK: Duration = Duration::from_millis(20);
/// Calls that an open load can have outstanding: 2 s at 30,000 calls/s.
const OPEN_SLOTS: u32 = 65_536;
/// Calls an open load sends, when it is late, before it reads answers again.
const OPEN_BURST: u32 = 16;

/// A call that waits for its answer.
#[derive(Clone, Copy)]
struct Waiting {
    sequence: u64,
    call: Call,
    since: Instant,
    answered: bool,
}

/// A client under way.
pub struct Client<'a> {
    load: &'a Load,
    server: SocketAddr,
    socket: UdpSocket,
    messages: Messages,
    calls: Calls,
    waiting: Vec<Waiting>,
    outstanding: u32,
    next: u64,
    inbox: Inbox,
    outbox: Outbox,
    outcome: Outcome,
}

impl<'a> Client<'a> {
    /// # Errors
    /// When its socket cannot be made.
    pub fn new(address: IpAddr, server: SocketAddr, load: &'a Load) -> Result<Self> {
        let address = SocketAddr::new(address, socket::free_port(address, 6000)?);
        let socket = socket::bind(address)?;
        socket.connect(server)?;
        // Branches and Call-IDs of a run must be new to the server, which remembers the last ones.
        let run = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .context("the clock is before 1970")?;
        let run = crate::call::mix(run.as_nanos() as u64) as u32;
        Ok(Client {
            load,
            server,
            socket,
            messages: Messages::new(address, server, run),
            calls: Calls::new(load.pool, load.listed),
            waiting: Vec::new(),
            outstanding: 0,
            next: 0,
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            outcome: Outcome::default(),
        })
    }

    /// Where its calls go.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// What became of its calls.
    pub fn outcome(self) -> Outcome {
        self.outcome
    }

    /// Keeps so many calls outstanding.
    ///
    /// # Errors
    /// When the server is gone.
    pub fn closed(&mut self, outstanding: u32) -> Result<()> {
        self.socket.set_read_timeout(Some(LOOK))?;
        let start = Instant::now();
        for slot in 0..outstanding {
            self.call(slot, Instant::now())?;
            // The first calls come in steps, or the server's buffer would overflow once.
            if slot % 32 == 31 {
                self.outbox.flush(&self.socket)?;
                self.receive(true)?;
            }
        }
        self.outbox.flush(&self.socket)?;
        let mut looked = start;
        while start.elapsed() < self.load.warm_up {
            self.closed_turn(&mut looked)?;
        }
        let from = self.begin();
        while from.elapsed() < self.load.time {
            self.closed_turn(&mut looked)?;
        }
        self.outcome.time = from.elapsed();
        let answers = self.outcome.answers;
        self.drain(Duration::from_millis(300))?;
        self.outcome.answers = answers;
        Ok(())
    }

    fn closed_turn(&mut self, looked: &mut Instant) -> Result<()> {
        self.receive(true)?;
        if looked.elapsed() >= LOOK {
            *looked = Instant::now();
            for slot in 0..self.waiting.len() as u32 {
                if self.give_up(slot, *looked) {
                    self.call(slot, *looked)?;
                }
            }
            self.outbox.flush(&self.socket)?;
        }
        Ok(())
    }

    /// Makes so many calls in a second; in the measured time, `beside` has its turns.
    ///
    /// # Errors
    /// When the server is gone, or what is beside can send no more.
    pub fn open(&mut self, rate: u32, beside: Option<&mut dyn Beside>) -> Result<()> {
        self.socket.set_nonblocking(true)?;
        let start = Instant::now();
        let every = Duration::from_secs(1) / rate.max(1);
        let mut due = start;
        let mut oldest = 0;
        self.open_until(
            start + self.load.warm_up,
            &mut due,
            every,
            &mut oldest,
            None,
        )?;
        let from = self.begin();
        let end = from + self.load.time;
        self.open_until(end, &mut due, every, &mut oldest, beside)?;
        self.outcome.time = from.elapsed();
        // What was due in the measured time is waited for: a slow answer counts in the quantiles.
        let answers = self.outcome.answers;
        self.drain(PATIENCE)?;
        self.outcome.answers = answers;
        for slot in 0..self.waiting.len() as u32 {
            self.give_up(slot, Instant::now() + PATIENCE);
        }
        Ok(())
    }

    fn open_until(
        &mut self,
        end: Instant,
        due: &mut Instant,
        every: Duration,
        oldest: &mut u64,
        mut beside: Option<&mut dyn Beside>,
    ) -> Result<()> {
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            let mut burst = 0;
            while *due <= now && burst < OPEN_BURST {
                self.call((self.next % u64::from(OPEN_SLOTS)) as u32, *due)?;
                *due += every;
                burst += 1;
            }
            self.outbox.flush(&self.socket)?;
            self.receive(false)?;
            while *oldest < self.next {
                let slot = (*oldest % u64::from(OPEN_SLOTS)) as u32;
                if !self.waiting[slot as usize].answered && !self.give_up(slot, now) {
                    break;
                }
                *oldest += 1;
            }
            if let Some(beside) = beside.as_deref_mut() {
                beside.turn(now)?;
            }
        }
    }

    /// Measuring begins: forgets what was counted so far, but for the sums of the whole run.
    fn begin(&mut self) -> Instant {
        let Outcome {
            wrong,
            all_answers,
            all_approved,
            ..
        } = self.outcome;
        let first_wrong = self.outcome.first_wrong.take();
        self.outcome = Outcome {
            first_wrong,
            wrong,
            all_answers,
            all_approved,
            ..Outcome::default()
        };
        Instant::now()
    }

    /// Takes answers, without new calls, until none is outstanding or the time is over.
    fn drain(&mut self, time: Duration) -> Result<()> {
        let start = Instant::now();
        while self.outstanding > 0 && start.elapsed() < time {
            self.receive(false)?;
        }
        Ok(())
    }

    /// Puts a call in the slot and its message in the outbox.
    fn call(&mut self, slot: u32, since: Instant) -> Result<()> {
        let waiting = Waiting {
            sequence: self.next,
            call: self.calls.nth(self.next),
            since,
            answered: false,
        };
        match self.waiting.get_mut(slot as usize) {
            Some(place) => *place = waiting,
            None => self.waiting.push(waiting),
        }
        self.outstanding += 1;
        self.next += 1;
        let key = Key {
            run: self.messages.run(),
            slot,
            sequence: waiting.sequence,
        };
        let (messages, ask) = (&self.messages, self.load.ask);
        self.outbox
            .add(&self.socket, |room| match ask {
                Ask::Options => messages.options(room, &waiting.call, key),
                _ => messages.invite(room, &waiting.call, key),
            })
            .context("the server is gone")
    }

    /// Reads what is there; each answered slot makes its next call, if it is to.
    fn receive(&mut self, again: bool) -> Result<()> {
        let got = match self.inbox.receive(&self.socket) {
            Ok(got) => got,
            Err(error) => return Err(error).context("the server is gone"),
        };
        let now = Instant::now();
        for at in 0..got {
            if let Some(slot) = self.answer(at, now)?
                && again
            {
                self.call(slot, now)?;
            }
        }
        if got > 0 {
            self.outbox
                .flush(&self.socket)
                .context("the server is gone")?;
        }
        Ok(())
    }

    /// Judges one datagram; the slot that it freed, if it did.
    fn answer(&mut self, at: usize, now: Instant) -> Result<Option<u32>> {
        let datagram = self.inbox.datagram(at);
        let Some(key) = self.messages.key(datagram) else {
            self.outcome.duplicates += 1;
            return Ok(None);
        };
        let Some(waiting) = self.waiting.get_mut(key.slot as usize) else {
            self.outcome.wrong += 1;
            return Ok(None);
        };
        if waiting.sequence != key.sequence || waiting.answered {
            self.outcome.duplicates += 1;
            return Ok(None);
        }
        if datagram.starts_with(b"SIP/2.0 1") {
            return Ok(None);
        }
        waiting.answered = true;
        self.outstanding -= 1;
        let (call, took) = (waiting.call, now.saturating_duration_since(waiting.since));
        let judged = match self.load.ask {
            Ask::Echo if datagram.len() == self.messages.invite_octets() => Ok(()),
            Ask::Echo => Err(anyhow::anyhow!("the echo has {} octets", datagram.len())),
            Ask::Options => message::check_options(datagram),
            Ask::Invite | Ask::InviteAck => message::check(datagram, &call),
        };
        match judged {
            Ok(()) => {
                self.outcome.answers += 1;
                self.outcome.all_answers += 1;
                self.outcome.latency.record(took);
                if !call.refused {
                    self.outcome.all_approved += 1;
                    self.outcome.approval.record(took);
                }
            }
            Err(wrong) => {
                self.outcome.wrong += 1;
                self.outcome
                    .first_wrong
                    .get_or_insert_with(|| format!("{wrong:#}"));
            }
        }
        if self.load.ask == Ask::InviteAck {
            let (messages, inbox) = (&self.messages, &self.inbox);
            self.outbox.add(&self.socket, |room| {
                messages.ack(room, &call, key, inbox.datagram(at))
            })?;
        }
        Ok(Some(key.slot))
    }

    /// Counts the slot's call as lost, if it has waited long enough.
    fn give_up(&mut self, slot: u32, now: Instant) -> bool {
        let waiting = &mut self.waiting[slot as usize];
        if waiting.answered || now.saturating_duration_since(waiting.since) < PATIENCE {
            return false;
        }
        waiting.answered = true;
        self.outstanding -= 1;
        self.outcome.lost += 1;
        self.outcome.latency.record(PATIENCE);
        self.outcome.approval.record(PATIENCE);
        true
    }
}
