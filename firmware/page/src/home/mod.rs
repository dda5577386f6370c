//! The first page: the state in one sentence, the mode, and everything else at a glance. The example of a slice.

mod chart;
mod words;

use askama::Template;
use axum::{
    Router,
    extract::{RawQuery, State},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;
use trunkguard_core::policy::Mode;

use crate::{
    Answer, Problem,
    accounts::Deed,
    calls::{Call, Line},
    shell::{Form, Frame, Section, Shell, Visitor, read},
    texts::{self, fill, verdicts},
    updates,
};
use chart::Chart;

/// What the first page asks of the box.
pub trait Source: Send + Sync {
    /// How it stands.
    ///
    /// # Errors
    /// When the daemon does not answer.
    fn home(&self) -> Answer<Home>;

    /// Sets the mode, for calls and packets.
    ///
    /// # Errors
    /// When it cannot be stored or taken over; it is what it was then.
    fn set_mode(&self, mode: Mode) -> Answer<()>;
}

/// How the box stands.
#[derive(Clone, Debug)]
pub struct Home {
    /// What needs a look, a sentence each; nothing where all is well.
    pub problems: Vec<String>,
    /// The mode in force.
    pub mode: Mode,
    /// Calls of the last 24 hours, the hour that runs last; the office's hours.
    pub hours: Vec<Span>,
    /// Of the last 14 days, today last.
    pub days: Vec<Span>,
    /// The last calls, newest first.
    pub calls: Vec<Call>,
    /// Alerts that nobody has acknowledged, newest first; a few.
    pub alerts: Vec<Alert>,
    /// How many there are in all.
    pub open_alerts: u64,
    /// The firewall.
    pub firewall: Firewall,
    /// Points of presence worth showing: chosen ones, the nearest, those that are dead.
    pub pops: Vec<Pop>,
    /// The PBXs.
    pub pbxs: Vec<Pbx>,
    /// An update that is worth a line.
    pub update: Option<updates::News>,
}

/// Calls of an hour or a day.
#[derive(Clone, Debug, Default)]
pub struct Span {
    /// `14:00`, `11-26`.
    pub label: String,
    /// Went through, with the policy.
    pub approved: u64,
    /// Went through against it (Detect).
    pub would_refuse: u64,
    /// Did not go through.
    pub refused: u64,
    /// Packets that the firewall dropped, or would have.
    pub dropped: u64,
}

/// Something that needs a look.
#[derive(Clone, Debug)]
pub struct Alert {
    /// The name of a rule, or of what happened.
    pub kind: String,
    /// The PBX, where it is about calls of one.
    pub client: Option<String>,
    /// The extension; empty for none.
    pub caller: String,
    /// The first number, or a sentence.
    pub text: String,
    /// When it was last added to.
    pub at: String,
    /// How often.
    pub count: u64,
}

/// The firewall.
#[derive(Clone, Debug, Default)]
pub struct Firewall {
    /// Rules are loaded at all; not so with `--firewall dry-run`.
    pub loads: bool,
    /// `side`, `router` or `bridge`.
    pub topology: String,
    /// What was set is in force.
    pub in_force: bool,
    /// It drops, and does not only count.
    pub enforces: bool,
    /// Packets since the rules were loaded.
    pub dropped: u64,
    /// Addresses that are kept out.
    pub bans: usize,
    /// Datagrams from strangers, none of which got an answer.
    pub strangers: u64,
}

/// A point of presence of VoIP.ms.
#[derive(Clone, Debug)]
pub struct Pop {
    /// Its host name.
    pub name: String,
    /// Its city.
    pub city: String,
    /// Round trip of SIP OPTIONS in µs; `None` where it has not answered yet.
    pub round_trip_us: Option<u32>,
    /// Probes without an answer, in percent.
    pub loss_percent: u8,
    /// It has stopped answering.
    pub dead: bool,
    /// The owner has chosen it.
    pub chosen: bool,
    /// It answers best.
    pub recommended: bool,
}

/// A PBX.
#[derive(Clone, Debug)]
pub struct Pbx {
    /// The client's name.
    pub name: String,
    /// How it understands answers.
    pub profile: String,
    /// Seconds since it was last heard of.
    pub heard_s: Option<u64>,
    /// What it calls itself.
    pub agent: String,
}

/// Its addresses.
pub fn routes() -> Router<Shell> {
    Router::new()
        .route("/", get(home))
        .route("/mode", post(set_mode))
}

#[derive(Template)]
#[template(path = "home/home.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Home,
    c: &'static texts::Calls,
    said: String,
    sentence: String,
    hints: Vec<String>,
    update: Option<words::UpdateLine>,
    modes: Vec<Choice>,
    hours: Chart,
    days: Chart,
    drops: Option<Chart>,
    lines: Vec<Line>,
    alerts: Vec<words::AlertLine>,
    firewall: words::FirewallWords,
    pops: Vec<words::PopLine>,
    pbxs: Vec<words::PbxLine>,
    home: Home,
}

/// A mode to choose.
struct Choice {
    value: &'static str,
    text: &'static str,
    what: &'static str,
    chosen: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    said: String,
}

/// In forms, and as the command line calls them.
const MODES: [(Mode, &str); 3] = [
    (Mode::Detect, "detect"),
    (Mode::Prevent, "prevent"),
    (Mode::Lockdown, "lockdown"),
];

async fn home(
    State(shell): State<Shell>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let said: Said = read(query.as_deref().unwrap_or_default())?;
    let home = shell.ask(|parts| parts.home.home()).await?;
    let lang = visitor.look.lang;
    let (t, c) = (texts::Home::of(lang), texts::Calls::of(lang));
    let mode = verdicts::mode(lang, home.mode);
    Frame::show(&Page {
        frame: visitor.frame(Section::Home),
        said: match said.said.as_str() {
            "mode" => fill(t.mode_set, &[&mode]),
            _ => String::new(),
        },
        sentence: words::sentence(&home, lang),
        hints: words::hints(&home, t),
        update: (home.update.as_ref()).map(|news| words::UpdateLine::new(news, lang)),
        modes: MODES
            .map(|(of, value)| Choice {
                value,
                text: verdicts::mode(lang, of),
                what: words::what(of, t),
                chosen: of == home.mode,
            })
            .into(),
        hours: Chart::of_calls("hours", &home.hours, t.hours_title, t, c),
        days: Chart::of_calls("days", &home.days, t.days_title, t, c),
        drops: (home.firewall.loads).then(|| Chart::of_drops("drops", &home.hours, t)),
        lines: (home.calls.iter().cloned())
            .map(|call| Line::new(call, lang))
            .collect(),
        alerts: (home.alerts.iter())
            .map(|alert| words::AlertLine::new(alert, lang))
            .collect(),
        firewall: words::FirewallWords::new(&home.firewall, t),
        pops: (home.pops.iter())
            .map(|pop| words::PopLine::new(pop, t))
            .collect(),
        pbxs: (home.pbxs.iter())
            .map(|pbx| words::PbxLine::new(pbx, t))
            .collect(),
        t,
        c,
        home,
    })
}

#[derive(Deserialize)]
struct Wanted {
    mode: String,
}

async fn set_mode(State(shell): State<Shell>, form: Form<Wanted>) -> Answer<Response> {
    let wanted = MODES
        .into_iter()
        .find(|(_, name)| *name == form.fields.mode);
    let Some((mode, name)) = wanted else {
        return Err(Problem::Refused(
            "there is no such mode; choose one of the three".into(),
        ));
    };
    let (who, from) = (form.owner.session.name, form.owner.ends.peer);
    shell
        .ask(move |parts| {
            parts.home.set_mode(mode)?;
            parts.accounts.note(&Deed {
                who,
                from,
                what: "mode".into(),
                detail: name.into(),
            })
        })
        .await?;
    Ok(Redirect::to("/?said=mode").into_response())
}
