//! A list of numbers that rules name.

use trunkguard_core::policy::{Definition, Name, NumberList, Prefix, Targets};

use super::{Field, Input, Part, Target, Wrong, field, wrong};
use crate::texts;

/// Errors that are told at once.
const TOLD: usize = 10;

/// What the form sends.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Fields {
    new_name: String,
    numbers: String,
}

impl Part for Fields {
    const NAME: &'static str = "list";

    fn new() -> Fields {
        Fields::default()
    }

    fn of(policy: &Definition, target: &Target) -> Option<Fields> {
        let mut lists = policy.lists.iter();
        let list = lists.find(|list| list.name.as_str() == target.name)?;
        let numbers: Vec<String> = list.numbers.iter().map(ToString::to_string).collect();
        Some(Fields {
            new_name: list.name.to_string(),
            numbers: numbers.join("\n"),
        })
    }

    fn titles(t: &'static texts::Policy) -> (&'static str, &'static str) {
        (t.new_list, t.the_list)
    }

    fn named(&self) -> &str {
        &self.new_name
    }

    fn fields(&self, _: &Definition, t: &'static texts::Policy) -> Vec<Field> {
        let name = Input::Text(self.new_name.clone(), 64);
        let numbers = Input::Lines(self.numbers.clone());
        vec![
            field("new_name", t.name, t.list_name_hint, name),
            field("numbers", t.numbers, t.list_numbers_hint, numbers),
        ]
    }

    fn edit(&self, policy: &mut Definition, target: &Target) -> Result<(), Vec<Wrong>> {
        let name = Name::parse(self.new_name.trim()).map_err(|m| vec![wrong("name", m)])?;
        let numbers = numbers(&self.numbers)?;
        let mut lists = policy.lists.iter_mut();
        let found = lists.find(|list| list.name.as_str() == target.name);
        match (target.is_new(), found) {
            (true, _) => policy.lists.push(NumberList {
                name,
                numbers,
                file: None,
            }),
            (false, None) => {
                let gone = "this list was removed meanwhile".into();
                return Err(vec![wrong("list", gone)]);
            }
            (false, Some(list)) => {
                list.numbers = numbers;
                list.file = None;
                let old = std::mem::replace(&mut list.name, name.clone());
                rename(policy, &old, &name);
            }
        }
        Ok(())
    }
}

/// The first column of each line; what a spreadsheet puts in quotes too.
fn numbers(text: &str) -> Result<Vec<Prefix>, Vec<Wrong>> {
    let mut all = Vec::new();
    let mut bad = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let first = line.split([',', ';', '\t']).next().unwrap_or_default();
        let first = first.trim().trim_matches('"').trim();
        if first.is_empty() {
            continue;
        }
        match Prefix::parse(first) {
            Ok(number) => all.push(number),
            Err(message) => bad.push(Wrong {
                line: at + 1,
                ..wrong("numbers", message)
            }),
        }
        if bad.len() >= TOLD {
            break;
        }
    }
    if bad.is_empty() { Ok(all) } else { Err(bad) }
}

/// Rules name it by its new name.
fn rename(policy: &mut Definition, old: &Name, new: &Name) {
    let all = std::iter::once(&mut policy.policy)
        .chain(policy.clients.iter_mut().map(|client| &mut client.policy))
        .chain(policy.groups.iter_mut().map(|group| &mut group.policy))
        .chain(policy.callers.iter_mut().map(|caller| &mut caller.policy));
    let in_targets = |targets: &mut Targets| {
        for name in targets
            .lists
            .iter_mut()
            .flatten()
            .filter(|name| *name == old)
        {
            *name = new.clone();
        }
    };
    for rules in all {
        in_targets(&mut rules.allow);
        in_targets(&mut rules.block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_column_is_read_and_a_new_name_is_taken_over() {
        let mut policy: Definition = serde_json::from_value(serde_json::json!({
            "policy": { "block": { "lists": ["bad"] } },
            "list": [{ "name": "bad", "numbers": ["+12645550100"] }],
        }))
        .unwrap();
        let target = Target {
            name: "bad".into(),
            ..Target::default()
        };
        let fields = Fields {
            new_name: "worse".into(),
            numbers: "\"+442071838750\",scam\r\n\r\n+1 264 555-0100;x\n".into(),
        };
        fields.edit(&mut policy, &target).unwrap();
        assert_eq!(policy.lists[0].numbers.len(), 2);
        assert_eq!(
            policy.policy.block.lists.as_ref().unwrap()[0].as_str(),
            "worse"
        );
    }

    #[test]
    fn wrong_lines_are_told_by_number_and_not_all_of_many() {
        let wrong = numbers("+1\nx\n").unwrap_err();
        assert_eq!((wrong.len(), wrong[0].line), (1, 2));
        assert_eq!(numbers(&"x\n".repeat(1_000)).unwrap_err().len(), TOLD);
    }
}
