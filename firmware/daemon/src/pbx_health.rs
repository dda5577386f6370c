//! Which known flaws a PBX may have: the table that ships, or a newer one in the state directory.

use std::{fs::File, io::Read, path::Path};

use trunkguard_core::time::{Date, Now};
use trunkguard_pbx::{
    Language,
    health::{Advice, FILE, Kind, LARGEST, Table, judge},
};

/// The table in use, and what is wrong with the owner's where it is not used for that.
pub fn table(state: &Path) -> (Table, Option<String>) {
    match read(&state.join(FILE)) {
        Ok(own) => {
            let (table, problem) = Table::newest(own.as_deref());
            (
                table,
                problem.map(|problem| format!("{FILE} is not used: {problem}")),
            )
        }
        Err(problem) => (
            Table::built_in().clone(),
            Some(format!(
                "{FILE} cannot be read: {problem}; see who owns it, or remove it"
            )),
        ),
    }
}

/// The owner's table as text, one octet more than it may have at most; `None` where there is none.
fn read(path: &Path) -> std::io::Result<Option<String>> {
    let file = match File::open(path) {
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("not a plain file"));
    }
    let mut text = String::new();
    file.take(LARGEST as u64 + 1).read_to_string(&mut text)?;
    Ok(Some(text))
}

/// Today, where the clock is set.
pub fn today(now: &Now) -> Option<Date> {
    now.local.map(|local| local.date)
}

/// Today by the machine's clock, in UTC; `None` while that is before any table.
pub fn today_by_the_clock() -> Option<Date> {
    let today = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let date = Date::try_from(today.to_string()).ok()?;
    (Some(date) >= Table::built_in().dated).then_some(date)
}

/// What is known of a PBX, for the command line.
pub fn of(user_agent: &str, table: &Table, today: Option<Date>) -> Vec<Advice> {
    judge(user_agent, table, today, Language::English)
}

/// One line of it; `None` where nothing is known.
pub fn line(advice: &[Advice]) -> Option<String> {
    let named = |kind: Kind| -> Vec<&str> {
        advice
            .iter()
            .filter(|a| a.kind == kind)
            .map(|a| a.id.as_str())
            .collect()
    };
    let (open, ended, unseen) = (
        named(Kind::MayBeVulnerable),
        named(Kind::Ended),
        named(Kind::CannotBeSeen),
    );
    let mut parts = Vec::new();
    if !open.is_empty() {
        parts.push(format!("may be vulnerable: {}", open.join(", ")));
    }
    if !ended.is_empty() {
        parts.push(format!("not repaired any more: {}", ended.join(", ")));
    }
    if !unseen.is_empty() {
        parts.push(format!(
            "{} flaws of modules cannot be seen from here",
            unseen.len()
        ));
    }
    (!parts.is_empty()).then(|| parts.join("; ") + " (trunkguard doctor)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_the_owners_is_used_where_it_is_right_and_newer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        assert_eq!(table(folder.path()), (Table::built_in().clone(), None));
        let newer = "format = 1\ndated = \"2999-01-01\"\n[[flaw]]\nid = \"NEW-1\"\nproduct = \"asterisk\"\n\
                     versions = [[\"22\", \"22.11\"]]\nwhat = \"x\"\nsource = \"https://example.org/\"\n";
        std::fs::write(&path, newer).unwrap();
        let (own, problem) = table(folder.path());
        assert_eq!(problem, None);
        let found = of("Asterisk PBX 22.10.1", &own, None);
        assert_eq!(
            line(&found).unwrap(),
            "may be vulnerable: NEW-1 (trunkguard doctor)"
        );
        for bad in [&b"format = 7"[..], b"\xff", &vec![b' '; LARGEST + 2]] {
            std::fs::write(&path, bad).unwrap();
            let (own, problem) = table(folder.path());
            assert_eq!(&own, Table::built_in());
            assert!(problem.is_some_and(|p| p.starts_with(FILE)));
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(table(folder.path()).1.is_some());
        assert_eq!(line(&[]), None);
    }
}
