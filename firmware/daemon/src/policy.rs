//! From the state directory to a policy in force.

use std::path::Path;

use anyhow::{Context, bail};
use trunkguard_core::policy::{Definition, Mode, Policy, Problem};
use trunkguard_store::{
    file::{self, FileError},
    policy_store::{Origin, PolicyStore},
};

use crate::{
    backup,
    clock::Clock,
    control::{self, Ask},
};

/// What stands for the name of a policy that came as text.
const SENT: &str = "policy";

/// What `make run` begins with.
pub const EXAMPLE: &str = include_str!("../example/policy.toml");

/// Reads and checks a policy file.
///
/// # Errors
/// File, line, key and remedy.
pub fn read_file(path: &Path) -> anyhow::Result<Definition> {
    let (text, definition) = file::read(path)?;
    if let Err(problem) = Clock::new(&definition.settings.time_zone) {
        return Err(file::problem(&text, path, "settings.time_zone", &problem).into());
    }
    Ok(definition)
}

/// Reads and checks a policy that somebody sent, as text of a policy file.
///
/// # Errors
/// Line, key and remedy.
pub fn read_sent(text: &str) -> Result<Definition, FileError> {
    let name = Path::new(SENT);
    let definition = file::parse_sent(text, name)?;
    match Clock::new(&definition.settings.time_zone) {
        Ok(_) => Ok(definition),
        Err(problem) => Err(file::problem(text, name, "settings.time_zone", &problem)),
    }
}

/// The same, as JSON.
///
/// # Errors
/// Where it is no such JSON, or the key and the remedy.
pub fn read_sent_json(text: &str) -> Result<Definition, FileError> {
    let wrong = |line, column, message| FileError {
        file: SENT.into(),
        line,
        column,
        key: String::new(),
        message,
    };
    let definition: Definition = serde_json::from_str(text)
        .map_err(|problem| wrong(problem.line(), problem.column(), problem.to_string()))?;
    if ![0, file::FORMAT].contains(&definition.format) {
        let message = format!("this format is not known here; write {}", file::FORMAT);
        return Err(FileError {
            key: "format".into(),
            ..wrong(0, 0, message)
        });
    }
    // What it says is looked over as a file is; lines of that are nobody's.
    read_sent(&file::render(&definition)).map_err(|problem| FileError {
        line: 0,
        column: 0,
        ..problem
    })
}

/// The policy to begin with where none is stored: a file, or the example built in.
///
/// # Errors
/// As [`read_file`].
pub fn first(path: &Path) -> anyhow::Result<Definition> {
    if path.as_os_str() == "example" {
        return Ok(file::parse(EXAMPLE, Path::new("example"))?);
    }
    read_file(path)
}

/// Opens the store, puts the first policy in where there is none, and compiles.
///
/// # Errors
/// A state directory that cannot be used, or a first policy that is wrong.
pub fn load(state: &Path, first_policy: Option<&Path>) -> anyhow::Result<(Policy, Origin)> {
    let (mut store, origin) = PolicyStore::open(state)?;
    if let (Origin::Fresh, Some(path)) = (&origin, first_policy) {
        store.replace(&first(path)?)?;
    }
    Ok((compile(&store.definition()?)?, origin))
}

/// Is what is stored in force?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// The running daemon has taken it over.
    Now,
    /// No daemon runs on this state directory.
    NextStart,
}

impl Force {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Force::Now => "in force now",
            Force::NextStart => {
                "in force at the next start (no daemon runs on this state directory)"
            }
        }
    }
}

/// Stores another policy and has the running daemon take it over, or leaves everything as it was. With `made_from`, only in
/// the place of that policy.
///
/// # Errors
/// What is wrong with it, or why it is not taken over.
pub fn put_in_force(
    state: &Path,
    made_from: Option<&Definition>,
    definition: &Definition,
) -> anyhow::Result<Force> {
    Clock::new(&definition.settings.time_zone).map_err(anyhow::Error::msg)?;
    // What a restore has left would take this back one day.
    backup::mend(state)?;
    let (mut store, _) = PolicyStore::open(state)?;
    let before = store.definition()?;
    match made_from {
        Some(made_from) => store.replace_from(made_from, definition)?,
        None => store.replace(definition)?,
    };
    take_over(state).or_else(|problem| take_back(&mut store, &before, problem))
}

/// Changes the stored policy and has the running daemon take it over: all of it or nothing.
///
/// # Errors
/// As [`put_in_force`].
pub fn change(state: &Path, edit: impl FnOnce(&mut Definition)) -> anyhow::Result<Force> {
    let before = definition(state)?;
    let mut after = before.clone();
    edit(&mut after);
    put_in_force(state, Some(&before), &after)
}

/// Stores another mode and has the running daemon take it over, or leaves everything as it was.
///
/// # Errors
/// As [`put_in_force`].
pub fn set_mode(state: &Path, mode: Mode) -> anyhow::Result<Force> {
    backup::mend(state)?;
    let (mut store, _) = PolicyStore::open(state)?;
    let before = store.definition()?;
    store.set_mode(mode)?;
    take_over(state).or_else(|problem| take_back(&mut store, &before, problem))
}

/// The daemon goes on with what was before: so does the store.
///
/// # Errors
/// Always: with the problem.
pub fn take_back<T>(
    store: &mut PolicyStore,
    before: &Definition,
    problem: anyhow::Error,
) -> anyhow::Result<T> {
    store
        .replace(before)
        .context("what the daemon did not take over stays stored")?;
    Err(problem)
}

/// Makes the running daemon take the stored policy over, and says whether one runs.
///
/// # Errors
/// Why it does not.
pub fn take_over(state: &Path) -> anyhow::Result<Force> {
    let reply: Option<serde_json::Value> = control::ask(state, &Ask::Reload)
        .context("the running daemon did not take it over; everything is as before")?;
    Ok(match reply {
        Some(_) => Force::Now,
        None => Force::NextStart,
    })
}

/// Compiles what the store holds.
///
/// # Errors
/// The first problem, when what is stored does not fit together.
pub fn compile(definition: &Definition) -> anyhow::Result<Policy> {
    match Policy::compile(definition) {
        Ok(policy) => Ok(policy),
        Err(problems) => match problems.first() {
            Some(Problem { path, message }) => {
                bail!("the stored policy does not fit together: {path}: {message}")
            }
            None => bail!("the stored policy does not fit together"),
        },
    }
}

/// The office's time zone, as stored.
///
/// # Errors
/// A state directory that cannot be used.
pub fn zone(state: &Path) -> anyhow::Result<jiff::tz::TimeZone> {
    Ok(clock(state)?.zone().clone())
}

/// The policy as it is stored.
///
/// # Errors
/// A state directory that cannot be used.
pub fn definition(state: &Path) -> anyhow::Result<Definition> {
    let (store, _) = PolicyStore::open(state)?;
    Ok(store.definition()?)
}

/// A clock in the office's time zone, as stored.
///
/// # Errors
/// A state directory that cannot be used.
pub fn clock(state: &Path) -> anyhow::Result<Clock> {
    Clock::new(&definition(state)?.settings.time_zone).map_err(anyhow::Error::msg)
}
