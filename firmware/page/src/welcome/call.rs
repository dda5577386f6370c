//! A call that is tried: what the box has received, what it made of it, and what is wrong, step by step.

use std::time::{SystemTime, UNIX_EPOCH};

use askama::Template;
use axum::{
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use trunkguard_core::verdict::Rule;

use super::{Nothing, Stage, Step, on, stages_at};
use crate::{
    Answer,
    shell::{Form, Frame, Owner, Section, Shell},
    texts,
    texts::{Lang, fill, plain, verdicts},
};

/// What was heard of a client.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Seconds since it spoke last, whatever it said; `None`: never.
    pub spoke_s: Option<u64>,
    /// What it says it is.
    pub agent: String,
    /// Fields of `P-tfps` in its last call: 0 none, 5 all.
    pub said_fields: u8,
    /// Its call.
    pub call: Option<TestCall>,
}

/// A call, as it was decided.
#[derive(Clone, Debug)]
pub struct TestCall {
    /// The extension.
    pub caller: String,
    /// What the PBX sent.
    pub dialled: String,
    /// What that is: `+442071838750`; `None`: no number under the client's format.
    pub number: Option<String>,
    /// Its country.
    pub country: String,
    /// It went through.
    pub approved: bool,
    /// The policy was for it; differs in Detect.
    pub allowed: bool,
    /// The rule that decided.
    pub rule: Rule,
    /// The figure that was met and the one allowed.
    pub figures: Option<(u32, u32)>,
}

#[derive(Template)]
#[template(path = "welcome/call.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Welcome,
    stages: Vec<Stage>,
    client: String,
    why: String,
    marks: Vec<Mark>,
    /// Nothing has come yet: the page looks again by itself.
    waits: bool,
    again: String,
}

/// One thing that was looked at.
struct Mark {
    /// `good`, `bad`, `warn`, or empty while nothing has come.
    state: &'static str,
    said: String,
    hint: String,
}

/// Since when.
#[derive(Default, Deserialize)]
pub struct Asked {
    since: Option<i64>,
}

pub async fn page(
    State(shell): State<Shell>,
    Owner(visitor): Owner,
    Query(asked): Query<Asked>,
) -> Answer<Response> {
    let Some(since) = asked.since else {
        // The address holds when it began, so that looking again is looking for the same call.
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let ms = now.unwrap_or_default().as_millis();
        return Ok(Redirect::to(&format!("/welcome/call?since={ms}")).into_response());
    };
    let t = texts::Welcome::of(visitor.look.lang);
    let stages = stages_at(&shell, &visitor, Step::Call).await?;
    let (client, heard) = shell
        .ask(move |parts| {
            let policy = parts.welcome.stored()?;
            let Some(client) = policy.clients.first() else {
                return Ok((String::new(), Heard::default()));
            };
            let heard = parts.welcome.heard(client.name.as_str(), since)?;
            Ok((client.name.to_string(), heard))
        })
        .await?;
    Frame::show(&Page {
        frame: visitor.frame(Section::None),
        t,
        stages,
        waits: !client.is_empty() && heard.call.is_none(),
        marks: marks(&heard, visitor.look.lang),
        why: fill(t.call_why, &[&client]),
        client,
        again: format!("/welcome/call?since={since}"),
    })
}

fn marks(heard: &Heard, lang: Lang) -> Vec<Mark> {
    let t = texts::Welcome::of(lang);
    let mark = |state, said: String, hint: &str| Mark {
        state,
        said,
        hint: hint.to_owned(),
    };
    let mut all = vec![match heard.spoke_s {
        Some(s) => mark("good", fill(t.spoke, &[&s, &plain(&heard.agent, 64)]), ""),
        None => mark("", t.not_spoken.into(), t.not_spoken_hint),
    }];
    let Some(call) = &heard.call else {
        all.push(mark("", t.no_call.into(), t.no_call_hint));
        return all;
    };
    let (caller, dialled) = (plain(&call.caller, 64), plain(&call.dialled, 64));
    all.push(mark("good", fill(t.received, &[&dialled, &caller]), ""));
    all.push(match &call.number {
        Some(number) => mark("good", fill(t.understood, &[number, &call.country]), ""),
        None => mark("bad", t.not_understood.into(), t.not_understood_hint),
    });
    let (state, verdict) = match (call.approved, call.allowed) {
        (true, true) => ("good", t.approved),
        (true, false) => ("warn", t.would_refuse),
        (false, _) => ("warn", t.refused),
    };
    all.push(mark(state, verdict.into(), &why(call, lang)));
    all.push(match heard.said_fields {
        5 => mark("good", t.said_all.into(), ""),
        0 => mark("warn", t.said_none.into(), t.said_none_hint),
        some => mark("bad", fill(t.said_some, &[&some]), t.said_some_hint),
    });
    all
}

/// The rule, and what would have to change where it was against the call.
fn why(call: &TestCall, lang: Lang) -> String {
    let reason = verdicts::reason(lang, call.rule, call.figures);
    match verdicts::remedy(lang, call.rule).filter(|_| !call.allowed) {
        Some(remedy) => format!("{reason}. {remedy}."),
        None => reason,
    }
}

/// The first run is over.
pub async fn done(State(shell): State<Shell>, _: Form<Nothing>) -> Answer<Response> {
    on(&shell, Step::Call).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(heard: &Heard) -> Vec<&'static str> {
        let marks = marks(heard, Lang::Fr);
        marks.iter().map(|mark| mark.state).collect()
    }

    #[test]
    fn each_thing_that_can_be_wrong_is_told() {
        assert_eq!(states(&Heard::default()), ["", ""]);
        let call = TestCall {
            caller: "1001".into(),
            dialled: "011442071838750".into(),
            number: Some("+442071838750".into()),
            country: "GB".into(),
            approved: true,
            allowed: true,
            rule: Rule::Country,
            figures: None,
        };
        let heard = Heard {
            spoke_s: Some(2),
            agent: "Asterisk".into(),
            said_fields: 5,
            call: Some(call.clone()),
        };
        assert_eq!(states(&heard), ["good"; 5]);
        let wrong = Heard {
            said_fields: 1,
            call: Some(TestCall {
                number: None,
                allowed: false,
                ..call
            }),
            ..heard
        };
        assert_eq!(states(&wrong), ["good", "good", "bad", "warn", "bad"]);
    }
}
