//! The PBX.

use trunkguard_core::policy::Topology;
use trunkguard_pbx::health::{Advice, Kind};

use super::{
    super::{
        Facts, Finding,
        Severity::{Hint, Problem, Warning},
        facts::Probe,
    },
    both, heard, topology,
};

/// A PBX that qualifies is heard of every minute; one that does not, with the first call of the day.
const QUIET_S: u64 = 86_400;

/// Is there a client, and is it heard of?
pub fn clients(facts: &Facts) -> Vec<Finding> {
    let Some(settings) = &facts.settings else {
        return vec![Finding::of(
            "client",
            Problem,
            "there is no policy that can be read",
            "run this as root or as the daemon's user, with the --state of the daemon; or apply a policy first",
        )];
    };
    if settings.clients.is_empty() {
        return vec![Finding::of(
            "client",
            Problem,
            "no client is set, so nobody is answered",
            "apply a policy with a [[client]] that bears the PBX's address",
        )];
    }
    let Some(daemon) = &facts.daemon else {
        return Vec::new();
    };
    let quiet = |heard: Option<u64>| heard.unwrap_or(daemon.uptime_s) >= QUIET_S;
    (daemon.clients.iter())
        .map(|(name, heard)| match heard {
            Some(s) if !quiet(*heard) => {
                Finding::ok("client", format!("{name} was heard of {s} s ago"))
            }
            None if !quiet(None) => Finding::of(
                "client",
                Hint,
                format!("{name} has not been heard of since the start of the daemon"),
                format!(
                    "make a call, or let the PBX qualify the box; if nothing comes, its address is another one \
                     than in the policy (datagrams from strangers so far: {})",
                    daemon.strangers
                ),
            ),
            _ => Finding::of(
                "client",
                Warning,
                format!("{name} has not been heard of for a day or more"),
                "is the box still in the PBX's outbound route, and its address the same?",
            ),
        })
        .collect()
}

/// Is the PBX on the inside port?
pub fn behind(facts: &Facts) -> Vec<Finding> {
    let Some((outside, inside)) = both(facts) else {
        return Vec::new();
    };
    let heard = heard(facts);
    if let Some((pbx, _)) = heard.iter().find(|(_, port)| *port == inside) {
        return vec![Finding::ok(
            "behind",
            format!("the PBX ({}) is behind the box", pbx.address),
        )];
    }
    // On the outside port: that is what `swapped` says.
    if facts.pbx.is_empty() || heard.iter().any(|(_, port)| *port == outside) {
        return Vec::new();
    }
    let addresses: Vec<String> = facts.pbx.iter().map(|p| p.address.to_string()).collect();
    vec![Finding::of(
        "behind",
        Warning,
        format!(
            "the PBX ({}) is not found on {inside}: it may not be behind the box",
            addresses.join(", ")
        ),
        match topology(facts) {
            Some(Topology::Router) => {
                "connect it to the inside port and give it an address of that network, with the box as its \
                 router; or correct firewall.pbx"
            }
            _ => {
                "connect it, or the switch that it is on, to the inside port; or correct firewall.pbx"
            }
        },
    )]
}

/// Does SIP of the box reach the PBX?
pub fn reachable(facts: &Facts) -> Vec<Finding> {
    let near = |pbx: std::net::IpAddr| facts.neighbours.iter().any(|n| n.address == pbx);
    let problem = |severity, what, remedy: &str| Some(Finding::of("pbx", severity, what, remedy));
    let judged = facts.pbx.iter().filter_map(|pbx| {
        let address = pbx.address;
        match pbx.options {
            Probe::Answered => Some(Finding::ok("pbx", format!("{address} answers SIP"))),
            Probe::Forbidden => problem(
                Problem,
                format!("{address} or a firewall before it forbids SIP from the box"),
                "allow the box's address in the PBX's firewall (FreePBX: Connectivity, Firewall, Networks, \
                 zone Trusted) and in its fail2ban",
            ),
            Probe::NobodyListens => problem(
                Warning,
                format!("nobody listens on SIP (UDP 5060) at {address}"),
                "is the PBX running, on another port, or is this the address of another machine?",
            ),
            Probe::Silent if near(address) => problem(
                Warning,
                format!("{address} is there, but does not answer SIP: its firewall may block the box"),
                "allow the box's address in the PBX's firewall and fail2ban; a PBX that ignores strangers' \
                 OPTIONS is silent too, and then this means nothing",
            ),
            Probe::Silent => problem(
                Warning,
                format!("{address} does not answer at all"),
                "is the PBX on, and is this its address?",
            ),
        }
    });
    judged.collect()
}

/// Is a flaw known of what it says it is?
pub fn known(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(problem) = &facts.known_problem {
        found.push(Finding::of(
            "pbx-health",
            Hint,
            problem,
            "correct or remove it; the built-in table is used meanwhile",
        ));
    }
    for (name, advice) in &facts.known {
        let (unseen, seen): (Vec<&Advice>, Vec<&Advice>) =
            advice.iter().partition(|a| a.kind == Kind::CannotBeSeen);
        found.extend(seen.iter().map(|a| one(name, a)));
        if !unseen.is_empty() {
            found.push(modules(name, &unseen));
        }
        if seen.is_empty() {
            let what = format!("{name}: no flaw is known of the version that it says it is");
            found.push(Finding::ok("pbx-health", what));
        }
    }
    found
}

fn one(name: &str, advice: &Advice) -> Finding {
    let severity = if advice.kind == Kind::MayBeVulnerable {
        Warning
    } else {
        Hint
    };
    let exploited = if advice.exploited {
        "; it is being used by attackers"
    } else {
        ""
    };
    Finding::of(
        "pbx-health",
        severity,
        format!("{name}: {}: {}{exploited}", advice.id, advice.what),
        format!("{} ({})", advice.remedy, advice.source),
    )
}

/// Modules in one finding: they are many, and all are looked at on one page of the PBX.
fn modules(name: &str, unseen: &[&Advice]) -> Finding {
    let each: Vec<String> = unseen
        .iter()
        .map(|a| {
            format!(
                "\n           {}: {}; {} ({})",
                a.id, a.what, a.remedy, a.source
            )
        })
        .collect();
    Finding::of(
        "pbx-health",
        Hint,
        format!(
            "{name}: {} known flaws of modules cannot be seen from here",
            unseen.len()
        ),
        format!("look at the PBX:{}", each.concat()),
    )
}
