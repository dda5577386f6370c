//! SIP messages, recorded for a look: off unless somebody asks, for ten minutes, in memory, and without what is secret.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use trunkguard_core::policy::LogNumbers;

mod blank;

/// How long it records.
const SPAN: Duration = Duration::from_secs(600);
/// Messages kept. Signs of life (OPTIONS) make room first, then the oldest.
const MESSAGES: usize = 256;
/// Octets kept of each.
const OCTETS: usize = 4 << 10;
/// Octets handed out, the newest messages first: an answer of the control socket has twice this at most.
const HANDED_OUT: usize = 768 << 10;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Record for ten minutes, and forget what was.
    Start,
    /// Stop.
    Stop,
    /// Only show.
    Show,
}

/// What was recorded.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Recorded {
    /// Seconds for which it records yet; `None`: it does not.
    pub left_s: Option<u64>,
    /// Oldest first.
    pub messages: Vec<Message>,
}

/// One message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    /// ms since 1970.
    pub at_ms: i64,
    /// From the PBX to the box.
    pub incoming: bool,
    /// The PBX's end.
    pub peer: SocketAddr,
    /// By TCP or TLS.
    pub stream: bool,
    /// Its head; of the body only how long it is.
    pub text: String,
    /// A PBX asks whether the box is alive, or hears that it is.
    pub sign_of_life: bool,
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the PBX to the box.
    In,
    /// From the box to the PBX.
    Out,
}

/// Keeps messages while it is on.
#[derive(Default)]
pub struct Recorder {
    /// Read for every message; everything else only when it is set.
    on: AtomicBool,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    until: Option<Instant>,
    numbers: LogNumbers,
    messages: VecDeque<Message>,
}

impl Recorder {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is anything kept at all?
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Says how numbers are to be kept.
    pub fn set_numbers(&self, numbers: LogNumbers) {
        self.lock().numbers = numbers;
    }

    /// Does what was asked, and answers with what there is.
    pub fn order(&self, order: Order, now: Instant) -> Recorded {
        let mut kept = self.lock();
        match order {
            Order::Start => {
                kept.messages.clear();
                kept.until = Some(now + SPAN);
                self.on.store(true, Ordering::Relaxed);
            }
            Order::Stop => self.end(&mut kept),
            Order::Show => {
                if kept.until.is_some_and(|until| until <= now) {
                    self.end(&mut kept);
                }
            }
        }
        let mut octets = 0;
        let newest = kept.messages.iter().rev().take_while(|message| {
            octets += message.text.len();
            octets <= HANDED_OUT
        });
        let mut messages: Vec<Message> = newest.cloned().collect();
        messages.reverse();
        let left = kept.until.map(|until| until.saturating_duration_since(now));
        Recorded {
            left_s: left.map(|left| left.as_secs()),
            messages,
        }
    }

    fn end(&self, kept: &mut Kept) {
        kept.until = None;
        self.on.store(false, Ordering::Relaxed);
    }

    /// Keeps a message, if it is on.
    pub fn note(&self, way: Way, peer: SocketAddr, stream: bool, octets: &[u8]) {
        if !self.is_on() {
            return;
        }
        let mut kept = self.lock();
        if kept.until.is_none_or(|until| until <= Instant::now()) {
            self.end(&mut kept);
            return;
        }
        if kept.messages.len() >= MESSAGES {
            // PBXs may ask for a sign of life each second, which would push all calls out within minutes.
            let least = kept.messages.iter().position(|m| m.sign_of_life);
            kept.messages.remove(least.unwrap_or(0));
        }
        let text = blank::shown(octets, kept.numbers, OCTETS);
        kept.messages.push_back(Message {
            at_ms: Timestamp::now().as_millisecond(),
            incoming: way == Way::In,
            peer,
            stream,
            sign_of_life: is_sign_of_life(&text),
            text,
        });
    }
}

/// By CSeq, which requests and responses have (RFC 3261 8.1.1.5).
fn is_sign_of_life(text: &str) -> bool {
    let mut headers = text.lines().filter_map(|line| line.split_once(':'));
    headers.any(|(name, value)| {
        name.trim().eq_ignore_ascii_case("cseq") && value.trim_end().ends_with(" OPTIONS")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(recorder: &Recorder, text: &str) {
        let peer = SocketAddr::from(([127, 0, 0, 1], 5_060));
        recorder.note(Way::In, peer, false, text.as_bytes());
    }

    #[test]
    fn nothing_is_kept_unless_somebody_asked() {
        let (recorder, now) = (Recorder::default(), Instant::now());
        note(&recorder, "OPTIONS sip:a SIP/2.0\r\n\r\n");
        assert!(recorder.order(Order::Show, now).messages.is_empty());
        assert_eq!(recorder.order(Order::Start, now).left_s, Some(600));
        note(&recorder, "OPTIONS sip:b SIP/2.0\r\n\r\n");
        let there = recorder.order(Order::Stop, now);
        assert_eq!((there.left_s, there.messages.len()), (None, 1));
        note(&recorder, "OPTIONS sip:c SIP/2.0\r\n\r\n");
        assert_eq!(
            recorder.order(Order::Show, now).messages.len(),
            1,
            "what there was is still shown"
        );
        assert!(
            recorder.order(Order::Start, now).messages.is_empty(),
            "and forgotten by the next start"
        );
        let later = now + SPAN;
        assert_eq!(recorder.order(Order::Show, later).left_s, None);
        assert!(!recorder.is_on());
    }

    #[test]
    fn signs_of_life_push_no_call_out() {
        let (recorder, now) = (Recorder::default(), Instant::now());
        recorder.order(Order::Start, now);
        let message = |n: usize, method: &str| {
            note(
                &recorder,
                &format!("{method} sip:{n} SIP/2.0\r\nCSeq: {n} {method}\r\n\r\n"),
            );
        };
        message(0, "INVITE");
        note(&recorder, "SIP/2.0 200 OK\r\ncseq : 7 OPTIONS\r\n\r\n");
        for n in 0..2 * MESSAGES {
            message(n, "OPTIONS");
        }
        let kept = recorder.order(Order::Show, now).messages;
        assert_eq!(kept.len(), MESSAGES);
        assert!(kept[0].text.starts_with("INVITE sip:0 "));
        let last = format!("OPTIONS sip:{} ", 2 * MESSAGES - 1);
        assert!(kept[MESSAGES - 1].text.starts_with(&last));
        // Without any, the oldest goes.
        for n in 1..=2 * MESSAGES {
            message(n, "INVITE");
        }
        let kept = recorder.order(Order::Show, now).messages;
        assert!(
            kept[0]
                .text
                .starts_with(&format!("INVITE sip:{} ", MESSAGES + 1))
        );
    }

    #[test]
    fn an_answer_of_the_control_socket_holds_the_worst() {
        let (recorder, now) = (Recorder::default(), Instant::now());
        recorder.order(Order::Start, now);
        for n in 0..2 * MESSAGES {
            note(
                &recorder,
                &format!("MESSAGE sip:{n} SIP/2.0\r\n{}", "\"\\".repeat(OCTETS)),
            );
        }
        let there = recorder.order(Order::Show, now);
        assert!(there.messages.len() <= MESSAGES && there.messages.len() > 100);
        assert!(
            there
                .messages
                .last()
                .is_some_and(|m| m.text.contains(&format!("sip:{} ", 2 * MESSAGES - 1)))
        );
        let json = serde_json::to_vec(&there).unwrap();
        assert!(
            (json.len() as u64) < crate::control::LONGEST,
            "{}",
            json.len()
        );
    }
}
