//! Rules in plain words.

use trunkguard_core::{
    policy::{Action, CountryCode, Hours, LimitSet, Limits, Rules, Targets},
    verdict::Rule,
};

use crate::texts::{self, Lang, country, fill, verdicts};

/// Things that are named one by one; of more, how many there are.
const NAMED: usize = 8;

/// A setting in words.
pub struct Row {
    /// What it is about.
    pub label: &'static str,
    /// What is set.
    pub text: String,
    /// It is set in this very place.
    pub here: bool,
}

/// Texts and language.
#[derive(Clone, Copy)]
pub struct Words {
    pub t: &'static texts::Policy,
    pub lang: Lang,
}

impl Words {
    pub fn new(lang: Lang) -> Words {
        Words {
            t: texts::Policy::of(lang),
            lang,
        }
    }

    /// The settings that rules make, in words; `here` are those of the place itself.
    pub fn rows(self, rules: &Rules, here: &Rules) -> Vec<Row> {
        self.labelled(rules)
            .into_iter()
            .zip(self.labelled(here))
            .filter_map(|((label, text), (_, near))| {
                text.map(|text| Row {
                    label,
                    text,
                    here: near.is_some(),
                })
            })
            .collect()
    }

    fn labelled(self, rules: &Rules) -> Vec<(&'static str, Option<String>)> {
        let t = self.t;
        vec![
            (t.always_allow, self.list(rules.always_allow.as_deref())),
            (t.allowed, self.targets(&rules.allow)),
            (t.blocked, self.targets(&rules.block)),
            (
                t.hours,
                rules.hours.as_deref().map(|hours| self.hours(hours)),
            ),
            (
                t.holidays,
                self.list(
                    rules
                        .holidays
                        .as_deref()
                        .map(|days| {
                            days.iter()
                                .map(|day| String::from(*day))
                                .collect::<Vec<_>>()
                        })
                        .as_deref(),
                ),
            ),
            (t.limits, self.limits(&rules.limits)),
            (t.total, self.limits(&rules.total)),
            (
                t.same_number,
                rules
                    .same_number
                    .map(|b| fill(t.burst, &[&b.calls, &span(b.seconds)])),
            ),
            (
                t.spellings,
                rules
                    .spellings
                    .map(|b| fill(t.burst, &[&b.calls, &span(b.seconds)])),
            ),
            (
                t.sequential,
                rules
                    .sequential
                    .map(|b| fill(t.burst, &[&b.calls, &span(b.seconds)])),
            ),
            (t.networks, self.list(rules.networks.as_deref())),
            (t.scanners, self.list(rules.scanners.as_deref())),
            (
                t.new_country,
                rules.new_country.map(|action| self.action(action).into()),
            ),
            (
                t.new_phone,
                rules.new_phone.map(|action| self.action(action).into()),
            ),
            (
                t.off,
                rules.off.as_deref().map(|off| {
                    self.list(Some(
                        &off.iter().map(|rule| self.rule(*rule)).collect::<Vec<_>>(),
                    ))
                    .unwrap_or_default()
                }),
            ),
        ]
    }

    /// Items by name, or how many there are.
    pub fn list<T: std::fmt::Display>(self, items: Option<&[T]>) -> Option<String> {
        let items = items?;
        if items.is_empty() {
            return Some(self.t.none.into());
        }
        let named: Vec<String> = items.iter().take(NAMED).map(ToString::to_string).collect();
        let named = named.join(", ");
        Some(match items.len().saturating_sub(NAMED) {
            0 => named,
            more => fill(self.t.and_more, &[&named, &more]),
        })
    }

    fn targets(self, targets: &Targets) -> Option<String> {
        let t = self.t;
        let countries = targets
            .countries
            .as_deref()
            .map(|countries| self.countries(countries));
        let kinds = targets.kinds.as_deref().map(|kinds| {
            let names: Vec<&str> = kinds
                .iter()
                .map(|kind| verdicts::kind(self.lang, *kind))
                .collect();
            self.list(Some(&names)).unwrap_or_default()
        });
        let prefixes = self.list(targets.prefixes.as_deref());
        let patterns = self.list(targets.patterns.as_deref());
        let numbers = self.list(targets.numbers.as_deref());
        let lists = self.list(targets.lists.as_deref());
        let parts = [
            (t.countries, countries),
            (t.kinds, kinds),
            (t.prefixes, prefixes),
            (t.patterns, patterns),
            (t.numbers, numbers),
            (t.lists, lists),
        ];
        let said: Vec<String> = parts
            .into_iter()
            .filter_map(|(label, text)| text.map(|text| fill(t.colon, &[&label, &text])))
            .collect();
        (!said.is_empty()).then(|| said.join("; "))
    }

    /// Countries by name.
    pub fn countries(self, countries: &[CountryCode]) -> String {
        let names: Vec<&str> = countries
            .iter()
            .map(|code| match *code {
                CountryCode::ANY => self.t.every_country,
                _ => country(code.as_str(), self.lang),
            })
            .collect();
        self.list(Some(&names)).unwrap_or_default()
    }

    fn hours(self, hours: &[Hours]) -> String {
        let t = self.t;
        let span = |span: &Hours| {
            let days: Vec<&str> = span.days.iter().map(|day| t.day(*day as usize)).collect();
            format!("{} {}–{}", days.join(" "), span.from, span.to)
        };
        match hours {
            [] => t.always_closed.into(),
            hours => hours
                .iter()
                .take(NAMED)
                .map(span)
                .collect::<Vec<_>>()
                .join("; "),
        }
    }

    fn limits(self, set: &LimitSet) -> Option<String> {
        let t = self.t;
        let all = Limits {
            simultaneous: set.simultaneous,
            per_minute: set.per_minute,
            per_hour: set.per_hour,
            per_day: set.per_day,
        };
        let rows = [
            ("", &all),
            (t.off_hours, &set.off_hours),
            (t.abroad, &set.abroad),
            (t.abroad_off_hours, &set.abroad_off_hours),
        ];
        let said: Vec<String> = rows
            .into_iter()
            .filter(|(_, limits)| !limits.is_empty())
            .map(|(label, limits)| {
                let figures = self.figures(limits);
                match label {
                    "" => figures,
                    label => fill(t.colon, &[&label, &figures]),
                }
            })
            .collect();
        (!said.is_empty()).then(|| said.join("; "))
    }

    fn figures(self, limits: &Limits) -> String {
        let t = self.t;
        [
            (limits.simultaneous, t.at_a_time),
            (limits.per_minute, t.in_a_minute),
            (limits.per_hour, t.in_an_hour),
            (limits.per_day, t.in_a_day),
        ]
        .into_iter()
        .filter_map(|(figure, text)| figure.map(|figure| fill(text, &[&figure])))
        .collect::<Vec<_>>()
        .join(", ")
    }

    fn action(self, action: Action) -> &'static str {
        match action {
            Action::Alert => self.t.alert,
            Action::Deny => self.t.deny,
        }
    }

    /// A rule's name for people.
    pub fn rule(self, rule: Rule) -> &'static str {
        verdicts::rule(self.lang, rule)
    }
}

/// A span of time by its largest whole unit; the signs are the same in all languages.
fn span(seconds: u32) -> String {
    match seconds {
        s if s > 0 && s.is_multiple_of(3_600) => format!("{} h", s / 3_600),
        s if s > 0 && s.is_multiple_of(60) => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}
