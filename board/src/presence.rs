//! Somebody stands in front of the box.

use trunkguard_core::panel::Press;

/// A press of the box's own button: proof that somebody stands in front of it.
///
/// It is made where a button was read, or where the panel's process has said so, and nowhere else: no
/// request of a network or of the command line becomes one. It cannot be copied, nor read from text.
///
/// ```compile_fail,E0624
/// let press = trunkguard_core::panel::Press::SetupWindow;
/// let forged = trunkguard_board::Presence::of(press);
/// ```
/// ```compile_fail,E0451
/// let press = trunkguard_core::panel::Press::SetupWindow;
/// let forged = trunkguard_board::Presence { press };
/// ```
/// ```compile_fail,E0277
/// let forged: trunkguard_board::Presence = serde_json::from_str("{}").unwrap();
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Presence {
    press: Press,
}

impl Presence {
    /// What was asked for.
    pub fn press(&self) -> Press {
        self.press
    }

    pub(crate) fn of(press: Press) -> Presence {
        Presence { press }
    }
}
