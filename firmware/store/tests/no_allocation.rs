//! Handing a decided call over costs the thread that answers calls no allocation.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use trunkguard_core::{
    number::{Digits, Kind},
    policy::{CountryCode, Mode, Name},
    record::{Record, text},
    verdict::{Level, Rule, Verdict},
};
use trunkguard_store::journal::{Entry, Journal, Options};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is handed on to the system's allocator as it came; counting touches only a
// thread-local that needs no allocation and no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|n| n.set(n.get() + 1));
        // SAFETY: as this function's caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as this function's caller promises.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|n| n.set(n.get() + 1));
        // SAFETY: as this function's caller promises.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn record() -> Record {
    Record {
        unix_ms: 1_790_000_000_000,
        client: 0,
        caller: text(b"101"),
        dialled: text(b"0118095550100"),
        digits: Digits::new(b"18095550100"),
        country: Some(CountryCode::new(*b"DO")),
        kind: Some(Kind::NanpAbroad),
        mode: Mode::Prevent,
        verdict: Verdict {
            approved: true,
            allowed: true,
            rule: Rule::Default,
            level: Level::BuiltIn,
            figures: None,
            chargeable: true,
        },
        first: None,
        said_calls: Some(1),
        phone: None,
        phone_agent: text(b""),
        said_fields: 1,
    }
}

#[test]
fn pushing_calls_allocates_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let (journal, _) = Journal::open(dir.path(), Options::default(), |_, _| {}).expect("a thread");
    assert!(journal.announce([Name::parse("office").expect("a name")].into()));
    let record = record();
    let mut batch = Vec::with_capacity(32);
    let before = ALLOCATIONS.with(Cell::get);
    for n in 0..200u64 {
        batch.extend((0..32).map(|i| Entry {
            record: record.clone(),
            ticket: (i % 2 == 0).then_some(n),
        }));
        while !batch.is_empty() {
            journal.push(&mut batch);
            std::thread::yield_now();
        }
    }
    assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0);
    assert!(journal.flush());
    assert_eq!(journal.figures().stored, 200 * 32);
}
