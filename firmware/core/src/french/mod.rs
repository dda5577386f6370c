//! Sentences for people, in French, by what they are in English.
//!
//! What is wrong is said where it is found, in one language, and kept so: in histories, logs and answers of the command line. Who
//! shows it to people who read French looks the sentence up here, as gettext does: places for values are `{}`, and a value
//! that is a sentence itself is looked up as well. A test holds every sentence of the firmware against these tables
//! (tests/tests/french.rs); docs/decisions/french-by-sentence.md says why it is so.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

/// Declares a table: the sentence in English, and in French.
macro_rules! sentences {
    ($($english:literal => $french:literal,)*) => {
        pub(super) const SENTENCES: &[(&str, &str)] = &[$(($english, $french)),*];
    };
}

mod doctor;
mod firewall;
mod own;
mod policy;
mod update;

const TABLES: [&[(&str, &str)]; 5] = [
    doctor::SENTENCES,
    firewall::SENTENCES,
    own::SENTENCES,
    policy::SENTENCES,
    update::SENTENCES,
];

/// Longer ones are nobody's sentences.
const LONGEST: usize = 4_096;
/// A sentence in a sentence, so many times.
const DEEPEST: usize = 4;

/// A sentence of the firmware in French; `None` where it is not one that is known, such as what another program said.
/// Of a chain (`key: what is wrong`) the parts that are known are taken.
pub fn french(sentence: &str) -> Option<String> {
    (sentence.len() <= LONGEST).then_some(())?;
    chained(sentence, DEEPEST)
}

/// Every sentence that is known, in both languages, with `{}` for values.
pub fn sentences() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLES.into_iter().flatten().copied()
}

fn chained(text: &str, deep: usize) -> Option<String> {
    let deep = deep.checked_sub(1)?;
    whole(text, deep).or_else(|| {
        let (what, why) = text.split_once(": ")?;
        let known = (whole(what, deep), chained(why, deep));
        (known != (None, None)).then_some(())?;
        let what = known.0.unwrap_or_else(|| what.into());
        let why = known.1.unwrap_or_else(|| why.into());
        Some([&what, " : ", &why].concat())
    })
}

/// By the entry that has the most letters in common with it.
fn whole(text: &str, deep: usize) -> Option<String> {
    let known = sentences().filter_map(|(english, french)| {
        let values = values(english, text)?;
        Some((english.len(), french, values))
    });
    let (_, french, values) = known.max_by_key(|(common, ..)| *common)?;
    let mut values = values.into_iter();
    let mut parts = french.split("{}");
    let mut said = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let value = values.next().unwrap_or_default();
        said += &chained(value, deep).unwrap_or_else(|| value.into());
        said += part;
    }
    Some(said)
}

/// What stands in the places of a pattern; `None` where the text is another one.
fn values<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = pattern.split("{}");
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut values = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let value = match parts.peek() {
            Some(_) => {
                let (value, behind) = rest.split_once(part)?;
                rest = behind;
                value
            }
            None => core::mem::take(&mut rest).strip_suffix(part)?,
        };
        (!value.is_empty()).then_some(())?;
        values.push(value);
    }
    rest.is_empty().then_some(values)
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_sentence_is_there_once_and_has_its_places() {
        let mut seen = BTreeSet::new();
        for (english, french) in sentences() {
            assert!(seen.insert(english), "twice: {english}");
            assert_ne!(english, french);
            let places = |text: &str| text.matches("{}").count();
            assert_eq!(places(english), places(french), "{english}\n{french}");
            assert!(!english.contains("{}{}"), "{english}");
            // Found by itself, with itself in its places.
            assert!(self::french(english).is_some(), "{english}");
        }
        assert!(seen.len() > 400, "{}", seen.len());
    }

    #[test]
    fn values_are_kept_and_sentences_in_sentences_are_said_too() {
        for (english, said) in [
            (
                "`x y` is not a name; write 1 to 64 printable characters",
                "« x y » n’est pas un nom; écrivez de 1 à 64 caractères imprimables",
            ),
            (
                "client[0].name: there are two clients named `x`",
                "client[0].name : il y a deux clients nommés « x »",
            ),
            (
                "the running daemon did not take it over; everything is as before: the firewall does not take it over: there is no helper",
                "le service ne l’a pas repris; tout est comme avant : le pare-feu ne le reprend pas : il n’y a pas d’auxiliaire",
            ),
            (
                "there is no D-Bus: No such file or directory (os error 2)",
                "il n’y a pas de D-Bus : No such file or directory (os error 2)",
            ),
            (
                "pop.example does not answer any more; near.example answers best",
                "pop.example ne répond plus; near.example répond le mieux",
            ),
            (
                "integer `3` where a list belongs; put it in brackets, such as [\"…\", \"…\"]",
                "le nombre « 3 », alors qu’il faut une liste; mettez-le entre crochets, par exemple [\"…\", \"…\"]",
            ),
        ] {
            assert_eq!(french(english).as_deref(), Some(said), "{english}");
        }
    }

    #[test]
    fn what_others_say_stays_as_it_is() {
        for text in ["", "550 mailbox unavailable", "{}", ": ", "no such file: 2"] {
            assert_eq!(french(text), None, "{text}");
        }
        assert_eq!(french(&": ".repeat(2_000)), None);
        assert_eq!(french(&"`{}` is not a name".repeat(1_000)), None);
        let said = french("DNS is blocked or broken: <b>{}</b>").unwrap();
        assert_eq!(said, "le DNS est bloqué ou en panne : <b>{}</b>");
    }
}
