//! Which PBX asks: found by what it has sent, or told.

use std::net::IpAddr;

use askama::Template;
use axum::{extract::State, response::Response};
use serde::Deserialize;
use trunkguard_core::{
    number::Format,
    policy::{Client, Definition, Name, Network, Profile},
};

use super::{Stage, Step, change, on, stages_at};
use crate::{
    Answer, Problem,
    shell::{Form, Frame, Owner, Section, Shell},
    texts,
};

/// A machine of the office that has spoken SIP to the box and is no client.
#[derive(Clone, Debug)]
pub struct Speaker {
    /// From where.
    pub address: IpAddr,
    /// What it says it is; may be empty.
    pub agent: String,
    /// What it asked last: `OPTIONS`, `INVITE` …; empty where only a connection was seen.
    pub method: String,
    /// Seconds ago.
    pub heard_s: u64,
}

#[derive(Template)]
#[template(path = "welcome/pbx.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Welcome,
    stages: Vec<Stage>,
    speakers: Vec<Row>,
    why: String,
    name: String,
    address: String,
    profiles: Vec<Choice>,
    formats: Vec<Choice>,
}

struct Row {
    address: String,
    about: String,
    /// The only one there is is taken to be meant.
    chosen: bool,
}

struct Choice {
    word: &'static str,
    title: &'static str,
    chosen: bool,
}

pub async fn page(State(shell): State<Shell>, Owner(visitor): Owner) -> Answer<Response> {
    let t = texts::Welcome::of(visitor.look.lang);
    let stages = stages_at(&shell, &visitor, Step::Pbx).await?;
    let (policy, speakers, sip) = shell
        .ask(|parts| {
            let welcome = &parts.welcome;
            Ok((welcome.stored()?, welcome.speakers()?, welcome.sip()?))
        })
        .await?;
    let client = policy.clients.first();
    let only = client.is_none() && speakers.len() == 1;
    let profile = match (client, speakers.first()) {
        (Some(client), _) => client.profile,
        (None, Some(speaker)) => profile_of(&speaker.agent),
        (None, None) => Profile::default(),
    };
    let format = client.map_or(Format::default(), |client| client.number_format);
    let rows = speakers.iter().map(|speaker| Row {
        address: speaker.address.to_string(),
        about: texts::fill(
            t.speaker,
            &[
                &texts::plain(&speaker.method, 16),
                &speaker.heard_s,
                &texts::plain(&speaker.agent, 64),
            ],
        ),
        chosen: only,
    });
    Frame::show(&Page {
        stages,
        speakers: rows.collect(),
        why: texts::fill(t.pbx_why, &[&sip]),
        name: client.map_or("pbx".into(), |client| client.name.to_string()),
        address: client.map_or(String::new(), |client| {
            let all: Vec<String> = client.addresses.iter().map(ToString::to_string).collect();
            all.join(" ")
        }),
        profiles: [
            (Profile::Redirect, "redirect", t.redirect),
            (Profile::FreepbxTrunk, "freepbx-trunk", t.freepbx_trunk),
            (Profile::Failover, "failover", t.failover),
            (Profile::Freeswitch, "freeswitch", t.freeswitch),
            (Profile::TfpsCodes, "tfps-codes", t.tfps_codes),
        ]
        .map(|(kind, word, title)| Choice {
            word,
            title,
            chosen: kind == profile,
        })
        .into(),
        formats: [
            (Format::Dialled, "dialled", t.dialled),
            (Format::E164, "e164", t.e164),
            (Format::Seed2, "seed-2", t.seed_2),
        ]
        .map(|(kind, word, title)| Choice {
            word,
            title,
            chosen: kind == format,
        })
        .into(),
        frame: visitor.frame(Section::None),
        t,
    })
}

/// What a PBX of this name usually is.
fn profile_of(agent: &str) -> Profile {
    let agent = agent.to_ascii_lowercase();
    if agent.contains("fpbx") || agent.contains("freepbx") {
        Profile::FreepbxTrunk
    } else if agent.contains("freeswitch") {
        Profile::Freeswitch
    } else {
        Profile::Redirect
    }
}

#[derive(Deserialize)]
pub struct Fields {
    name: String,
    /// One that was heard.
    #[serde(default)]
    heard: String,
    /// Typed.
    #[serde(default)]
    address: String,
    profile: Profile,
    format: Format,
}

pub async fn save(State(shell): State<Shell>, form: Form<Fields>) -> Answer<Response> {
    let Form { owner, fields } = form;
    let t = texts::Welcome::of(owner.look.lang);
    change(&shell, &owner, "pbx", move |policy| put(policy, fields, t)).await?;
    on(&shell, Step::Pbx).await
}

/// The first client is the one that is meant; there are no others in a first run.
fn put(policy: &mut Definition, fields: Fields, t: &texts::Welcome) -> Answer<String> {
    let name = Name::parse(fields.name.trim()).map_err(Problem::Refused)?;
    let typed = match fields.heard.as_str() {
        "" => &fields.address,
        heard => heard,
    };
    let addresses = typed
        .split([' ', ','])
        .filter(|text| !text.is_empty())
        .map(Network::parse)
        .collect::<Result<Vec<_>, _>>()
        .map_err(Problem::Refused)?;
    if addresses.is_empty() {
        return Err(Problem::Refused(t.address_wanted.into()));
    }
    let detail = format!("{name} {typed}");
    match policy.clients.first_mut() {
        Some(client) => {
            let before = std::mem::replace(&mut client.name, name.clone());
            let of_groups = policy.groups.iter_mut().map(|group| &mut group.client);
            let of_callers = policy.callers.iter_mut().map(|caller| &mut caller.client);
            for of in of_groups.chain(of_callers) {
                if of.as_ref() == Some(&before) {
                    *of = Some(name.clone());
                }
            }
            client.addresses = addresses;
            client.profile = fields.profile;
            client.number_format = fields.format;
        }
        None => policy.clients.push(Client {
            name,
            addresses,
            profile: fields.profile,
            number_format: fields.format,
            outside_prefix: String::new(),
            prefix: Default::default(),
            deny_code: None,
            contact_host: Default::default(),
            retransmit: true,
            credentials: None,
            policy: Default::default(),
        }),
    }
    Ok(detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Lang;

    fn fields(heard: &str, address: &str) -> Fields {
        Fields {
            name: "pbx".into(),
            heard: heard.into(),
            address: address.into(),
            profile: Profile::Failover,
            format: Format::E164,
        }
    }

    #[test]
    fn what_was_heard_or_typed_becomes_the_client() {
        let t = texts::Welcome::of(Lang::En);
        let mut policy = Definition::default();
        assert!(put(&mut policy, fields("", " "), t).is_err());
        assert!(put(&mut policy, fields("", "nonsense"), t).is_err());
        assert_eq!(policy.clients.len(), 0);
        put(&mut policy, fields("10.0.0.5", "10.0.0.9"), t).unwrap();
        put(&mut policy, fields("", "10.0.0.6, 10.0.0.7"), t).unwrap();
        let [client] = &policy.clients[..] else {
            panic!("{:?}", policy.clients);
        };
        assert_eq!(client.addresses.len(), 2);
        assert_eq!(client.profile, Profile::Failover);
    }

    #[test]
    fn a_pbx_is_known_by_its_name() {
        assert_eq!(profile_of("FPBX-16.0.40(20.5.0)"), Profile::FreepbxTrunk);
        assert_eq!(profile_of("FreeSWITCH-mod_sofia/1.10"), Profile::Freeswitch);
        assert_eq!(profile_of("Asterisk PBX 16.28.0"), Profile::Redirect);
    }
}
