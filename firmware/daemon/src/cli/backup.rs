//! `backup` and `restore`.

use std::{
    fs::OpenOptions,
    io::{BufRead, IsTerminal, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use trunkguard_core::unseen::is_unseen;
use trunkguard_store::backup::Backup;

use super::{Answer, print};
use crate::{
    backup::{self, Wanted, What},
    policy::Force,
};

/// Shortest password of a new backup, in characters: whoever has the file may try for years.
const SHORTEST: usize = 12;

/// A backup to be made.
#[derive(Args)]
pub struct BackupArguments {
    /// The state directory.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// File with the password in its first line. Otherwise it is asked for, or read from standard input.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The page's and SIP's certificates too, with their keys.
    #[arg(long)]
    certificates: bool,
    /// The history of calls too.
    #[arg(long)]
    history: bool,
    /// Where to write it; a new file.
    file: PathBuf,
}

/// A backup to be put back.
#[derive(Args)]
pub struct RestoreArguments {
    /// The state directory.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// File with the password in its first line. Otherwise it is asked for, or read from standard input.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Say what is in it, and change nothing.
    #[arg(long)]
    show: bool,
    /// Only these parts; all that are in it unless said.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// The backup.
    file: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Policy,
    Pops,
    Accounts,
    Certificates,
    History,
}

/// Makes a backup.
///
/// # Errors
/// A state directory that cannot be read, a short password, a file that is there already.
pub fn make(arguments: &BackupArguments) -> anyhow::Result<Answer> {
    let wanted = Wanted {
        certificates: arguments.certificates,
        history: arguments.history,
    };
    let contents = backup::make(&arguments.state, wanted)?;
    let password = password(arguments.password_file.as_deref(), true)?;
    if password.chars().count() < SHORTEST {
        bail!("the password is too short; take at least {SHORTEST} characters");
    }
    let octets = contents.seal(&password)?;
    write_new(&arguments.file, &octets)?;
    print(format!(
        "{}: {} octets; without its password nobody can read it, and nobody can restore it\n",
        arguments.file.display(),
        octets.len()
    ))
}

/// Only for its owner, and never over another file.
fn write_new(path: &Path, octets: &[u8]) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("{}: no new file can be made there", path.display()))?;
    let written = file.write_all(octets).and_then(|()| file.sync_all());
    if let Err(problem) = written {
        // Half a backup is none.
        let _ = std::fs::remove_file(path);
        return Err(problem).with_context(|| format!("{}: cannot be written", path.display()));
    }
    Ok(())
}

/// Says what is in a backup, or puts it back.
///
/// # Errors
/// What is wrong with the file or the password, or why it cannot be put back; nothing has changed then.
pub fn restore(arguments: &RestoreArguments) -> anyhow::Result<Answer> {
    let file = backup::read(&arguments.file)?;
    let password = password(arguments.password_file.as_deref(), false)?;
    let contents = Backup::open(&file, &password)?;
    if arguments.show {
        return print(summary(&contents));
    }
    let takes = |part| arguments.only.is_empty() || arguments.only.contains(&part);
    let what = What {
        policy: takes(Part::Policy),
        pops: takes(Part::Pops),
        // A box that had no account yet has none to put back.
        accounts: takes(Part::Accounts) && !contents.accounts.is_empty(),
        certificates: takes(Part::Certificates),
        history: takes(Part::History),
    };
    let force = backup::restore(&arguments.state, &contents, what)?;
    let again = match (what.accounts, force) {
        (true, Force::Now) => {
            "; whoever is logged in to the page stays so until the page is started again"
        }
        _ => "",
    };
    print(format!(
        "{}restored; {}{again}\n",
        summary(&contents),
        force.words()
    ))
}

fn summary(contents: &Backup) -> String {
    let made = jiff::Timestamp::from_millisecond(contents.about.made_ms).map_or_else(
        |_| "?".into(),
        |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    );
    let accounts: Vec<&str> = contents
        .accounts
        .iter()
        .map(|account| account.name.as_str())
        .collect();
    let certificates: Vec<&str> = contents
        .certificates
        .iter()
        .map(|pair| pair.name.as_str())
        .collect();
    let or_none = |names: Vec<&str>| match names.is_empty() {
        true => "none".to_owned(),
        false => names
            .join(", ")
            .chars()
            .filter(|c| !is_unseen(*c))
            .collect(),
    };
    let policy = &contents.policy;
    format!(
        "made          {made} on {} with firmware {}\npolicy        {} clients, {} groups, {} callers, {} lists\ndecisions     {}\naccounts      {}\ncertificates  {}\nhistory       {}\n",
        contents.about.host.escape_debug(),
        contents.about.firmware.escape_debug(),
        policy.clients.len(),
        policy.groups.len(),
        policy.callers.len(),
        policy.lists.len(),
        contents.pops.len(),
        or_none(accounts),
        or_none(certificates),
        contents.history.as_ref().map_or_else(
            || "none".into(),
            |history| format!("{} octets", history.len())
        ),
    )
}

/// The password: of a file, asked for at a terminal (twice where a slip would lose the backup), or a line of standard input.
fn password(file: Option<&Path>, twice: bool) -> anyhow::Result<String> {
    if let Some(path) = file {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{}: cannot be read", path.display()))?;
        return Ok(text.lines().next().unwrap_or_default().to_owned());
    }
    if !std::io::stdin().is_terminal() {
        return line();
    }
    let first = asked("Password of the backup: ")?;
    if twice && asked("Once more: ")? != first {
        bail!("the two passwords differ");
    }
    Ok(first)
}

fn line() -> anyhow::Result<String> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .context("standard input cannot be read")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Asks at the terminal, which shows nothing of what is typed.
fn asked(question: &str) -> anyhow::Result<String> {
    use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
    eprint!("{question}");
    let stdin = std::io::stdin();
    let shown = tcgetattr(&stdin)?;
    let mut hidden = shown.clone();
    hidden.local_flags.remove(LocalFlags::ECHO);
    tcsetattr(&stdin, SetArg::TCSAFLUSH, &hidden)?;
    let typed = line();
    tcsetattr(&stdin, SetArg::TCSAFLUSH, &shown)?;
    eprintln!();
    typed
}
