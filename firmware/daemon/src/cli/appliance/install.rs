//! `box may-install`: what RAUC asks before it writes (its handler `pre-install`; docs/updates.md, U2).

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use trunkguard_boot::files;
use trunkguard_store::schema::schema;
use trunkguard_update::{Places, boot, manifest};

use crate::cli::Answer;

#[derive(Args)]
pub struct Arguments {
    /// Where the bundle is mounted; unless said, where RAUC says that it is (RAUC_BUNDLE_MOUNT_POINT).
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Answer> {
    let told = || env::var_os("RAUC_BUNDLE_MOUNT_POINT").map(PathBuf::from);
    let bundle = (arguments.bundle.clone().or_else(told))
        .context("no bundle is named: RAUC asks this, or say --bundle DIR")?;
    // RAUC writes what is said here into its log, and tells who asked it that its handler said no.
    let version = manifest::may_install(&bundle, &Places::default(), schema().data)
        .map_err(anyhow::Error::msg)?;
    let path = Path::new(boot::BEGUN);
    files::replace(path, format!("{version}\n").as_bytes(), 0o644)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(Answer::Yes)
}
