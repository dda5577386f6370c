//! Asks DNS servers for the addresses of names: each server by itself, so that their answers can be
//! compared, and without a cache. What an answer may do is the core's to say
//! ([`trunkguard_core::pops::answers`]); here it is only fetched, read within bounds, and put into the
//! core's types. hickory's types do not leave this crate.
//!
//! Against answers of others (RFC 5452): a random port and a random id for every question, letters of
//! random case that must come back as they went out (0x20), the question that was asked and the server
//! that was asked; a datagram that fails one of those is passed over and the wait goes on. A
//! truncated answer is fetched by TCP.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod read;
mod servers;

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hickory_net::{
    DnsHandle, NetError,
    proto::{
        op::{DnsRequest, DnsRequestOptions, DnsResponse, Query},
        rr::{Name, RecordType},
    },
    runtime::TokioRuntimeProvider,
    tcp::TcpClientStream,
    udp::UdpClientStream,
    xfer::{DnsRequestSender, FirstAnswer},
};
use tokio::task::JoinSet;
use trunkguard_core::{
    policy::HostName,
    pops::answers::{Heard, MOST_SERVERS, Outcome},
};

use read::Part;
pub use servers::{RESOLV_CONF, in_resolv_conf};

/// How long one server may take over one transport.
pub const TIMEOUT: Duration = Duration::from_secs(3);
/// A datagram may have been lost: asked again after this, within [`TIMEOUT`].
const AGAIN: Duration = Duration::from_millis(1_000);
/// Octets of an answer by UDP (RFC 9715 3.2: no fragments).
const UDP_OCTETS: u16 = 1_232;

/// The servers that are asked.
#[derive(Clone, Debug)]
pub struct Resolver {
    servers: Vec<SocketAddr>,
    timeout: Duration,
}

impl Resolver {
    /// Asks these servers, at port 53; those of `/etc/resolv.conf` when there are none. Of more than
    /// eight the first eight.
    ///
    /// # Errors
    /// When no server is known; says what to do.
    pub fn new(servers: &[IpAddr]) -> Result<Resolver, String> {
        let given = match servers {
            [] => in_resolv_conf(std::path::Path::new(RESOLV_CONF))?,
            given => given.to_vec(),
        };
        Ok(Resolver::at(
            given
                .into_iter()
                .map(|ip| SocketAddr::new(ip, 53))
                .collect(),
            TIMEOUT,
        ))
    }

    /// Asks servers at other ports, with another patience for each transport.
    pub fn at(mut servers: Vec<SocketAddr>, timeout: Duration) -> Resolver {
        servers.truncate(MOST_SERVERS);
        Resolver { servers, timeout }
    }

    /// The servers that are asked.
    pub fn servers(&self) -> &[SocketAddr] {
        &self.servers
    }

    /// Asks every server for the A and AAAA records of a name, all at the same time. One entry for
    /// each server, in their order; it takes at most twice the timeout. To be called in tokio's
    /// runtime, with time and I/O.
    pub async fn ask(&self, name: &HostName) -> Vec<Heard> {
        let mut asking = JoinSet::new();
        for (place, &server) in self.servers.iter().enumerate() {
            let (name, timeout) = (name.clone(), self.timeout);
            asking.spawn(async move { (place, ask_one(server, &name, timeout).await) });
        }
        let mut heard: Vec<Heard> = self
            .servers
            .iter()
            .map(|server| Heard {
                server: server.ip(),
                outcome: Outcome::Failed("the question was given up".into()),
            })
            .collect();
        while let Some(done) = asking.join_next().await {
            if let Ok((place, outcome)) = done {
                heard[place].outcome = outcome;
            }
        }
        heard
    }
}

async fn ask_one(server: SocketAddr, name: &HostName, timeout: Duration) -> Outcome {
    let Ok(name) = Name::from_ascii(format!("{name}.")) else {
        return Outcome::Failed(format!("`{name}` cannot be asked for"));
    };
    let part = |kind| part(server, Query::query(name.clone(), kind), timeout);
    let (v4, v6) = tokio::join!(part(RecordType::A), part(RecordType::AAAA));
    read::both(v4, v6)
}

/// The records of one type, by UDP, and by TCP where UDP cannot say.
async fn part(server: SocketAddr, query: Query, timeout: Duration) -> Part {
    let by_udp = with_patience(timeout, udp(server, query.clone(), timeout)).await;
    let by_tcp = match by_udp {
        Ok(answer) if !answer.metadata.truncation => return read::part(&query, &answer),
        // A server that does not keep the case is asked where nobody can guess.
        Ok(_) | Err(NetError::QueryCaseMismatch) => {
            with_patience(timeout, tcp(server, query.clone(), timeout)).await
        }
        Err(e) => return Part::Failed(words(&e, timeout)),
    };
    match by_tcp {
        Ok(answer) => read::part(&query, &answer),
        Err(e) => Part::Failed(format!("by TCP: {}", words(&e, timeout))),
    }
}

async fn with_patience(
    timeout: Duration,
    question: impl Future<Output = Result<DnsResponse, NetError>>,
) -> Result<DnsResponse, NetError> {
    let answered = tokio::time::timeout(timeout, question).await;
    answered.unwrap_or(Err(NetError::Timeout))
}

async fn udp(server: SocketAddr, query: Query, timeout: Duration) -> Result<DnsResponse, NetError> {
    let mut stream = UdpClientStream::builder(server, TokioRuntimeProvider::default())
        .with_timeout(Some(timeout))
        .build();
    let request = DnsRequest::from_query(query, options(true));
    stream.send_message(request).first_answer().await
}

async fn tcp(server: SocketAddr, query: Query, timeout: Duration) -> Result<DnsResponse, NetError> {
    // Held to the end: with its last clone goes the task that drives the connection, and before
    // that the connection does not outlive the question.
    let provider = TokioRuntimeProvider::default();
    let stream = TcpClientStream::exchange(server, None, timeout, None, provider.clone()).await?;
    let request = DnsRequest::from_query(query, options(false));
    stream.send(request).first_answer().await
}

fn options(random_case: bool) -> DnsRequestOptions {
    let mut options = DnsRequestOptions::default();
    options.edns_payload_len = UDP_OCTETS;
    options.recursion_desired = true;
    options.case_randomization = random_case;
    options.retry_interval = AGAIN;
    options
}

fn words(error: &NetError, timeout: Duration) -> String {
    match error {
        NetError::Timeout => format!("no answer within {} ms", timeout.as_millis()),
        other => other.to_string(),
    }
}
