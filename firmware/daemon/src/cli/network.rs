//! `trunkguard network`: the network wish rendered for systemd-networkd; `trunkguard ports`: link loss
//! passed on.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use trunkguard_board::StatusLine;
use trunkguard_core::policy::Interface;
use trunkguard_network::{
    files, ports,
    render::{self, Mac},
    wish::{self, Problem, Wish},
};

use super::{Answer, print};
use crate::logs;

/// The port of a box that has been told nothing.
const PORT: &str = "port0";

/// What to render, and where to.
#[derive(Args)]
pub struct Arguments {
    /// The wish that the daemon writes (`run --network-wish`).
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/data/box/network/wish.json"
    )]
    wish: PathBuf,
    /// systemd's folder of what holds until the next start.
    #[arg(long, value_name = "DIR", default_value = "/run/systemd")]
    folder: PathBuf,
    /// Written when something has changed that systemd-networkd has read before.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/run/trunkguard-network/changed"
    )]
    changed: PathBuf,
    /// Do nothing but take that file away: the change is put in force now.
    #[arg(long)]
    taken: bool,
}

/// Renders the wish; that of a new box where there is none, or a wrong one and nothing rendered yet.
pub fn run(arguments: &Arguments) -> anyhow::Result<Answer> {
    if arguments.taken {
        let path = &arguments.changed;
        return match fs::remove_file(path) {
            Err(problem) if problem.kind() != std::io::ErrorKind::NotFound => {
                Err(problem).with_context(|| format!("{}: cannot be taken away", path.display()))
            }
            _ => Ok(Answer::Yes),
        };
    }
    wish::take_word(&arguments.wish).context("this user cannot write beside the wish")?;
    let (wish, answer) = match Wish::read(&arguments.wish) {
        Ok(wish) => (wish, Answer::Yes),
        Err(problem) => {
            eprintln!("trunkguard: {problem}");
            let missing = matches!(problem, Problem::None(_));
            // A box that runs is not thrown out of its network by a file that went bad.
            if !missing && files::any(&arguments.folder) {
                print("the network stays as it is\n")?;
                return Ok(Answer::No);
            }
            print(format!("a new box's network: side, {PORT} by DHCP\n"))?;
            let port = Interface::parse(PORT).map_err(anyhow::Error::msg)?;
            let answer = if missing { Answer::Yes } else { Answer::No };
            (Wish::of_a_new_box(port), answer)
        }
    };
    let mac = mac(wish.outside.as_str());
    let changes = files::put(&arguments.folder, &render::files(&wish, mac))
        .context("the network's files cannot be written; give this user the folder")?;
    if changes.is_empty() {
        print("nothing has changed\n")?;
        return Ok(answer);
    }
    let text: String = changes.iter().map(|change| format!("{change}\n")).collect();
    // At the start of the box nobody has read anything yet; networkd's own state says whether.
    if !arguments.folder.join("netif/state").exists() {
        print(text)?;
        return Ok(answer);
    }
    fs::write(&arguments.changed, &text).with_context(|| {
        let path = arguments.changed.display();
        format!("{path}: cannot be written, so systemd does not hear of the change; make its folder writable")
    })?;
    print(text)?;
    Ok(answer)
}

/// The port's own Ethernet address, where it is plugged in.
fn mac(port: &str) -> Option<Mac> {
    let path = Path::new("/sys/class/net").join(port).join("address");
    Mac::parse(&fs::read_to_string(path).ok()?)
}

/// Passes link loss on until it is told to stop.
pub fn ports() -> anyhow::Result<Answer> {
    logs::start(&StatusLine::hidden());
    ports::run().context("link loss is not passed on")?;
    Ok(Answer::Yes)
}
