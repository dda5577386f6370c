//! VoIP.ms's points of presence (PoPs): which addresses they have, and who may say so.
//!
//! | module | what it does |
//! |---|---|
//! | [`table`] | what ships: the range, the hosts, the addresses that are never allowed |
//! | [`answers`] | what one round of DNS answers may do |
//! | [`owner`] | what the owner may add, approve and refuse |
//! | [`follow`] | follows DNS, and makes the allow-list of it all |
//! | [`health`] | round trips to each PoP, and which one is nearest |
//!
//! Rules and their reasons: docs/firewall.md "Points of presence", docs/decisions/pop-answers.md.
//! docs/security.md F1, F12, F16, F21 and F22 say what must hold.

pub mod answers;
pub mod follow;
pub mod health;
mod names;
pub mod owner;
mod sightings;
/// What ships, made from `tables/voipms_pops.csv`.
#[rustfmt::skip]
pub mod table;

pub use sightings::Sighting;

use core::net::{IpAddr, Ipv4Addr as V4};

/// One name of VoIP.ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pop {
    /// Host name, in lower case.
    pub name: &'static str,
    /// Its address, where one is known; else only DNS says.
    pub address: Option<V4>,
    /// Where it stands, or what it is for.
    pub city: &'static str,
    /// ISO 3166-1 alpha-2 code, or empty.
    pub country: &'static str,
}

/// The PoP of this name, which is in lower case.
pub fn by_name(name: &str) -> Option<&'static Pop> {
    table::POPS.iter().find(|pop| pop.name == name)
}

/// The PoP that is known to have this address.
pub fn by_address(address: IpAddr) -> Option<&'static Pop> {
    let IpAddr::V4(v4) = address.to_canonical() else {
        return None;
    };
    table::POPS.iter().find(|pop| pop.address == Some(v4))
}

/// Is it in the range that VoIP.ms is known to use?
pub fn in_range(address: IpAddr) -> bool {
    matches!(address.to_canonical(), IpAddr::V4(v4) if table::RANGE.contains(&v4))
}

/// Was it VoIP.ms's once, and is it no more?
pub fn is_stale(address: IpAddr) -> bool {
    matches!(address.to_canonical(), IpAddr::V4(v4) if table::STALE.contains(&v4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::HostName;

    #[test]
    fn the_table_holds_what_it_says() {
        let known = table::POPS.iter().filter(|pop| pop.address.is_some());
        assert_eq!(known.count(), 67);
        assert_eq!(table::POPS.len(), 88);
        for pop in &table::POPS {
            assert!(HostName::parse(pop.name).is_ok_and(|name| name.as_str() == pop.name));
            assert!(!pop.city.is_empty() && matches!(pop.country.len(), 0 | 2));
            assert!(
                pop.address
                    .is_none_or(|a| in_range(IpAddr::V4(a)) && !is_stale(a.into()))
            );
        }
        assert_eq!(table::STALE.len(), 9);
        let atlanta = by_address(V4::new(208, 100, 60, 17).into()).map(|pop| pop.name);
        assert_eq!(atlanta, Some("atlanta1.voip.ms"));
        assert!(by_name("atlanta.voip.ms").is_some_and(|pop| pop.address.is_none()));
    }
}
