//! SIP over TCP and TLS: connections of clients, each a task with one bounded buffer.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{Instant, timeout_at},
};
use tracing::{debug, warn};
use trunkguard_sip::stream::{Framer, Next};

use crate::{batch::ANSWER, desk::Shared, held, tls::Tls};

/// Connections in all, and of one address.
const CONNECTIONS: usize = 128;
const CONNECTIONS_PER_ADDRESS: usize = 16;
/// A message has this long to arrive whole; a TLS handshake too.
const MESSAGE_TIME: Duration = Duration::from_secs(10);
/// A connection without a message for this long is closed.
const IDLE_TIME: Duration = Duration::from_secs(600);
/// Answers that wait for a reader: as many as can wait for the disk, since one commit may settle them
/// all, and a client does not ask again over a stream.
const ANSWERS: usize = held::PLACES;

/// Who is connected, and how late answers reach them.
#[derive(Default)]
pub struct Connections {
    next: u32,
    all: HashMap<u32, Connection>,
}

struct Connection {
    address: IpAddr,
    answers: mpsc::Sender<Box<[u8]>>,
}

impl Connections {
    fn enter(&mut self, address: IpAddr) -> Option<(u32, mpsc::Receiver<Box<[u8]>>)> {
        let of_address = self.all.values().filter(|c| c.address == address).count();
        if self.all.len() >= CONNECTIONS || of_address >= CONNECTIONS_PER_ADDRESS {
            return None;
        }
        let (answers, receiver) = mpsc::channel(ANSWERS);
        self.next = self.next.wrapping_add(1);
        self.all.insert(self.next, Connection { address, answers });
        Some((self.next, receiver))
    }

    /// Sends a late answer. A connection that has gone or does not read loses it.
    pub fn send(&self, connection: u32, answer: &[u8]) {
        if let Some(to) = self.all.get(&connection)
            && to.answers.try_send(answer.into()).is_err()
        {
            debug!(connection, "a late answer was not taken");
        }
    }
}

/// Leaves the table when the task ends, however it ends.
struct Entered {
    shared: Arc<Shared>,
    id: u32,
}
impl Drop for Entered {
    fn drop(&mut self) {
        lock(&self.shared).all.remove(&self.id);
    }
}

fn lock(shared: &Shared) -> MutexGuard<'_, Connections> {
    shared
        .connections
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// Accepts connections for ever. `tls` where the listener is for SIP over TLS.
///
/// # Errors
/// When the listener itself fails.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    shared: Arc<Shared>,
) -> std::io::Result<()> {
    let port = listener.local_addr()?.port();
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(problem) => {
                // Out of descriptors, or the peer has gone already: neither is the listener's end.
                warn!(%problem, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        if !shared.admits(from.ip(), port) {
            continue;
        }
        let Some((id, answers)) = lock(&shared).enter(from.ip().to_canonical()) else {
            debug!(%from, "too many connections");
            continue;
        };
        let entered = Entered {
            shared: shared.clone(),
            id,
        };
        let tls = tls.clone();
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            let ended = connection(stream, from, tls, &entered, answers).await;
            if let Err(problem) = ended {
                debug!(%from, %problem, "connection ended");
            }
            drop(entered);
        });
    }
}

async fn connection(
    stream: TcpStream,
    from: SocketAddr,
    tls: Option<Arc<Tls>>,
    entered: &Entered,
    answers: mpsc::Receiver<Box<[u8]>>,
) -> std::io::Result<()> {
    match tls {
        None => converse(stream, from, entered, answers).await,
        Some(tls) => {
            let stream =
                timeout_at(Instant::now() + MESSAGE_TIME, tls.acceptor.accept(stream)).await??;
            converse(stream, from, entered, answers).await
        }
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    from: SocketAddr,
    entered: &Entered,
    mut answers: mpsc::Receiver<Box<[u8]>>,
) -> std::io::Result<()> {
    let mut framer = Framer::new();
    let mut out = vec![0; ANSWER];
    let mut deadline = Instant::now() + IDLE_TIME;
    let mut buffer = [0; 4_096];
    loop {
        tokio::select! {
            read = timeout_at(deadline, stream.read(&mut buffer)) => {
                let count = read??;
                if count == 0 {
                    return Ok(());
                }
                let mut begins = framer.is_empty();
                let mut rest = &buffer[..count];
                while !rest.is_empty() {
                    rest = &rest[framer.feed(rest)..];
                    match drain(&mut framer, &mut stream, from, entered, &mut out).await? {
                        Drained::Close => return Ok(()),
                        Drained::Some => begins = true,
                        Drained::None => {}
                    }
                }
                if framer.is_empty() {
                    deadline = Instant::now() + IDLE_TIME;
                } else if begins {
                    // What is left is the front of another message.
                    deadline = Instant::now() + MESSAGE_TIME;
                }
            }
            answer = answers.recv() => {
                let Some(answer) = answer else { return Ok(()) };
                write(&mut stream, &answer).await?;
            }
        }
    }
}

/// What was in the buffer.
enum Drained {
    /// No whole message.
    None,
    /// At least one, and each is answered.
    Some,
    /// Something that ends the connection.
    Close,
}

/// Answers every whole message in the buffer.
async fn drain<S: AsyncWrite + Unpin>(
    framer: &mut Framer,
    stream: &mut S,
    from: SocketAddr,
    entered: &Entered,
    out: &mut [u8],
) -> std::io::Result<Drained> {
    let mut drained = Drained::None;
    loop {
        let (bytes, close) = match framer.next() {
            Next::More => return Ok(drained),
            Next::Pong => {
                write(stream, b"\r\n").await?;
                continue;
            }
            Next::Message(bytes) => (bytes, false),
            Next::Broken(bytes) => (bytes, true),
        };
        if let Some(len) = entered.shared.message(bytes, from, entered.id, out) {
            write(stream, &out[..len]).await?;
        }
        if close {
            return Ok(Drained::Close);
        }
        drained = Drained::Some;
    }
}

async fn write<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> std::io::Result<()> {
    timeout_at(Instant::now() + MESSAGE_TIME, async {
        stream.write_all(bytes).await?;
        stream.flush().await
    })
    .await?
}
