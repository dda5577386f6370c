//! Where a call stands in the history, as text for an address of the page.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

/// One call, or the refusals of an hour that mean the same. Stays what it is as long as the call is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// An approved call: its row, and its place in it.
    Approved(i64, u16),
    /// Refusals: their row.
    Refused(i64),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Approved(row, place) => write!(f, "c{row}-{place}"),
            Key::Refused(row) => write!(f, "r{row}"),
        }
    }
}

/// Text that no [`Key`] or [`Cursor`] would have written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no place in the list of calls")]
pub struct NoPlace;

impl FromStr for Key {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Key, NoPlace> {
        if let Some(row) = text.strip_prefix('r') {
            return row.parse().map(Key::Refused).map_err(|_| NoPlace);
        }
        let (row, place) = pair(text.strip_prefix('c').ok_or(NoPlace)?)?;
        Ok(Key::Approved(row, place))
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// Where a page ended: the last call that was looked at, and the last refusals. `None`: none yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Row and place of the approved call.
    pub(super) approved: Option<(i64, u16)>,
    /// Time and row of the refusals.
    pub(super) refused: Option<(i64, i64)>,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((row, place)) = self.approved {
            write!(f, "{row}-{place}")?;
        }
        f.write_str("_")?;
        match self.refused {
            Some((ms, row)) => write!(f, "{ms}-{row}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Cursor {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Cursor, NoPlace> {
        let (approved, refused) = text.split_once('_').ok_or(NoPlace)?;
        Ok(Cursor {
            approved: (!approved.is_empty()).then(|| pair(approved)).transpose()?,
            refused: (!refused.is_empty()).then(|| pair(refused)).transpose()?,
        })
    }
}

/// Two numbers with a dash between them. Neither is ever negative: rows begin at 1, and times before 1970 are no times of calls.
fn pair<A: FromStr, B: FromStr>(text: &str) -> Result<(A, B), NoPlace> {
    let (a, b) = text.split_once('-').ok_or(NoPlace)?;
    Ok((
        a.parse().map_err(|_| NoPlace)?,
        b.parse().map_err(|_| NoPlace)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back_as_they_were() {
        for key in [Key::Approved(12, 255), Key::Refused(7)] {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        for cursor in [
            Cursor::default(),
            Cursor {
                approved: Some((3, 0)),
                refused: None,
            },
            Cursor {
                approved: Some((3, 9)),
                refused: Some((1_790_000_000_000, 4)),
            },
        ] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for wrong in ["", "c", "c1", "c1-", "x1", "r", "r1-2", "c1-99999", "c1-2 "] {
            assert_eq!(wrong.parse::<Key>(), Err(NoPlace), "{wrong}");
        }
        for wrong in ["", "1-2", "1_2", "a-b_", "1-2_3"] {
            assert_eq!(wrong.parse::<Cursor>(), Err(NoPlace), "{wrong}");
        }
    }
}
