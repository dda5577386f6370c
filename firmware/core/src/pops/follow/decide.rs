//! The owner's decisions. Each answers with what is to be kept; the effects come with the next step.

use alloc::{format, string::String};
use core::net::IpAddr;

use super::{
    super::{
        answers::{Standing, check_network, forbidden},
        owner::{Decision, MOST_BY, Subject},
    },
    At, Follow,
};
use crate::unseen::is_unseen;

impl Follow {
    /// Follows one more name, or allows an address or a network that the owner knows of.
    ///
    /// # Errors
    /// When it can never be allowed, was refused before, or there is no room; says what to do.
    pub fn add(&mut self, at: At, subject: Subject, by: &str) -> Result<Decision, String> {
        match &subject {
            Subject::Name(name) if self.names.contains_key(name) => {
                return Err(format!("{name} is followed already"));
            }
            Subject::Name(_) => {}
            Subject::Network(network) => {
                check_network(network.net(), &self.own)?;
                let net = network.net();
                if self
                    .decisions
                    .refused()
                    .any(|a| ipnet::IpNet::from(a) == net)
                {
                    return Err(format!(
                        "{network} was refused; take that back with `trunkguard pops forget {network}`"
                    ));
                }
            }
        }
        self.decide(at, subject, true, by)
    }

    /// Approves an address that DNS gave and that is out of the range, or one that was refused.
    ///
    /// # Errors
    /// When nobody asks about it, when the servers disagree, or when it can never be allowed.
    pub fn approve(&mut self, at: At, address: IpAddr, by: &str) -> Result<Decision, String> {
        let address = address.to_canonical();
        if let Some(why) = forbidden(address, &self.own) {
            return Err(format!("{address} is {why} and is never allowed"));
        }
        let standing = self.decisions.standing(address);
        match (self.sightings.get(address), standing) {
            (_, Standing::Approved) => Err(format!("{address} is approved already")),
            (_, Standing::Refused) => self.decide(at, address.into(), true, by),
            (Some(sighting), _) if sighting.agreed => self.decide(at, address.into(), true, by),
            (Some(_), _) => Err(format!(
                "only one of the DNS servers says that {address} is a PoP; when you know it from VoIP.ms itself, use `trunkguard pops add {address}`"
            )),
            (None, _) => Err(format!(
                "no PoP has {address} in DNS; when you know it from VoIP.ms itself, use `trunkguard pops add {address}`"
            )),
        }
    }

    /// Never allows this address, whatever DNS says, and does not ask about it again. One of the
    /// known range too.
    ///
    /// # Errors
    /// When it is never allowed anyway, or lies in a network that was approved.
    pub fn refuse(&mut self, at: At, address: IpAddr, by: &str) -> Result<Decision, String> {
        let address = address.to_canonical();
        if let Some(why) = forbidden(address, &self.own) {
            return Err(format!("{address} is {why} and is never allowed anyway"));
        }
        if self.decisions.refused().any(|a| a == address) {
            return Err(format!("{address} is refused already"));
        }
        self.decide(at, address.into(), false, by)
    }

    /// Takes a decision back. An address that is still in DNS is asked about again.
    ///
    /// # Errors
    /// When there is none.
    pub fn forget(&mut self, at: At, subject: &Subject) -> Result<(), String> {
        if !self.decisions.remove(subject) {
            return Err(format!("nothing was decided on {subject}"));
        }
        self.follow_names(at);
        self.purge();
        Ok(())
    }

    fn decide(
        &mut self,
        at: At,
        subject: Subject,
        approved: bool,
        by: &str,
    ) -> Result<Decision, String> {
        let decision = Decision {
            subject,
            approved,
            unix_ms: at.unix_ms,
            by: by
                .chars()
                .filter(|c| !is_unseen(*c))
                .take(MOST_BY)
                .collect(),
        };
        self.decisions.put(decision.clone())?;
        self.follow_names(at);
        self.purge();
        Ok(decision)
    }
}
