//! What an incident means and what to do about it, in the languages of [`Language`]: for e-mails, webhooks
//! and the page.

mod en;
mod fr;

use super::EMERGENCY_CALL;
use crate::policy::Language;

/// What is said of a kind of incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// A few words, for a subject.
    pub title: &'static str,
    /// What happened, in a sentence.
    pub what: &'static str,
    /// What to do.
    pub todo: &'static str,
}

/// The words for a kind. One that no table knows has words too.
pub fn words(kind: &str, language: Language) -> Words {
    let (known, otherwise) = match language {
        Language::En => (en::of(kind), en::OTHER),
        Language::Fr => (fr::of(kind), fr::OTHER),
    };
    let (title, what, todo) = known.unwrap_or(otherwise);
    Words { title, what, todo }
}

/// Title, what happened, what to do.
type Said = (&'static str, &'static str, &'static str);

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;
    use crate::alerts::Kind;

    #[test]
    fn every_kind_has_words_of_its_own_in_every_language() {
        for language in [Language::En, Language::Fr] {
            let mut titles = BTreeSet::new();
            for kind in Kind::all() {
                let said = words(kind.name(), language);
                assert!(titles.insert(said.title), "{kind}: {}", said.title);
                // A subject also bears the office's name and a count.
                assert!(said.title.chars().count() <= 56, "{kind}: {}", said.title);
                assert!(
                    said.what.ends_with('.') && said.todo.ends_with('.'),
                    "{kind}"
                );
            }
            let other = words("of-a-later-version", language);
            assert!(!other.title.is_empty() && !titles.contains(other.title));
        }
        assert_ne!(
            words("country", Language::En),
            words("country", Language::Fr)
        );
    }
}
