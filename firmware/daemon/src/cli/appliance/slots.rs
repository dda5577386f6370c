//! `box slots`: names for the slots of the box's own disk (B17).

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use trunkguard_boot::partition;

use crate::cli::{Answer, print};

/// What an update writes.
const SLOTS: [&str; 5] = ["bootstate", "boot-a", "root-a", "boot-b", "root-b"];

#[derive(Args)]
pub struct Arguments {
    /// The folder that takes the links.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Answer> {
    let folder = &arguments.folder;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for name in SLOTS {
        let device = partition::named(name).context("this is no box, or its disk is damaged")?;
        let link = folder.join(name);
        renew(&device, &link)
            .with_context(|| format!("cannot make the link {}; are you root?", link.display()))?;
    }
    print(format!("links to the slots are in {}\n", folder.display()))
}

fn renew(device: &Path, link: &Path) -> io::Result<()> {
    match fs::remove_file(link) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    symlink(device, link)
}
