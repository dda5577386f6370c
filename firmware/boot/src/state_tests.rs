#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::sector::OCTETS;

fn slot() -> impl Strategy<Value = Slot> {
    prop_oneof![Just(Slot::A), Just(Slot::B)]
}

fn state() -> impl Strategy<Value = State> {
    let trial = proptest::option::of((slot(), any::<u8>()));
    (1..=LAST_SEQUENCE, slot(), trial).prop_map(|(sequence, good, trial)| State {
        sequence,
        good,
        trial: trial.map(|(slot, tries)| Trial { slot, tries }),
    })
}

/// As U-Boot 2025.01 writes it; `tests/tests/image_uboot` compares with the real one.
#[test]
fn the_text_is_u_boots() {
    let state = State {
        sequence: 0x1f,
        good: Slot::A,
        trial: Some(Trial {
            slot: Slot::B,
            tries: 2,
        }),
    };
    let sector = state.encode().unwrap();
    let text = b"BS_GOOD=A\0BS_SEQ=1f\0BS_TRIAL=B\0BS_TRIES=2\0\0";
    assert_eq!(&sector[4..4 + text.len()], text);
    assert!(sector[4 + text.len()..].iter().all(|&o| o == 0));
}

#[test]
fn records_that_make_no_sense_are_none() {
    let wrong: &[&[(&str, &str)]] = &[
        &[],
        &[("BS_GOOD", "A")],
        &[("BS_SEQ", "1")],
        &[("BS_SEQ", "0"), ("BS_GOOD", "A")],
        &[("BS_SEQ", "1"), ("BS_GOOD", "C")],
        &[("BS_SEQ", "+1"), ("BS_GOOD", "A")],
        &[("BS_SEQ", "0x1"), ("BS_GOOD", "A")],
        &[("BS_SEQ", "1000000000000000"), ("BS_GOOD", "A")],
        &[("BS_SEQ", "1"), ("BS_GOOD", "A"), ("BS_TRIAL", "b")],
        &[("BS_SEQ", "1"), ("BS_GOOD", "A"), ("BS_TRIAL", "B")],
    ];
    for variables in wrong {
        let sector = sector::encode(variables).unwrap();
        assert_eq!(State::decode(&sector), None, "{variables:?}");
    }
}

#[test]
fn a_trial_is_confirmed_ended_or_left_alone() {
    let start = State::default();
    let tried = start.set_primary(Slot::B);
    assert_eq!(tried.primary(), Slot::B);
    assert_eq!(tried.standing(Slot::B), Standing::Tried);
    assert_eq!(tried.good(Slot::A), tried, "the old one runs well, too");
    assert_eq!(tried.good(Slot::B).standing(Slot::B), Standing::Confirmed);
    assert_eq!(tried.good(Slot::B).standing(Slot::A), Standing::Spare);
    assert_eq!(tried.bad(Slot::B), start);
    assert_eq!(tried.set_primary(Slot::A), start);
    assert_eq!(start.bad(Slot::B), start);
    assert_eq!(start.bad(Slot::A).primary(), Slot::B);
    // A is to be overwritten while B is still tried: nothing but B is left.
    assert_eq!(tried.bad(Slot::A), tried.good(Slot::B));
}

#[test]
fn the_last_try_is_still_that_slots_start() {
    let mut state = State::default().set_primary(Slot::B);
    state.trial = Some(Trial {
        slot: Slot::B,
        tries: 0,
    });
    assert_eq!((state.started(), state.primary()), (Slot::B, Slot::A));
}

#[test]
fn the_sequence_ends_without_going_round() {
    let state = State {
        sequence: LAST_SEQUENCE,
        ..State::default()
    };
    assert_eq!(State::decode(&state.encode().unwrap()), Some(state));
    for none in [0, LAST_SEQUENCE + 1, u64::MAX] {
        let state = State {
            sequence: none,
            ..State::default()
        };
        assert_eq!(state.encode(), None);
    }
}

proptest! {
    #[test]
    fn a_record_comes_back(state in state()) {
        prop_assert_eq!(State::decode(&state.encode().unwrap()), Some(state));
    }

    /// Power is cut after any number of octets: what stands there then is the old record, the new one, or none.
    #[test]
    fn a_torn_sector_is_old_or_new_or_none(old in state(), new in state()) {
        let (from, to) = (old.encode().unwrap(), new.encode().unwrap());
        for cut in 0..=OCTETS {
            for (front, back) in [(&to, &from), (&from, &to)] {
                let mut torn = *back;
                torn[..cut].copy_from_slice(&front[..cut]);
                let found = State::decode(&torn);
                prop_assert!(found.is_none() || found == Some(old) || found == Some(new), "cut at {}: {:?}", cut, found);
            }
        }
    }

    #[test]
    fn junk_is_no_record(octets in proptest::collection::vec(any::<u8>(), OCTETS)) {
        let sector: Sector = octets.try_into().unwrap();
        prop_assert_eq!(State::decode(&sector), None);
    }

    /// A flipped bit is always found: CRC-32 finds each single one.
    #[test]
    fn a_flipped_bit_is_no_record(state in state(), bit in 0..OCTETS * 8) {
        let mut sector = state.encode().unwrap();
        sector[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(State::decode(&sector), None);
    }

    /// Whatever two records there are: the next one is never written over the one in force, and is in force
    /// afterwards; torn, it leaves the old one in force.
    #[test]
    fn the_next_write_is_the_newest(a in proptest::option::of(state()), b in proptest::option::of(state()), cut in 0..OCTETS) {
        let sector = |s: Option<State>| s.map_or([0x5a; OCTETS], |s| s.encode().unwrap());
        let both = [sector(a), sector(b)];
        let before = newest(&both[0], &both[1]);
        prop_assert_ne!(before.at, Some(before.next));
        prop_assume!(before.state.sequence < LAST_SEQUENCE);
        let next = State { sequence: before.state.sequence + 1, ..before.state.set_primary(Slot::B) };
        let place = usize::from(before.next == Place::Second);
        let mut after = both;
        after[place] = next.encode().unwrap();
        prop_assert_eq!(newest(&after[0], &after[1]).state, next);
        let mut torn = both;
        torn[place][..cut].copy_from_slice(&after[place][..cut]);
        let found = newest(&torn[0], &torn[1]).state;
        prop_assert!(found == before.state || found == next, "{:?}", found);
    }
}
