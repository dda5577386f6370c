//! The first run: from a password to a call that was decided, in steps of which each may be left out and done later.

mod call;
mod pbx;
mod place;
mod plug;
mod pops;

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use trunkguard_core::policy::{Definition, Mode};

use crate::{
    Answer,
    accounts::prove,
    shell::{Form, Frame, Section, Shell, Visitor},
    texts,
};

pub use call::{Heard, TestCall};
pub use pbx::Speaker;
pub use pops::RoundTrip;

/// What the first run asks of the box.
pub trait Source: Send + Sync {
    /// The policy as it is stored.
    ///
    /// # Errors
    /// When it cannot be read.
    fn stored(&self) -> Answer<Definition>;

    /// Stores another policy in the place of `before`, and has the daemon take it over; or leaves everything as it was.
    ///
    /// # Errors
    /// What is wrong with it, or why it is not taken over; or that somebody else has changed it meanwhile.
    fn put(&self, before: &Definition, after: &Definition) -> Answer<()>;

    /// Names of the time zones that the box knows (IANA).
    fn zones(&self) -> Vec<String>;

    /// The board's network ports, the one towards the internet first.
    ///
    /// # Errors
    /// When the daemon does not answer.
    fn ports(&self) -> Answer<Vec<String>>;

    /// Machines of the office that have spoken SIP to the box and are no client; 8 at most, the latest first.
    ///
    /// # Errors
    /// When the daemon does not answer.
    fn speakers(&self) -> Answer<Vec<Speaker>>;

    /// Where the box answers SIP, `192.168.1.2:5060`, as far as it can be told.
    ///
    /// # Errors
    /// When the daemon does not answer.
    fn sip(&self) -> Answer<String>;

    /// Round trips to the points of presence, as measured last, by name.
    ///
    /// # Errors
    /// When the daemon does not answer.
    fn round_trips(&self) -> Answer<BTreeMap<String, RoundTrip>>;

    /// Measures them: one question to each. Takes some seconds.
    ///
    /// # Errors
    /// When the daemon does not answer.
    fn measure(&self) -> Answer<()>;

    /// What was heard of a client, and its last call since then (ms since 1970).
    ///
    /// # Errors
    /// When there is no such client, or the history cannot be read.
    fn heard(&self, client: &str, since_ms: i64) -> Answer<Heard>;

    /// Steps that are done, by [`Step::word`].
    ///
    /// # Errors
    /// When they cannot be read.
    fn steps(&self) -> Answer<Vec<String>>;

    /// Notes that a step is done.
    ///
    /// # Errors
    /// When it cannot be written.
    fn step_is_done(&self, step: &str) -> Answer<()>;
}

/// The steps, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Where the office is: time zone, country, area code.
    Place,
    /// How the box is plugged in.
    Plug,
    /// Which PBX asks.
    Pbx,
    /// Which of VoIP.ms's points of presence are used.
    Pops,
    /// A call that is tried.
    Call,
}

impl Step {
    const ALL: [Step; 5] = [Step::Place, Step::Plug, Step::Pbx, Step::Pops, Step::Call];

    /// Its word, in addresses and where it is kept.
    pub fn word(self) -> &'static str {
        match self {
            Step::Place => "place",
            Step::Plug => "plug",
            Step::Pbx => "pbx",
            Step::Pops => "pops",
            Step::Call => "call",
        }
    }

    /// Its address.
    fn path(self) -> String {
        format!("/welcome/{}", self.word())
    }

    /// Where one goes after it.
    fn next(self) -> String {
        let at = Step::ALL.iter().position(|step| *step == self);
        let next = at.and_then(|at| Step::ALL.get(at + 1));
        next.map_or("/welcome".into(), |step| step.path())
    }

    fn title(self, t: &texts::Welcome) -> &'static str {
        match self {
            Step::Place => t.place,
            Step::Plug => t.plug,
            Step::Pbx => t.pbx,
            Step::Pops => t.pops,
            Step::Call => t.call,
        }
    }
}

/// Its addresses.
pub fn routes() -> Router<Shell> {
    Router::new()
        .route("/welcome", get(overview))
        .route("/welcome/detect", post(detect))
        .route("/welcome/place", get(place::page).post(place::save))
        .route("/welcome/plug", get(plug::page).post(plug::save))
        .route("/welcome/pbx", get(pbx::page).post(pbx::save))
        .route("/welcome/pops", get(pops::page).post(pops::save))
        .route("/welcome/pops/measure", post(pops::measure))
        .route("/welcome/call", get(call::page).post(call::done))
}

/// A step in the list of steps.
struct Stage {
    href: String,
    title: &'static str,
    done: bool,
    here: bool,
}

/// The list of steps, as every page of the first run has it.
fn stages(done: &[String], here: Option<Step>, t: &texts::Welcome) -> Vec<Stage> {
    let stage = |step: Step| Stage {
        href: step.path(),
        title: step.title(t),
        done: done.iter().any(|word| word == step.word()),
        here: here == Some(step),
    };
    Step::ALL.map(stage).into()
}

#[derive(Template)]
#[template(path = "welcome/overview.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Welcome,
    stages: Vec<Stage>,
    next: Option<String>,
    detects: bool,
}

async fn overview(State(shell): State<Shell>, visitor: Visitor) -> Answer<Response> {
    let t = texts::Welcome::of(visitor.look.lang);
    let (done, policy) = shell
        .ask(|parts| Ok((parts.welcome.steps()?, parts.welcome.stored()?)))
        .await?;
    let stages = stages(&done, None, t);
    Frame::show(&Page {
        frame: visitor.frame(Section::None),
        t,
        next: (stages.iter().find(|stage| !stage.done)).map(|stage| stage.href.clone()),
        stages,
        detects: policy.settings.mode == Mode::Detect,
    })
}

#[derive(serde::Deserialize)]
struct Nothing {}

/// Begins to watch without refusing anything.
async fn detect(State(shell): State<Shell>, form: Form<Nothing>) -> Answer<Response> {
    change(&shell, &form.owner, "mode", |policy| {
        policy.settings.mode = Mode::Detect;
        Ok("detect".into())
    })
    .await?;
    Ok(Redirect::to("/welcome").into_response())
}

/// Changes the policy and puts it in force. What `edit` answers goes into the audit log, or onto the page where it is an error.
async fn change(
    shell: &Shell,
    owner: &Visitor,
    what: &str,
    edit: impl FnOnce(&mut Definition) -> Answer<String> + Send + 'static,
) -> Answer<()> {
    let detail = shell
        .ask(move |parts| {
            let before = parts.welcome.stored()?;
            let mut after = before.clone();
            let detail = edit(&mut after)?;
            if after != before {
                parts.welcome.put(&before, &after)?;
            }
            Ok(detail)
        })
        .await?;
    let (name, from) = (&owner.session.name, owner.ends.peer);
    prove::note(shell, name, from, what, &detail).await
}

/// Notes that a step is done and goes on to the next.
async fn on(shell: &Shell, step: Step) -> Answer<Response> {
    shell
        .ask(move |parts| parts.welcome.step_is_done(step.word()))
        .await?;
    Ok(Redirect::to(&step.next()).into_response())
}

/// The list of steps for a page of the first run.
async fn stages_at(shell: &Shell, visitor: &Visitor, step: Step) -> Answer<Vec<Stage>> {
    let done = shell.ask(|parts| parts.welcome.steps()).await?;
    let t = texts::Welcome::of(visitor.look.lang);
    Ok(stages(&done, Some(step), t))
}
