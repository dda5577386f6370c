//! Chances that can be had again.

use std::{
    env,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};

/// SplitMix64 (Steele, Lea, Flood, 2014).
pub struct Chance(u64);

impl Chance {
    /// By `TRUNKGUARD_SEED`, or by the clock. Says which seed it is, for who wants the same again.
    ///
    /// # Errors
    /// When the variable is no number.
    pub fn new(what: &str) -> Result<Chance> {
        let seed = match env::var("TRUNKGUARD_SEED") {
            Ok(seed) => seed.parse().context("TRUNKGUARD_SEED")?,
            Err(_) => SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
        };
        println!("{what}: TRUNKGUARD_SEED={seed}");
        Ok(Chance(seed))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of the numbers below `most`; 0 where there is none.
    pub fn up_to(&mut self, most: u64) -> u64 {
        self.next() % most.max(1)
    }

    /// A span below `most`.
    pub fn span(&mut self, most: Duration) -> Duration {
        // Spans are minutes at most.
        Duration::from_millis(self.up_to(most.as_millis() as u64))
    }

    /// Another order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.up_to(last as u64 + 1) as usize);
        }
    }
}
