//! The SIP provider behind the PBX: the far end that decides whether a call has passed.

use std::{
    net::{SocketAddr, UdpSocket},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::sip::{Message, answer, description, user};

/// What the provider saw of one call.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The number asked for: the user part of the Request-URI.
    pub number: String,
    /// The whole INVITE.
    pub invite: Message,
    /// Has a BYE or CANCEL ended it?
    pub over: bool,
}

#[derive(Default)]
struct State {
    calls: Vec<Seen>,
    stop: bool,
}

/// A SIP user agent server on UDP that answers every call at once and keeps what it saw.
pub struct Provider {
    at: SocketAddr,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Provider {
    /// Starts it at an address.
    ///
    /// # Errors
    /// When the socket cannot be opened.
    pub fn start(at: SocketAddr) -> Result<Provider> {
        let socket = UdpSocket::bind(at).with_context(|| format!("the provider's socket {at}"))?;
        socket.set_read_timeout(Some(Duration::from_millis(200)))?;
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let thread = thread::spawn(move || serve(&socket, at, &shared));
        Ok(Provider {
            at,
            state,
            thread: Some(thread),
        })
    }

    /// The calls it has seen, after everything that was sent to it until now.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn calls(&self) -> Result<Vec<Seen>> {
        // Datagrams on loopback queue in order: the answer to this one comes after all others.
        let socket = UdpSocket::bind((self.at.ip(), 0))?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        let here = socket.local_addr()?;
        let options = format!(
            "OPTIONS sip:{0} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKsettle\r\nFrom: <sip:test@{here}>;tag=1\r\n\
             To: <sip:{0}>\r\nCall-ID: settle@{here}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
            self.at
        );
        socket.send_to(options.as_bytes(), self.at)?;
        socket
            .recv(&mut [0; 2048])
            .context("the provider does not answer")?;
        Ok(lock(&self.state).calls.clone())
    }

    /// The numbers of the calls it has seen, in order.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn numbers(&self) -> Result<Vec<String>> {
        Ok(self.calls()?.into_iter().map(|call| call.number).collect())
    }

    /// Checks that it saw these calls and no others.
    ///
    /// # Errors
    /// When it saw others.
    pub fn saw(&self, numbers: &[&str]) -> Result<()> {
        let seen = self.numbers()?;
        ensure!(
            seen == numbers,
            "the provider saw calls to {seen:?}; expected {numbers:?}"
        );
        Ok(())
    }

    /// Waits until it has seen so many calls; for PBXs that answer the phone before they dial on.
    ///
    /// # Errors
    /// When it has not within 5 s.
    pub fn wait_for(&self, count: usize) -> Result<()> {
        let started = Instant::now();
        while lock(&self.state).calls.len() < count {
            if started.elapsed() > Duration::from_secs(5) {
                bail!("the provider has not seen {count} calls");
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Waits until every call has ended.
    ///
    /// # Errors
    /// When one has not within 5 s.
    pub fn all_over(&self) -> Result<()> {
        let started = Instant::now();
        while lock(&self.state).calls.iter().any(|call| !call.over) {
            if started.elapsed() > Duration::from_secs(5) {
                bail!("a call is still up at the provider");
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        lock(&self.state).stop = true;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(socket: &UdpSocket, at: SocketAddr, state: &Mutex<State>) {
    let mut buffer = vec![0; 65_536];
    while !lock(state).stop {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        let Some(request) = Message::read(&buffer[..length]) else {
            continue;
        };
        for reply in replies(&request, at, &mut lock(state)) {
            let _ = socket.send_to(reply.as_bytes(), from);
        }
    }
}

fn replies(request: &Message, at: SocketAddr, state: &mut State) -> Vec<String> {
    let same = |call: &&mut Seen| call.invite.header("Call-ID") == request.header("Call-ID");
    match request.method() {
        "INVITE" => {
            if state.calls.iter_mut().find(same).is_none() {
                let number = user(request.uri()).to_owned();
                state.calls.push(Seen {
                    number,
                    invite: request.clone(),
                    over: false,
                });
            }
            let ok = format!("Contact: <sip:{at}>\r\nContent-Type: application/sdp\r\n");
            vec![
                answer(request, "100 Trying", "", "", ""),
                answer(
                    request,
                    "180 Ringing",
                    "provider",
                    &format!("Contact: <sip:{at}>\r\n"),
                    "",
                ),
                answer(request, "200 OK", "provider", &ok, &description(at.ip())),
            ]
        }
        "ACK" | "" => Vec::new(),
        "BYE" | "CANCEL" => {
            if let Some(call) = state.calls.iter_mut().find(same) {
                call.over = true;
            }
            vec![answer(request, "200 OK", "provider", "", "")]
        }
        _ => vec![answer(request, "200 OK", "provider", "", "")],
    }
}
