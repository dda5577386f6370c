//! What is in force, in plain words.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use trunkguard_core::policy::{Definition, Mode, Name, Rules};

use super::{
    place::{self, Place, What},
    words::{Row, Words},
};
use crate::{
    Answer,
    shell::{Frame, Section, Shell, Visitor},
    texts::{self, country, fill, verdicts},
};

/// Callers and groups that are listed on one page.
const LISTED: usize = 200;

#[derive(Template)]
#[template(path = "policy/overview.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Policy,
    said: &'static str,
    good: bool,
    mode: &'static str,
    mode_means: &'static str,
    country: String,
    time_zone: String,
    everybody: Vec<Row>,
    clients: Vec<Card>,
    groups: Vec<Card>,
    callers: Vec<Card>,
    more: usize,
    lists: Vec<(String, usize, String)>,
}

/// A client, group or caller.
struct Card {
    name: String,
    about: String,
    rows: Vec<Row>,
    query: String,
}

/// A word that says what just happened.
#[derive(serde::Deserialize)]
pub struct Said {
    #[serde(default)]
    said: String,
    /// From where on callers are listed.
    #[serde(default)]
    from: usize,
}

/// `GET /policy`
pub async fn page(
    State(shell): State<Shell>,
    visitor: Visitor,
    Query(said): Query<Said>,
) -> Answer<Response> {
    let now = shell.ask(|parts| parts.policy.in_force()).await?;
    let policy = &*now.policy;
    let words = Words::new(visitor.look.lang);
    let t = words.t;
    let mode_means = match policy.settings.mode {
        Mode::Detect => t.detect_means,
        Mode::Prevent => t.prevent_means,
        Mode::Lockdown => t.lockdown_means,
    };
    let cards = Cards { words, policy };
    let callers = policy.callers.len();
    Frame::show(&Page {
        frame: visitor.frame(Section::Policy),
        t,
        said: match said.said.as_str() {
            "same" => t.said_same,
            "force" => t.said_force,
            "start" => t.said_start,
            "dropped" => t.said_dropped,
            _ => "",
        },
        good: said.said == "force",
        mode: verdicts::mode(visitor.look.lang, policy.settings.mode),
        mode_means,
        country: country(policy.settings.country.as_str(), visitor.look.lang).into(),
        time_zone: policy.settings.time_zone.clone(),
        everybody: cards.rows(What::Everybody)?,
        clients: cards.clients(),
        groups: cards.groups(),
        callers: cards.callers(said.from),
        more: if callers > said.from.saturating_add(LISTED) {
            said.from + LISTED
        } else {
            0
        },
        lists: policy
            .lists
            .iter()
            .take(LISTED)
            .map(|list| {
                let query = Place::of("list", &list.name, None);
                (
                    list.name.to_string(),
                    list.numbers.len(),
                    crate::shell::urlencode(&query.name),
                )
            })
            .collect(),
    })
}

struct Cards<'a> {
    words: Words,
    policy: &'a Definition,
}

impl Cards<'_> {
    /// Everybody's rules with what is built in below; of others only their own.
    fn rows(&self, what: What) -> Answer<Vec<Row>> {
        let here = place::rules(self.policy, what);
        let all = super::tree::over(here, &place::wider(self.policy, what)?)?;
        Ok(self.words.rows(&all, here))
    }

    fn card(&self, place: &Place, about: String, rules: &Rules) -> Card {
        Card {
            name: place.name.clone(),
            about,
            rows: self.words.rows(rules, rules),
            query: place.query(),
        }
    }

    fn clients(&self) -> Vec<Card> {
        let clients = self.policy.clients.iter();
        clients
            .map(|client| {
                let about = self.words.list(Some(&client.addresses)).unwrap_or_default();
                self.card(&Place::client(&client.name), about, &client.policy)
            })
            .collect()
    }

    fn groups(&self) -> Vec<Card> {
        let groups = self.policy.groups.iter().take(LISTED);
        groups
            .map(|group| {
                let members = self.words.list(Some(&group.callers)).unwrap_or_default();
                let about = self.of_client(group.client.as_ref(), &members);
                self.card(
                    &Place::of("group", &group.name, group.client.as_ref()),
                    about,
                    &group.policy,
                )
            })
            .collect()
    }

    fn callers(&self, from: usize) -> Vec<Card> {
        let callers = self.policy.callers.iter().skip(from).take(LISTED);
        callers
            .map(|caller| {
                let about = self.of_client(caller.client.as_ref(), "");
                self.card(
                    &Place::of("caller", &caller.name, caller.client.as_ref()),
                    about,
                    &caller.policy,
                )
            })
            .collect()
    }

    fn of_client(&self, client: Option<&Name>, what: &str) -> String {
        let client = client.map(|name| fill(self.words.t.at_client, &[name]));
        [
            Some(what.to_owned()).filter(|what| !what.is_empty()),
            client,
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" · ")
    }
}
