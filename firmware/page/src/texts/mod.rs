//! Every text of the page, in the languages that it speaks. One file per slice; a text stands in all languages on one line,
//! and one that is missing does not compile. Nothing here holds markup.

mod accounts;
mod alerts;
mod api;
mod backup;
mod calls;
mod countries;
mod deeds;
mod diagnostics;
mod firewall;
mod frame;
mod home;
mod pbx;
mod policy;
mod settings;
mod updates;
pub mod verdicts;
mod welcome;

pub use accounts::Accounts;
pub use alerts::Alerts;
pub use api::Api;
pub use backup::Backup;
pub use calls::Calls;
pub use countries::{countries, country};
pub use deeds::deed;
pub use diagnostics::Diagnostics;
pub use firewall::{Firewall, dropped_in_french};
pub use frame::Frame;
pub use home::Home;
pub use pbx::Pbx;
pub use policy::{Policy, learnt};
pub use settings::Settings;
pub use updates::Updates;
pub use welcome::Welcome;

use axum::http::{HeaderMap, header};
use trunkguard_core::unseen::is_unseen;

/// A language of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// French, as written in Canada.
    Fr,
}

impl Lang {
    /// All of them.
    pub const ALL: [Lang; 2] = [Lang::En, Lang::Fr];

    /// Its tag (RFC 5646).
    pub fn tag(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Fr => "fr",
        }
    }

    /// Its own name for itself.
    pub fn name(self) -> &'static str {
        match self {
            Lang::En => "English",
            Lang::Fr => "Français",
        }
    }

    /// The language with this tag.
    pub fn of_tag(tag: &str) -> Option<Lang> {
        Lang::ALL.into_iter().find(|lang| lang.tag() == tag)
    }

    /// The first language of a browser's list that the page speaks (RFC 9110 12.5.4; weights are not looked at, browsers
    /// send theirs in order).
    pub fn of_browser(headers: &HeaderMap) -> Lang {
        let list = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        list.split(',')
            .filter_map(|item| item.trim().get(..2))
            .find_map(|tag| Lang::of_tag(&tag.to_ascii_lowercase()))
            .unwrap_or_default()
    }
}

/// A sentence of the firmware's in a language; what is not one that is known (what another program said) stays as it is.
pub fn said(sentence: &str, lang: Lang) -> String {
    let translated = match lang {
        Lang::En => None,
        Lang::Fr => trunkguard_core::french::french(sentence),
    };
    translated.unwrap_or_else(|| sentence.to_owned())
}

/// Puts values into the places `{}` of a text, in order. A place without a value stays as it is.
pub fn fill(text: &str, values: &[&dyn std::fmt::Display]) -> String {
    let mut filled = String::with_capacity(text.len() + 16 * values.len());
    let mut values = values.iter();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{}") {
        filled.push_str(before);
        match values.next() {
            Some(value) => filled.push_str(&value.to_string()),
            None => filled.push_str("{}"),
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// A text from outside as it may be shown: without control characters and those that turn the direction of what stands around
/// them (UAX 9), without spaces around it, and `most` characters long at most. Templates escape the rest.
pub fn plain(text: &str, most: usize) -> String {
    let kept = text.trim().chars();
    kept.filter(|c| !is_unseen(*c)).take(most).collect()
}

/// Declares the texts of a slice: `key: "English" / "French",`.
macro_rules! texts {
    ($(#[$meta:meta])* $name:ident { $($key:ident: $en:literal / $fr:literal,)* }) => {
        $(#[$meta])*
        #[allow(missing_docs, reason = "the English text is the documentation")]
        pub struct $name {
            $(pub $key: &'static str,)*
        }

        impl $name {
            /// The texts in this language.
            pub fn of(lang: crate::texts::Lang) -> &'static $name {
                static EN: $name = $name { $($key: $en,)* };
                static FR: $name = $name { $($key: $fr,)* };
                match lang {
                    crate::texts::Lang::En => &EN,
                    crate::texts::Lang::Fr => &FR,
                }
            }

            /// Every text with its French, for tests.
            #[cfg(test)]
            #[allow(dead_code, reason = "not every slice has a test of its own")]
            pub const PAIRS: &'static [(&'static str, &'static str)] = &[$(($en, $fr),)*];
        }
    };
}
pub(crate) use texts;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_in_order_and_values_are_not_read_again() {
        assert_eq!(fill("{} of {}", &[&"{}", &2]), "{} of 2");
        assert_eq!(fill("{} of {}", &[&1]), "1 of {}");
    }

    #[test]
    fn what_turns_text_around_is_taken_out() {
        assert_eq!(plain(" a\u{202e}b\0c<\u{feff} ", 3), "abc");
        assert_eq!(plain("Chloé d’Or", 99), "Chloé d’Or");
    }

    #[test]
    fn the_browsers_first_language_that_there_is() {
        let of = |list: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, list.parse().unwrap());
            Lang::of_browser(&headers)
        };
        assert_eq!(of("de-DE, fr-CA;q=0.9, en;q=0.8"), Lang::Fr);
        assert_eq!(of("en-US,fr;q=0.5"), Lang::En);
        assert_eq!(of("x"), Lang::En);
        assert_eq!(of("é"), Lang::En);
    }

    #[test]
    fn both_languages_have_the_same_places() {
        for pairs in [
            Frame::PAIRS,
            Accounts::PAIRS,
            Alerts::PAIRS,
            Api::PAIRS,
            Home::PAIRS,
            Calls::PAIRS,
            Pbx::PAIRS,
            Diagnostics::PAIRS,
            Settings::PAIRS,
            Welcome::PAIRS,
            Policy::PAIRS,
            Firewall::PAIRS,
            Backup::PAIRS,
            Updates::PAIRS,
        ] {
            for (en, fr) in pairs {
                assert_eq!(en.matches("{}").count(), fr.matches("{}").count(), "{en}");
            }
        }
    }
}
