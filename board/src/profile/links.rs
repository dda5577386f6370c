//! Names for network ports by where they are plugged in: systemd.link(5) files for the image.

use std::{collections::BTreeMap, fmt::Write};

use super::Profile;

/// The `.link` files for all these boards together, each with its name, in the order in which udev
/// reads them. A place that is named exactly comes before one with a `*`, so that the socket on the
/// board is found first and whatever else is plugged in is the other port.
pub fn links(profiles: &[Profile]) -> Vec<(String, String)> {
    // Keyed by what the file's name says; in each, the paths with the boards that have them.
    let mut files: BTreeMap<(u8, &str), BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for profile in profiles {
        for port in &profile.ports {
            for path in &port.path {
                let order = if path.contains('*') { 20 } else { 10 };
                let paths = files.entry((order, &port.interface)).or_default();
                paths.entry(path).or_default().push(&profile.name);
            }
        }
    }
    (files.into_iter())
        .map(|((order, interface), paths)| {
            let mut text =
                String::from("# Made from the board profiles by `trunkguard board links`.\n");
            for (path, boards) in &paths {
                // Writing to a String does not fail.
                let _ = writeln!(text, "# {path}: {}", boards.join(", "));
            }
            let paths: Vec<&str> = paths.into_keys().collect();
            // Without the type, a wireless stick in the same socket would be taken for a port.
            let _ = write!(
                text,
                "[Match]\nType=ether\nPath={}\n\n[Link]\nName={interface}\n",
                paths.join(" ")
            );
            (format!("{order}-trunkguard-{interface}.link"), text)
        })
        .collect()
}
