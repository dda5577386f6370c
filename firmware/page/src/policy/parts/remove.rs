//! Taking a client, group, caller or list away.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use trunkguard_core::policy::Definition;

use super::{Target, Wrong, propose};
use crate::{
    Answer, Problem,
    policy::edit::Marked,
    shell::{Form, Frame, Owner, Section, Shell, Visitor, urlencode},
    texts::{self, fill},
};

/// What is taken away.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Asked {
    of: String,
    name: String,
    client: String,
}

#[derive(Template)]
#[template(path = "policy/remove.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Policy,
    title: String,
    action: String,
    back: String,
    wrong: Vec<Wrong>,
}

/// Nothing is in the form but its mark.
#[derive(serde::Deserialize)]
pub struct Nothing {}

/// `GET /policy/remove`
pub async fn page(
    State(shell): State<Shell>,
    Owner(owner): Owner,
    Query(asked): Query<Asked>,
) -> Answer<Response> {
    let now = shell.ask(|parts| parts.policy.in_force()).await?;
    take(&mut now.policy.as_ref().clone(), &asked)?;
    show(&owner, &asked, &now.mark, Vec::new())
}

fn show(owner: &Visitor, asked: &Asked, mark: &str, wrong: Vec<Wrong>) -> Answer<Response> {
    let t = texts::Policy::of(owner.look.lang);
    let title = match asked.of.as_str() {
        "client" => t.remove_client,
        "group" => t.remove_group,
        "caller" => t.remove_caller,
        _ => t.remove_list,
    };
    let at = format!(
        "name={}&client={}",
        urlencode(&asked.name),
        urlencode(&asked.client)
    );
    Frame::show(&Page {
        frame: owner.frame(Section::Policy),
        t,
        title: fill(title, &[&asked.name]),
        action: format!(
            "/policy/remove?of={}&{at}&mark={mark}",
            urlencode(&asked.of)
        ),
        back: format!("/policy/{}?{at}", urlencode(&asked.of)),
        wrong,
    })
}

/// `POST /policy/remove`
pub async fn change(
    State(shell): State<Shell>,
    Query(asked): Query<Asked>,
    Query(Marked { mark }): Query<Marked>,
    form: Form<Nothing>,
) -> Answer<Response> {
    let removed = asked.clone();
    let what = format!("{} {} removed", asked.of, asked.name);
    let done = propose(&shell, &form.owner, what, mark.clone(), move |policy| {
        take(policy, &removed).map(Ok)
    })
    .await?;
    match done {
        Ok(on) => Ok(on),
        Err(wrong) => {
            let page = show(&form.owner, &asked, &mark, wrong)?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// Takes it away, and with a client who is bound to it.
fn take(policy: &mut Definition, asked: &Asked) -> Answer<()> {
    let target = Target {
        name: asked.name.clone(),
        client: asked.client.clone(),
        ..Target::default()
    };
    let sizes = |policy: &Definition| {
        [
            policy.clients.len(),
            policy.groups.len(),
            policy.callers.len(),
            policy.lists.len(),
        ]
    };
    let before = sizes(policy);
    match asked.of.as_str() {
        "client" => {
            policy
                .clients
                .retain(|client| client.name.as_str() != asked.name);
            let is_bound = |client: &Option<trunkguard_core::policy::Name>| {
                client
                    .as_ref()
                    .is_some_and(|name| name.as_str() == asked.name)
            };
            policy.groups.retain(|group| !is_bound(&group.client));
            policy.callers.retain(|caller| !is_bound(&caller.client));
        }
        "group" => policy
            .groups
            .retain(|group| !target.is(&group.name, group.client.as_ref())),
        "caller" => policy
            .callers
            .retain(|caller| !target.is(&caller.name, caller.client.as_ref())),
        "list" => policy.lists.retain(|list| list.name.as_str() != asked.name),
        _ => {}
    }
    if sizes(policy) == before {
        return Err(Problem::NotFound);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_a_client_go_those_who_are_bound_to_it() {
        let mut policy: Definition = serde_json::from_value(serde_json::json!({
            "client": [{ "name": "a", "addresses": ["10.0.0.1"] }, { "name": "b", "addresses": ["10.0.0.2"] }],
            "group": [{ "name": "g", "client": "a", "callers": [] }, { "name": "h", "callers": [] }],
            "caller": [{ "name": "1", "client": "a" }, { "name": "1", "client": "b" }],
        }))
        .unwrap();
        let asked = |of: &str, name: &str| Asked {
            of: of.into(),
            name: name.into(),
            client: String::new(),
        };
        take(&mut policy, &asked("client", "a")).unwrap();
        assert_eq!(
            (
                policy.clients.len(),
                policy.groups.len(),
                policy.callers.len()
            ),
            (1, 1, 1)
        );
        assert!(matches!(
            take(&mut policy, &asked("client", "a")),
            Err(Problem::NotFound)
        ));
        assert!(matches!(
            take(&mut policy, &asked("", "a")),
            Err(Problem::NotFound)
        ));
    }
}
