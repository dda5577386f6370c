//! The `trunkguard` daemon and its command line.
//!
//! Exit codes: 0 done, 1 the answer is no (denied, unhealthy), 2 usage or bad input. Errors go to
//! standard error: one line first, the chain of causes after it.

mod alerts;
mod backup;
mod batch;
mod cli;
mod clock;
mod confirm;
mod control;
mod control_server;
mod daemon;
mod desk;
mod doctor;
mod figures;
mod firewall;
mod health;
mod held;
mod logs;
mod network;
mod operations;
mod page;
mod panel;
mod pbx_health;
mod policy;
mod reasons;
mod replay;
mod self_test;
mod setup_window;
mod sockets;
mod streams;
mod suggest;
mod syslog;
mod tally;
mod tls;
mod trace;
mod udp;
mod updates;
mod words;

use std::{
    ffi::{OsStr, OsString},
    path::Path,
    process::ExitCode,
};

use clap::Parser;

fn main() -> ExitCode {
    let arguments = match cli::Arguments::try_parse_from(words()) {
        Ok(arguments) => arguments,
        Err(problem) => {
            // clap prints its own message, on standard output where it was asked for help.
            let _ = problem.print();
            return ExitCode::from(if problem.use_stderr() { 2 } else { 0 });
        }
    };
    match cli::run(arguments) {
        Ok(answer) => answer.into(),
        Err(problem) => {
            eprintln!("trunkguard: {problem}");
            for cause in problem.chain().skip(1) {
                eprintln!("  because: {cause}");
            }
            ExitCode::from(2)
        }
    }
}

/// The command line. RAUC cannot be told words to begin with, only a program: it has links to this one.
fn words() -> Vec<OsString> {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    let link = words.first().map(Path::new).and_then(Path::file_name);
    let links = ["boot-backend", "may-install"];
    if let Some(name) = links
        .into_iter()
        .find(|name| link == Some(OsStr::new(name)))
    {
        words.splice(0..1, ["trunkguard", "box", name].map(OsString::from));
    }
    words
}
