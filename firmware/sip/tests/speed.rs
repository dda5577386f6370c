//! How long a call takes here, without its decision: reading, naming, writing. Not a test of every
//! run, since its figure is the machine's:
//! `cargo test --release -p trunkguard-sip --test speed -- --ignored --nocapture`.
#![allow(clippy::unwrap_used)]

mod corpus;
mod office;

use std::{hint::black_box, time::Instant};

use office::office_with;
use trunkguard_sip::read::{Framing, read};

/// Nanoseconds of the fastest of many batches.
fn fastest(mut work: impl FnMut()) -> u128 {
    const BATCH: u128 = 2_000;
    let times = (0..200).map(|_| {
        let began = Instant::now();
        (0..BATCH).for_each(|_| work());
        began.elapsed().as_nanos() / BATCH
    });
    times.min().unwrap()
}

#[test]
#[ignore = "a measurement"]
fn an_invite_is_read_and_answered_in_well_under_two_microseconds() {
    for message in corpus::ASTERISK {
        let message = message.as_bytes();
        let mut o = office_with("");
        let reading = fastest(|| {
            black_box(read(black_box(message), Framing::Datagram));
        });
        let reply = o.ask(message);
        let mut out = vec![0; 8 * 1024];
        let answering = fastest(|| {
            let handled = o.uas.handle(
                &o.now,
                &mut o.gate,
                0,
                black_box(message),
                o.source,
                Framing::Datagram,
                &mut out,
            );
            black_box(handled);
        });
        println!(
            "{} octets in, {} out: read {reading} ns, read and answered again {answering} ns",
            message.len(),
            reply.bytes.len()
        );
        // Far above what any machine of the last ten years needs: this is to notice a slip.
        assert!(answering < 20_000);
    }
}
