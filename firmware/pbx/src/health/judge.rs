//! What the table says of a PBX.

use serde::{Deserialize, Serialize};
use trunkguard_core::time::Date;

use super::{Product, Software, Table, Version, table::Flaw};
use crate::{Language, language::say};

/// How a thing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The version that it says is one of those with the flaw.
    MayBeVulnerable,
    /// Nobody repairs this version any more.
    Ended,
    /// The version of a module decides, and that is not said.
    CannotBeSeen,
}

/// One thing that is known of a PBX.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// How.
    pub kind: Kind,
    /// The flaw's name, or the program whose support has ended.
    pub id: String,
    /// It has been used by attackers.
    pub exploited: bool,
    /// What it is, as a sentence.
    pub what: String,
    /// What to do.
    pub remedy: String,
    /// Where to read about it.
    pub source: String,
}

/// Judges a User-Agent, the gravest first. `today` is `None` while the clock is not set: then the table's own day stands
/// for it.
pub fn judge(user_agent: &str, table: &Table, today: Option<Date>, l: Language) -> Vec<Advice> {
    let software = Software::read(user_agent);
    let programs: Vec<(Product, &Version)> = match &software {
        Software::FreePbx {
            framework,
            asterisk,
        } => {
            let below = asterisk.iter().map(|version| (Product::Asterisk, version));
            [(Product::FreePbx, framework)]
                .into_iter()
                .chain(below)
                .collect()
        }
        Software::Asterisk(version) => vec![(Product::Asterisk, version)],
        Software::FreeSwitch(version) => vec![(Product::FreeSwitch, version)],
        Software::Other => Vec::new(),
    };
    let mut found = Vec::new();
    for (product, version) in programs {
        let of_product = table.flaws.iter().filter(|flaw| flaw.product == product);
        found.extend(of_product.filter_map(|flaw| flaw.of(version, l)));
        found.extend(ended(product, version, table, today, l));
    }
    found.sort_by_key(|advice: &Advice| (advice.kind, !advice.exploited));
    found
}

impl Flaw {
    fn of(&self, version: &Version, l: Language) -> Option<Advice> {
        let what = match (&self.quoi, l) {
            (Some(quoi), Language::French) => quoi,
            _ => &self.what,
        };
        let (kind, what, remedy) = match &self.module {
            None => {
                let fixed = self
                    .versions
                    .iter()
                    .find(|span| span.0 <= *version && *version < span.1)
                    .map(|span| &span.1)?;
                let only = match (&self.only, &self.seulement, l) {
                    (Some(only), _, Language::English) => format!(", {only}"),
                    (_, Some(seulement), Language::French) => format!(", {seulement}"),
                    _ => String::new(),
                };
                (
                    Kind::MayBeVulnerable,
                    say!(
                        l,
                        "{version} may be vulnerable: {what}{only}",
                        "{version} est peut-être vulnérable : {what}{only}"
                    ),
                    say!(
                        l,
                        "update to {fixed} or later; a distribution may have repaired it under the old number: see the source",
                        "mettez à jour vers {fixed} ou plus récent ; une distribution a pu corriger sous l'ancien numéro : voyez la source"
                    ),
                )
            }
            Some(module) => {
                if !self.majors.contains(&version.major()) {
                    return None;
                }
                let fixed = self.fixed.as_deref().unwrap_or_default();
                (
                    Kind::CannotBeSeen,
                    say!(
                        l,
                        "module {module} cannot be seen from here: {what}",
                        "le module {module} ne se voit pas d'ici : {what}"
                    ),
                    say!(
                        l,
                        "look at Admin, Module Admin: is {module} there, and fixed ({fixed})?",
                        "regardez Admin, Module Admin : {module} est-il là, et corrigé ({fixed}) ?"
                    ),
                )
            }
        };
        Some(Advice {
            kind,
            id: self.id.clone(),
            exploited: self.exploited,
            what,
            remedy,
            source: self.source.clone(),
        })
    }
}

fn ended(
    product: Product,
    version: &Version,
    table: &Table,
    today: Option<Date>,
    l: Language,
) -> Option<Advice> {
    let today = today.or(table.dated);
    let line = table.ended.iter().find(|line| {
        line.product == product
            && line.majors.contains(&version.major())
            && line.on.is_none_or(|on| Some(on) <= today)
    })?;
    let name = match product {
        Product::FreePbx => "FreePBX",
        Product::Asterisk => "Asterisk",
        Product::FreeSwitch => "FreeSWITCH",
    };
    let major = version.major();
    Some(Advice {
        kind: Kind::Ended,
        id: format!("{name} {major}"),
        exploited: false,
        what: say!(
            l,
            "{version}: nobody repairs it any more",
            "{version} : plus personne ne le corrige"
        ),
        remedy: say!(
            l,
            "plan the move to a version that is repaired",
            "prévoyez le passage à une version corrigée"
        ),
        source: line.source.clone(),
    })
}
