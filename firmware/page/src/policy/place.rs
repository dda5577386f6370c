//! Where rules are written: for everybody, for a client, for a group, for a caller.

use trunkguard_core::policy::{Definition, Name, Rules, built_in_rules};

use super::tree;
use crate::{Answer, Problem, shell::urlencode};

/// A place, as an address of the page names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
pub struct Place {
    /// `client`, `group`, `caller`; anything else is everybody.
    pub of: String,
    /// The name of the client, group or caller.
    pub name: String,
    /// Of a group or caller, the client that it is bound to; empty for every client.
    pub client: String,
}

/// What a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Everybody,
    Client(usize),
    Group(usize),
    Caller(usize),
}

impl Place {
    pub fn client(name: &Name) -> Place {
        Place::of("client", name, None)
    }

    pub fn of(of: &str, name: &Name, client: Option<&Name>) -> Place {
        Place {
            of: of.into(),
            name: name.as_str().into(),
            client: client.map(|name| name.as_str().into()).unwrap_or_default(),
        }
    }

    /// As the query of an address.
    pub fn query(&self) -> String {
        let Place { of, name, client } = self;
        match of.as_str() {
            "client" | "group" | "caller" => format!(
                "of={of}&name={}&client={}",
                urlencode(name),
                urlencode(client)
            ),
            _ => String::new(),
        }
    }

    /// Where it is in a policy.
    ///
    /// # Errors
    /// [`Problem::NotFound`] when it is not (any more).
    pub fn find(&self, policy: &Definition) -> Answer<What> {
        let is = |name: &Name, client: Option<&Name>| {
            name.as_str() == self.name && client.map_or("", Name::as_str) == self.client
        };
        let found = match self.of.as_str() {
            "client" => policy
                .clients
                .iter()
                .position(|c| c.name.as_str() == self.name)
                .map(What::Client),
            "group" => policy
                .groups
                .iter()
                .position(|g| is(&g.name, g.client.as_ref()))
                .map(What::Group),
            "caller" => policy
                .callers
                .iter()
                .position(|c| is(&c.name, c.client.as_ref()))
                .map(What::Caller),
            _ => Some(What::Everybody),
        };
        found.ok_or(Problem::NotFound)
    }
}

/// The rules of a place.
pub fn rules(policy: &Definition, what: What) -> &Rules {
    match what {
        What::Everybody => &policy.policy,
        What::Client(at) => &policy.clients[at].policy,
        What::Group(at) => &policy.groups[at].policy,
        What::Caller(at) => &policy.callers[at].policy,
    }
}

/// The same, to be changed.
pub fn rules_mut(policy: &mut Definition, what: What) -> &mut Rules {
    match what {
        What::Everybody => &mut policy.policy,
        What::Client(at) => &mut policy.clients[at].policy,
        What::Group(at) => &mut policy.groups[at].policy,
        What::Caller(at) => &mut policy.callers[at].policy,
    }
}

/// What holds where a place says nothing: the wider places over each other, down to what is built in.
pub fn wider(policy: &Definition, what: What) -> Answer<Rules> {
    let client_named = |name: Option<&Name>| {
        let named = name.and_then(|name| policy.clients.iter().find(|client| client.name == *name));
        named.map(|client| &client.policy)
    };
    let mut chain = Vec::new();
    match what {
        What::Everybody => {}
        What::Client(_) => chain.push(&policy.policy),
        What::Group(at) => {
            chain.push(&policy.policy);
            chain.extend(client_named(policy.groups[at].client.as_ref()));
        }
        What::Caller(at) => {
            let caller = &policy.callers[at];
            chain.push(&policy.policy);
            chain.extend(client_named(caller.client.as_ref()));
            let holds = |group: &&trunkguard_core::policy::Group| {
                group.callers.contains(&caller.name)
                    && (group.client.is_none() || group.client == caller.client)
            };
            chain.extend(policy.groups.iter().find(holds).map(|group| &group.policy));
        }
    }
    let built_in = built_in_rules(&policy.settings);
    chain
        .into_iter()
        .try_fold(built_in, |wide, near| tree::over(near, &wide))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn office() -> Definition {
        serde_json::from_value(serde_json::json!({
            "policy": { "limits": { "per_day": 200 } },
            "client": [{ "name": "office", "addresses": ["192.168.1.10"], "policy": { "limits": { "per_hour": 9 } } }],
            "group": [{ "name": "lobby", "callers": ["2090"], "policy": { "allow": { "countries": ["US"] } } }],
            "caller": [{ "name": "2090", "client": "office" }, { "name": "2090" }],
        }))
        .unwrap()
    }

    #[test]
    fn a_place_is_found_by_its_names_and_knows_what_is_wider() {
        let office = office();
        let place = Place {
            of: "caller".into(),
            name: "2090".into(),
            client: "office".into(),
        };
        let what = place.find(&office).unwrap();
        assert_eq!(what, What::Caller(0));
        let wide = wider(&office, what).unwrap();
        assert_eq!(wide.limits.per_day, Some(200));
        assert_eq!(wide.limits.per_hour, Some(9), "of its client");
        assert_eq!(wide.limits.abroad.per_day, Some(10), "built in");
        assert_eq!(
            wide.allow.countries.map(|all| all.len()),
            Some(1),
            "of its group"
        );
        assert_eq!(place.query(), "of=caller&name=2090&client=office");
        assert_eq!(Place::default().find(&office).unwrap(), What::Everybody);
        let gone = Place {
            of: "group".into(),
            name: "x".into(),
            ..Place::default()
        };
        assert!(matches!(gone.find(&office), Err(Problem::NotFound)));
    }
}
