//! Clients, groups, callers and lists of numbers: added, edited, removed.

pub mod caller;
pub mod client;
pub mod group;
pub mod list;
pub mod remove;

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use trunkguard_core::policy::{Definition, Name};

use super::{Wrong, drafts::Proposed};
use crate::{
    Answer, Parts,
    shell::{Frame, Section, Shell, Visitor, urlencode},
    texts,
};

/// Which one is edited; without a name a new one.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Target {
    pub name: String,
    pub client: String,
    /// Mark of the policy that the form was made from.
    pub mark: String,
}

impl Target {
    fn is_new(&self) -> bool {
        self.name.is_empty()
    }

    /// The address that the form is sent to.
    fn action(&self, part: &str, mark: &str) -> String {
        format!(
            "/policy/{part}?name={}&client={}&mark={mark}",
            urlencode(&self.name),
            urlencode(&self.client)
        )
    }

    /// Is it this one?
    fn is(&self, name: &Name, client: Option<&Name>) -> bool {
        name.as_str() == self.name && client.map_or("", Name::as_str) == self.client
    }
}

#[derive(Template)]
#[template(path = "policy/part.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Policy,
    title: String,
    action: String,
    fields: Vec<Field>,
    wrong: Vec<Wrong>,
    remove: Option<String>,
}

/// A field of a form.
struct Field {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    input: Input,
}

enum Input {
    /// A line, and how long it may be.
    Text(String, usize),
    /// Many lines.
    Lines(String),
    /// Value, text, chosen.
    Select(Vec<(String, String, bool)>),
    /// On or off.
    Check(bool),
    /// Nothing is shown of what is stored.
    Password,
}

fn field(name: &'static str, label: &'static str, hint: &'static str, input: Input) -> Field {
    Field {
        name,
        label,
        hint,
        input,
    }
}

/// The choice of a client, or of every one.
fn of_client(policy: &Definition, t: &'static texts::Policy, chosen: &str) -> Field {
    let any = (String::new(), t.every_client.to_owned(), chosen.is_empty());
    let clients = policy.clients.iter().map(|client| {
        let name = client.name.to_string();
        (name.clone(), name, client.name.as_str() == chosen)
    });
    let choices = std::iter::once(any).chain(clients).collect();
    field("client", t.client, t.client_of_hint, Input::Select(choices))
}

/// A value that cannot be, by the field that it is of.
fn wrong(key: &str, message: String) -> Wrong {
    Wrong {
        line: 0,
        column: 0,
        key: key.into(),
        message,
    }
}

/// Words that a person wrote with spaces, commas or line ends between them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || c == ',' || c == ';')
        .filter(|word| !word.is_empty())
}

/// A client's name, or none for every client.
fn client_name(text: &str) -> Result<Option<Name>, Wrong> {
    match text {
        "" => Ok(None),
        name => Name::parse(name)
            .map(Some)
            .map_err(|message| wrong("client", message)),
    }
}

/// Takes an edit of one part up.
async fn propose(
    shell: &Shell,
    owner: &Visitor,
    what: String,
    mark: String,
    edit: impl FnOnce(&mut Definition) -> Answer<Result<(), Vec<Wrong>>> + Send + 'static,
) -> Answer<Result<Response, Vec<Wrong>>> {
    let by = owner.session.name.clone();
    let proposed = shell
        .ask(move |parts: &Parts| {
            let mut mine = Definition::clone(&*parts.policy.base(&mark)?);
            match edit(&mut mine)? {
                Ok(()) => parts.policy.propose(&by, &what, &mark, &mine),
                Err(wrong) => Ok(Proposed::Wrong(wrong)),
            }
        })
        .await?;
    Ok(match proposed {
        Proposed::Draft(id) => Ok(Redirect::to(&format!("/policy/draft/{id}")).into_response()),
        Proposed::Same => Ok(Redirect::to("/policy?said=same").into_response()),
        Proposed::Wrong(wrong) => Err(wrong),
    })
}

/// The form again, with what is wrong.
fn again(page: Response, wrong: bool) -> Response {
    match wrong {
        true => (StatusCode::UNPROCESSABLE_ENTITY, page).into_response(),
        false => page,
    }
}

struct Shown<'a> {
    visitor: &'a Visitor,
    part: &'static str,
    target: &'a Target,
    mark: &'a str,
    title: String,
    fields: Vec<Field>,
    wrong: Vec<Wrong>,
}

fn show(shown: Shown<'_>) -> Answer<Response> {
    let Shown {
        visitor,
        part,
        target,
        mark,
        title,
        fields,
        wrong,
    } = shown;
    let remove = (!target.is_new()).then(|| {
        format!(
            "/policy/remove?of={part}&name={}&client={}",
            urlencode(&target.name),
            urlencode(&target.client)
        )
    });
    let has_wrong = !wrong.is_empty();
    let page = Frame::show(&Page {
        frame: visitor.frame(Section::Policy),
        t: texts::Policy::of(visitor.look.lang),
        title,
        action: target.action(part, mark),
        fields,
        wrong,
        remove,
    })?;
    Ok(again(page, has_wrong))
}
