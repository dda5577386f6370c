//! Asterisk patterns: what they match, which is the most specific, and what is wrong with bad ones.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use trunkguard_core::pattern::{Pattern, PatternSet, Specificity};

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap_or_else(|why| panic!("{why}"))
}

#[test]
fn symbols() {
    for (text, yes, no) in [
        ("_X", "0123456789", "*#+aX"),
        ("_Z", "123456789", "0*"),
        ("_N", "23456789", "01"),
        ("_x", "09", "x"),
        ("_[13-5]", "1345", "0267"),
        ("_[a-cX*]", "abcABCx*", "d1"),
        ("_A", "Aa", "B0"),
        ("_+", "+", "0"),
        ("_#", "#", "*"),
    ] {
        for symbol in yes.chars() {
            assert!(
                pattern(text).matches(symbol.to_string().as_bytes()),
                "{text} {symbol}"
            );
        }
        for symbol in no.chars() {
            assert!(
                !pattern(text).matches(symbol.to_string().as_bytes()),
                "{text} {symbol}"
            );
        }
    }
}

#[test]
fn whole_numbers() {
    for (text, dialled, expected) in [
        ("_011NX.", "0112125551234", true),
        ("_011NX.", "01120", false),
        ("_011NX!", "01120", true),
        ("_011NX.", "0111255", false),
        ("_1NXXNXXXXXX", "12125551234", true),
        ("_1NXXNXXXXXX", "1212555123", false),
        ("_1NXXNXXXXXX", "121255512345", false),
        ("_1-NXX-NXX-XXXX", "12125551234", true),
        ("_1NXXNXXXXXX", "1-212-555-1234", true),
        ("_011.", "(011)442071838750", true),
        ("_.", "", false),
        ("_.", "\u{fffd}", true),
        ("_!", "", true),
        ("911", "911", true),
        ("911", "9112", false),
        ("911", "91", false),
        ("9-1-1", "911", true),
        ("alice", "Alice", true),
        ("*97", "*97", true),
    ] {
        assert_eq!(
            pattern(text).matches(dialled.as_bytes()),
            expected,
            "{text} {dialled}"
        );
        assert_eq!(
            PatternSet::new([(&pattern(text), ())])
                .matches(dialled.as_bytes())
                .is_some(),
            expected,
            "{text} {dialled}"
        );
    }
}

#[test]
fn errors_say_where_and_what_to_do() {
    for (text, said) in [
        ("", "is empty"),
        ("_", "is empty"),
        ("_-", "is empty"),
        ("_01 1", "character 4, ` `, is nothing that can be dialled"),
        ("_0é1", "character 3, `é`, is nothing that can be dialled"),
        ("_é.", "character 2, `é`"),
        (
            "_01.1",
            "character 4, `.`, stands for all the rest and must be the last character",
        ),
        ("_!.", "character 2, `!`"),
        ("_0[12", "character 3, `[`, is never closed"),
        ("_012]", "character 5, `]`, has no `[` before it"),
        ("_0[]", "character 3, `[`, begins an empty set"),
        (
            "_0[5-2]",
            "character 4, `5`, begins a range that does not go up",
        ),
        ("_0[2-a]", "begins a range"),
        ("_0[2-]", "begins a range"),
        ("_0[-2]", "character 4, `-`, cannot stand here"),
        ("_0[2.]", "character 5, `.`, cannot stand here"),
        ("_0[[2]", "character 4, `[`, cannot stand here"),
        (
            "011.",
            "character 4, `.`, belongs to a pattern; put `_` in front",
        ),
        ("NXXNXXXXXX", "put `_` in front: `_NXXNXXXXXX`"),
        (
            "_XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
            "33 positions; the most is 32",
        ),
        ("_1\n", "character 3, `\\n`"),
    ] {
        let why = Pattern::parse(text).expect_err(text);
        assert!(why.contains(said), "{text}: {why}");
        assert_eq!(Pattern::try_from(text.to_owned()), Err(why));
    }
}

#[test]
fn files_keep_the_text() {
    let read: Pattern = serde_json::from_str("\"_1-NXX.\"").unwrap();
    assert_eq!(read.to_string(), "_1-NXX.");
    assert_eq!(serde_json::to_string(&read).unwrap(), "\"_1-NXX.\"");
    let why = serde_json::from_str::<Pattern>("\"_1.2\"")
        .unwrap_err()
        .to_string();
    assert!(why.contains("character 3"), "{why}");
}

#[test]
fn the_most_specific_wins() {
    // Each is more specific than the next one, and all match 0119.
    let texts = [
        "_0119",
        "_011[7-9]",
        "_011N",
        "_011X",
        "_011.",
        "_011!",
        "_01[01]9",
        "_01X9",
        "_01.",
        "_X11X",
        "_.",
        "_!",
    ];
    let patterns: Vec<Pattern> = texts.into_iter().map(pattern).collect();
    for pair in patterns.windows(2) {
        assert!(
            pair[0].specificity() > pair[1].specificity(),
            "{} {}",
            pair[0],
            pair[1]
        );
    }
    for from in 0..patterns.len() {
        let set = PatternSet::new(
            patterns
                .iter()
                .enumerate()
                .skip(from)
                .rev()
                .map(|(i, p)| (p, i)),
        );
        assert_eq!(
            set.matches(b"0119"),
            Some((from, patterns[from].specificity()))
        );
        assert_eq!(set.len(), patterns.len() - from);
    }
    assert_eq!(Specificity::of_prefix(4), pattern("_+4420!").specificity());
    assert!(Specificity::of_prefix(5) > Specificity::of_prefix(4));
    assert!(Specificity::of_prefix(99) > Specificity::of_prefix(4));
}

#[test]
fn the_first_of_two_equal_patterns_stays() {
    let (first, second) = (pattern("_0[1-3]"), pattern("_0-[123]"));
    assert_eq!(
        PatternSet::new([(&first, 1), (&second, 2)])
            .matches(b"02")
            .map(|f| f.0),
        Some(1)
    );
    let empty = PatternSet::<u8>::new([]);
    assert!(empty.is_empty() && empty.matches(b"1").is_none() && empty.matches(b"").is_none());
}

#[test]
fn ten_thousand_patterns() {
    // More than one word of the summary: 64 patterns to a word, 64 words to a word of the summary.
    let texts: Vec<String> = (0..10_000)
        .map(|i| format!("_0{i:04}{}", ["X", "NX", ".", "!", "[2-5]."][i % 5]))
        .collect();
    let patterns: Vec<Pattern> = texts.iter().map(|t| pattern(t)).collect();
    let set = PatternSet::new(patterns.iter().enumerate().map(|(i, p)| (p, i)));
    assert_eq!(set.len(), 10_000);
    for (i, own) in patterns.iter().enumerate() {
        for rest in ["", "1", "23", "2312345678901234567890123456789012345"] {
            let dialled = format!("0{i:04}{rest}");
            let expected = own.matches(dialled.as_bytes()).then_some(i);
            assert_eq!(
                set.matches(dialled.as_bytes()).map(|f| f.0),
                expected,
                "{dialled}"
            );
        }
    }
    assert!(set.matches(b"1000023").is_none());
}

/// Matching by trying every way, straight from the words of the documentation.
fn brute(text: &[char], dialled: &[char]) -> bool {
    match (text.first(), dialled.first()) {
        (None, None) => true,
        (Some('!'), _) => true,
        (Some('.'), Some(_)) => true,
        (Some('['), Some(digit)) => {
            let close = text.iter().position(|c| *c == ']').unwrap();
            let inner = &text[1..close];
            let within = (0..inner.len()).any(|i| {
                let range =
                    inner.get(i + 1) == Some(&'-') && (inner[i]..=inner[i + 2]).contains(digit);
                range || (inner[i] == *digit && inner[i] != '-')
            });
            within && brute(&text[close + 1..], &dialled[1..])
        }
        (Some(symbol), Some(digit)) => {
            let fits = match symbol {
                'X' => digit.is_ascii_digit(),
                'Z' => ('1'..='9').contains(digit),
                'N' => ('2'..='9').contains(digit),
                other => other == digit,
            };
            fits && brute(&text[1..], &dialled[1..])
        }
        (_, None) | (None, _) => false,
    }
}

fn a_pattern() -> impl Strategy<Value = String> {
    let step = prop_oneof![
        4 => "[0-3]", 1 => Just("X".to_owned()), 1 => Just("Z".to_owned()), 1 => Just("N".to_owned()),
        1 => "\\[[0-3]{1,3}\\]", 1 => Just("[1-3]".to_owned()), 1 => Just("[02-4]".to_owned()), 1 => Just("*".to_owned()),
    ];
    let tail = prop_oneof![2 => Just(""), 1 => Just("."), 1 => Just("!")];
    (prop::collection::vec(step, 1..6), tail)
        .prop_map(|(steps, tail)| format!("_{}{tail}", steps.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn matching_is_what_the_words_say(text in a_pattern(), dialled in "[0-4*]{0,7}") {
        let chars: Vec<char> = text.chars().skip(1).collect();
        let digits: Vec<char> = dialled.chars().collect();
        prop_assert_eq!(pattern(&text).matches(dialled.as_bytes()), brute(&chars, &digits), "{} {}", text, dialled);
    }

    #[test]
    fn a_set_finds_what_a_search_one_by_one_finds(texts in prop::collection::vec(a_pattern(), 0..300), dialled in "[0-4*]{0,7}") {
        let patterns: Vec<Pattern> = texts.iter().map(|t| pattern(t)).collect();
        let set = PatternSet::new(patterns.iter().enumerate().map(|(i, p)| (p, i)));
        let best = patterns.iter().filter(|p| p.matches(dialled.as_bytes())).max_by(|a, b| a.order(b));
        let found = set.matches(dialled.as_bytes());
        prop_assert_eq!(found.is_some(), best.is_some());
        if let (Some((at, specificity)), Some(best)) = (found, best) {
            prop_assert!(patterns[at].matches(dialled.as_bytes()));
            prop_assert!(patterns[at].order(best).is_eq(), "{} found, {} is more specific", patterns[at], best);
            prop_assert_eq!(specificity, patterns[at].specificity());
        }
    }

    #[test]
    fn reading_never_panics(text in "\\PC{0,40}", dialled in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(pattern) = Pattern::parse(&text) {
            let one = PatternSet::new([(&pattern, ())]).matches(&dialled).is_some();
            prop_assert_eq!(pattern.matches(&dialled), one);
        }
    }

    #[test]
    fn near_patterns_never_panic(text in "_[0-9XZN.!\\[\\]a-c-]{0,12}", dialled in "[0-9a-c]{0,12}") {
        if let Ok(pattern) = Pattern::parse(&text) {
            let one = PatternSet::new([(&pattern, ())]).matches(dialled.as_bytes()).is_some();
            prop_assert_eq!(pattern.matches(dialled.as_bytes()), one);
        }
    }
}
