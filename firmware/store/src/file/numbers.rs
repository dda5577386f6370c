//! Numbers of a list that come from a file of their own: CSV whose first column is a number.

use std::path::{Component, Path};

use trunkguard_core::policy::{Definition, Prefix};

use super::{FileError, MAX_LIST_FILE, MAX_NUMBERS, problem, read_bounded};

/// Adds what the files say to `numbers` and forgets the files.
pub(super) fn complete(
    definition: &mut Definition,
    text: &str,
    path: &Path,
) -> Result<(), FileError> {
    let mut all = 0;
    for (n, list) in definition.lists.iter_mut().enumerate() {
        if let Some(name) = list.file.take() {
            let key = format!("list[{n}].file");
            let name = Path::new(&name);
            if name.as_os_str().is_empty()
                || !name
                    .components()
                    .all(|c| matches!(c, Component::Normal(_) | Component::CurDir))
            {
                let message = format!(
                    "`{}` leads away from the policy file; put the file beside it and write its name",
                    name.display()
                );
                return Err(problem(text, path, &key, &message));
            }
            let file = path.parent().unwrap_or(Path::new("")).join(name);
            let bytes = read_bounded(&file, MAX_LIST_FILE)
                .map_err(|e| problem(text, path, &key, &e.to_string()))?;
            column(&bytes, &file, &mut list.numbers)?;
        }
        all += list.numbers.len();
        if all > MAX_NUMBERS {
            let message = format!(
                "more than {MAX_NUMBERS} numbers in all lists; use prefixes for whole ranges"
            );
            return Err(problem(text, path, &format!("list[{n}]"), &message));
        }
    }
    Ok(())
}

/// Reads the first column. Empty lines and lines that begin with `#` are passed over, and so is a
/// first line that holds no number.
fn column(bytes: &[u8], file: &Path, numbers: &mut Vec<Prefix>) -> Result<(), FileError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut heading_allowed = true;
    for (n, line) in bytes.split(|b| *b == b'\n').enumerate() {
        let wrong = |message: String| FileError {
            file: file.into(),
            line: n + 1,
            column: 0,
            key: String::new(),
            message,
        };
        let line = std::str::from_utf8(line)
            .map_err(|_| wrong("not UTF-8; save the file as UTF-8".into()))?;
        let cell = line.split([',', ';', '\t']).next().unwrap_or_default();
        let cell = cell.trim().trim_matches('"').trim();
        if cell.is_empty() || cell.starts_with('#') {
            continue;
        }
        let heading =
            std::mem::take(&mut heading_allowed) && !cell.bytes().any(|b| b.is_ascii_digit());
        if heading {
            continue;
        }
        if numbers.len() >= MAX_NUMBERS {
            return Err(wrong(format!(
                "more than {MAX_NUMBERS} numbers; use prefixes for whole ranges"
            )));
        }
        numbers.push(Prefix::parse(cell).map_err(wrong)?);
    }
    Ok(())
}
