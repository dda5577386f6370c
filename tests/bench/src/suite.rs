//! The whole benchmark, from top to bottom: what is measured, in which order, and what is asked.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{
    firewall,
    load::{self, Ask, Load, Outcome, Pace},
    machine,
    report::Targets,
    servers::{Place, Target},
};

/// Trunkguard's name in the tables.
pub const TRUNKGUARD: &str = "trunkguard";
/// The load that costs are compared with.
pub const CLOSED: &str = "64 outstanding";
/// Trunkguard may write its journal a second behind.
const BEHIND: Duration = Duration::from_millis(1_200);

/// What is measured and how long.
pub struct Suite {
    /// Programs and folders.
    pub place: Place,
    /// SIPp's scenario.
    pub scenario: PathBuf,
    /// Rounds of the figures that are compared; others get about half.
    pub rounds: usize,
    /// Length of one load.
    pub burst: Duration,
}

impl Suite {
    /// Measures everything and prints it.
    ///
    /// # Errors
    /// When something could not be measured.
    pub fn run(&self) -> Result<()> {
        let start = Instant::now();
        let others = machine::Others::watch()?;
        println!("# Trunkguard benchmark\n");
        machine::describe(&self.place.folder)
            .iter()
            .for_each(|line| println!("{line}"));
        println!();
        let mut targets = Targets::default();
        self.relaxed(&mut targets)?;
        self.viewers(&mut targets)?;
        self.strict(&mut targets)?;
        self.scaling(&mut targets)?;
        // What was measured so far is printed even so.
        let firewall = self.firewall(&mut targets);
        end(&targets, start, &others)?;
        firewall
    }

    /// Rounds of what is not compared closely.
    pub fn some(&self) -> usize {
        self.rounds.div_ceil(2)
    }

    /// Puts a load of the usual length on a server.
    ///
    /// # Errors
    /// When the server is gone or nothing is answered.
    pub fn load(&self, target: &Target, pace: Pace, ask: Ask) -> Result<Outcome> {
        self.put(target, &self.shape(target, pace, ask, self.burst))
    }

    /// A load on this server.
    pub fn shape(&self, target: &Target, pace: Pace, ask: Ask, time: Duration) -> Load {
        let behind = if target.name.starts_with(TRUNKGUARD) && ask != Ask::Options {
            BEHIND
        } else {
            Duration::from_millis(50)
        };
        Load {
            settle: behind,
            ..Load::new(pace, ask, time)
        }
    }

    /// Puts a load on a server.
    ///
    /// # Errors
    /// When the server is gone or nothing is answered.
    pub fn put(&self, target: &Target, load: &Load) -> Result<Outcome> {
        load::run(client_of(load.ask), target.address, load, || {
            target.server.cpu()
        })
    }
}

/// Measures the firewall alone and prints it.
///
/// # Errors
/// When something could not be measured.
pub fn firewall_alone(place: &Place, rounds: usize) -> Result<()> {
    let start = Instant::now();
    let others = machine::Others::watch()?;
    let mut targets = Targets::default();
    let measured = firewall::measure(place, rounds, &mut targets);
    end(&targets, start, &others)?;
    measured
}

/// Measures calls beside viewers of the page alone and prints it.
///
/// # Errors
/// When something could not be measured.
pub fn viewers_alone(place: Place, rounds: usize) -> Result<()> {
    let start = Instant::now();
    let others = machine::Others::watch()?;
    let mut targets = Targets::default();
    let suite = Suite {
        place,
        scenario: PathBuf::new(),
        rounds: rounds * 2,
        burst: Duration::from_secs(4),
    };
    suite.viewers(&mut targets)?;
    end(&targets, start, &others)
}

fn end(targets: &Targets, start: Instant, others: &machine::Others) -> Result<()> {
    println!("## Targets\n");
    targets.print();
    println!(
        "\nMeasured in {:.0} s; other processes kept {:.2} cores busy meanwhile.",
        start.elapsed().as_secs_f64(),
        others.cores()?
    );
    Ok(())
}

/// The client that sends no ACK is another one to Trunkguard: it is not sent answers again.
pub fn client_of(ask: Ask) -> IpAddr {
    match ask {
        Ask::Invite => IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)),
        Ask::InviteAck | Ask::Options | Ask::Echo => IpAddr::V4(Ipv4Addr::LOCALHOST),
    }
}

/// Says on standard error what goes on.
pub fn progress(what: &str) {
    eprintln!("bench: {what}");
}
