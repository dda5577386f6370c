//! From the links there are to what is to be done with the port towards the PBX. Pure, but for its memory.

use trunkguard_core::link_loss::LinkLoss;

use super::netlink::Link;
use crate::render::{BRIDGE, INSIDE, OUTSIDE};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The port towards the PBX.
    pub index: i32,
    /// Switch it on, or off.
    pub up: bool,
}

/// Watches the two ports of the bridge.
#[derive(Debug, Default)]
pub struct Watch {
    loss: LinkLoss,
    /// The port towards the PBX that was seen last, and whether it is still to be switched on once.
    port: Option<(i32, bool)>,
    up: Option<bool>,
}

impl Watch {
    /// Looks at all links. Where they are no bridge of ours (`side`, `router`), nothing is done.
    ///
    /// A port that somebody else switched off stays so: it is switched on when this begins, when it is
    /// plugged in, and when the link is back, once each. One that is to be off is kept off.
    pub fn look(&mut self, at_ms: u64, links: &[Link]) -> Option<Order> {
        let (outside, inside) = match ports(links) {
            // Both adapters are pulled out for a moment: what was known of them holds.
            Some((None, None)) if self.up.is_none() => return None,
            Some(ports) => ports,
            None => {
                *self = Watch::default();
                return None;
            }
        };
        let link = outside.is_some_and(|port| port.carrier);
        let changes = outside.map_or(0, |port| port.changes);
        let up = self.loss.see(at_ms, link, changes);
        let before = self.up.replace(up);
        let inside = inside?;
        let (index, mut owed) = match self.port {
            Some((index, owed)) if index == inside.index => (index, owed),
            _ => (inside.index, true),
        };
        owed = (owed || before == Some(false)) && up && !inside.up;
        self.port = Some((index, owed));
        match up {
            true => owed.then_some(Order { index, up: true }),
            false => inside.up.then_some(Order { index, up: false }),
        }
    }

    /// What was decided last, where this is a bridge.
    pub fn state(&self) -> Option<bool> {
        self.up
    }

    /// When to look again, where nothing else happens before, in ms.
    pub fn due_ms(&self) -> Option<u64> {
        self.loss.due_ms()
    }

    /// At the end: a port that was switched off is left on.
    pub fn leave(&self) -> Option<Order> {
        let (index, _) = self.port?;
        (self.up == Some(false)).then_some(Order { index, up: true })
    }
}

/// The bridge's ports towards the internet and towards the PBX, by their groups. `None` where there is no
/// bridge.
fn ports(links: &[Link]) -> Option<(Option<&Link>, Option<&Link>)> {
    let bridge = links.iter().find(|link| link.name == BRIDGE)?.index;
    let port = |group| (links.iter()).find(|l| l.master == Some(bridge) && l.group == group);
    Some((port(OUTSIDE), port(INSIDE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bridge() -> Vec<Link> {
        let port = |index, name: &str, group| Link {
            index,
            name: name.into(),
            master: Some(9),
            group,
            up: true,
            carrier: true,
            changes: 1,
        };
        let bridge = Link {
            master: None,
            ..port(9, BRIDGE, 0)
        };
        vec![port(2, "port0", OUTSIDE), port(3, "port1", INSIDE), bridge]
    }

    fn order(index: i32, up: bool) -> Option<Order> {
        Some(Order { index, up })
    }

    #[test]
    fn a_loss_takes_the_other_port_down_and_keeps_it_down() {
        let (mut watch, mut links) = (Watch::default(), bridge());
        assert_eq!(watch.look(0, &links), None);
        links[0].carrier = false;
        assert_eq!(watch.look(10, &links), None);
        assert_eq!(watch.due_ms(), Some(1_010));
        assert_eq!(watch.look(1_010, &links), order(3, false));
        links[1].up = false;
        assert_eq!(watch.look(1_020, &links), None);
        // Somebody (a restarted networkd) switches it on.
        links[1].up = true;
        assert_eq!(watch.look(1_030, &links), order(3, false));
        links[1].up = false;
        links[0].carrier = true;
        assert_eq!(watch.look(5_000, &links), None);
        assert_eq!(watch.leave(), order(3, true));
        assert_eq!(watch.look(7_000, &links), order(3, true));
        // Tried again until it is so.
        assert_eq!(watch.look(7_001, &links), order(3, true));
        links[1].up = true;
        assert_eq!(watch.look(7_002, &links), None);
        assert_eq!(watch.leave(), None);
        // What somebody switches off then is theirs.
        links[1].up = false;
        assert_eq!(watch.look(7_003, &links), None);
    }

    #[test]
    fn a_port_that_is_unplugged_has_no_link() {
        let (mut watch, mut links) = (Watch::default(), bridge());
        let outside = links.remove(0);
        watch.look(0, &links);
        assert_eq!(watch.look(1_000, &links), order(3, false));
        // The one towards the PBX goes as well, and comes back as another: it is kept down too.
        let mut inside = links.remove(0);
        assert_eq!(watch.look(1_100, &links), None);
        inside.index = 12;
        links.extend([inside, outside]);
        links[1].changes = 0;
        assert_eq!(watch.look(1_200, &links), order(12, false));
    }

    #[test]
    fn nothing_is_done_without_a_bridge_of_ours() {
        for change in [
            |links: &mut Vec<Link>| links.truncate(2),
            |links: &mut Vec<Link>| links.iter_mut().for_each(|l| l.master = None),
            |links: &mut Vec<Link>| links.iter_mut().for_each(|l| l.group = 0),
        ] {
            let (mut watch, mut links) = (Watch::default(), bridge());
            links[0].carrier = false;
            change(&mut links);
            for at in [0, 5_000, 10_000] {
                assert_eq!(watch.look(at, &links), None);
            }
            assert_eq!(
                (watch.due_ms(), watch.leave(), watch.state()),
                (None, None, None)
            );
        }
    }

    #[test]
    fn a_start_switches_on_what_a_killed_one_left_off() {
        let (mut watch, mut links) = (Watch::default(), bridge());
        links[1].up = false;
        assert_eq!(watch.look(0, &links), order(3, true));
    }
}
