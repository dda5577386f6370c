//! `trunkguard panel`: the process that has LEDs and button (docs/box.md B10).

use std::{os::unix::net::UnixListener, path::PathBuf};

use anyhow::Context;
use clap::Args;
use tracing::warn;
use trunkguard_board::{Profile, StatusLine, service};
use trunkguard_core::panel::SILENT_MS;

use super::Answer;
use crate::{logs, sockets};

/// How to run it.
#[derive(Args)]
pub struct Arguments {
    /// The board's profile; `auto` takes the one for this machine's device tree.
    #[arg(long, value_name = "PROFILE", default_value = "auto")]
    board: String,
    /// The user that the daemon runs as; root is always believed.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Where the daemon says its state, unless systemd hands a socket over (named `panel`). The file that
    /// asks for a reset is made beside it.
    #[arg(long, value_name = "PATH", default_value = service::SOCKET)]
    socket: PathBuf,
    /// A daemon that has said nothing for so many milliseconds is shown as a fault.
    #[arg(long, value_name = "MS", default_value_t = SILENT_MS, hide = true)]
    silent_ms: u64,
    /// Where `sys` and `dev` are, for tests.
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    root: PathBuf,
}

/// Serves until it is killed.
pub fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    let line = StatusLine::on_stderr();
    logs::start(&line);
    let profile = Profile::load(&arguments.board)?;
    let front = trunkguard_board::open(&profile, line, &arguments.root)
        .with_context(|| format!("board {}: the panel cannot be driven", profile.name))?;
    let mut listener = None;
    for (fd, name) in sockets::inherited()? {
        match name.as_str() {
            "panel" => listener = Some(UnixListener::from(fd)),
            other => warn!(
                name = other,
                "a socket from systemd is not known here and is closed"
            ),
        }
    }
    let options = service::Options {
        listener,
        socket: arguments.socket,
        user: arguments.user,
        silent_ms: arguments.silent_ms,
    };
    match service::serve(front, options).context("the panel does not run")? {}
}
