//! What each counter of the rules means, and what is to be done. A counter that is not here is reported by
//! its name.

/// What becomes of the packets of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The mode decides: dropped in Prevent and Lockdown.
    Decided,
    /// Dropped in every mode.
    Dropped,
    /// Passes in every mode.
    Passed,
}

/// The words of one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// The counter's name.
    pub rule: &'static str,
    /// What becomes of its packets.
    pub fate: Fate,
    /// What they are; who it was comes after it.
    pub what: &'static str,
    /// What to do about them; may be empty.
    pub remedy: &'static str,
}

const fn of(rule: &'static str, fate: Fate, what: &'static str, remedy: &'static str) -> Words {
    Words {
        rule,
        fate,
        what,
        remedy,
    }
}

/// Every rule that is known, in the order of a report.
const WORDS: [Words; 25] = [
    of(
        "outside-sip",
        Fate::Decided,
        "SIP or IAX2 to your PBX that is not VoIP.ms's",
        "Scanners, as a rule: nothing to do. A phone of yours among them: add its network to firewall.remote. \
         An address of VoIP.ms among them: look at `trunkguard pops`.",
    ),
    of(
        "outside-rtp",
        Fate::Decided,
        "audio (UDP) to your PBX that belongs to no call of the trunk",
        "Calls in which the office hears nothing: is the provider's address in `trunkguard pops`, and are \
         firewall.rtp and the PBX's own range of audio ports the same?",
    ),
    of(
        "outside-other",
        Fate::Decided,
        "other ports of what is inside, open to the internet until now",
        "If somebody needs one of them from outside (a web page, maintenance), let him use a VPN or the \
         provider's portal; Prevent closes them.",
    ),
    of(
        "outside-spoofed",
        Fate::Decided,
        "packets from outside that bear an inside or private address",
        "A few are noise. Many: the two ports are swapped, or there is another private network outside \
         (a second router); run `trunkguard doctor`.",
    ),
    of(
        "outside-invalid",
        Fate::Decided,
        "packets of connections that the box does not know",
        "Normal after a restart of the box, and in small numbers. Many, and calls that break off: two ways \
         lead to the PBX, and one goes around the box.",
    ),
    of(
        "pbx-sip",
        Fate::Decided,
        "SIP or IAX2 from inside to a server that is not VoIP.ms",
        "If that is a carrier that you use, its calls end with Prevent: only VoIP.ms is let through. If \
         nobody knows it, your PBX may have been taken over: look at its trunks and its log now.",
    ),
    of(
        "pbx-udp",
        Fate::Decided,
        "other UDP of your PBX, which may be another carrier's audio",
        "A VPN or STUN of the PBX that you know: set firewall.from_pbx = \"any\". Otherwise find out what the \
         PBX does there.",
    ),
    of(
        "pbx-other",
        Fate::Decided,
        "other traffic of your PBX",
        "Updates, mail and the like need firewall.from_pbx = \"web\"; everything else needs \"any\".",
    ),
    of(
        "box-sip",
        Fate::Dropped,
        "SIP to the box from somebody who is no client",
        "Your PBX among them: write its address into its [[client]]. Others: nothing to do.",
    ),
    of(
        "box-page",
        Fate::Dropped,
        "web or SSH to the box from outside of the office",
        "You yourself among them: add your network to firewall.office (private ones only); from elsewhere use \
         a VPN into the office.",
    ),
    of(
        "outside-banned",
        Fate::Decided,
        "SIP, IAX2 or audio of somebody who is banned",
        "`trunkguard bans list` says who and why; `trunkguard bans remove` forgives.",
    ),
    of(
        "page-banned",
        Fate::Dropped,
        "connections to the page by somebody who is banned from it",
        "`trunkguard bans list` says who and why; `trunkguard bans remove` forgives.",
    ),
    of(
        "box-spoofed",
        Fate::Dropped,
        "packets to the box from outside that bear the PBX's address",
        "Many: the two ports are swapped; run `trunkguard doctor`.",
    ),
    of(
        "box-invalid",
        Fate::Dropped,
        "packets to the box of connections that it does not know",
        "",
    ),
    of("box-other", Fate::Dropped, "anything else to the box", ""),
    of(
        "forward-other",
        Fate::Dropped,
        "frames that are no IP, or between other ports of the box",
        "A VLAN between the PBX and the router among them: the box passes untagged frames only.",
    ),
    of("pops-in", Fate::Passed, "VoIP.ms to your PBX", ""),
    of("pops-out", Fate::Passed, "from inside to VoIP.ms", ""),
    of("remote-in", Fate::Passed, "remote phones to your PBX", ""),
    of(
        "remote-out",
        Fate::Passed,
        "from inside to remote phones",
        "",
    ),
    of("office-in", Fate::Passed, "the office through the box", ""),
    of(
        "office-out",
        Fate::Passed,
        "SIP and audio of your PBX to the office",
        "",
    ),
    of("pbx-out", Fate::Passed, "other traffic of your PBX", ""),
    of("clients-in", Fate::Passed, "clients that ask the box", ""),
    of("page-in", Fate::Passed, "the office to the page or SSH", ""),
];

/// The words of a rule. One that is unknown is taken as dropped by the mode, the kind that wants a look.
pub fn words(rule: &str) -> Words {
    let known = WORDS.iter().find(|words| words.rule == rule).copied();
    known.unwrap_or(of(
        "",
        if rule.starts_with("passed-") || rule.ends_with("-in") || rule.ends_with("-out") {
            Fate::Passed
        } else {
            Fate::Decided
        },
        "of a rule that this report has no words for",
        "",
    ))
}

/// Where a rule stands in a report.
pub(super) fn place(rule: &str) -> usize {
    WORDS
        .iter()
        .position(|words| words.rule == rule)
        .unwrap_or(WORDS.len())
}
