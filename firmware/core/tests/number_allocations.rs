//! Reading a number, matching patterns and looking numbers up allocate nothing.
#![allow(clippy::unwrap_used)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    hint::black_box,
};

use trunkguard_core::{
    lookup::{NumberSet, PrefixMap},
    number::{Dialled, Digits, Format, Home, read},
    pattern::{Pattern, PatternSet},
    policy::{CountryCode, Name},
};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system allocator as it came; the counter is a plain cell of the
// thread without a destructor, so counting neither allocates nor outlives the thread.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|n| n.set(n.get() + 1));
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn nothing_is_allocated() {
    let emergency = [Name::parse("999").unwrap()];
    let home = Home {
        country: CountryCode::US,
        area_code: Some(212),
        outside_prefix: b"9",
        emergency: &emergency,
    };
    let texts = ["_011NX.", "_1900NXXXXXX", "_+44[1-357]X!", "_*XX", "911"];
    let patterns: Vec<Pattern> = texts.iter().map(|t| Pattern::parse(t).unwrap()).collect();
    let set = PatternSet::new(patterns.iter().map(|p| (p, ())));
    let some = |i: u32| Digits::new(i.to_string().as_bytes()).unwrap();
    let (numbers, prefixes) = (
        NumberSet::new((1..1000).map(some)),
        PrefixMap::new((1..1000).map(|i| (some(i), i))),
    );
    let dialled = [
        "911",
        "9011442071838750",
        "(212) 555-1234",
        "2125551234",
        "5551234",
        "*97",
        "442071838750",
        "\u{e9}",
        "",
        "19005551234",
    ];
    assert_eq!(
        allocations(|| drop(black_box(Box::new(1)))),
        1,
        "the counter counts"
    );
    for text in dialled {
        for format in [Format::Dialled, Format::E164, Format::Seed2] {
            let count = allocations(|| {
                if let Ok(Dialled::Number(n)) = black_box(read(text.as_bytes(), format, &home)) {
                    black_box((numbers.contains(&n.digits), prefixes.longest(&n.digits)));
                }
                black_box((
                    set.matches(text.as_bytes()),
                    patterns[0].matches(text.as_bytes()),
                ));
            });
            assert_eq!(count, 0, "{text} as {format:?}");
        }
    }
}
