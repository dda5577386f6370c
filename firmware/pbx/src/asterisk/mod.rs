//! Asterisk with configuration files.

mod ask;
mod chan_sip;
mod dialplan;
mod iax2;
mod pjsip;

pub use ask::context as ask;
pub use chan_sip::{register_string, voipms as chan_sip_voipms};
pub use iax2::{register_string as iax2_register_string, voipms as iax2_voipms};

use crate::{
    Answers, Language,
    answers::{Driver, Trunk},
    language::say,
    setup::{File, Step},
};

/// The files of `/etc/asterisk`.
pub fn files(a: &Answers, driver: Driver) -> Vec<File> {
    let mut files = vec![match driver {
        Driver::ChanSip => file("trunkguard_sip.conf", "sip.conf", chan_sip::text(a)),
        Driver::Pjsip => file("trunkguard_pjsip.conf", "pjsip.conf", pjsip::text(a)),
    }];
    if a.to_voipms == Trunk::Iax2 {
        files.push(file("trunkguard_iax.conf", "iax.conf", iax2::text(a)));
    }
    files.push(file(
        "trunkguard_extensions.conf",
        "extensions.conf",
        dialplan::text(a, driver),
    ));
    files
}

fn file(name: &str, reader: &str, text: String) -> File {
    File {
        name: name.into(),
        place: format!("in /etc/asterisk; at the end of {reader}: #include {name}"),
        text,
    }
}

/// How a call is dialled by the trunk whose name is in `trunk`.
pub fn dial(a: &Answers, driver: Driver, number: &str, trunk: &str) -> String {
    match (a.to_voipms, driver) {
        (Trunk::Iax2, _) => format!("IAX2/{trunk}/{number}"),
        (_, Driver::ChanSip) => format!("SIP/{trunk}/{number}"),
        (_, Driver::Pjsip) => format!("PJSIP/{number}@{trunk}"),
    }
}

pub fn steps(a: &Answers, driver: Driver, l: Language) -> Vec<Step> {
    let context = &a.context;
    let ring = &a.ring;
    let place = crate::PASSWORD;
    let mut steps = vec![Step::new(say!(
        l,
        "Put the files below into /etc/asterisk, readable by Asterisk's user only, and add an #include of each at the end of \
         the file that reads it. Take out the trunks and the outgoing patterns that were there for VoIP.ms before.",
        "Placez les fichiers ci-dessous dans /etc/asterisk, lisibles par l'utilisateur d'Asterisk seulement, et ajoutez un \
         #include de chacun à la fin du fichier qui le lit. Retirez les liaisons et les motifs sortants de VoIP.ms qui y étaient."
    ))];
    if a.registers() {
        steps.push(Step::new(say!(
            l,
            "In the files, replace every {place} by the password of the VoIP.ms account: letters and digits only, 12 or more.",
            "Dans les fichiers, remplacez chaque {place} par le mot de passe du compte VoIP.ms : lettres et chiffres \
             seulement, 12 ou plus."
        )));
    }
    steps.push(
        Step::new(say!(
            l,
            "In extensions.conf, in the context of the phones, [{context}], include the outgoing calls. Extension {ring}, which \
             rings when the office is called, must be in that context.",
            "Dans extensions.conf, dans le contexte des téléphones, [{context}], incluez les appels sortants. Le poste {ring}, \
             qui sonne quand on appelle le bureau, doit être dans ce contexte."
        ))
        .block("include => trunkguard-out"),
    );
    let reload = match (driver, a.to_voipms) {
        (Driver::ChanSip, Trunk::Iax2) => {
            "sip reload\niax2 reload\ndialplan reload\nsip show peers\niax2 show registry"
        }
        (Driver::Pjsip, Trunk::Iax2) => {
            "pjsip reload\niax2 reload\ndialplan reload\npjsip show endpoints\niax2 show registry"
        }
        (Driver::ChanSip, _) => "sip reload\ndialplan reload\nsip show peers\nsip show registry",
        (Driver::Pjsip, _) => {
            "pjsip reload\ndialplan reload\npjsip show endpoints\npjsip show registrations"
        }
    };
    steps.push(
        Step::new(say!(
            l,
            "Load them (asterisk -r), and see that the box is reachable and the registration stands. A new PJSIP transport needs \
             `core restart now`.",
            "Chargez-les (asterisk -r), puis vérifiez que le boîtier est joignable et l'enregistrement en place. Un nouveau \
             transport PJSIP exige « core restart now »."
        ))
        .block(reload),
    );
    steps
}
