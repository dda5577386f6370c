//! One setting with its field: what is filled in, what holds otherwise, what is wrong with it.

use trunkguard_core::{number::Kind, policy::Rules, verdict::Rule};

use super::super::{
    fields::{DAYS, Fields, Wrong as WrongField},
    words::Words,
};
use crate::texts::{countries, verdicts};

impl Setting {
    /// Is anything said of it here?
    pub(super) fn is_said(&self) -> bool {
        self.set.unwrap_or_else(|| match &self.input {
            Input::Burst(calls, seconds) => !calls.is_empty() || !seconds.is_empty(),
            Input::Select(choices) => choices
                .iter()
                .any(|choice| choice.on && !choice.value.is_empty()),
            _ => false,
        })
    }
}

/// One setting with its field.
pub struct Setting {
    pub name: &'static str,
    pub title: &'static str,
    pub hint: &'static str,
    /// Is it made here? `None` where an empty field says no.
    pub set: Option<bool>,
    /// What holds otherwise.
    pub inherited: String,
    pub input: Input,
    pub wrong: Vec<String>,
}

pub enum Input {
    Lines(String),
    Choices(bool, Vec<Choice>),
    Select(Vec<Choice>),
    Hours(Vec<Span>),
    Figures(Vec<Figures>),
    Burst(String, String),
}

pub struct Choice {
    pub value: String,
    pub text: String,
    pub on: bool,
}

pub struct Span {
    pub row: usize,
    pub days: Vec<Choice>,
    pub from: String,
    pub to: String,
}

pub struct Figures {
    pub label: &'static str,
    pub values: Vec<(String, &'static str, String)>,
}

/// Makes the fields of a form.
pub struct Fielder<'a> {
    pub words: Words,
    pub fields: &'a Fields,
    pub wide: &'a Rules,
    pub wrong: &'a [WrongField],
}

impl Fielder<'_> {
    pub(super) fn setting(
        &self,
        name: &'static str,
        title: &'static str,
        hint: &'static str,
        input: Input,
    ) -> Setting {
        let chosen = matches!(
            input,
            Input::Lines(_) | Input::Choices(..) | Input::Hours(_)
        );
        Setting {
            name,
            title,
            hint,
            set: chosen.then(|| self.fields.sets(name)),
            inherited: self.inherited(name),
            input,
            wrong: self
                .wrong
                .iter()
                .filter(|wrong| wrong.field == name)
                .map(|wrong| wrong.message.clone())
                .collect(),
        }
    }

    pub(super) fn lines(
        &self,
        name: &'static str,
        title: &'static str,
        hint: &'static str,
        text: &str,
    ) -> Setting {
        self.setting(name, title, hint, Input::Lines(text.into()))
    }

    pub(super) fn countries(
        &self,
        name: &'static str,
        title: &'static str,
        hint: &'static str,
        on: &[String],
    ) -> Setting {
        let any = ("*", self.words.t.every_country);
        let all = std::iter::once(any).chain(countries(self.words.lang));
        let choices = all.map(|(code, text)| Choice {
            value: code.into(),
            text: text.into(),
            on: on.iter().any(|set| set == code),
        });
        self.setting(name, title, hint, Input::Choices(true, choices.collect()))
    }

    pub(super) fn kinds(
        &self,
        name: &'static str,
        title: &'static str,
        hint: &'static str,
        on: &[String],
    ) -> Setting {
        let choices = Kind::ALL.into_iter().map(|kind| Choice {
            value: kind.name().into(),
            text: verdicts::kind(self.words.lang, kind).into(),
            on: on.iter().any(|set| set == kind.name()),
        });
        self.setting(name, title, hint, Input::Choices(false, choices.collect()))
    }

    pub(super) fn lists(
        &self,
        name: &'static str,
        title: &'static str,
        on: &[String],
        lists: &[&str],
    ) -> Setting {
        // One that is gone meanwhile stays to be seen, so that the error that it makes can be mended.
        let gone = on
            .iter()
            .map(String::as_str)
            .filter(|name| !lists.contains(name));
        let choices = lists.iter().copied().chain(gone).map(|list| Choice {
            value: list.into(),
            text: list.into(),
            on: on.iter().any(|set| set == list),
        });
        self.setting(
            name,
            title,
            self.words.t.lists_hint,
            Input::Choices(false, choices.collect()),
        )
    }

    pub(super) fn off(&self) -> Setting {
        let t = self.words.t;
        let choices = Rule::ALL
            .iter()
            .filter(|rule| can_be_off(**rule))
            .map(|rule| Choice {
                value: rule.name().into(),
                text: self.words.rule(*rule).into(),
                on: self.fields.off.iter().any(|set| set == rule.name()),
            });
        self.setting(
            "off",
            t.off,
            t.off_hint,
            Input::Choices(false, choices.collect()),
        )
    }

    pub(super) fn hours(&self) -> Setting {
        const EMPTY: usize = 2;
        let (t, f) = (self.words.t, self.fields);
        let rows = f.from.len().min(64) + EMPTY;
        let span = |row: usize| Span {
            row,
            days: DAYS
                .iter()
                .enumerate()
                .map(|(at, (name, _))| {
                    let value = format!("{row} {name}");
                    Choice {
                        text: t.day(at).into(),
                        on: f.days.contains(&value),
                        value,
                    }
                })
                .collect(),
            from: f.from.get(row).cloned().unwrap_or_default(),
            to: f.to.get(row).cloned().unwrap_or_default(),
        };
        let spans = (0..rows).map(span).collect();
        self.setting("hours", t.hours, t.hours_hint, Input::Hours(spans))
    }

    pub(super) fn figures(
        &self,
        name: &'static str,
        title: &'static str,
        hint: &'static str,
        values: &[String],
    ) -> Setting {
        let t = self.words.t;
        let columns = [
            t.column_at_a_time,
            t.column_minute,
            t.column_hour,
            t.column_day,
        ];
        let set = if name == "limits" {
            &self.wide.limits
        } else {
            &self.wide.total
        };
        let wide = Fields::of(&Rules {
            limits: set.clone(),
            ..Rules::default()
        })
        .limits;
        let rows = [t.all_calls, t.off_hours, t.abroad, t.abroad_off_hours];
        let of = |values: &[String], at: usize| values.get(at).cloned().unwrap_or_default();
        let rows = rows.into_iter().enumerate().map(|(row, label)| Figures {
            label,
            values: columns
                .into_iter()
                .enumerate()
                .map(|(column, label)| {
                    let at = 4 * row + column;
                    (of(values, at), label, of(&wide, at))
                })
                .collect(),
        });
        self.setting(name, title, hint, Input::Figures(rows.collect()))
    }

    pub(super) fn burst(
        &self,
        name: &'static str,
        title: &'static str,
        hint: &'static str,
        at: usize,
    ) -> Setting {
        let of = |at: usize| self.fields.bursts.get(at).cloned().unwrap_or_default();
        self.setting(name, title, hint, Input::Burst(of(2 * at), of(2 * at + 1)))
    }

    pub(super) fn action(
        &self,
        name: &'static str,
        title: &'static str,
        hint: &'static str,
        value: &str,
    ) -> Setting {
        let t = self.words.t;
        let choices = [("", t.as_wider), ("alert", t.alert), ("deny", t.deny)];
        let choices = choices.map(|(known, text)| Choice {
            value: known.into(),
            text: text.into(),
            on: known == value,
        });
        self.setting(name, title, hint, Input::Select(choices.into()))
    }
}

/// Some rules hold whatever a policy says (docs/policy.md).
fn can_be_off(rule: Rule) -> bool {
    !matches!(
        rule,
        Rule::Loop
            | Rule::Emergency
            | Rule::AlwaysAllowed
            | Rule::Lockdown
            | Rule::TollFree
            | Rule::Service
            | Rule::Default
    )
}
