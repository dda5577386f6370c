//! What a panel shows whose state comes from another process: the daemon's last word, or that there is
//! none (docs/box.md B10).

use super::{Service, State};

/// A daemon that has said nothing for so many milliseconds is taken for one that answers no calls.
pub const SILENT_MS: u64 = 5_000;

/// The daemon's last word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// What it said, and when: milliseconds on a clock that never goes back. `None` before the first.
    said: Option<(State, u64)>,
    /// It has gone since.
    gone: bool,
}

impl Word {
    /// The daemon says this.
    pub fn hear(&mut self, state: State, now_ms: u64) {
        *self = Word {
            said: Some((state, now_ms)),
            gone: false,
        };
    }

    /// The daemon has gone.
    pub fn leave(&mut self) {
        self.gone = true;
    }

    /// Does somebody listen who has spoken within `silent_ms`? A press for one that does not would be acted
    /// on when nobody stands there any more.
    pub fn speaks(&self, silent_ms: u64, now_ms: u64) -> bool {
        !self.gone && (self.said).is_some_and(|(_, at)| now_ms.saturating_sub(at) < silent_ms)
    }

    /// What is to be shown, where silence lasts `silent_ms` ([`SILENT_MS`]). A box whose daemon has not
    /// said anything yet is starting; one whose daemon fell silent answers no calls, and nobody can set
    /// it up.
    pub fn shown(&self, silent_ms: u64, now_ms: u64) -> State {
        match self.said {
            None => State::default(),
            Some((state, _)) if self.speaks(silent_ms, now_ms) => state,
            Some((state, _)) => State {
                service: Service::Fault,
                setup_window: false,
                ..state
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Mode;

    const WELL: State = State {
        service: Service::Serving,
        mode: Mode::Prevent,
        alert: true,
        setup_window: true,
    };
    const FAULT: State = State {
        service: Service::Fault,
        setup_window: false,
        ..WELL
    };

    #[test]
    fn silence_is_a_fault_only_after_a_word() {
        let mut word = Word::default();
        assert_eq!(word.shown(SILENT_MS, u64::MAX), State::default());
        assert!(!word.speaks(SILENT_MS, 0));
        word.hear(WELL, 1_000);
        for (now, shown) in [
            (1_000, WELL),
            (5_999, WELL),
            (6_000, FAULT),
            (u64::MAX, FAULT),
        ] {
            assert_eq!(word.shown(SILENT_MS, now), shown, "{now}");
            assert_eq!(word.speaks(SILENT_MS, now), shown == WELL, "{now}");
        }
        assert_eq!(
            word.shown(SILENT_MS, 0),
            WELL,
            "a clock that goes back harms nothing"
        );
        word.hear(WELL, 7_000);
        assert_eq!(word.shown(SILENT_MS, 7_000), WELL, "it speaks again");
    }

    #[test]
    fn a_daemon_that_goes_is_a_fault_at_once() {
        let mut word = Word::default();
        word.leave();
        assert_eq!(word.shown(SILENT_MS, 0), State::default(), "it never spoke");
        word.hear(WELL, 0);
        word.leave();
        assert_eq!(word.shown(SILENT_MS, 1), FAULT);
        word.hear(WELL, 2);
        assert_eq!(word.shown(SILENT_MS, 2), WELL);
    }
}
