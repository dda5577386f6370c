//! How the command line talks to the running daemon: one JSON line in, one JSON line out, over a Unix
//! socket in the state directory that only the daemon's user may open.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{IpAddr, SocketAddr},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use trunkguard_core::{
    bans::Service,
    pops::owner::{self, Subject},
};

use crate::{trace, updates};

/// A request is at most this long; so is an answer.
pub const LONGEST: u64 = 2 << 20;
/// The daemon answers within a moment; a longer wait means that it hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the command line asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ask {
    /// Health and figures.
    Status,
    /// Figures for `/metrics`.
    Figures,
    /// Take over the policy in the state directory.
    Reload,
    /// Write what is queued for the history, so that it can be read.
    Flush,
    /// Mark an open incident as seen, or all of them.
    Acknowledge {
        /// Which; all of them unless said.
        #[serde(default)]
        incident: Option<i64>,
    },
    /// Send a test message now; takes as long as the servers do.
    TestAlerts {
        /// `mail` or the name of a webhook; all of them unless said.
        #[serde(default)]
        channel: Option<String>,
    },
    /// What a call would get.
    Explain(ExplainAsk),
    /// The same in values, for the page to put into words.
    Tell(ExplainAsk),
    /// Figures that differ as soon as something changed.
    Changes,
    /// SIP messages: record, stop, show.
    Trace(trace::Order),
    /// The box is being set up: nobody else is to do it without another press. Answers whether the window was open.
    CloseSetupWindow,
    /// Answer this address of the machine for a moment, so that the box can be seen to answer.
    AdmitSelfTest {
        /// Where it will ask from.
        from: SocketAddr,
    },
    /// How things stand with updates, after what was asked was begun.
    Updates {
        /// What is asked; nothing but how things stand unless said.
        #[serde(default)]
        order: Option<updates::Order>,
    },
    /// How far away each point of presence is, by one question to each.
    MeasurePops,
    /// What there is to see of the firewall.
    Firewall,
    /// A decision on PoPs or bans by whoever may use the command line.
    Decide(Decision),
    /// The same by somebody who is known by name.
    DecideAs {
        /// Who.
        by: String,
        /// What.
        decision: Decision,
    },
    /// Put these decisions on PoPs in place of all others (a backup).
    ReplaceDecisions {
        /// All of them.
        decisions: Vec<owner::Decision>,
    },
}

/// A person's decision on PoPs or bans.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Decision {
    /// Follow a name, or allow an address or a network.
    AddPop(Subject),
    /// Approve an address that DNS gave.
    ApprovePop(IpAddr),
    /// Never allow an address.
    RefusePop(IpAddr),
    /// Take a decision back.
    ForgetPop(Subject),
    /// Ask for every name now.
    RefreshPops,
    /// Ban somebody.
    Ban {
        /// Whom.
        address: IpAddr,
        /// From what.
        service: Service,
        /// For how long.
        seconds: u32,
        /// Why.
        reason: String,
    },
    /// Lift bans, of one service or all.
    Unban {
        /// Whose.
        address: IpAddr,
        /// Of what.
        service: Option<Service>,
    },
}

/// A call to be explained.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainAsk {
    /// Name of the client.
    pub client: String,
    /// The extension.
    pub from: String,
    /// As dialled.
    pub number: String,
    /// Milliseconds since 1970, where not now.
    pub at_ms: Option<i64>,
    /// The phone's address.
    pub phone: Option<IpAddr>,
    /// Calls that the PBX counts.
    pub calls: Option<u16>,
}

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply<T> {
    /// The answer.
    Ok(T),
    /// Why there is none.
    Error(String),
}

/// The socket of the daemon that owns this state directory.
pub fn socket(state: &Path) -> PathBuf {
    state.join("control.sock")
}

/// Asks the running daemon. `None` when none runs.
///
/// # Errors
/// When the daemon answers with an error, or not at all.
pub fn ask<T: DeserializeOwned>(state: &Path, ask: &Ask) -> anyhow::Result<Option<T>> {
    ask_for(state, ask, PATIENCE)
}

/// The same, for a question that takes its time.
///
/// # Errors
/// As [`ask`].
pub fn ask_for<T: DeserializeOwned>(
    state: &Path,
    ask: &Ask,
    patience: Duration,
) -> anyhow::Result<Option<T>> {
    let path = socket(state);
    let mut stream =
        match UnixStream::connect(&path) {
            Ok(stream) => stream,
            Err(problem) => match problem.kind() {
                // A socket that nobody listens on is what a killed daemon leaves behind.
                std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused => {
                    return Ok(None);
                }
                _ => return Err(problem).with_context(|| {
                    format!(
                        "{}: cannot talk to the daemon; run this as the daemon's user or as root",
                        path.display()
                    )
                }),
            },
        };
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(ask)?;
    line.push(b'\n');
    stream
        .write_all(&line)
        .context("the daemon went away while it was asked")?;
    let mut answer = String::new();
    BufReader::new(stream.take(LONGEST))
        .read_line(&mut answer)
        .context("the daemon does not answer; look at its log")?;
    match serde_json::from_str(&answer)
        .context("the daemon's answer is not understood; is it another version?")?
    {
        Reply::Ok(value) => Ok(Some(value)),
        Reply::Error(problem) => bail!("{problem}"),
    }
}
