//! `box identity` (B12).

use std::{os::unix::fs::PermissionsExt, path::PathBuf};

use anyhow::Context;
use clap::Args;
use trunkguard_boot::identity::{self, FOLDERS, Origin};

use crate::cli::{Answer, print};

#[derive(Args)]
pub struct Arguments {
    /// Where the data partition is mounted.
    #[arg(long, value_name = "DIR", default_value = "/data")]
    data: PathBuf,
    /// Set no host name.
    #[arg(long)]
    keep_host_name: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Answer> {
    let data = &arguments.data;
    if !data.exists() {
        // A card without data: all of it lies in memory, until the power goes.
        std::fs::create_dir(data)
            .and_then(|()| std::fs::set_permissions(data, std::fs::Permissions::from_mode(0o755)))
            .with_context(|| format!("{}: there is no such folder", data.display()))?;
    }
    identity::make_folders(data, &FOLDERS)
        .context("cannot make the data partition's folders; is it mounted, and are you root?")?;
    let (identity, origin) = identity::keep(data)
        .with_context(|| format!("cannot keep the identity in {}", data.join("box").display()))?;
    if !arguments.keep_host_name {
        identity::set_host_name(&identity).context("cannot set the host name; are you root?")?;
    }
    let origin = match origin {
        Origin::Kept => String::new(),
        Origin::Made => ", made now".into(),
        Origin::Remade { reason } => {
            format!(", made anew: {reason}. The box has another name than before")
        }
    };
    print(format!("{} ({identity}){origin}\n", identity.host_name()))
}
