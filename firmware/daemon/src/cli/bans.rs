//! `bans`: who is kept out, from what, for how long and why.

use std::net::IpAddr;

use clap::{Subcommand, ValueEnum};
use trunkguard_core::bans::{Banned, Service};

use super::{
    Answer,
    running::{Asked, decide},
};
use crate::{control::Decision, operations::view};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Subcommand)]
enum Action {
    /// List bans, those that end last first (without an action, too).
    List,
    /// Ban an address.
    Add {
        /// Whom.
        address: IpAddr,
        /// From what.
        #[arg(long, value_enum, default_value_t = From::Sip)]
        from: From,
        /// For how long: 60 to 2592000 (30 days).
        #[arg(long, default_value_t = 3_600, value_parser = clap::value_parser!(u32).range(60..=2_592_000))]
        seconds: u32,
        /// Why, for the next one who reads the list.
        #[arg(long, default_value = "by hand")]
        reason: String,
    },
    /// Lift the bans of an address and forgive it.
    Remove {
        /// Whose.
        address: IpAddr,
        /// Of what; of everything unless said.
        #[arg(long, value_enum)]
        from: Option<From>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum From {
    /// SIP, IAX2 and audio.
    Sip,
    /// The page and SSH.
    Page,
}

impl From {
    fn service(self) -> Service {
        match self {
            From::Sip => Service::Sip,
            From::Page => Service::Page,
        }
    }
}

pub fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    let state = arguments.asked.state()?;
    let decision = match arguments.action.unwrap_or(Action::List) {
        Action::List => return arguments.asked.show(&view(state)?.bans[..], text),
        Action::Add {
            address,
            from,
            seconds,
            reason,
        } => Decision::Ban {
            address,
            service: from.service(),
            seconds,
            reason,
        },
        Action::Remove { address, from } => Decision::Unban {
            address,
            service: from.map(From::service),
        },
    };
    decide(state, decision)
}

fn text(bans: &[Banned]) -> String {
    if bans.is_empty() {
        return "nobody is banned\n".into();
    }
    let line = |ban: &Banned| {
        let left = match ban.left_s {
            s @ 0..120 => format!("{s} s"),
            s @ 120..7_200 => format!("{} min", s / 60),
            s => format!("{} h", s / 3_600),
        };
        format!(
            "{:<40} {:<5} {left:>8} left  {}\n",
            ban.address.to_string(),
            ban.service.to_string(),
            ban.reason
        )
    };
    bans.iter().map(line).collect()
}
