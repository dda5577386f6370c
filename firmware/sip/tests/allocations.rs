//! No allocation on the path of a call: counted by an allocator of this test's own.
#![allow(clippy::unwrap_used)]

mod office;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    hint::black_box,
};

use office::{NO, YES, invite, office_with, pjsip_invite, request};
use trunkguard_sip::{
    read::Framing,
    uas::{Handled, Uas},
};

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is handed to the system's allocator as it came; counting touches no memory that
// it gives out.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promised.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn counted(work: impl FnOnce()) -> u64 {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(counted(|| drop(black_box(Box::new(1)))), 1);
}

const SAID: &str = "P-tfps: 2001;10.0.0.5;10.0.0.31;Yealink SIP-T46U 108.86.0.20;1\r\n";

#[test]
fn no_call_allocates_whatever_its_answer_is() {
    let mut o = office_with("");
    type Kind = (&'static str, fn(u64) -> String, u16);
    let kinds: [Kind; 9] = [
        ("approved", |id| request("INVITE", YES, id, SAID), 302),
        ("approved, as PJSIP", |id| pjsip_invite(YES, id), 302),
        ("abroad", |id| invite("011442071838750", id), 603),
        ("refused", |id| request("INVITE", NO, id, SAID), 603),
        ("no number", |id| invite("nonsense", id), 603),
        ("emergency", |id| invite("911", id), 302),
        (
            "malformed",
            |id| invite(YES, id).replace("CSeq: 102", "CSeq: x"),
            400,
        ),
        ("alive?", |id| request("OPTIONS", "x", id, ""), 200),
        ("registration", |id| request("REGISTER", "x", id, ""), 200),
    ];
    let mut out = vec![0; 8 * 1024];
    for (kind, make, status) in kinds {
        // The first calls fill tables that are taken once.
        for id in 0..300 {
            let message = make(id);
            let mut handle = |bytes: &[u8]| {
                o.uas.handle(
                    &o.now,
                    &mut o.gate,
                    0,
                    bytes,
                    o.source,
                    Framing::Datagram,
                    &mut out,
                )
            };
            let mut first = Handled::Silent;
            let fresh = counted(|| first = black_box(handle(message.as_bytes())));
            let again = counted(|| drop(black_box(handle(message.as_bytes()))));
            let (Handled::Answer { len, .. } | Handled::Decided { len, .. }) = first else {
                panic!("{kind}: no answer");
            };
            let text = String::from_utf8_lossy(&out[..len]);
            if id > 100 {
                assert!(
                    text.starts_with(&format!("SIP/2.0 {status} ")),
                    "{kind}: {text}"
                );
                assert_eq!((fresh, again), (0, 0), "{kind}, message {id}");
            }
            o.now.mono_ms += 600_000;
        }
    }
}

#[test]
fn trying_acknowledging_and_repeating_do_not_allocate() {
    let mut o = office_with("");
    let mut out = vec![0; 2048];
    for id in 0..50 {
        let message = invite(YES, id);
        let reply = o.ask(&message);
        let ack = message.replace("INVITE", "ACK");
        let count = counted(|| {
            black_box(Uas::trying(
                message.as_bytes(),
                o.source,
                Framing::Datagram,
                &mut out,
            ));
            o.uas
                .sent(o.now.mono_ms, reply.transaction, reply.to, &reply.bytes);
            o.uas.due(o.now.mono_ms + 600, |_, bytes| {
                black_box(bytes);
            });
            let handled = o.uas.handle(
                &o.now,
                &mut o.gate,
                0,
                ack.as_bytes(),
                o.source,
                Framing::Datagram,
                &mut out,
            );
            assert!(matches!(handled, Handled::Silent));
        });
        assert!(count == 0 || id == 0, "call {id}: {count}");
    }
}
