//! What the box does by itself, as a form.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use trunkguard_core::policy::{Automatic, Clock, Quiet, Update, UpdateUrl};

use super::act;
use crate::{
    Answer, Problem,
    shell::{self, Shell},
    texts,
};

/// The form as it is shown.
pub struct Form {
    /// What it was made from.
    pub was: String,
    /// Value, text, hint, chosen.
    pub automatic: Vec<(&'static str, &'static str, bool)>,
    /// Where updates come from; empty: where the image's maker says.
    pub url: String,
    /// Where he says.
    pub default_url: String,
    /// The hours.
    pub hours: (String, String),
}

impl Form {
    /// Of what is set.
    pub fn of(settings: &Update, maker: Option<&str>, t: &'static texts::Updates) -> Form {
        let all = [
            (Automatic::Install, t.automatic_install),
            (Automatic::Check, t.automatic_check),
            (Automatic::Off, t.automatic_off),
        ];
        Form {
            was: mark(settings),
            automatic: all
                .map(|(known, text)| (known.name(), text, known == settings.automatic))
                .into(),
            url: (settings.url.as_ref()).map_or_else(String::new, UpdateUrl::to_string),
            default_url: texts::plain(maker.unwrap_or_default(), 512),
            hours: (
                settings.hours.from.to_string(),
                settings.hours.to.to_string(),
            ),
        }
    }
}

/// What tells these settings from others.
fn mark(settings: &Update) -> String {
    let url = settings.url.as_ref().map_or("", UpdateUrl::as_str);
    let (automatic, hours) = (settings.automatic.name(), settings.hours);
    format!("{automatic} {} {} {url}", hours.from, hours.to)
}

#[derive(Deserialize)]
pub struct Fields {
    was: String,
    automatic: Automatic,
    #[serde(default)]
    url: String,
    from: String,
    to: String,
}

impl Fields {
    fn settings(&self) -> Result<Update, String> {
        Ok(Update {
            automatic: self.automatic,
            url: match self.url.trim() {
                "" => None,
                url => Some(UpdateUrl::parse(url)?),
            },
            hours: Quiet {
                from: Clock::parse(self.from.trim())?,
                to: Clock::parse(self.to.trim())?,
            },
        })
    }
}

/// `POST /updates/settings`
pub async fn change(State(shell): State<Shell>, form: shell::Form<Fields>) -> Answer<Response> {
    let shell::Form { owner, fields } = form;
    let settings = fields.settings().map_err(Problem::Refused)?;
    let detail = mark(&settings);
    shell
        .ask(move |parts| {
            let was = parts.updates.view()?.settings;
            if mark(&was) != fields.was {
                return Err(Problem::Refused(
                    "somebody else has changed these settings meanwhile; load the page again and look at them".into(),
                ));
            }
            parts.updates.set(&was, settings)
        })
        .await?;
    act::note(&shell, &owner, format!("settings {}", detail.trim())).await?;
    Ok(Redirect::to("/updates?done=set").into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::{Lang, Updates};

    #[test]
    fn what_is_shown_is_what_is_read() {
        let url = UpdateUrl::parse("https://example.com/box/").unwrap();
        let hours = Quiet {
            from: Clock::parse("23:30").unwrap(),
            to: Clock::parse("04:00").unwrap(),
        };
        for settings in [
            Update::default(),
            Update {
                automatic: Automatic::Check,
                url: Some(url),
                hours,
            },
        ] {
            let form = Form::of(&settings, None, Updates::of(Lang::Fr));
            let (automatic, ..) = form.automatic.iter().find(|(.., chosen)| *chosen).unwrap();
            let sent = format!(
                "was={}&automatic={automatic}&url={}&from={}&to={}",
                shell::urlencode(&form.was),
                shell::urlencode(&form.url),
                form.hours.0,
                form.hours.1
            );
            let fields: Fields = shell::read(&sent).unwrap();
            assert_eq!(fields.settings().unwrap(), settings);
            assert_eq!(fields.was, mark(&settings));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let typed = |url: &str, from: &str| Fields {
            was: String::new(),
            automatic: Automatic::Install,
            url: url.into(),
            from: from.into(),
            to: "05:00".into(),
        };
        let wrong = typed("http://example.com/", "02:00").settings();
        assert!(wrong.unwrap_err().contains("https://"));
        assert!(typed("", "25:00").settings().is_err());
        assert!(typed(" ", " 02:00 ").settings().is_ok());
    }
}
