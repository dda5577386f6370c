//! A stand-in for one of VoIP.ms's points of presence: SIP over UDP, and audio that is counted.

use std::{
    collections::HashSet,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use super::{Place, Talk};
use crate::sip::{Message, answer, bare_uri};

/// How long SIP may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(8);

#[derive(Default)]
struct State {
    requests: Vec<(Message, String)>,
    responses: Vec<(Message, String)>,
    stop: bool,
}

/// A SIP server at 5060 that takes registrations and answers every call, and calls itself.
pub struct Pop {
    at: Ipv4Addr,
    socket: Arc<UdpSocket>,
    audio: Arc<UdpSocket>,
    state: Arc<Mutex<State>>,
    calls: AtomicU32,
    thread: Option<JoinHandle<()>>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pop {
    /// Starts it at an address of a network.
    ///
    /// # Errors
    /// When a socket cannot be opened.
    pub fn start(place: &Place, at: Ipv4Addr) -> Result<Pop> {
        let (socket, audio) = place.within(|| {
            let socket = UdpSocket::bind((at, 5060)).context("the PoP's SIP")?;
            Ok((socket, UdpSocket::bind((at, 0)).context("the PoP's audio")?))
        })?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        audio.set_read_timeout(Some(Duration::from_millis(5)))?;
        let (socket, state) = (Arc::new(socket), Arc::<Mutex<State>>::default());
        let description = description(at, audio.local_addr()?.port());
        let thread = {
            let (socket, state) = (Arc::clone(&socket), Arc::clone(&state));
            thread::spawn(move || serve(&socket, at, &description, &state))
        };
        Ok(Pop {
            at,
            socket,
            audio: Arc::new(audio),
            state,
            calls: AtomicU32::new(0),
            thread: Some(thread),
        })
    }

    /// How many different requests of a method have come (retransmissions count once).
    pub fn requests(&self, method: &str) -> usize {
        let state = lock(&self.state);
        let of = state.requests.iter().filter(|(m, _)| m.method() == method);
        let ids: HashSet<(&str, &str)> = of
            .map(|(m, _)| (m.header("Call-ID"), m.header("CSeq")))
            .collect();
        ids.len()
    }

    /// Waits until `count` requests of a method have come.
    ///
    /// # Errors
    /// When they do not in time.
    pub fn wait_for(&self, method: &str, count: usize) -> Result<()> {
        let started = Instant::now();
        while self.requests(method) < count {
            ensure!(
                started.elapsed() < PATIENCE,
                "{} {method} of {count} came to {} within {PATIENCE:?}",
                self.requests(method),
                self.at
            );
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Calls a number at the PBX, and returns the call when it is answered.
    ///
    /// # Errors
    /// When it is not.
    pub fn call(&self, to: SocketAddr, number: &str) -> Result<PopCall<'_>> {
        let n = self.calls.fetch_add(1, Ordering::Relaxed);
        let dialog = Dialog {
            to,
            target: format!("sip:{number}@{}", to.ip()),
            id: format!("pop-{n}-{}@{}", std::process::id(), self.at),
            local: format!("<sip:4165550100@{}>;tag=p{n}", self.at),
            remote: format!("<sip:{number}@{}>", to.ip()),
            sequence: 1,
        };
        let body = description(self.at, self.audio.local_addr()?.port());
        let (response, said) = self.exchange(&dialog, "INVITE", &body)?;
        ensure!(
            response.status() == Some(200),
            "the PBX refuses the PoP's call: {}",
            response.start
        );
        let dialog = Dialog {
            target: bare_uri(response.header("Contact")).to_owned(),
            remote: response.header("To").to_owned(),
            ..dialog
        };
        self.send(&dialog, "ACK", "")?;
        self.up(dialog, &said)
    }

    /// The next call of the PBX that nobody has asked for yet.
    ///
    /// # Errors
    /// When none comes in time.
    pub fn taken(&self) -> Result<PopCall<'_>> {
        self.wait_for("ACK", 1)?;
        let state = lock(&self.state);
        let (invite, said) = state
            .requests
            .iter()
            .rfind(|(m, _)| m.method() == "INVITE")
            .context("an ACK without an INVITE")?;
        let target = bare_uri(invite.header("Contact")).to_owned();
        let dialog = Dialog {
            to: at_host(&target)?,
            target,
            id: invite.header("Call-ID").to_owned(),
            local: format!("{};tag=pop", invite.header("To")),
            remote: invite.header("From").to_owned(),
            sequence: 1,
        };
        let said = said.clone();
        drop(state);
        self.up(dialog, &said)
    }

    fn up(&self, dialog: Dialog, said: &str) -> Result<PopCall<'_>> {
        Ok(PopCall {
            pop: self,
            audio_to: described(said).context("no audio in the PBX's description")?,
            dialog,
        })
    }

    /// Sends a request until its final answer comes.
    fn exchange(&self, dialog: &Dialog, method: &str, body: &str) -> Result<(Message, String)> {
        let sequence = format!("{} {method}", dialog.sequence);
        let started = Instant::now();
        let (mut again, mut pause) = (Instant::now(), Duration::from_millis(500));
        while started.elapsed() < PATIENCE {
            if again <= Instant::now() {
                self.send(dialog, method, body)?;
                again = Instant::now() + pause;
                pause *= 2;
            }
            let state = lock(&self.state);
            let ours = state.responses.iter().find(|(m, _)| {
                m.header("Call-ID") == dialog.id
                    && m.header("CSeq") == sequence
                    && m.status().is_some_and(|status| status >= 200)
            });
            if let Some(found) = ours {
                return Ok(found.clone());
            }
            drop(state);
            thread::sleep(Duration::from_millis(5));
        }
        bail!("no answer to the PoP's {method} within {PATIENCE:?}")
    }

    fn send(&self, dialog: &Dialog, method: &str, body: &str) -> Result<()> {
        let kind = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        let text = format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/UDP {at}:5060;branch=z9hG4bK-{}-{}-{method};rport\r\n\
             From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {} {method}\r\nContact: <sip:pop@{at}:5060>\r\n\
             Max-Forwards: 70\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            dialog.target,
            dialog.id.replace(['@', '.'], "-"),
            dialog.sequence,
            dialog.local,
            dialog.remote,
            dialog.id,
            dialog.sequence,
            body.len(),
            at = self.at,
        );
        self.socket.send_to(text.as_bytes(), dialog.to)?;
        Ok(())
    }
}

impl Drop for Pop {
    fn drop(&mut self) {
        lock(&self.state).stop = true;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Dialog {
    to: SocketAddr,
    target: String,
    id: String,
    local: String,
    remote: String,
    sequence: u32,
}

/// A call between PoP and PBX that is up.
pub struct PopCall<'a> {
    pop: &'a Pop,
    dialog: Dialog,
    audio_to: SocketAddr,
}

impl PopCall<'_> {
    /// Where the PBX wants its audio.
    pub fn audio_to(&self) -> SocketAddr {
        self.audio_to
    }

    /// Where the PoP wants its own.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn audio_from(&self) -> Result<SocketAddr> {
        Ok(self.pop.audio.local_addr()?)
    }

    /// Begins to send audio, 50 packets a second marked as the flow `name`, and to count what the
    /// PBX's echo sends back.
    pub fn talk(&self, name: &str) -> Talk {
        Talk::start(Arc::clone(&self.pop.audio), self.audio_to, name)
    }

    /// Checks that the PBX has not ended the call.
    ///
    /// # Errors
    /// When it has.
    pub fn still_up(&self) -> Result<()> {
        let state = lock(&self.pop.state);
        let bye = |m: &Message| m.method() == "BYE" && m.header("Call-ID") == self.dialog.id;
        ensure!(
            !state.requests.iter().any(|(m, _)| bye(m)),
            "the PBX has ended the call"
        );
        Ok(())
    }

    /// Ends the call.
    ///
    /// # Errors
    /// When the PBX does not know it, or has ended it.
    pub fn hang_up(mut self) -> Result<()> {
        self.still_up()?;
        self.dialog.sequence += 1;
        let (response, _) = self.pop.exchange(&self.dialog, "BYE", "")?;
        ensure!(response.status() == Some(200), "BYE: {}", response.start);
        Ok(())
    }
}

fn description(at: Ipv4Addr, port: u16) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 {at}\r\ns=-\r\nc=IN IP4 {at}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
    )
}

/// Where a session description wants audio.
fn described(text: &str) -> Option<SocketAddr> {
    let line = |start: &str| text.lines().find_map(|line| line.strip_prefix(start));
    let host = line("c=IN IP4 ")?.trim().parse().ok()?;
    let port = line("m=audio ")?.split(' ').next()?.parse().ok()?;
    Some(SocketAddr::new(host, port))
}

fn at_host(uri: &str) -> Result<SocketAddr> {
    let host = uri.split(['@', ';']).nth(1).unwrap_or(uri);
    let with_port = host.parse::<SocketAddr>();
    let alone = || Some(SocketAddr::new(host.parse().ok()?, 5060));
    with_port
        .ok()
        .or_else(alone)
        .with_context(|| format!("no address in {uri}"))
}

fn serve(socket: &UdpSocket, at: Ipv4Addr, description: &str, state: &Mutex<State>) {
    let mut buffer = vec![0; 65_536];
    while !lock(state).stop {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let Some(message) = Message::read(&buffer[..length]) else {
            continue;
        };
        let reply = reply(&message, at, description);
        let mut state = lock(state);
        if message.method().is_empty() {
            state.responses.push((message, text));
        } else {
            state.requests.push((message, text));
        }
        drop(state);
        if let Some(reply) = reply {
            let _ = socket.send_to(reply.as_bytes(), from);
        }
    }
}

fn reply(request: &Message, at: Ipv4Addr, description: &str) -> Option<String> {
    let contact = request.header("Contact");
    match request.method() {
        "" | "ACK" => None,
        "REGISTER" => {
            let more = format!("Contact: {contact};expires=3600\r\nExpires: 3600\r\n");
            Some(answer(request, "200 OK", "pop", &more, ""))
        }
        "INVITE" => {
            let more = format!("Contact: <sip:pop@{at}:5060>\r\nContent-Type: application/sdp\r\n");
            Some(answer(request, "200 OK", "pop", &more, description))
        }
        _ => Some(answer(request, "200 OK", "pop", "", "")),
    }
}
