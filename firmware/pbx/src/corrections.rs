//! Where this departs from the letter of the guides it follows, and why.

use crate::{
    Answers, Language,
    answers::{Driver, Method, Pbx, Trunk},
    language::say,
    setup::Correction,
};

/// Those that touch these answers.
pub fn all(a: &Answers, l: Language) -> Vec<Correction> {
    let mut found = Vec::new();
    patterns(a, l, &mut found);
    trunk(a, l, &mut found);
    if a.pbx != Pbx::FreeSwitch
        && !(matches!(a.pbx, Pbx::FreePbx { .. }) && a.method == Method::Failover)
    {
        question(a, l, &mut found);
    }
    found
}

fn add(found: &mut Vec<Correction>, line: &str, why: String, instead: impl Into<String>) {
    found.push(Correction {
        line: line.into(),
        why,
        instead: instead.into(),
    });
}

fn patterns(a: &Answers, l: Language, found: &mut Vec<Correction>) {
    add(
        found,
        "Z: matches any digit from 2-9",
        say!(
            l,
            "Z is 1 to 9; N is 2 to 9, X is 0 to 9.",
            "Z va de 1 à 9 ; N de 2 à 9, X de 0 à 9."
        ),
        "N, X",
    );
    add(
        found,
        "4XXX (for echo test and DTMF test)",
        say!(
            l,
            "takes every extension of four digits that begins with 4 away.",
            "enlève tout poste de quatre chiffres qui commence par 4."
        ),
        "4443, 4747",
    );
    add(
        found,
        "*xx",
        say!(
            l,
            "takes the PBX's own feature codes (*97, *98) away.",
            "enlève les codes du PBX lui-même (*97, *98)."
        ),
        say!(
            l,
            "left out; VoIP.ms's voicemail is reached by its own number",
            "omis ; la messagerie de VoIP.ms a son propre numéro"
        ),
    );
    if matches!(a.pbx, Pbx::FreePbx { .. }) {
        add(
            found,
            "1+NXXNXXXXXX, 1555+NXXXXXX (Dialed Number Manipulation Rules)",
            say!(
                l,
                "stand in the trunk: the box would be asked about another number than the one that is dialled.",
                "se trouvent dans la liaison : le boîtier serait consulté sur un autre numéro que celui composé."
            ),
            say!(
                l,
                "the prepend box of the route's dial pattern",
                "la case prepend du motif de la route"
            ),
        );
    }
    if a.own_trunk.is_some() {
        add(
            found,
            "2|.",
            say!(
                l,
                "takes every number that begins with 2 (212 555 …) and everything behind it, abroad too; and anybody can dial the 2.",
                "prend tout numéro qui commence par 2 (212 555 …), l'étranger compris ; et n'importe qui peut composer le 2."
            ),
            say!(
                l,
                "the extension itself chooses the trunk",
                "le poste lui-même choisit la liaison"
            ),
        );
    }
}

fn trunk(a: &Answers, l: Language, found: &mut Vec<Correction>) {
    match (a.to_voipms, a.pbx.driver()) {
        (Trunk::Iax2, _) => {
            add(
                found,
                "insecure=port,invite",
                say!(
                    l,
                    "is an option of chan_sip; IAX2 reads none of that name.",
                    "est une option de chan_sip ; IAX2 n'en lit aucune de ce nom."
                ),
                "-",
            );
            add(
                found,
                "requirecalltoken=no",
                say!(
                    l,
                    "opens the PBX to floods with forged addresses (CVE-2009-2346).",
                    "ouvre le PBX aux inondations d'adresses forgées (CVE-2009-2346)."
                ),
                "requirecalltoken=auto",
            );
        }
        (_, Some(Driver::ChanSip)) => {
            add(
                found,
                "canreinvite=nonat, nat=yes, username=",
                say!(
                    l,
                    "are old names, which chan_sip warns of.",
                    "sont d'anciens noms, que chan_sip signale."
                ),
                "directmedia=no, nat=force_rport,comedia, defaultuser=",
            );
            if a.registers() {
                add(
                    found,
                    "100000:YourPassword@montreal10.voip.ms:5060",
                    say!(
                        l,
                        "calls to the office arrive at the extension \"s\".",
                        "les appels vers le bureau arrivent au poste « s »."
                    ),
                    say!(
                        l,
                        "the number behind a slash",
                        "le numéro derrière une barre oblique"
                    ),
                );
            }
        }
        _ => {}
    }
    if a.to_voipms == Trunk::Tls {
        add(
            found,
            "Don't verify server: Yes",
            say!(
                l,
                "anybody on the way can be VoIP.ms, and gets the login and the calls.",
                "n'importe qui en chemin peut être VoIP.ms et reçoit la connexion et les appels."
            ),
            say!(l, "verified", "vérifié"),
        );
        add(
            found,
            "allow=g729&ulaw&gsm",
            say!(
                l,
                "`&` separates nothing in Asterisk's own files, and G.729 needs a licence.",
                "« & » ne sépare rien dans les fichiers d'Asterisk, et G.729 exige une licence."
            ),
            "allow=ulaw",
        );
    }
}

fn question(a: &Answers, l: Language, found: &mut Vec<Correction>) {
    add(
        found,
        "SIPAddHeader(P-tfps: ${CALLERID(num)};${SIPDOMAIN};…)",
        say!(
            l,
            "`;` begins a comment: the box gets the first field alone.",
            "« ; » ouvre un commentaire : le boîtier ne reçoit que le premier champ."
        ),
        "\\;",
    );
    add(
        found,
        "_011[1-9]., dial(SIP/fps/${EXTEN:2})",
        say!(
            l,
            "only calls by 011 are asked about; and 011 44 20 … arrives as 1 44 20 …, which looks like a number of North America.",
            "seuls les appels par 011 sont contrôlés ; et 011 44 20 … arrive comme 1 44 20 …, qui ressemble à un numéro nord-américain."
        ),
        say!(
            l,
            "every call, with the number as it is dialled at VoIP.ms",
            "chaque appel, avec le numéro tel que composé chez VoIP.ms"
        ),
    );
    match a.method {
        Method::Redirect => add(
            found,
            "exten=_A.,1,Answer()",
            say!(
                l,
                "stands in a context that the 302 does not lead to; and the phone says \"connected\" before anything rings.",
                "se trouve dans un contexte où le 302 ne mène pas ; et le téléphone dit « connecté » avant que rien ne sonne."
            ),
            "FORWARD_CONTEXT, [trunkguard-answer]",
        ),
        Method::Failover => add(
            found,
            "same=>n,goto(${DIALSTATUS}) … same=>n(CONGESTION),",
            say!(
                l,
                "a line without an application, and no label for a box that is away or for PJSIP's 603: no approved call passes.",
                "une ligne sans application, et aucune étiquette pour un boîtier absent ni pour le 603 de PJSIP : aucun appel approuvé ne passe."
            ),
            "[trunkguard-ask]: approved, refused, silent",
        ),
    }
    add(
        found,
        "playback(unauthorized)",
        say!(
            l,
            "there is no such file, and Playback answers the call first.",
            "ce fichier n'existe pas, et Playback décroche d'abord."
        ),
        "Progress(), Playback(ss-noservice,noanswer), Hangup(21)",
    );
}
