//! Changes of who is told what. A secret that is left empty stays what it is; none is ever sent to a browser.

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use serde::Deserialize;
use trunkguard_core::{
    alerts::{Kind, When},
    policy::{
        Alerts, Clock, Digest, Host, Language, Mail, MailAddress, Name, Quiet, Secret, Security,
        Shape, Webhook, WebhookUrl,
    },
};

use super::noted;
use crate::{
    Answer, Problem,
    shell::{Form, Shell, Visitor},
};

const CHANNELS: &str = "/alerts/channels";

/// Reads the settings, changes them, and stores them.
async fn change(
    shell: &Shell,
    by: &Visitor,
    detail: &'static str,
    change: impl FnOnce(&mut Alerts) -> Answer<()> + Send + 'static,
) -> Answer<Response> {
    shell
        .ask(move |parts| {
            let mut settings = parts.alerts.settings()?;
            change(&mut settings)?;
            parts.alerts.set(settings)
        })
        .await?;
    noted(shell, by, detail, CHANNELS).await
}

/// A field that is wrong, in the words of the value that refuses it.
fn read<T>(parse: Result<T, String>) -> Answer<T> {
    parse.map_err(Problem::Refused)
}

#[derive(Deserialize)]
pub struct General {
    name: String,
    language: Language,
    digest: String,
    from: String,
    to: String,
}

pub async fn general(State(shell): State<Shell>, form: Form<General>) -> Answer<Response> {
    let General {
        name,
        language,
        digest,
        from,
        to,
    } = form.fields;
    change(&shell, &form.owner, "general settings", move |settings| {
        settings.name = read(Name::parse(name.trim()))?;
        settings.language = language;
        settings.digest = match digest.trim() {
            "" => Digest::Off,
            at => read(Digest::parse(at))?,
        };
        settings.quiet = match (from.trim(), to.trim()) {
            ("", "") => None,
            (from, to) => Some(Quiet {
                from: read(Clock::parse(from))?,
                to: read(Clock::parse(to))?,
            }),
        };
        Ok(())
    })
    .await
}

pub async fn kinds(
    State(shell): State<Shell>,
    form: Form<BTreeMap<String, String>>,
) -> Answer<Response> {
    let fields = form.fields;
    change(&shell, &form.owner, "kinds", move |settings| {
        for kind in Kind::all() {
            let Some(chosen) = fields.get(kind.name()) else {
                continue;
            };
            let all = [When::Urgent, When::Now, When::Digest, When::Off];
            let when = all.into_iter().find(|when| when.name() == chosen);
            let when = when.ok_or_else(|| {
                Problem::Refused(format!("`{}` is no choice", chosen.escape_debug()))
            })?;
            if when == kind.default_when() {
                settings.kinds.remove(&kind);
            } else {
                settings.kinds.insert(kind, when);
            }
        }
        Ok(())
    })
    .await
}

#[derive(Deserialize)]
pub struct MailFields {
    #[serde(default)]
    remove: bool,
    server: String,
    port: String,
    security: Security,
    username: String,
    password: String,
    from: String,
    to: String,
}

pub async fn mail(State(shell): State<Shell>, form: Form<MailFields>) -> Answer<Response> {
    let fields = form.fields;
    change(&shell, &form.owner, "e-mail", move |settings| {
        settings.mail = match fields.remove {
            true => None,
            false => Some(fields.mail(settings.mail.as_ref())?),
        };
        Ok(())
    })
    .await
}

impl MailFields {
    fn mail(&self, before: Option<&Mail>) -> Answer<Mail> {
        let port = match self.port.trim() {
            "" => None,
            port => Some(
                port.parse()
                    .map_err(|_| Problem::Refused("a port is 1 to 65535".into()))?,
            ),
        };
        let to = self.to.split([',', ';', '\n', '\r', ' ']).map(str::trim);
        let to = to
            .filter(|address| !address.is_empty())
            .map(MailAddress::parse);
        let mut mail = Mail {
            server: read(Host::parse(self.server.trim()))?,
            port,
            security: self.security,
            username: None,
            password: None,
            from: read(MailAddress::parse(self.from.trim()))?,
            to: read(to.collect())?,
        };
        if !self.username.trim().is_empty() {
            mail.username = Some(read(Name::parse(self.username.trim()))?);
            mail.password = Some(match self.password.as_str() {
                "" => kept(&mail, before)?,
                new => read(Secret::parse(new))?,
            });
        }
        Ok(mail)
    }
}

/// The password that is stored. It goes to the server that it was typed for and to no other: who may change
/// settings is not to learn it by having it sent elsewhere.
fn kept(mail: &Mail, before: Option<&Mail>) -> Answer<Secret> {
    let same = before.filter(|before| {
        (
            &before.server,
            before.port(),
            before.security,
            &before.username,
        ) == (&mail.server, mail.port(), mail.security, &mail.username)
    });
    same.and_then(|before| before.password.clone()).ok_or_else(|| {
        Problem::Refused("type the password again: it is kept only for the server and the user that it was typed for".into())
    })
}

#[derive(Deserialize)]
pub struct HookFields {
    #[serde(default)]
    remove: bool,
    /// The name that it had; empty for a new one.
    old: String,
    name: String,
    url: String,
    shape: Shape,
    secret: String,
    #[serde(default)]
    unsigned: bool,
}

pub async fn webhook(State(shell): State<Shell>, form: Form<HookFields>) -> Answer<Response> {
    let fields = form.fields;
    change(&shell, &form.owner, "webhook", move |settings| {
        fields.apply(settings)
    })
    .await
}

impl HookFields {
    fn apply(&self, settings: &mut Alerts) -> Answer<()> {
        let at = settings
            .webhooks
            .iter()
            .position(|webhook| webhook.name.as_str() == self.old);
        if at.is_none() && !self.old.is_empty() {
            return Err(Problem::NotFound);
        }
        if self.remove {
            if let Some(at) = at {
                settings.webhooks.remove(at);
            }
            return Ok(());
        }
        let before = at.map(|at| settings.webhooks[at].clone());
        let url = match (self.url.trim(), &before) {
            ("", Some(before)) => before.url.clone(),
            (url, _) => read(WebhookUrl::parse(url))?,
        };
        let secret = match (self.secret.as_str(), before) {
            _ if self.unsigned => None,
            ("", before) => before.and_then(|before| before.secret),
            (new, _) => Some(read(Secret::parse(new))?),
        };
        let webhook = Webhook {
            name: read(Name::parse(self.name.trim()))?,
            url,
            shape: self.shape,
            secret,
        };
        match at {
            Some(at) => settings.webhooks[at] = webhook,
            None => settings.webhooks.push(webhook),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> MailFields {
        crate::shell::read(text).unwrap()
    }

    const FORM: &str = "server=smtp.example.com&port=&security=starttls&username=box&from=box%40example.com&to=a%40b.c%0D%0Ad%40e.f";

    #[test]
    fn a_password_stays_with_its_server() {
        let first = typed(&format!("{FORM}&password=correct+horse"))
            .mail(None)
            .unwrap();
        assert_eq!(first.to.len(), 2);
        let again = typed(&format!("{FORM}&password="))
            .mail(Some(&first))
            .unwrap();
        assert_eq!(again, first);
        for (from, to) in [
            ("smtp.example.com", "evil.example"),
            ("port=", "port=2525"),
            ("starttls", "tls"),
            ("username=box", "username=other"),
        ] {
            let elsewhere = FORM.replace(from, to);
            let refused = typed(&format!("{elsewhere}&password=")).mail(Some(&first));
            assert!(matches!(refused, Err(Problem::Refused(_))), "{elsewhere}");
        }
        let none = typed(&format!(
            "{}&password=",
            FORM.replace("username=box", "username=")
        ))
        .mail(Some(&first));
        assert_eq!(none.unwrap().password, None);
    }

    #[test]
    fn webhooks_are_added_changed_and_removed() {
        let mut settings = Alerts::default();
        let mut apply = |text: &str| {
            crate::shell::read::<HookFields>(text)
                .unwrap()
                .apply(&mut settings)
        };
        apply("old=&name=chat&url=https%3A%2F%2Fa.b%2Fsecret&shape=slack&secret=12345678").unwrap();
        apply("old=chat&name=team&url=&shape=teams&secret=").unwrap();
        assert!(apply("old=chat&name=x&url=&shape=json&secret=").is_err());
        assert!(apply("old=&name=x&url=&shape=json&secret=").is_err());
        let hook = &settings.webhooks[0];
        assert_eq!((hook.name.as_str(), hook.shape), ("team", Shape::Teams));
        assert_eq!(hook.url.reveal(), "https://a.b/secret");
        assert_eq!(hook.secret.as_ref().map(Secret::reveal), Some("12345678"));
        let mut apply = |text: &str| {
            crate::shell::read::<HookFields>(text)
                .unwrap()
                .apply(&mut settings)
        };
        apply("old=team&name=team&url=&shape=teams&secret=&unsigned=true").unwrap();
        apply("old=team&name=&url=&shape=teams&secret=&remove=true").unwrap();
        assert!(settings.webhooks.is_empty());
    }
}
