//! The firewall: what its rules cost, what a load of them costs, and what a flood does to the box.

mod apply;
mod flood;
mod forwarding;
mod guard;
mod place;
mod sources;
mod wiring;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::{
    report::Targets,
    servers,
    suite::{Suite, progress},
};
use guard::Guard;
use wiring::{Kind, Wiring};

/// Rounds of forwarding at least.
const ROUNDS: usize = 7;
/// Each way's time in a round, for each load. Shorter ones say nothing.
const BURST: Duration = Duration::from_millis(1_000);

impl Suite {
    /// The firewall's part; says so where it cannot be measured.
    ///
    /// # Errors
    /// When something could not be measured.
    pub fn firewall(&self, targets: &mut Targets) -> Result<()> {
        measure(&self.place, self.rounds, targets)
    }
}

/// Measures the firewall and prints it, where this is root.
///
/// # Errors
/// When something could not be measured.
pub fn measure(of: &servers::Place, rounds: usize, targets: &mut Targets) -> Result<()> {
    println!("## Firewall\n");
    if !nix::unistd::geteuid().is_root() {
        println!(
            "Not measured: only root makes network namespaces and loads rules. Run `sudo make bench`.\n"
        );
        return Ok(());
    }
    apply::measure(of, rounds, targets)?;
    progress("firewall: internet, office, and boxes");
    let wiring = Wiring::new(&of.folder)?;
    let guard = Guard::start(of, &wiring)?;
    let place = wiring.of(Kind::Rules);
    let start = Instant::now();
    guard::ban(place, &of.folder)?;
    let took = start.elapsed();
    guard.settle()?;
    let bans = guard::bans(place)?;
    ensure!(bans == guard::BANS, "{bans} bans are there");
    println!(
        "The box under test: {} networks allowed, {bans} addresses banned (loaded in {:.1} s).\n",
        guard.status()?["allowed"],
        took.as_secs_f64()
    );
    forwarding::measure(&wiring, of, rounds.max(ROUNDS), BURST, targets)?;
    let let_in = guard::counted(place, |name| name == "pops-in")?;
    ensure!(let_in > 0, "what was measured did not pass the rules");
    let left = guard::bans(place)?;
    ensure!(left >= guard::BANS, "of {bans} bans {left} are left");
    flood::measure(&wiring, of, &guard, targets)
}
