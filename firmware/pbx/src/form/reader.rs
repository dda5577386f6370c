//! Field after field, with everything that is wrong kept.

use super::Wrong;

/// The longest text of a field, in octets.
const LONGEST: usize = 256;

/// Reads field after field, and keeps what is wrong.
#[derive(Default)]
pub struct Reader {
    /// Everything that was wrong until now.
    pub wrong: Vec<Wrong>,
}

impl Reader {
    fn keep<T>(&mut self, field: &'static str, read: Result<T, String>) -> Option<T> {
        read.map_err(|message| self.wrong.push(Wrong::new(field, message)))
            .ok()
    }

    /// A field that may be empty.
    pub fn maybe<T>(
        &mut self,
        field: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let read = if text.len() > LONGEST {
            Err(format!("is longer than {LONGEST} characters"))
        } else {
            parse(text)
        };
        self.keep(field, read)
    }

    /// A field that must be there.
    pub fn needed<T>(
        &mut self,
        field: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if text.trim().is_empty() {
            return self.keep(field, Err("is missing; say it".into()));
        }
        self.maybe(field, text, parse)
    }

    /// A field with a default.
    pub fn or<T>(
        &mut self,
        field: &'static str,
        text: &str,
        default: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = if text.trim().is_empty() {
            default
        } else {
            text
        };
        self.maybe(field, text, parse)
    }

    /// One of a few names.
    pub fn choice<T: Copy>(
        &mut self,
        field: &'static str,
        text: &str,
        default: T,
        all: &'static [T],
        name: fn(T) -> &'static str,
    ) -> Option<T> {
        self.or(field, text, name(default), |text| {
            all.iter()
                .copied()
                .find(|value| name(*value) == text)
                .ok_or_else(|| {
                    let names: Vec<&str> = all.iter().map(|value| name(*value)).collect();
                    format!(
                        "`{}` is not known; write {}",
                        text.escape_debug(),
                        names.join(" or ")
                    )
                })
        })
    }
}
