//! `trunkguard box`: what the box's units do at a start, and what a person asks of them
//! (`docs/box.md`). The daemon needs none of it.

mod backend;
mod crash;
mod fill;
mod identity;
mod install;
mod provision;
mod reset;
mod slots;
mod state;
mod trial;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use trunkguard_boot::partition;

use super::{Answer, print};

/// What to do.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Say which slot starts, and whether U-Boot and this system see the same record.
    State(state::Arguments),
    /// Answer RAUC, which installs updates: which slot starts, and which is to (as root).
    BootBackend(backend::Arguments),
    /// Answer RAUC, which asks before it writes a bundle; notes which version it is (as root).
    MayInstall(install::Arguments),
    /// Copy a file, with the box's identifier and version where it says @ID@ and @VERSION@.
    Fill(fill::Arguments),
    /// Make links to the slots of the disk that the system runs from, for RAUC (as root).
    Slots(slots::Arguments),
    /// Make the box's identity and the folders of its data once, and set the host name.
    Identity(identity::Arguments),
    /// Bring trunkguard.toml from the firmware partition (as root).
    Fetch(provision::Card),
    /// Apply the file that was brought, unless it is the one that was applied last.
    Provision(provision::Arguments),
    /// Write what came of it to the firmware partition (as root).
    Report(provision::Card),
    /// Have the next start erase all data, and restart the box now.
    Reset(reset::Arguments),
    /// Erase the data if a reset was asked for; before anything mounts it.
    Erase(reset::Erase),
    /// Keep the last lines of the log of a unit that failed, or a kernel's last words.
    Crash(crash::Arguments),
    /// List what was kept of crashes, or print one.
    Crashes(crash::List),
    /// Note for others which slot runs; yes where that is on trial (as root).
    Trial(trial::Bootstate),
    /// See whether this system does its work, within some minutes.
    Confirm(trial::Confirm),
    /// Confirm the system that runs (as root).
    Good(trial::Bootstate),
    /// Give the system up that runs on trial, and restart into the one before (as root).
    Back(trial::Bootstate),
    /// Restart the box, as the process of updates asks for (as root).
    Restart(trial::Bootstate),
    /// Print which data this version writes, and the oldest that it takes over.
    Schema,
}

/// Does it.
pub fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    match arguments.command {
        Command::State(arguments) => state::run(&arguments),
        Command::BootBackend(arguments) => backend::run(&arguments),
        Command::MayInstall(arguments) => install::run(&arguments),
        Command::Fill(arguments) => fill::run(&arguments),
        Command::Slots(arguments) => slots::run(&arguments),
        Command::Identity(arguments) => identity::run(&arguments),
        Command::Fetch(card) => provision::fetch(&card),
        Command::Provision(arguments) => provision::run(&arguments),
        Command::Report(card) => provision::report(&card),
        Command::Reset(arguments) => reset::run(&arguments),
        Command::Erase(arguments) => reset::erase(&arguments),
        Command::Crash(arguments) => crash::run(&arguments),
        Command::Crashes(arguments) => crash::list(&arguments),
        Command::Trial(arguments) => trial::trial(&arguments),
        Command::Confirm(arguments) => trial::confirm(&arguments),
        Command::Good(arguments) => trial::good(&arguments),
        Command::Back(arguments) => trial::back(&arguments),
        Command::Restart(arguments) => trial::restart(&arguments),
        Command::Schema => {
            let schema = trunkguard_store::schema::schema();
            print(format!("data={}\noldest={}\n", schema.data, schema.oldest))
        }
    }
}

/// The partition that was named, or the box's own.
fn partition_or(given: Option<&Path>, name: &str) -> anyhow::Result<PathBuf> {
    match given {
        Some(path) => Ok(path.to_owned()),
        None => partition::named(name).context("this is no box, or its disk is damaged"),
    }
}
