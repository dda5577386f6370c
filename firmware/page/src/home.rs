//! The first page: the state in one sentence. The example of a slice.

use askama::Template;
use axum::{Router, extract::State, response::Response, routing::get};

use crate::{
    Answer,
    shell::{Frame, Section, Shell, Visitor},
    texts,
    texts::fill,
};

/// What the first page asks of the box.
pub trait Source: Send + Sync {
    /// How it stands.
    ///
    /// # Errors
    /// When the daemon does not answer.
    fn home(&self) -> Answer<Home>;
}

/// How the box stands.
#[derive(Clone, Debug)]
pub struct Home {
    /// What needs a look, a sentence each; nothing where all is well.
    pub problems: Vec<String>,
    /// The mode in force: `detect`, `prevent` or `lockdown`.
    pub mode: String,
    /// Calls decided since the start.
    pub decided: u64,
    /// Of those, refused.
    pub refused: u64,
}

/// Its addresses.
pub fn routes() -> Router<Shell> {
    Router::new().route("/", get(home))
}

#[derive(Template)]
#[template(path = "home/home.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Home,
    home: Home,
    counted: String,
}

async fn home(State(shell): State<Shell>, visitor: Visitor) -> Answer<Response> {
    let home = shell.ask(|parts| parts.home.home()).await?;
    let t = texts::Home::of(visitor.look.lang);
    Frame::show(&Page {
        t,
        frame: visitor.frame(Section::Home),
        counted: fill(t.calls, &[&home.decided, &home.refused]),
        home,
    })
}
