//! A policy to be shown to others: as it is, but for what is secret.

use serde::Serialize;
use toml::{Table, Value};
use trunkguard_core::policy::Definition;

/// Keys that name a secret, or, as an address of a webhook, hold one. Parts of the key: one that is new is rather blanked
/// than shown.
const SECRET: [&str; 7] = [
    "password",
    "passphrase",
    "passwd",
    "secret",
    "token",
    "url",
    "key",
];
const BLANK: &str = "(blanked)";

/// The policy file without secrets. Not for `apply`: what is blanked is lost.
pub fn blanked(definition: &Definition) -> String {
    toml::to_string_pretty(&blanked_table(definition)).unwrap_or_default()
}

/// The same, to be written in another form.
pub fn blanked_table(definition: &Definition) -> impl Serialize + use<> {
    // As in `render`: every definition has a form in TOML.
    let mut table = Table::try_from(definition).unwrap_or_default();
    table.iter_mut().for_each(|(key, value)| blank(key, value));
    table
}

fn blank(key: &str, value: &mut Value) {
    let secret = SECRET.iter().any(|part| key.contains(part));
    match value {
        Value::Table(table) => table.iter_mut().for_each(|(key, value)| blank(key, value)),
        Value::Array(array) => array.iter_mut().for_each(|value| blank(key, value)),
        value if secret => *value = Value::String(BLANK.into()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn no_secret_is_shown_and_everything_else_is() {
        let text = "[[client]]\nname = \"office\"\naddresses = [\"192.0.2.1\"]\ncredentials = { username = \"pbx\", password = \"correct horse\" }\n";
        let definition = crate::file::parse(text, Path::new("test")).unwrap();
        let shown = blanked(&definition);
        assert!(!shown.contains("horse") && shown.contains(BLANK), "{shown}");
        assert!(
            shown.contains("192.0.2.1") && shown.contains("pbx"),
            "{shown}"
        );
    }

    #[test]
    fn secrets_in_lists_and_by_other_names_are_blanked_too() {
        let mut value: Value = toml::from_str::<Table>(
            "name = \"x\"\nsmtp_password = \"a\"\n[[webhook]]\nurl = \"https://hooks.example/a\"\nsigning_key = \"a\"\ntokens = [\"a\"]\n",
        )
        .map(Value::Table)
        .unwrap();
        blank("", &mut value);
        let shown = toml::to_string(&value).unwrap();
        assert_eq!(shown.matches(BLANK).count(), 4, "{shown}");
        assert!(
            !shown.contains("\"a\"") && !shown.contains("hooks") && shown.contains("\"x\""),
            "{shown}"
        );
    }
}
