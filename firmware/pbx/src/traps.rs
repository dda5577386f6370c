//! Looks over what is there already: a password, and a configuration file of the PBX.

mod file;

pub use file::{LARGEST as LARGEST_FILE, look_over};

use serde::Serialize;

/// Something that is wrong, or will be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trap {
    /// From 1; 0 where there is no line to name.
    pub line: usize,
    /// What is wrong. Never a password, nor a part of one.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// The longest password that is looked at, in octets.
pub const LONGEST_PASSWORD: usize = 1_024;

/// Looks a password over. It is neither kept nor repeated.
pub fn password(text: &str) -> Vec<Trap> {
    let mut found = Vec::new();
    let mut trap = |what: String, remedy: &str| {
        found.push(Trap {
            line: 0,
            what,
            remedy: remedy.into(),
        });
    };
    let length = text.chars().count();
    if length < 12 {
        trap(format!("it has {length} characters"), "take 12 or more");
    }
    for (character, what) in BREAKING {
        if text.contains(*character) {
            trap(
                format!("it has `{character}`: {what}"),
                "take letters and digits only",
            );
        }
    }
    let other = |c: char| !c.is_ascii_alphanumeric() && !BREAKING.iter().any(|(b, _)| *b == c);
    if text.chars().any(other) {
        trap(
            "it has characters that are neither letters (a to z) nor digits: VoIP.ms and the PBX may read them differently".into(),
            "take letters and digits only",
        );
    }
    let classes = [
        char::is_lowercase as fn(char) -> bool,
        char::is_uppercase,
        |c| c.is_ascii_digit(),
    ];
    if classes
        .iter()
        .filter(|class| text.chars().any(class))
        .count()
        < 2
    {
        trap(
            "it is of one kind of character only".into(),
            "mix small and capital letters and digits",
        );
    }
    found
}

const BREAKING: &[(char, &str)] = &[
    ('#', "VoIP.ms's guide says that the login fails with it"),
    (
        ';',
        "it begins a comment in Asterisk's files, and the rest is lost",
    ),
    (':', "it ends the password in a register string"),
    ('@', "it ends the password in a register string"),
    ('/', "it ends the host in a register string"),
    ('~', "it begins the expiry in a register string"),
    (',', "it separates values in Asterisk's files"),
    (
        '"',
        "it opens a quotation in XML and in Asterisk's expressions",
    ),
    (
        '&',
        "FreeSWITCH's XML reads it as the beginning of a character's name",
    ),
    ('<', "FreeSWITCH's XML reads it as a tag"),
    ('$', "it begins a variable"),
    ('\\', "it hides the next character"),
    (' ', "it is cut off at either end"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_looked_over_and_never_repeated() {
        assert_eq!(password("aB3dEf6hIj9k"), []);
        for (character, _) in BREAKING {
            let bad = format!("aB3dEf6hIj9k{character}z");
            let traps = password(&bad);
            assert_eq!(traps.len(), 1, "{character}: {traps:?}");
            assert!(traps[0].what.contains(*character));
            assert!(!format!("{traps:?}").contains("aB3d"));
        }
        assert_eq!(password("short1").len(), 1);
        assert_eq!(password("abcdefghijkl").len(), 1);
        assert_eq!(password("aB3dEf6hIj9ké").len(), 1);
        assert!(!password("").is_empty());
    }
}
