//! What holds where a place says nothing of a setting.

use trunkguard_core::{number::Kind, policy::Rules};

use super::setting::Fielder;
use crate::texts::verdicts;

impl Fielder<'_> {
    /// What holds where this place says nothing of a setting.
    pub(super) fn inherited(&self, name: &str) -> String {
        let (w, wide) = (self.words, self.wide);
        let only = |rules: Rules| {
            let rows = w.rows(&rules, &rules);
            rows.into_iter().next().map(|row| row.text)
        };
        let kinds = |kinds: &Option<Vec<Kind>>| {
            let names: Option<Vec<&str>> = kinds.as_ref().map(|kinds| {
                kinds
                    .iter()
                    .map(|kind| verdicts::kind(w.lang, *kind))
                    .collect()
            });
            w.list(names.as_deref())
        };
        let said = match name {
            "always_allow" => w.list(wide.always_allow.as_deref()),
            "allow_countries" => wide.allow.countries.as_deref().map(|all| w.countries(all)),
            "block_countries" => wide.block.countries.as_deref().map(|all| w.countries(all)),
            "allow_kinds" => kinds(&wide.allow.kinds),
            "block_kinds" => kinds(&wide.block.kinds),
            "allow_numbers" => w.list(wide.allow.numbers.as_deref()),
            "block_numbers" => w.list(wide.block.numbers.as_deref()),
            "allow_prefixes" => w.list(wide.allow.prefixes.as_deref()),
            "block_prefixes" => w.list(wide.block.prefixes.as_deref()),
            "allow_patterns" => w.list(wide.allow.patterns.as_deref()),
            "block_patterns" => w.list(wide.block.patterns.as_deref()),
            "allow_lists" => w.list(wide.allow.lists.as_deref()),
            "block_lists" => w.list(wide.block.lists.as_deref()),
            "networks" => w.list(wide.networks.as_deref()),
            "scanners" => w.list(wide.scanners.as_deref()),
            "hours" => only(Rules {
                hours: wide.hours.clone(),
                ..Rules::default()
            })
            .or_else(|| Some(w.t.always_open.into())),
            "holidays" => only(Rules {
                holidays: wide.holidays.clone(),
                ..Rules::default()
            }),
            "limits" => only(Rules {
                limits: wide.limits.clone(),
                ..Rules::default()
            }),
            "total" => only(Rules {
                total: wide.total.clone(),
                ..Rules::default()
            }),
            "same_number" => only(Rules {
                same_number: wide.same_number,
                ..Rules::default()
            }),
            "spellings" => only(Rules {
                spellings: wide.spellings,
                ..Rules::default()
            }),
            "sequential" => only(Rules {
                sequential: wide.sequential,
                ..Rules::default()
            }),
            "new_country" => only(Rules {
                new_country: wide.new_country,
                ..Rules::default()
            }),
            "new_phone" => only(Rules {
                new_phone: wide.new_phone,
                ..Rules::default()
            }),
            _ => only(Rules {
                off: wide.off.clone(),
                ..Rules::default()
            }),
        };
        said.unwrap_or_else(|| w.t.none.into())
    }
}
