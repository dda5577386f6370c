//! What is in force, what was dropped, who is banned.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use trunkguard_core::{
    bans::{Banned, Service},
    report::{Line, words},
};

use super::{Asked, View};
use crate::{
    Answer,
    shell::{Frame, Section, Shell, Visitor},
    texts::{self, Lang, fill},
};

/// Bans that are listed.
const LISTED: usize = 200;
/// Examples of who was dropped.
const EXAMPLES: usize = 3;

/// A word that says what just happened.
#[derive(serde::Deserialize)]
pub struct Said {
    #[serde(default)]
    pub said: String,
}

#[derive(Template)]
#[template(path = "firewall/overview.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Firewall,
    said: &'static str,
    state: &'static str,
    state_class: &'static str,
    topology: &'static str,
    counted: String,
    view: View,
    tables: Vec<Table>,
    bans: Vec<BanRow>,
    more_bans: usize,
    never: Vec<(String, &'static str)>,
}

/// Lines of the report that have one fate.
struct Table {
    title: &'static str,
    rows: Vec<Drop>,
}

/// What one rule has counted.
struct Drop {
    what: String,
    remedy: String,
    packets: u64,
    /// Of the greatest in the table, 0 to 100.
    share: u64,
    examples: Vec<String>,
}

struct BanRow {
    address: String,
    service: &'static str,
    left: String,
    reason: String,
    by_hand: bool,
    times: u32,
}

/// `GET /firewall`
pub async fn page(
    State(shell): State<Shell>,
    visitor: Visitor,
    Query(said): Query<Said>,
) -> Answer<Response> {
    let view = shell.ask(|parts| parts.firewall.firewall()).await?;
    let lang = visitor.look.lang;
    let t = texts::Firewall::of(lang);
    let (state, state_class) = match (view.driver.as_str(), view.in_force, view.enforces) {
        ("dry-run", ..) => (t.dry_run, "warn"),
        (_, false, _) => (t.not_in_force, "bad"),
        (_, true, true) => (t.in_force, "good"),
        (_, true, false) => (t.counts_only, "warn"),
    };
    Frame::show(&Page {
        frame: visitor.frame(Section::Firewall),
        t,
        said: match said.said.as_str() {
            "banned" => t.said_banned,
            "unbanned" => t.said_unbanned,
            _ => "",
        },
        state,
        state_class,
        topology: match view.topology.as_str() {
            "router" => t.router,
            "bridge" => t.bridge,
            _ => t.side,
        },
        counted: fill(
            if view.enforces {
                t.dropped
            } else {
                t.would_be_dropped
            },
            &[&view.dropped],
        ),
        tables: tables(&view, t, lang),
        bans: view
            .bans
            .iter()
            .take(LISTED)
            .map(|ban| row(ban, t))
            .collect(),
        more_bans: view.bans.len().saturating_sub(LISTED),
        never: view
            .never
            .iter()
            .map(|(network, what)| (network.clone(), t.never_what(what)))
            .collect(),
        view,
    })
}

fn tables(view: &View, t: &'static texts::Firewall, lang: Lang) -> Vec<Table> {
    let Some(report) = &view.report else {
        return Vec::new();
    };
    let decided = if view.enforces {
        t.table_dropped
    } else {
        t.table_would
    };
    [
        (decided, &report.decided),
        (t.table_always, &report.always),
        (t.table_passed, &report.passed),
    ]
    .into_iter()
    .filter(|(_, lines)| !lines.is_empty())
    .map(|(title, lines)| {
        let most = lines
            .iter()
            .map(|line| line.packets)
            .max()
            .unwrap_or(1)
            .max(1);
        Table {
            title,
            rows: lines.iter().map(|line| drop_of(line, most, lang)).collect(),
        }
    })
    .collect()
}

fn drop_of(line: &Line, most: u64, lang: Lang) -> Drop {
    let known = words(&line.rule);
    let (what, remedy) = match lang {
        Lang::Fr => texts::dropped_in_french(&line.rule).unwrap_or((known.what, known.remedy)),
        Lang::En => (known.what, known.remedy),
    };
    let name = match known.rule {
        "" => format!("{what} ({})", line.rule),
        _ => what.to_owned(),
    };
    let examples = line.most.iter().take(EXAMPLES);
    Drop {
        what: name,
        remedy: remedy.into(),
        packets: line.packets,
        share: (line.packets.saturating_mul(100) / most).clamp(1, 100),
        examples: examples.map(|talker| talker.describe()).collect(),
    }
}

fn row(ban: &Banned, t: &'static texts::Firewall) -> BanRow {
    BanRow {
        address: ban.address.to_string(),
        service: match ban.service {
            Service::Sip => t.from_sip,
            Service::Page => t.from_page,
        },
        left: span(t, ban.left_s),
        reason: ban.reason.clone(),
        by_hand: ban.by_hand,
        times: ban.times,
    }
}

/// A span of time in words.
pub fn span(t: &texts::Firewall, seconds: u32) -> String {
    match seconds {
        0..120 => fill(t.seconds, &[&seconds]),
        120..7_200 => fill(t.minutes, &[&(seconds / 60)]),
        7_200..172_800 => fill(t.hours, &[&(seconds / 3_600)]),
        _ => fill(t.days, &[&(seconds / 86_400)]),
    }
}

#[derive(Template)]
#[template(path = "firewall/ruleset.html")]
struct Rules {
    frame: Frame,
    t: &'static texts::Firewall,
    ruleset: String,
}

/// `GET /firewall/ruleset`
pub async fn ruleset(State(shell): State<Shell>, visitor: Visitor) -> Answer<Response> {
    let view = shell.ask(|parts| parts.firewall.firewall()).await?;
    Frame::show(&Rules {
        frame: visitor.frame(Section::Firewall),
        t: texts::Firewall::of(visitor.look.lang),
        ruleset: view.ruleset,
    })
}

impl Asked {
    /// The names that have the address.
    pub(super) fn names(&self) -> String {
        self.names.join(", ")
    }
}
