//! The rules' counters: stable names, and what each counts.

/// One named counter.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// In the script, in samples and in reports.
    pub name: &'static str,
    /// What it counts, for a person.
    pub says: &'static str,
    /// What becomes of what it counts.
    pub kind: Kind,
    /// It is in table `bridge trunkguard` too.
    pub bridge: bool,
}

/// What becomes of what a counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It passes. A connection is counted once, by its first packet.
    Passed,
    /// The mode decides: it is dropped in Prevent and Lockdown, in Detect it passes (F13), and a
    /// connection is then counted once.
    Through,
    /// It is dropped in every mode.
    Dropped,
}

const fn known(name: &'static str, kind: Kind, bridge: bool, says: &'static str) -> Known {
    Known {
        name,
        says,
        kind,
        bridge,
    }
}

/// All of them, in the order of a report.
pub const COUNTERS: [Known; 25] = [
    known(
        "pops-in",
        Kind::Passed,
        true,
        "Connections that VoIP.ms began with the PBX.",
    ),
    known(
        "pops-out",
        Kind::Passed,
        true,
        "Connections from inside to VoIP.ms.",
    ),
    known(
        "remote-in",
        Kind::Passed,
        true,
        "Connections that remote phones began with the PBX.",
    ),
    known(
        "remote-out",
        Kind::Passed,
        true,
        "Connections from inside to remote phones.",
    ),
    known(
        "office-in",
        Kind::Passed,
        true,
        "Connections that the office began (bridge).",
    ),
    known(
        "office-out",
        Kind::Passed,
        true,
        "SIP and audio from the PBX to the office (bridge).",
    ),
    known(
        "pbx-out",
        Kind::Passed,
        true,
        "Other connections of the PBX that firewall.from_pbx allows.",
    ),
    known(
        "clients-in",
        Kind::Passed,
        false,
        "Connections of clients to the box's SIP ports.",
    ),
    known(
        "page-in",
        Kind::Passed,
        false,
        "Connections of the office to the page or SSH.",
    ),
    known(
        "outside-sip",
        Kind::Through,
        true,
        "SIP or IAX2 to the PBX from strangers.",
    ),
    known(
        "outside-rtp",
        Kind::Through,
        true,
        "UDP to the PBX's audio ports from strangers.",
    ),
    known(
        "outside-other",
        Kind::Through,
        true,
        "Anything else from outside towards the inside.",
    ),
    known(
        "outside-spoofed",
        Kind::Through,
        true,
        "From outside, under an address that is only inside.",
    ),
    known(
        "outside-invalid",
        Kind::Through,
        true,
        "Packets that belong to no connection, in either direction.",
    ),
    known(
        "pbx-sip",
        Kind::Through,
        true,
        "SIP or IAX2 from inside to somebody who is not VoIP.ms.",
    ),
    known(
        "pbx-udp",
        Kind::Through,
        true,
        "Other UDP of the PBX to elsewhere: perhaps another carrier's audio.",
    ),
    known(
        "pbx-other",
        Kind::Through,
        true,
        "Anything else of the PBX that firewall.from_pbx does not allow.",
    ),
    known(
        "outside-banned",
        Kind::Through,
        true,
        "SIP, IAX2 and audio from banned addresses.",
    ),
    known(
        "page-banned",
        Kind::Dropped,
        false,
        "Connections to the page or SSH from banned addresses.",
    ),
    known(
        "box-sip",
        Kind::Dropped,
        false,
        "SIP to the box from somebody who is no client.",
    ),
    known(
        "box-page",
        Kind::Dropped,
        false,
        "Web or SSH to the box from outside of the office.",
    ),
    known(
        "box-spoofed",
        Kind::Dropped,
        true,
        "To the box, from outside, under the PBX's address.",
    ),
    known(
        "box-invalid",
        Kind::Dropped,
        false,
        "To the box, of no connection.",
    ),
    known(
        "box-other",
        Kind::Dropped,
        false,
        "Anything else to the box.",
    ),
    known(
        "forward-other",
        Kind::Dropped,
        true,
        "Between ports that are neither outside nor inside, or frames that are no IP.",
    ),
];

/// What a counter counts, by its name.
pub fn says(name: &str) -> Option<&'static str> {
    COUNTERS.iter().find(|c| c.name == name).map(|c| c.says)
}
