//! Connections: how many, how long, and what is asked over them.

use std::{convert::Infallible, io, net::IpAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;
use tracing::debug;

use super::{Certificate, Ends, Shell, guard};

/// Connections at a time. A browser keeps six.
const CONNECTIONS: usize = 128;
/// For the TLS handshake, and for the head of a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves the page by HTTPS until the listener ends.
///
/// # Errors
/// A certificate that cannot be used, or a listener that ends.
pub async fn serve(
    listener: TcpListener,
    certificate: &Certificate,
    shell: Shell,
) -> io::Result<()> {
    let acceptor = certificate.acceptor().map_err(io::Error::other)?;
    let router = guard::around(crate::routes(), &shell).with_state(shell);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return Ok(());
        };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            // Out of descriptors, or gone before it was accepted: neither ends the page.
            Err(problem) => {
                debug!(%problem, "a connection to the page was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (acceptor, router) = (acceptor.clone(), router.clone());
        tokio::spawn(async move {
            if let Err(problem) = converse(stream, peer.ip(), &acceptor, router).await {
                debug!(%peer, %problem, "a connection to the page ended");
            }
            drop(place);
        });
    }
}

async fn converse(
    stream: TcpStream,
    peer: IpAddr,
    acceptor: &TlsAcceptor,
    router: Router,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let ends = Ends {
        peer: peer.to_canonical(),
        here: stream.local_addr()?.ip().to_canonical(),
    };
    stream.set_nodelay(true)?;
    let stream = timeout(PATIENCE, acceptor.accept(stream)).await??;
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ends);
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
