//! May this be installed on this box? Asked of what a pointer says, before anything is downloaded, and once more of
//! what the bundle itself says, before anything is written.

use alloc::string::String;
use core::{fmt, hash::Hasher};
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher24;

use super::Version;

/// What a system is, by its own word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The kind of box that it is for.
    pub compatible: String,
    /// Which one it is.
    pub version: Version,
    /// The data that it writes (`trunkguard box schema`).
    pub data: u32,
    /// The oldest data that it takes over.
    pub data_oldest: u32,
}

/// The box that asks.
#[derive(Clone, Copy, Debug)]
pub struct Here<'a> {
    /// The kind of box.
    pub compatible: &'a str,
    /// What runs.
    pub version: Version,
    /// The data that it writes.
    pub data: u32,
    /// Versions that were tried and did not do.
    pub refused: &'a [Version],
}

/// Why it may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// For another kind of box.
    OtherBox {
        /// For which.
        theirs: String,
        /// What this is.
        ours: String,
    },
    /// Not newer than what runs.
    NotNewer {
        /// What it is.
        theirs: Version,
        /// What runs.
        ours: Version,
    },
    /// It cannot read the data of this box.
    Data {
        /// What it takes over: from, to.
        theirs: (u32, u32),
        /// What there is.
        ours: u32,
    },
    /// It was tried, and the box came back from it.
    TriedBefore(Version),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::OtherBox { theirs, ours } => write!(
                f,
                "it is for another kind of box (`{}`; this is `{ours}`): take the one that was made for this box",
                theirs.escape_debug()
            ),
            Refusal::NotNewer { theirs, ours } => write!(
                f,
                "it is version {theirs}, and {ours} runs: nothing older is installed, because its faults are known; to go back to the \
                 system before this one, use rollback"
            ),
            Refusal::Data { theirs, ours } => write!(
                f,
                "it reads data of version {} to {}, and this box has version {ours}: it would start without policy and history. Take a newer one, \
                 or one in between first",
                theirs.0, theirs.1
            ),
            Refusal::TriedBefore(version) => write!(
                f,
                "version {version} was tried on this box and did not do; the next version will be taken. `trunkguard update status` has the reason"
            ),
        }
    }
}

/// Looks it over.
///
/// # Errors
/// The first reason that keeps it out.
pub fn admit(release: &Release, here: &Here<'_>) -> Result<(), Refusal> {
    if release.compatible != here.compatible {
        return Err(Refusal::OtherBox {
            theirs: release.compatible.clone(),
            ours: here.compatible.into(),
        });
    }
    if release.version <= here.version {
        return Err(Refusal::NotNewer {
            theirs: release.version,
            ours: here.version,
        });
    }
    if !(release.data_oldest..=release.data).contains(&here.data) {
        return Err(Refusal::Data {
            theirs: (release.data_oldest, release.data),
            ours: here.data,
        });
    }
    if here.refused.contains(&release.version) {
        return Err(Refusal::TriedBefore(release.version));
    }
    Ok(())
}

/// Is this box among the first `share` of a hundred that a version goes to? The same box is among the first for one version
/// and among the last for another, and stays in once it is.
///
/// SipHash-2-4 with a key of zeros over `ID VERSION`, modulo 100.
pub fn in_share(id: &str, version: Version, share: u8) -> bool {
    let mut hasher = SipHasher24::new();
    hasher.write(alloc::format!("{id} {version}").as_bytes());
    hasher.finish() % 100 < u64::from(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(text: &str) -> Version {
        Version::parse(text).expect(text)
    }

    fn release(version: &str) -> Release {
        Release {
            compatible: "box".into(),
            version: v(version),
            data: 4,
            data_oldest: 2,
        }
    }

    #[test]
    fn each_reason_keeps_it_out() {
        let refused = [v("1.3.0")];
        let here = Here {
            compatible: "box",
            version: v("1.2.0"),
            data: 3,
            refused: &refused,
        };
        assert_eq!(admit(&release("1.2.1"), &here), Ok(()));
        let other = Release {
            compatible: "fridge".into(),
            ..release("1.2.1")
        };
        assert!(matches!(
            admit(&other, &here),
            Err(Refusal::OtherBox { .. })
        ));
        for older in ["1.2.0", "1.1.9", "0.9.9"] {
            assert!(matches!(
                admit(&release(older), &here),
                Err(Refusal::NotNewer { .. })
            ));
        }
        for (data, allowed) in [(1, false), (2, true), (4, true), (5, false)] {
            assert_eq!(
                admit(&release("2.0.0"), &Here { data, ..here }).is_ok(),
                allowed,
                "{data}"
            );
        }
        assert_eq!(
            admit(&release("1.3.0"), &here),
            Err(Refusal::TriedBefore(v("1.3.0")))
        );
        assert_eq!(admit(&release("1.3.1"), &here), Ok(()));
    }

    #[test]
    fn a_share_is_a_share_and_only_grows() {
        let boxes = 0..2_000u32;
        for share in [0, 1, 10, 50, 99, 100] {
            let within = |id: &u32| in_share(&alloc::format!("{id:016x}"), v("1.0.0"), share);
            let count = boxes.clone().filter(within).count();
            let expected = 20 * usize::from(share);
            assert!(
                count.abs_diff(expected) <= 90,
                "{share} of a hundred: {count} of 2000"
            );
            let stay = boxes.clone().filter(within).all(|id| {
                in_share(
                    &alloc::format!("{id:016x}"),
                    v("1.0.0"),
                    share.saturating_add(10).min(100),
                )
            });
            assert!(stay);
        }
        assert!(in_share("x", v("1.0.0"), 100) && !in_share("x", v("1.0.0"), 0));
    }
}
