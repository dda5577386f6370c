//! Policies as trees (JSON values): what is generic about laying rules over each other, merging edits, and keeping secrets off
//! the page. Settings that nobody made are left out of a tree, so that laying one over another is what the core does.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use trunkguard_core::policy::{Definition, Rules};

use crate::{Answer, Problem};

/// Stands in the place of a secret on the page; sent back, it means the one that is stored. Long enough for a password.
pub const UNCHANGED: &str = "(unchanged)";
/// Keys whose values do not leave the box.
const SECRET: [&str; 2] = ["password", "secret"];

fn tree(of: &impl Serialize) -> Answer<Value> {
    serde_json::to_value(of).map_err(|problem| unwritable(&problem))
}

fn back<T: DeserializeOwned>(tree: Value) -> Answer<T> {
    serde_json::from_value(tree).map_err(|problem| unwritable(&problem))
}

fn unwritable(problem: &serde_json::Error) -> Problem {
    Problem::Unavailable(format!("the policy cannot be handled: {problem}"))
}

/// Names a policy by what is in it: 16 hexadecimal digits.
pub fn mark(definition: &Definition) -> Answer<String> {
    let octets = serde_json::to_vec(definition).map_err(|problem| unwritable(&problem))?;
    let hash = Sha256::digest(octets);
    Ok(hash
        .iter()
        .take(8)
        .map(|octet| format!("{octet:02x}"))
        .collect())
}

/// The rules of `near`, and where it says nothing those of `wide`.
pub fn over(near: &Rules, wide: &Rules) -> Answer<Rules> {
    let mut rules = tree(wide)?;
    lay(&mut rules, tree(near)?);
    back(rules)
}

fn lay(wide: &mut Value, near: Value) {
    match (wide, near) {
        (Value::Object(wide), Value::Object(near)) => {
            for (key, value) in near {
                lay(wide.entry(key).or_insert(Value::Null), value);
            }
        }
        (wide, near) => *wide = near,
    }
}

/// Two edits of one policy together: whatever `mine` has changed of `base`, and of the rest `theirs`.
pub fn merge(base: &Definition, mine: &Definition, theirs: &Definition) -> Answer<Definition> {
    let merged = merged(Some(&tree(base)?), Some(&tree(mine)?), Some(&tree(theirs)?));
    back(merged.unwrap_or(Value::Null))
}

fn merged(base: Option<&Value>, mine: Option<&Value>, theirs: Option<&Value>) -> Option<Value> {
    if mine == base {
        return theirs.cloned();
    }
    if theirs == base {
        return mine.cloned();
    }
    match (mine, theirs) {
        (Some(Value::Object(mine)), Some(Value::Object(theirs))) => {
            let none = Map::new();
            let base = base.and_then(Value::as_object).unwrap_or(&none);
            let keys = theirs
                .keys()
                .chain(mine.keys().filter(|key| !theirs.contains_key(*key)));
            let of = |key: &String| {
                let value = merged(base.get(key), mine.get(key), theirs.get(key))?;
                Some((key.clone(), value))
            };
            Some(Value::Object(keys.filter_map(of).collect()))
        }
        (Some(Value::Array(mine)), Some(Value::Array(theirs)))
            if is_named(mine) && is_named(theirs) =>
        {
            let none = Vec::new();
            let base = base.and_then(Value::as_array).unwrap_or(&none);
            let new = mine.iter().filter(|item| same(theirs, item).is_none());
            let items = theirs.iter().chain(new);
            let of = |item: &Value| merged(same(base, item), same(mine, item), same(theirs, item));
            Some(Value::Array(items.filter_map(of).collect()))
        }
        // Both changed one setting: the preview shows what this one takes away.
        (mine, _) => mine.cloned(),
    }
}

/// Clients, groups, callers and lists are known by their names.
fn is_named(items: &[Value]) -> bool {
    items.iter().all(|item| item.get("name").is_some())
}

fn same<'a>(items: &'a [Value], item: &Value) -> Option<&'a Value> {
    let key = |item: &Value| (item.get("name").cloned(), item.get("client").cloned());
    items.iter().find(|other| key(other) == key(item))
}

/// The policy without its secrets.
pub fn blanked(definition: &Definition) -> Answer<Definition> {
    let mut tree = tree(definition)?;
    blank(&mut tree);
    back(tree)
}

fn blank(tree: &mut Value) {
    match tree {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(text) if SECRET.contains(&key.as_str()) => {
                        *text = UNCHANGED.into();
                    }
                    value => blank(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(blank),
        _ => {}
    }
}

/// Puts the stored secrets where the page sent [`UNCHANGED`] back. An error names the part that has none stored.
pub fn filled(definition: &Definition, stored: &Definition) -> Answer<Result<Definition, String>> {
    let mut tree_of_it = tree(definition)?;
    match fill(&mut tree_of_it, Some(&tree(stored)?), "") {
        Ok(()) => back(tree_of_it).map(Ok),
        Err(path) => Ok(Err(path)),
    }
}

fn fill(tree: &mut Value, stored: Option<&Value>, path: &str) -> Result<(), String> {
    match tree {
        Value::Object(object) => {
            for (key, value) in object {
                let kept = stored.and_then(|stored| stored.get(key));
                let path = format!("{path}{}{key}", if path.is_empty() { "" } else { "." });
                match value {
                    Value::String(text) if SECRET.contains(&key.as_str()) && text == UNCHANGED => {
                        match kept {
                            Some(Value::String(kept)) => text.clone_from(kept),
                            _ => return Err(path),
                        }
                    }
                    value => fill(value, kept, &path)?,
                }
            }
            Ok(())
        }
        Value::Array(items) => {
            let none = Vec::new();
            let kept = stored.and_then(Value::as_array).unwrap_or(&none);
            items.iter_mut().enumerate().try_for_each(|(at, item)| {
                let kept = item.get("name").and_then(|_| same(kept, item));
                fill(item, kept, &format!("{path}[{at}]"))
            })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkguard_core::policy::{Client, Limits};

    fn client(name: &str, password: &str) -> Client {
        serde_json::from_value(serde_json::json!({
            "name": name, "addresses": ["192.168.1.10"], "credentials": { "username": "pbx", "password": password },
        }))
        .unwrap()
    }

    fn with(clients: Vec<Client>) -> Definition {
        Definition {
            clients,
            ..Definition::default()
        }
    }

    fn password(definition: &Definition) -> &str {
        definition.clients[0]
            .credentials
            .as_ref()
            .unwrap()
            .password
            .reveal()
    }

    #[test]
    fn rules_lie_over_wider_ones_setting_by_setting() {
        let mut wide = Rules::default();
        wide.limits.per_day = Some(200);
        wide.limits.abroad = Limits {
            per_day: Some(10),
            simultaneous: Some(2),
            ..Limits::default()
        };
        let mut near = Rules::default();
        near.limits.abroad.per_day = Some(40);
        near.holidays = Some(Vec::new());
        let both = over(&near, &wide).unwrap();
        assert_eq!(both.limits.per_day, Some(200));
        assert_eq!(both.limits.abroad.per_day, Some(40));
        assert_eq!(both.limits.abroad.simultaneous, Some(2));
        assert_eq!(both.holidays, Some(Vec::new()));
    }

    #[test]
    fn two_edits_of_different_settings_are_both_kept() {
        let base = with(vec![client("a", "long enough"), client("b", "long enough")]);
        let mut mine = base.clone();
        mine.policy.limits.per_day = Some(7);
        mine.clients[1].outside_prefix = "9".into();
        let mut theirs = base.clone();
        theirs.policy.limits.per_hour = Some(3);
        theirs.clients.remove(0);
        let both = merge(&base, &mine, &theirs).unwrap();
        assert_eq!(both.policy.limits.per_day, Some(7));
        assert_eq!(both.policy.limits.per_hour, Some(3));
        assert_eq!(both.clients.len(), 1, "the one that they removed is gone");
        assert_eq!(both.clients[0].outside_prefix, "9");
        mine.policy.limits.per_hour = Some(5);
        let both = merge(&base, &mine, &theirs).unwrap();
        assert_eq!(
            both.policy.limits.per_hour,
            Some(5),
            "mine is the later one"
        );
    }

    #[test]
    fn secrets_do_not_leave_and_come_back() {
        let stored = with(vec![client("a", "very secret")]);
        let mut shown = blanked(&stored).unwrap();
        assert_eq!(password(&shown), UNCHANGED);
        shown.clients.insert(0, client("new", "a new secret"));
        let read = filled(&shown, &stored).unwrap().unwrap();
        assert_eq!(password(&read), "a new secret");
        assert_eq!(
            read.clients[1]
                .credentials
                .as_ref()
                .unwrap()
                .password
                .reveal(),
            "very secret"
        );
        let elsewhere = with(vec![client("other", UNCHANGED)]);
        assert_eq!(
            filled(&elsewhere, &stored).unwrap(),
            Err("client[0].credentials.password".into())
        );
    }

    #[test]
    fn marks_tell_policies_apart() {
        let a = mark(&with(Vec::new())).unwrap();
        let b = mark(&with(vec![client("a", "very secret")])).unwrap();
        assert_ne!(a, b);
        assert_eq!(a.len(), 16);
    }
}
