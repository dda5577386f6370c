//! `box crash` and `box crashes` (B16).

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use jiff::Timestamp;
use trunkguard_boot::{crash, files};

use crate::cli::{Answer, print};

/// Where the ring is.
const RING: &str = "/data/box/crash";

#[derive(Args)]
pub struct Arguments {
    /// The unit that failed.
    #[arg(required_unless_present = "kernel")]
    unit: Option<String>,
    /// Keep what the kernel said last before it fell, instead.
    #[arg(long, conflicts_with = "unit")]
    kernel: bool,
    /// The ring's folder.
    #[arg(long, value_name = "DIR", default_value = RING)]
    ring: PathBuf,
    /// Where it is counted how often a unit was kept since the start.
    #[arg(long, value_name = "DIR", default_value = "/run/trunkguard-crash")]
    counts: PathBuf,
    /// Where the kernel's last words are.
    #[arg(long, value_name = "DIR", default_value = "/sys/fs/pstore")]
    pstore: PathBuf,
}

#[derive(Args)]
pub struct List {
    /// The one to print; all are listed unless said.
    name: Option<String>,
    /// The ring's folder.
    #[arg(long, value_name = "DIR", default_value = RING)]
    ring: PathBuf,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Answer> {
    let ring = &arguments.ring;
    let failed = || format!("cannot keep it in {}", ring.display());
    let Some(unit) = &arguments.unit else {
        let count = crash::keep_kernels(&arguments.pstore, ring).with_context(failed)?;
        return print(format!("kept {count} of the kernel's last words\n"));
    };
    if !crash::count(&arguments.counts, unit)
        .with_context(|| format!("cannot count in {}", arguments.counts.display()))?
    {
        return print(format!(
            "{unit} was kept {} times since the start; no more until the next one\n",
            crash::MOST_PER_START
        ));
    }
    let head = format!(
        "{unit} failed; written {} by the box's clock, trunkguard {}\n{}\n",
        Timestamp::now().strftime("%Y-%m-%d %H:%M:%S UTC"),
        env!("CARGO_PKG_VERSION"),
        crash::result(|name| std::env::var(name).ok())
    );
    let path = crash::keep(ring, unit, &head, &crash::log(unit)).with_context(failed)?;
    print(format!("kept in {}\n", path.display()))
}

pub fn list(arguments: &List) -> anyhow::Result<Answer> {
    let all = crash::list(&arguments.ring)
        .with_context(|| format!("cannot read {}; are you root?", arguments.ring.display()))?;
    match &arguments.name {
        None if all.is_empty() => print("no crash was kept\n"),
        None => print(
            all.iter()
                .map(|kept| format!("{}\n", kept.name))
                .collect::<String>(),
        ),
        Some(name) => {
            let Some(kept) = all.iter().find(|kept| kept.name == *name) else {
                bail!("there is no `{name}`; `trunkguard box crashes` lists them");
            };
            let text = files::read(&arguments.ring.join(&kept.name), 1 << 20)?;
            print(String::from_utf8_lossy(&text))
        }
    }
}
