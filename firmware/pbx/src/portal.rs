//! VoIP.ms's own pages. Names of menus are those of its English pages.

use crate::{Answers, Language, answers::Trunk, language::say, setup::Step};

pub fn steps(a: &Answers, l: Language) -> Vec<Step> {
    let pop = &a.pop;
    let mut steps = vec![account(a, l, a.account.as_str())];
    if let Some(own) = &a.own_trunk {
        steps.push(account(a, l, own.account.as_str()));
    }
    steps.push(
        Step::new(say!(
            l,
            "DID Numbers > Manage DID(s) > Edit: the point of presence of the number must be the one that the PBX registers at, \
             or calls to the office never arrive.",
            "DID Numbers > Manage DID(s) > Edit : le point de présence du numéro doit être celui où le PBX s'enregistre, sinon les \
             appels vers le bureau n'arrivent jamais."
        ))
        .field("DID", a.did.as_str())
        .field("DID Point of Presence", pop.as_str())
        .field("Routing: SIP/IAX", a.account.as_str()),
    );
    steps.push(Step::new(say!(
        l,
        "DID Numbers > Manage DID(s) > E911: register the office's address for this number. Then dial 933, which reads it back. \
         Without it, 911 from this number reaches a call centre that does not know where you are, and costs extra.",
        "DID Numbers > Manage DID(s) > E911 : enregistrez l'adresse du bureau pour ce numéro. Composez ensuite le 933, qui la relit. \
         Sans cela, le 911 de ce numéro aboutit à un centre qui ne sait pas où vous êtes, avec des frais."
    ))
    .field("Caller ID", a.caller_id.as_str()));
    steps.push(
        Step::new(say!(
            l,
            "Main Menu > Account Settings > Account Restrictions: the last line of defence, should the PBX be taken over.",
            "Main Menu > Account Settings > Account Restrictions : la dernière défense, si le PBX tombait en de mauvaises mains."
        ))
        .field("Allowed Countries", say!(l, "only those that the office calls", "seulement ceux que le bureau appelle"))
        .field("Max Call Length, International", say!(l, "60 minutes or less", "60 minutes ou moins"))
        .field("Lock International", say!(l, "Yes, where the office calls nobody abroad", "Yes, si le bureau n'appelle personne à l'étranger")),
    );
    steps.push(Step::new(say!(
        l,
        "Finances: no automatic payment, a small balance, and a notice when it is low. What is not there cannot be stolen.",
        "Finances : aucun paiement automatique, un petit solde, et un avis quand il est bas. Ce qui n'y est pas ne peut être volé."
    )));
    steps.push(Step::new(say!(
        l,
        "Main Menu > SOAP and REST/JSON API: off, or for named addresses only; never 0.0.0.0.",
        "Main Menu > SOAP and REST/JSON API : désactivé, ou pour des adresses nommées seulement ; jamais 0.0.0.0."
    )));
    steps
}

fn account(a: &Answers, l: Language, account: &str) -> Step {
    let protocol = if a.to_voipms == Trunk::Iax2 {
        "IAX2"
    } else {
        "SIP"
    };
    let encrypted = if a.to_voipms == Trunk::Tls {
        "Yes"
    } else {
        "No"
    };
    let step = Step::new(say!(
        l,
        "Sub Accounts > Create (or Manage, Edit) Sub Account: an account for this PBX alone, never the main one's password.",
        "Sub Accounts > Create (ou Manage, Edit) Sub Account : un compte pour ce PBX seul, jamais le mot de passe du compte principal."
    ))
    .field("Username", account)
    .field("Protocol", protocol);
    let step = if a.registers() {
        step.field("Authentication Type", "User/Password Authentication")
            .field(
                "Password",
                say!(
                    l,
                    "12 or more letters and digits, nothing else",
                    "12 lettres et chiffres ou plus, rien d'autre"
                ),
            )
    } else {
        step.field("Authentication Type", "Static IP Authentication")
            .field(
                "IP Address",
                say!(
                    l,
                    "the office's public address",
                    "l'adresse publique du bureau"
                ),
            )
    };
    step.field("Device type", "IP PBX Server, Asterisk or Softswitch")
        .field("CallerID Number", a.caller_id.as_str())
        .field(
            "Allow International Calls",
            say!(
                l,
                "No, unless the office calls abroad",
                "No, sauf si le bureau appelle à l'étranger"
            ),
        )
        .field("Encrypted SIP Traffic", encrypted)
        .field(
            "Enable IP Restriction",
            say!(
                l,
                "Yes, with the office's public address if it is fixed",
                "Yes, avec l'adresse publique du bureau si elle est fixe"
            ),
        )
}
