//! `box fill`: a file that is to know which box it is on (docs/updates.md, hawkBit).

use std::{fs, path::PathBuf};

use anyhow::Context;
use clap::Args;
use trunkguard_boot::files;
use trunkguard_update::Places;

use crate::cli::Answer;

#[derive(Args)]
pub struct Arguments {
    /// What is copied.
    from: PathBuf,
    /// Where to. For its owner alone: what is copied may have a secret in it.
    to: PathBuf,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Answer> {
    let places = Places::default();
    let id = places
        .box_id()
        .with_context(|| format!("{}: this box has no identifier", places.id.display()))?;
    let version = places.version().map_err(anyhow::Error::msg)?;
    let text = fs::read_to_string(&arguments.from)
        .with_context(|| arguments.from.display().to_string())?;
    let text = text
        .replace("@ID@", &id)
        .replace("@VERSION@", &version.to_string());
    files::replace(&arguments.to, text.as_bytes(), 0o600)
        .with_context(|| arguments.to.display().to_string())?;
    Ok(Answer::Yes)
}
