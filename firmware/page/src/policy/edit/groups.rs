//! The settings of a form, in the order in which an installer looks for them.

use super::setting::{Fielder, Setting};

/// Settings that belong together.
pub struct Group {
    pub title: &'static str,
    /// Few need it: shut where nothing in it is set.
    pub folded: bool,
    pub settings: Vec<Setting>,
}

impl Group {
    pub fn open(&self) -> bool {
        self.settings
            .iter()
            .any(|setting| setting.is_said() || !setting.wrong.is_empty())
    }
}

impl Fielder<'_> {
    pub(super) fn groups(&self, lists: &[&str], has_total: bool) -> Vec<Group> {
        let (t, f) = (self.words.t, self.fields);
        let mut limits = vec![self.figures("limits", t.limits, t.limits_hint, &f.limits)];
        if has_total {
            limits.push(self.figures("total", t.total, t.total_hint, &f.total));
        }
        vec![
            Group {
                title: t.where_to,
                folded: false,
                settings: vec![
                    self.countries(
                        "allow_countries",
                        t.allow_countries,
                        t.allow_countries_hint,
                        &f.allow_countries,
                    ),
                    self.countries(
                        "block_countries",
                        t.block_countries,
                        t.block_countries_hint,
                        &f.block_countries,
                    ),
                    self.kinds(
                        "allow_kinds",
                        t.allow_kinds,
                        t.allow_kinds_hint,
                        &f.allow_kinds,
                    ),
                    self.kinds(
                        "block_kinds",
                        t.block_kinds,
                        t.block_kinds_hint,
                        &f.block_kinds,
                    ),
                    self.lines(
                        "always_allow",
                        t.always_allow,
                        t.always_allow_hint,
                        &f.always_allow,
                    ),
                ],
            },
            Group {
                title: t.when,
                folded: false,
                settings: vec![
                    self.hours(),
                    self.lines("holidays", t.holidays, t.holidays_hint, &f.holidays),
                ],
            },
            Group {
                title: t.how_many,
                folded: false,
                settings: limits,
            },
            Group {
                title: t.single_numbers,
                folded: true,
                settings: vec![
                    self.lines(
                        "allow_numbers",
                        t.allow_numbers,
                        t.numbers_hint,
                        &f.allow_numbers,
                    ),
                    self.lines(
                        "block_numbers",
                        t.block_numbers,
                        t.numbers_hint,
                        &f.block_numbers,
                    ),
                    self.lines(
                        "allow_prefixes",
                        t.allow_prefixes,
                        t.prefixes_hint,
                        &f.allow_prefixes,
                    ),
                    self.lines(
                        "block_prefixes",
                        t.block_prefixes,
                        t.prefixes_hint,
                        &f.block_prefixes,
                    ),
                    self.lines(
                        "allow_patterns",
                        t.allow_patterns,
                        t.patterns_hint,
                        &f.allow_patterns,
                    ),
                    self.lines(
                        "block_patterns",
                        t.block_patterns,
                        t.patterns_hint,
                        &f.block_patterns,
                    ),
                    self.lists("allow_lists", t.allow_lists, &f.allow_lists, lists),
                    self.lists("block_lists", t.block_lists, &f.block_lists, lists),
                ],
            },
            Group {
                title: t.signs_of_fraud,
                folded: true,
                settings: vec![
                    self.burst("same_number", t.same_number, t.same_number_hint, 0),
                    self.burst("spellings", t.spellings, t.spellings_hint, 1),
                    self.burst("sequential", t.sequential, t.sequential_hint, 2),
                    self.action(
                        "new_country",
                        t.new_country,
                        t.new_country_hint,
                        &f.new_country,
                    ),
                    self.action("new_phone", t.new_phone, t.new_phone_hint, &f.new_phone),
                    self.lines("networks", t.networks, t.networks_hint, &f.networks),
                    self.lines("scanners", t.scanners, t.scanners_hint, &f.scanners),
                    self.off(),
                ],
            },
        ]
    }
}
