//! Octets through the whole server: as a datagram, and as a stream cut where the octets say. What must
//! hold of any message is checked by the code that the mutation tests use, and every input that it
//! fails for belongs into `firmware/sip/tests/found`, which they read.
//!
//! `make fuzz` runs it (`cargo install cargo-fuzz`, `rustup toolchain install nightly`). It starts from
//! the messages of RFC 4475 and two INVITEs of Asterisk, written into its corpus each time.
#![no_main]

#[path = "../../../firmware/sip/tests/corpus/mod.rs"]
mod corpus;

use std::{cell::RefCell, fs, path::Path};

use corpus::{ASTERISK, Bench, DETECT, POLICY, messages};
use libfuzzer_sys::fuzz_target;
use trunkguard_sip::read::Framing;

thread_local! {
    static BENCH: RefCell<Bench> = RefCell::new(Bench::new(POLICY));
    static DETECTING: RefCell<Bench> = RefCell::new(Bench::new(DETECT));
}

fn plant_seeds() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = here.join("corpus/read");
    let seeds = messages(&here.join("../../firmware/sip/tests/rfc4475"))
        .into_iter()
        .chain(ASTERISK.map(|message| message.as_bytes().to_vec()));
    let planted = fs::create_dir_all(&corpus).and_then(|()| {
        seeds
            .enumerate()
            .try_for_each(|(i, seed)| fs::write(corpus.join(format!("seed-{i:02}")), seed))
    });
    if let Err(problem) = planted {
        eprintln!(
            "{}: {problem}; the fuzzer starts from nothing",
            corpus.display()
        );
    }
}

fuzz_target!(
    init: plant_seeds(),
    |bytes: &[u8]| {
        DETECTING.with_borrow_mut(|bench| bench.check(0, bytes, Framing::Datagram));
        BENCH.with_borrow_mut(|bench| {
            for client in 0..bench.clients() {
                bench.check(client, bytes, Framing::Datagram);
            }
            let mut at = 0;
            bench.stream(0, bytes, || {
                at += 7;
                1 + bytes.get(at % bytes.len().max(1)).map_or(0, |b| usize::from(*b)) * 16
            });
        });
    }
);
