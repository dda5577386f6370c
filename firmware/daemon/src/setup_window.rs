//! The set-up window: for ten minutes after somebody has held the button, the box may be set up by who
//! has no password yet. It opens by the button alone, and closes by itself, or when a password was set.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use trunkguard_board::Presence;
use trunkguard_core::panel::{Press, SETUP_WINDOW_MS};

/// How long it stays open.
const OPEN: Duration = Duration::from_millis(SETUP_WINDOW_MS);

/// Whether it is open.
#[derive(Default)]
pub struct SetupWindow(Mutex<Option<Instant>>);

impl SetupWindow {
    /// Opens it, for ten minutes from `now`. `presence` is somebody in front of the box who has asked for
    /// this; another press opens nothing. Says whether it did.
    pub fn open(&self, presence: &Presence, now: Instant) -> bool {
        let asked = presence.press() == Press::SetupWindow;
        if asked {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now + OPEN);
        }
        asked
    }

    /// Closes it: what it was opened for is being done. Was it open at `now`?
    pub fn close(&self, now: Instant) -> bool {
        let until = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        until.is_some_and(|until| until > now)
    }

    /// How long it is open yet, from `now`; `None` when it is not.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let until = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        until
            .checked_duration_since(now)
            .filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use trunkguard_board::{Front, SimPanel, StatusLine};
    use trunkguard_core::panel::State;

    /// A press of a button that is held for so long: there is no other way to get one.
    fn held(ms: u64) -> Presence {
        let mut panel = SimPanel::new(StatusLine::hidden());
        let button = panel.button();
        (0..ms + 1_000)
            .step_by(50)
            .find_map(|now| {
                button.press((500..500 + ms).contains(&now));
                panel.tick(&State::default(), now).unwrap()
            })
            .unwrap()
    }

    #[test]
    fn it_opens_by_its_own_press_and_closes_by_itself() {
        let window = SetupWindow::default();
        let now = Instant::now();
        assert_eq!(window.left(now), None);
        assert!(!window.open(&held(4_000), now));
        assert_eq!(window.left(now), None, "another press opens nothing");
        assert!(window.open(&held(10_000), now));
        assert_eq!(window.left(now), Some(OPEN));
        let nearly = now + OPEN - Duration::from_millis(1);
        assert_eq!(window.left(nearly), Some(Duration::from_millis(1)));
        assert_eq!(window.left(now + OPEN), None);
        assert_eq!(window.left(now + 2 * OPEN), None);
        assert!(window.open(&held(10_000), now));
        assert!(window.close(now));
        assert!(!window.close(now), "it is over when it was used");
        assert_eq!(window.left(now), None);
        assert!(window.open(&held(10_000), nearly), "again, from then on");
        assert_eq!(
            window.left(now + OPEN),
            Some(OPEN - Duration::from_millis(1))
        );
    }
}
