//! What does not go together, with the reason and the way out. What was measured is in docs/pbx.md.

use trunkguard_core::policy::CountryCode;

use crate::{
    answers::{Answers, Driver, Method, Pbx, Transport, Trunk, WhenAway},
    form::Wrong,
};

/// Everything of the answers that does not fit together.
pub fn together(a: &Answers) -> Vec<Wrong> {
    let rules: [fn(&Answers) -> Option<Wrong>; 10] = [
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
    rules.iter().filter_map(|rule| rule(a)).collect()
}

fn no_chan_sip(a: &Answers) -> Option<Wrong> {
    let gone = matches!(
        a.pbx,
        Pbx::FreePbx {
            version: 17..,
            driver: Driver::ChanSip
        }
    );
    gone.then(|| {
        Wrong::new(
            "driver",
            "FreePBX 17 has no chan_sip: its Asterisk (21 and later) dropped it; write pjsip",
        )
    })
}

fn no_iax2(a: &Answers) -> Option<Wrong> {
    let none = a.pbx == Pbx::FreeSwitch && a.to_voipms == Trunk::Iax2;
    none.then(|| Wrong::new("to_voipms", "FreeSWITCH has no IAX2; write udp, tcp or tls"))
}

/// The box's certificate is its own and cannot be verified; VoIP.ms's can and must be. Where one switch is
/// for both, one of them has to go.
fn verified(a: &Answers) -> Option<Wrong> {
    if a.to_box != Transport::Tls {
        return None;
    }
    match a.pbx.driver() {
        Some(Driver::ChanSip) => Some(Wrong::new(
            "to_box",
            "chan_sip has one \"don't verify\" switch for every TLS peer, and the box's certificate is its own; write udp or tcp",
        )),
        Some(Driver::Pjsip)
            if matches!(a.pbx, Pbx::FreePbx { .. }) && a.to_voipms == Trunk::Tls =>
        {
            Some(Wrong::new(
                "to_box",
                "FreePBX has one \"Verify Server\" for every TLS trunk, and VoIP.ms is to be verified while the box's certificate \
             is its own; write udp or tcp to the box",
            ))
        }
        _ => None,
    }
}

fn sequence_is_open(a: &Answers) -> Option<Wrong> {
    let closed = matches!(a.pbx, Pbx::FreePbx { .. })
        && a.method == Method::Failover
        && a.when_away == WhenAway::Closed;
    closed.then(|| {
        Wrong::new(
            "when_away",
            "FreePBX goes on to the next trunk when the box is away, whatever is set: write open, or method redirect",
        )
    })
}

/// FreePBX stops at BUSY only; which status that is depends on the driver.
fn sequence_refuses(a: &Answers) -> Option<Wrong> {
    let Pbx::FreePbx { driver, .. } = a.pbx else {
        return None;
    };
    let stops = match driver {
        Driver::Pjsip => matches!(a.refusal(), 486 | 600),
        Driver::ChanSip => matches!(a.refusal(), 486 | 600 | 603),
    };
    (a.method == Method::Failover && !stops).then(|| {
        Wrong::new(
            "deny_code",
            format!(
                "{} does not stop FreePBX's trunk sequence with {driver}: the refused call would go out by the next trunk; \
                 write 486 or leave it out",
                a.refusal()
            ),
        )
    })
}

/// A connection that is refused or breaks is a 503 made by the PBX itself, and 503 is what approves.
fn silence_approves(a: &Answers) -> Option<Wrong> {
    let own_plan = !matches!(a.pbx, Pbx::FreePbx { .. });
    let connected = a.to_box != Transport::Udp;
    (own_plan && connected && a.method == Method::Failover && a.when_away == WhenAway::Closed).then(|| {
        Wrong::new(
            "method",
            "over TCP and TLS a PBX makes 503 of a box that is away, and under failover 503 approves: write redirect, or \
             udp to the box, or open",
        )
    })
}

fn one_place(a: &Answers) -> Option<Wrong> {
    (*a.the_box.ip() == a.pbx_address && a.the_box.port() == 5060).then(|| {
        Wrong::new(
            "the_box",
            "the box and the PBX cannot both answer at one address and port 5060; write the box's own address, or its port",
        )
    })
}

fn seven_digits(a: &Answers) -> Option<Wrong> {
    let plus_one = [
        CountryCode::US,
        CountryCode::new(*b"CA"),
        CountryCode::new(*b"PR"),
    ];
    (a.area_code.is_some() && !plus_one.contains(&a.country)).then(|| {
        Wrong::new(
            "area_code",
            format!("seven digits are completed in North America only, and the country is {}; leave it out", a.country),
        )
    })
}

fn own_account(a: &Answers) -> Option<Wrong> {
    let own = a.own_trunk.as_ref()?;
    (own.account == a.account).then(|| {
        Wrong::new(
            "own_trunk",
            "is the office's own account; write another sub-account, or leave it out",
        )
    })
}

fn own_iax2(a: &Answers) -> Option<Wrong> {
    (a.own_trunk.is_some() && a.to_voipms == Trunk::Iax2).then(|| {
        Wrong::new(
            "own_trunk",
            "VoIP.ms's calls by IAX2 come to a trunk named voipms, so there can be one only; write to_voipms udp, or leave it out",
        )
    })
}
