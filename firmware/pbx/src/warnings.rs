//! What the answers bring with them.

use crate::{
    Answers, Language,
    answers::{Driver, Method, Pbx, Transport, Trunk, WhenAway},
    language::say,
};

/// Warnings for these answers, the gravest first.
pub fn all(a: &Answers, l: Language) -> Vec<String> {
    let mut found = Vec::new();
    away(a, l, &mut found);
    refusal(a, l, &mut found);
    roads(a, l, &mut found);
    software(a, l, &mut found);
    if a.pbx == Pbx::FreeSwitch {
        found.push(say!(
            l,
            "FreeSWITCH is in no test of Trunkguard's: place the test calls below before you rely on it. The box is told no \
             User-Agent of phones, and a phone that does not log in is taken by its From.",
            "FreeSWITCH ne figure dans aucun test de Trunkguard : faites les appels d'essai ci-dessous avant de vous y fier. Le \
             boîtier ne reçoit pas le User-Agent des téléphones, et un téléphone sans mot de passe est pris par son From."
        ));
    }
    if trunkguard_core::pops::by_name(a.pop.as_str()).is_none() {
        let pop = &a.pop;
        found.push(say!(
            l,
            "{pop} is none of the points of presence that this version knows: the box asks before it lets its addresses through \
             (trunkguard pops).",
            "{pop} n'est pas un point de présence que cette version connaît : le boîtier demande avant de laisser passer ses adresses \
             (trunkguard pops)."
        ));
    }
    found
}

fn away(a: &Answers, l: Language, found: &mut Vec<String>) {
    let sequence = matches!(a.pbx, Pbx::FreePbx { .. }) && a.method == Method::Failover;
    found.push(match a.when_away {
        WhenAway::Open if sequence => say!(
            l,
            "While the box is away, every call goes to VoIP.ms unasked: FreePBX's trunk sequence cannot do otherwise. Within the first \
             seconds after it went away, a call waits up to 32 s and is then given up. The method redirect can fail closed.",
            "Quand le boîtier est absent, chaque appel va à VoIP.ms sans contrôle : la séquence de liaisons de FreePBX ne sait pas faire \
             autrement. Dans les premières secondes, un appel attend jusqu'à 32 s puis échoue. La méthode redirect sait refuser."
        ),
        WhenAway::Open => say!(
            l,
            "While the box is away, every call goes to VoIP.ms unasked: whoever can switch the box off can call anywhere. Keep the \
             limits on VoIP.ms's pages tight.",
            "Quand le boîtier est absent, chaque appel va à VoIP.ms sans contrôle : qui peut débrancher le boîtier peut appeler partout. \
             Gardez des limites serrées sur les pages de VoIP.ms."
        ),
        WhenAway::Closed => say!(
            l,
            "While the box is away, only emergency calls go out. They never ask the box, so its list of calls does not show them.",
            "Quand le boîtier est absent, seuls les appels d'urgence sortent. Ils ne passent jamais par le boîtier : sa liste d'appels ne \
             les montre pas."
        ),
    });
}

fn refusal(a: &Answers, l: Language, found: &mut Vec<String>) {
    let code = a.refusal();
    if a.profile() == trunkguard_core::policy::Profile::FreepbxTrunk {
        found.push(say!(
            l,
            "A refusal must be {code}, and \"Continue if Busy\" of the trunk trunkguard must be No: otherwise refused calls go out by the \
             next trunk. 603 in particular stops nothing with PJSIP.",
            "Un refus doit être {code}, et « Continue if Busy » de la liaison trunkguard doit être No : sinon les appels refusés sortent \
             par la liaison suivante. Le 603, en particulier, n'arrête rien avec PJSIP."
        ));
        found.push(say!(
            l,
            "FreePBX tells the box the outgoing caller ID, not the extension, and nothing of the phone: rules for callers, networks \
             and new phones see one caller. The method redirect tells both.",
            "FreePBX donne au boîtier l'afficheur sortant, pas le poste, et rien du téléphone : les règles par poste, par réseau et par \
             téléphone ne voient qu'un appelant. La méthode redirect donne les deux."
        ));
    }
}

fn roads(a: &Answers, l: Language, found: &mut Vec<String>) {
    if a.to_box == Transport::Tls {
        found.push(say!(
            l,
            "The box's certificate is its own and is not verified: TLS to the box hides calls from who only listens. Start the box with \
             --sips ADDR:5061.",
            "Le certificat du boîtier est le sien et n'est pas vérifié : TLS vers le boîtier cache les appels à qui ne fait qu'écouter. \
             Démarrez le boîtier avec --sips ADRESSE:5061."
        ));
    }
    if a.to_voipms == Trunk::Tls {
        found.push(say!(
            l,
            "The guide says \"Don't verify server: Yes\" for TLS. Don't: unverified, anybody on the way can be VoIP.ms. If the registration \
             fails by the certificate, correct the PBX's clock and its certificates (package ca-certificates).",
            "Le guide dit « Don't verify server: Yes » pour TLS. Surtout pas : sans vérification, n'importe qui en chemin peut être VoIP.ms. \
             Si l'enregistrement échoue par le certificat, corrigez l'horloge du PBX et ses certificats (paquet ca-certificates)."
        ));
    }
    if a.to_voipms == Trunk::Tls && a.pbx.driver() == Some(Driver::ChanSip) {
        found.push(say!(
            l,
            "chan_sip over TLS was not tried by Trunkguard's tests.",
            "chan_sip par TLS n'a pas été essayé par les tests de Trunkguard."
        ));
    }
    if a.to_voipms == Trunk::Iax2 {
        found.push(say!(
            l,
            "IAX2 carries no SIP: the box is asked by SIP before, as above, and sees nothing of the call itself. It is not encrypted.",
            "IAX2 ne porte pas de SIP : le boîtier est consulté par SIP avant, comme ci-dessus, et ne voit rien de l'appel même. Rien n'y est \
             chiffré."
        ));
    }
    if !a.registers() {
        found.push(say!(
            l,
            "With IP authentication the office's address is the password: whoever gets a machine of the office to send SIP can call on \
             your account. Registration is the better choice where it works.",
            "Avec l'authentification par IP, l'adresse du bureau est le mot de passe : qui fait envoyer du SIP à une machine du bureau \
             appelle sur votre compte. L'enregistrement est préférable quand il fonctionne."
        ));
    }
}

fn software(a: &Answers, l: Language, found: &mut Vec<String>) {
    if let Pbx::FreePbx {
        version: version @ ..=14,
        ..
    } = a.pbx
    {
        found.push(say!(
            l,
            "FreePBX {version} gets no repairs any more, and holes in it are in use: plan the move to 17. `trunkguard doctor` says what is known \
             of your version.",
            "FreePBX {version} n'est plus corrigé, et ses failles sont exploitées : prévoyez le passage à la 17. « trunkguard doctor » dit ce \
             qu'on sait de votre version."
        ));
    }
    if a.pbx.driver() == Some(Driver::ChanSip) {
        found.push(say!(
            l,
            "chan_sip is gone from Asterisk 21 on. Its qualification asks a box that was away only every 10 s: so long calls are decided \
             as if it were away still.",
            "chan_sip n'existe plus depuis Asterisk 21. Il n'interroge un boîtier absent que toutes les 10 s : d'ici là, les appels sont \
             traités comme s'il l'était encore."
        ));
    }
}
