//! Clients, groups, callers and lists of numbers: added, edited, removed.

pub mod caller;
pub mod client;
pub mod group;
pub mod list;
pub mod remove;

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use trunkguard_core::policy::{Definition, Name};

use super::{Wrong, drafts::Proposed};
use crate::{
    Answer, Parts, Problem,
    shell::{Form, Frame, Owner, Section, Shell, Visitor, urlencode},
    texts::{self, fill},
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
pub struct Field {
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

/// Takes an edit up: on to its draft, or what is wrong with it.
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

/// A part of the policy as a form.
pub trait Part: serde::de::DeserializeOwned + Clone + Send + Sync + 'static {
    /// Its word in addresses and in the log.
    const NAME: &'static str;

    /// The form of a new one.
    fn new() -> Self;

    /// The form of the one that is there; `None` where there is none.
    fn of(policy: &Definition, target: &Target) -> Option<Self>;

    /// Heading of a new one, and of one that is there (`{}`: its name).
    fn titles(t: &'static texts::Policy) -> (&'static str, &'static str);

    /// What it is called in the form.
    fn named(&self) -> &str;

    /// What is to be filled in.
    fn fields(&self, policy: &Definition, t: &'static texts::Policy) -> Vec<Field>;

    /// Puts what was filled in into the policy.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    fn edit(&self, policy: &mut Definition, target: &Target) -> Result<(), Vec<Wrong>>;
}

/// `GET /policy/PART`
pub async fn page<P: Part>(
    State(shell): State<Shell>,
    Owner(owner): Owner,
    Query(target): Query<Target>,
) -> Answer<Response> {
    let now = shell.ask(|parts| parts.policy.in_force()).await?;
    let part = match target.is_new() {
        true => P::new(),
        false => P::of(&now.policy, &target).ok_or(Problem::NotFound)?,
    };
    show(&owner, &now.policy, &target, &now.mark, &part, Vec::new())
}

/// `POST /policy/PART`
pub async fn change<P: Part>(
    State(shell): State<Shell>,
    Query(target): Query<Target>,
    Form {
        owner,
        fields: part,
    }: Form<P>,
) -> Answer<Response> {
    let (edited, sent) = (target.clone(), part.clone());
    let what = format!("{} {}", P::NAME, part.named());
    let edit = move |policy: &mut Definition| Ok(sent.edit(policy, &edited));
    let wrong = match propose(&shell, &owner, what, target.mark.clone(), edit).await? {
        Ok(on) => return Ok(on),
        Err(wrong) => wrong,
    };
    let mark = target.mark.clone();
    let policy = shell.ask(move |parts| parts.policy.base(&mark)).await?;
    let page = show(&owner, &policy, &target, &target.mark, &part, wrong)?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

fn show<P: Part>(
    visitor: &Visitor,
    policy: &Definition,
    target: &Target,
    mark: &str,
    part: &P,
    wrong: Vec<Wrong>,
) -> Answer<Response> {
    let t = texts::Policy::of(visitor.look.lang);
    let (new, there) = P::titles(t);
    let remove = (!target.is_new()).then(|| {
        format!(
            "/policy/remove?of={}&name={}&client={}",
            P::NAME,
            urlencode(&target.name),
            urlencode(&target.client)
        )
    });
    Frame::show(&Page {
        frame: visitor.frame(Section::Policy),
        t,
        title: match target.is_new() {
            true => new.into(),
            false => fill(there, &[&target.name]),
        },
        action: target.action(P::NAME, mark),
        fields: part.fields(policy, t),
        wrong,
        remove,
    })
}
