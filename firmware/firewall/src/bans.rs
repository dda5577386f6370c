//! The bans that were ordered here, in case somebody takes the table away with them.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use crate::{
    protocol::{Ban, Service},
    render::BAN_PLACES,
};

/// Who is banned from what, and until when.
#[derive(Default)]
pub struct Bans(BTreeMap<(Service, IpAddr), Instant>);

impl Bans {
    /// Takes note of bans that the kernel has taken.
    pub fn add(&mut self, bans: &[Ban], now: Instant) {
        if self.0.len() + bans.len() > BAN_PLACES as usize {
            self.0.retain(|_, until| *until > now);
        }
        for ban in bans {
            // As many as the kernel has places for; it has refused any more.
            if self.0.len() < 4 * BAN_PLACES as usize {
                let until = now + Duration::from_secs(ban.seconds.into());
                self.0.insert((ban.service, ban.address), until);
            }
        }
    }

    /// Takes note of bans that were lifted.
    pub fn lift(&mut self, lifted: &[(IpAddr, Service)]) {
        for &(address, service) in lifted {
            self.0.remove(&(service, address));
        }
    }

    /// Those that have not run out, with the time that is left.
    pub fn known(&self, now: Instant) -> Vec<Ban> {
        let left = |(&(service, address), until): (&(Service, IpAddr), &Instant)| {
            let left = until.checked_duration_since(now)?.as_secs();
            let seconds = u32::try_from(left).ok().filter(|s| *s > 0)?;
            Some(Ban {
                address,
                service,
                seconds,
            })
        };
        self.0.iter().filter_map(left).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bans_run_out_and_are_lifted() {
        let now = Instant::now();
        let ban = |last: u8, service, seconds| Ban {
            address: IpAddr::from([192, 0, 2, last]),
            service,
            seconds,
        };
        let mut bans = Bans::default();
        let all = [
            ban(1, Service::Sip, 10),
            ban(1, Service::Page, 100),
            ban(2, Service::Sip, 100),
        ];
        bans.add(&all, now);
        assert_eq!(bans.known(now), [all[0], all[2], all[1]]);
        let later = now + Duration::from_secs(60);
        assert_eq!(
            bans.known(later),
            [ban(2, Service::Sip, 40), ban(1, Service::Page, 40)]
        );
        bans.lift(&[(IpAddr::from([192, 0, 2, 1]), Service::Page)]);
        assert_eq!(bans.known(later), [ban(2, Service::Sip, 40)]);
    }
}
