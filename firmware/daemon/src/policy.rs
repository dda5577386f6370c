//! From the state directory to a policy in force.

use std::path::Path;

use anyhow::bail;
use trunkguard_core::policy::{Definition, Policy, Problem};
use trunkguard_store::{
    file,
    policy_store::{Origin, PolicyStore},
};

use crate::clock::Clock;

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

/// What is stored.
///
/// # Errors
/// A state directory that cannot be used.
pub fn stored(state: &Path) -> anyhow::Result<Definition> {
    Ok(PolicyStore::open(state)?.0.definition()?)
}

/// The office's time zone, as stored.
///
/// # Errors
/// A state directory that cannot be used.
pub fn zone(state: &Path) -> anyhow::Result<jiff::tz::TimeZone> {
    let (store, _) = PolicyStore::open(state)?;
    let clock = Clock::new(&store.definition()?.settings.time_zone).map_err(anyhow::Error::msg)?;
    Ok(clock.zone().clone())
}
