//! Who is told: the channels, how they do, and a message to try them.

use askama::Template;
use axum::{extract::State, response::Response};
use serde::Deserialize;
use trunkguard_core::{
    alerts::{Kind, When, words},
    policy::{Alerts, Digest, Language, MAIL, MOST_WEBHOOKS, Security, Shape},
};

use super::{Channel, language};
use crate::{
    Answer,
    accounts::Deed,
    shell::{Form, Frame, Section, Shell, Visitor},
    texts,
    texts::fill,
};

/// A choice in a list.
struct Choice {
    value: &'static str,
    text: &'static str,
    chosen: bool,
}

/// A kind of incident with what becomes of it.
struct Row {
    kind: &'static str,
    title: &'static str,
    choices: Vec<Choice>,
}

/// A webhook's form; the last one is empty, for another.
struct Hook {
    name: String,
    host: String,
    signed: bool,
    shapes: Vec<Choice>,
}

/// A target and how it does.
struct Told {
    target: String,
    /// For its test button.
    channel: String,
    delivered: String,
    waiting: String,
    error: Option<String>,
}

/// The e-mail form.
struct MailForm {
    is_set: bool,
    server: String,
    port: String,
    securities: Vec<Choice>,
    username: String,
    from: String,
    to: String,
}

#[derive(Template)]
#[template(path = "alerts/channels.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Alerts,
    channels: Vec<Told>,
    name: String,
    languages: Vec<Choice>,
    digest: String,
    quiet: (String, String),
    mail: MailForm,
    hooks: Vec<Hook>,
    kinds: Vec<Row>,
}

pub async fn page(State(shell): State<Shell>, visitor: Visitor) -> Answer<Response> {
    let (settings, channels) = shell
        .ask(|parts| Ok((parts.alerts.settings()?, parts.alerts.channels()?)))
        .await?;
    let t = texts::Alerts::of(visitor.look.lang);
    let spoken = language(visitor.look.lang);
    let languages = [
        (Language::En, "en", "English"),
        (Language::Fr, "fr", "Français"),
    ];
    Frame::show(&Page {
        t,
        frame: visitor.frame(Section::Alerts),
        channels: channels
            .into_iter()
            .map(|channel| told(channel, t))
            .collect(),
        name: settings.name.to_string(),
        languages: choices(&languages, &settings.language),
        digest: match settings.digest {
            Digest::Off => String::new(),
            Digest::At(at) => at.to_string(),
        },
        quiet: settings.quiet.map_or_else(Default::default, |quiet| {
            (quiet.from.to_string(), quiet.to.to_string())
        }),
        mail: mail(&settings, t),
        hooks: hooks(&settings, t),
        kinds: Kind::all()
            .map(|kind| row(&settings, kind, spoken, t))
            .collect(),
    })
}

fn told(channel: Channel, t: &texts::Alerts) -> Told {
    let name = match channel.target.split_once(':') {
        Some((MAIL, _)) | None => MAIL,
        Some((_, name)) => name,
    };
    Told {
        channel: name.to_owned(),
        delivered: (channel.accepted.as_ref())
            .map_or_else(|| t.nothing_yet.to_owned(), |at| fill(t.delivered, &[at])),
        waiting: match channel.waiting {
            0 => String::new(),
            waiting => fill(t.waiting, &[&waiting]),
        },
        error: channel.error,
        target: channel.target,
    }
}

fn choices<T: PartialEq>(all: &[(T, &'static str, &'static str)], chosen: &T) -> Vec<Choice> {
    let choice = |(known, value, text): &(T, &'static str, &'static str)| Choice {
        value,
        text,
        chosen: known == chosen,
    };
    all.iter().map(choice).collect()
}

fn mail(settings: &Alerts, t: &texts::Alerts) -> MailForm {
    let mail = settings.mail.as_ref();
    let text = |of: Option<String>| of.unwrap_or_default();
    let securities = [
        (Security::Starttls, "starttls", t.starttls),
        (Security::Tls, "tls", t.tls),
        (Security::None, "none", t.plain),
    ];
    MailForm {
        is_set: mail.is_some(),
        server: text(mail.map(|m| m.server.to_string())),
        port: text(mail.and_then(|m| m.port).map(|port| port.to_string())),
        securities: choices(
            &securities,
            &mail.map_or(Security::Starttls, |m| m.security),
        ),
        username: text(
            mail.and_then(|m| m.username.as_ref())
                .map(ToString::to_string),
        ),
        from: text(mail.map(|m| m.from.to_string())),
        to: text(mail.map(|m| {
            let to: Vec<&str> = m.to.iter().map(|address| address.as_str()).collect();
            to.join("\n")
        })),
    }
}

fn hooks(settings: &Alerts, t: &texts::Alerts) -> Vec<Hook> {
    let shapes = |chosen: Shape| {
        let all = [
            (Shape::Json, "json", t.json),
            (Shape::Ntfy, "ntfy", "ntfy"),
            (Shape::Slack, "slack", "Slack, Mattermost"),
            (Shape::Teams, "teams", "Microsoft Teams"),
        ];
        choices(&all, &chosen)
    };
    let mut hooks: Vec<Hook> = (settings.webhooks.iter())
        .map(|webhook| Hook {
            name: webhook.name.to_string(),
            host: webhook.url.host().to_owned(),
            signed: webhook.secret.is_some(),
            shapes: shapes(webhook.shape),
        })
        .collect();
    if hooks.len() < MOST_WEBHOOKS {
        hooks.push(Hook {
            name: String::new(),
            host: String::new(),
            signed: false,
            shapes: shapes(Shape::Json),
        });
    }
    hooks
}

fn row(settings: &Alerts, kind: Kind, spoken: Language, t: &texts::Alerts) -> Row {
    let all = [
        (When::Urgent, When::Urgent.name(), t.when_urgent),
        (When::Now, When::Now.name(), t.when_now),
        (When::Digest, When::Digest.name(), t.when_digest),
        (When::Off, When::Off.name(), t.when_off),
    ];
    Row {
        kind: kind.name(),
        title: words(kind.name(), spoken).title,
        choices: choices(&all, &settings.when(kind.name())),
    }
}

#[derive(Deserialize)]
pub struct Which {
    /// `mail`, or the name of a webhook; all where it is missing.
    channel: Option<String>,
}

#[derive(Template)]
#[template(path = "alerts/tested.html")]
struct Tested {
    frame: Frame,
    t: &'static texts::Alerts,
    outcomes: Vec<(String, Option<String>)>,
}

pub async fn test(State(shell): State<Shell>, form: Form<Which>) -> Answer<Response> {
    let channel = form.fields.channel.filter(|name| !name.is_empty());
    let deed: Deed = super::deed(
        &form.owner.session.name,
        form.owner.ends.peer,
        "test message",
    );
    let outcomes = shell
        .ask(move |parts| {
            parts.accounts.note(&deed)?;
            parts.alerts.test(channel.as_deref())
        })
        .await?;
    Frame::show(&Tested {
        t: texts::Alerts::of(form.owner.look.lang),
        frame: form.owner.frame(Section::Alerts),
        outcomes,
    })
}
