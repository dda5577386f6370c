//! The policy file: TOML with a line, a key and a remedy for everything that is wrong with it.

mod blank;
mod explain;
mod locate;
mod numbers;

use std::{
    fmt,
    io::Read,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::de::{DeTable, Deserializer};
use trunkguard_core::policy::{Definition, Policy};

pub use blank::{blanked, blanked_table};

/// Largest policy file, in octets.
pub const MAX_FILE: usize = 16 << 20;
/// Largest file of a number list, in octets.
pub const MAX_LIST_FILE: usize = 8 << 20;
/// Most numbers in all lists together.
pub const MAX_NUMBERS: usize = trunkguard_core::policy::bounds::LIST_NUMBERS;
/// The format that this version reads and writes.
pub const FORMAT: u32 = 1;

/// What is wrong with a policy file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FileError {
    /// The file, as it was named.
    pub file: PathBuf,
    /// From 1; 0 when the error belongs to no line.
    pub line: usize,
    /// In characters, from 1; 0 when the error belongs to a whole line.
    pub column: usize,
    /// The key, `client[0].profile`; empty when it belongs to none.
    pub key: String,
    /// What is wrong, and after a `;` what to do.
    pub message: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        for part in [self.line, self.column] {
            if part > 0 {
                write!(f, "{part}:")?;
            }
        }
        if !self.key.is_empty() {
            write!(f, " {}:", self.key)?;
        }
        write!(f, " {}", self.message)
    }
}

impl FileError {
    fn whole(file: &Path, message: String) -> Self {
        FileError {
            file: file.into(),
            line: 0,
            column: 0,
            key: String::new(),
            message,
        }
    }

    fn at(file: &Path, text: &str, offset: usize, key: String, message: String) -> Self {
        let (line, column) = locate::line_column(text, offset);
        FileError {
            file: file.into(),
            line,
            column,
            key,
            message,
        }
    }
}

/// Reads a policy file from disk and returns its text with what it says.
///
/// # Errors
/// When the file cannot be read, is too large, or [`parse`] or [`check`] refuses it.
pub fn read(path: &Path) -> Result<(String, Definition), FileError> {
    let bytes = read_bounded(path, MAX_FILE)?;
    let text = String::from_utf8(bytes).map_err(|e| {
        let good = e.utf8_error().valid_up_to();
        let front = String::from_utf8_lossy(&e.as_bytes()[..good]).into_owned();
        FileError::at(
            path,
            &front,
            good,
            String::new(),
            "not UTF-8 here; save the file as UTF-8".into(),
        )
    })?;
    let definition = parse(&text, path)?;
    check(&text, path, &definition)?;
    Ok((text, definition))
}

/// Has the core check what one part of a policy says of another, and finds the line of the first
/// thing that does not fit.
///
/// # Errors
/// That first thing.
pub fn check(text: &str, path: &Path, definition: &Definition) -> Result<(), FileError> {
    match Policy::compile(definition) {
        Ok(_) => Ok(()),
        Err(problems) => Err(match problems.first() {
            Some(first) => problem(text, path, &first.path, &first.message),
            None => FileError::whole(path, "the policy does not fit together".into()),
        }),
    }
}

/// Reads the text of a policy file. Number lists that name a `file` are completed from that file,
/// which is looked for beside `path`.
///
/// # Errors
/// The first thing that is wrong. References from one part to another (a rule that names a list)
/// are not looked at here: see [`check`].
pub fn parse(text: &str, path: &Path) -> Result<Definition, FileError> {
    let mut definition = shape(text, path)?;
    numbers::complete(&mut definition, text, path)?;
    Ok(definition)
}

/// Reads and checks the text of a policy that somebody sent. There is no folder beside it: lists hold their numbers
/// themselves. `name` stands for the file in errors.
///
/// # Errors
/// As [`parse`] and [`check`]; a list that names a file.
pub fn parse_sent(text: &str, name: &Path) -> Result<Definition, FileError> {
    let mut definition = shape(text, name)?;
    if let Some(n) = (definition.lists.iter()).position(|list| list.file.is_some()) {
        let message = "there is no file beside a policy that is sent; write the numbers into the list, or use trunkguard apply";
        return Err(problem(text, name, &format!("list[{n}].file"), message));
    }
    numbers::complete(&mut definition, text, name)?;
    check(text, name, &definition)?;
    Ok(definition)
}

/// What the text of a policy file says by itself.
fn shape(text: &str, path: &Path) -> Result<Definition, FileError> {
    if text.len() > MAX_FILE {
        return Err(FileError::whole(
            path,
            format!(
                "larger than {} MiB; move numbers into files of their own",
                MAX_FILE >> 20
            ),
        ));
    }
    let syntax = |e: toml::de::Error| {
        let offset = e.span().map_or(0, |s| s.start);
        FileError::at(
            path,
            text,
            offset,
            String::new(),
            explain::syntax(e.message()),
        )
    };
    let table = DeTable::parse(text).map_err(syntax)?;
    let tree = table.get_ref();
    let said_format = tree.contains_key("format");

    let mut definition =
        Definition::deserialize(Deserializer::from(table.clone())).map_err(|e| {
            let span = e.span().unwrap_or(0..0);
            let place = locate::at_span(tree, &span, e.message());
            let message = explain::value(e.message(), &place.key);
            FileError::at(path, text, place.offset, place.key, message)
        })?;

    if !said_format {
        definition.format = FORMAT;
    } else if definition.format != FORMAT {
        let message = format!(
            "format {} is not known to this version; write format = {FORMAT}",
            definition.format
        );
        return Err(problem(text, path, "format", &message));
    }
    Ok(definition)
}

/// An error at a key of a policy file, for what is found wrong after the file was read.
///
/// `key` is a path such as `client[1].policy.allow.lists[0]`. A part that is not in the file (a
/// default, or a key that is missing) points at the nearest part in front of it that is.
pub fn problem(text: &str, path: &Path, key: &str, message: &str) -> FileError {
    let offset = DeTable::parse(text)
        .ok()
        .and_then(|table| locate::at_key(table.get_ref(), key));
    match offset {
        Some(offset) => FileError::at(path, text, offset, key.into(), message.into()),
        None => FileError {
            key: key.into(),
            ..FileError::whole(path, message.into())
        },
    }
}

/// Writes a policy as a file that [`parse`] reads back as the same policy.
pub fn render(definition: &Definition) -> String {
    let definition = Definition {
        format: FORMAT,
        ..definition.clone()
    };
    // Every type of a definition has a form in TOML; the property test in `tests` walks them all.
    let body = toml::to_string_pretty(&definition).unwrap_or_default();
    let mut out = String::with_capacity(body.len() + HEADER.len());
    out.push_str(HEADER);
    let mut in_front = true;
    for line in body.lines() {
        in_front &= !line.starts_with('[');
        // `client = []` would forbid its owner to add a `[[client]]` further down.
        if in_front
            && matches!(
                line,
                "client = []" | "group = []" | "caller = []" | "list = []"
            )
        {
            continue;
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

const HEADER: &str = "\
# Calling policy of a Trunkguard box. Apply it with: trunkguard apply FILE
# The nearest of [[caller]], [[group]], [[client]] and [policy] wins, setting by setting.
# This file may hold passwords: keep it readable by its owner only.

";

/// Reads a file of at most `max` octets. Anything but a plain file is refused, so that a pipe or a
/// device cannot hold the reader.
fn read_bounded(path: &Path, max: usize) -> Result<Vec<u8>, FileError> {
    let wrong = |what: &dyn fmt::Display| {
        FileError::whole(
            path,
            format!("cannot be read: {what}; check the name and its permissions"),
        )
    };
    let meta = std::fs::metadata(path).map_err(|e| wrong(&e))?;
    if !meta.is_file() {
        return Err(FileError::whole(
            path,
            "not a plain file; name a file".into(),
        ));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|e| wrong(&e))?;
    file.take(max as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| wrong(&e))?;
    if bytes.len() > max {
        return Err(FileError::whole(
            path,
            format!("larger than {} MiB; split it", max >> 20),
        ));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
