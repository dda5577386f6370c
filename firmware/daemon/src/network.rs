//! The network wish: how the box is to be plugged in and reached, for `trunkguard network` to render
//! (docs/box.md B9). Writing it changes nothing by itself.

use std::path::PathBuf;

use tracing::{info, warn};
use trunkguard_core::policy::{Interface, Policy};
use trunkguard_network::{
    check,
    wish::{VERSION, Wish},
};

use crate::{desk::Shared, firewall::intent};

/// Where the wish is written, if anywhere, and the ports that the board has.
pub struct Wishes {
    path: Option<PathBuf>,
    ports: Vec<Interface>,
}

impl Wishes {
    /// `None` where the network is not the daemon's: a machine that somebody else sets up.
    pub fn new(path: Option<PathBuf>, ports: Vec<Interface>) -> Wishes {
        Wishes { path, ports }
    }

    /// What a policy asks for; nothing where no wish is written.
    ///
    /// # Errors
    /// What the policy leaves open or contradicts, with the key.
    pub fn of(&self, policy: &Policy) -> Result<Option<Wish>, String> {
        if self.path.is_none() {
            return Ok(None);
        }
        let (outside, inside) = intent::ports(policy, &self.ports)?;
        let wish = Wish {
            version: VERSION,
            topology: policy.firewall.topology,
            outside,
            inside,
            addresses: policy.network.clone(),
        };
        match check::wish(&wish) {
            Ok(()) => Ok(Some(wish)),
            Err(wrong) => Err(wrong.to_string()),
        }
    }

    /// Has the policy that is in force at the start followed. What cannot be leaves the network as it is.
    pub fn begin(&self, policy: &Policy, shared: &Shared) {
        match self.of(policy) {
            Ok(wish) => self.write(wish, shared),
            Err(problem) => tell(&problem, shared),
        }
    }

    /// Writes what [`Wishes::of`] has made.
    pub fn write(&self, wish: Option<Wish>, shared: &Shared) {
        let (Some(path), Some(wish)) = (&self.path, wish) else {
            return;
        };
        match wish.write(path) {
            Ok(true) => info!(wish = %path.display(), "the box's network is to be another"),
            Ok(false) => {}
            Err(problem) => tell(
                &format!("{problem}; make the folder writable for Trunkguard"),
                shared,
            ),
        }
    }
}

fn tell(problem: &str, shared: &Shared) {
    warn!("the box's network stays as it is: {problem}");
    if let Some(journal) = shared.journal() {
        journal.raise(
            "box-network",
            &format!("the box's network stays as it is: {problem}"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> Policy {
        let definition = trunkguard_store::file::parse(text, std::path::Path::new("test"));
        Policy::compile(&definition.expect("a policy")).unwrap_or_else(|p| panic!("{p:?}"))
    }

    fn wishes(path: Option<&str>) -> Wishes {
        let port = |name| Interface::parse(name).expect("a port");
        Wishes::new(path.map(Into::into), vec![port("port0"), port("port1")])
    }

    #[test]
    fn a_policy_becomes_a_wish_with_the_boards_ports() {
        let text = "[firewall]\ntopology = \"router\"\n[network]\ninside = \"192.168.77.1/24\"\n";
        let wish = wishes(Some("x")).of(&policy(text)).expect("a wish");
        let wish = wish.expect("a wish");
        assert_eq!(wish.outside.as_str(), "port0");
        assert_eq!(wish.inside.as_ref().map(Interface::as_str), Some("port1"));
        assert_eq!(wish.addresses, policy(text).network);
        let swapped =
            "[firewall]\ntopology = \"bridge\"\noutside = \"port1\"\ninside = \"port0\"\n";
        let wish = wishes(Some("x")).of(&policy(swapped)).expect("a wish");
        assert_eq!(wish.expect("a wish").outside.as_str(), "port1");
        assert_eq!(wishes(None).of(&policy(swapped)), Ok(None));
    }

    #[test]
    fn what_a_box_needs_beyond_the_policy_is_named() {
        for (text, says) in [
            ("[firewall]\ntopology = \"router\"\n", "network.inside: "),
            (
                "[firewall]\ntopology = \"bridge\"\ninside = \"port0\"\n",
                "same port",
            ),
            ("[firewall]\noutside = \"br0\"\n", "bridge itself"),
        ] {
            let problem = wishes(Some("x")).of(&policy(text)).expect_err(text);
            assert!(problem.contains(says), "{problem}");
        }
    }
}
