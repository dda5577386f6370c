//! The PBX: how to set one up for the box, the client that belongs to it, and which known flaws those that ask may have.

mod fields;

use std::net::IpAddr;

use askama::Template;
use axum::{
    Router,
    extract::{RawQuery, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;
use trunkguard_pbx::{
    Answers, Form as Typed, Language, Setup, Wrong,
    health::{Advice, Kind},
};

use crate::{
    Answer, Problem,
    accounts::Deed,
    shell::{Form, Frame, Section, Shell, Visitor, read},
    texts,
    texts::{Lang, fill},
};
use fields::{Group, groups};

/// What the PBX page asks of the box.
pub trait Source: Send + Sync {
    /// What the box knows already. `here` is the address by which it is reached.
    ///
    /// # Errors
    /// When the policy cannot be read.
    fn known(&self, here: IpAddr, language: Language) -> Answer<Known>;

    /// Puts the client that belongs to the answers into the policy, and has it taken over; says whether it is in force.
    ///
    /// # Errors
    /// What the policy or the daemon has against it.
    fn add(&self, answers: &Answers) -> Answer<String>;
}

/// What the box knows already.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Answers that can be told from the policy and the box's address.
    pub form: Typed,
    /// The PBXs that ask.
    pub pbxs: Vec<Pbx>,
    /// The day of the table of known flaws.
    pub dated: String,
    /// Why the owner's table of known flaws is not used.
    pub problem: Option<String>,
}

/// A PBX that asks.
#[derive(Clone, Debug)]
pub struct Pbx {
    /// The client's name.
    pub name: String,
    /// What it says it is; empty where it has not been heard of.
    pub agent: String,
    /// What is known of that.
    pub known: Vec<Advice>,
}

/// Its addresses.
pub fn routes() -> Router<Shell> {
    Router::new()
        .route("/pbx", get(form))
        .route("/pbx/setup", get(setup))
        .route("/pbx/file", get(file))
        .route("/pbx/client", post(add))
}

#[derive(Template)]
#[template(path = "pbx/form.html")]
struct FormPage {
    frame: Frame,
    t: &'static texts::Pbx,
    groups: Vec<Group>,
    pops: Vec<&'static str>,
    wrong: usize,
    done: bool,
    known: Known,
    dated: String,
}

#[derive(Template)]
#[template(path = "pbx/setup.html")]
struct SetupPage {
    frame: Frame,
    t: &'static texts::Pbx,
    setup: Setup,
    /// The answers again, for the next request.
    query: String,
    hidden: Vec<(&'static str, String)>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Wanted {
    done: u8,
    file: usize,
}

async fn form(
    State(shell): State<Shell>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let query = query.unwrap_or_default();
    let (wanted, before): (Wanted, Typed) = (read(&query)?, read(&query)?);
    let known = known(&shell, &visitor).await?;
    let typed = if before == Typed::default() {
        known.form.clone()
    } else {
        before
    };
    show_form(&visitor, known, &typed, &[], wanted.done == 1)
}

async fn known(shell: &Shell, visitor: &Visitor) -> Answer<Known> {
    let (here, language) = (visitor.ends.here, language(visitor));
    shell
        .ask(move |parts| parts.pbx.known(here, language))
        .await
}

fn show_form(
    visitor: &Visitor,
    known: Known,
    typed: &Typed,
    wrong: &[Wrong],
    done: bool,
) -> Answer<Response> {
    let t = texts::Pbx::of(visitor.look.lang);
    Frame::show(&FormPage {
        frame: visitor.frame(Section::Pbx),
        t,
        groups: groups(typed, wrong, t),
        pops: trunkguard_core::pops::table::POPS
            .iter()
            .map(|pop| pop.name)
            .collect(),
        wrong: wrong.len(),
        done,
        dated: fill(t.health_dated, &[&known.dated]),
        known,
    })
}

async fn setup(
    State(shell): State<Shell>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let typed: Typed = read(&query.unwrap_or_default())?;
    let answers = match typed.check_in(language(&visitor)) {
        Ok(answers) => answers,
        Err(wrong) => {
            let known = known(&shell, &visitor).await?;
            return show_form(&visitor, known, &typed, &wrong, false);
        }
    };
    Frame::show(&SetupPage {
        frame: visitor.frame(Section::Pbx),
        t: texts::Pbx::of(visitor.look.lang),
        setup: Setup::new(&answers, language(&visitor)),
        query: query_of(&typed)?,
        hidden: fields::pairs(&typed),
    })
}

/// One of the files, to be saved.
async fn file(visitor: Visitor, RawQuery(query): RawQuery) -> Answer<Response> {
    let query = query.unwrap_or_default();
    let (typed, wanted): (Typed, Wanted) = (read(&query)?, read(&query)?);
    let answers = typed.check().map_err(|_| Problem::NotFound)?;
    let setup = Setup::new(&answers, language(&visitor));
    let file = setup
        .files
        .into_iter()
        .nth(wanted.file)
        .ok_or(Problem::NotFound)?;
    let name = file.name.rsplit('/').next().unwrap_or_default();
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let disposition = disposition.map_err(|_| Problem::NotFound)?;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok((
        [
            (header::CONTENT_TYPE, kind),
            (header::CONTENT_DISPOSITION, disposition),
        ],
        file.text,
    )
        .into_response())
}

async fn add(State(shell): State<Shell>, form: Form<Typed>) -> Answer<Response> {
    let answers = form
        .fields
        .check_in(language(&form.owner))
        .map_err(|wrong| {
            let all: Vec<String> = wrong.into_iter().map(|one| one.message).collect();
            Problem::Refused(all.join("; "))
        })?;
    let deed = Deed {
        who: form.owner.session.name.clone(),
        from: form.owner.ends.peer,
        what: "pbx-client".into(),
        detail: format!("{} ({})", answers.name, answers.pbx_address),
    };
    shell
        .ask(move |parts| {
            parts.pbx.add(&answers)?;
            parts.accounts.note(&deed)
        })
        .await?;
    Ok(Redirect::to("/pbx?done=1").into_response())
}

fn query_of(typed: &Typed) -> Answer<String> {
    serde_html_form::to_string(typed)
        .map_err(|problem| Problem::Unavailable(format!("the address cannot be made: {problem}")))
}

fn language(visitor: &Visitor) -> Language {
    match visitor.look.lang {
        Lang::En => Language::English,
        Lang::Fr => Language::French,
    }
}

impl FormPage {
    /// How a finding looks: a class, and its word.
    fn mark(&self, kind: &Kind) -> (&'static str, &'static str) {
        match kind {
            Kind::MayBeVulnerable => ("bad", self.t.may_be),
            Kind::Ended => ("warn", self.t.ended),
            Kind::CannotBeSeen => ("", self.t.unseen),
        }
    }
}
