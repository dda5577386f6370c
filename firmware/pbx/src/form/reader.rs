//! Field after field, with everything that is wrong kept.

use super::{Wrong, french};
use crate::{Language, answers::Named, language::say};

/// The longest text of a field, in octets.
const LONGEST: usize = 256;

/// Reads field after field, and keeps what is wrong.
pub struct Reader {
    language: Language,
    /// Everything that was wrong until now.
    pub wrong: Vec<Wrong>,
}

impl Reader {
    pub fn new(language: Language) -> Self {
        Reader {
            language,
            wrong: Vec::new(),
        }
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
            Err(format!(
                "it is longer than {LONGEST} characters; write a shorter one"
            ))
        } else {
            parse(text)
        };
        let problem = match read {
            Ok(value) => return Some(value),
            Err(problem) => problem,
        };
        let shown: String = text.chars().take(40).collect();
        self.wrong.push(Wrong::new(
            field,
            match self.language {
                Language::English => problem,
                Language::French => format!(
                    "« {} » ne convient pas ; {}",
                    shown.escape_debug(),
                    french::remedy(field)
                ),
            },
        ));
        None
    }

    /// A field that must be there.
    pub fn needed<T>(
        &mut self,
        field: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if text.trim().is_empty() {
            let missing = say!(self.language, "is missing; say it", "manque ; indiquez-le");
            self.wrong.push(Wrong::new(field, missing));
            return None;
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
    pub fn choice<T: Named>(&mut self, field: &'static str, text: &str, default: T) -> Option<T> {
        self.or(field, text, default.name(), |text| {
            let value = T::VALUES.iter().copied().find(|value| value.name() == text);
            value.ok_or_else(|| {
                let names: Vec<&str> = T::VALUES.iter().map(|value| value.name()).collect();
                format!(
                    "`{}` is not known; write {}",
                    text.escape_debug(),
                    names.join(" or ")
                )
            })
        })
    }
}
