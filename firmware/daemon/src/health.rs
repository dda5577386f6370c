//! Health and figures of the running daemon, as `status` and the page show them.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    net::IpAddr,
    sync::atomic::Ordering,
    time::Instant,
};

use serde::{Deserialize, Serialize};
use trunkguard_core::policy::Durability;
use trunkguard_page::live::Changes;
use trunkguard_pbx::health::Advice;
use trunkguard_store::journal::Journal;

use crate::{
    alerts::{ChannelStatus, Standing},
    daemon::Run,
    firewall::view::FirewallStatus,
    pbx_health,
    syslog::SyslogStatus,
    words,
};

/// Everything at a glance.
#[derive(Debug, Serialize, Deserialize)]
pub struct Status {
    /// A daemon runs.
    pub running: bool,
    /// Nothing needs a look.
    pub healthy: bool,
    /// What does, in sentences.
    pub problems: Vec<String>,
    /// The firmware's version.
    pub version: String,
    /// Seconds since the start.
    pub uptime_s: u64,
    /// The mode in force.
    pub mode: String,
    /// `strict` or `relaxed`.
    pub durability: String,
    /// Where SIP is answered, by UDP and TCP.
    pub sip: String,
    /// Where SIP over TLS is answered.
    pub sips: Option<String>,
    /// SHA-256 of the certificate for SIP over TLS.
    pub certificate: Option<String>,
    /// The clients.
    pub clients: Vec<ClientStatus>,
    /// Seconds for which the set-up window is open yet; absent when it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup_window_s: Option<u64>,
    /// Calls since the start.
    pub calls: CallFigures,
    /// Datagrams from strangers, none of which got an answer.
    pub strangers: u64,
    /// The networks that knock most.
    pub busiest_strangers: Vec<StrangerStatus>,
    /// Machines of the office that speak SIP to the box and are no client, the latest first.
    #[serde(default)]
    pub speakers: Vec<SpeakerStatus>,
    /// The board's network ports, the one towards the internet first.
    #[serde(default)]
    pub ports: Vec<String>,
    /// The journal.
    pub journal: JournalStatus,
    /// The firewall.
    pub firewall: FirewallStatus,
    /// Where alerts go, and whether they arrive.
    #[serde(default)]
    pub alerts: Standing,
    /// Now, in milliseconds since 1970.
    #[serde(default)]
    pub unix_ms: i64,
    /// The log server; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syslog: Option<SyslogStatus>,
}

/// One client.
#[derive(Debug, Serialize, Deserialize)]
pub struct ClientStatus {
    /// Its name.
    pub name: String,
    /// Its profile.
    pub profile: String,
    /// Seconds since it was last heard of.
    pub heard_s: Option<u64>,
    /// Its User-Agent.
    pub user_agent: String,
    /// Fields of P-tfps in its last call; 1 to 4 mean that its dial plan does not escape the `;`.
    pub said_fields: u8,
    /// What is known of the version that it says it is.
    #[serde(default)]
    pub known: Vec<Advice>,
}

/// Calls since the start.
#[derive(Debug, Serialize, Deserialize)]
pub struct CallFigures {
    /// Decided.
    pub decided: u64,
    /// Of those, approved.
    pub approved: u64,
    /// Of those, against the policy (Detect).
    pub would_deny: u64,
    /// Requests that came again.
    pub repeated: u64,
    /// Transactions alive.
    pub transactions: usize,
    /// Transactions forgotten before their 32 s, under a load no office makes.
    pub forgotten_early: u64,
    /// Answers that wait for the disk.
    pub waiting: usize,
}

/// One network of strangers.
#[derive(Debug, Serialize, Deserialize)]
pub struct StrangerStatus {
    /// Its first address (/24 or /48).
    pub network: String,
    /// Datagrams, at least.
    pub count: u64,
}

/// A machine of the office that is no client.
#[derive(Debug, Serialize, Deserialize)]
pub struct SpeakerStatus {
    /// From where.
    pub address: IpAddr,
    /// What it says it is.
    pub user_agent: String,
    /// What it asked last; empty where only a connection was seen.
    pub method: String,
    /// Seconds ago.
    pub heard_s: u64,
}

/// The journal.
#[derive(Debug, Serialize, Deserialize)]
pub struct JournalStatus {
    /// Calls on disk.
    pub stored: u64,
    /// Calls that could not be stored before their answer.
    pub failed: u64,
    /// Calls that were lost from the history.
    pub lost: u64,
    /// Commits, each with one fsync.
    pub commits: u64,
    /// Incidents that nobody has acknowledged.
    pub open_incidents: u64,
    /// The disk takes nothing at the moment.
    pub failing: bool,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let healthy = if self.healthy {
            "healthy"
        } else {
            "needs a look"
        };
        writeln!(
            f,
            "trunkguard {}: {healthy}, up {}",
            self.version,
            duration(self.uptime_s)
        )?;
        for problem in &self.problems {
            writeln!(f, "  ! {problem}")?;
        }
        writeln!(
            f,
            "  mode       {} (durability {})",
            self.mode, self.durability
        )?;
        writeln!(f, "  sip        {} (UDP, TCP)", self.sip)?;
        if let (Some(sips), Some(certificate)) = (&self.sips, &self.certificate) {
            writeln!(f, "  sips       {sips} (TLS), certificate SHA-256")?;
            writeln!(f, "             {certificate}")?;
        }
        if let Some(left) = self.setup_window_s {
            writeln!(f, "  set-up     window open for another {}", duration(left))?;
        }
        for client in &self.clients {
            let heard = client.heard_s.map_or("not heard of yet".into(), |s| {
                format!("heard of {} ago", duration(s))
            });
            writeln!(
                f,
                "  client     {} ({}), {heard} {}",
                client.name, client.profile, client.user_agent
            )?;
            if let Some(line) = pbx_health::line(&client.known) {
                writeln!(f, "             {line}")?;
            }
        }
        for speaker in &self.speakers {
            writeln!(
                f,
                "  no client  {} speaks SIP, {} ago {}",
                speaker.address,
                duration(speaker.heard_s),
                speaker.user_agent
            )?;
        }
        let calls = &self.calls;
        writeln!(
            f,
            "  calls      {} decided, {} approved, {} denied, {} would be denied",
            calls.decided,
            calls.approved,
            calls.decided.saturating_sub(calls.approved),
            calls.would_deny
        )?;
        writeln!(
            f,
            "  strangers  {} datagrams, none answered",
            self.strangers
        )?;
        let journal = &self.journal;
        let failing = if journal.failing {
            ", THE DISK TAKES NOTHING"
        } else {
            ""
        };
        writeln!(
            f,
            "  journal    {} calls on disk in {} commits, {} lost{failing}",
            journal.stored, journal.commits, journal.lost
        )?;
        writeln!(f, "  firewall   {}", self.firewall)?;
        if let Some(syslog) = &self.syslog {
            writeln!(f, "  syslog     {syslog}")?;
        }
        writeln!(
            f,
            "  alerts     {} open (trunkguard alerts)",
            journal.open_incidents
        )?;
        (self.alerts.channels.iter())
            .try_for_each(|channel| writeln!(f, "             {}", words_of(channel, self.unix_ms)))
    }
}

/// One channel in a line.
fn words_of(channel: &ChannelStatus, now_ms: i64) -> String {
    let ago = |ms: i64| duration(now_ms.saturating_sub(ms).max(0).unsigned_abs() / 1_000);
    let accepted = channel
        .accepted_ms
        .map_or("nothing delivered yet".into(), |at| {
            format!("delivered {} ago", ago(at))
        });
    let waiting = match channel.waiting {
        0 => String::new(),
        waiting => format!(", {waiting} waiting"),
    };
    let failed = match (&channel.error, channel.failed_ms) {
        (Some(error), Some(at)) => format!("; failed {} ago: {error}", ago(at)),
        _ => String::new(),
    };
    format!("{}: {accepted}{waiting}{failed}", channel.target)
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// What a page that is open watches for: nothing here waits, and the desk is held for a moment only.
pub fn changes(run: &Run) -> Changes {
    let (decided, mode) = {
        let desk = run.shared.lock();
        let mode = desk.gate.policy().settings.mode;
        (desk.gate.figures().decided, words::mode(mode))
    };
    let journal = (run.shared.journal())
        .map(Journal::figures)
        .unwrap_or_default();
    let problems = (
        journal.failing,
        run.policy_problem(),
        run.firewall.view().status.problem.clone(),
    );
    let mut hasher = DefaultHasher::new();
    problems.hash(&mut hasher);
    Changes {
        decided,
        stored: journal.stored,
        incidents: journal.open_incidents,
        policies: run.policies.load(Ordering::Relaxed),
        mode: mode.into(),
        problems: hasher.finish(),
        updates: run.updates.mark(),
    }
}

/// The state of this run.
pub fn status(run: &Run) -> Status {
    // A file, so before the lock that calls wait for.
    let (known_flaws, _) = pbx_health::table(&run.state);
    let desk = run.shared.lock();
    let mut clock = desk.clock.clone();
    let now = clock.now();
    let policy = desk.gate.policy().clone();
    let figures = desk.gate.figures();
    let transactions = desk.gate.transactions();
    let journal = run
        .shared
        .journal()
        .map(Journal::figures)
        .unwrap_or_default();
    let mut problems: Vec<String> = run.policy_problem().into_iter().collect();
    if journal.failing {
        problems
            .push("the disk takes no record of calls; free space on it, or check the card".into());
    }
    let firewall = run.firewall.view().status.clone();
    problems.extend(firewall.problem.clone());
    let alerts = run.alerts.standing();
    let of_channels = alerts.channels.iter();
    problems.extend(of_channels.filter_map(|channel| channel.trouble(now.unix_ms)));
    problems.extend(alerts.problem.clone());
    let syslog = run.syslog.status();
    problems.extend(syslog.as_ref().and_then(|syslog| syslog.problem.clone()));
    if now.local.is_none() {
        problems.push(
            "the clock is not set: business hours are taken as open; check the time server".into(),
        );
    }
    if policy.clients().is_empty() {
        problems.push(
            "no client is set, so every request is a stranger's; apply a policy with a [[client]]"
                .into(),
        );
    }
    if transactions.evicted() > 0 {
        problems.push(
            "a client sends more calls than any office; some retransmissions were decided twice"
                .into(),
        );
    }
    let clients: Vec<ClientStatus> = (policy.clients().iter().enumerate())
        .map(|(i, client)| {
            let heard = desk.uas.heard(i as u16);
            let agent = heard.map_or("", |h| h.user_agent.as_str());
            ClientStatus {
                name: client.name.to_string(),
                profile: words::profile(client.profile).into(),
                heard_s: heard.map(|h| now.mono_ms.saturating_sub(h.at_ms) / 1_000),
                user_agent: agent.to_owned(),
                known: pbx_health::of(agent, &known_flaws, pbx_health::today(&now)),
                said_fields: heard.map_or(0, |h| h.said_fields),
            }
        })
        .collect();
    for client in clients.iter().filter(|c| (1..5).contains(&c.said_fields)) {
        problems.push(format!(
            "{}: P-tfps has {} of 5 fields; write `\\;` for `;` in its dial plan",
            client.name, client.said_fields
        ));
    }
    Status {
        running: true,
        healthy: problems.is_empty(),
        problems,
        version: env!("CARGO_PKG_VERSION").into(),
        uptime_s: run.start.elapsed().as_secs(),
        mode: words::mode(policy.settings.mode).into(),
        durability: match policy.settings.durability {
            Durability::Strict => "strict".into(),
            Durability::Relaxed => "relaxed".into(),
        },
        sip: run.sip.to_string(),
        sips: run.sips.as_ref().map(|(at, _)| at.to_string()),
        certificate: run
            .sips
            .as_ref()
            .map(|(_, fingerprint)| fingerprint.clone()),
        clients,
        // Rounded up: it is open as long as this is there.
        setup_window_s: (run.setup_window.left(Instant::now()))
            .map(|left| left.as_millis().div_ceil(1_000) as u64),
        calls: CallFigures {
            decided: figures.decided,
            approved: figures.approved,
            would_deny: figures.would_deny,
            repeated: figures.repeated,
            transactions: transactions.len(),
            forgotten_early: transactions.evicted(),
            waiting: desk.held.len(),
        },
        strangers: desk.strangers.total(),
        busiest_strangers: (desk.strangers.busiest(5).into_iter())
            .map(|k| StrangerStatus {
                network: k.network.to_string(),
                count: k.count,
            })
            .collect(),
        speakers: (desk
            .speakers
            .latest(|address| policy.client_of(address).is_some())
            .iter())
        .map(|one| SpeakerStatus {
            address: one.address,
            user_agent: one.agent.as_str().to_owned(),
            method: one.method.as_str().to_owned(),
            heard_s: now.mono_ms.saturating_sub(one.heard_ms) / 1_000,
        })
        .collect(),
        ports: run.ports.iter().map(ToString::to_string).collect(),
        journal: JournalStatus {
            stored: journal.stored,
            failed: journal.failed,
            lost: journal.lost,
            commits: journal.commits,
            open_incidents: journal.open_incidents,
            failing: journal.failing,
        },
        firewall,
        alerts,
        unix_ms: now.unix_ms,
        syslog,
    }
}
