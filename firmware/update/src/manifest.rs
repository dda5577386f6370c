//! What a bundle says of itself, read from its manifest (RAUC 1.13's reference, "Manifest"): for RAUC's question before it writes, which
//! it asks whoever asked RAUC.

use std::path::Path;

use trunkguard_core::update::{
    COMPATIBLE, Version,
    gate::{Here, Release, admit},
};

use crate::Places;

/// Its name in a bundle that RAUC has mounted. What is mounted is what was signed (dm-verity).
const FILE: &str = "manifest.raucm";
/// Octets of it.
const LONGEST: u64 = 64 * 1024;

/// May RAUC write the bundle that it has mounted in this folder, on a box that writes data of this number? Answers its version. A version that did
/// not do may be written: a person may try it again, and a server never comes so far.
///
/// # Errors
/// Why not: a sentence for people.
pub fn may_install(bundle: &Path, places: &Places, data: u32) -> Result<Version, String> {
    let path = bundle.join(FILE);
    let text = crate::places::read(&path, LONGEST)
        .ok_or_else(|| format!("{}: there is no manifest to be read", path.display()))?;
    let release = release(&text)?;
    let here = Here {
        compatible: COMPATIBLE,
        version: places.version()?,
        data,
        refused: &[],
    };
    admit(&release, &here).map_err(|e| format!("the bundle is not for this box: {e}"))?;
    Ok(release.version)
}

fn release(manifest: &str) -> Result<Release, String> {
    let value = |group: &str, key: &str| {
        find(manifest, group, key).ok_or_else(|| format!("the bundle does not say [{group}] {key}"))
    };
    let number = |key: &str| -> Result<u32, String> {
        let value = value("meta.trunkguard", key)?;
        value
            .parse()
            .map_err(|_| format!("the bundle says {value:?} for [meta.trunkguard] {key}"))
    };
    Ok(Release {
        compatible: value("update", "compatible")?.to_owned(),
        version: Version::parse(value("update", "version")?)?,
        data: number("data")?,
        data_oldest: number("data-oldest")?,
    })
}

/// The last value of a key, as GLib's key files have it (Desktop Entry Specification, "Basic format of the file").
fn find<'a>(text: &'a str, group: &str, key: &str) -> Option<&'a str> {
    let (mut within, mut found) = (false, None);
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            within = name == group;
        } else if within && !line.starts_with('#') {
            let value = (line.split_once('=')).filter(|(name, _)| name.trim_end() == key);
            found = value.map(|(_, value)| value.trim_start()).or(found);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const MANIFEST: &str = "[update]\ncompatible=trunkguard-arm64\nversion=1.1.0\n\n[bundle]\nformat=verity\nversion=9.9.9\n\n\
        [meta.trunkguard]\n# data=7\ndata = 3\ndata-oldest=2\n";

    #[test]
    fn what_rauc_asks_is_asked_of_the_same_gate() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::below(folder.path());
        fs::create_dir_all(places.release.parent().unwrap()).unwrap();
        fs::write(&places.release, "VERSION_ID=1.0.0\n").unwrap();
        let ask = |manifest: &str, data| {
            fs::write(folder.path().join(FILE), manifest).unwrap();
            may_install(folder.path(), &places, data)
        };
        assert_eq!(ask(MANIFEST, 2), Version::parse("1.1.0"));
        for (from, to, data, why) in [
            ("arm64", "fridge", 2, "another kind of box"),
            ("=1.1.0", "=1.0.0", 2, "nothing older is installed"),
            ("=1.1.0", "=newest", 2, "newest"),
            ("", "", 1, "without policy and history"),
            ("", "", 4, "without policy and history"),
            (
                "data = 3",
                "data = x",
                2,
                "\"x\" for [meta.trunkguard] data",
            ),
            (
                "data-oldest=2",
                "",
                2,
                "does not say [meta.trunkguard] data-oldest",
            ),
            (
                "[update]",
                "[updates]",
                2,
                "does not say [update] compatible",
            ),
        ] {
            let said = ask(&MANIFEST.replacen(from, to, 1), data).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
        assert!(
            ask(&"x".repeat(65_537), 2)
                .unwrap_err()
                .contains("no manifest")
        );
        fs::write(&places.release, "NAME=x\n").unwrap();
        assert!(ask(MANIFEST, 2).unwrap_err().contains("which version runs"));
    }
}
