//! What a wish may not be, whoever wrote it: the policy's own rules once more, and those of names. Pure.

use trunkguard_core::policy::{Definition, Firewall, Interface, Policy, Topology};

use crate::{
    render::BRIDGE,
    wish::{VERSION, Wish},
};

/// What is wrong with a wish.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Another version's.
    #[error(
        "it has version {0}, and this firmware reads version {VERSION}; apply the policy again"
    )]
    Version(u32),
    /// Ports that do not go with the topology, or have no proper name.
    #[error("port {port}: {what}")]
    Port {
        /// Its name, or `none`.
        port: String,
        /// What is wrong, and what to write.
        what: &'static str,
    },
    /// Addresses that contradict each other.
    #[error("{key}: {what}")]
    Addresses {
        /// As in the policy file.
        key: String,
        /// What is wrong, and what to write.
        what: String,
    },
}

/// Looks a wish over.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn wish(wish: &Wish) -> Result<(), Wrong> {
    if wish.version != VERSION {
        return Err(Wrong::Version(wish.version));
    }
    ports(wish)?;
    if wish.topology == Topology::Router && wish.addresses.inside.is_none() {
        return Err(Wrong::Addresses {
            key: "network.inside".into(),
            what: "in `router` the box has an address towards the office; write it, such as 192.168.77.1/24".into(),
        });
    }
    // The same rules as `apply` has, from the same place.
    let definition = Definition {
        firewall: Firewall {
            topology: wish.topology,
            ..Firewall::default()
        },
        network: wish.addresses.clone(),
        ..Definition::default()
    };
    match Policy::compile(&definition) {
        Ok(_) => Ok(()),
        Err(problems) => Err(match problems.into_iter().next() {
            Some(first) => Wrong::Addresses {
                key: first.path,
                what: first.message,
            },
            None => Wrong::Addresses {
                key: "network".into(),
                what: "the addresses do not fit together; apply the policy again".into(),
            },
        }),
    }
}

fn ports(wish: &Wish) -> Result<(), Wrong> {
    let wrong = |port: Option<&Interface>, what| {
        let port = port.map_or_else(|| "none".into(), ToString::to_string);
        Err(Wrong::Port { port, what })
    };
    let inside = wish.inside.as_ref();
    for port in [Some(&wish.outside), inside].into_iter().flatten() {
        let name = port.as_str();
        if name.bytes().any(|b| b.is_ascii_uppercase()) {
            return wrong(
                Some(port),
                "names of ports are in lower case; write such as port0",
            );
        }
        if name == BRIDGE || name == "lo" {
            return wrong(
                Some(port),
                "it is the bridge itself or the box; name a port, such as port0",
            );
        }
    }
    match (inside, wish.topology) {
        (Some(_), Topology::Side) => wrong(inside, "side has one port; leave firewall.inside away"),
        (None, Topology::Router | Topology::Bridge) => wrong(
            None,
            "router and bridge have two ports; name the one towards the PBX (firewall.inside)",
        ),
        (Some(port), _) if *port == wish.outside => {
            wrong(inside, "outside and inside are the same port; name two")
        }
        _ => Ok(()),
    }
}
