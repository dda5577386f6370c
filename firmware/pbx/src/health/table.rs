//! The table: what ships, and a newer one that the owner may put beside it.

use std::sync::LazyLock;

use serde::Deserialize;
use trunkguard_core::time::Date;

use super::Version;

/// The name of a newer table in the state directory.
pub const FILE: &str = "pbx-health.toml";
/// The largest table, in octets.
pub const LARGEST: usize = 256 << 10;
/// Most flaws, and most ends of support.
const MOST: usize = 512;
/// The longest text in it, in octets.
const LONGEST: usize = 400;

static BUILT_IN: LazyLock<Table> = LazyLock::new(|| {
    // A test reads it; an empty table judges nothing.
    Table::parse(include_str!("../../tables/health.toml")).unwrap_or_default()
});

/// Known flaws and ends of support.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    format: u32,
    /// The day on which it was made.
    pub dated: Option<Date>,
    /// Flaws.
    #[serde(rename = "flaw", default)]
    pub(super) flaws: Vec<Flaw>,
    /// Ends of support.
    #[serde(default)]
    pub(super) ended: Vec<Ended>,
}

/// Programs that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Product {
    /// FreePBX's framework.
    FreePbx,
    /// Asterisk.
    Asterisk,
    /// FreeSWITCH.
    FreeSwitch,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Flaw {
    pub id: String,
    pub product: Product,
    #[serde(default)]
    pub versions: Vec<Span>,
    pub module: Option<String>,
    #[serde(default)]
    pub majors: Vec<u32>,
    pub fixed: Option<String>,
    #[serde(default)]
    pub exploited: bool,
    pub only: Option<String>,
    pub seulement: Option<String>,
    pub what: String,
    pub quoi: Option<String>,
    pub source: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ended {
    pub product: Product,
    pub majors: Vec<u32>,
    pub on: Option<Date>,
    pub source: String,
}

/// From the first version on, up to the second.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "(String, String)")]
pub(super) struct Span(pub Version, pub Version);

impl TryFrom<(String, String)> for Span {
    type Error = String;

    fn try_from((from, to): (String, String)) -> Result<Self, String> {
        let read = |text: &str| Version::read(text).filter(|v| v.to_string() == text);
        match (read(&from), read(&to)) {
            (Some(from), Some(to)) if from < to => Ok(Span(from, to)),
            _ => Err(format!(
                "`{from}`, `{to}` are not two versions in order; write them such as \"16\", \"16.0.44\""
            )),
        }
    }
}

impl Table {
    /// The table that ships.
    pub fn built_in() -> &'static Table {
        &BUILT_IN
    }

    /// Reads a table.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    pub fn parse(text: &str) -> Result<Table, String> {
        if text.len() > LARGEST {
            return Err(format!(
                "larger than {} KiB; this is no such table",
                LARGEST >> 10
            ));
        }
        let table: Table = toml::from_str(text).map_err(|e| e.message().to_owned())?;
        if table.format != 1 {
            return Err(format!(
                "format {} is not known to this version; write format = 1",
                table.format
            ));
        }
        if table.dated.is_none() {
            return Err("it has no day; write dated = \"2026-11-26\"".into());
        }
        if table.flaws.len() > MOST || table.ended.len() > MOST {
            return Err(format!("more than {MOST} lines of a kind"));
        }
        table.flaws.iter().try_for_each(Flaw::check)?;
        let sources = table.ended.iter().map(|e| &e.source);
        sources
            .into_iter()
            .try_for_each(|s| text_of("source", s, true))?;
        Ok(table)
    }

    /// The newer of what ships and the text of a table of the owner's, and what is wrong with the latter.
    pub fn newest(own: Option<&str>) -> (Table, Option<String>) {
        let built_in = Table::built_in();
        match own.map(Table::parse) {
            Some(Ok(table)) if table.dated > built_in.dated => (table, None),
            Some(Err(problem)) => (built_in.clone(), Some(problem)),
            _ => (built_in.clone(), None),
        }
    }
}

impl Flaw {
    fn check(&self) -> Result<(), String> {
        let seen = !self.versions.is_empty();
        let unseen = self.module.is_some() && !self.majors.is_empty() && self.fixed.is_some();
        if seen == unseen || (seen && self.module.is_some()) {
            return Err(format!(
                "{}: write versions, or module, majors and fixed",
                self.id.escape_debug()
            ));
        }
        for (key, text) in [("id", &self.id), ("what", &self.what)] {
            text_of(key, text, false)?;
        }
        for (key, text) in [
            ("module", &self.module),
            ("fixed", &self.fixed),
            ("only", &self.only),
            ("seulement", &self.seulement),
            ("quoi", &self.quoi),
        ] {
            text.iter().try_for_each(|text| text_of(key, text, false))?;
        }
        text_of("source", &self.source, true)
    }
}

fn text_of(key: &str, text: &str, address: bool) -> Result<(), String> {
    if text.is_empty() || text.len() > LONGEST || text.chars().any(char::is_control) {
        return Err(format!("{key}: not 1 to {LONGEST} printable characters"));
    }
    if address && !text.starts_with("https://") {
        return Err(format!(
            "{key}: `{}` is no address; write https://…",
            text.escape_debug()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "format = 1\ndated = \"2027-01-01\"\n[[flaw]]\nid = \"x\"\nproduct = \"asterisk\"\n\
                         versions = [[\"1\", \"2\"]]\nwhat = \"y\"\nsource = \"https://example.org/\"\n";

    #[test]
    fn the_table_that_ships_is_read() {
        let table = Table::parse(include_str!("../../tables/health.toml")).unwrap();
        assert_eq!(&table, Table::built_in());
        assert!(table.flaws.len() >= 11 && table.ended.len() >= 3);
        assert!(
            table
                .flaws
                .iter()
                .all(|flaw| flaw.quoi.is_some() && flaw.only.is_some() == flaw.seulement.is_some())
        );
    }

    #[test]
    fn a_newer_one_takes_its_place_and_no_other_does() {
        let (table, problem) = Table::newest(Some(SMALL));
        assert_eq!((table.flaws.len(), problem), (1, None));
        let older = SMALL.replace("2027", "2020");
        assert_eq!(
            Table::newest(Some(&older)),
            (Table::built_in().clone(), None)
        );
        assert_eq!(Table::newest(None), (Table::built_in().clone(), None));
        for (right, wrong) in [
            ("format = 1", "format = 2"),
            ("dated = \"2027-01-01\"\n", ""),
            ("2027-01-01", "2027-13-01"),
            ("https://", "http://"),
            ("[[\"1\", \"2\"]]", "[[\"2\", \"1\"]]"),
            ("[[\"1\", \"2\"]]", "[[\"1x\", \"2\"]]"),
            ("versions = [[\"1\", \"2\"]]\n", ""),
            ("versions", "module = \"m\"\nversions"),
            ("what = \"y\"", "what = \"\\u0007\""),
            ("product = \"asterisk\"", "product = \"3cx\""),
            ("what", "more = 1\nwhat"),
        ] {
            assert!(SMALL.contains(right));
            let (table, problem) = Table::newest(Some(&SMALL.replace(right, wrong)));
            assert_eq!(&table, Table::built_in(), "{wrong}");
            assert!(problem.is_some_and(|p| !p.is_empty()), "{wrong}");
        }
        assert!(Table::parse(&" ".repeat(LARGEST + 1)).is_err());
    }
}
