//! The daemon's side of the helper's socket. Blocking; one order at a time.

use std::{
    io,
    net::Shutdown,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::protocol::{self, Event, Frame, Order, Reply};

const REMEDY: &str = "start trunkguard-firewall.service, or `trunkguard firewall` as root";

/// Why an order has no answer. The rules are as before, or as ordered: ask again.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Nobody serves the socket, or not us.
    #[error("the firewall helper cannot be reached at {path}: {source}; {REMEDY}")]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The connection has ended: the helper was restarted, refuses this user, or found a frame wrong.
    #[error(
        "the firewall helper at {path} has closed the connection: it was restarted, or it does not answer this user (--user); {REMEDY}"
    )]
    Gone {
        /// The socket.
        path: PathBuf,
    },
    /// No answer in time. The connection is closed, because a late answer would be taken for another's.
    #[error("the firewall helper at {path} has not answered within {} s; look at `journalctl -u trunkguard-firewall`", .limit.as_secs_f32())]
    Late {
        /// The socket.
        path: PathBuf,
        /// How long was waited.
        limit: Duration,
    },
}

/// What happens without having been asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Happened {
    /// The helper says something.
    Event(Event),
    /// The connection has ended; nothing comes any more.
    Gone,
}

/// A connection to the helper. Dropping it ends the connection.
pub struct Client {
    path: PathBuf,
    stream: UnixStream,
    replies: Receiver<Reply>,
    reader: Option<JoinHandle<()>>,
    spoilt: bool,
}

impl Client {
    /// Connects. `happened` is called on a thread of its own with each event, and must not wait for
    /// an order of this client.
    ///
    /// # Errors
    /// Where nobody serves the socket, with the remedy.
    pub fn connect(
        path: &Path,
        happened: impl FnMut(Happened) + Send + 'static,
    ) -> Result<Client, Problem> {
        let unreachable = |source| Problem::Unreachable {
            path: path.to_owned(),
            source,
        };
        let stream = UnixStream::connect(path).map_err(unreachable)?;
        let from = stream.try_clone().map_err(unreachable)?;
        // One order at a time, so one answer.
        let (answer, replies) = sync_channel(1);
        let reader = thread::Builder::new()
            .name("helper".into())
            .spawn(move || read(from, &answer, happened))
            .map_err(unreachable)?;
        Ok(Client {
            path: path.to_owned(),
            stream,
            replies,
            reader: Some(reader),
            spoilt: false,
        })
    }

    /// Gives an order and waits for its answer, `limit` at most. A load takes a tenth of a second;
    /// the helper gives nft 5 s.
    ///
    /// # Errors
    /// Where none came; the client is of no use any more then, connect again.
    pub fn order(&mut self, order: &Order, limit: Duration) -> Result<Reply, Problem> {
        let path = || self.path.clone();
        if self.spoilt {
            return Err(Problem::Gone { path: path() });
        }
        let written = (self.stream.set_write_timeout(Some(limit)))
            .and_then(|()| protocol::write(&mut &self.stream, order));
        let outcome = match written {
            Err(_) => Err(Problem::Gone { path: path() }),
            Ok(()) => self.replies.recv_timeout(limit).map_err(|why| match why {
                RecvTimeoutError::Disconnected => Problem::Gone { path: path() },
                RecvTimeoutError::Timeout => Problem::Late {
                    path: path(),
                    limit,
                },
            }),
        };
        if outcome.is_err() {
            self.spoilt = true;
            let _ = self.stream.shutdown(Shutdown::Both);
        }
        outcome
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(reader) = self.reader.take()
            && reader.thread().id() != thread::current().id()
        {
            let _ = reader.join();
        }
    }
}

fn read(stream: UnixStream, answer: &SyncSender<Reply>, mut happened: impl FnMut(Happened)) {
    let mut from = io::BufReader::new(stream);
    loop {
        match protocol::read(&mut from) {
            Ok(Frame::Event(event)) => happened(Happened::Event(event)),
            Ok(Frame::Reply(reply)) => match answer.try_send(reply) {
                Ok(()) => {}
                // An answer to nothing, or nobody waits any more.
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => break,
            },
            Err(_) => break,
        }
    }
    let _ = from.get_ref().shutdown(Shutdown::Both);
    happened(Happened::Gone);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Sample;
    use std::{os::unix::net::UnixListener, sync::mpsc::sync_channel};

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn nobody_there_names_socket_and_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let said = Client::connect(&folder.path().join("no.sock"), |_| {})
            .err()
            .unwrap();
        let said = said.to_string();
        assert!(
            said.contains("no.sock") && said.contains("trunkguard-firewall.service"),
            "{said}"
        );
    }

    #[test]
    fn answers_come_to_orders_and_events_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("helper.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let helper = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let order: Order = protocol::read(&mut stream).unwrap();
            assert_eq!(order, Order::Figures);
            let sample = Sample {
                rule: "outside-sip".into(),
                packet: vec![0x45],
            };
            let event = Frame::Event(Event::Samples(vec![sample]));
            protocol::write(&mut stream, &event).unwrap();
            protocol::write(&mut stream, &Frame::Reply(Reply::Done)).unwrap();
            let _: Order = protocol::read(&mut stream).unwrap();
            // No answer to this one: the connection ends.
        });
        let (tell, told) = sync_channel(8);
        let mut client = Client::connect(&path, move |happened| {
            let _ = tell.try_send(happened);
        })
        .unwrap();
        assert_eq!(client.order(&Order::Figures, LIMIT).unwrap(), Reply::Done);
        assert!(matches!(
            told.recv_timeout(LIMIT),
            Ok(Happened::Event(Event::Samples(_)))
        ));
        let gone = client.order(&Order::Figures, LIMIT).unwrap_err();
        assert!(matches!(gone, Problem::Gone { .. }), "{gone}");
        assert_eq!(told.recv_timeout(LIMIT), Ok(Happened::Gone));
        assert!(client.order(&Order::Figures, LIMIT).is_err());
        helper.join().unwrap();
    }
}
