//! Cables and ports.

use trunkguard_core::policy::Topology;

use super::{
    super::{
        Facts, Finding,
        Severity::{Problem, Warning},
    },
    both, heard, topology,
};

/// Are the ports of the settings there?
pub fn present(facts: &Facts) -> Vec<Finding> {
    let there: Vec<&str> = facts.ports.iter().map(|p| p.name.as_str()).collect();
    let missing = |(role, name): (&str, &Option<String>)| {
        let name = name.as_deref()?;
        (!there.contains(&name)).then(|| {
            Finding::of(
                "port",
                Problem,
                format!("there is no port {name}, which is to be the {role} one"),
                format!(
                    "ports of this machine: {}; set firewall.{role}, or plug the adapter in",
                    there.join(", ")
                ),
            )
        })
    };
    let wanted = [("outside", &facts.outside), ("inside", &facts.inside)];
    let two = topology(facts).is_some_and(|t| t != Topology::Side);
    let mut findings: Vec<Finding> = wanted
        .into_iter()
        .filter(|(role, _)| two || *role == "outside")
        .filter_map(missing)
        .collect();
    if two && facts.inside.is_none() {
        findings.push(Finding::of(
            "port",
            Problem,
            "two ports are needed, and none is named for the PBX",
            "set firewall.inside, or firewall.topology = \"side\" for a box with one port",
        ));
    }
    findings
}

/// Is there a live cable on each?
pub fn linked(facts: &Facts) -> Vec<Finding> {
    let two = topology(facts).is_some_and(|t| t != Topology::Side);
    let roles = [
        (facts.outside.as_ref(), "the router or modem"),
        (
            facts.inside.as_ref().filter(|_| two),
            "the PBX or its switch",
        ),
    ];
    let ports = roles.into_iter().filter_map(|(name, other)| {
        let port = facts.ports.iter().find(|p| Some(&p.name) == name)?;
        Some((port, other))
    });
    ports
        .filter(|(port, _)| port.carrier != Some(true))
        .map(|(port, other)| {
            let why = match port.carrier {
                None => "is switched off",
                _ => "has no live cable",
            };
            Finding::of(
                "link",
                Problem,
                format!("port {} {why}", port.name),
                format!("check the cable to {other}, and that it is powered"),
            )
        })
        .collect()
}

/// Is the PBX where the internet should be?
pub fn swapped(facts: &Facts) -> Vec<Finding> {
    let Some((outside, inside)) = both(facts) else {
        return Vec::new();
    };
    let change = format!(
        "swap the two cables, or set firewall.outside = \"{inside}\" and firewall.inside = \"{outside}\""
    );
    if let Some((pbx, _)) = heard(facts).into_iter().find(|(_, port)| *port == outside) {
        let what = format!(
            "the PBX ({}) answers on {outside}, the port towards the internet: ports swapped",
            pbx.address
        );
        return vec![Finding::of("swapped", Problem, what, change)];
    }
    let mut defaults = facts.routes.iter().filter(|r| r.is_default());
    if let Some(route) = defaults.find(|r| r.port == inside) {
        let what = match route.gateway {
            Some(gateway) => {
                format!("the way to the internet ({gateway}) goes by {inside}, the PBX's port")
            }
            None => format!("the way to the internet goes by {inside}, the PBX's port"),
        };
        return vec![Finding::of("swapped", Problem, what, change)];
    }
    // Without anything heard of either way there is nothing to praise.
    if heard(facts).is_empty() {
        return Vec::new();
    }
    vec![Finding::ok(
        "swapped",
        format!("{outside} is outside, {inside} is inside"),
    )]
}

/// Are the two ports of a bridge in one?
pub fn bridged(facts: &Facts) -> Vec<Finding> {
    let Some((outside, inside)) = both(facts) else {
        return Vec::new();
    };
    let bridge = |name: &str| {
        let port = facts.ports.iter().find(|p| p.name == name)?;
        Some(port.bridge.as_deref())
    };
    let (Some(first), Some(second)) = (bridge(outside), bridge(inside)) else {
        return Vec::new();
    };
    let problem = |what: String, remedy: &str| vec![Finding::of("bridge", Problem, what, remedy)];
    match (topology(facts), first, second) {
        (Some(Topology::Bridge), Some(a), Some(b)) if a == b => {
            vec![Finding::ok(
                "bridge",
                format!("{outside} and {inside} are bridged by {a}"),
            )]
        }
        (Some(Topology::Bridge), ..) => problem(
            format!(
                "firewall.topology is `bridge`, but {outside} and {inside} are not in one bridge"
            ),
            "make a bridge of the two ports, with the box's address on it, and start the box anew",
        ),
        (Some(Topology::Router), None, None) => Vec::new(),
        (Some(Topology::Router), ..) => problem(
            format!("firewall.topology is `router`, but {outside} or {inside} is part of a bridge"),
            "take the bridge apart, or set firewall.topology = \"bridge\"; packets go around a router's rules in a bridge",
        ),
        _ => Vec::new(),
    }
}

/// A router has two networks.
pub fn one_network(facts: &Facts) -> Vec<Finding> {
    let (Some(Topology::Router), Some((outside, inside))) = (topology(facts), both(facts)) else {
        return Vec::new();
    };
    let addresses = |name: &str| {
        let ports = facts.ports.iter().filter(|p| p.name == name);
        let all = ports.flat_map(|p| p.addresses.iter().copied());
        // Every port has a link-local address of the same network.
        all.filter(|(address, _)| address.is_ipv4())
            .collect::<Vec<_>>()
    };
    let (ours, theirs) = (addresses(outside), addresses(inside));
    if theirs.is_empty() {
        return vec![Finding::of(
            "networks",
            Warning,
            format!("{inside} has no IPv4 address, so the PBX has no router"),
            "give the inside port an address of the office's network",
        )];
    }
    let pair = (ours.iter()).find_map(|a| theirs.iter().find(|b| overlap(*a, **b)).map(|b| (a, b)));
    pair.map(|(a, b)| {
        Finding::of(
            "networks",
            Problem,
            format!("outside ({}/{}) and inside ({}/{}) are the same network", a.0, a.1, b.0, b.1),
            "number the office's network anew (such as 10.77.0.0/24), or use firewall.topology = \"bridge\"",
        )
    })
    .into_iter()
    .collect()
}

fn overlap(a: (std::net::IpAddr, u8), b: (std::net::IpAddr, u8)) -> bool {
    let (std::net::IpAddr::V4(x), std::net::IpAddr::V4(y)) = (a.0, b.0) else {
        return false;
    };
    let length = u32::from(a.1.min(b.1).min(32));
    let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    (x.to_bits() ^ y.to_bits()) & mask == 0
}
