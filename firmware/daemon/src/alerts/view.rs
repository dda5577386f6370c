//! How the channels do, for `status`, `doctor` and the page.

use serde::{Deserialize, Serialize};
use trunkguard_store::outbox::Channel;

/// Messages that wait for so long are worth a word in `status`.
const LATE_MS: i64 = 10 * 60_000;

/// How the channels do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Every target that the settings name.
    pub channels: Vec<ChannelStatus>,
    /// Why nothing that waits would survive a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// How one target does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelStatus {
    /// `mail:owner@example.com`, `webhook:NAME`.
    pub target: String,
    /// When it took something last, in milliseconds since 1970.
    pub accepted_ms: Option<i64>,
    /// When it last did not, if it has taken nothing since.
    pub failed_ms: Option<i64>,
    /// Why not.
    pub error: Option<String>,
    /// Messages that wait for it.
    pub waiting: u32,
    /// When the oldest of those was made, in milliseconds since 1970.
    pub oldest_ms: Option<i64>,
}

impl ChannelStatus {
    /// A target by its name, with what the outbox knows of it.
    pub fn of(target: String, known: &[Channel]) -> Self {
        let Some(known) = known.iter().find(|channel| channel.target == target) else {
            return ChannelStatus {
                target,
                ..ChannelStatus::default()
            };
        };
        ChannelStatus {
            target,
            accepted_ms: known.accepted_ms,
            failed_ms: known.failed_ms,
            error: known.error.clone(),
            waiting: known.waiting,
            oldest_ms: known.oldest_ms,
        }
    }

    /// Why alerts do not arrive there, where that is worth a look: a single failure that the next try mends
    /// is not.
    pub fn trouble(&self, now_ms: i64) -> Option<String> {
        let error = self.error.as_ref()?;
        let late = (self.oldest_ms).is_some_and(|made| now_ms.saturating_sub(made) >= LATE_MS);
        let refused = self.waiting == 0;
        (late || refused).then(|| format!("alerts do not reach {}: {error}", self.target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_the_next_try_mends_is_no_trouble() {
        let fresh = ChannelStatus {
            target: "webhook:chat".into(),
            error: Some("500".into()),
            waiting: 1,
            oldest_ms: Some(0),
            ..ChannelStatus::default()
        };
        assert_eq!(fresh.trouble(LATE_MS - 1), None);
        assert!(fresh.trouble(LATE_MS).is_some());
        let given_up = ChannelStatus {
            waiting: 0,
            oldest_ms: None,
            ..fresh
        };
        let says = given_up.trouble(0).unwrap();
        assert_eq!(says, "alerts do not reach webhook:chat: 500");
        assert_eq!(ChannelStatus::default().trouble(i64::MAX), None);
    }
}
