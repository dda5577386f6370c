//! Sets of numbers and maps of prefixes against the plainest search there is.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use trunkguard_core::{
    lookup::{NumberSet, PrefixMap},
    number::Digits,
};

fn digits(text: &str) -> Digits {
    Digits::new(text.as_bytes()).unwrap()
}

#[test]
fn nothing_is_in_nothing() {
    let none = PrefixMap::<u8>::new([]);
    assert!(none.is_empty() && none.longest(&digits("1")).is_none());
    assert!(NumberSet::new([]).is_empty() && !NumberSet::new([]).contains(&digits("0")));
}

#[test]
fn zeros_in_front_count() {
    let set = NumberSet::new(["0", "00", "39066"].map(digits));
    assert_eq!(set.len(), 3);
    for (number, there) in [
        ("0", true),
        ("00", true),
        ("000", false),
        ("39066", true),
        ("039066", false),
    ] {
        assert_eq!(set.contains(&digits(number)), there, "{number}");
    }
}

#[test]
fn the_longest_prefix_counts() {
    let map = PrefixMap::new(
        [("44", 1), ("4420", 2), ("442071838750", 3), ("44", 4)].map(|(p, v)| (digits(p), v)),
    );
    assert_eq!(map.len(), 3);
    for (number, found) in [
        ("442071838750", Some((3, 12))),
        ("4420718387501", Some((3, 12))),
        ("442071838751", Some((2, 4))),
        ("441", Some((1, 2))),
        ("4", None),
        ("12125551234", None),
    ] {
        assert_eq!(map.longest(&digits(number)), found, "{number}");
    }
}

#[test]
fn a_hundred_thousand_numbers_one_after_the_other() {
    let number = |i: u64| digits(&(12_125_000_000 + i * 2).to_string());
    let set = NumberSet::new((0..100_000).map(number));
    assert_eq!(set.len(), 100_000);
    for i in 0..100_000 {
        assert!(set.contains(&number(i)));
        assert!(!set.contains(&digits(&(12_125_000_001 + i * 2).to_string())));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sets_hold_what_was_put_in(inside in prop::collection::btree_set("[0-9]{1,15}", 0..200), tried in "[0-9]{1,15}") {
        let set = NumberSet::new(inside.iter().map(|n| digits(n)));
        prop_assert_eq!(set.len(), inside.len());
        prop_assert!(inside.iter().all(|n| set.contains(&digits(n))));
        prop_assert_eq!(set.contains(&digits(&tried)), inside.contains(&tried));
    }

    #[test]
    fn small_sets_too(inside in prop::collection::vec("[0-2]{1,3}", 0..20), tried in "[0-2]{1,3}") {
        let unique: BTreeSet<_> = inside.iter().collect();
        let set = NumberSet::new(inside.iter().map(|n| digits(n)));
        prop_assert_eq!(set.len(), unique.len());
        prop_assert_eq!(set.contains(&digits(&tried)), unique.contains(&tried));
    }

    #[test]
    fn maps_find_the_longest(prefixes in prop::collection::vec(("[0-3]{1,6}|[0-9]{1,15}", 0u32..1000), 0..100), number in "[0-3]{1,15}|[0-9]{1,15}") {
        let mut first = BTreeMap::new();
        for (prefix, value) in &prefixes {
            first.entry(prefix.clone()).or_insert(*value);
        }
        let map = PrefixMap::new(prefixes.iter().map(|(p, v)| (digits(p), *v)));
        let expected = (1..=number.len()).rev().find_map(|len| first.get(&number[..len]).map(|v| (*v, len)));
        prop_assert_eq!(map.longest(&digits(&number)), expected);
        prop_assert_eq!(map.len(), first.len());
    }
}
