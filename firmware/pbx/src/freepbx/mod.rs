//! FreePBX: click paths with the exact values. Names of fields are those of its English pages.

pub mod hook;
mod routes;
mod trunks;

use crate::{
    Answers, Language,
    answers::{Driver, Method, Transport, Trunk},
    language::say,
    setup::Step,
};

/// Everything to click, in order.
pub fn steps(a: &Answers, driver: Driver, l: Language) -> Vec<Step> {
    let the_box = a.the_box.ip();
    let mut steps = vec![Step::new(say!(
        l,
        "Connectivity > Firewall > Networks: the box's address {the_box}, zone Trusted. Without the firewall module: see that \
         fail2ban ignores it.",
        "Connectivity > Firewall > Networks : l'adresse du boîtier {the_box}, zone Trusted. Sans le module de pare-feu : \
         vérifiez que fail2ban l'ignore."
    ))];
    steps.extend(transports(a, driver, l));
    steps.push(trunks::the_box(a, driver, l));
    steps.push(trunks::voipms(a, driver, l, &a.account, None));
    if let Some(own) = &a.own_trunk {
        steps.push(trunks::voipms(
            a,
            driver,
            l,
            &own.account,
            Some(&own.extension),
        ));
    }
    steps.extend(routes::all(a, l));
    if a.method == Method::Redirect {
        steps.push(Step::new(say!(
            l,
            "Admin > Config Edit > extensions_custom.conf: paste the file below at its end. If a \
             [macro-dialout-trunk-predial-hook] is there already, put its lines in front of ours and keep one heading.",
            "Admin > Config Edit > extensions_custom.conf : collez le fichier ci-dessous à la fin. S'il s'y trouve déjà un \
             [macro-dialout-trunk-predial-hook], mettez ses lignes avant les nôtres et gardez un seul en-tête."
        )));
    }
    steps.push(Step::new(say!(
        l,
        "Click the red Apply Config. Then dial a number that the policy blocks, and look at `trunkguard calls`: denied, and no \
         call at VoIP.ms.",
        "Cliquez le bouton rouge Apply Config. Composez ensuite un numéro que la politique bloque et regardez \
         « trunkguard calls » : refusé, et aucun appel chez VoIP.ms."
    )));
    steps
}

/// What is set for all trunks together.
fn transports(a: &Answers, driver: Driver, l: Language) -> Option<Step> {
    let tcp = a.to_box == Transport::Tcp || a.to_voipms == Trunk::Tcp;
    let tls = a.to_box == Transport::Tls || a.to_voipms == Trunk::Tls;
    if !tcp && !tls {
        return None;
    }
    let mut step = Step::new(say!(
        l,
        "Settings > Asterisk SIP Settings: what carries SIP beside UDP. Then Submit and restart Asterisk (fwconsole restart).",
        "Settings > Asterisk SIP Settings : ce qui porte le SIP outre UDP. Ensuite Submit, puis redémarrez Asterisk \
         (fwconsole restart)."
    ));
    match driver {
        Driver::ChanSip => {
            if tcp {
                step = step.field(
                    "SIP Legacy Settings > Other SIP Settings",
                    "tcpenable = yes",
                );
            }
            if tls {
                step = step
                    .field("SIP Legacy Settings > Enable TLS", "Yes")
                    .field("SIP Legacy Settings > Don't Verify Server", "No");
            }
        }
        Driver::Pjsip => {
            if tcp {
                step = step.field("SIP Settings [chan_pjsip] > tcp - 0.0.0.0", "Yes");
            }
            if tls {
                // Where the box is spoken to by TLS, VoIP.ms is not: see `fit`.
                let verify = if a.to_box == Transport::Tls {
                    "No"
                } else {
                    "Yes"
                };
                step = step
                    .field("SIP Settings [chan_pjsip] > tls - 0.0.0.0", "Yes")
                    .field("SIP Settings [chan_pjsip] > Verify Server", verify);
            }
        }
    }
    Some(step)
}
