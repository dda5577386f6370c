use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

/// What a request sends has come whole after so long, or it is given up: who sends an octet a minute holds no connection.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a handler that has seen whose a long file is waits longer for it. Beside every request.
#[derive(Clone, Default)]
pub struct Patience(Arc<AtomicU64>);

impl Patience {
    /// For so long more.
    pub fn extend(&self, more: Duration) {
        self.0.store(more.as_secs(), Relaxed);
    }

    /// What was granted, once.
    fn take(&self) -> Option<Duration> {
        let more = self.0.swap(0, Relaxed);
        (more > 0).then(|| Duration::from_secs(more))
    }
}

/// A request's body, for as long as somebody waits for it.
pub struct Timed {
    body: Incoming,
    end: Pin<Box<Sleep>>,
    patience: Patience,
}

impl Timed {
    pub fn new(body: Incoming, patience: Patience) -> Timed {
        Timed {
            body,
            end: Box::pin(sleep(PATIENCE)),
            patience,
        }
    }
}

impl Body for Timed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        while self.end.as_mut().poll(context).is_ready() {
            match self.patience.take() {
                Some(more) => self.end.as_mut().reset(Instant::now() + more),
                None => return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into()))),
            }
        }
        let frame = Pin::new(&mut self.body).poll_frame(context);
        frame.map(|frame| frame.map(|frame| frame.map_err(io::Error::other)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
