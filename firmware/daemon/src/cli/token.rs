//! `token`: who may ask the HTTP API.

use std::path::Path;

use clap::{Subcommand, ValueEnum};
use trunkguard_page::api::{Access, NewToken, Token};
use trunkguard_store::page_store::PageStore;

use super::{Answer, print, running::Asked};
use crate::{page::tokens, policy};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Subcommand)]
enum Action {
    /// List tokens (without an action, too). Their secrets are not kept.
    List,
    /// Make a token and print it, which nobody can do again.
    Add {
        /// What it is for.
        name: String,
        /// What it is good for.
        #[arg(long, value_enum, default_value_t = AccessArgument::Read)]
        access: AccessArgument,
        /// The last day on which it is good, 2027-01-31. For ever unless said.
        #[arg(long, value_name = "DAY")]
        expires: Option<String>,
    },
    /// Take a token away; it is worth nothing from now on.
    Remove {
        /// Its name.
        name: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum AccessArgument {
    /// Looking.
    Read,
    /// Looking and changing.
    Write,
}

pub fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    let state = arguments.asked.state()?;
    let (mut store, problem) = PageStore::open(state)?;
    if let Some(problem) = problem {
        eprintln!("trunkguard: {problem}");
    }
    match arguments.action.unwrap_or(Action::List) {
        Action::List => arguments.asked.show(&list(state, &store)?[..], text),
        Action::Add {
            name,
            access,
            expires,
        } => {
            let access = match access {
                AccessArgument::Read => Access::Read,
                AccessArgument::Write => Access::Write,
            };
            let token = NewToken {
                name,
                access,
                expires,
            };
            let secret = tokens::add(&mut store, &token, &policy::zone(state)?)?;
            note(&mut store, "token-added", &token.name)?;
            print(secret + "\n")
        }
        Action::Remove { name } => {
            store.remove_token(&name)?;
            note(&mut store, "token-removed", &name)?;
            print("removed\n")
        }
    }
}

fn note(store: &mut PageStore, what: &str, name: &str) -> anyhow::Result<()> {
    let here = std::net::Ipv4Addr::LOCALHOST.into();
    Ok(store.note("command line", here, what, name)?)
}

fn list(state: &Path, store: &PageStore) -> anyhow::Result<Vec<Token>> {
    let zone = policy::zone(state)?;
    let stored = store.tokens()?.into_iter();
    Ok(stored.map(|token| tokens::listed(token, &zone)).collect())
}

fn text(list: &[Token]) -> String {
    if list.is_empty() {
        return "no tokens\n".into();
    }
    let line = |token: &Token| {
        let until = match (&token.expires, token.expired) {
            (None, _) => "no end".to_owned(),
            (Some(day), false) => format!("until {day}"),
            (Some(day), true) => format!("ended {day}"),
        };
        format!(
            "{:<24} {:<6} {until:<18} used {}\n",
            token.name,
            token.access.name(),
            token.used.as_deref().unwrap_or("never")
        )
    };
    list.iter().map(line).collect()
}
