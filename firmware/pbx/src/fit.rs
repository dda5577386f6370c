//! What does not go together, with the reason and the way out. What was measured is in docs/pbx.md.

use trunkguard_core::policy::CountryCode;

use crate::{
    Language,
    answers::{Answers, Driver, Method, Pbx, Transport, Trunk, WhenAway},
    form::Wrong,
    language::say,
};

/// Everything of the answers that does not fit together.
pub fn together(a: &Answers, l: Language) -> Vec<Wrong> {
    let rules: [fn(&Answers, Language) -> Option<Wrong>; 10] = [
        no_chan_sip,
        no_iax2,
        verified,
        sequence_is_open,
        sequence_refuses,
        silence_approves,
        one_place,
        seven_digits,
        own_account,
        own_iax2,
    ];
    rules.iter().filter_map(|rule| rule(a, l)).collect()
}

fn no_chan_sip(a: &Answers, l: Language) -> Option<Wrong> {
    let gone = matches!(
        a.pbx,
        Pbx::FreePbx {
            version: 17..,
            driver: Driver::ChanSip
        }
    );
    gone.then(|| {
        let why = say!(
            l,
            "FreePBX 17 has no chan_sip: its Asterisk (21 and later) dropped it; write pjsip",
            "FreePBX 17 n’a pas chan_sip : son Asterisk (21 et plus) l’a abandonné ; écrivez pjsip"
        );
        Wrong::new("driver", why)
    })
}

fn no_iax2(a: &Answers, l: Language) -> Option<Wrong> {
    let none = a.pbx == Pbx::FreeSwitch && a.to_voipms == Trunk::Iax2;
    none.then(|| {
        let why = say!(
            l,
            "FreeSWITCH has no IAX2; write udp, tcp or tls",
            "FreeSWITCH n’a pas IAX2 ; écrivez udp, tcp ou tls"
        );
        Wrong::new("to_voipms", why)
    })
}

/// The box's certificate is its own and cannot be verified; VoIP.ms's can and must be. Where one switch is
/// for both, one of them has to go.
fn verified(a: &Answers, l: Language) -> Option<Wrong> {
    if a.to_box != Transport::Tls {
        return None;
    }
    let why = match a.pbx.driver()? {
        Driver::ChanSip => say!(
            l,
            "chan_sip has one \"don't verify\" switch for every TLS peer, and the box's certificate is its own; write udp or tcp",
            "chan_sip n’a qu’un réglage « don't verify » pour toutes ses liaisons TLS, et le certificat du boîtier est le sien ; écrivez udp ou tcp"
        ),
        Driver::Pjsip if matches!(a.pbx, Pbx::FreePbx { .. }) && a.to_voipms == Trunk::Tls => say!(
            l,
            "FreePBX has one \"Verify Server\" for every TLS trunk, and VoIP.ms is to be verified while the box's certificate is its own; \
             write udp or tcp to the box",
            "FreePBX n’a qu’un « Verify Server » pour toutes ses liaisons TLS, et VoIP.ms doit être vérifié alors que le certificat du boîtier \
             est le sien ; écrivez udp ou tcp vers le boîtier"
        ),
        Driver::Pjsip => return None,
    };
    Some(Wrong::new("to_box", why))
}

fn sequence_is_open(a: &Answers, l: Language) -> Option<Wrong> {
    let closed = matches!(a.pbx, Pbx::FreePbx { .. })
        && a.method == Method::Failover
        && a.when_away == WhenAway::Closed;
    closed.then(|| {
        let why = say!(
            l,
            "FreePBX goes on to the next trunk when the box is away, whatever is set: write open, or method redirect",
            "FreePBX passe à la liaison suivante quand le boîtier est absent, quoi qu’on règle : écrivez open, ou la méthode redirect"
        );
        Wrong::new("when_away", why)
    })
}

/// FreePBX stops at BUSY only; which status that is depends on the driver.
fn sequence_refuses(a: &Answers, l: Language) -> Option<Wrong> {
    let Pbx::FreePbx { driver, .. } = a.pbx else {
        return None;
    };
    let code = a.refusal();
    let stops = match driver {
        Driver::Pjsip => matches!(code, 486 | 600),
        Driver::ChanSip => matches!(code, 486 | 600 | 603),
    };
    (a.method == Method::Failover && !stops).then(|| {
        let why = say!(
            l,
            "{code} does not stop FreePBX's trunk sequence with {driver}: the refused call would go out by the next trunk; write 486 or \
             leave it out",
            "{code} n’arrête pas la séquence de liaisons de FreePBX avec {driver} : l’appel refusé sortirait par la suivante ; écrivez 486 ou \
             rien"
        );
        Wrong::new("deny_code", why)
    })
}

/// A connection that is refused is a 503 made by the PBX itself, and 503 is what approves.
fn silence_approves(a: &Answers, l: Language) -> Option<Wrong> {
    let own_plan = !matches!(a.pbx, Pbx::FreePbx { .. });
    let connected = a.to_box != Transport::Udp;
    let closed = a.when_away == WhenAway::Closed;
    (own_plan && connected && closed && a.method == Method::Failover).then(|| {
        let why = say!(
            l,
            "over TCP and TLS a PBX makes 503 of a box that is away, and under failover 503 approves: write redirect, or udp to the box, or \
             open",
            "par TCP et TLS, un PBX fait 503 d’un boîtier absent, et en failover 503 approuve : écrivez redirect, ou udp vers le boîtier, ou open"
        );
        Wrong::new("method", why)
    })
}

fn one_place(a: &Answers, l: Language) -> Option<Wrong> {
    (*a.the_box.ip() == a.pbx_address && a.the_box.port() == 5060).then(|| {
        let why = say!(
            l,
            "the box and the PBX cannot both answer at one address and port 5060; write the box's own address, or its port",
            "le boîtier et le PBX ne peuvent répondre à la même adresse et au port 5060 ; écrivez l’adresse du boîtier, ou son port"
        );
        Wrong::new("the_box", why)
    })
}

fn seven_digits(a: &Answers, l: Language) -> Option<Wrong> {
    let plus_one = [
        CountryCode::US,
        CountryCode::new(*b"CA"),
        CountryCode::new(*b"PR"),
    ];
    let country = a.country;
    (a.area_code.is_some() && !plus_one.contains(&country)).then(|| {
        let why = say!(
            l,
            "seven digits are completed in North America only, and the country is {country}; write none",
            "sept chiffres ne se complètent qu’en Amérique du Nord, et le pays est {country} ; n’en écrivez pas"
        );
        Wrong::new("area_code", why)
    })
}

fn own_account(a: &Answers, l: Language) -> Option<Wrong> {
    let own = a.own_trunk.as_ref()?;
    (own.account == a.account).then(|| {
        let why = say!(
            l,
            "it is the office's own account; write another sub-account, or leave it out",
            "c’est le compte du bureau lui-même ; écrivez un autre sous-compte, ou rien"
        );
        Wrong::new("own_trunk", why)
    })
}

fn own_iax2(a: &Answers, l: Language) -> Option<Wrong> {
    (a.own_trunk.is_some() && a.to_voipms == Trunk::Iax2).then(|| {
        let why = say!(
            l,
            "VoIP.ms's calls by IAX2 come to a trunk named voipms, so there can be one only; write to_voipms udp, or leave it out",
            "les appels de VoIP.ms par IAX2 arrivent à une liaison nommée voipms : il n’y en a qu’une ; écrivez to_voipms udp, ou rien"
        );
        Wrong::new("own_trunk", why)
    })
}
