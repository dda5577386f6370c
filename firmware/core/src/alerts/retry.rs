//! When a message that was not taken is tried again, and when it is given up.

/// A message is given up when it is so old …
pub const GIVEN_UP_MS: i64 = 48 * 3_600_000;
/// … and was tried so often: a box that was off for two days tries what it has kept.
pub const LEAST_TRIES: u32 = 12;
/// The first pause; each is twice as long as the one before.
const FIRST_MS: i64 = 30_000;
/// The longest pause.
const LONGEST_MS: i64 = 3_600_000;

/// What becomes of a message after a failure that may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It is tried again at this time, in milliseconds since 1970.
    Again(i64),
    /// It is given up.
    GivenUp,
}

/// After `tries` tries (this one included) of a message made at `made_ms`. `slow` begins with the
/// longest pause: a wrong password is not tried every minute. `random` moves the pause by up to a fifth,
/// so that many boxes do not come back to a server at the same moment.
pub fn after(tries: u32, made_ms: i64, now_ms: i64, slow: bool, random: u64) -> After {
    let age = now_ms.saturating_sub(made_ms);
    if age >= GIVEN_UP_MS && tries >= LEAST_TRIES {
        return After::GivenUp;
    }
    let doubled = FIRST_MS.checked_shl(tries.saturating_sub(1)).unwrap_or(0);
    let pause = match doubled {
        _ if slow => LONGEST_MS,
        FIRST_MS..LONGEST_MS => doubled,
        _ => LONGEST_MS,
    };
    // 800 … 1200 thousandths.
    let thousandths = 800 + (random % 401) as i64;
    After::Again(now_ms.saturating_add(pause * thousandths / 1_000))
}

/// Is a message that waits for `next_ms` to be tried now? A clock that was set back does not keep it longer
/// than the longest pause.
pub fn is_due(next_ms: i64, now_ms: i64) -> bool {
    next_ms <= now_ms || next_ms.saturating_sub(now_ms) > 2 * LONGEST_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    #[test]
    fn pauses_double_up_to_an_hour_and_end_after_two_days() {
        let made = 1_800_000_000_000;
        let (mut now, mut tries, mut pauses) = (made, 0, alloc::vec::Vec::new());
        loop {
            tries += 1;
            match after(tries, made, now, false, 200) {
                After::Again(next) => pauses.push(next - now),
                After::GivenUp => break,
            }
            now += pauses[pauses.len() - 1];
        }
        assert_eq!(
            &pauses[..8],
            [
                30_000, 60_000, 120_000, 240_000, 480_000, 960_000, 1_920_000, 3_600_000
            ]
        );
        assert!(pauses[8..].iter().all(|&pause| pause == 3_600_000));
        assert!(
            (2 * DAY..2 * DAY + 3_600_000).contains(&(now - made)),
            "{tries}"
        );
    }

    #[test]
    fn a_box_that_was_off_still_tries() {
        assert_ne!(after(1, 0, 30 * DAY, false, 0), After::GivenUp);
        assert_eq!(after(LEAST_TRIES, 0, 30 * DAY, false, 0), After::GivenUp);
        assert_ne!(after(1_000, 0, DAY, false, 0), After::GivenUp);
    }

    #[test]
    fn chance_moves_a_pause_by_a_fifth_and_no_more() {
        for random in (0..10_000).chain([u64::MAX]) {
            let After::Again(at) = after(1, 0, 0, false, random) else {
                panic!("given up");
            };
            assert!((24_000..=36_000).contains(&at), "{at}");
        }
        assert_eq!(after(1, 0, 0, true, 200), After::Again(3_600_000));
    }

    #[test]
    fn clocks_that_jump_keep_nothing_for_ever() {
        assert!(is_due(5, 5) && !is_due(6, 5));
        assert!(is_due(3 * DAY, DAY), "set back by two days");
        for tries in [0, 1, 31, 63, 64, 65, u32::MAX] {
            after(tries, i64::MIN, i64::MAX, false, 1);
            after(tries, i64::MAX, i64::MIN, false, 1);
        }
    }
}
