//! Words for verdicts: rules, reasons, and what would have to change. The command line and the log use the English ones, so that
//! a reason reads the same wherever it is read.

use trunkguard_core::{
    decide::Step,
    number::{Kind, NotANumber},
    policy::{CountryCode, Mode},
    verdict::{Level, Rule},
};

use super::{Lang, fill};
use crate::calls::Destination;

/// One of two, by language: English first.
fn either(lang: Lang, en: &'static str, fr: &'static str) -> &'static str {
    match lang {
        Lang::En => en,
        Lang::Fr => fr,
    }
}

/// The mode's name.
pub fn mode(lang: Lang, mode: Mode) -> &'static str {
    match mode {
        Mode::Detect => either(lang, "Detect", "Détection"),
        Mode::Prevent => either(lang, "Prevent", "Prévention"),
        Mode::Lockdown => either(lang, "Lockdown", "Verrouillage"),
    }
}

/// The kind's name.
pub fn kind(lang: Lang, kind: Kind) -> &'static str {
    match kind {
        Kind::Domestic => either(lang, "domestic", "national"),
        Kind::UsCanada => either(lang, "US/Canada", "É.-U./Canada"),
        Kind::NanpAbroad => either(lang, "+1 abroad", "+1 à l’étranger"),
        Kind::Abroad => either(lang, "abroad", "étranger"),
        Kind::Premium => either(lang, "premium rate", "surtaxé"),
        Kind::SharedCost => either(lang, "shared cost", "à coût partagé"),
        Kind::TollFree => either(lang, "toll-free", "sans frais"),
        Kind::Personal => either(lang, "personal number", "numéro personnel"),
        Kind::Satellite => either(lang, "satellite", "satellite"),
        Kind::GlobalNetwork => either(lang, "international network", "réseau international"),
        Kind::Directory => either(lang, "directory enquiries", "assistance-annuaire"),
    }
}

/// Who set a setting.
pub fn level(lang: Lang, level: Level) -> &'static str {
    match level {
        Level::BuiltIn => either(lang, "built in", "d’origine"),
        Level::Everybody => either(lang, "for everybody", "pour tous"),
        Level::Client => either(lang, "for this client", "pour ce client"),
        Level::Group => either(
            lang,
            "for this caller's group",
            "pour le groupe de cet appelant",
        ),
        Level::Caller => either(lang, "for this caller", "pour cet appelant"),
    }
}

/// The rule's name for people.
pub fn rule(lang: Lang, rule: Rule) -> &'static str {
    match rule {
        Rule::Loop => either(lang, "Loop", "Boucle"),
        Rule::Emergency => either(lang, "Emergency", "Urgence"),
        Rule::AlwaysAllowed => either(lang, "Always allowed", "Toujours permis"),
        Rule::Lockdown => either(lang, "Lockdown", "Verrouillage"),
        Rule::TollFree => either(lang, "Toll-free", "Sans frais"),
        Rule::Service => either(lang, "Provider's service", "Service du fournisseur"),
        Rule::Tampering => either(lang, "Tampering", "Altération"),
        Rule::NotANumber => either(lang, "Not a number", "Pas un numéro"),
        Rule::Scanner => either(lang, "Scanner", "Balayeur"),
        Rule::Network => either(lang, "Phone's network", "Réseau du téléphone"),
        Rule::Number => either(lang, "Number", "Numéro"),
        Rule::Prefix => either(lang, "Prefix or pattern", "Préfixe ou modèle"),
        Rule::Kind => either(lang, "Kind of number", "Type de numéro"),
        Rule::Country => either(lang, "Country", "Pays"),
        Rule::Simultaneous => either(lang, "Calls at the same time", "Appels simultanés"),
        Rule::PerMinute => either(lang, "Calls per minute", "Appels par minute"),
        Rule::PerHour => either(lang, "Calls per hour", "Appels par heure"),
        Rule::PerDay => either(lang, "Calls per day", "Appels par jour"),
        Rule::SameNumber => either(lang, "Same number again", "Même numéro répété"),
        Rule::Spellings => either(lang, "Many spellings", "Nombreuses graphies"),
        Rule::Sequential => either(lang, "Numbers in a row", "Numéros consécutifs"),
        Rule::NewCountry => either(lang, "New country", "Nouveau pays"),
        Rule::NewPhone => either(lang, "New phone", "Nouveau téléphone"),
        Rule::Default => either(lang, "Allowed", "Permis"),
    }
}

/// Why it is not a number, and what to look at.
pub fn not_a_number(lang: Lang, why: NotANumber) -> &'static str {
    match why {
        NotANumber::Empty => either(lang, "nothing was dialled", "rien n’a été composé"),
        NotANumber::Character => either(
            lang,
            "it has a character that no number has",
            "il contient un caractère qu’aucun numéro ne contient",
        ),
        NotANumber::Length => either(
            lang,
            "it is too short or too long for a number",
            "il est trop court ou trop long pour un numéro",
        ),
        NotANumber::Unassigned => either(
            lang,
            "its country code or area code does not exist",
            "son indicatif de pays ou régional n’existe pas",
        ),
        NotANumber::NoAreaCode => either(
            lang,
            "it has 7 digits, and settings.area_code is not set",
            "il a 7 chiffres, et settings.area_code n’est pas réglé",
        ),
        NotANumber::OtherFormat => either(
            lang,
            "it is not of the client's number_format; look at what the dial plan sends",
            "il n’a pas le number_format du client; vérifiez ce que le plan de numérotation envoie",
        ),
    }
}

/// A country for people.
pub fn country(lang: Lang, code: CountryCode) -> String {
    super::country(code.as_str(), lang).to_owned()
}

/// A number with what is known of it.
pub fn destination(lang: Lang, destination: &Destination) -> String {
    match destination {
        Destination::Emergency => either(lang, "an emergency number", "un numéro d’urgence").into(),
        Destination::Service => {
            either(lang, "a service of VoIP.ms", "un service de VoIP.ms").into()
        }
        Destination::Number {
            digits,
            country: code,
            kind: of,
        } => {
            let none = || either(lang, "no country", "aucun pays").to_owned();
            let country = code.map_or_else(none, |code| country(lang, code));
            format!("+{digits} ({country}, {})", kind(lang, *of))
        }
        Destination::NotANumber(why) => fill(
            either(lang, "not a number: {}", "pas un numéro : {}"),
            &[&not_a_number(lang, *why)],
        ),
    }
}

/// The reason of a verdict in one sentence. `figures`: what was met, and what is allowed.
pub fn reason(lang: Lang, rule: Rule, figures: Option<(u32, u32)>) -> String {
    let (had, most) = figures.unwrap_or_default();
    let text = match rule {
        Rule::Loop => either(
            lang,
            "the number already carries the prefix: the PBX sent our own answer back",
            "le numéro porte déjà le préfixe : le PBX a renvoyé notre propre réponse",
        ),
        Rule::Emergency => either(
            lang,
            "emergency calls are always approved",
            "les appels d’urgence sont toujours approuvés",
        ),
        Rule::AlwaysAllowed => either(
            lang,
            "the number is always allowed",
            "le numéro est toujours permis",
        ),
        Rule::Lockdown => either(
            lang,
            "lockdown: only emergency calls and numbers that are always allowed pass",
            "verrouillage : seuls passent les appels d’urgence et les numéros toujours permis",
        ),
        Rule::TollFree => either(
            lang,
            "toll-free calls are always approved",
            "les appels sans frais sont toujours approuvés",
        ),
        Rule::Service => either(
            lang,
            "services of VoIP.ms cost nothing",
            "les services de VoIP.ms ne coûtent rien",
        ),
        Rule::Tampering => either(
            lang,
            "somebody wrote headers into the PBX's request",
            "quelqu’un a inséré des en-têtes dans la requête du PBX",
        ),
        Rule::NotANumber => either(
            lang,
            "it is not a number under this client's number_format",
            "ce n’est pas un numéro selon le number_format de ce client",
        ),
        Rule::Scanner => either(
            lang,
            "the phone calls itself by a scanner's name",
            "le téléphone porte le nom d’un logiciel de balayage",
        ),
        Rule::Network => either(
            lang,
            "the phone's address is outside the allowed networks",
            "l’adresse du téléphone est hors des réseaux permis",
        ),
        Rule::Number => either(
            lang,
            "the number is blocked by name or by a list",
            "le numéro est bloqué nommément ou par une liste",
        ),
        Rule::Prefix => either(
            lang,
            "a blocked prefix or pattern fits it best",
            "un préfixe ou un modèle bloqué lui correspond le mieux",
        ),
        Rule::Kind => either(
            lang,
            "this kind of number is blocked",
            "ce type de numéro est bloqué",
        ),
        Rule::Country => either(
            lang,
            "the country is not allowed",
            "le pays n’est pas permis",
        ),
        Rule::Simultaneous => either(
            lang,
            "{} calls at the same time, {} allowed",
            "{} appels simultanés, {} permis",
        ),
        Rule::PerMinute => either(
            lang,
            "{} calls within a minute, {} allowed",
            "{} appels en une minute, {} permis",
        ),
        Rule::PerHour => either(
            lang,
            "{} calls within an hour, {} allowed",
            "{} appels en une heure, {} permis",
        ),
        Rule::PerDay => either(
            lang,
            "{} calls within a day, {} allowed",
            "{} appels en un jour, {} permis",
        ),
        Rule::SameNumber => either(
            lang,
            "the same number {} times, {} allowed",
            "le même numéro {} fois, {} permises",
        ),
        Rule::Spellings => either(
            lang,
            "one number in {} spellings, {} allowed",
            "un numéro sous {} graphies, {} permises",
        ),
        Rule::Sequential => either(
            lang,
            "{} numbers one after the other, {} allowed",
            "{} numéros consécutifs, {} permis",
        ),
        Rule::NewCountry => either(
            lang,
            "the first call of this client to that country",
            "le premier appel de ce client vers ce pays",
        ),
        Rule::NewPhone => either(
            lang,
            "the first call of this extension from that phone",
            "le premier appel de ce poste depuis ce téléphone",
        ),
        Rule::Default => either(lang, "no rule is against it", "aucune règle ne s’y oppose"),
    };
    fill(text, &[&had, &most])
}

/// What would have to change for a refused call to go through.
pub fn remedy(lang: Lang, rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::Loop => either(
            lang,
            "look at the dial plan: calls that come back with the prefix must go to the provider, not to the box",
            "vérifiez le plan de numérotation : les appels qui reviennent avec le préfixe doivent aller au fournisseur, pas au boîtier",
        ),
        Rule::Lockdown => either(
            lang,
            "leave lockdown (on the first page, or `trunkguard mode prevent`), or allow the number always (always_allow)",
            "quittez le verrouillage (à l’accueil, ou `trunkguard mode prevent`), ou permettez toujours ce numéro (always_allow)",
        ),
        Rule::Tampering => either(
            lang,
            "filter the phone's User-Agent and caller ID in the dial plan (docs/pbx.md)",
            "filtrez le User-Agent et l’identifiant du téléphone dans le plan de numérotation (docs/pbx.md)",
        ),
        Rule::NotANumber => either(
            lang,
            "compare the client's number_format with what its dial plan sends",
            "comparez le number_format du client avec ce que son plan de numérotation envoie",
        ),
        Rule::Scanner => either(
            lang,
            "switch the rule off for this caller (off = [\"scanner\"])",
            "désactivez la règle pour cet appelant (off = [\"scanner\"])",
        ),
        Rule::Network => either(
            lang,
            "allow the phone's network (networks)",
            "permettez le réseau du téléphone (networks)",
        ),
        Rule::Number => either(
            lang,
            "take the number off the list, or allow it by name (allow.numbers)",
            "retirez le numéro de la liste, ou permettez-le nommément (allow.numbers)",
        ),
        Rule::Prefix => either(
            lang,
            "allow a longer prefix (allow.prefixes), or the number (allow.numbers)",
            "permettez un préfixe plus long (allow.prefixes), ou le numéro (allow.numbers)",
        ),
        Rule::Kind => either(
            lang,
            "allow this kind of number (allow.kinds), or only this number (allow.numbers)",
            "permettez ce type de numéro (allow.kinds), ou seulement ce numéro (allow.numbers)",
        ),
        Rule::Country => either(
            lang,
            "allow the country (allow.countries), or only this number (allow.numbers)",
            "permettez le pays (allow.countries), ou seulement ce numéro (allow.numbers)",
        ),
        Rule::Simultaneous | Rule::PerMinute | Rule::PerHour | Rule::PerDay => either(
            lang,
            "raise the limit, or wait",
            "augmentez la limite, ou attendez",
        ),
        Rule::SameNumber | Rule::Spellings | Rule::Sequential => either(
            lang,
            "wait, or raise `calls` of that rule",
            "attendez, ou augmentez `calls` de cette règle",
        ),
        Rule::NewCountry => either(
            lang,
            "allow the country (allow.countries)",
            "permettez le pays (allow.countries)",
        ),
        Rule::NewPhone => either(
            lang,
            "set new_phone = \"alert\", or let the phone call once while it is off",
            "réglez new_phone = \"alert\", ou laissez le téléphone appeler une fois pendant que la règle est désactivée",
        ),
        Rule::Emergency | Rule::AlwaysAllowed | Rule::TollFree | Rule::Service | Rule::Default => {
            return None;
        }
    })
}

/// What a rule said on the way to a verdict.
pub fn step(lang: Lang, step: Step) -> String {
    let with = |en, fr, of| fill(either(lang, en, fr), &[&level(lang, of)]);
    match step {
        Step::Off(of) => with("switched off {}", "désactivée {}", of),
        Step::Passed(None) => either(lang, "nothing against it", "rien contre").into(),
        Step::Passed(Some((had, most))) => {
            fill(either(lang, "{} of {}", "{} sur {}"), &[&had, &most])
        }
        Step::Allows(of) => with("destination allowed {}", "destination permise {}", of),
        Step::Approves(of) => with("approved, {}", "approuvé, {}", of),
        Step::Denies(of) => with("against it, set {}", "contre, réglé {}", of),
        Step::New(of) => with("new, alert {}", "nouveau, alerte {}", of),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_words_in_both_languages() {
        for &of in Rule::ALL {
            let [en, fr] = Lang::ALL.map(|lang| reason(lang, of, Some((7, 5))));
            assert!(!en.contains("{}") && !fr.contains("{}"), "{of:?}");
            assert_ne!(en, fr, "{of:?}");
            // A figure that one language tells, the other tells too.
            assert_eq!(en.contains('7'), fr.contains('7'), "{of:?}");
            assert_eq!(
                remedy(Lang::En, of).is_some(),
                remedy(Lang::Fr, of).is_some()
            );
            assert!(!rule(Lang::En, of).is_empty() && !rule(Lang::Fr, of).is_empty());
        }
    }

    #[test]
    fn what_can_be_refused_can_be_helped() {
        let harmless = [
            Rule::Emergency,
            Rule::AlwaysAllowed,
            Rule::TollFree,
            Rule::Service,
            Rule::Default,
        ];
        for &of in Rule::ALL {
            assert_eq!(
                remedy(Lang::En, of).is_none(),
                harmless.contains(&of),
                "{of:?}"
            );
        }
    }
}
