//! The list of calls: search, filter, pages.

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use serde::Deserialize;
use trunkguard_core::verdict::Rule;

use super::{Line, Query, Verdict};
use crate::{
    Answer,
    shell::{Frame, Section, Shell, Visitor, read, urlencode},
    texts::{self, verdicts},
};

/// Calls on a page.
const PAGE: u32 = 50;
/// A text that is looked for is at most this long.
const LONGEST: usize = 64;

/// What an address asks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    number: String,
    caller: String,
    client: String,
    rule: String,
    verdict: String,
    from: String,
    to: String,
    after: String,
}

impl Asked {
    /// Reads the query of an address; what cannot be looked for is left out.
    pub fn of(query: Option<&str>) -> Answer<Asked> {
        let mut asked: Asked = read(query.unwrap_or_default())?;
        for text in [
            &mut asked.number,
            &mut asked.caller,
            &mut asked.client,
            &mut asked.rule,
            &mut asked.verdict,
            &mut asked.from,
            &mut asked.to,
            &mut asked.after,
        ] {
            *text = texts::plain(text, LONGEST);
        }
        Ok(asked)
    }

    /// What the box is to look for.
    pub fn query(&self, limit: u32) -> Query {
        let rules = Rule::ALL.iter().copied();
        Query {
            // However people group digits.
            number: (self.number.chars())
                .filter(|c| !c.is_whitespace() && !"+-().".contains(*c))
                .collect(),
            caller: self.caller.clone(),
            client: self.client.clone(),
            rule: rules.into_iter().find(|rule| rule.name() == self.rule),
            verdict: (Verdict::ALL.into_iter()).find(|verdict| verdict.name() == self.verdict),
            from: self.from.clone(),
            to: self.to.clone(),
            after: self.after.clone(),
            limit,
        }
    }

    /// The same search as the query of an address, from another place on.
    fn address(&self, after: &str) -> String {
        let pairs = [
            ("number", self.number.as_str()),
            ("caller", &self.caller),
            ("client", &self.client),
            ("rule", &self.rule),
            ("verdict", &self.verdict),
            ("from", &self.from),
            ("to", &self.to),
            ("after", after),
        ];
        let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        let pairs: Vec<String> = pairs
            .map(|(key, value)| format!("{key}={}", urlencode(value)))
            .collect();
        pairs.join("&")
    }
}

/// An entry of a list to choose from.
struct Choice {
    value: String,
    text: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "calls/list.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Calls,
    asked: Asked,
    clients: Vec<Choice>,
    rules: Vec<Choice>,
    verdicts: Vec<Choice>,
    lines: Vec<Line>,
    next: Option<String>,
    csv: String,
    searched: bool,
}

/// The page.
pub async fn page(
    State(shell): State<Shell>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let asked = Asked::of(query.as_deref())?;
    let wanted = asked.query(PAGE);
    let listed = shell.ask(move |parts| parts.calls.calls(&wanted)).await?;
    let lang = visitor.look.lang;
    let t = texts::Calls::of(lang);
    let choice = |value: &str, text: &str, chosen: &str| Choice {
        value: value.to_owned(),
        text: text.to_owned(),
        chosen: value == chosen,
    };
    let rules = Rule::ALL.iter();
    let first = asked.after.is_empty();
    Frame::show(&Page {
        t,
        frame: visitor.frame(Section::Calls),
        clients: (listed.clients.iter())
            .map(|name| choice(name, name, &asked.client))
            .collect(),
        rules: rules
            .map(|&rule| choice(rule.name(), verdicts::rule(lang, rule), &asked.rule))
            .collect(),
        verdicts: (Verdict::ALL.into_iter())
            .map(|verdict| choice(verdict.name(), verdict.text(t), &asked.verdict))
            .collect(),
        lines: (listed.calls.into_iter())
            .map(|call| Line::new(call, lang))
            .collect(),
        next: (listed.next).map(|after| format!("/calls?{}", asked.address(&after))),
        csv: format!("/calls.csv?{}", asked.address("")),
        searched: !first || !asked.address("").is_empty(),
        asked,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_back_as_it_was_and_hostile_ones_are_cut() {
        let asked = Asked::of(Some(
            "number=%2B44+20-7183&caller=1001&rule=country&verdict=refused&client=a%26b&x=y",
        ))
        .unwrap();
        let query = asked.query(7);
        assert_eq!(query.number, "44207183");
        assert_eq!(query.rule, Some(Rule::Country));
        assert_eq!(query.verdict, Some(Verdict::Refused));
        let address = asked.address("1-2_");
        assert!(
            address.contains("client=a%26b") && address.ends_with("after=1-2_"),
            "{address}"
        );
        let again = Asked::of(Some(&asked.address(""))).unwrap();
        assert_eq!(again.query(7), query);
        let long = Asked::of(Some(&format!("caller={}", "9".repeat(10_000)))).unwrap();
        assert_eq!(long.caller.len(), LONGEST);
        assert_eq!(
            Asked::of(Some("rule=nonsense")).unwrap().query(1).rule,
            None
        );
    }
}
