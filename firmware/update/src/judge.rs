//! What became of an update, seen after a restart.

use trunkguard_core::update::{
    Version,
    report::{End, Outcome, Pending},
};

use crate::{boot::Boot, record::Record};

/// What is known when it is judged.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Which slot runs.
    pub boot: &'a Boot,
    /// What runs.
    pub version: Version,
    /// What RAUC began to write last, since the start.
    pub begun: Option<Version>,
    /// What a system on trial has said of itself before it was given up.
    pub reason: Option<String>,
    /// Seconds since 1970.
    pub now_s: i64,
}

/// Takes an update for its own that another one had RAUC install (hawkBit's client): it waits for a restart, and nothing is known of it here. Answers
/// whether it did.
pub fn adopt(record: &mut Record, facts: &Facts<'_>) -> bool {
    let (boot, Some(version)) = (facts.boot, facts.begun) else {
        return false;
    };
    let waits = boot.trial.as_deref() == Some(boot.other()) && boot.running == boot.confirmed;
    if !waits || record.pending.is_some() {
        return false;
    }
    record.pending = Some(Pending {
        version,
        from: facts.version,
        slot: boot.other().to_owned(),
        at_s: facts.now_s,
        rollback: false,
    });
    record.written = true;
    record.other = None;
    true
}

/// Judges what is pending. Answers whether the record is another one now.
pub fn judge(record: &mut Record, facts: &Facts<'_>) -> bool {
    let Some(pending) = record.pending.clone() else {
        return false;
    };
    let boot = facts.boot;
    let there = boot.running == pending.slot;
    if boot.trial.as_ref() == Some(&pending.slot) {
        // It will be started, or is being looked at.
        let changed = !record.written;
        record.written = true;
        return changed;
    }
    let end = match (there, boot.confirmed == pending.slot) {
        (true, true) => End::Confirmed,
        // U-Boot could not load the confirmed slot and took this one: nothing to be judged by.
        (true, false) => return false,
        (false, _) if !record.written => End::Failed {
            why: "the box went off while it was written; it is written again from its beginning".into(),
        },
        (false, _) => End::CameBack {
            why: facts.reason.clone().unwrap_or_else(|| {
                "it was started and did not come far enough to say why; `trunkguard box crashes` may know more".into()
            }),
        },
    };
    settle(record, &pending, end, facts);
    true
}

fn settle(record: &mut Record, pending: &Pending, end: End, facts: &Facts<'_>) {
    record.pending = None;
    record.written = false;
    record.other = None;
    match &end {
        End::Confirmed => {
            // What ran before lies in the other slot, untouched. A person who went back does not want it again.
            record.other = (!pending.rollback).then_some(pending.from);
            if pending.rollback {
                record.refuse(pending.from);
            }
            record.ready = None;
            record.offer = None;
        }
        End::CameBack { .. } => {
            if !pending.rollback {
                record.refuse(pending.version);
            }
            record.ready = None;
            record.offer = None;
        }
        End::Failed { .. } => {}
    }
    record.note(Outcome {
        version: Some(pending.version),
        from: pending.from,
        at_s: facts.now_s,
        end,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkguard_core::update::report::{Ready, Source};

    fn v(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    fn boot(running: &str, confirmed: &str, trial: Option<&str>) -> Boot {
        Boot {
            running: running.into(),
            confirmed: confirmed.into(),
            trial: trial.map(Into::into),
            problem: None,
        }
    }

    fn installed(written: bool, rollback: bool) -> Record {
        Record {
            pending: Some(Pending {
                version: v("1.1.0"),
                from: v("1.0.0"),
                slot: "B".into(),
                at_s: 5,
                rollback,
            }),
            written,
            ready: Some(Ready {
                version: Some(v("1.1.0")),
                size: 9,
                by: Source::Server,
            }),
            ..Record::default()
        }
    }

    fn judged(record: &Record, boot: &Boot, reason: Option<&str>) -> (bool, Record) {
        let mut after = record.clone();
        let changed = judge(
            &mut after,
            &Facts {
                boot,
                version: v("1.0.0"),
                begun: None,
                reason: reason.map(Into::into),
                now_s: 100,
            },
        );
        (changed, after)
    }

    #[test]
    fn what_waits_for_a_restart_or_is_on_trial_is_not_judged() {
        let record = installed(true, false);
        for state in [
            boot("A", "A", Some("B")),
            boot("B", "A", Some("B")),
            boot("B", "A", None),
        ] {
            assert_eq!(judged(&record, &state, None), (false, record.clone()));
        }
        // The power went between RAUC's last write and ours.
        assert_eq!(
            judged(&installed(false, false), &boot("A", "A", Some("B")), None),
            (true, record)
        );
        assert_eq!(
            judged(&Record::default(), &boot("A", "A", None), None),
            (false, Record::default())
        );
    }

    #[test]
    fn what_another_one_had_installed_is_taken_for_our_own() {
        let adopted = |record: &Record, boot: &Boot, begun: Option<&str>| {
            let mut after = record.clone();
            let facts = Facts {
                boot,
                version: v("1.0.0"),
                begun: begun.map(v),
                reason: None,
                now_s: 5,
            };
            adopt(&mut after, &facts).then_some(after)
        };
        let waits = boot("A", "A", Some("B"));
        let after = adopted(&Record::default(), &waits, Some("1.1.0")).unwrap();
        assert_eq!(after.pending, installed(true, false).pending);
        assert!(after.written);
        // It is judged like any other.
        let (_, back) = judged(&after, &boot("A", "A", None), None);
        assert_eq!(back.refused, vec![v("1.1.0")]);
        for (record, boot, begun) in [
            // Our own, or one that is gone back to.
            (installed(true, false), &waits, Some("1.2.0")),
            // Nobody had anything installed; it is on trial; it is not known what it is.
            (Record::default(), &boot("A", "A", None), Some("1.1.0")),
            (Record::default(), &boot("B", "A", Some("B")), Some("1.1.0")),
            (Record::default(), &waits, None),
        ] {
            assert_eq!(adopted(&record, boot, begun), None);
        }
    }

    #[test]
    fn what_was_confirmed_leaves_the_one_before_to_go_back_to() {
        let (_, after) = judged(&installed(true, false), &boot("B", "B", None), None);
        assert_eq!(
            (after.other, after.pending.clone(), after.ready.clone()),
            (Some(v("1.0.0")), None, None)
        );
        assert_eq!(after.outcomes[0].end, End::Confirmed);
        assert!(after.refused.is_empty());
        let (_, back) = judged(&installed(true, true), &boot("B", "B", None), None);
        assert_eq!(
            (back.other, back.refused),
            (None, vec![v("1.0.0")]),
            "not by itself again"
        );
    }

    #[test]
    fn what_came_back_is_not_tried_again() {
        for (reason, said) in [
            (Some("the page is dead"), "the page is dead"),
            (None, "did not come far enough"),
        ] {
            let (_, after) = judged(&installed(true, false), &boot("A", "A", None), reason);
            assert_eq!(
                (after.refused.clone(), after.ready.clone()),
                (vec![v("1.1.0")], None)
            );
            let End::CameBack { why } = &after.outcomes[0].end else {
                panic!("{after:?}")
            };
            assert!(why.contains(said));
        }
    }

    #[test]
    fn what_was_cut_off_is_written_again() {
        let (_, after) = judged(&installed(false, false), &boot("A", "A", None), None);
        assert!(after.ready.is_some() && after.refused.is_empty() && after.pending.is_none());
        assert!(matches!(after.outcomes[0].end, End::Failed { .. }));
    }
}
