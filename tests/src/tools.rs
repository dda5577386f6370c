//! The tools outside this crate, and what to do when one is missing.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

const REMEDY: &str = "run tests/setup.sh as root (make test does)";

/// The binary under test, from `TRUNKGUARD_BIN`.
///
/// # Errors
/// When the variable is unset or does not name a file.
pub fn trunkguard() -> Result<PathBuf> {
    let path = env::var_os("TRUNKGUARD_BIN")
        .context("TRUNKGUARD_BIN is not set; build trunkguard and set it to the binary's path (make test does)")?;
    let path = PathBuf::from(path);
    let full = fs::canonicalize(&path).with_context(|| {
        format!(
            "TRUNKGUARD_BIN={} is not there; build it first",
            path.display()
        )
    })?;
    ensure!(
        full.is_file(),
        "TRUNKGUARD_BIN={} is not a file",
        full.display()
    );
    Ok(full)
}

/// The folder of this crate, with `pbx/`, `roots/` and `sipp/`.
pub fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The path of the built root `name` (`asterisk16`, `asterisk22`); builds it when it is missing.
///
/// # Errors
/// When the build fails.
pub fn root(name: &str) -> Result<PathBuf> {
    let out = Command::new(here().join("roots/build.sh"))
        .arg(name)
        .output()
        .context("roots/build.sh")?;
    if !out.status.success() {
        bail!(
            "root {name} could not be built: {}\n{REMEDY}",
            String::from_utf8_lossy(&out.stderr)
        );
    }
    Ok(PathBuf::from(String::from_utf8(out.stdout)?.trim()))
}

/// One of sipvicious' programs (`sipvicious_svmap`).
///
/// # Errors
/// When it is not installed.
pub fn sipvicious(program: &str) -> Result<PathBuf> {
    cached(&format!("sipvicious-0.3.3/bin/{program}"))
}

/// A program that tests/setup.sh has put into the cache.
fn cached(program: &str) -> Result<PathBuf> {
    let cache = match env::var_os("XDG_CACHE_HOME") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    };
    let path = cache.join("trunkguard").join(program);
    ensure!(path.is_file(), "{} is missing: {REMEDY}", path.display());
    Ok(path)
}

/// The program that asks an API by its document.
///
/// # Errors
/// When it is not installed.
pub fn schemathesis() -> Result<PathBuf> {
    cached("schemathesis-4.32.5/bin/schemathesis")
}

/// Checks that a program of the machine is there.
///
/// # Errors
/// When it is not on the `PATH`.
pub fn on_path(program: &str) -> Result<PathBuf> {
    env::split_paths(&env::var_os("PATH").unwrap_or_default())
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
        .with_context(|| format!("{program} is missing: {REMEDY}"))
}

/// Runs a short command to its end and returns what it printed.
///
/// # Errors
/// When it cannot be started or ends with anything but 0.
pub fn run(program: &str, args: &[&str]) -> Result<String> {
    let path = on_path(program)?;
    let out = Command::new(path)
        .args(args)
        .output()
        .with_context(|| program.to_owned())?;
    ensure!(
        out.status.success(),
        "{program} {}: {}\n{}{}",
        args.join(" "),
        out.status,
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}
