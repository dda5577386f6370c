use alloc::{string::String, vec::Vec};

use super::*;
use crate::{
    policy::UpdateUrl,
    update::{
        Version,
        gate::Release,
        report::{Offer, Pending, Ready},
    },
};

fn v(text: &str) -> Version {
    Version::parse(text).expect(text)
}

fn settings() -> Update {
    Update {
        url: Some(UpdateUrl::parse("https://updates.example/").expect("an address")),
        ..Update::default()
    }
}

fn status() -> Status {
    Status {
        version: v("1.0.0"),
        slot: Some("A".into()),
        trial: false,
        activity: Activity::Idle,
        offer: None,
        ready: None,
        pending: None,
        other: None,
        outcomes: Vec::new(),
        checked: None,
        url: None,
        problem: None,
    }
}

fn offer(in_share: bool) -> Option<Offer> {
    Some(Offer {
        release: Release {
            compatible: "box".into(),
            version: v("1.1.0"),
            data: 1,
            data_oldest: 1,
        },
        size: 1,
        notes: String::new(),
        in_share,
    })
}

fn ready(by: Source) -> Option<Ready> {
    Some(Ready {
        version: Some(v("1.1.0")),
        size: 1,
        by,
    })
}

fn pending() -> Option<Pending> {
    Some(Pending {
        version: v("1.1.0"),
        from: v("1.0.0"),
        slot: "B".into(),
        at_s: 0,
        rollback: false,
    })
}

/// Noon, nobody calls, nothing is due.
const NOON: Now = Now {
    unix_s: Some(1_800_000_000),
    minute: Some(12 * 60),
    waiting: 0,
    quiet_s: 3_600,
    up_s: 1_000,
    wanted: false,
};
const NIGHT: Now = Now {
    minute: Some(2 * 60 + 5),
    ..NOON
};
const LATER: Schedule = Schedule {
    due_s: 1_000_000,
    failed: 0,
};

fn step(status: &Status, now: &Now) -> Step {
    next(&settings(), status, &Memory::default(), LATER, now)
}

#[test]
fn a_bundle_that_does_not_come_is_asked_for_at_intervals() {
    let offered = Status {
        offer: offer(true),
        ..status()
    };
    let up_s = NOON.up_s;
    let failed = Schedule::first(0).after(up_s, false, 0);
    let at = |up_s: i64, wanted: bool| {
        let now = Now {
            up_s,
            wanted,
            ..NOON
        };
        next(&settings(), &offered, &Memory::default(), failed, &now)
    };
    assert_eq!(at(up_s, false), Step::Wait(Why::Again));
    assert_eq!(at(failed.due_s - 1, false), Step::Wait(Why::Again));
    assert_eq!(
        at(failed.due_s, false),
        Step::Download,
        "the question alone would work, and be asked again as soon"
    );
    assert_eq!(at(up_s, true), Step::Download, "a person does not wait");
    // Put off, or not for this box yet: the question alone.
    let not_in_share = Status {
        offer: offer(false),
        ..status()
    };
    let now = Now {
        up_s: failed.due_s,
        ..NOON
    };
    let next = |status| next(&settings(), status, &Memory::default(), failed, &now);
    assert_eq!(next(&not_in_share), Step::Check);
    assert_eq!(next(&status()), Step::Check);
}

#[test]
fn an_update_is_fetched_by_day_and_installed_by_night() {
    assert_eq!(step(&status(), &NOON), Step::Wait(Why::Nothing));
    let due = Schedule {
        due_s: 1_000,
        failed: 0,
    };
    assert_eq!(
        next(&settings(), &status(), &Memory::default(), due, &NOON),
        Step::Check
    );
    let offered = Status {
        offer: offer(true),
        ..status()
    };
    assert_eq!(step(&offered, &NOON), Step::Download);
    let here = Status {
        ready: ready(Source::Server),
        ..offered.clone()
    };
    assert_eq!(step(&here, &NOON), Step::Wait(Why::Hours));
    assert_eq!(step(&here, &NIGHT), Step::Install);
    assert_eq!(
        step(
            &here,
            &Now {
                waiting: 1,
                ..NIGHT
            }
        ),
        Step::Wait(Why::Calls)
    );
    let written = Status {
        pending: pending(),
        ..status()
    };
    assert_eq!(step(&written, &NOON), Step::Wait(Why::Hours));
    assert_eq!(step(&written, &NIGHT), Step::Restart);
}

#[test]
fn a_restart_never_meets_a_call_that_waits() {
    let written = Status {
        pending: pending(),
        ..status()
    };
    for (minute, waiting, quiet_s, wanted, expected) in [
        (125, 1, 3_600, false, Step::Wait(Why::Calls)),
        (125, 0, 119, false, Step::Wait(Why::Calls)),
        (125, 0, 120, false, Step::Restart),
        // The second half of 02:00 to 05:00.
        (209, 0, 5, false, Step::Wait(Why::Calls)),
        (210, 0, 5, false, Step::Restart),
        (210, 2, 5, false, Step::Wait(Why::Calls)),
        (720, 0, 5, true, Step::Restart),
        (720, 1, 5, true, Step::Wait(Why::Calls)),
    ] {
        let now = Now {
            minute: Some(minute),
            waiting,
            quiet_s,
            wanted,
            ..NOON
        };
        assert_eq!(step(&written, &now), expected, "{now:?}");
    }
    // Hours that pass midnight have halves too.
    let mut night = settings();
    night.hours.from = crate::policy::Clock::parse("22:00").expect("a time");
    for (minute, expected) in [(22 * 60, false), (89, false), (90, true), (299, true)] {
        let now = Now {
            minute: Some(minute),
            quiet_s: 0,
            ..NOON
        };
        assert_eq!(may_restart(&night, &now), expected, "{minute}");
    }
}

#[test]
fn what_its_owner_says_goes_first() {
    let offered = Status {
        offer: offer(true),
        ..status()
    };
    let here = Status {
        ready: ready(Source::Server),
        ..status()
    };
    let put_off = Memory {
        postponed_until_s: 1_800_000_001,
        ..Memory::default()
    };
    let with = |automatic, status: &Status, now: &Now| {
        next(
            &Update {
                automatic,
                ..settings()
            },
            status,
            &Memory::default(),
            LATER,
            now,
        )
    };
    for status in [&offered, &here] {
        assert_eq!(
            next(&settings(), status, &put_off, LATER, &NIGHT),
            Step::Wait(Why::Postponed)
        );
        assert_eq!(
            with(Automatic::Check, status, &NIGHT),
            Step::Wait(Why::ForAPerson)
        );
    }
    assert_eq!(with(Automatic::Off, &offered, &NIGHT), Step::Wait(Why::Off));
    let due = Schedule {
        due_s: 0,
        failed: 0,
    };
    let off = Update {
        automatic: Automatic::Off,
        ..settings()
    };
    assert_eq!(
        next(&off, &status(), &Memory::default(), due, &NIGHT),
        Step::Wait(Why::Off)
    );
    // "Now" passes over all of that, by day too, and over the share.
    let wanted = Now {
        wanted: true,
        ..NOON
    };
    assert_eq!(
        next(
            &off,
            &Status {
                offer: offer(false),
                ..status()
            },
            &put_off,
            LATER,
            &wanted
        ),
        Step::Download
    );
    assert_eq!(next(&off, &here, &put_off, LATER, &wanted), Step::Install);
    assert_eq!(next(&off, &status(), &put_off, due, &wanted), Step::Check);
    // What a person brought waits for a person.
    let brought = Status {
        ready: ready(Source::Person),
        ..status()
    };
    assert_eq!(step(&brought, &NIGHT), Step::Wait(Why::ForAPerson));
    assert_eq!(step(&brought, &wanted), Step::Install);
}

#[test]
fn what_cannot_be_is_waited_for() {
    let offered = Status {
        offer: offer(true),
        ..status()
    };
    assert_eq!(
        step(
            &Status {
                offer: offer(false),
                ..status()
            },
            &NIGHT
        ),
        Step::Wait(Why::NotInShare)
    );
    assert_eq!(
        step(
            &offered,
            &Now {
                unix_s: None,
                ..NOON
            }
        ),
        Step::Wait(Why::NoTime)
    );
    assert_eq!(
        step(
            &Status {
                trial: true,
                ..offered.clone()
            },
            &NIGHT
        ),
        Step::Wait(Why::NotNow)
    );
    assert_eq!(
        step(
            &Status {
                problem: Some("x".into()),
                ..offered.clone()
            },
            &NIGHT
        ),
        Step::Wait(Why::NotNow)
    );
    let busy = Status {
        activity: Activity::Checking,
        ..offered.clone()
    };
    assert_eq!(
        step(
            &busy,
            &Now {
                wanted: true,
                ..NIGHT
            }
        ),
        Step::Wait(Why::Busy)
    );
    let nobody = Update::default();
    assert_eq!(
        next(&nobody, &status(), &Memory::default(), LATER, &NOON),
        Step::Wait(Why::NoServer)
    );
    let built_in = Status {
        url: Some("https://maker.example/".into()),
        ..status()
    };
    assert_eq!(
        next(&nobody, &built_in, &Memory::default(), LATER, &NOON),
        Step::Wait(Why::Nothing)
    );
}

#[test]
fn questions_are_spread_and_become_rarer_when_they_fail() {
    let lots = [0, 1, 777_777, u64::MAX];
    for lot in lots {
        assert!((180..=1_800).contains(&Schedule::first(lot).due_s));
        let after = LATER.after(100, true, lot);
        assert!((22 * HOUR..=26 * HOUR).contains(&(after.due_s - 100)) && after.failed == 0);
    }
    let mut schedule = Schedule::first(0);
    let mut pauses = Vec::new();
    for _ in 0..40 {
        schedule = schedule.after(0, false, 0);
        pauses.push(schedule.due_s / MINUTE);
    }
    assert_eq!(pauses[..8], [10, 20, 40, 80, 160, 320, 640, 1_280]);
    assert!(pauses.iter().all(|pause| *pause <= 22 * 60));
}
