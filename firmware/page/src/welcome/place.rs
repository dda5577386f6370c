//! Where the office is.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::Response,
};
use serde::Deserialize;
use trunkguard_core::policy::{CountryCode, Definition};

use super::{Stage, Step, change, on, stages_at};
use crate::{
    Answer, Problem,
    shell::{Form, Frame, Owner, Section, Shell},
    texts,
    texts::countries,
};

#[derive(Template)]
#[template(path = "welcome/place.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Welcome,
    stages: Vec<Stage>,
    zones: Vec<String>,
    zone: String,
    countries: Vec<(&'static str, &'static str)>,
    country: String,
    area_code: String,
}

pub async fn page(
    State(shell): State<Shell>,
    Owner(visitor): Owner,
    headers: HeaderMap,
) -> Answer<Response> {
    let stages = stages_at(&shell, &visitor, Step::Place).await?;
    let (policy, zones) = shell
        .ask(|parts| Ok((parts.welcome.stored()?, parts.welcome.zones())))
        .await?;
    let is_new = stages.iter().any(|stage| stage.here && !stage.done);
    let (country, zone) = guess(&policy, &headers, is_new);
    Frame::show(&Page {
        frame: visitor.frame(Section::None),
        t: texts::Welcome::of(visitor.look.lang),
        stages,
        zones,
        zone,
        countries: countries(visitor.look.lang),
        country,
        area_code: (policy.settings.area_code).map_or(String::new(), |code| code.to_string()),
    })
}

/// What is set, or what the browser's languages say of where it is (`fr-CA`), while nobody has said anything.
fn guess(policy: &Definition, headers: &HeaderMap, is_new: bool) -> (String, String) {
    let settings = &policy.settings;
    let set = (settings.country.to_string(), settings.time_zone.clone());
    if !is_new || settings.area_code.is_some() {
        return set;
    }
    let languages = headers.get(header::ACCEPT_LANGUAGE);
    let region = languages
        .and_then(|value| value.to_str().ok())
        .and_then(|list| list.split(['-', ',', ';']).nth(1))
        .filter(|region| region.len() == 2 && region.bytes().all(|b| b.is_ascii_uppercase()));
    match region {
        Some("CA") => ("CA".into(), "America/Toronto".into()),
        Some(region) if CountryCode::parse(region).is_ok() => (region.to_owned(), set.1),
        _ => set,
    }
}

#[derive(Deserialize)]
pub struct Fields {
    zone: String,
    country: String,
    #[serde(default)]
    area_code: String,
}

pub async fn save(State(shell): State<Shell>, form: Form<Fields>) -> Answer<Response> {
    let Form { owner, fields } = form;
    let t = texts::Welcome::of(owner.look.lang);
    let country = CountryCode::parse(&fields.country).map_err(Problem::Refused)?;
    let area_code = match fields.area_code.trim() {
        "" => None,
        code => Some(
            code.parse::<u16>()
                .ok()
                .filter(|code| (200..=999).contains(code))
                .ok_or_else(|| Problem::Refused(t.area_code_wrong.into()))?,
        ),
    };
    change(&shell, &owner, "place", move |policy| {
        let zone = fields.zone.trim();
        policy.settings.time_zone = texts::plain(zone, 64);
        policy.settings.country = country;
        policy.settings.area_code = area_code;
        Ok(format!("{zone} {country}"))
    })
    .await?;
    on(&shell, Step::Place).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_tells_the_country_until_somebody_does() {
        let policy = Definition::default();
        let guess = |list: &str, is_new| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, list.parse().unwrap());
            super::guess(&policy, &headers, is_new)
        };
        assert_eq!(
            guess("fr-CA,fr;q=0.9", true),
            ("CA".into(), "America/Toronto".into())
        );
        assert_eq!(guess("en-GB", true).0, "GB");
        assert_eq!(guess("en-ZZ", true).0, "US");
        assert_eq!(guess("en", true).0, "US");
        assert_eq!(guess("fr-CA", false).0, "US");
    }
}
