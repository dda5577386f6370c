//! Records of sources in fixed memory: the worst stay.

use alloc::vec::Vec;
use core::hash::Hasher;

use siphasher::sip::SipHasher13;

use super::{Service, evidence::Evidence, record::Record};

/// Sources that are kept an eye on. Each takes some 200 octets.
pub const SOURCES: usize = 4_096;
/// Places that one source can be in.
const WAYS: usize = 8;

/// A source may sit in one of [`WAYS`] places, chosen by a keyed hash. Where all are taken, the one with
/// the least against it loses as much as the newcomer brings, and goes when that is all it has (as
/// in [`crate::screen`]): invented sources push each other out, not the one that stays.
pub struct Table {
    places: Vec<Option<Record>>,
    key: u64,
}

impl Table {
    /// Nobody; `key` keeps strangers from choosing their place.
    pub fn new(key: u64) -> Self {
        Table {
            places: Vec::new(),
            key,
        }
    }

    fn set(&mut self, source: u128, service: Service) -> &mut [Option<Record>] {
        if self.places.is_empty() {
            // Once, for the first stranger: most boxes on a desk never see one.
            self.places = (0..SOURCES).map(|_| None).collect();
        }
        let mut hasher = SipHasher13::new_with_keys(self.key, !self.key);
        hasher.write_u128(source);
        hasher.write_u8(service as u8);
        let set = hasher.finish() as usize % (SOURCES / WAYS);
        &mut self.places[set * WAYS..(set + 1) * WAYS]
    }

    /// Adds to what is known of a source. `None`: there was no room for it.
    pub fn add(&mut self, now_ms: u64, source: u128, evidence: &Evidence) -> Option<&mut Record> {
        let service = evidence.service;
        let set = self.set(source, service);
        let known = set.iter().position(|place| {
            (place.as_ref()).is_some_and(|r| r.source == source && r.service == service)
        });
        let at = match known.or_else(|| set.iter().position(Option::is_none)) {
            Some(at) => at,
            None => {
                let score = |place: &Option<Record>| {
                    place.as_ref().map_or(0, |record| record.score_at(now_ms))
                };
                let (least, place) = (set.iter().enumerate())
                    .min_by_key(|(_, place)| score(place))
                    .map(|(at, place)| (at, score(place)))?;
                let brings = Record::first_weight(evidence);
                if place > brings {
                    let record = set[least].as_mut()?;
                    record.score = record.score.saturating_sub(brings);
                    return None;
                }
                set[least] = None;
                least
            }
        };
        let record = set[at].get_or_insert_with(|| Record::new(now_ms, source, service));
        record.add(now_ms, evidence);
        Some(record)
    }

    /// Forgets what is known of a source.
    pub fn forgive(&mut self, source: u128, service: Service) {
        for place in self.set(source, service) {
            if place
                .as_ref()
                .is_some_and(|r| r.source == source && r.service == service)
            {
                *place = None;
            }
        }
    }

    /// Keeps only those.
    pub fn retain(&mut self, keep: impl Fn(u128) -> bool) {
        for place in &mut self.places {
            if place.as_ref().is_some_and(|record| !keep(record.source)) {
                *place = None;
            }
        }
    }

    /// Sources in it.
    pub fn len(&self) -> usize {
        self.places.iter().flatten().count()
    }
}
