//! Tokens on the page: made, listed, taken away.

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;

use super::{Access, NewToken, Token};
use crate::{
    Answer, Problem,
    accounts::Deed,
    shell::{Form, Frame, Fresh, Section, Shell, Visitor},
    texts,
};

pub fn routes() -> Router<Shell> {
    Router::new()
        .route("/settings/tokens", get(list).post(add))
        .route("/settings/tokens/remove", post(remove))
}

#[derive(Template)]
#[template(path = "api/tokens.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Api,
    tokens: Vec<Token>,
    /// The secret of the one that was just made; empty for none.
    made: String,
    removed: bool,
    problem: String,
    name: String,
}

impl Page {
    fn remove_which(&self, token: &Token) -> String {
        texts::fill(self.t.remove_which, &[&token.name])
    }
}

/// What was done a moment ago.
#[derive(Default, Deserialize)]
pub struct Done {
    #[serde(default)]
    done: String,
}

async fn list(
    State(shell): State<Shell>,
    visitor: Visitor,
    Query(done): Query<Done>,
) -> Answer<Response> {
    let page = Page {
        removed: done.done == "removed",
        ..page(&shell, &visitor).await?
    };
    Frame::show(&page)
}

async fn page(shell: &Shell, visitor: &Visitor) -> Answer<Page> {
    Ok(Page {
        t: texts::Api::of(visitor.look.lang),
        frame: visitor.frame(Section::Settings),
        tokens: shell.ask(|parts| parts.api.tokens()).await?,
        made: String::new(),
        removed: false,
        problem: String::new(),
        name: String::new(),
    })
}

#[derive(Deserialize)]
struct NewFields {
    name: String,
    access: Access,
    #[serde(default)]
    expires: String,
}

/// Answers with the page itself: a secret does not belong into an address, and it is shown once.
async fn add(State(shell): State<Shell>, Fresh(form): Fresh<NewFields>) -> Answer<Response> {
    let Form { owner, fields } = form;
    let token = NewToken {
        name: fields.name.trim().to_owned(),
        access: fields.access,
        expires: Some(fields.expires).filter(|day| !day.is_empty()),
    };
    let detail = format!("{}, {}", token.name, token.access.name());
    let name = token.name.clone();
    let page = match shell.ask(move |parts| parts.api.add_token(&token)).await {
        Ok(made) => {
            note(&shell, &owner, "token-added", detail).await?;
            Page {
                made,
                ..page(&shell, &owner).await?
            }
        }
        Err(Problem::Refused(problem)) => Page {
            problem,
            name,
            ..page(&shell, &owner).await?
        },
        Err(problem) => return Err(problem),
    };
    Frame::show(&page)
}

#[derive(Deserialize)]
struct RemoveFields {
    name: String,
}

async fn remove(State(shell): State<Shell>, form: Form<RemoveFields>) -> Answer<Response> {
    let Form { owner, fields } = form;
    let name = fields.name.clone();
    shell
        .ask(move |parts| parts.api.remove_token(&name))
        .await?;
    note(&shell, &owner, "token-removed", fields.name).await?;
    Ok(Redirect::to("/settings/tokens?done=removed").into_response())
}

async fn note(shell: &Shell, owner: &Visitor, what: &str, detail: String) -> Answer<()> {
    let deed = Deed {
        who: owner.session.name.clone(),
        from: owner.ends.peer,
        what: what.into(),
        detail,
    };
    shell.ask(move |parts| parts.accounts.note(&deed)).await
}
