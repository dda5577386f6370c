//! Approving a destination: an entry more in one list of the policy.

use anyhow::Context;
use trunkguard_core::{
    gate::Gate,
    policy::{Caller, CountryCode, Definition, Name, Prefix, Rules},
};
use trunkguard_page::{
    Answer, Problem,
    calls::{Call, Choice, Explained, Proposal, Question, Source, Whom},
};

use super::{Office, ask};
use crate::{clock::Clock, page::refused, policy, reasons};

/// What goes into which list.
#[derive(Clone, Debug, PartialEq)]
enum Entry {
    Number(Prefix),
    Prefix(Prefix),
    Country(CountryCode),
}

/// What [`add`] did.
#[derive(Debug, Default, PartialEq, Eq)]
struct Added {
    /// Entries that came along from where the list was inherited.
    inherits: usize,
    /// It was there.
    already: bool,
    /// There was no such list, for anybody: what is built in held.
    first: bool,
}

pub(super) fn proposal(office: &Office, key: &str, choice: &Choice) -> Answer<Proposal> {
    let call = office.call(key)?;
    let prefixes = prefixes(&call);
    let entry = entry(&call, &prefixes, &choice.what)?;
    let before = office.definition()?;
    let mut after = before.clone();
    let added = add(&mut after, &call, choice.whom, &entry).map_err(|e| refused(&e))?;
    Ok(Proposal {
        setting: setting(&call, choice.whom, &entry),
        adds: adds(&entry),
        inherits: added.inherits,
        already: added.already,
        now: would_get(&before, &call)?,
        then: would_get(&after, &call)?,
        prefixes,
        call,
    })
}

pub(super) fn approve(office: &Office, key: &str, choice: &Choice) -> Answer<Proposal> {
    let proposal = proposal(office, key, choice)?;
    let entry = entry(&proposal.call, &proposal.prefixes, &choice.what)?;
    let mut problem = None;
    policy::change(office.state(), |definition| {
        let mut after = definition.clone();
        match add(&mut after, &proposal.call, choice.whom, &entry) {
            Ok(_) => *definition = after,
            // Somebody has taken the PBX away meanwhile: nothing changes.
            Err(why) => problem = Some(why),
        }
    })
    .map_err(|problem| refused(&problem))?;
    problem.map_or(Ok(proposal), |problem| Err(refused(&problem)))
}

/// Prefixes of the number: without its last four digits and its last seven, as numbers are handed out in blocks.
fn prefixes(call: &Call) -> Vec<String> {
    /// Country code and a little more: anything shorter is a country.
    const SHORTEST: usize = 4;
    let digits = call.number.as_deref().unwrap_or_default();
    let digits = digits.trim_start_matches('+');
    let cut = [4, 7].into_iter().filter_map(|less| {
        let left = digits.len().checked_sub(less)?;
        (left >= SHORTEST).then(|| format!("+{}", &digits[..left]))
    });
    cut.collect()
}

fn entry(call: &Call, prefixes: &[String], what: &str) -> Answer<Entry> {
    let none =
        || Problem::Refused("this call has no such destination; choose one that is offered".into());
    let prefix = |text: &str| Prefix::parse(text).map_err(|_| none());
    match what {
        "number" => prefix(call.number.as_deref().ok_or_else(none)?).map(Entry::Number),
        "country" => call.country.map(Entry::Country).ok_or_else(none),
        other if prefixes.iter().any(|known| known == other) => prefix(other).map(Entry::Prefix),
        _ => Err(none()),
    }
}

/// Adds the entry to the list of whom it is for. A list that was not set there begins with what holds for the caller until now:
/// lists do not add up (docs/policy.md), and nothing that is allowed is to be lost.
fn add(
    definition: &mut Definition,
    call: &Call,
    whom: Whom,
    entry: &Entry,
) -> anyhow::Result<Added> {
    match entry {
        Entry::Number(number) => add_to(definition, call, whom, number, |r| &mut r.allow.numbers),
        Entry::Prefix(prefix) => add_to(definition, call, whom, prefix, |r| &mut r.allow.prefixes),
        Entry::Country(code) => {
            let home = definition.settings.country;
            let added = add_to(definition, call, whom, code, |r| &mut r.allow.countries)?;
            // Built in, the home country is allowed; a list of one's own replaces that.
            let list = &mut rules(definition, call, whom)?.allow.countries;
            if let Some(list) = list
                && added.first
                && *code != home
            {
                list.insert(0, home);
                return Ok(Added {
                    inherits: 1,
                    ..added
                });
            }
            Ok(added)
        }
    }
}

fn add_to<T: Clone + PartialEq>(
    definition: &mut Definition,
    call: &Call,
    whom: Whom,
    entry: &T,
    list: impl Fn(&mut Rules) -> &mut Option<Vec<T>>,
) -> anyhow::Result<Added> {
    let inherited = match whom {
        Whom::Everybody => None,
        Whom::Client => list(&mut definition.policy).clone(),
        Whom::Caller => {
            let group = definition.groups.iter_mut().find(|group| {
                let of_client = group
                    .client
                    .as_ref()
                    .is_none_or(|c| c.as_str() == call.client);
                of_client
                    && group
                        .callers
                        .iter()
                        .any(|name| name.as_str() == call.caller)
            });
            let group = group.and_then(|group| list(&mut group.policy).clone());
            group
                .or_else(|| client(definition, call).and_then(|rules| list(rules).clone()))
                .or_else(|| list(&mut definition.policy).clone())
        }
    };
    let own = list(rules(definition, call, whom)?);
    let first = own.is_none() && inherited.is_none();
    let inherits = match own {
        Some(_) => 0,
        None => inherited.as_ref().map_or(0, Vec::len),
    };
    let own = own.get_or_insert_with(|| inherited.unwrap_or_default());
    let already = own.contains(entry);
    if !already {
        own.push(entry.clone());
    }
    Ok(Added {
        inherits,
        already: already && inherits == 0,
        first,
    })
}

fn client<'a>(definition: &'a mut Definition, call: &Call) -> Option<&'a mut Rules> {
    let mut clients = definition.clients.iter_mut();
    clients
        .find(|client| client.name.as_str() == call.client)
        .map(|client| &mut client.policy)
}

/// The rules of whom it is for; a caller that has none yet gets some.
fn rules<'a>(
    definition: &'a mut Definition,
    call: &Call,
    whom: Whom,
) -> anyhow::Result<&'a mut Rules> {
    match whom {
        Whom::Everybody => Ok(&mut definition.policy),
        Whom::Client => client(definition, call)
            .with_context(|| format!("there is no PBX named `{}` any more", call.client)),
        Whom::Caller => {
            let is = |caller: &Caller| {
                caller.name.as_str() == call.caller
                    && caller
                        .client
                        .as_ref()
                        .is_none_or(|c| c.as_str() == call.client)
            };
            let at = match definition.callers.iter().position(is) {
                Some(at) => at,
                None => {
                    let name = |text: &str| Name::parse(text).map_err(anyhow::Error::msg);
                    definition.callers.push(Caller {
                        name: name(&call.caller)?,
                        client: Some(name(&call.client)?),
                        policy: Rules::default(),
                    });
                    definition.callers.len() - 1
                }
            };
            Ok(&mut definition.callers[at].policy)
        }
    }
}

/// What the call would get under this policy, were no other call made.
fn would_get(definition: &Definition, call: &Call) -> Answer<Explained> {
    let told = || -> anyhow::Result<Explained> {
        let compiled = policy::compile(definition)?;
        let mut clock = Clock::new(&compiled.settings.time_zone).map_err(anyhow::Error::msg)?;
        let question = Question {
            client: call.client.clone(),
            caller: call.caller.clone(),
            number: call.dialled.clone(),
        };
        reasons::explain(
            &Gate::new(compiled.into(), (0, 0)),
            &mut clock,
            &ask(&question),
        )
    };
    told().map_err(|problem| refused(&problem))
}

/// Where it goes, as the policy file has it.
fn setting(call: &Call, whom: Whom, entry: &Entry) -> String {
    let table = match whom {
        Whom::Everybody => "[policy]".to_owned(),
        Whom::Client => format!("[[client]] {}", call.client),
        Whom::Caller => format!("[[caller]] {}", call.caller),
    };
    let list = match entry {
        Entry::Number(_) => "numbers",
        Entry::Prefix(_) => "prefixes",
        Entry::Country(_) => "countries",
    };
    format!("{table} allow.{list}")
}

fn adds(entry: &Entry) -> String {
    match entry {
        Entry::Number(number) => String::from(*number),
        Entry::Prefix(prefix) => String::from(*prefix),
        Entry::Country(code) => code.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use trunkguard_core::{
        number::Kind,
        policy::Mode,
        verdict::{Level, Rule},
    };
    use trunkguard_store::file;

    use super::*;

    const POLICY: &str = r#"
        [settings]
        mode = "prevent"
        country = "CA"
        [policy.allow]
        numbers = ["+12125550100"]
        [[client]]
        name = "office"
        addresses = ["192.0.2.1"]
        [[group]]
        name = "sales"
        callers = ["1002"]
        [group.policy.allow]
        numbers = ["+12125550101", "+12125550102"]
    "#;

    fn definition() -> Definition {
        file::parse(POLICY, std::path::Path::new("test")).unwrap()
    }

    fn call(caller: &str) -> Call {
        Call {
            key: "r1".into(),
            at: String::new(),
            at_iso: String::new(),
            first_at: String::new(),
            count: 1,
            client: "office".into(),
            caller: caller.into(),
            dialled: "011442071838750".into(),
            number: Some("+442071838750".into()),
            country: Some(CountryCode::parse("GB").unwrap()),
            kind: Some(Kind::Abroad),
            mode: Mode::Prevent,
            approved: false,
            allowed: false,
            rule: Rule::Country,
            level: Level::BuiltIn,
            figures: None,
            chargeable: false,
            first: None,
            said_calls: None,
            said_fields: 0,
            phone: None,
            phone_agent: String::new(),
        }
    }

    fn approved(definition: &Definition, caller: &str) -> bool {
        would_get(definition, &call(caller)).unwrap().allowed
    }

    #[test]
    fn whoever_it_is_for_may_call_and_nobody_loses_anything() {
        for (whom, others) in [
            (Whom::Everybody, true),
            (Whom::Client, true),
            (Whom::Caller, false),
        ] {
            for what in ["number", "+44207183", "+44207", "country"] {
                let call = call("1001");
                let entry = entry(&call, &prefixes(&call), what).unwrap();
                let mut definition = definition();
                assert!(!approved(&definition, "1001"));
                add(&mut definition, &call, whom, &entry).unwrap();
                assert!(approved(&definition, "1001"), "{whom:?} {what}");
                // Whose nearest list is another one stays where it was.
                assert_eq!(approved(&definition, "1003"), others, "{whom:?} {what}");
                for home in ["+14165550100", "+12125550100"] {
                    let question = Call {
                        dialled: home.trim_start_matches('+').into(),
                        ..call.clone()
                    };
                    assert!(
                        would_get(&definition, &question).unwrap().allowed,
                        "{whom:?} {what} {home}"
                    );
                }
                let again = add(&mut definition, &call, whom, &entry).unwrap();
                assert!(again.already, "{whom:?} {what}");
            }
        }
    }

    #[test]
    fn a_list_that_is_new_begins_with_the_nearest_one() {
        let number = Entry::Number(Prefix::parse("+442071838750").unwrap());
        let mut definition = definition();
        let added = add(&mut definition, &call("1002"), Whom::Caller, &number).unwrap();
        assert_eq!(added.inherits, 2, "of the group");
        let caller = &definition.callers[0];
        assert_eq!(caller.name.as_str(), "1002");
        assert_eq!(caller.policy.allow.numbers.as_ref().map(Vec::len), Some(3));
        let added = add(&mut definition, &call("1001"), Whom::Caller, &number).unwrap();
        assert_eq!(added.inherits, 1, "of everybody");
        assert_eq!(definition.callers.len(), 2);
    }

    #[test]
    fn only_what_was_offered_can_be_approved() {
        let call = call("1001");
        let prefixes = prefixes(&call);
        assert_eq!(prefixes, ["+44207183", "+44207"]);
        for what in ["", "+44", "+1", "everything", "+44207183875"] {
            assert!(entry(&call, &prefixes, what).is_err(), "{what}");
        }
        let nowhere = Call {
            number: None,
            country: None,
            ..call
        };
        for what in ["number", "country"] {
            assert!(entry(&nowhere, &[], what).is_err(), "{what}");
        }
    }
}
