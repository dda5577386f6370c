use super::Lang;

/// What was done, in words, by its word in the audit log; the word itself where it is not known here.
pub fn deed(word: &str, lang: Lang) -> &str {
    let known = DEEDS.iter().find(|(known, ..)| *known == word);
    known.map_or(word, |(_, en, fr)| match lang {
        Lang::En => en,
        Lang::Fr => fr,
    })
}

const DEEDS: &[(&str, &str, &str)] = &[
    (
        "log-in",
        "logged in, or typed the password again",
        "s’est connecté, ou a retapé le mot de passe",
    ),
    (
        "log-in-refused",
        "was refused: wrong name, password or code",
        "a été refusé : nom, mot de passe ou code inexact",
    ),
    ("password", "set a password", "a choisi un mot de passe"),
    (
        "sessions-ended",
        "ended other sessions",
        "a fermé d’autres sessions",
    ),
    (
        "one-time-codes",
        "switched one-time codes on",
        "a activé les codes à usage unique",
    ),
    (
        "one-time-codes-ended",
        "switched one-time codes off",
        "a désactivé les codes à usage unique",
    ),
    ("account-added", "added an account", "a ajouté un compte"),
    (
        "account-removed",
        "removed an account",
        "a retiré un compte",
    ),
    (
        "certificate-renewed",
        "made a new certificate",
        "a fait un nouveau certificat",
    ),
    (
        "certificate-replaced",
        "brought a certificate",
        "a fourni un certificat",
    ),
    ("mode", "changed the mode", "a changé le mode"),
    ("policy", "changed the policy", "a changé la politique"),
    ("token-added", "made a token", "a créé un jeton"),
    ("token-removed", "removed a token", "a supprimé un jeton"),
    (
        "alerts-acknowledged",
        "marked alerts as seen",
        "a marqué les alertes comme vues",
    ),
    (
        "alerts-tested",
        "sent a test message",
        "a envoyé un message d’essai",
    ),
    ("update", "saw to updates", "s’est occupé des mises à jour"),
    ("ban", "banned an address", "a bloqué une adresse"),
    ("unban", "lifted a ban", "a débloqué une adresse"),
    (
        "pop-add",
        "added an address or a name of VoIP.ms",
        "a ajouté une adresse ou un nom de VoIP.ms",
    ),
    (
        "pop-approve",
        "approved an address of VoIP.ms",
        "a approuvé une adresse de VoIP.ms",
    ),
    (
        "pop-refuse",
        "refused an address of VoIP.ms",
        "a refusé une adresse de VoIP.ms",
    ),
    (
        "pop-forget",
        "took back a decision on VoIP.ms",
        "a repris une décision sur VoIP.ms",
    ),
    (
        "pops-refresh",
        "had VoIP.ms’s names asked for",
        "a fait redemander les noms de VoIP.ms",
    ),
    (
        "record-sip",
        "recorded SIP messages, or stopped",
        "a enregistré des messages SIP, ou cessé",
    ),
    (
        "support-file",
        "downloaded a support file",
        "a téléchargé un fichier d’assistance",
    ),
    (
        "approve-destination",
        "approved a destination",
        "a approuvé une destination",
    ),
    ("pbx-client", "set a PBX up", "a configuré un PBX"),
    (
        "place",
        "set where the office is",
        "a indiqué où se trouve le bureau",
    ),
    (
        "plugged",
        "set how the box is plugged in",
        "a indiqué comment le boîtier est branché",
    ),
    ("pbx", "set the PBX", "a configuré le PBX"),
    (
        "pops",
        "chose VoIP.ms servers",
        "a choisi des serveurs VoIP.ms",
    ),
];
