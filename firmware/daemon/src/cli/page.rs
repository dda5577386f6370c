//! `page`: the page as a process of its own, which the box runs beside the daemon.

use std::{net::SocketAddr, path::PathBuf};

use tracing::info;
use trunkguard_board::StatusLine;
use trunkguard_update::client;

use super::Answer;
use crate::{logs, page, sockets};

/// How to serve it.
#[derive(clap::Args)]
pub struct Arguments {
    /// The daemon's state directory.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Where to listen (HTTPS).
    #[arg(long, value_name = "ADDR:PORT", default_value = "[::]:443")]
    web: SocketAddr,
    /// Where to listen by HTTP, to send everybody on to HTTPS. Not at all unless said.
    #[arg(long, value_name = "ADDR:PORT")]
    plain: Option<SocketAddr>,
    /// Write a code to the log with which the first password can be set, as the box's button does. For a terminal that
    /// only its owner sees.
    #[arg(long)]
    setup_code: bool,
    /// Where the process listens that installs updates.
    #[arg(long, value_name = "SOCKET", default_value = client::SOCKET)]
    update_socket: PathBuf,
}

/// Serves the page until told to stop.
///
/// # Errors
/// What keeps it from starting, or ended it.
pub fn serve(arguments: &Arguments) -> anyhow::Result<Answer> {
    logs::start(&StatusLine::on_stderr());
    let places = sockets::page(arguments.web, arguments.plain)?;
    let page = page::open(
        &arguments.state,
        places,
        arguments.setup_code,
        Some(arguments.update_socket.clone()),
    )?;
    info!(page = %format!("https://{}/", page.address()?), certificate = page.fingerprint, "ready");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    page.serve(sd_notify::watchdog_enabled())?;
    Ok(Answer::Yes)
}
