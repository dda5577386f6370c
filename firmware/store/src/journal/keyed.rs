//! Keys that are hashes already: drawn with a secret, so that nobody chooses where they fall.

use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};

/// Makes keys out of whatever names a thing.
#[derive(Default)]
pub(super) struct Keys(RandomState);

impl Keys {
    pub fn of(&self, parts: impl Hash) -> u64 {
        self.0.hash_one(parts)
    }
}

/// For tables whose keys come from [`Keys`].
pub(super) type AsIs = BuildHasherDefault<Taken>;

#[derive(Default)]
pub(super) struct Taken(u64);

impl Hasher for Taken {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.0 = self.0.rotate_left(8) ^ u64::from(*octet);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}
