//! Rules as the fields of a form, and back. Every setting of [`Rules`] has its field: what a form shows and sends back is the
//! same rules again.

use serde::Deserialize;
use trunkguard_core::{
    number::Kind,
    pattern::Pattern,
    policy::{
        Action, Burst, Clock, CountryCode, Hours, LimitSet, Limits, Name, Network, Prefix, Rules,
        Targets, Weekday,
    },
    time::Date,
    verdict::Rule,
};

/// The days, as a form sends them.
pub const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

/// What a form sends. Lists of things that are written are lines; things that are chosen come one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Fields {
    /// Settings that are made here; the others are as in wider places.
    pub set: Vec<String>,
    pub always_allow: String,
    pub allow_countries: Vec<String>,
    pub block_countries: Vec<String>,
    pub allow_kinds: Vec<String>,
    pub block_kinds: Vec<String>,
    pub allow_numbers: String,
    pub block_numbers: String,
    pub allow_prefixes: String,
    pub block_prefixes: String,
    pub allow_patterns: String,
    pub block_patterns: String,
    pub allow_lists: Vec<String>,
    pub block_lists: Vec<String>,
    /// Row and day: `0 mon`.
    pub days: Vec<String>,
    /// One for each row.
    pub from: Vec<String>,
    /// One for each row.
    pub to: Vec<String>,
    pub holidays: String,
    /// All, off hours, abroad, abroad off hours: each at a time, in a minute, an hour, a day. Empty is not said.
    pub limits: Vec<String>,
    /// The same for a whole client.
    pub total: Vec<String>,
    /// Calls and seconds of same number, spellings, sequential.
    pub bursts: Vec<String>,
    pub networks: String,
    pub scanners: String,
    pub new_country: String,
    pub new_phone: String,
    pub off: Vec<String>,
}

/// A value that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The field.
    pub field: &'static str,
    /// What is wrong and what to do, in English.
    pub message: String,
}

impl Fields {
    /// The fields that show these rules.
    pub fn of(rules: &Rules) -> Fields {
        let mut fields = Fields::default();
        let lines = |items: Option<Vec<String>>| items.unwrap_or_default().join("\n");
        macro_rules! field {
            ($field:ident, $name:literal, $value:expr, $show:expr) => {{
                let value: Option<Vec<String>> = $value
                    .as_ref()
                    .map(|items| items.iter().map(text).collect());
                if value.is_some() {
                    fields.set.push($name.into());
                }
                fields.$field = $show(value);
            }};
        }
        let chosen = |items: Option<Vec<String>>| items.unwrap_or_default();
        field!(always_allow, "always_allow", rules.always_allow, lines);
        field!(
            allow_countries,
            "allow_countries",
            rules.allow.countries,
            chosen
        );
        field!(
            block_countries,
            "block_countries",
            rules.block.countries,
            chosen
        );
        field!(allow_kinds, "allow_kinds", rules.allow.kinds, chosen);
        field!(block_kinds, "block_kinds", rules.block.kinds, chosen);
        field!(allow_numbers, "allow_numbers", rules.allow.numbers, lines);
        field!(block_numbers, "block_numbers", rules.block.numbers, lines);
        field!(
            allow_prefixes,
            "allow_prefixes",
            rules.allow.prefixes,
            lines
        );
        field!(
            block_prefixes,
            "block_prefixes",
            rules.block.prefixes,
            lines
        );
        field!(
            allow_patterns,
            "allow_patterns",
            rules.allow.patterns,
            lines
        );
        field!(
            block_patterns,
            "block_patterns",
            rules.block.patterns,
            lines
        );
        field!(allow_lists, "allow_lists", rules.allow.lists, chosen);
        field!(block_lists, "block_lists", rules.block.lists, chosen);
        field!(holidays, "holidays", rules.holidays, lines);
        field!(networks, "networks", rules.networks, lines);
        field!(scanners, "scanners", rules.scanners, lines);
        field!(off, "off", rules.off, chosen);
        if let Some(hours) = &rules.hours {
            fields.set.push("hours".into());
            for (row, span) in hours.iter().enumerate() {
                let days = DAYS.iter().filter(|(_, day)| span.days.contains(day));
                fields
                    .days
                    .extend(days.map(|(name, _)| format!("{row} {name}")));
                fields.from.push(span.from.to_string());
                fields.to.push(span.to.to_string());
            }
        }
        fields.limits = figures(&rules.limits);
        fields.total = figures(&rules.total);
        for burst in [rules.same_number, rules.spellings, rules.sequential] {
            let [calls, seconds] = burst.map_or([String::new(), String::new()], |burst| {
                [burst.calls.to_string(), burst.seconds.to_string()]
            });
            fields.bursts.extend([calls, seconds]);
        }
        fields.new_country = rules.new_country.as_ref().map(text).unwrap_or_default();
        fields.new_phone = rules.new_phone.as_ref().map(text).unwrap_or_default();
        fields
    }

    /// Is this setting made here?
    pub fn sets(&self, name: &str) -> bool {
        self.set.iter().any(|set| set == name)
    }

    /// The rules that the fields mean.
    ///
    /// # Errors
    /// Everything that cannot be.
    pub fn read(&self) -> Result<Rules, Vec<Wrong>> {
        let mut reader = Reader {
            fields: self,
            wrong: Vec::new(),
        };
        let rules = reader.rules();
        match reader.wrong.is_empty() {
            true => Ok(rules),
            false => Err(reader.wrong),
        }
    }
}

/// A small value as the policy file writes it.
fn text(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

fn figures(set: &LimitSet) -> Vec<String> {
    let row = |l: &Limits| [l.simultaneous, l.per_minute, l.per_hour, l.per_day];
    let rows = [
        [set.simultaneous, set.per_minute, set.per_hour, set.per_day],
        row(&set.off_hours),
        row(&set.abroad),
        row(&set.abroad_off_hours),
    ];
    let shown = |figure: Option<u32>| figure.map(|figure| figure.to_string()).unwrap_or_default();
    rows.into_iter().flatten().map(shown).collect()
}

/// Lines of a field, without those that are empty.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

struct Reader<'a> {
    fields: &'a Fields,
    wrong: Vec<Wrong>,
}

impl Reader<'_> {
    fn rules(&mut self) -> Rules {
        let fields = self.fields;
        Rules {
            off: self.chosen("off", &fields.off, |name| {
                Rule::ALL
                    .iter()
                    .copied()
                    .find(|rule| rule.name() == name)
                    .ok_or_else(|| format!("there is no rule `{}`", name.escape_debug()))
            }),
            always_allow: self.written("always_allow", &fields.always_allow, Prefix::parse),
            allow: Targets {
                numbers: self.written("allow_numbers", &fields.allow_numbers, Prefix::parse),
                lists: self.chosen("allow_lists", &fields.allow_lists, Name::parse),
                prefixes: self.written("allow_prefixes", &fields.allow_prefixes, Prefix::parse),
                patterns: self.written("allow_patterns", &fields.allow_patterns, Pattern::parse),
                kinds: self.chosen("allow_kinds", &fields.allow_kinds, kind),
                countries: self.chosen(
                    "allow_countries",
                    &fields.allow_countries,
                    CountryCode::parse,
                ),
            },
            block: Targets {
                numbers: self.written("block_numbers", &fields.block_numbers, Prefix::parse),
                lists: self.chosen("block_lists", &fields.block_lists, Name::parse),
                prefixes: self.written("block_prefixes", &fields.block_prefixes, Prefix::parse),
                patterns: self.written("block_patterns", &fields.block_patterns, Pattern::parse),
                kinds: self.chosen("block_kinds", &fields.block_kinds, kind),
                countries: self.chosen(
                    "block_countries",
                    &fields.block_countries,
                    CountryCode::parse,
                ),
            },
            hours: self.hours(),
            holidays: self.written("holidays", &fields.holidays, |day| {
                Date::try_from(day.to_owned())
            }),
            limits: self.figures("limits", &fields.limits),
            total: self.figures("total", &fields.total),
            same_number: self.burst("same_number", 0),
            spellings: self.burst("spellings", 1),
            sequential: self.burst("sequential", 2),
            networks: self.written("networks", &fields.networks, Network::parse),
            scanners: self.written("scanners", &fields.scanners, Name::parse),
            new_country: self.action("new_country", &fields.new_country),
            new_phone: self.action("new_phone", &fields.new_phone),
        }
    }

    fn take<T>(&mut self, field: &'static str, value: Result<T, String>) -> Option<T> {
        value
            .map_err(|message| self.wrong.push(Wrong { field, message }))
            .ok()
    }

    fn written<T>(
        &mut self,
        field: &'static str,
        value: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let items = lines(value).map(read).collect::<Vec<_>>();
        self.fields.sets(field).then(|| {
            let read = items.into_iter().map(|item| self.take(field, item));
            read.flatten().collect()
        })
    }

    fn chosen<T>(
        &mut self,
        field: &'static str,
        values: &[String],
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let items = values.iter().map(|value| read(value)).collect::<Vec<_>>();
        self.fields.sets(field).then(|| {
            let read = items.into_iter().map(|item| self.take(field, item));
            read.flatten().collect()
        })
    }

    /// Rows without a day are rows that were left empty.
    fn hours(&mut self) -> Option<Vec<Hours>> {
        let fields = self.fields;
        if !fields.sets("hours") {
            return None;
        }
        let mut spans = Vec::new();
        for (row, (from, to)) in fields.from.iter().zip(&fields.to).enumerate() {
            let is_on = |name: &str| {
                fields.days.iter().any(|day| {
                    day.split_once(' ')
                        .is_some_and(|(at, day)| at.parse() == Ok(row) && day == name)
                })
            };
            let days: Vec<Weekday> = DAYS
                .iter()
                .filter(|(name, _)| is_on(name))
                .map(|(_, day)| *day)
                .collect();
            if days.is_empty() {
                continue;
            }
            let from = self.take("hours", Clock::parse(from.trim()));
            let to = self.take("hours", Clock::parse(to.trim()));
            spans.extend(from.zip(to).map(|(from, to)| Hours { days, from, to }));
        }
        Some(spans)
    }

    fn figures(&mut self, field: &'static str, values: &[String]) -> LimitSet {
        let mut all = [None; 16];
        for (figure, value) in all.iter_mut().zip(values) {
            *figure = self.number(field, value);
        }
        let row = |at: usize| Limits {
            simultaneous: all[at],
            per_minute: all[at + 1],
            per_hour: all[at + 2],
            per_day: all[at + 3],
        };
        LimitSet {
            simultaneous: all[0],
            per_minute: all[1],
            per_hour: all[2],
            per_day: all[3],
            off_hours: row(4),
            abroad: row(8),
            abroad_off_hours: row(12),
        }
    }

    fn number(&mut self, field: &'static str, value: &str) -> Option<u32> {
        let value = value.trim();
        if value.is_empty() {
            return None;
        }
        let number = value.parse::<u32>().map_err(|_| {
            format!(
                "`{}` is not a whole number; write 0 to 65535, or nothing",
                value.escape_debug()
            )
        });
        self.take(field, number)
    }

    fn burst(&mut self, field: &'static str, at: usize) -> Option<Burst> {
        let of = |at: usize| self.fields.bursts.get(at).cloned().unwrap_or_default();
        let (calls, seconds) = (of(2 * at), of(2 * at + 1));
        let said = [&calls, &seconds].map(|text| !text.trim().is_empty());
        match said {
            [false, false] => None,
            [true, true] => {
                let (calls, seconds) = (self.number(field, &calls)?, self.number(field, &seconds)?);
                let calls = u8::try_from(calls).map_err(|_| "write 1 to 16 calls".to_owned());
                Some(Burst {
                    calls: self.take(field, calls)?,
                    seconds,
                })
            }
            _ => self.take(field, Err("write both figures, or neither".into())),
        }
    }

    fn action(&mut self, field: &'static str, value: &str) -> Option<Action> {
        match value {
            "" => None,
            "alert" => Some(Action::Alert),
            "deny" => Some(Action::Deny),
            other => self.take(
                field,
                Err(format!(
                    "`{}` is not one of the choices",
                    other.escape_debug()
                )),
            ),
        }
    }
}

fn kind(name: &str) -> Result<Kind, String> {
    serde_json::from_value(name.into())
        .map_err(|_| format!("there is no kind `{}`", name.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything() -> Rules {
        serde_json::from_value(serde_json::json!({
            "off": ["new-phone", "spellings"],
            "always_allow": ["+12125550100"],
            "allow": { "numbers": ["+442071838750"], "lists": ["good"], "prefixes": ["+4420"], "patterns": ["_011NX."],
                "kinds": ["premium"], "countries": ["US", "*"] },
            "block": { "numbers": [], "lists": ["bad"], "prefixes": ["+4470"], "patterns": ["_1900NXXXXXX"],
                "kinds": [], "countries": ["CU"] },
            "hours": [{ "days": ["mon", "fri"], "from": "07:00", "to": "24:00" }, { "days": ["sat"], "from": "22:00", "to": "02:00" }],
            "holidays": ["2026-12-25"],
            "limits": { "simultaneous": 6, "per_day": 0, "abroad": { "per_hour": 3 }, "off_hours": { "per_minute": 1 },
                "abroad_off_hours": { "per_day": 2 } },
            "total": { "per_day": 900 },
            "same_number": { "calls": 5, "seconds": 30 },
            "sequential": { "calls": 2, "seconds": 600 },
            "networks": ["192.168.0.0/16"],
            "scanners": ["evil"],
            "new_country": "deny",
            "new_phone": "alert",
        }))
        .unwrap()
    }

    #[test]
    fn every_setting_comes_back_from_its_field() {
        for rules in [Rules::default(), everything()] {
            assert_eq!(Fields::of(&rules).read().unwrap(), rules);
        }
    }

    #[test]
    fn what_is_not_set_here_is_passed_over() {
        let fields = Fields {
            always_allow: "nonsense".into(),
            allow_countries: vec!["US".into()],
            ..Fields::default()
        };
        assert_eq!(fields.read().unwrap(), Rules::default());
    }

    #[test]
    fn each_wrong_value_is_told_with_its_field() {
        let mut fields = Fields::of(&everything());
        fields.always_allow = "+1212555\n12\n\n +44 20 7183 8750 ".into();
        fields.limits[3] = "many".into();
        fields.bursts[1] = String::new();
        fields.from[0] = "7".into();
        fields.new_phone = "explode".into();
        let wrong = fields.read().unwrap_err();
        let fields: Vec<_> = wrong.iter().map(|wrong| wrong.field).collect();
        assert_eq!(
            fields,
            [
                "always_allow",
                "hours",
                "limits",
                "same_number",
                "new_phone"
            ]
        );
        assert!(wrong[0].message.contains("`12`"), "{}", wrong[0].message);
    }

    #[test]
    fn rows_of_hours_without_a_day_are_left_out() {
        let fields = Fields {
            set: vec!["hours".into()],
            days: vec!["1 mon".into(), "9 tue".into(), "x".into()],
            from: vec!["".into(), "08:00".into()],
            to: vec!["".into(), "18:00".into()],
            ..Fields::default()
        };
        let hours = fields.read().unwrap().hours.unwrap();
        assert_eq!(hours.len(), 1);
        assert_eq!(hours[0].days, [Weekday::Mon]);
    }
}
