//! `trunkguard board`: profiles of boards, for who has a new one and for who makes an image.

use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;
use trunkguard_board::{Profile, links};

use super::{Answer, print};

/// What to do with profiles.
#[derive(Subcommand)]
pub enum Command {
    /// List the boards that are known.
    List,
    /// Look over profiles: says file, line and key of what is wrong.
    Check {
        /// The profiles (TOML).
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Write the systemd.link(5) files that give the ports of all boards their names.
    Links {
        /// The folder to write them to; it is made where it is missing.
        folder: PathBuf,
    },
}

pub fn run(command: Command) -> anyhow::Result<Answer> {
    match command {
        Command::List => {
            let profiles = Profile::built_in()?;
            let lines = profiles
                .iter()
                .map(|p| format!("{:<14} {}\n", p.name, p.about));
            print(lines.collect::<String>())
        }
        Command::Check { files } => {
            let mut said = String::new();
            for file in &files {
                let profile = Profile::load_file(file)?;
                said += &format!("{}: {}, {}\n", file.display(), profile.name, profile.about);
            }
            print(said)
        }
        Command::Links { folder } => {
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("{}: the folder cannot be made", folder.display()))?;
            let mut said = String::new();
            for (name, text) in links(&Profile::built_in()?) {
                let path = folder.join(name);
                std::fs::write(&path, text)
                    .with_context(|| format!("{}: cannot be written", path.display()))?;
                said += &format!("{}\n", path.display());
            }
            print(said)
        }
    }
}
