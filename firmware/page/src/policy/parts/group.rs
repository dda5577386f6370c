//! Callers that share rules.

use axum::{
    extract::{Query, State},
    response::Response,
};
use trunkguard_core::policy::{Definition, Group, Name};

use super::{
    Input, Shown, Target, Wrong, client_name, field, of_client, propose, show, words, wrong,
};
use crate::{
    Answer, Problem,
    shell::{Form, Owner, Shell, Visitor},
    texts::{self, fill},
};

/// What the form sends.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Fields {
    new_name: String,
    client: String,
    callers: String,
}

/// `GET /policy/group`
pub async fn page(
    State(shell): State<Shell>,
    Owner(owner): Owner,
    Query(target): Query<Target>,
) -> Answer<Response> {
    let now = shell.ask(|parts| parts.policy.in_force()).await?;
    let found = now
        .policy
        .groups
        .iter()
        .find(|group| target.is(&group.name, group.client.as_ref()));
    let fields = match (target.is_new(), found) {
        (true, _) => Fields::default(),
        (false, None) => return Err(Problem::NotFound),
        (false, Some(group)) => {
            let callers: Vec<&str> = group.callers.iter().map(Name::as_str).collect();
            Fields {
                new_name: group.name.to_string(),
                client: target.client.clone(),
                callers: callers.join("\n"),
            }
        }
    };
    form(&owner, &now.policy, &target, &now.mark, &fields, Vec::new())
}

fn form(
    owner: &Visitor,
    policy: &Definition,
    target: &Target,
    mark: &str,
    fields: &Fields,
    wrong: Vec<Wrong>,
) -> Answer<Response> {
    let t = texts::Policy::of(owner.look.lang);
    show(Shown {
        visitor: owner,
        part: "group",
        target,
        mark,
        title: match target.is_new() {
            true => t.new_group.into(),
            false => fill(t.the_group, &[&target.name]),
        },
        fields: vec![
            field(
                "new_name",
                t.name,
                t.group_name_hint,
                Input::Text(fields.new_name.clone(), 64),
            ),
            field(
                "callers",
                t.members,
                t.members_hint,
                Input::Lines(fields.callers.clone()),
            ),
            of_client(policy, t, &fields.client),
        ],
        wrong,
    })
}

/// `POST /policy/group`
pub async fn change(
    State(shell): State<Shell>,
    Query(target): Query<Target>,
    Form { owner, fields }: Form<Fields>,
) -> Answer<Response> {
    let (edited, sent) = (target.clone(), fields.clone());
    let what = format!("group {}", fields.new_name);
    let done = propose(&shell, &owner, what, target.mark.clone(), move |policy| {
        Ok(edit(policy, &edited, &sent).map_err(|wrong| vec![wrong]))
    })
    .await?;
    match done {
        Ok(on) => Ok(on),
        Err(wrong) => {
            let mark = target.mark.clone();
            let policy = shell.ask(move |parts| parts.policy.base(&mark)).await?;
            form(&owner, &policy, &target, &target.mark, &fields, wrong)
        }
    }
}

fn edit(policy: &mut Definition, target: &Target, fields: &Fields) -> Result<(), Wrong> {
    let name = Name::parse(fields.new_name.trim()).map_err(|message| wrong("name", message))?;
    let client = client_name(&fields.client)?;
    let callers = words(&fields.callers)
        .map(Name::parse)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|message| wrong("callers", message))?;
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
        (false, None) => return Err(wrong("group", "this group was removed meanwhile".into())),
        (false, Some(group)) => {
            group.name = name;
            group.client = client;
            group.callers = callers;
        }
    }
    Ok(())
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
        edit(&mut policy, &Target::default(), &fields).unwrap();
        assert_eq!(policy.groups[0].callers.len(), 4);
        let target = Target {
            name: "gone".into(),
            ..Target::default()
        };
        assert_eq!(
            edit(&mut policy, &target, &fields).unwrap_err().key,
            "group"
        );
    }
}
