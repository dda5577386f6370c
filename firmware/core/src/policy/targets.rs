//! Where a call goes, asked of the rules: whole numbers, then prefixes and patterns, then kinds,
//! then countries. On each step allow beats block.

use super::{
    compile::View,
    place::{Asked, Place, TargetSources},
    values::CountryCode,
};
use crate::{
    number::{Digits, Number},
    pattern::Specificity,
    verdict::Level,
};

/// What one step says of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// This step allows it, and the steps after it are not asked.
    Allowed(Level),
    /// This step blocks it.
    Blocked(Level),
    /// This step does not know it.
    Unsaid,
}

impl Destination {
    fn of(allow: Option<Level>, block: Option<Level>) -> Self {
        match (allow, block) {
            (Some(level), _) => Destination::Allowed(level),
            (None, Some(level)) => Destination::Blocked(level),
            (None, None) => Destination::Unsaid,
        }
    }
}

impl<'a> View<'a> {
    /// On the list of numbers that are always allowed?
    pub fn always_allowed(&self, digits: &Digits) -> Option<Level> {
        self.of(self.sources.always, |p| p.always.as_ref())
            .filter(|(set, _)| set.contains(digits))
            .map(|(_, l)| l)
    }

    /// Whole numbers and number lists.
    pub fn number(&self, digits: &Digits) -> Destination {
        let side = |sources: &TargetSources, side: fn(&Place) -> &Asked| {
            let listed = self.of(sources.numbers, |p| side(p).numbers.as_ref());
            let named = self.of(sources.lists, |p| side(p).lists.as_ref());
            listed
                .filter(|(set, _)| set.contains(digits))
                .map(|(_, level)| level)
                .or_else(|| {
                    named
                        .filter(|(lists, _)| {
                            lists
                                .iter()
                                .any(|&i| self.policy.lists[i as usize].contains(digits))
                        })
                        .map(|(_, level)| level)
                })
        };
        Destination::of(
            side(&self.sources.allow, |p| &p.allow),
            side(&self.sources.block, |p| &p.block),
        )
    }

    /// Prefixes and patterns, the most specific one. Prefixes and patterns that begin with `+` are
    /// about the whole number; other patterns are about what was dialled.
    pub fn prefix(&self, dialled: &[u8], digits: &Digits) -> Destination {
        let mut plus = [b'+'; 16];
        let number = digits.as_bytes();
        plus[1..=number.len()].copy_from_slice(number);
        let plus = &plus[..=number.len()];
        let side = |sources: &TargetSources, side: fn(&Place) -> &Asked| {
            let prefix = self
                .of(sources.prefixes, |p| side(p).prefixes.as_ref())
                .and_then(|(map, level)| {
                    map.longest(digits)
                        .map(|((), len)| (Specificity::of_prefix(len), level))
                });
            let patterns = self.of(sources.patterns, |p| side(p).patterns.as_ref());
            let pattern = |spelling| {
                let (set, level) = patterns?;
                set.matches(spelling)
                    .map(|((), specificity)| (specificity, level))
            };
            [prefix, pattern(dialled), pattern(plus)]
                .into_iter()
                .flatten()
                .max_by(|(a, _), (b, _)| a.cmp(b))
        };
        match (
            side(&self.sources.allow, |p| &p.allow),
            side(&self.sources.block, |p| &p.block),
        ) {
            (Some((allow, level)), Some((block, _))) if allow >= block => {
                Destination::Allowed(level)
            }
            (_, Some((_, level))) => Destination::Blocked(level),
            (Some((_, level)), None) => Destination::Allowed(level),
            (None, None) => Destination::Unsaid,
        }
    }

    /// Kinds of number.
    pub fn kind(&self, number: &Number) -> Destination {
        let bit = 1u32 << number.kind as u32;
        let side = |sources: &TargetSources, side: fn(&Place) -> &Asked| {
            self.of(sources.kinds, |p| side(p).kinds)
                .filter(|(bits, _)| bits & bit != 0)
                .map(|(_, level)| level)
        };
        Destination::of(
            side(&self.sources.allow, |p| &p.allow),
            side(&self.sources.block, |p| &p.block),
        )
    }

    /// Countries. What no rule allows is blocked by whoever set the list of allowed ones.
    pub fn country(&self, number: &Number) -> Destination {
        let has = |list: &[CountryCode], code: CountryCode| list.binary_search(&code).is_ok();
        let allow = self.of(self.sources.allow.countries, |p| p.allow.countries.as_ref());
        let block = self.of(self.sources.block.countries, |p| p.block.countries.as_ref());
        let named = |list: &Option<(&alloc::boxed::Box<[CountryCode]>, Level)>, code| {
            list.as_ref()
                .filter(|(l, _)| has(l, code))
                .map(|&(_, level)| level)
        };
        if let Some(level) = number.country.and_then(|code| named(&allow, code)) {
            return Destination::Allowed(level);
        }
        if let Some(level) = number
            .country
            .and_then(|code| named(&block, code))
            .or_else(|| named(&block, CountryCode::ANY))
        {
            return Destination::Blocked(level);
        }
        match (named(&allow, CountryCode::ANY), allow) {
            (Some(level), _) => Destination::Allowed(level),
            (None, Some((_, level))) => Destination::Blocked(level),
            (None, None) => Destination::Blocked(Level::BuiltIn),
        }
    }

    /// Does a list name this country, rather than `*`?
    pub fn country_is_named(&self, code: CountryCode) -> bool {
        self.of(self.sources.allow.countries, |p| p.allow.countries.as_ref())
            .is_some_and(|(list, _)| list.binary_search(&code).is_ok())
    }
}
