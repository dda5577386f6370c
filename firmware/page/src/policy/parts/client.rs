//! A PBX that asks.

use serde::{Serialize, de::DeserializeOwned};
use trunkguard_core::policy::{
    Client, ContactHost, Credentials, Definition, Name, Network, Secret, TagPrefix,
};

use super::{Field, Input, Part, Target, Wrong, field, words, wrong};
use crate::texts;

/// Ways to understand answers (docs/pbx.md), by their names in the policy.
const PROFILES: [&str; 5] = [
    "redirect",
    "failover",
    "freepbx-trunk",
    "freeswitch",
    "tfps-codes",
];
const FORMATS: [&str; 3] = ["dialled", "e164", "seed-2"];
const DENY_CODES: [&str; 8] = ["603", "486", "600", "403", "480", "488", "607", "608"];

/// What the form sends.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Fields {
    new_name: String,
    addresses: String,
    profile: String,
    number_format: String,
    outside_prefix: String,
    prefix: String,
    deny_code: String,
    contact_host: String,
    retransmit: String,
    username: String,
    password: String,
}

/// A small value as the policy file writes it.
fn text(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

impl Fields {
    fn of_client(client: &Client) -> Fields {
        let addresses: Vec<String> = client.addresses.iter().map(ToString::to_string).collect();
        Fields {
            new_name: client.name.to_string(),
            addresses: addresses.join("\n"),
            profile: text(&client.profile),
            number_format: text(&client.number_format),
            outside_prefix: client.outside_prefix.clone(),
            prefix: client.prefix.to_string(),
            deny_code: client
                .deny_code
                .map(|code| code.status().to_string())
                .unwrap_or_default(),
            contact_host: client.contact_host.to_string(),
            retransmit: if client.retransmit {
                "yes".into()
            } else {
                String::new()
            },
            username: client
                .credentials
                .as_ref()
                .map(|c| c.username.to_string())
                .unwrap_or_default(),
            password: String::new(),
        }
    }

    /// The client that the form means; rules and a password that was not typed are `before`'s.
    fn read(&self, before: Option<&Client>) -> Result<Client, Vec<Wrong>> {
        let mut all = Vec::new();
        let mut take = |key: &str, message: String| all.push(wrong(key, message));
        let name = Name::parse(self.new_name.trim())
            .map_err(|m| take("name", m))
            .ok();
        let addresses: Vec<Network> = words(&self.addresses)
            .filter_map(|word| Network::parse(word).map_err(|m| take("addresses", m)).ok())
            .collect();
        let profile = chosen(&self.profile).map_err(|m| take("profile", m)).ok();
        let number_format = chosen(&self.number_format)
            .map_err(|m| take("number_format", m))
            .ok();
        let prefix = TagPrefix::parse(self.prefix.trim())
            .map_err(|m| take("prefix", m))
            .ok();
        let contact_host = ContactHost::parse(self.contact_host.trim())
            .map_err(|m| take("contact_host", m))
            .ok();
        let deny_code = match self.deny_code.as_str() {
            "" => Some(None),
            code => code
                .parse::<u16>()
                .map_err(|_| "not a status".to_owned())
                .and_then(TryInto::try_into)
                .map_err(|m| take("deny_code", m))
                .map(Some)
                .ok(),
        };
        let credentials = self
            .credentials(before)
            .map_err(|m| take("credentials", m))
            .ok();
        let client = || {
            Some(Client {
                name: name?,
                addresses,
                profile: profile?,
                number_format: number_format?,
                outside_prefix: self.outside_prefix.trim().into(),
                prefix: prefix?,
                deny_code: deny_code?,
                contact_host: contact_host?,
                retransmit: !self.retransmit.is_empty(),
                credentials: credentials?,
                policy: before
                    .map(|client| client.policy.clone())
                    .unwrap_or_default(),
            })
        };
        match client() {
            Some(client) if all.is_empty() => Ok(client),
            _ => Err(all),
        }
    }

    fn credentials(&self, before: Option<&Client>) -> Result<Option<Credentials>, String> {
        if self.username.is_empty() {
            return Ok(None);
        }
        let kept = before.and_then(|client| client.credentials.as_ref());
        let password = match (self.password.as_str(), kept) {
            ("", Some(kept)) => kept.password.clone(),
            (typed, _) => Secret::parse(typed)?,
        };
        Ok(Some(Credentials {
            username: Name::parse(&self.username)?,
            password,
        }))
    }
}

fn chosen<T: DeserializeOwned>(name: &str) -> Result<T, String> {
    serde_json::from_value(name.into())
        .map_err(|_| format!("`{}` is not one of the choices", name.escape_debug()))
}

impl Part for Fields {
    const NAME: &'static str = "client";

    fn new() -> Fields {
        Fields {
            profile: "redirect".into(),
            number_format: "dialled".into(),
            prefix: TagPrefix::default().to_string(),
            contact_host: ContactHost::Via.to_string(),
            retransmit: "yes".into(),
            ..Fields::default()
        }
    }

    fn of(policy: &Definition, target: &Target) -> Option<Fields> {
        let mut clients = policy.clients.iter();
        clients
            .find(|client| client.name.as_str() == target.name)
            .map(Fields::of_client)
    }

    fn titles(t: &'static texts::Policy) -> (&'static str, &'static str) {
        (t.new_client, t.the_client)
    }

    fn named(&self) -> &str {
        &self.new_name
    }

    fn fields(&self, _: &Definition, t: &'static texts::Policy) -> Vec<Field> {
        let select = |names: &[&str], chosen: &str, text: &dyn Fn(&str) -> String| {
            let choice = |name: &&str| ((*name).to_owned(), text(name), *name == chosen);
            Input::Select(names.iter().map(choice).collect())
        };
        let codes: Vec<&str> = std::iter::once("").chain(DENY_CODES).collect();
        vec![
            field(
                "new_name",
                t.name,
                t.client_name_hint,
                Input::Text(self.new_name.clone(), 64),
            ),
            field(
                "addresses",
                t.addresses,
                t.addresses_hint,
                Input::Lines(self.addresses.clone()),
            ),
            field(
                "profile",
                t.profile,
                t.profile_hint,
                select(&PROFILES, &self.profile, &|name| {
                    t.profile_text(name).into()
                }),
            ),
            field(
                "number_format",
                t.number_format,
                t.number_format_hint,
                select(&FORMATS, &self.number_format, &|name| {
                    t.format_text(name).into()
                }),
            ),
            field(
                "outside_prefix",
                t.outside_prefix,
                t.outside_prefix_hint,
                Input::Text(self.outside_prefix.clone(), 4),
            ),
            field(
                "prefix",
                t.prefix,
                t.prefix_hint,
                Input::Text(self.prefix.clone(), 3),
            ),
            field(
                "deny_code",
                t.deny_code,
                t.deny_code_hint,
                select(&codes, &self.deny_code, &|code| match code {
                    "" => t.by_profile.into(),
                    code => code.into(),
                }),
            ),
            field(
                "contact_host",
                t.contact_host,
                t.contact_host_hint,
                Input::Text(self.contact_host.clone(), 64),
            ),
            field(
                "retransmit",
                t.retransmit,
                t.retransmit_hint,
                Input::Check(!self.retransmit.is_empty()),
            ),
            field(
                "username",
                t.username,
                t.username_hint,
                Input::Text(self.username.clone(), 64),
            ),
            field("password", t.password, t.password_hint, Input::Password),
        ]
    }

    fn edit(&self, policy: &mut Definition, target: &Target) -> Result<(), Vec<Wrong>> {
        let at = policy
            .clients
            .iter()
            .position(|client| client.name.as_str() == target.name);
        let client = self.read(at.map(|at| &policy.clients[at]))?;
        let Some(at) = at else {
            if !target.is_new() {
                return Err(vec![wrong(
                    "client",
                    "this client was removed meanwhile".into(),
                )]);
            }
            policy.clients.push(client);
            return Ok(());
        };
        let old = std::mem::replace(&mut policy.clients[at], client);
        let new = policy.clients[at].name.clone();
        // Who was bound to it is bound to it under its new name.
        let groups = policy.groups.iter_mut().map(|group| &mut group.client);
        let callers = policy.callers.iter_mut().map(|caller| &mut caller.client);
        for bound in groups
            .chain(callers)
            .filter(|bound| bound.as_ref() == Some(&old.name))
        {
            *bound = Some(new.clone());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn office() -> Definition {
        serde_json::from_value(serde_json::json!({
            "client": [{ "name": "office", "addresses": ["192.168.1.10"], "deny_code": 486,
                "credentials": { "username": "pbx", "password": "very secret" }, "policy": { "limits": { "per_day": 3 } } }],
            "group": [{ "name": "lobby", "client": "office", "callers": ["2090"] }],
        }))
        .unwrap()
    }

    #[test]
    fn a_form_that_was_not_touched_changes_nothing() {
        let mut policy = office();
        let target = Target {
            name: "office".into(),
            ..Target::default()
        };
        let fields = Fields::of_client(&policy.clients[0]);
        assert!(fields.password.is_empty(), "no secret is shown");
        fields.edit(&mut policy, &target).unwrap();
        assert_eq!(policy, office());
    }

    #[test]
    fn a_new_name_goes_to_who_is_bound_to_it() {
        let mut policy = office();
        let target = Target {
            name: "office".into(),
            ..Target::default()
        };
        let mut fields = Fields::of_client(&policy.clients[0]);
        fields.new_name = "head office".into();
        fields.username = String::new();
        fields.edit(&mut policy, &target).unwrap();
        assert_eq!(policy.clients[0].name.as_str(), "head office");
        assert_eq!(policy.clients[0].credentials, None);
        assert_eq!(policy.clients[0].policy, office().clients[0].policy);
        assert_eq!(
            policy.groups[0].client.as_ref().unwrap().as_str(),
            "head office"
        );
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let fields = Fields {
            new_name: String::new(),
            addresses: "192.168.1.300 10.0.0.1".into(),
            profile: "magic".into(),
            deny_code: "503".into(),
            username: "x".into(),
            ..Fields::new()
        };
        let keys: Vec<String> = fields
            .read(None)
            .unwrap_err()
            .into_iter()
            .map(|wrong| wrong.key)
            .collect();
        assert_eq!(
            keys,
            ["name", "addresses", "profile", "deny_code", "credentials"]
        );
    }
}
