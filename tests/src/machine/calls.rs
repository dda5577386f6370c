//! A PBX that calls all the time, and what it was promised.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Result;

use crate::wire::{Udp, request};

/// A call that was answered with 302.
#[derive(Clone, Debug)]
pub struct Promised {
    /// What was dialled; no other call has it.
    pub number: String,
    /// What the mark said just after the answer.
    pub mark: u64,
}

/// Calls one number after another, from `first` on, until it is stopped; a call without an answer is given up.
pub struct Calls {
    stop: Arc<AtomicBool>,
    promised: Arc<Mutex<Vec<Promised>>>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Calls {
    /// Begins. `mark` is asked after each answer.
    pub fn start(client: Udp, first: u32, mark: impl Fn() -> u64 + Send + 'static) -> Calls {
        let stop = Arc::new(AtomicBool::new(false));
        let promised = Arc::new(Mutex::new(Vec::<Promised>::new()));
        let (ended, kept) = (Arc::clone(&stop), Arc::clone(&promised));
        let thread = thread::spawn(move || {
            let mut n = first;
            while !ended.load(Ordering::Relaxed) {
                // A London number each, far from the one before: numbers in a row are taken for a scan.
                let number = format!("0114420718{:05}", n * 7_919 % 100_000);
                let call = format!("cut-{n}");
                n += 1;
                // Nobody has the box's address while it is off.
                let Ok(Some(answer)) = client.ask_for(&number, &call, Duration::from_millis(600))
                else {
                    thread::sleep(Duration::from_millis(50));
                    continue;
                };
                let mark = mark();
                let tag = answer.parameter("To", "tag").map(|t| format!(";tag={t}"));
                let tag = tag.unwrap_or_default();
                let ack = request("ACK", client.here, "UDP", &number, &call, &tag, "");
                let _ = client.send(&ack);
                // A box that has not read its policy yet denies by the built-in one.
                if answer.status() != Some(302) {
                    continue;
                }
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push(Promised { number, mark });
                drop(kept);
                thread::sleep(Duration::from_millis(20));
            }
            Ok(())
        });
        Calls {
            stop,
            promised,
            thread: Some(thread),
        }
    }

    /// How many were answered until now.
    pub fn count(&self) -> usize {
        self.promised
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Has it ended by itself? Then [`Calls::stop`] says why.
    pub fn ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Ends, and says what was promised.
    ///
    /// # Errors
    /// When a call could not be made.
    pub fn stop(mut self) -> Result<Vec<Promised>> {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            match thread.join() {
                Ok(outcome) => outcome?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        let promised = self.promised.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(promised.clone())
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
