//! Connections: whose, how many, how long, and what is asked over them.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tower::ServiceExt;
use tracing::debug;
use trunkguard_core::screen::is_near;

use super::{
    Ends, Shell,
    body::{Patience, Timed},
    guard, plain,
};

/// Connections at a time. A browser keeps six.
const CONNECTIONS: usize = 128;
/// Of those, from one address: somebody else can always come in.
const OF_ONE: usize = 96;
/// For the TLS handshake, and for the head of a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves the page by HTTPS until the listener ends.
///
/// # Errors
/// A listener that ends.
pub async fn serve(listener: TcpListener, shell: Shell) -> io::Result<()> {
    let router = guard::around(crate::routes(), &shell).with_state(shell.clone());
    let places = Places::new();
    loop {
        let Some((stream, ends, place)) = accept(&listener, &places).await else {
            continue;
        };
        let (acceptor, router) = (shell.acceptor(), router.clone());
        tokio::spawn(async move {
            let conversation = async {
                stream.set_nodelay(true)?;
                let stream = timeout(PATIENCE, acceptor.accept(stream)).await??;
                converse(stream, ends, router).await
            };
            if let Err(problem) = conversation.await {
                debug!(peer = %ends.peer, %problem, "a connection to the page ended");
            }
            drop(place);
        });
    }
}

/// Sends everybody who comes by HTTP on to the page, until the listener ends. `port` is where that is.
///
/// # Errors
/// A listener that ends.
pub async fn serve_plain(listener: TcpListener, port: u16, shell: Shell) -> io::Result<()> {
    let router = plain::router(port, shell);
    let places = Places::new();
    loop {
        let Some((stream, ends, place)) = accept(&listener, &places).await else {
            continue;
        };
        let router = router.clone();
        tokio::spawn(async move {
            // One question is all that there is to ask.
            if let Ok(Err(problem)) = timeout(PATIENCE, converse(stream, ends, router)).await {
                debug!(peer = %ends.peer, %problem, "a connection to the plain port ended");
            }
            drop(place);
        });
    }
}

/// The next one who may come in: somebody of the office's side who does not take all places.
async fn accept(listener: &TcpListener, places: &Places) -> Option<(TcpStream, Ends, Place)> {
    let all = places.all.clone().acquire_owned().await.ok()?;
    let (stream, peer) = match listener.accept().await {
        Ok(accepted) => accepted,
        // Out of descriptors, or gone before it was accepted: neither ends the page.
        Err(problem) => {
            debug!(%problem, "a connection to the page was not accepted");
            tokio::time::sleep(Duration::from_millis(50)).await;
            return None;
        }
    };
    let ends = Ends {
        peer: peer.ip().to_canonical(),
        here: stream.local_addr().ok()?.ip().to_canonical(),
    };
    // The firewall is narrower where its owner says so; this holds without one.
    if !is_near(ends.peer) {
        debug!(peer = %ends.peer, "the page is not for who is outside of the office");
        return None;
    }
    let place = places.of(ends.peer, all)?;
    Some((stream, ends, place))
}

/// Places for connections.
struct Places {
    all: Arc<Semaphore>,
    taken: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

/// A place, until it is dropped.
struct Place {
    peer: IpAddr,
    taken: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
    _all: OwnedSemaphorePermit,
}

impl Places {
    fn new() -> Places {
        Places {
            all: Arc::new(Semaphore::new(CONNECTIONS)),
            taken: Arc::default(),
        }
    }

    fn of(&self, peer: IpAddr, all: OwnedSemaphorePermit) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(peer).or_default();
        if *count >= OF_ONE {
            return None;
        }
        *count += 1;
        Some(Place {
            peer,
            taken: self.taken.clone(),
            _all: all,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.peer);
            }
        }
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ends: Ends,
    router: Router,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let service = service_fn(move |request: Request<Incoming>| {
        let patience = Patience::default();
        let mut request = request.map(|body| Body::new(Timed::new(body, patience.clone())));
        request.extensions_mut().insert(ends);
        request.extensions_mut().insert(patience);
        let router = router.clone();
        async move {
            Ok::<_, Infallible>(
                router
                    .oneshot(request)
                    .await
                    .unwrap_or_else(|never| match never {}),
            )
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_headers(64)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(stream), service)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_near_is_let_in() {
        let near = |text: &str| is_near(text.parse().unwrap());
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "169.254.3.4",
            "::1",
            "fd12::1",
            "fe80::1",
        ] {
            assert!(near(inside), "{inside}");
        }
        for outside in [
            "8.8.8.8",
            "172.32.0.1",
            "100.64.0.1",
            "2001:db8::1",
            "0.0.0.0",
        ] {
            assert!(!near(outside), "{outside}");
        }
    }

    #[tokio::test]
    async fn one_address_does_not_take_all_places() {
        let places = Places::new();
        let mut held = Vec::new();
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        for _ in 0..OF_ONE {
            let all = places.all.clone().acquire_owned().await.unwrap();
            held.push(places.of(one, all).unwrap());
        }
        let all = || places.all.clone().try_acquire_owned().unwrap();
        assert!(places.of(one, all()).is_none());
        assert!(places.of(other, all()).is_some());
        held.pop();
        assert!(places.of(one, all()).is_some());
        drop(held);
        assert!(places.taken.lock().unwrap().is_empty());
    }
}
