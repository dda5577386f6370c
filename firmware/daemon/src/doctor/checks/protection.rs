//! The box's own parts.

use trunkguard_core::policy::Topology;

use super::{
    super::{
        Facts, Finding,
        Severity::{Hint, Problem, Warning},
        facts::Helper,
    },
    topology,
};

/// Does the daemon run, and is it content?
pub fn daemon(facts: &Facts) -> Vec<Finding> {
    let Some(daemon) = &facts.daemon else {
        return vec![Finding::of(
            "daemon",
            Problem,
            "no daemon answers on this state directory: no call is decided",
            "`systemctl status trunkguard` says why; without systemd start `trunkguard run`",
        )];
    };
    if daemon.problems.is_empty() {
        return vec![Finding::ok("daemon", "the daemon runs and is content")];
    }
    let each = daemon.problems.iter();
    each.map(|problem| Finding::of("daemon", Warning, problem.as_str(), "`trunkguard status`"))
        .collect()
}

fn needed(facts: &Facts) -> bool {
    topology(facts).is_some_and(|t| t != Topology::Side)
}

/// Can rules be loaded at all?
pub fn nft(facts: &Facts) -> Vec<Finding> {
    let severity = if needed(facts) { Problem } else { Hint };
    match &facts.kernel.nft {
        None => Vec::new(),
        Some(Ok(version)) => vec![Finding::ok("nft", format!("nftables is there ({version})"))],
        Some(Err(why)) => vec![Finding::of(
            "nft",
            severity,
            format!("nftables cannot be run: {why}"),
            "install the package nftables; without it no rule is loaded",
        )],
    }
}

/// Does the kernel follow connections, and is there room?
pub fn conntrack(facts: &Facts) -> Vec<Finding> {
    match (facts.kernel.conntrack, facts.kernel.flows) {
        (Some(false), _) if needed(facts) => vec![Finding::of(
            "conntrack",
            Hint,
            "the kernel does not follow connections yet (nf_conntrack is not loaded)",
            "it is loaded with the first rules; if it stays so, the kernel lacks CONFIG_NF_CONNTRACK",
        )],
        (_, Some((now, most))) if most > 0 && now * 10 >= most * 9 => vec![Finding::of(
            "conntrack",
            Warning,
            format!("the table of connections is nearly full: {now} of {most}"),
            "something inside opens connections without end; look for it, or raise net.netfilter.nf_conntrack_max",
        )],
        _ => Vec::new(),
    }
}

/// Is the firewall at work, where the settings ask for it?
pub fn firewall(facts: &Facts) -> Vec<Finding> {
    let loaded = facts.daemon.as_ref().and_then(|d| d.firewall_loaded);
    if loaded == Some(true) {
        return vec![Finding::ok("firewall", "the firewall's rules are in force")];
    }
    let why = facts
        .daemon
        .as_ref()
        .and_then(|d| d.firewall_problem.as_deref());
    let what = match (&facts.helper, why) {
        (_, Some(why)) => format!("the firewall's rules are not in force: {why}"),
        (Helper::Unknown, _) => return Vec::new(),
        (Helper::Reachable, _) if loaded.is_none() => return Vec::new(),
        (Helper::Reachable, _) => "the firewall's helper runs, but no rules are in force".into(),
        (Helper::Absent, _) => "the firewall does not run: its helper is not there".into(),
        (Helper::Closed(why), _) => format!("the firewall's helper does not answer: {why}"),
    };
    let (severity, remedy) = if needed(facts) {
        (
            Problem,
            "`systemctl status trunkguard-firewall`; until it runs, the PBX is as open as without the box. \
             The daemon must be started with `--firewall nft`",
        )
    } else {
        (
            Hint,
            "in topology `side` it guards the box alone; `systemctl status trunkguard-firewall`",
        )
    };
    vec![Finding::of("firewall", severity, what, remedy)]
}

/// Is anybody told when something happens?
pub fn alerts(facts: &Facts) -> Vec<Finding> {
    let Some(channels) = facts.daemon.as_ref().and_then(|d| d.alerts.as_ref()) else {
        return Vec::new();
    };
    if channels.is_empty() {
        return vec![Finding::of(
            "alerts",
            Hint,
            "no channel for alerts is set: only the LEDs and `trunkguard alerts` tell of incidents",
            "write [alerts.mail] or [[alerts.webhook]] in the policy (docs/alerts.md)",
        )];
    }
    let finding = |(target, error): &(String, Option<String>)| match error {
        None => Finding::ok("alerts", format!("alerts go to {target}")),
        Some(error) => Finding::of(
            "alerts",
            Warning,
            format!("the last alert to {target} did not arrive: {error}"),
            "correct the channel in [alerts], then `trunkguard alerts test`",
        ),
    };
    channels.iter().map(finding).collect()
}

/// Who may open the page?
pub fn page(facts: &Facts) -> Vec<Finding> {
    let Some(settings) = &facts.settings else {
        return Vec::new();
    };
    let public = (settings.firewall.office.iter())
        .map(|n| n.net())
        .find(|net| !is_private(net.network()) || !is_private(net.broadcast()));
    if let Some(net) = public {
        return vec![Finding::of(
            "page",
            Problem,
            format!(
                "firewall.office holds public addresses ({net}): the page would be open to the internet"
            ),
            "write the office's private network there; use a VPN from elsewhere",
        )];
    }
    let served = facts.daemon.as_ref().and_then(|d| d.page.as_deref());
    let guarded = facts.daemon.as_ref().and_then(|d| d.firewall_loaded) == Some(true);
    let public_port =
        (facts.ports.iter().flat_map(|p| &p.addresses)).find(|(address, _)| !is_private(*address));
    match (served, guarded, public_port) {
        (Some(at), false, Some((address, _))) => vec![Finding::of(
            "page",
            Problem,
            format!(
                "the page is served on {at}, this machine has the public address {address}, and no firewall is in force"
            ),
            "start the firewall, or serve the page on an inside address (`--web`)",
        )],
        _ => Vec::new(),
    }
}

/// RFC 1918, 3927, 4193, 4291 and 6598: nobody on the internet has such an address.
fn is_private(address: std::net::IpAddr) -> bool {
    let shared = match address.to_canonical() {
        std::net::IpAddr::V4(v4) => v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64,
        std::net::IpAddr::V6(_) => false,
    };
    shared || trunkguard_core::screen::is_near(address)
}

/// Are the PoPs that are used allowed, and alive?
pub fn pops(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pop in &facts.pops {
        if let Some(address) = pop.elsewhere.first() {
            findings.push(Finding::of(
                "pops",
                Problem,
                format!("{} is used, and its address {address} is outside of the allow-list", pop.host),
                "`trunkguard pops` shows it; approve it there if VoIP.ms's own page names the same address",
            ));
        }
        if pop.alive == Some(false) {
            findings.push(Finding::of(
                "pops",
                Warning,
                format!("{} does not answer", pop.host),
                "`trunkguard pops` shows which are near and alive; set another one in the trunk and on the DIDs",
            ));
        }
    }
    if findings.is_empty() && !facts.pops.is_empty() {
        findings.push(Finding::ok("pops", "the PoPs that are used are allowed"));
    }
    findings
}
