//! FreePBX's trunks: one to the box, one to VoIP.ms.

use crate::{
    Answers, Language, PASSWORD,
    answers::{Account, Driver, Extension, Method, Transport, Trunk},
    asterisk,
    language::say,
    setup::Step,
};

/// The trunk to the box.
pub fn the_box(a: &Answers, driver: Driver, l: Language) -> Step {
    let (host, port) = (a.the_box.ip(), a.the_box.port());
    let route = match a.method {
        Method::Redirect => say!(
            l,
            "Put it into no Outbound Route.",
            "Ne la mettez dans aucune Outbound Route."
        ),
        Method::Failover => say!(
            l,
            "It comes first in the routes below.",
            "Elle vient en premier dans les routes ci-dessous."
        ),
    };
    match driver {
        Driver::Pjsip => Step::new(say!(
            l,
            "Connectivity > Trunks > Add Trunk > Add SIP (chan_pjsip) Trunk: the box. {route}",
            "Connectivity > Trunks > Add Trunk > Add SIP (chan_pjsip) Trunk : le boîtier. {route}"
        ))
        .field("General > Trunk Name", "trunkguard")
        .field("General > Outbound CallerID", "")
        .field("General > Continue if Busy", "No")
        .field("pjsip Settings > General > Username", "")
        .field("pjsip Settings > General > Authentication", "None")
        .field("pjsip Settings > General > Registration", "None")
        .field("pjsip Settings > General > SIP Server", host.to_string())
        .field(
            "pjsip Settings > General > SIP Server Port",
            port.to_string(),
        )
        .field("pjsip Settings > General > Context", "from-trunkguard")
        .field(
            "pjsip Settings > General > Transport",
            format!("0.0.0.0-{}", a.to_box),
        )
        .field("pjsip Settings > Advanced > Qualify Frequency", "10"),
        Driver::ChanSip => {
            let transport = if a.to_box == Transport::Tcp {
                "transport=tcp\n"
            } else {
                ""
            };
            Step::new(say!(
                l,
                "Connectivity > Trunks > Add Trunk > Add SIP (chan_sip) Trunk: the box. {route} Incoming: delete everything that \
                 is there. The lines are Outgoing > PEER Details:",
                "Connectivity > Trunks > Add Trunk > Add SIP (chan_sip) Trunk : le boîtier. {route} Incoming : effacez tout ce qui \
                 s'y trouve. Les lignes vont dans Outgoing > PEER Details :"
            ))
            .field("General > Trunk Name", "trunkguard")
            .field("General > Continue if Busy", "No")
            .field("sip Settings > Outgoing > Trunk Name", "trunkguard")
            .field("sip Settings > Incoming > USER Context", "")
            .field("sip Settings > Incoming > USER Details", "")
            .field("sip Settings > Incoming > Register String", "")
            .block(format!(
                "type=peer\nhost={host}\nport={port}\n{transport}context=from-trunkguard\ndirectmedia=no\ndisallow=all\nallow=ulaw\n\
                 qualify=yes\nqualifyfreq=10\ntimert1=200\ntimerb=3200\n"
            ))
        }
    }
}

/// The trunk to VoIP.ms; `own` where it is that of one extension.
pub fn voipms(
    a: &Answers,
    driver: Driver,
    l: Language,
    account: &Account,
    own: Option<&Extension>,
) -> Step {
    let name = own.map_or_else(
        || "voipms".to_owned(),
        |extension| format!("voipms-{extension}"),
    );
    match (a.to_voipms, driver) {
        (Trunk::Iax2, _) => iax2(a, l),
        (_, Driver::ChanSip) => chan_sip(a, l, account, &name),
        (_, Driver::Pjsip) => pjsip(a, l, account, &name),
    }
}

fn pjsip(a: &Answers, l: Language, account: &Account, name: &str) -> Step {
    let (pop, did) = (&a.pop, &a.did);
    let protocol = if a.to_voipms == Trunk::Tls {
        "tls"
    } else {
        a.to_voipms.name()
    };
    let mut step = Step::new(say!(
        l,
        "Connectivity > Trunks > Add Trunk > Add SIP (chan_pjsip) Trunk: VoIP.ms.",
        "Connectivity > Trunks > Add Trunk > Add SIP (chan_pjsip) Trunk : VoIP.ms."
    ))
    .field("General > Trunk Name", name)
    .field("General > Outbound CallerID", a.caller_id.as_str());
    step = if a.registers() {
        step.field("pjsip Settings > General > Username", account.as_str())
            .field("pjsip Settings > General > Auth username", account.as_str())
            .field("pjsip Settings > General > Secret", PASSWORD)
            .field("pjsip Settings > General > Authentication", "Outbound")
            .field("pjsip Settings > General > Registration", "Send")
    } else {
        step.field("pjsip Settings > General > Username", "")
            .field("pjsip Settings > General > Authentication", "None")
            .field("pjsip Settings > General > Registration", "None")
    };
    step = step
        .field("pjsip Settings > General > SIP Server", pop.as_str())
        .field(
            "pjsip Settings > General > SIP Server Port",
            a.to_voipms.port().to_string(),
        )
        .field("pjsip Settings > General > Context", "from-pstn")
        .field(
            "pjsip Settings > General > Transport",
            format!("0.0.0.0-{protocol}"),
        )
        .field("pjsip Settings > Advanced > Contact User", did.as_str())
        .field("pjsip Settings > Advanced > From Domain", pop.as_str())
        .field("pjsip Settings > Advanced > From User", account.as_str())
        .field(
            "pjsip Settings > Advanced > Send RPID/PAI",
            "Send Remote-Party-ID header",
        )
        .field("pjsip Settings > Advanced > Match (Permit)", pop.as_str());
    if a.to_voipms == Trunk::Tls {
        step = step.field(
            "pjsip Settings > Advanced > Media Encryption",
            "SRTP via in-SDP (recommended)",
        );
    }
    step.field("pjsip Settings > Codecs", "ulaw")
}

fn chan_sip(a: &Answers, l: Language, account: &Account, name: &str) -> Step {
    let register = if a.registers() {
        asterisk::register_string(a).replacen(a.account.as_str(), account.as_str(), 1)
    } else {
        String::new()
    };
    Step::new(say!(
        l,
        "Connectivity > Trunks > Add Trunk > Add SIP (chan_sip) Trunk: VoIP.ms. Incoming: delete everything that is there. The \
         lines are Outgoing > PEER Details:",
        "Connectivity > Trunks > Add Trunk > Add SIP (chan_sip) Trunk : VoIP.ms. Incoming : effacez tout ce qui s'y trouve. Les \
         lignes vont dans Outgoing > PEER Details :"
    ))
    .field("General > Trunk Name", name)
    .field("General > Outbound CallerID", a.caller_id.as_str())
    .field("sip Settings > Outgoing > Trunk Name", name)
    .field("sip Settings > Incoming > USER Context", "")
    .field("sip Settings > Incoming > USER Details", "")
    .field("sip Settings > Incoming > Register String", register)
    .block(plain(&asterisk::chan_sip_voipms(a, account, "from-trunk")))
}

fn iax2(a: &Answers, l: Language) -> Step {
    let register = if a.registers() {
        asterisk::iax2_register_string(a)
    } else {
        String::new()
    };
    Step::new(say!(
        l,
        "Connectivity > Trunks > Add Trunk > Add IAX2 Trunk: VoIP.ms. Its name must be voipms. Incoming: delete everything that is \
         there. The lines are Outgoing > PEER Details:",
        "Connectivity > Trunks > Add Trunk > Add IAX2 Trunk : VoIP.ms. Son nom doit être voipms. Incoming : effacez tout ce qui s'y \
         trouve. Les lignes vont dans Outgoing > PEER Details :"
    ))
    .field("General > Trunk Name", "voipms")
    .field("General > Outbound CallerID", a.caller_id.as_str())
    .field("iax Settings > Outgoing > Trunk Name", "voipms")
    .field("iax Settings > Incoming > USER Context", "")
    .field("iax Settings > Incoming > USER Details", "")
    .field("iax Settings > Incoming > Register String", register)
    .block(plain(&asterisk::iax2_voipms(a, "from-trunk")))
}

/// As FreePBX's page writes it: no spaces around the sign.
fn plain(details: &str) -> String {
    details.replace(" = ", "=")
}
