//! A file that is too long for memory: handed on while it comes.

use std::{
    future::poll_fn,
    io::{self, Read},
    pin::Pin,
    time::Duration,
};

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use hyper::body::{Body as _, Bytes};
use subtle::ConstantTimeEq;
use tokio::sync::mpsc;

use super::{FreshOwner, Shell, body::Patience, form::ENDED, visitor::Turned, visitor::Visitor};
use crate::{Answer, Parts, Problem};

/// What stands in front of the file in a form: boundaries, headers, the mark.
const LONGEST_HEAD: usize = 8 << 10;
/// Pieces on their way from the connection to the thread that takes them; the connection waits where there is no room.
const QUEUE: usize = 4;
/// A whole file is here within so long.
const WHOLE: Duration = Duration::from_secs(15 * 60);

/// A file on its way.
pub struct Incoming {
    /// Octets.
    pub size: u64,
    /// Octets of it that came with what stands in front.
    first: Bytes,
    body: Body,
    /// What has to stand behind it.
    tail: Vec<u8>,
}

/// The same, by a form of this session's own pages (`multipart/form-data`, RFC 7578), of an owner who has just typed the password. The
/// form has the fields `csrf` and `file`, in this order, and is on the page that it is sent to.
pub struct IncomingForm {
    /// Who sends it.
    pub owner: Visitor,
    /// The file.
    pub file: Incoming,
}

impl FromRequest<Shell> for IncomingForm {
    type Rejection = Response;

    async fn from_request(request: Request, shell: &Shell) -> Result<IncomingForm, Response> {
        let (mut parts, body) = request.into_parts();
        let FreshOwner(owner) = FreshOwner::from_request_parts(&mut parts, shell)
            .await
            .map_err(Turned::into_response)?;
        let patience = parts.extensions.get::<Patience>().cloned();
        let file = begin(&parts.headers, body, &owner.session.csrf)
            .await
            .map_err(Problem::into_response)?;
        patience.unwrap_or_default().extend(WHOLE);
        Ok(IncomingForm { owner, file })
    }
}

impl Incoming {
    /// The whole body of a request is the file. `None` where it does not say how long it is.
    pub fn of(request: Request) -> Option<Incoming> {
        let (parts, body) = request.into_parts();
        let size = length(&parts.headers)?;
        let patience = parts.extensions.get::<Patience>().cloned();
        patience.unwrap_or_default().extend(WHOLE);
        Some(Incoming {
            size,
            first: Bytes::new(),
            body,
            tail: Vec::new(),
        })
    }

    /// Hands it to the box while it comes. One at a time.
    ///
    /// # Errors
    /// What the box says; [`Problem::Busy`] while another one comes.
    pub async fn hand<T: Send + 'static>(
        self,
        shell: &Shell,
        take: impl FnOnce(&Parts, u64, &mut dyn Read) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let (sender, pieces) = mpsc::channel(QUEUE);
        let size = self.size;
        let taken = shell.receive(move |parts| {
            let mut reader = Pieces {
                pieces,
                here: Bytes::new(),
            };
            take(parts, size, &mut reader)
        });
        let (taken, ()) = tokio::join!(taken, self.pump(sender));
        taken
    }

    /// From the connection to the thread. What nobody takes any more is read all the same: a browser looks for the answer only
    /// when it has sent everything.
    async fn pump(mut self, sender: mpsc::Sender<io::Result<Bytes>>) {
        let (mut left, mut last) = (self.size, Bytes::new());
        let mut after = Vec::new();
        let mut piece = std::mem::take(&mut self.first);
        loop {
            let rest =
                piece.split_off(piece.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
            left -= piece.len() as u64;
            if left > 0 {
                if !piece.is_empty() {
                    let _ = sender.send(Ok(piece)).await;
                }
            } else if !piece.is_empty() {
                // Kept until what comes behind it has shown that this was the end.
                last = piece;
            }
            after.extend_from_slice(&rest);
            if after.len() > self.tail.len() {
                break;
            }
            piece = match next(&mut self.body).await {
                Some(Ok(more)) => more,
                Some(Err(e)) => {
                    let _ = sender.send(Err(e)).await;
                    return;
                }
                None => break,
            };
        }
        if left == 0 && after == self.tail {
            let _ = sender.send(Ok(last)).await;
        } else {
            let _ = sender.send(Err(io::ErrorKind::UnexpectedEof.into())).await;
        }
    }
}

/// The pieces as a reader that waits for the next.
struct Pieces {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    here: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.here.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.here = piece?,
                None => return Ok(0),
            }
        }
        let piece = self.here.split_to(self.here.len().min(into.len()));
        into[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }
}

async fn next(body: &mut Body) -> Option<io::Result<Bytes>> {
    loop {
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => return Some(Ok(data)),
            // Trailers say nothing that is asked for.
            Ok(Err(_)) => {}
            Err(e) => return Some(Err(io::Error::other(e))),
        }
    }
}

fn length(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get(header::CONTENT_LENGTH)?;
    value.to_str().ok()?.parse().ok()
}

/// Reads what stands in front of the file, and works out how long the file is: a form ends with its boundary.
async fn begin(headers: &HeaderMap, mut body: Body, csrf: &str) -> Answer<Incoming> {
    let boundary = boundary(headers).ok_or_else(|| unreadable("it is no multipart/form-data"))?;
    let whole = length(headers).ok_or_else(|| unreadable("it does not say how long it is"))?;
    let mut head = Vec::new();
    let begins = loop {
        if let Some(begins) = file_begins(&head, &boundary, csrf)? {
            break begins;
        }
        if head.len() > LONGEST_HEAD {
            return Err(unreadable("too much stands in front of the file"));
        }
        match next(&mut body).await {
            Some(Ok(more)) => head.extend_from_slice(&more),
            Some(Err(e)) => return Err(unreadable(&e.to_string())),
            None => return Err(Problem::Refused("no file was chosen".into())),
        }
    };
    let tail = format!("\r\n--{boundary}--\r\n").into_bytes();
    let size = (whole.checked_sub((begins + tail.len()) as u64))
        .ok_or_else(|| unreadable("it ends too early"))?;
    if size == 0 {
        return Err(Problem::Refused(
            "no file was chosen, or it is empty".into(),
        ));
    }
    Ok(Incoming {
        size,
        first: Bytes::from(head).split_off(begins),
        body,
        tail,
    })
}

/// RFC 2046 5.1.1.
fn boundary(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let rest = kind.strip_prefix("multipart/form-data")?;
    let mut parameters = rest.split(';').map(str::trim);
    let boundary = parameters.find_map(|one| one.strip_prefix("boundary="))?;
    let boundary = boundary.trim_matches('"');
    (1..=70)
        .contains(&boundary.len())
        .then(|| boundary.to_owned())
}

/// Where the file begins in what has come so far; nothing while that cannot be said. Only behind the session's mark.
fn file_begins(head: &[u8], boundary: &str, csrf: &str) -> Answer<Option<usize>> {
    let (mut at, mut is_ours) = (0, false);
    let opening = format!("--{boundary}\r\n");
    let closing = format!("\r\n{opening}");
    loop {
        let part = &head[at..];
        let known = part.len().min(opening.len());
        if part[..known] != opening.as_bytes()[..known] {
            return Err(unreadable("it does not begin with its boundary"));
        }
        let Some(end) = find(part, b"\r\n\r\n") else {
            return Ok(None);
        };
        let headers = String::from_utf8_lossy(&part[..end]).into_owned();
        let value = at + end + 4;
        if headers.contains("; name=\"file\"") {
            return match is_ours {
                true => Ok(Some(value)),
                false => Err(Problem::Forbidden(ENDED.into())),
            };
        }
        let Some(length) = find(&head[value..], closing.as_bytes()) else {
            return Ok(None);
        };
        let sent = &head[value..value + length];
        if headers.contains("; name=\"csrf\"") && bool::from(sent.ct_eq(csrf.as_bytes())) {
            is_ours = true;
        } else if !is_ours {
            return Err(Problem::Forbidden(ENDED.into()));
        }
        at = value + length + 2;
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|part| part == wanted)
}

fn unreadable(why: &str) -> Problem {
    Problem::Refused(format!("the form cannot be read: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: &str = "0123456789abcdef";

    fn form(mark: &str, file: &[u8]) -> Vec<u8> {
        let head = format!(
            "--B\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{mark}\r\n--B\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"a.raucb\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        );
        [head.as_bytes(), file, b"\r\n--B--\r\n"].concat()
    }

    fn headers(length: usize) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let kind = "multipart/form-data; boundary=B".parse().unwrap();
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::CONTENT_LENGTH, length.into());
        headers
    }

    #[test]
    fn the_file_begins_behind_the_mark_however_it_comes() {
        let whole = form(MARK, b"octets");
        let begins = find(&whole, b"octets").unwrap();
        for cut in 0..whole.len() {
            let found = file_begins(&whole[..cut], "B", MARK).unwrap();
            assert_eq!(found, (cut >= begins).then_some(begins), "{cut}");
        }
        let forged = file_begins(&form("another", b"octets"), "B", MARK);
        assert!(matches!(forged, Err(Problem::Forbidden(_))));
        let without = form(MARK, b"octets");
        let second = find(
            &without,
            b"--B\r\nContent-Disposition: form-data; name=\"file\"",
        )
        .unwrap();
        let without = file_begins(&without[second..], "B", MARK);
        assert!(matches!(without, Err(Problem::Forbidden(_))));
        assert!(file_begins(b"nonsense", "B", MARK).is_err());
    }

    /// What comes out at the other end of the pump, or that it is no whole file.
    async fn pumped(sent: Vec<u8>, said: usize) -> io::Result<Vec<u8>> {
        let file = begin(&headers(said), Body::from(sent), MARK)
            .await
            .map_err(io::Error::other)?;
        let (sender, pieces) = mpsc::channel(QUEUE);
        let reader = tokio::task::spawn_blocking(move || {
            let mut all = Vec::new();
            let here = Bytes::new();
            Pieces { pieces, here }.read_to_end(&mut all).map(|_| all)
        });
        file.pump(sender).await;
        reader.await.map_err(io::Error::other)?
    }

    #[tokio::test]
    async fn a_file_comes_through_as_it_is_or_not_at_all() {
        let octets: Vec<u8> = (0..70_000u32).map(|n| (n % 251) as u8).collect();
        for file in [&octets[..1], b"\r\n--B--\r\n", &octets] {
            let whole = form(MARK, file);
            let length = whole.len();
            assert_eq!(pumped(whole.clone(), length).await.unwrap(), file);
            assert!(pumped(whole.clone(), length - 1).await.is_err());
            assert!(pumped(whole.clone(), length + 1).await.is_err());
            let cut = whole[..length - 3].to_vec();
            assert!(pumped(cut, length).await.is_err());
        }
        let none = form(MARK, b"");
        let length = none.len();
        assert!(pumped(none, length).await.is_err());
    }

    #[test]
    fn boundaries_are_read() {
        let of = |kind: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
            boundary(&headers)
        };
        assert_eq!(
            of("multipart/form-data; boundary=\"a b\"").as_deref(),
            Some("a b")
        );
        assert_eq!(
            of("multipart/form-data;boundary=----x").as_deref(),
            Some("----x")
        );
        assert_eq!(of("multipart/form-data"), None);
        assert_eq!(of("text/plain; boundary=x"), None);
        assert_eq!(
            of(&format!("multipart/form-data; boundary={}", "x".repeat(71))),
            None
        );
    }
}
