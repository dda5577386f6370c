//! An extension with rules of its own.

use axum::{
    extract::{Query, State},
    response::Response,
};
use trunkguard_core::policy::{Caller, Definition, Name};

use super::{Input, Shown, Target, Wrong, client_name, field, of_client, propose, show, wrong};
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
}

/// `GET /policy/caller`
pub async fn page(
    State(shell): State<Shell>,
    Owner(owner): Owner,
    Query(target): Query<Target>,
) -> Answer<Response> {
    let now = shell.ask(|parts| parts.policy.in_force()).await?;
    let is_there = now
        .policy
        .callers
        .iter()
        .any(|caller| target.is(&caller.name, caller.client.as_ref()));
    if !target.is_new() && !is_there {
        return Err(Problem::NotFound);
    }
    let fields = Fields {
        new_name: target.name.clone(),
        client: target.client.clone(),
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
        part: "caller",
        target,
        mark,
        title: match target.is_new() {
            true => t.new_caller.into(),
            false => fill(t.the_caller, &[&target.name]),
        },
        fields: vec![
            field(
                "new_name",
                t.extension,
                t.extension_hint,
                Input::Text(fields.new_name.clone(), 32),
            ),
            of_client(policy, t, &fields.client),
        ],
        wrong,
    })
}

/// `POST /policy/caller`
pub async fn change(
    State(shell): State<Shell>,
    Query(target): Query<Target>,
    Form { owner, fields }: Form<Fields>,
) -> Answer<Response> {
    let (edited, sent) = (target.clone(), fields.clone());
    let what = format!("caller {}", fields.new_name);
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
    let found = policy
        .callers
        .iter_mut()
        .find(|caller| target.is(&caller.name, caller.client.as_ref()));
    match (target.is_new(), found) {
        (true, _) => policy.callers.push(Caller {
            name,
            client,
            policy: Default::default(),
        }),
        (false, None) => {
            return Err(wrong(
                "caller",
                "this extension was removed meanwhile".into(),
            ));
        }
        (false, Some(caller)) => {
            caller.name = name;
            caller.client = client;
        }
    }
    Ok(())
}
