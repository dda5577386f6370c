//! `box reset` and `box erase` (B4).

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use nix::sys::reboot::{RebootMode, reboot};
use trunkguard_boot::{device::Device, erase};

use super::partition_or;
use crate::cli::{Answer, print};

#[derive(Args)]
pub struct Arguments {
    /// The partition `bootstate`; unless said, the one of the disk that the system runs from.
    #[arg(long, value_name = "PATH")]
    device: Option<PathBuf>,
    /// Leave the restart to somebody else.
    #[arg(long)]
    no_restart: bool,
}

#[derive(Args)]
pub struct Erase {
    /// The partition `bootstate`; unless said, the one of the disk that the system runs from.
    #[arg(long, value_name = "PATH")]
    device: Option<PathBuf>,
    /// The partition `data`; the same.
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Answer> {
    let path = partition_or(arguments.device.as_deref(), "bootstate")?;
    let device = Device::open(&path)?;
    device.want_reset()?;
    print("the next start erases all data\n")?;
    if arguments.no_restart {
        return Ok(Answer::Yes);
    }
    // At once, not by way of systemd: nothing that could still be saved is worth waiting for, and a box
    // whose services hang is one that is reset.
    nix::unistd::sync();
    reboot(RebootMode::RB_AUTOBOOT)
        .map(|never| match never {})
        .context("cannot restart; switch the box off and on, and it is reset")
}

pub fn erase(arguments: &Erase) -> anyhow::Result<Answer> {
    let path = partition_or(arguments.device.as_deref(), "bootstate")?;
    let device = Device::open(&path)?;
    // The usual start ends here, before it looks for anything else.
    if !device.reset_wanted()? {
        return print("no reset is wanted\n");
    }
    let data = partition_or(arguments.data.as_deref(), "data")?;
    erase::run(&device, &data)?;
    print("the box was reset: all data is erased\n")
}
