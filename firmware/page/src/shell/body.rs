use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

/// What a request sends has come whole after so long, or it is given up: who sends an octet a minute holds no connection.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request's body, for as long as somebody waits for it.
pub struct Timed {
    body: Incoming,
    end: Pin<Box<Sleep>>,
}

impl Timed {
    pub fn new(body: Incoming) -> Timed {
        Timed {
            body,
            end: Box::pin(sleep(PATIENCE)),
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
        if self.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
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
