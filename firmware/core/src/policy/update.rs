//! `[update]`: when the box renews itself (docs/updates.md).

use alloc::{format, string::String};
use core::fmt;
use serde::{Deserialize, Serialize};

use super::{
    alerts::Quiet,
    alerts_values::host_of,
    compile::Compiler,
    values::{Clock, text_value},
};

/// When the box renews itself, as its owner writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Update {
    /// How much the box does by itself.
    pub automatic: Automatic,
    /// Where updates come from; where the image's maker says, unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<UpdateUrl>,
    /// When an update is installed and the box restarts, by the office's clock.
    pub hours: Quiet,
}

impl Default for Update {
    fn default() -> Self {
        Update {
            automatic: Automatic::Install,
            url: None,
            hours: Quiet {
                from: Clock(2 * 60),
                to: Clock(5 * 60),
            },
        }
    }
}

impl Update {
    /// As it is unless somebody writes otherwise.
    pub fn is_default(&self) -> bool {
        *self == Update::default()
    }
}

impl Compiler {
    pub(super) fn update(&mut self, update: &Update) {
        let (from, to) = (update.hours.from.minutes(), update.hours.to.minutes());
        let minutes = (1_440 + to - from) % 1_440;
        // A restart waits within them until nobody calls.
        if minutes < SHORTEST_HOURS {
            self.problem(
                "update.hours",
                "an hour at least, such as { from = \"02:00\", to = \"05:00\" }",
            );
        }
    }
}

/// Minutes that `hours` has at least.
const SHORTEST_HOURS: u16 = 60;

/// How much the box does by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Automatic {
    /// Looks for updates, and installs them in `hours`.
    #[default]
    Install,
    /// Looks, and says that there is one.
    Check,
    /// Asks nobody.
    Off,
}

impl Automatic {
    /// The word in the policy file.
    pub const fn name(self) -> &'static str {
        match self {
            Automatic::Install => "install",
            Automatic::Check => "check",
            Automatic::Off => "off",
        }
    }
}

/// The folder that updates come from: `https://host/folder/`. Ends with a slash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct UpdateUrl(String);

impl UpdateUrl {
    /// # Errors
    /// When it is no such address.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            |why: &str| format!("an update address {why}; write such as https://example.com/box/");
        let rest = text
            .strip_prefix("https://")
            .ok_or_else(|| wrong("begins with https://"))?;
        if text.len() > 512 || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(wrong(
                "has at most 512 printable ASCII characters and no space",
            ));
        }
        if rest.contains(['?', '#', '\\', '"', '<', '>', '`', '@']) {
            return Err(wrong("has no query, fragment, user, quote or backslash"));
        }
        let authority = rest.split('/').next().unwrap_or("");
        host_of(authority).ok_or_else(|| wrong("names a host, and perhaps a port"))?;
        let slash = if rest.ends_with('/') { "" } else { "/" };
        Ok(UpdateUrl(format!("{text}{slash}")))
    }

    /// The text; it ends with a slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl fmt::Display for UpdateUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
text_value!(UpdateUrl);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_folder_by_https() {
        for (text, read) in [
            ("https://example.com", "https://example.com/"),
            (
                "https://example.com:8443/box/",
                "https://example.com:8443/box/",
            ),
            ("https://10.0.2.2:4443/a/b", "https://10.0.2.2:4443/a/b/"),
        ] {
            assert_eq!(UpdateUrl::parse(text).map(String::from), Ok(read.into()));
        }
        for text in [
            "http://example.com/",
            "https://",
            "https:///box",
            "https://me@example.com/",
            "https://example.com/?a=1",
            "https://example.com/a b",
            "https://example.com:0/",
            "ftp://example.com/",
        ] {
            assert!(UpdateUrl::parse(text).is_err(), "{text}");
        }
    }
}
