//! The words around the facts, in each language. What is said of a kind of incident is the core's.

use trunkguard_core::{
    alerts::{Words, words},
    french::french,
    policy::{Language, Mode},
};

/// The words of one language.
pub struct Labels {
    language: Language,
    /// BCP 47, for HTML.
    pub code: &'static str,
    pub client: &'static str,
    pub caller: &'static str,
    pub number: &'static str,
    pub details: &'static str,
    pub count: &'static str,
    pub told: &'static str,
    pub first: &'static str,
    pub last: &'static str,
    pub todo: &'static str,
    pub goes_on: &'static str,
    /// Between a label and what it labels.
    pub colon: &'static str,
    pub fate: &'static str,
    pub went_through: &'static str,
    pub refused: &'static str,
    pub acknowledge: &'static str,
    pub digest: &'static str,
    pub digest_intro: &'static str,
    pub approved: &'static str,
    pub would_deny: &'static str,
    pub denied: &'static str,
    pub chargeable: &'static str,
    pub emergency: &'static str,
    pub open: &'static str,
    pub mode: &'static str,
    pub day: &'static str,
    pub nothing: &'static str,
    pub digest_end: &'static str,
    pub test_subject: &'static str,
    pub test: &'static str,
    one_time: &'static str,
    times: &'static str,
    so_far: [&'static str; 2],
    one_incident: &'static str,
    incidents: &'static str,
    no_incident: &'static str,
    more: [&'static str; 2],
    modes: [&'static str; 3],
}

impl Labels {
    /// The words of a language.
    pub fn of(language: Language) -> &'static Labels {
        match language {
            Language::En => &EN,
            Language::Fr => &FR,
        }
    }

    /// What is said of a kind of incident.
    pub fn words(&self, kind: &str) -> Words {
        words(kind, self.language)
    }

    /// A sentence of the box's about what happened.
    pub fn said(&self, sentence: &str) -> String {
        let translated = match self.language {
            Language::En => None,
            Language::Fr => french(sentence),
        };
        translated.unwrap_or_else(|| sentence.to_owned())
    }

    /// `12 times`.
    pub fn times(&self, count: u64) -> String {
        match count {
            1 => self.one_time.to_owned(),
            _ => format!("{count} {}", self.times),
        }
    }

    /// `so far 312 times`.
    pub fn so_far(&self, count: u64) -> String {
        let [front, behind] = self.so_far;
        format!("{front}{}{behind}", self.times(count))
    }

    /// `3 incidents`.
    pub fn incidents(&self, count: u64) -> String {
        match count {
            0 => self.no_incident.to_owned(),
            1 => self.one_incident.to_owned(),
            _ => format!("{count} {}", self.incidents),
        }
    }

    /// `and 7 more`.
    pub fn more(&self, count: u64) -> String {
        let [front, behind] = self.more;
        format!("{front}{count}{behind}")
    }

    /// The mode's name.
    pub fn mode_name(&self, mode: Mode) -> &'static str {
        let [detect, prevent, lockdown] = self.modes;
        match mode {
            Mode::Detect => detect,
            Mode::Prevent => prevent,
            Mode::Lockdown => lockdown,
        }
    }
}

const EN: Labels = Labels {
    language: Language::En,
    code: "en",
    client: "PBX",
    caller: "Extension",
    number: "First number",
    details: "Details",
    count: "Count",
    told: "Told before",
    first: "First",
    last: "Last",
    todo: "What to do",
    goes_on: "Still",
    colon: ": ",
    fate: "The calls",
    went_through: "went through: the box is in Detect",
    refused: "were refused",
    acknowledge: "Acknowledge it by a short press of the box's button, on its page, or by `trunkguard alerts --acknowledge`; it is then not told again.",
    digest: "Daily digest",
    digest_intro: "The 24 hours until",
    approved: "Calls that went through",
    would_deny: "of those, against the policy",
    denied: "Calls that were refused",
    chargeable: "Calls that cost money",
    emergency: "Emergency calls",
    open: "Incidents that nobody has acknowledged",
    mode: "Mode",
    day: "What happened",
    nothing: "Nothing that needs a look.",
    digest_end: "A day on which this does not come is one on which the box, or its way out, does not work.",
    test_subject: "Test message",
    test: "This is a test message: alerts of this box arrive here.",
    one_time: "once",
    times: "times",
    so_far: ["so far ", ""],
    one_incident: "1 incident",
    incidents: "incidents",
    no_incident: "no incident",
    more: ["and ", " more, which `trunkguard alerts` and the page show"],
    modes: ["Detect", "Prevent", "Lockdown"],
};

const FR: Labels = Labels {
    language: Language::Fr,
    code: "fr",
    client: "Central",
    caller: "Poste",
    number: "Premier numéro",
    details: "Détails",
    count: "Nombre",
    told: "Déjà signalé",
    first: "Première fois",
    last: "Dernière fois",
    todo: "Que faire",
    goes_on: "Cela continue",
    colon: " : ",
    fate: "Les appels",
    went_through: "sont passés : le boîtier est en mode Détection",
    refused: "ont été refusés",
    acknowledge: "Confirmez par une courte pression sur le bouton du boîtier, sur sa page ou par `trunkguard alerts --acknowledge` ; ce ne sera plus signalé.",
    digest: "Résumé du jour",
    digest_intro: "Les 24 heures jusqu'au",
    approved: "Appels passés",
    would_deny: "dont contraires à la politique",
    denied: "Appels refusés",
    chargeable: "Appels payants",
    emergency: "Appels d'urgence",
    open: "Incidents que personne n'a confirmés",
    mode: "Mode",
    day: "Ce qui s'est passé",
    nothing: "Rien à examiner.",
    digest_end: "Un jour où ce message ne vient pas, le boîtier ou son accès à Internet ne marche pas.",
    test_subject: "Message d'essai",
    test: "Ceci est un message d'essai : les alertes de ce boîtier arrivent ici.",
    one_time: "une fois",
    times: "fois",
    so_far: ["", " jusqu'ici"],
    one_incident: "1 incident",
    incidents: "incidents",
    no_incident: "aucun incident",
    more: [
        "et ",
        " autres, que montrent `trunkguard alerts` et la page",
    ],
    modes: ["Détection", "Prévention", "Verrouillage"],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_said_in_the_offices_language() {
        let text = "pop.example does not answer any more; near.example answers best";
        assert_eq!(Labels::of(Language::En).said(text), text);
        let french = Labels::of(Language::Fr).said(text);
        assert_eq!(
            french,
            "pop.example ne répond plus; near.example répond le mieux"
        );
        // A number that was called is nobody's sentence.
        assert_eq!(Labels::of(Language::Fr).said("+5350000000"), "+5350000000");
    }
}
