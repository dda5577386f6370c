//! An extension with rules of its own.

use trunkguard_core::policy::{Caller, Definition, Name};

use super::{Field, Input, Part, Target, Wrong, client_name, field, of_client, wrong};
use crate::texts;

/// What the form sends.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Fields {
    new_name: String,
    client: String,
}

impl Part for Fields {
    const NAME: &'static str = "caller";

    fn new() -> Fields {
        Fields::default()
    }

    fn of(policy: &Definition, target: &Target) -> Option<Fields> {
        let mut callers = policy.callers.iter();
        callers.find(|caller| target.is(&caller.name, caller.client.as_ref()))?;
        Some(Fields {
            new_name: target.name.clone(),
            client: target.client.clone(),
        })
    }

    fn titles(t: &'static texts::Policy) -> (&'static str, &'static str) {
        (t.new_caller, t.the_caller)
    }

    fn named(&self) -> &str {
        &self.new_name
    }

    fn fields(&self, policy: &Definition, t: &'static texts::Policy) -> Vec<Field> {
        let name = Input::Text(self.new_name.clone(), 32);
        vec![
            field("new_name", t.extension, t.extension_hint, name),
            of_client(policy, t, &self.client),
        ]
    }

    fn edit(&self, policy: &mut Definition, target: &Target) -> Result<(), Vec<Wrong>> {
        let name = Name::parse(self.new_name.trim()).map_err(|m| vec![wrong("name", m)])?;
        let client = client_name(&self.client).map_err(|wrong| vec![wrong])?;
        let found = policy
            .callers
            .iter_mut()
            .find(|caller| target.is(&caller.name, caller.client.as_ref()));
        match (target.is_new(), found) {
            (true, _) => policy.callers.push(Caller {
                name,
                client,
                policy: Default::default(),
            }),
            (false, None) => {
                let gone = "this extension was removed meanwhile".into();
                return Err(vec![wrong("caller", gone)]);
            }
            (false, Some(caller)) => {
                caller.name = name;
                caller.client = client;
            }
        }
        Ok(())
    }
}
