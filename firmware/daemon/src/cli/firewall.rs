//! `trunkguard firewall`: the privileged helper that loads rules, and the closed rules of a start.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use trunkguard_board::StatusLine;
use trunkguard_firewall::{helper, protocol};

use super::{Answer, Output, print, running};
use crate::logs;

/// What to do about rules.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Where the daemon's orders are taken.
    #[arg(long, value_name = "PATH", default_value = protocol::SOCKET)]
    socket: PathBuf,
    /// The user that the daemon runs as; root is always answered.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Load the closed rules and end: the box answers a ping, and nothing passes.
    Closed,
    /// Say in plain words what was dropped, or would have been in Detect.
    Report(Output),
}

/// Serves until it is killed, or does what the subcommand says.
pub fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    match arguments.command {
        Some(Command::Closed) => {
            helper::close().context("the closed rules are not loaded")?;
            print("the closed rules are in force\n")
        }
        Some(Command::Report(output)) => running::report(&output.state.dir, output.json),
        None => {
            logs::start(&StatusLine::hidden());
            helper::run(&helper::Options {
                socket: arguments.socket,
                user: arguments.user,
            })
            .context("the firewall helper does not run")?;
            Ok(Answer::Yes)
        }
    }
}
