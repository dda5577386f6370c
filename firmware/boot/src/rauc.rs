//! What RAUC asks its boot backend, and what it may change (B17).
//!
//! RAUC knows slots by the names that U-Boot's script has for them. It asks with `get-primary`,
//! `get-state NAME`, `get-current`, `set-primary NAME` and `set-state NAME good|bad` (its reference
//! manual, "Custom Bootloader Backend Interface"). An answer is a word on standard output.

use std::fmt;

use crate::{
    canary::{Canary, Told},
    state::{Slot, Standing, State},
};

/// A slot's worth, as far as RAUC knows any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// It starts.
    Good,
    /// It starts only when the other one does not load.
    Bad,
}

/// A question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Which slot is the next start meant for?
    Primary,
    /// Which slot runs?
    Current,
    /// What is this slot worth?
    State(Slot),
}

/// A wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Start this slot next: it was written.
    Primary(Slot),
    /// This slot is worth so much. `Bad` before it is written.
    State(Slot, Worth),
}

/// What stands against a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Boot loader and system look at different places.
    #[error(
        "U-Boot and this system do not see the same record; `trunkguard box state` says more. No update is taken"
    )]
    Canary,
    /// What runs was not confirmed yet: the other slot is all there is to go back to.
    #[error("slot {0} runs on trial: until it is confirmed, the other one is kept as it is")]
    OnTrial(Slot),
    /// It is what runs.
    #[error("slot {0} is the one that runs: it is neither overwritten nor given up")]
    Running(Slot),
    /// Only a start that went well confirms a slot.
    #[error(
        "slot {0} was not confirmed: that is done by the box's own look at itself after a start, not by RAUC"
    )]
    NotConfirmed(Slot),
}

impl fmt::Display for Worth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Worth::Good => "good",
            Worth::Bad => "bad",
        })
    }
}

/// Answers a question; nothing where the kernel was not told which slot it is of.
pub fn answer(question: Question, state: State, told: Option<Told>) -> Option<String> {
    match question {
        Question::Primary => Some(state.primary().to_string()),
        Question::Current => told.map(|told| told.slot.to_string()),
        Question::State(slot) => Some(worth(state, slot).to_string()),
    }
}

fn worth(state: State, slot: Slot) -> Worth {
    match state.standing(slot) {
        Standing::Confirmed | Standing::Tried => Worth::Good,
        Standing::Spare => Worth::Bad,
    }
}

/// Does RAUC's update rest on solid ground, and is this change one that an update makes? Then the record
/// is to be this one. It never confirms a slot, and never touches the one that runs. Where both records are
/// damaged, slot A runs by default, and an update of slot B makes a record again.
///
/// # Errors
/// What stands against it; nothing is changed then.
pub fn change(
    change: Change,
    state: State,
    (told, canary): (Option<Told>, Canary),
) -> Result<State, Refusal> {
    let (Some(told), Canary::Same) = (told, canary) else {
        return Err(Refusal::Canary);
    };
    let running = told.slot;
    if running != state.good {
        return Err(Refusal::OnTrial(running));
    }
    match change {
        Change::Primary(slot) => Ok(state.set_primary(slot)),
        Change::State(slot, Worth::Good) if slot == running => Ok(state),
        Change::State(slot, Worth::Good) => Err(Refusal::NotConfirmed(slot)),
        Change::State(slot, Worth::Bad) if slot == running => Err(Refusal::Running(slot)),
        Change::State(slot, Worth::Bad) => Ok(state.bad(slot)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::state::{TRIES, Trial};

    const CONFIRMED: State = State {
        sequence: 7,
        good: Slot::A,
        trial: None,
    };

    fn runs(slot: Slot) -> (Option<Told>, Canary) {
        (Some(Told { slot, sequence: 7 }), Canary::Same)
    }

    #[test]
    fn an_update_is_two_changes_and_confirms_nothing() {
        let bad = Change::State(Slot::B, Worth::Bad);
        let state = change(bad, CONFIRMED, runs(Slot::A)).unwrap();
        assert_eq!(state, CONFIRMED);
        let state = change(Change::Primary(Slot::B), state, runs(Slot::A)).unwrap();
        let trial = Trial {
            slot: Slot::B,
            tries: TRIES,
        };
        assert_eq!((state.good, state.trial), (Slot::A, Some(trial)));
        assert_eq!(answer(Question::Primary, state, None).as_deref(), Some("B"));
        // The next one, before that was ever started: its trial ends before it is overwritten.
        let state = change(bad, state, runs(Slot::A)).unwrap();
        assert_eq!(state, CONFIRMED);
    }

    #[test]
    fn a_slot_that_runs_is_neither_overwritten_nor_confirmed() {
        let tell = |wanted| change(wanted, CONFIRMED, runs(Slot::A));
        let bad = tell(Change::State(Slot::A, Worth::Bad));
        assert_eq!(bad, Err(Refusal::Running(Slot::A)));
        let good = tell(Change::State(Slot::B, Worth::Good));
        assert_eq!(good, Err(Refusal::NotConfirmed(Slot::B)));
        assert_eq!(tell(Change::State(Slot::A, Worth::Good)), Ok(CONFIRMED));
        // Back before anything was started: a change of mind.
        let tried = CONFIRMED.set_primary(Slot::B);
        let back = change(Change::Primary(Slot::A), tried, runs(Slot::A));
        assert_eq!(back, Ok(CONFIRMED));
    }

    #[test]
    fn nothing_is_changed_on_trial_or_on_sand() {
        let tried = CONFIRMED.set_primary(Slot::B);
        let all = [Slot::A, Slot::B].into_iter().flat_map(|slot| {
            [
                Change::Primary(slot),
                Change::State(slot, Worth::Good),
                Change::State(slot, Worth::Bad),
            ]
        });
        for wanted in all {
            let trial = change(wanted, tried, runs(Slot::B));
            assert_eq!(trial, Err(Refusal::OnTrial(Slot::B)), "{wanted:?}");
            for sand in [
                (None, Canary::NotTold),
                (runs(Slot::A).0, Canary::OtherSequence { expected: 6 }),
                (runs(Slot::A).0, Canary::OtherSlot { expected: Slot::B }),
            ] {
                let sand = change(wanted, CONFIRMED, sand);
                assert_eq!(sand, Err(Refusal::Canary), "{wanted:?}");
            }
        }
    }

    #[test]
    fn a_box_without_a_record_takes_an_update() {
        let told = Some(Told {
            slot: Slot::A,
            sequence: 0,
        });
        let seen = (told, Canary::Same);
        let state = change(Change::Primary(Slot::B), State::default(), seen).unwrap();
        assert_eq!((state.good, state.primary()), (Slot::A, Slot::B));
    }

    #[test]
    fn questions_are_answered_in_rauc_s_words() {
        let tried = CONFIRMED.set_primary(Slot::B);
        let ask = |question, state| answer(question, state, runs(Slot::A).0).unwrap();
        assert_eq!(ask(Question::Current, tried), "A");
        assert_eq!(ask(Question::Primary, CONFIRMED), "A");
        assert_eq!(ask(Question::State(Slot::A), tried), "good");
        assert_eq!(ask(Question::State(Slot::B), tried), "good");
        assert_eq!(ask(Question::State(Slot::B), CONFIRMED), "bad");
        assert_eq!(answer(Question::Current, CONFIRMED, None), None);
    }
}
