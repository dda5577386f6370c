//! Which board this is: what its device tree calls itself.

use std::{fs::File, io::Read};

use super::{Profile, ProfileError};

/// Where the kernel shows the tree's own strings, each ended by a NUL, the most specific first.
const COMPATIBLE: &str = "/sys/firmware/devicetree/base/compatible";
/// Octets of it that are read; a tree has some fifty.
const MOST: u64 = 4_096;

/// What the device tree of this machine says.
pub(super) fn read() -> Result<Vec<u8>, ProfileError> {
    let mut octets = Vec::new();
    File::open(COMPATIBLE)
        .and_then(|file| file.take(MOST).read_to_end(&mut octets))
        .map_err(|problem| ProfileError::Unreadable {
            file: COMPATIBLE.into(),
            why: format!(
                "{problem}; --board auto needs a machine with a device tree, so name the board (--board sim)"
            ),
        })?;
    Ok(octets)
}

impl Profile {
    /// The built-in profile for a machine whose device tree says `compatible`: strings, each ended by a
    /// NUL, the most specific first.
    ///
    /// # Errors
    /// When none is for it; says what was found.
    pub fn detect(compatible: &[u8]) -> Result<Profile, ProfileError> {
        let profiles = Profile::built_in()?;
        let strings = || compatible.split(|&b| b == 0).filter(|s| !s.is_empty());
        for string in strings() {
            let is_it =
                |profile: &&Profile| profile.compatible.iter().any(|c| c.as_bytes() == string);
            if let Some(profile) = profiles.iter().find(is_it) {
                return Ok(profile.clone());
            }
        }
        let found: Vec<String> = strings()
            .take(8)
            .map(|s| format!("`{}`", s.escape_ascii()))
            .collect();
        Err(ProfileError::Undetected(match found.is_empty() {
            true => "nothing".into(),
            false => found.join(", "),
        }))
    }
}
