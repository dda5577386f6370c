//! The way out, names, time.

use trunkguard_core::policy::Topology;

use super::{
    super::{
        Facts, Finding,
        Severity::{Hint, Problem, Warning},
        facts::DnsAnswer,
    },
    topology,
};

/// A clock before this has never been set: there is no battery on the board. 2026-01-01.
const PLAUSIBLE_S: i64 = 1_767_225_600;
/// The last call may be so far in the future before the clock is in doubt: clocks are set now and then.
const SLACK_S: i64 = 600;
/// Nobody calls for so long, or the clock is wrong.
const LONG_S: i64 = 400 * 86_400;

/// Is there a way to the internet?
pub fn route(facts: &Facts) -> Vec<Finding> {
    let defaults: Vec<_> = (facts.routes.iter())
        .filter(|r| r.is_default() && r.to.0.is_ipv4())
        .collect();
    let Some(first) = defaults.first() else {
        return vec![Finding::of(
            "route",
            Problem,
            "there is no way to the internet (no IPv4 default route)",
            "check that the router gives the box an address (DHCP), or set address and gateway by hand",
        )];
    };
    if let Some(other) = defaults.iter().find(|r| r.port != first.port) {
        let strict = match facts.kernel.rp_filter {
            Some(1) => "; with rp_filter = 1 the answers by the other one are dropped",
            _ => "",
        };
        return vec![Finding::of(
            "route",
            Warning,
            format!(
                "two ways lead to the internet: by {} and by {}{strict}",
                first.port, other.port
            ),
            "two DHCP servers or two routers answer; let only the outside port have a gateway",
        )];
    }
    let by = first
        .gateway
        .map_or(String::new(), |gateway| format!(", router {gateway}"));
    vec![Finding::ok(
        "route",
        format!("the internet is reached by {}{by}", first.port),
    )]
}

/// Do names work?
pub fn dns(facts: &Facts) -> Vec<Finding> {
    if facts.dns.is_empty() {
        return vec![Finding::of(
            "dns",
            Problem,
            "no DNS server is known",
            "set firewall.dns, or let the router give one by DHCP; until then the PoPs' last known addresses hold",
        )];
    }
    let bad: Vec<String> = (facts.dns.iter())
        .filter_map(|asked| match asked.answer {
            DnsAnswer::Found => None,
            DnsAnswer::Refused(code) => Some(format!("{} answers with error {code}", asked.server)),
            DnsAnswer::Silent => Some(format!("{} does not answer", asked.server)),
        })
        .collect();
    if bad.is_empty() {
        return vec![Finding::ok(
            "dns",
            format!("DNS answers ({})", facts.dns[0].server),
        )];
    }
    let all = bad.len() == facts.dns.len();
    let severity = if all { Problem } else { Warning };
    vec![Finding::of(
        "dns",
        severity,
        format!("DNS is blocked or broken: {}", bad.join(", ")),
        "let the box reach a DNS server (UDP and TCP 53), or set another one in firewall.dns; until then \
         the PoPs' last known addresses hold",
    )]
}

/// Is it about now?
pub fn clock(facts: &Facts) -> Vec<Finding> {
    let remedy = "let the box reach a time server (NTP, UDP 123); while the time is not known, the office is taken as open";
    if facts.unix_s < PLAUSIBLE_S {
        return vec![Finding::of(
            "clock",
            Problem,
            "the clock is not set: it shows a day before 2026",
            remedy,
        )];
    }
    match facts.last_call_s {
        Some(last) if last > facts.unix_s + SLACK_S => {
            let hours = (last - facts.unix_s) / 3_600;
            vec![Finding::of(
                "clock",
                Problem,
                format!("the clock is behind: the last call was stored {hours} h in its future"),
                remedy,
            )]
        }
        Some(last) if last + LONG_S < facts.unix_s => {
            let days = (facts.unix_s - last) / 86_400;
            vec![Finding::of(
                "clock",
                Hint,
                format!("the last call was {days} days ago by this clock; is it ahead?"),
                remedy,
            )]
        }
        _ => vec![Finding::ok("clock", "the clock is plausible")],
    }
}

/// Does a router route?
pub fn forwarding(facts: &Facts) -> Vec<Finding> {
    if topology(facts) != Some(Topology::Router) {
        return Vec::new();
    }
    match (facts.kernel.forward_v4, facts.kernel.forward_v6) {
        (Some(false), _) => vec![Finding::of(
            "forwarding",
            Problem,
            "the kernel does not forward packets (net.ipv4.ip_forward = 0), so the PBX has no internet",
            "set net.ipv4.ip_forward = 1 in /etc/sysctl.d, and load it with `sysctl --system`",
        )],
        (Some(true), Some(false)) => vec![Finding::of(
            "forwarding",
            Hint,
            "IPv6 is not forwarded (net.ipv6.conf.all.forwarding = 0)",
            "nothing, unless the office uses IPv6",
        )],
        (Some(true), _) => vec![Finding::ok("forwarding", "packets are forwarded")],
        (None, _) => Vec::new(),
    }
}
