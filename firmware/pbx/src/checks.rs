//! What to look at when all is done: the traps that no file shows.

use crate::{
    Answers, Language,
    answers::{Driver, Method, Pbx, Trunk},
    language::say,
    setup::Check,
};

pub fn all(a: &Answers, l: Language) -> Vec<Check> {
    let mut found = Vec::new();
    let mut check = |what: String, remedy: String| found.push(Check { what, remedy });
    calls(a, l, &mut check);
    network(a, l, &mut check);
    if matches!(a.pbx, Pbx::FreePbx { .. }) {
        freepbx(a, l, &mut check);
    }
    if a.registers() {
        check(
            say!(
                l,
                "The password has letters and digits only (12 or more).",
                "Le mot de passe n'a que des lettres et des chiffres (12 ou plus)."
            ),
            say!(
                l,
                "Change it on VoIP.ms's page and here. `#` breaks the login; `;` begins a comment in Asterisk's files; `:`, `@` and `/` break a \
                 register string. `trunkguard pbx-config --check-password` looks one over.",
                "Changez-le sur la page de VoIP.ms et ici. Un « # » casse la connexion ; un « ; » ouvre un commentaire dans les fichiers \
                 d'Asterisk ; « : », « @ » et « / » cassent une chaîne d'enregistrement. « trunkguard pbx-config --check-password » en examine un."
            ),
        );
    }
    found
}

fn calls(a: &Answers, l: Language, check: &mut impl FnMut(String, String)) {
    let prefix = &a.outside_prefix;
    check(
        say!(
            l,
            "Dial {prefix}4443: the echo test answers.",
            "Composez {prefix}4443 : le test d'écho répond."
        ),
        say!(
            l,
            "If not: is the registration up, and the account's point of presence the PBX's?",
            "Sinon : l'enregistrement est-il en place, et le point de présence du compte celui du PBX ?"
        ),
    );
    check(
        say!(
            l,
            "Dial a number that the policy blocks: refused, and no call on VoIP.ms's page CDR.",
            "Composez un numéro que la politique bloque : refusé, et aucun appel à la page CDR de VoIP.ms."
        ),
        say!(
            l,
            "`trunkguard explain` says what the box decides. In detect mode it lets everything through; if the call is not in `trunkguard calls` \
             at all, the PBX does not ask.",
            "« trunkguard explain » dit ce que le boîtier décide. En mode detect il laisse tout passer ; si l'appel n'est pas dans \
             « trunkguard calls », le PBX ne demande pas."
        ),
    );
    check(
        say!(
            l,
            "Dial 933: the E911 test reads the office's address.",
            "Composez le 933 : le test E911 lit l'adresse du bureau."
        ),
        say!(
            l,
            "Register the address on VoIP.ms's page E911, for the caller ID number above.",
            "Enregistrez l'adresse à la page E911 de VoIP.ms, pour le numéro d'afficheur ci-dessus."
        ),
    );
    check(
        say!(
            l,
            "Unplug the box and dial 933 again: it still answers.",
            "Débranchez le boîtier et composez encore le 933 : il répond toujours."
        ),
        say!(
            l,
            "Emergency numbers must go straight to VoIP.ms: compare the lines with those above.",
            "Les numéros d'urgence doivent aller droit à VoIP.ms : comparez les lignes avec celles ci-dessus."
        ),
    );
    let ring = &a.ring;
    check(
        say!(
            l,
            "Call the office from outside: extension {ring} rings.",
            "Appelez le bureau de l'extérieur : le poste {ring} sonne."
        ),
        say!(
            l,
            "The number must be written with its ten digits, without the 1; its point of presence on VoIP.ms's page must be the PBX's.",
            "Le numéro s'écrit avec ses dix chiffres, sans le 1 ; son point de présence à la page de VoIP.ms doit être celui du PBX."
        ),
    );
}

fn network(a: &Answers, l: Language, check: &mut impl FnMut(String, String)) {
    check(
        say!(
            l,
            "The router's SIP ALG (SIP helper, SIP transformations) is off.",
            "Le SIP ALG du routeur (assistant SIP, SIP transformations) est désactivé."
        ),
        say!(
            l,
            "Switch it off: it rewrites SIP, and calls are lost or one-sided by it.",
            "Désactivez-le : il réécrit le SIP, et des appels se perdent ou restent muets."
        ),
    );
    check(
        say!(
            l,
            "No port of the PBX is forwarded from the internet (5060, 5061, 4569, 80, 443, 22).",
            "Aucun port du PBX n'est redirigé depuis Internet (5060, 5061, 4569, 80, 443, 22)."
        ),
        say!(
            l,
            "Take the forwarding out: a PBX that registers needs none.",
            "Retirez la redirection : un PBX qui s'enregistre n'en a pas besoin."
        ),
    );
    if a.to_voipms == Trunk::Tls {
        check(
            say!(
                l,
                "The PBX verifies VoIP.ms's certificate.",
                "Le PBX vérifie le certificat de VoIP.ms."
            ),
            say!(
                l,
                "\"Don't verify server\" must be No (chan_sip), \"Verify server\" Yes (PJSIP).",
                "« Don't verify server » doit être No (chan_sip), « Verify server » Yes (PJSIP)."
            ),
        );
    }
}

fn freepbx(a: &Answers, l: Language, check: &mut impl FnMut(String, String)) {
    if a.method == Method::Failover {
        check(
            say!(
                l,
                "Trunk trunkguard: Continue if Busy is No.",
                "Liaison trunkguard : Continue if Busy est No."
            ),
            say!(
                l,
                "Set it to No: with Yes every refused call goes out by the next trunk.",
                "Mettez No : avec Yes, chaque appel refusé sort par la liaison suivante."
            ),
        );
    } else {
        check(
            say!(
                l,
                "No Outbound Route names the trunk trunkguard.",
                "Aucune Outbound Route ne nomme la liaison trunkguard."
            ),
            say!(
                l,
                "Take it out: only the hook asks the box.",
                "Retirez-la : seul le hook interroge le boîtier."
            ),
        );
    }
    if a.pbx.driver() == Some(Driver::ChanSip) || a.to_voipms == Trunk::Iax2 {
        check(
            say!(
                l,
                "Incoming settings of the trunks are blank, but for the Register String.",
                "Les réglages Incoming des liaisons sont vides, sauf la Register String."
            ),
            say!(
                l,
                "Delete what FreePBX put there: a `type=user` of it takes VoIP.ms's calls and asks for a password.",
                "Effacez ce que FreePBX y a mis : son « type=user » prend les appels de VoIP.ms et demande un mot de passe."
            ),
        );
    }
    if a.to_voipms == Trunk::Iax2 {
        check(
            say!(
                l,
                "The IAX2 trunk is named voipms, in small letters.",
                "La liaison IAX2 s'appelle voipms, en minuscules."
            ),
            say!(
                l,
                "Rename it, on both tabs: VoIP.ms's calls come to that name.",
                "Renommez-la, aux deux onglets : les appels de VoIP.ms arrivent à ce nom."
            ),
        );
    }
    check(
        say!(
            l,
            "Settings > Asterisk SIP Settings: Allow Anonymous Inbound SIP Calls and Allow SIP Guests are No.",
            "Settings > Asterisk SIP Settings : Allow Anonymous Inbound SIP Calls et Allow SIP Guests sont No."
        ),
        say!(l, "Set both to No.", "Mettez No aux deux."),
    );
}
