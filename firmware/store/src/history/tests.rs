use std::sync::{Arc, Mutex};

use trunkguard_core::{number::Digits, policy::Name, transaction::Ticket};

use super::*;
use crate::{
    journal::{Entry, Journal, Options, Outcome},
    sample,
};

fn names(list: &[&str]) -> Arc<[Name]> {
    list.iter().map(|n| Name::parse(n).unwrap()).collect()
}

#[test]
fn what_is_pushed_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let stored = Arc::new(Mutex::new(Vec::<Ticket>::new()));
    let (journal, recovered) = {
        let stored = Arc::clone(&stored);
        Journal::open(dir.path(), Options::default(), move |tickets, outcome| {
            assert_eq!(outcome, Outcome::Stored);
            stored.lock().unwrap().extend(tickets);
        })
        .unwrap()
    };
    assert_eq!(recovered.problem, None);
    assert!(journal.announce(names(&["office", "shop"])));
    let mut batch = vec![
        Entry {
            record: sample::approved(1, 1_000, "101", "+18095550100"),
            ticket: Some(7),
        },
        Entry {
            record: sample::approved(0, 2_000, "102", "+442071838750"),
            ticket: None,
        },
        Entry {
            record: sample::refused(0, 3_000, "102", "+442071838750"),
            ticket: None,
        },
        Entry {
            record: sample::refused(0, 4_000, "102", "+442071838750"),
            ticket: None,
        },
    ];
    journal.push(&mut batch);
    assert!(batch.is_empty());
    assert!(journal.flush());
    assert_eq!(*stored.lock().unwrap(), [7]);

    let history = History::open(dir.path()).unwrap();
    let calls = history.calls(&Filter::default()).unwrap();
    let brief: Vec<_> = calls
        .iter()
        .map(|c| {
            (
                c.unix_ms,
                c.first_ms,
                c.count,
                c.client.as_str(),
                c.approved,
            )
        })
        .collect();
    assert_eq!(
        brief,
        [
            (4_000, 3_000, 2, "office", false),
            (2_000, 2_000, 1, "office", true),
            (1_000, 1_000, 1, "shop", true)
        ]
    );
    assert_eq!(calls[2].number.as_deref(), Some("+18095550100"));

    let some = |filter: Filter| history.calls(&filter).unwrap().len();
    assert_eq!(
        some(Filter {
            number: Some("+1809".into()),
            ..Filter::default()
        }),
        1
    );
    assert_eq!(
        some(Filter {
            caller: Some("102".into()),
            ..Filter::default()
        }),
        2
    );
    assert_eq!(
        some(Filter {
            client: Some("shop".into()),
            approved: Some(false),
            ..Filter::default()
        }),
        0
    );
    assert_eq!(
        some(Filter {
            since_ms: 2_000,
            ..Filter::default()
        }),
        2
    );
    assert_eq!(
        some(Filter {
            limit: 1,
            ..Filter::default()
        }),
        1
    );

    let mut seen = Vec::new();
    history
        .each_approved(0, 100, |client, record| {
            seen.push((client.to_owned(), record.digits))
        })
        .unwrap();
    seen.sort_by(|a, b| b.0.cmp(&a.0));
    assert_eq!(
        seen,
        [
            ("shop".into(), Digits::new(b"18095550100")),
            ("office".into(), Digits::new(b"442071838750"))
        ]
    );
    let totals = history.totals(0).unwrap();
    assert_eq!(
        (totals.approved, totals.denied, totals.chargeable),
        (2, 2, 2)
    );
    let incidents = history.incidents(true, 10).unwrap();
    let (first, last) = (incidents[0].id, incidents[0].last_ms);
    assert_eq!(
        history.incidents_since(first - 1, i64::MAX).unwrap(),
        incidents
    );
    assert_eq!(history.incidents_since(first, last).unwrap(), incidents);
    assert_eq!(history.incidents_since(first, last + 1).unwrap(), []);
    assert_eq!(history.open_incidents().unwrap(), (1, first));
    assert_eq!(incidents.len(), 1);
    assert_eq!(
        (
            incidents[0].count,
            incidents[0].caller.as_str(),
            incidents[0].client.as_deref()
        ),
        (2, "102", Some("office"))
    );
    assert_eq!(journal.figures().open_incidents, 1);
}

#[test]
fn no_history_is_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let history = History::open(dir.path()).unwrap();
    assert_eq!(history.calls(&Filter::default()).unwrap(), []);
    assert_eq!(history.totals(0).unwrap(), Totals::default());
    assert_eq!(history.incidents(false, 10).unwrap(), []);
    assert_eq!(history.incidents_since(0, 0).unwrap(), []);
    assert_eq!(history.open_incidents().unwrap(), (0, 0));
}

/// A history in which every third call is refused.
fn morning(dir: &std::path::Path) {
    let (journal, _) = Journal::open(dir, Options::default(), |_, _| {}).unwrap();
    assert!(journal.announce(names(&["office", "shop"])));
    for n in 0..300i64 {
        let (ms, number) = (n * 600_000, format!("+1809555{n:04}"));
        let caller = ["101", "102"][n as usize % 2];
        let record = match n % 3 {
            0 => sample::refused(0, ms, caller, &number),
            _ => sample::approved(1, ms, caller, &number),
        };
        let ticket = None;
        journal.push(&mut vec![Entry { record, ticket }]);
        // Five in a row.
        if n % 7 == 0 {
            assert!(journal.flush());
        }
    }
    assert!(journal.flush());
}

#[test]
fn pages_put_together_are_the_whole_list() {
    let dir = sample::memory_dir();
    morning(dir.path());
    let history = History::open(dir.path()).unwrap();
    for filter in [
        Filter::default(),
        Filter {
            caller: Some("102".into()),
            ..Filter::default()
        },
        Filter {
            approved: Some(false),
            ..Filter::default()
        },
        Filter {
            client: Some("shop".into()),
            since_ms: 60_000_000,
            until_ms: 120_000_000,
            ..Filter::default()
        },
    ] {
        let whole = history
            .calls(&Filter {
                limit: 1_000,
                ..filter.clone()
            })
            .unwrap();
        assert!(whole.len() > 50, "{filter:?}");
        assert!(
            whole.is_sorted_by(|a, b| a.unix_ms > b.unix_ms),
            "newest first"
        );
        for limit in [1, 7, 50] {
            let (mut pages, mut after) = (Vec::new(), None);
            loop {
                let page = Filter {
                    limit,
                    ..filter.clone()
                };
                let found = history.page(&page, after.as_ref()).unwrap();
                assert!(found.calls.len() <= limit as usize);
                pages.extend(found.calls);
                after = found.next.map(|at| at.to_string().parse().unwrap());
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(pages, whole, "{limit} at a time");
        }
    }
}

#[test]
fn a_call_is_found_by_its_key_and_nothing_by_another() {
    let dir = sample::memory_dir();
    morning(dir.path());
    let history = History::open(dir.path()).unwrap();
    let calls = history
        .calls(&Filter {
            limit: 300,
            ..Filter::default()
        })
        .unwrap();
    for call in &calls {
        assert_eq!(history.call(call.key).unwrap().as_ref(), Some(call));
    }
    for key in [
        Key::Approved(9_999, 0),
        Key::Approved(1, 999),
        Key::Refused(9_999),
    ] {
        assert_eq!(history.call(key).unwrap(), None);
    }
    assert_eq!(history.clients().unwrap(), ["office", "shop"]);
}

#[test]
fn calls_are_counted_where_they_were() {
    let dir = sample::memory_dir();
    morning(dir.path());
    let history = History::open(dir.path()).unwrap();
    let edges = [0, 6_000_000, 12_000_000];
    let counts = history.counts(&edges).unwrap();
    // Ten calls each, the first of each ten at its edge.
    let brief: Vec<_> = counts
        .iter()
        .map(|c| (c.approved, c.would_refuse, c.refused))
        .collect();
    assert_eq!(brief, [(6, 0, 4), (7, 0, 3)]);
    assert_eq!(history.counts(&[]).unwrap(), []);
}
