//! Many calls in one row: about 50 octets a call, and no SQL statement for each of them.
//!
//! A row of the table `call` holds up to [`MOST`] calls. Layout, version 1, every call after the other:
//! `flags, rule, level | fields << 4, mode | flags2 << 4, varint(ms since the row's first, zigzag),
//! varint(client), caller, dialled, agent` (each a length octet and text), then what the flags
//! announce: digits (length octet, text), country (2), kind (1), figures (2 varints), first (1),
//! calls said (varint), address (4 or 16).

use std::net::IpAddr;

use heapless::String;
use trunkguard_core::{number::Digits, policy::CountryCode, record::Record, verdict::Verdict};

use crate::codes::Coded;

/// Calls in one row, at most.
pub const MOST: u32 = 256;
/// Octets of one row, at most (a call has at most 190).
pub const MOST_OCTETS: usize = 16 << 10;
/// Version of the layout.
pub const VERSION: u8 = 1;

const APPROVED: u8 = 1;
const ALLOWED: u8 = 2;
const CHARGEABLE: u8 = 4;
const DIGITS: u8 = 8;
const COUNTRY: u8 = 16;
const KIND: u8 = 32;
const FIGURES: u8 = 64;
const FIRST: u8 = 128;
const SAID_CALLS: u8 = 1;
const V4: u8 = 2;
const V6: u8 = 4;

/// A row that is being filled.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The calls.
    pub octets: Vec<u8>,
    /// How many.
    pub calls: u32,
    /// Time of the first call, ms since 1970.
    pub first_ms: i64,
    /// Latest time of any call.
    pub last_ms: i64,
}

impl Row {
    /// Is there no room for another call?
    pub fn is_full(&self) -> bool {
        self.calls >= MOST || self.octets.len() + 256 > MOST_OCTETS
    }

    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.octets.clear();
        self.calls = 0;
    }

    /// Adds a call of the client with this row id.
    pub fn add(&mut self, client: u32, record: &Record) {
        if self.calls == 0 {
            self.octets.push(VERSION);
            self.first_ms = record.unix_ms;
            self.last_ms = record.unix_ms;
        }
        self.last_ms = self.last_ms.max(record.unix_ms);
        self.calls += 1;
        encode(
            &mut self.octets,
            record.unix_ms.wrapping_sub(self.first_ms),
            client,
            record,
        );
    }
}

fn encode(out: &mut Vec<u8>, since_first: i64, client: u32, r: &Record) {
    let v = &r.verdict;
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    let flags = flag(v.approved, APPROVED)
        | flag(v.allowed, ALLOWED)
        | flag(v.chargeable, CHARGEABLE)
        | flag(r.digits.is_some(), DIGITS)
        | flag(r.country.is_some(), COUNTRY)
        | flag(r.kind.is_some(), KIND)
        | flag(v.figures.is_some(), FIGURES)
        | flag(r.first.is_some(), FIRST);
    let address = match r.phone {
        None => 0,
        Some(IpAddr::V4(_)) => V4,
        Some(IpAddr::V6(_)) => V6,
    };
    let flags2 = flag(r.said_calls.is_some(), SAID_CALLS) | address;
    out.extend([
        flags,
        v.rule.code(),
        v.level.code() | (r.said_fields & 15) << 4,
        r.mode.code() | flags2 << 4,
    ]);
    varint(out, (since_first << 1 ^ since_first >> 63) as u64);
    varint(out, u64::from(client));
    for text in [
        r.caller.as_bytes(),
        r.dialled.as_bytes(),
        r.phone_agent.as_bytes(),
    ] {
        out.push(text.len() as u8);
        out.extend_from_slice(text);
    }
    if let Some(digits) = &r.digits {
        out.push(digits.as_bytes().len() as u8);
        out.extend_from_slice(digits.as_bytes());
    }
    if let Some(country) = r.country {
        out.extend(country.letters());
    }
    if let Some(kind) = r.kind {
        out.push(kind.code());
    }
    if let Some((met, allowed)) = v.figures {
        varint(out, u64::from(met));
        varint(out, u64::from(allowed));
    }
    if let Some(first) = r.first {
        out.push(first.code());
    }
    if let Some(calls) = r.said_calls {
        varint(out, u64::from(calls));
    }
    match r.phone {
        None => {}
        Some(IpAddr::V4(a)) => out.extend(a.octets()),
        Some(IpAddr::V6(a)) => out.extend(a.octets()),
    }
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads the calls of a row, each with the row id of its client. Ends at the first octet that no
/// version of this layout would have written; [`Calls::is_whole`] tells.
pub struct Calls<'a> {
    rest: &'a [u8],
    first_ms: i64,
    whole: bool,
}

impl<'a> Calls<'a> {
    /// The calls of a row whose column `first_ms` says so.
    pub fn new(octets: &'a [u8], first_ms: i64) -> Self {
        match octets.split_first() {
            Some((&VERSION, rest)) => Calls {
                rest,
                first_ms,
                whole: true,
            },
            _ => Calls {
                rest: &[],
                first_ms,
                whole: octets.is_empty(),
            },
        }
    }

    /// What stands in front of the next call. [`Calls::pass`] goes on without unpacking the rest of it, `next` unpacks it.
    pub fn front(&mut self) -> Option<Front> {
        let mut ahead = self.rest;
        let front = Reader(&mut ahead).front(self.first_ms);
        if front.is_none() && !self.rest.is_empty() {
            self.rest = &[];
            self.whole = false;
        }
        front
    }

    /// Passes a call over.
    pub fn pass(&mut self) {
        if Reader(&mut self.rest).pass().is_none() {
            self.rest = &[];
            self.whole = false;
        }
    }

    /// Has everything so far been understood?
    pub fn is_whole(&self) -> bool {
        self.whole
    }
}

/// The front of a call: what most questions are about, at a tenth of what unpacking costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Front {
    /// When, ms since 1970.
    pub unix_ms: i64,
    /// The row id of its client.
    pub client: u32,
    /// It went through.
    pub approved: bool,
    /// The policy was for it.
    pub allowed: bool,
    /// The rule that decided, by its number on disk.
    pub rule: u8,
    /// Something was seen for the first time.
    pub first: bool,
}

impl Iterator for Calls<'_> {
    type Item = (u32, Record);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let call = Reader(&mut self.rest).call(self.first_ms);
        if call.is_none() {
            self.rest = &[];
            self.whole = false;
        }
        call
    }
}

struct Reader<'a, 'b>(&'a mut &'b [u8]);

impl<'b> Reader<'_, 'b> {
    fn front(&mut self, first_ms: i64) -> Option<Front> {
        let &[flags, rule, ..] = self.take(4)? else {
            return None;
        };
        let has = |bit: u8| flags & bit != 0;
        Some(Front {
            unix_ms: self.since(first_ms)?,
            client: u32::try_from(self.varint()?).ok()?,
            approved: has(APPROVED),
            allowed: has(ALLOWED),
            rule,
            first: has(FIRST),
        })
    }

    /// As long as what [`Reader::call`] reads, whatever it says.
    fn pass(&mut self) -> Option<()> {
        let &[flags, _, _, mode] = self.take(4)? else {
            return None;
        };
        let (has, flags2) = (|bit: u8| flags & bit != 0, mode >> 4);
        self.varint()?;
        self.varint()?;
        for _ in 0..3 + usize::from(has(DIGITS)) {
            let n = self.octet()?;
            self.take(n.into())?;
        }
        self.take(2 * usize::from(has(COUNTRY)) + usize::from(has(KIND)))?;
        if has(FIGURES) {
            self.varint()?;
            self.varint()?;
        }
        self.take(usize::from(has(FIRST)))?;
        if flags2 & SAID_CALLS != 0 {
            self.varint()?;
        }
        let address = match flags2 & (V4 | V6) {
            V4 => 4,
            V6 => 16,
            _ => 0,
        };
        self.take(address).map(|_| ())
    }

    fn since(&mut self, first_ms: i64) -> Option<i64> {
        let zigzag = self.varint()?;
        let since = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
        Some(first_ms.wrapping_add(since))
    }

    fn call(&mut self, first_ms: i64) -> Option<(u32, Record)> {
        let &[flags, rule, level, mode] = self.take(4)? else {
            return None;
        };
        let flags2 = mode >> 4;
        let unix_ms = self.since(first_ms)?;
        let client = u32::try_from(self.varint()?).ok()?;
        let (caller, dialled, phone_agent) = (self.text()?, self.text()?, self.text()?);
        let has = |bit: u8| flags & bit != 0;
        let record = Record {
            unix_ms,
            client: 0,
            caller,
            dialled,
            digits: if has(DIGITS) {
                Some(self.digits()?)
            } else {
                None
            },
            country: if has(COUNTRY) {
                Some(self.country()?)
            } else {
                None
            },
            kind: if has(KIND) {
                Some(Coded::from_code(self.octet()?)?)
            } else {
                None
            },
            mode: Coded::from_code(mode & 15)?,
            verdict: Verdict {
                approved: has(APPROVED),
                allowed: has(ALLOWED),
                rule: Coded::from_code(rule)?,
                level: Coded::from_code(level & 15)?,
                figures: if has(FIGURES) {
                    Some((self.figure()?, self.figure()?))
                } else {
                    None
                },
                chargeable: has(CHARGEABLE),
            },
            first: if has(FIRST) {
                Some(Coded::from_code(self.octet()?)?)
            } else {
                None
            },
            said_calls: if flags2 & SAID_CALLS != 0 {
                Some(u16::try_from(self.varint()?).ok()?)
            } else {
                None
            },
            phone: self.address(flags2)?,
            phone_agent,
            said_fields: level >> 4,
        };
        Some((client, record))
    }

    fn take(&mut self, n: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        *self.0 = rest;
        Some(taken)
    }

    fn octet(&mut self) -> Option<u8> {
        self.take(1).map(|b| b[0])
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let b = self.octet()?;
            value |= u64::from(b & 0x7f) << shift;
            if b < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn figure(&mut self) -> Option<u32> {
        u32::try_from(self.varint()?).ok()
    }

    fn text<const N: usize>(&mut self) -> Option<String<N>> {
        let n = self.octet()?;
        String::try_from(std::str::from_utf8(self.take(n.into())?).ok()?).ok()
    }

    fn digits(&mut self) -> Option<Digits> {
        let n = self.octet()?;
        Digits::new(self.take(n.into())?)
    }

    fn country(&mut self) -> Option<CountryCode> {
        let code: [u8; 2] = self.array()?;
        code.iter()
            .all(u8::is_ascii_uppercase)
            .then(|| CountryCode::new(code))
    }

    fn address(&mut self, flags2: u8) -> Option<Option<IpAddr>> {
        Some(match flags2 & (V4 | V6) {
            0 => None,
            V4 => Some(self.array::<4>()?.into()),
            V6 => Some(self.array::<16>()?.into()),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::sample;

    proptest! {
        #[test]
        fn calls_come_back_as_they_were(records in vec((0..9u32, sample::record()), 1..40)) {
            let mut row = Row::default();
            for (client, record) in &records {
                row.add(*client, record);
            }
            prop_assert_eq!(row.last_ms, records.iter().map(|(_, r)| r.unix_ms).max().unwrap());
            let mut calls = Calls::new(&row.octets, row.first_ms);
            let back: Vec<_> = calls.by_ref().collect();
            prop_assert!(calls.is_whole());
            let expected: Vec<_> = records.into_iter().map(|(c, r)| (c, Record { client: 0, ..r })).collect();
            prop_assert_eq!(back, expected);
        }

        #[test]
        fn a_call_that_is_passed_over_is_as_long_as_one_that_is_unpacked(records in vec((0..9u32, sample::record()), 1..40), passed in any::<u64>()) {
            let mut row = Row::default();
            for (client, record) in &records {
                row.add(*client, record);
            }
            let mut calls = Calls::new(&row.octets, row.first_ms);
            for (n, (client, record)) in records.iter().enumerate() {
                let front = calls.front().unwrap();
                let verdict = &record.verdict;
                let expected = Front {
                    unix_ms: record.unix_ms,
                    client: *client,
                    approved: verdict.approved,
                    allowed: verdict.allowed,
                    rule: verdict.rule.code(),
                    first: record.first.is_some(),
                };
                prop_assert_eq!(front, expected);
                if passed >> n & 1 == 1 {
                    calls.pass();
                } else {
                    prop_assert_eq!(&calls.next().unwrap().1.caller, &record.caller);
                }
            }
            prop_assert!(calls.front().is_none() && calls.is_whole());
        }

        #[test]
        fn damaged_rows_never_panic(record in sample::record(), cut in 0..300usize, flips in vec((0..300usize, any::<u8>()), 0..4)) {
            let mut row = Row::default();
            row.add(1, &record);
            row.add(2, &record);
            let n = row.octets.len();
            for (at, with) in flips {
                row.octets[at % n] ^= with;
            }
            row.octets.truncate(cut);
            let found = Calls::new(&row.octets, row.first_ms).count();
            prop_assert!(found <= row.octets.len());
            let (mut calls, mut passed) = (Calls::new(&row.octets, row.first_ms), 0);
            while calls.front().is_some() {
                calls.pass();
                passed += 1;
            }
            prop_assert!(passed <= row.octets.len());
        }

        #[test]
        fn a_full_row_stays_within_its_bound(record in sample::record()) {
            let mut row = Row::default();
            while !row.is_full() {
                row.add(u32::MAX, &record);
            }
            prop_assert!(row.calls <= MOST && row.octets.len() <= MOST_OCTETS);
        }
    }

    #[test]
    fn a_row_of_another_version_is_not_guessed_at() {
        let mut calls = Calls::new(&[9, 1, 2, 3], 0);
        assert!(calls.next().is_none());
        assert!(!calls.is_whole());
    }
}
