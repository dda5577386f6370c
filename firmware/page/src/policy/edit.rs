//! Rules of one place as a form.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use trunkguard_core::{
    number::Kind,
    policy::{Definition, Rules},
    verdict::Rule,
};

use super::{
    Wrong,
    drafts::Proposed,
    fields::{DAYS, Fields, Wrong as WrongField},
    place::{self, Place, What},
    words::Words,
};
use crate::{
    Answer, Parts,
    shell::{Form, Frame, Section, Shell, Visitor},
    texts::{self, countries, fill, verdicts},
};

/// From which policy a form was made.
#[derive(serde::Deserialize)]
pub struct Marked {
    #[serde(default)]
    pub mark: String,
}

#[derive(Template)]
#[template(path = "policy/rules.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Policy,
    title: String,
    action: String,
    groups: Vec<Group>,
    wrong: Vec<Wrong>,
    has_wrong: bool,
}

/// Settings that belong together.
struct Group {
    title: &'static str,
    /// Few need it: shut where nothing in it is set.
    folded: bool,
    settings: Vec<Setting>,
}

impl Group {
    fn open(&self) -> bool {
        self.settings
            .iter()
            .any(|setting| setting.is_said() || !setting.wrong.is_empty())
    }
}

impl Setting {
    /// Is anything said of it here?
    fn is_said(&self) -> bool {
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
struct Setting {
    name: &'static str,
    title: &'static str,
    hint: &'static str,
    /// Is it made here? `None` where an empty field says no.
    set: Option<bool>,
    /// What holds otherwise.
    inherited: String,
    input: Input,
    wrong: Vec<String>,
}

enum Input {
    Lines(String),
    Choices(bool, Vec<Choice>),
    Select(Vec<Choice>),
    Hours(Vec<Span>),
    Figures(Vec<Figures>),
    Burst(String, String),
}

struct Choice {
    value: String,
    text: String,
    on: bool,
}

struct Span {
    row: usize,
    days: Vec<Choice>,
    from: String,
    to: String,
}

struct Figures {
    label: &'static str,
    values: Vec<(String, &'static str, String)>,
}

/// `GET /policy/rules`
pub async fn page(
    State(shell): State<Shell>,
    visitor: Visitor,
    Query(place): Query<Place>,
) -> Answer<Response> {
    let now = shell.ask(|parts| parts.policy.in_force()).await?;
    let what = place.find(&now.policy)?;
    let fields = Fields::of(place::rules(&now.policy, what));
    let look = View {
        policy: &now.policy,
        place: &place,
        what,
        mark: &now.mark,
    };
    look.show(&visitor, &fields, &[], Vec::new())
}

/// `POST /policy/rules`
pub async fn change(
    State(shell): State<Shell>,
    Query(place): Query<Place>,
    Query(Marked { mark }): Query<Marked>,
    Form { owner, fields }: Form<Fields>,
) -> Answer<Response> {
    let (by, at, sent) = (owner.session.name.clone(), place.clone(), fields.clone());
    let base_mark = mark.clone();
    let done = shell
        .ask(move |parts| edit(parts, &by, &at, &base_mark, &sent))
        .await?;
    let (policy, wrong_fields, wrong) = match done {
        Done::Proposed(Proposed::Draft(id)) => {
            return Ok(Redirect::to(&format!("/policy/draft/{id}")).into_response());
        }
        Done::Proposed(Proposed::Same) => {
            return Ok(Redirect::to("/policy?said=same").into_response());
        }
        Done::Proposed(Proposed::Wrong(wrong)) => (
            shell.ask(move |parts| parts.policy.base(&mark)).await?,
            Vec::new(),
            wrong,
        ),
        Done::Fields(wrong) => (
            shell.ask(move |parts| parts.policy.base(&mark)).await?,
            wrong,
            Vec::new(),
        ),
    };
    let what = place.find(&policy)?;
    let look = View {
        policy: &policy,
        place: &place,
        what,
        mark: &super::tree::mark(&policy)?,
    };
    let page = look.show(&owner, &fields, &wrong_fields, wrong)?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

enum Done {
    Proposed(Proposed),
    Fields(Vec<WrongField>),
}

fn edit(parts: &Parts, by: &str, place: &Place, mark: &str, fields: &Fields) -> Answer<Done> {
    let rules = match fields.read() {
        Ok(rules) => rules,
        Err(wrong) => return Ok(Done::Fields(wrong)),
    };
    let mut mine = Definition::clone(&*parts.policy.base(mark)?);
    let what = place.find(&mine)?;
    let place_of_it = place::rules_mut(&mut mine, what);
    let before = std::mem::replace(place_of_it, rules);
    in_order(place_of_it, &before);
    let about = match what {
        What::Everybody => "rules of everybody".to_owned(),
        _ => format!("rules of {} {}", place.of, place.name),
    };
    Ok(Done::Proposed(
        parts.policy.propose(by, &about, mark, &mine)?,
    ))
}

/// A form gives what is chosen in the order of its boxes; what was there before keeps its own.
fn in_order(rules: &mut Rules, before: &Rules) {
    fn keep<T: PartialEq>(new: &mut Option<Vec<T>>, old: &Option<Vec<T>>) {
        let (Some(new), Some(old)) = (new, old) else {
            return;
        };
        let place = |item: &T| old.iter().position(|known| known == item);
        // Stable: those that are new stay in their order, behind the others.
        new.sort_by_key(|item| place(item).unwrap_or(old.len()));
    }
    for (new, old) in [
        (&mut rules.allow, &before.allow),
        (&mut rules.block, &before.block),
    ] {
        keep(&mut new.countries, &old.countries);
        keep(&mut new.kinds, &old.kinds);
        keep(&mut new.lists, &old.lists);
    }
    keep(&mut rules.off, &before.off);
}

/// What a form shows.
struct View<'a> {
    policy: &'a Definition,
    place: &'a Place,
    what: What,
    mark: &'a str,
}

impl View<'_> {
    fn show(
        &self,
        visitor: &Visitor,
        fields: &Fields,
        wrong_fields: &[WrongField],
        wrong: Vec<Wrong>,
    ) -> Answer<Response> {
        let words = Words::new(visitor.look.lang);
        let t = words.t;
        let wide = place::wider(self.policy, self.what)?;
        let fielder = Fielder {
            words,
            fields,
            wide: &wide,
            wrong: wrong_fields,
        };
        let lists: Vec<&str> = self
            .policy
            .lists
            .iter()
            .map(|list| list.name.as_str())
            .collect();
        let title = match self.what {
            What::Everybody => t.rules_of_everybody.to_owned(),
            What::Client(_) => fill(t.rules_of_client, &[&self.place.name]),
            What::Group(_) => fill(t.rules_of_group, &[&self.place.name]),
            What::Caller(_) => fill(t.rules_of_caller, &[&self.place.name]),
        };
        let has_total = matches!(self.what, What::Everybody | What::Client(_));
        Frame::show(&Page {
            frame: visitor.frame(Section::Policy),
            t,
            title,
            action: format!("/policy/rules?{}&mark={}", self.place.query(), self.mark),
            groups: fielder.groups(&lists, has_total),
            has_wrong: !wrong_fields.is_empty() || !wrong.is_empty(),
            wrong,
        })
    }
}

/// Makes the fields of a form.
struct Fielder<'a> {
    words: Words,
    fields: &'a Fields,
    wide: &'a Rules,
    wrong: &'a [WrongField],
}

impl Fielder<'_> {
    fn groups(&self, lists: &[&str], has_total: bool) -> Vec<Group> {
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

    fn setting(
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

    /// What holds where this place says nothing of a setting.
    fn inherited(&self, name: &str) -> String {
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

    fn lines(
        &self,
        name: &'static str,
        title: &'static str,
        hint: &'static str,
        text: &str,
    ) -> Setting {
        self.setting(name, title, hint, Input::Lines(text.into()))
    }

    fn countries(
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

    fn kinds(
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

    fn lists(
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

    fn off(&self) -> Setting {
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

    fn hours(&self) -> Setting {
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

    fn figures(
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

    fn burst(
        &self,
        name: &'static str,
        title: &'static str,
        hint: &'static str,
        at: usize,
    ) -> Setting {
        let of = |at: usize| self.fields.bursts.get(at).cloned().unwrap_or_default();
        self.setting(name, title, hint, Input::Burst(of(2 * at), of(2 * at + 1)))
    }

    fn action(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_chosen_before_keeps_its_order() {
        let rules = |countries: &[&str]| -> Rules {
            serde_json::from_value(serde_json::json!({ "allow": { "countries": countries } }))
                .unwrap()
        };
        let mut new = rules(&["AL", "CU", "FR", "US"]);
        in_order(&mut new, &rules(&["US", "GB", "FR"]));
        assert_eq!(new, rules(&["US", "FR", "AL", "CU"]));
    }
}
