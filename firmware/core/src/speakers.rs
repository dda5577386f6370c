//! Machines of the office that speak SIP to the box and are no client yet: a PBX that is being set up.

use core::net::IpAddr;

use heapless::{String, Vec};

use crate::screen::is_near;

/// Machines that are remembered; the one that was heard longest ago is forgotten.
const PLACES: usize = 8;

/// What one of them has said last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speaker {
    /// From where.
    pub address: IpAddr,
    /// What it says it is, printable ASCII, cut off; empty where it does not say.
    pub agent: String<64>,
    /// What it asked: `OPTIONS`, `INVITE` …; empty where only a connection was seen.
    pub method: String<16>,
    /// When, on the clock that never steps.
    pub heard_ms: u64,
}

/// The last few. Only addresses of the office are kept ([`Speakers::heard`]), so that the internet cannot push them out.
#[derive(Default)]
pub struct Speakers {
    all: Vec<Speaker, PLACES>,
}

impl Speakers {
    /// Is it the office's, so that what it says is worth reading?
    pub fn keeps(address: IpAddr) -> bool {
        is_near(address)
    }

    /// Somebody spoke. Who is not in the office is passed over. A connection, of which nothing was read (`method` is empty),
    /// leaves what was known.
    pub fn heard(&mut self, address: IpAddr, method: &[u8], agent: &[u8], now_ms: u64) {
        if !Speakers::keeps(address) {
            return;
        }
        let address = address.to_canonical();
        let (method, agent) = (printable(method), printable(agent));
        if let Some(known) = self.all.iter_mut().find(|known| known.address == address) {
            known.heard_ms = now_ms;
            if !method.is_empty() {
                known.method = method;
                known.agent = agent;
            }
            return;
        }
        if self.all.is_full() {
            let oldest = (0..self.all.len()).min_by_key(|&at| self.all[at].heard_ms);
            self.all.swap_remove(oldest.unwrap_or_default());
        }
        // There is room now.
        let _ = self.all.push(Speaker {
            address,
            agent,
            method,
            heard_ms: now_ms,
        });
    }

    /// The last ones, the latest first, without those that are clients by now.
    pub fn latest(&self, is_client: impl Fn(IpAddr) -> bool) -> Vec<Speaker, PLACES> {
        let others = self.all.iter().filter(|one| !is_client(one.address));
        let mut all: Vec<Speaker, PLACES> = others.cloned().collect();
        all.sort_unstable_by_key(|speaker| core::cmp::Reverse(speaker.heard_ms));
        all
    }
}

fn printable<const N: usize>(octets: &[u8]) -> String<N> {
    let signs = octets.iter().map(|&octet| match octet {
        b' '..=b'~' => char::from(octet),
        _ => '?',
    });
    signs.take(N).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(last: u8) -> IpAddr {
        IpAddr::from([192, 168, 1, last])
    }

    #[test]
    fn the_last_of_the_office_are_kept_and_nobody_else() {
        let mut speakers = Speakers::default();
        for last in 0..20 {
            speakers.heard(at(last), b"OPTIONS", b"PBX", u64::from(last));
            speakers.heard([203, 0, 113, last].into(), b"OPTIONS", b"scanner", 1_000);
        }
        let latest = speakers.latest(|address| address == at(19));
        let addresses: std::vec::Vec<_> = latest.iter().map(|one| one.address).collect();
        assert_eq!(addresses, [18, 17, 16, 15, 14, 13, 12].map(at));
    }

    #[test]
    fn what_it_said_last_is_kept_and_can_be_printed() {
        let mut speakers = Speakers::default();
        speakers.heard(at(1), b"INVITE", b"Asterisk\r\n\xff<b>", 1);
        speakers.heard(at(1), b"", b"", 2);
        let [one] = &speakers.latest(|_| false)[..] else {
            panic!("one spoke");
        };
        assert_eq!((one.agent.as_str(), one.heard_ms), ("Asterisk???<b>", 2));
        speakers.heard(at(1), b"OPTIONS", &[b'x'; 400], 3);
        assert_eq!(speakers.latest(|_| false)[0].agent.len(), 64);
    }
}
