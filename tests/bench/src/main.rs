//! `trunkguard-bench`: see docs/benchmarks.md.

mod call;
mod client;
mod firewall;
mod flood;
mod histogram;
mod load;
mod machine;
mod message;
mod policy;
mod process;
mod relaxed;
mod report;
mod scaling;
mod servers;
mod sipp;
mod socket;
mod strict;
mod suite;
mod viewers;

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    path::PathBuf,
    time::Duration,
};

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

use load::{Ask, Load, Pace};

#[derive(Parser)]
#[command(about = "Measures Trunkguard against Kamailio, a raw UDP echo and plain forwarding")]
struct Arguments {
    #[command(subcommand)]
    command: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Measures everything and prints tables.
    All {
        /// The trunkguard binary.
        #[arg(long)]
        daemon: PathBuf,
        /// This crate's folder: Kamailio's configuration and SIPp's scenario.
        #[arg(long)]
        source: PathBuf,
        /// Folder for states and logs, on the disk that durability is measured on.
        #[arg(long)]
        folder: PathBuf,
        /// Rounds of each comparison, 1 to 12.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Milliseconds of one load.
        #[arg(long, default_value_t = 1_500)]
        burst: u64,
    },
    /// Measures the firewall alone; as root.
    Firewall {
        /// The trunkguard binary.
        #[arg(long)]
        daemon: PathBuf,
        /// Folder for states and logs.
        #[arg(long)]
        folder: PathBuf,
        /// Rounds of each comparison, 7 to 25.
        #[arg(long, default_value_t = 9)]
        rounds: usize,
    },
    /// Measures calls beside people who look at the page, alone.
    Viewers {
        /// The trunkguard binary.
        #[arg(long)]
        daemon: PathBuf,
        /// Folder for states and logs.
        #[arg(long)]
        folder: PathBuf,
        /// Rounds, 1 to 12.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
    /// Sends every datagram back; the yardstick of what UDP costs.
    Echo {
        #[arg(long)]
        at: SocketAddr,
        /// 32 datagrams with one system call, not one.
        #[arg(long)]
        batched: bool,
    },
    /// Puts one load on a running server, for a profiler beside it.
    Load {
        #[arg(long)]
        to: SocketAddr,
        /// The address that it calls from. One of loopback's unless said.
        #[arg(long, value_name = "IP")]
        client: Option<IpAddr>,
        #[arg(long, value_enum, default_value = "invite")]
        ask: AskName,
        /// Calls outstanding.
        #[arg(long, default_value_t = 64)]
        outstanding: u32,
        /// Calls in a second, instead.
        #[arg(long)]
        rate: Option<u32>,
        #[arg(long, default_value_t = 5)]
        seconds: u64,
        /// The server's process, whose CPU time is read.
        #[arg(long)]
        pid: Option<i32>,
    },
    /// Prints the policy file.
    Policy {
        #[arg(long, default_value_t = 1_000)]
        rules: u32,
        #[arg(long, default_value_t = 100_000)]
        listed: u32,
        #[arg(long, default_value = "relaxed")]
        durability: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum AskName {
    Invite,
    InviteAck,
    Options,
    Echo,
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Action::All {
            daemon,
            source,
            folder,
            rounds,
            burst,
        } => {
            process::pin_self()?;
            let place = servers::Place {
                folder,
                daemon,
                kamailio: source.join("kamailio/redirect.cfg"),
            };
            let scenario = source.join("sipp/redirect-client.xml");
            let burst = Duration::from_millis(burst);
            suite::Suite {
                place,
                scenario,
                rounds: rounds.clamp(1, 12),
                burst,
            }
            .run()
        }
        Action::Firewall {
            daemon,
            folder,
            rounds,
        } => {
            process::pin_self()?;
            let place = servers::Place {
                folder,
                daemon,
                kamailio: PathBuf::new(),
            };
            suite::firewall_alone(&place, rounds.clamp(7, 25))
        }
        Action::Viewers {
            daemon,
            folder,
            rounds,
        } => {
            process::pin_self()?;
            let place = servers::Place {
                folder,
                daemon,
                kamailio: PathBuf::new(),
            };
            suite::viewers_alone(place, rounds.clamp(1, 12))
        }
        Action::Echo { at, batched } => echo(at, batched),
        Action::Load {
            to,
            client,
            ask,
            outstanding,
            rate,
            seconds,
            pid,
        } => {
            let pace = rate.map_or(Pace::Closed(outstanding), Pace::Open);
            one_load(to, client, ask, pace, seconds, pid)
        }
        Action::Policy {
            rules,
            listed,
            durability,
        } => {
            let text = policy::write(policy::Size { rules, listed }, &durability);
            std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
            Ok(())
        }
    }
}

fn echo(at: SocketAddr, batched: bool) -> Result<()> {
    let socket = socket::bind(at)?;
    if batched {
        let mut inbox = socket::Inbox::default();
        loop {
            let got = inbox.receive(&socket)?;
            socket::echo(&socket, &mut inbox, got)?;
        }
    }
    echo_one_by_one(&socket)
}

fn echo_one_by_one(socket: &UdpSocket) -> Result<()> {
    let mut room = [0; socket::ROOM];
    loop {
        let (octets, from) = socket.recv_from(&mut room)?;
        socket.send_to(&room[..octets], from)?;
    }
}

fn one_load(
    to: SocketAddr,
    client: Option<IpAddr>,
    ask: AskName,
    pace: Pace,
    seconds: u64,
    pid: Option<i32>,
) -> Result<()> {
    process::pin_self()?;
    let ask = match ask {
        AskName::Invite => Ask::Invite,
        AskName::InviteAck => Ask::InviteAck,
        AskName::Options => Ask::Options,
        AskName::Echo => Ask::Echo,
    };
    let client = client.unwrap_or_else(|| suite::client_of(ask));
    let cpu = || pid.map_or(Ok(Duration::ZERO), process::cpu);
    let got = load::run(
        client,
        to,
        &Load::new(pace, ask, Duration::from_secs(seconds)),
        cpu,
    )?;
    println!(
        "{:.0} answers/s, {:.2} µs CPU/answer, p50 {:?} p99 {:?} p999 {:?}, lost {}, wrong {}, duplicates {}",
        got.rate(),
        got.cpu_per_answer(),
        got.latency.quantile(0.5),
        got.latency.quantile(0.99),
        got.latency.quantile(0.999),
        got.lost,
        got.wrong,
        got.duplicates
    );
    if let Some(wrong) = got.first_wrong {
        println!("first wrong answer: {wrong}");
    }
    Ok(())
}
