//! Callers that share rules.

use trunkguard_core::policy::{Definition, Group, Name};

use super::{Field, Input, Part, Target, Wrong, client_name, field, of_client, words, wrong};
use crate::texts;

/// What the form sends.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Fields {
    new_name: String,
    client: String,
    callers: String,
}

impl Part for Fields {
    const NAME: &'static str = "group";

    fn new() -> Fields {
        Fields::default()
    }

    fn of(policy: &Definition, target: &Target) -> Option<Fields> {
        let mut groups = policy.groups.iter();
        let group = groups.find(|group| target.is(&group.name, group.client.as_ref()))?;
        let callers: Vec<&str> = group.callers.iter().map(Name::as_str).collect();
        Some(Fields {
            new_name: group.name.to_string(),
            client: target.client.clone(),
            callers: callers.join("\n"),
        })
    }

    fn titles(t: &'static texts::Policy) -> (&'static str, &'static str) {
        (t.new_group, t.the_group)
    }

    fn named(&self) -> &str {
        &self.new_name
    }

    fn fields(&self, policy: &Definition, t: &'static texts::Policy) -> Vec<Field> {
        let name = Input::Text(self.new_name.clone(), 64);
        let callers = Input::Lines(self.callers.clone());
        vec![
            field("new_name", t.name, t.group_name_hint, name),
            field("callers", t.members, t.members_hint, callers),
            of_client(policy, t, &self.client),
        ]
    }

    fn edit(&self, policy: &mut Definition, target: &Target) -> Result<(), Vec<Wrong>> {
        let name = Name::parse(self.new_name.trim()).map_err(|m| vec![wrong("name", m)])?;
        let client = client_name(&self.client).map_err(|wrong| vec![wrong])?;
        let callers = words(&self.callers)
            .map(Name::parse)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|m| vec![wrong("callers", m)])?;
        let found = policy
            .groups
            .iter_mut()
            .find(|group| target.is(&group.name, group.client.as_ref()));
        match (target.is_new(), found) {
            (true, _) => policy.groups.push(Group {
                name,
                client,
                callers,
                policy: Default::default(),
            }),
            (false, None) => {
                let gone = "this group was removed meanwhile".into();
                return Err(vec![wrong("group", gone)]);
            }
            (false, Some(group)) => {
                group.name = name;
                group.client = client;
                group.callers = callers;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_as_people_write_them() {
        let mut policy = Definition::default();
        let fields = Fields {
            new_name: "lobby".into(),
            client: String::new(),
            callers: "2090, 2091\r\n2092;2093".into(),
        };
        fields.edit(&mut policy, &Target::default()).unwrap();
        assert_eq!(policy.groups[0].callers.len(), 4);
        let target = Target {
            name: "gone".into(),
            ..Target::default()
        };
        assert_eq!(
            fields.edit(&mut policy, &target).unwrap_err()[0].key,
            "group"
        );
    }
}
