//! How often somebody may ask. A program gone mad must not take the box's time from the calls.

use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Of one token: so many at once, and so many a second after that.
const OF_A_TOKEN: Rate = Rate {
    burst: 100,
    per_second: 20,
};
/// Of one address, without a token that is right.
const OF_A_STRANGER: Rate = Rate {
    burst: 60,
    per_second: 2,
};
/// Addresses that are remembered; the one that asked longest ago gives way.
const STRANGERS: usize = 256;
/// Tokens that are remembered: all that there can be.
const TOKENS: usize = 64;

#[derive(Clone, Copy)]
struct Rate {
    burst: u32,
    per_second: u32,
}

/// Everybody's buckets.
#[derive(Default)]
pub struct Limits(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    tokens: Table<[u8; 32]>,
    strangers: Table<IpAddr>,
}

impl Limits {
    /// May this token ask once more?
    ///
    /// # Errors
    /// Seconds after which it may.
    pub fn token(&self, hash: [u8; 32], now: Instant) -> Result<(), u32> {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tables.tokens.take(hash, now, OF_A_TOKEN, TOKENS)
    }

    /// May somebody without a token ask once more from this address? Who has one is not asked: nobody who guesses locks
    /// the owner's programs out.
    ///
    /// # Errors
    /// Seconds after which it may.
    pub fn stranger(&self, address: IpAddr, now: Instant) -> Result<(), u32> {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tables
            .strangers
            .take(address, now, OF_A_STRANGER, STRANGERS)
    }
}

/// Token buckets, a few of them.
struct Table<K>(Vec<(K, Bucket)>);

impl<K> Default for Table<K> {
    fn default() -> Self {
        Table(Vec::new())
    }
}

#[derive(Clone, Copy)]
struct Bucket {
    /// When it is full again.
    full_at: Instant,
}

impl<K: PartialEq> Table<K> {
    fn take(&mut self, key: K, now: Instant, rate: Rate, places: usize) -> Result<(), u32> {
        let at = match self.0.iter().position(|(own, _)| *own == key) {
            Some(at) => at,
            None => {
                if self.0.len() >= places
                    && let Some(oldest) = (0..self.0.len()).min_by_key(|&at| self.0[at].1.full_at)
                {
                    self.0.swap_remove(oldest);
                }
                self.0.push((key, Bucket { full_at: now }));
                self.0.len() - 1
            }
        };
        let bucket = &mut self.0[at].1;
        // One more takes so long to be made up for; with `burst` of them in debt it has to wait.
        let full_at = bucket.full_at.max(now) + Duration::from_secs(1) / rate.per_second;
        let debt = full_at - now;
        let most = Duration::from_secs(1) * rate.burst / rate.per_second;
        if debt > most {
            return Err((debt - most).as_secs() as u32 + 1);
        }
        bucket.full_at = full_at;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_so_many_a_second() {
        let (limits, start) = (Limits::default(), Instant::now());
        let ask = |now| limits.token([1; 32], now);
        for n in 0..OF_A_TOKEN.burst {
            assert_eq!(ask(start), Ok(()), "{n}");
        }
        assert_eq!(ask(start), Err(1));
        assert_eq!(limits.token([2; 32], start), Ok(()), "another has its own");
        let later = start + Duration::from_secs(1);
        let passed = (0..OF_A_TOKEN.burst).filter(|_| ask(later).is_ok()).count();
        assert_eq!(passed as u32, OF_A_TOKEN.per_second);
    }

    #[test]
    fn many_strangers_fill_no_memory() {
        let (limits, start) = (Limits::default(), Instant::now());
        for n in 0..10_000u32 {
            let address = IpAddr::from(n.to_be_bytes());
            assert_eq!(limits.stranger(address, start), Ok(()));
        }
        let tables = limits.0.lock().unwrap();
        assert_eq!(tables.strangers.0.len(), STRANGERS);
    }
}
