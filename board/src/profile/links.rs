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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn golden(file: &str, text: &str) {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/links")).join(file);
        if std::env::var_os("TRUNKGUARD_BLESS").is_some() {
            std::fs::write(&path, text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            kept, text,
            "golden/links/{file} differs; TRUNKGUARD_BLESS=1 writes it anew"
        );
    }

    #[test]
    fn ports_get_their_names_by_these_files() {
        let files = links(&Profile::built_in().unwrap());
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "10-trunkguard-port0.link",
                "10-trunkguard-port1.link",
                "20-trunkguard-port1.link"
            ]
        );
        for (name, text) in &files {
            golden(name, text);
        }
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/links");
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), files.len());
    }

    /// Does the pattern, with `*` for anything, fit the text?
    fn fits(pattern: &str, text: &str) -> bool {
        match pattern.split_once('*') {
            None => pattern == text,
            Some((head, rest)) => text.strip_prefix(head).is_some_and(|text| {
                (0..=text.len())
                    .filter(|&i| text.is_char_boundary(i))
                    .any(|i| fits(rest, &text[i..]))
            }),
        }
    }

    /// All boards' files are in one image: what one calls `port0` must not be another's `port1`.
    #[test]
    fn boards_do_not_take_each_others_ports() {
        let profiles = Profile::built_in().unwrap();
        let places: Vec<(&str, &str, &str)> = profiles
            .iter()
            .flat_map(|p| p.ports.iter().map(move |port| (p, port)))
            .flat_map(|(p, port)| {
                (port.path.iter()).map(move |path| (&*p.name, &*port.interface, &**path))
            })
            .collect();
        for (board, interface, path) in &places {
            for (other, named, pattern) in &places {
                // The same board orders its own: exact ones first.
                if board != other && fits(pattern, path) {
                    assert_eq!(
                        interface, named,
                        "{path} of {board} is {pattern} of {other}"
                    );
                }
            }
        }
        let real = |path: &str| {
            let exact = places.iter().find(|(_, _, p)| *p == path);
            exact
                .or_else(|| places.iter().find(|(_, _, p)| fits(p, path)))
                .map(|(_, interface, _)| *interface)
        };
        for (path, interface) in [
            ("platform-fd580000.ethernet", Some("port0")),
            (
                "platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.2:1.0",
                Some("port1"),
            ),
            ("platform-fd500000.pcie-pci-0000:01:00.0", Some("port1")),
            ("platform-3f980000.usb-usb-0:1.1:1.0", Some("port0")),
            ("platform-3f980000.usb-usb-0:1.1.1:1.0", Some("port0")),
            ("platform-3f980000.usb-usb-0:1.1.2:1.0", Some("port1")),
            ("platform-3f980000.usb-usb-0:1.3:1.0", Some("port1")),
            ("platform-fe300000.mmcnr", None),
        ] {
            assert_eq!(real(path), interface, "{path}");
        }
    }
}
