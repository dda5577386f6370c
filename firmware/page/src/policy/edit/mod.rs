//! Rules of one place as a form.

mod groups;
mod inherited;
mod setting;

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use trunkguard_core::policy::{Definition, Rules};

use groups::Group;
use setting::{Fielder, Input};

use super::{
    Wrong,
    drafts::Proposed,
    fields::{Fields, Wrong as WrongField},
    place::{self, Place, What},
    words::Words,
};
use crate::{
    Answer, Parts,
    shell::{Form, Frame, Section, Shell, Visitor},
    texts::{self, fill},
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
