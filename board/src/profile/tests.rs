use super::*;

#[test]
fn every_built_in_profile_is_right_and_bears_its_name() {
    for (name, _) in BUILT_IN {
        let profile = Profile::load(name).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(profile.name, name);
        assert_eq!(profile.wiring == Wiring::Simulated, name == "sim");
    }
}

#[test]
fn the_folder_has_no_profile_that_is_not_built_in() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles");
    let mut found: std::vec::Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut known = BUILT_IN.map(|(name, _)| format!("{name}.toml"));
    found.sort();
    known.sort();
    assert_eq!(found, known);
}

#[test]
fn a_board_that_is_not_there_is_answered_with_those_that_are() {
    let error = Profile::load("rpi9").unwrap_err().to_string();
    assert_eq!(
        error,
        "no board `rpi9`; there are sim, qemu-virt, qemu-gpio-sim, rpi3, rpi4, cm4 and auto, or give the path of a profile (./my-board.toml)"
    );
    let error = Profile::load("./no/such.toml").unwrap_err().to_string();
    assert!(error.starts_with("./no/such.toml: No such file"), "{error}");
    for path in ["/dev/zero", "/", "/bin/sh"] {
        let error = Profile::load(path).unwrap_err().to_string();
        assert!(error.contains("not a board profile"), "{error}");
    }
}

/// What the kernel shows on each board, as QEMU and Debian's device trees have it.
#[test]
fn a_machine_is_known_by_its_device_tree() {
    for (compatible, name) in [
        (&b"raspberrypi,4-model-b\0brcm,bcm2711\0"[..], "rpi4"),
        (b"raspberrypi,3-model-b\0brcm,bcm2837\0", "rpi3"),
        (b"raspberrypi,3-model-b-plus\0brcm,bcm2837\0", "rpi3"),
        (
            b"raspberrypi,4-compute-module-io\0raspberrypi,4-compute-module\0brcm,bcm2711\0",
            "cm4",
        ),
        (b"linux,dummy-virt\0", "qemu-virt"),
        (b"linux,dummy-virt", "qemu-virt"),
    ] {
        assert_eq!(Profile::detect(compatible).unwrap().name, name);
    }
}

#[test]
fn a_machine_that_no_profile_knows_is_told_what_was_found() {
    for (compatible, found) in [
        (&b""[..], "nothing"),
        (b"\0\0\0", "nothing"),
        (
            b"raspberrypi,5-model-b\0brcm,bcm2712\0",
            "`raspberrypi,5-model-b`, `brcm,bcm2712`",
        ),
        (b"raspberrypi,4-model-\0", "`raspberrypi,4-model-`"),
        (b"\xff\x1b[2J\0", "`\\xff\\x1b[2J`"),
    ] {
        let error = Profile::detect(compatible).unwrap_err().to_string();
        assert!(error.contains(&format!("says {found};")), "{error}");
        assert!(error.contains("rpi3, rpi4, cm4"), "{error}");
    }
    let error = Profile::detect(&b"x\0".repeat(10_000)).unwrap_err();
    assert!(error.to_string().len() < 400);
}

/// Each row changes one place of a profile and expects the error that points there.
fn points_at(good: &str, rows: &[(&str, &str, usize, &str)]) {
    for (from, to, line, says) in rows {
        assert!(good.contains(from), "{from}");
        let bad = good.replacen(from, to, 1);
        let error = Profile::parse("my.toml", &bad).unwrap_err().to_string();
        let at = error
            .strip_prefix("my.toml:")
            .unwrap_or_else(|| panic!("{error}"));
        let (number, what) = at.split_once(": ").unwrap();
        assert!(what.contains(says), "{from} -> {to}: {error}");
        assert_eq!(number, line.to_string(), "{from} -> {to}: {error}");
    }
}

#[test]
fn errors_about_lines_name_file_line_and_key() {
    let good = "\
name = \"bench\"
about = \"\"
chip = \"bench\"
led.status = { line = 0, active = \"high\" }
led.mode = { line = 1, active = \"high\" }
led.alert = { line = 2, active = \"high\" }
[button]
line = 3
active = \"low\"
pull = \"up\"
[[port]]
interface = \"port0\"
about = \"\"
";
    Profile::parse("my.toml", good).unwrap();
    points_at(
        good,
        &[
            ("\"bench\"", "\"Bench!\"", 1, "name: write letters"),
            ("\"bench\"", "\"a-name-that-is-much-too-long\"", 1, "24"),
            ("about", "abuot", 2, "unknown field `abuot`"),
            ("chip = \"bench\"\n", "", 3, "chip: missing"),
            (
                "chip = \"bench\"",
                "chip = \"\"",
                3,
                "chip: write the label",
            ),
            ("chip", "driver = \"spi\"\nchip", 3, "unknown variant `spi`"),
            ("chip", "driver = \"sim\"\nchip", 4, "chip: needless"),
            (
                "line = 0",
                "line = 4711",
                4,
                "integer `4711`, expected the line's number (0 to 511) or its name",
            ),
            ("line = 0", "line = -1", 4, "integer `-1`"),
            ("line = 0", "line = \"\"", 4, "expected the line's number"),
            ("line = 0, ", "", 4, "led.status"),
            (
                "line = 1",
                "line = 0",
                5,
                "led.mode.line: 0 is taken by led.status",
            ),
            (
                "line = 3",
                "line = 2",
                8,
                "button.line: 2 is taken by led.alert",
            ),
            (", active = \"high\"", "", 4, "led.status.active: missing"),
            (
                "line = 0",
                "line = 0, pull = \"up\"",
                4,
                "led.status.pull: an LED is an output",
            ),
            (
                "line = 0",
                "line = 0, led = \"x\"",
                4,
                "led.status.led: it is on a line already",
            ),
            (
                "line = 0",
                "input = \"x\"",
                4,
                "led.status.input: an LED is no input",
            ),
            (
                "line = 0",
                "line = 0, key = 3",
                4,
                "led.status.key: an LED has no key",
            ),
            ("\"low\"", "\"lo\"", 9, "unknown variant `lo`"),
            ("active = \"low\"\n", "", 8, "button.active: missing"),
            ("pull = \"up\"\n", "", 8, "button.pull: missing"),
            (
                "pull = \"up\"",
                "pull = \"down\"",
                10,
                "button.pull: with active = \"low\"",
            ),
            ("pull = \"up\"", "pul = \"up\"", 10, "unknown field `pul`"),
            ("pull = \"up\"", "key = 116", 10, "button.key: needless"),
            (
                "pull = \"up\"",
                "led = \"x\"",
                10,
                "button.led: a button is no LED",
            ),
            (
                "pull = \"up\"",
                "input = \"x\"",
                10,
                "button.input: it is on a line already",
            ),
        ],
    );
}

#[test]
fn errors_about_kernel_drivers_and_ports_name_file_line_and_key() {
    let good = "\
name = \"bench\"
about = \"\"
compatible = [\"acme,box\"]
led.status.led = \"acme:status\"
led.mode.led = \"acme:mode\"
led.alert.led = \"acme:alert\"
[button]
input = \"acme-keys\"
key = \"restart\"
[[port]]
interface = \"port0\"
about = \"\"
path = [\"platform-1.ethernet\"]
[[port]]
interface = \"port1\"
about = \"\"
path = [
  \"platform-1.usb-*\",
]
";
    Profile::parse("my.toml", good).unwrap();
    points_at(
        good,
        &[
            (
                "acme,box",
                "acme",
                3,
                "compatible: write what the device tree says",
            ),
            ("acme,box", "acme,box\\u0000", 3, "compatible: write"),
            (
                "led.status",
                "chip = \"x\"\nled.status",
                4,
                "chip: needless",
            ),
            (
                "acme:mode",
                "acme:status",
                5,
                "led.mode.led: acme:status is taken by led.status",
            ),
            ("acme:mode", "../mode", 5, "led.mode.led: write the name"),
            ("acme:mode", "..", 5, "led.mode.led: write the name"),
            ("acme:mode", "", 5, "led.mode.led: write the name"),
            (
                "led.alert.led = \"acme:alert\"",
                "led.alert = { led = \"a\", active = \"low\" }",
                6,
                "led.alert.active: needless",
            ),
            (
                "[button]\ninput = \"acme-keys\"",
                "[button]",
                7,
                "button: missing",
            ),
            ("acme-keys", "", 8, "button.input: write the name"),
            ("key = \"restart\"\n", "", 8, "button.key: missing"),
            (
                "\"restart\"",
                "\"any\"",
                9,
                "expected \"restart\", \"power\", or a key's code",
            ),
            ("\"restart\"", "0", 9, "expected \"restart\""),
            ("\"restart\"", "0x300", 9, "expected \"restart\""),
            (
                "key = \"restart\"",
                "key = 408\npull = \"up\"",
                10,
                "button.pull: needless",
            ),
            ("port0", "../x", 11, "port.interface: write"),
            ("port0", "a-name-that-is-too-long", 11, "15"),
            (
                "port0",
                "eth0",
                11,
                "port.interface: eth0 may be the kernel's",
            ),
            (
                "path = [\"platform-1.ethernet\"]\n",
                "",
                10,
                "port.path: missing",
            ),
            (
                "platform-1.ethernet",
                "*",
                13,
                "port.path: write an ID_PATH",
            ),
            (
                "platform-1.ethernet",
                "a b",
                13,
                "port.path: write an ID_PATH",
            ),
            (
                "platform-1.ethernet",
                "a\\nName=x",
                13,
                "port.path: write an ID_PATH",
            ),
            ("port1", "port0", 15, "port.interface: port0 is named twice"),
            (
                "platform-1.usb-*",
                "platform-1.ethernet",
                18,
                "port.path: platform-1.ethernet is named",
            ),
        ],
    );
    let key = |text: &str| match Profile::parse("my.toml", &good.replace("\"restart\"", text)) {
        Ok(profile) => match profile.wiring {
            Wiring::Pins(pins) => pins.button,
            Wiring::Simulated => panic!("it has pins"),
        },
        Err(error) => panic!("{error}"),
    };
    for (text, code) in [
        ("\"restart\"", 408),
        ("\"power\"", 116),
        ("0x198", 408),
        ("1", 1),
    ] {
        assert_eq!(
            key(text),
            ButtonPin::Key("acme-keys".try_into().unwrap(), code)
        );
    }
}

#[test]
fn a_board_lacks_nothing() {
    for (text, says) in [
        ("", "missing field `name`"),
        (
            "name = \"s\"\nabout = \"\"\n",
            "my.toml:1: led: missing; a board has it",
        ),
        (
            "name = \"s\"\nabout = \"\"\ndriver = \"sim\"\nchip = \"x\"\n",
            "my.toml:4: chip: needless: the simulated panel has no pins; leave it out",
        ),
    ] {
        let error = Profile::parse("my.toml", text).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

/// The overlay is where the kernel has names, pins and key from; the profile is where we have them from.
#[test]
fn overlays_and_profiles_are_of_one_mind() {
    let overlay = include_str!("../../overlays/trunkguard-panel.dtsi");
    // What stands between the braces of the node of this label, or name.
    let node = |label: &str| {
        let at = overlay
            .find(&format!("label = \"{label}\""))
            .unwrap_or_else(|| panic!("{label}"));
        let rest = &overlay[at..];
        &rest[..rest.find("};").unwrap()]
    };
    let gpio = |label: &str| {
        let cells = node(label).split("<&gpio ").nth(1).unwrap();
        let (number, flags) = cells.split('>').next().unwrap().split_once(' ').unwrap();
        (number.to_owned(), flags.to_owned())
    };
    for name in ["rpi3", "rpi4", "cm4"] {
        let (_, text) = BUILT_IN.iter().find(|(board, _)| *board == name).unwrap();
        let Wiring::Pins(pins) = Profile::load(name).unwrap().wiring else {
            panic!("{name} has pins");
        };
        // What the profile says to people: `[led.status] # header pin 11, GPIO 17`.
        let said = |table: &str| {
            let rest = text
                .split(&format!("[{table}] # header pin "))
                .nth(1)
                .unwrap();
            let number = rest.split("GPIO ").nth(1).unwrap();
            let digits = number.split(|c: char| !c.is_ascii_digit()).next().unwrap();
            digits.to_owned()
        };
        for (led, table) in pins
            .leds
            .iter()
            .zip(["led.status", "led.mode", "led.alert"])
        {
            let LedPin::Class(label) = led else {
                panic!("{name}: {led:?}");
            };
            assert_eq!(gpio(label), (said(table), "0".into()), "{name} {label}");
        }
        let ButtonPin::Key(input, key) = &pins.button else {
            panic!("{name}: {:?}", pins.button);
        };
        // Active low, with the chip's pull-up (dt-bindings/gpio/gpio.h).
        assert_eq!(gpio(input), (said("button"), "0x11".into()));
        assert!(node(input).contains(&format!("linux,code = <{key:#x}>")));
        assert!(node(input).contains("debounce-interval = <20>"));
    }
    // Nothing that the kernel does by itself may look like a box that is well.
    assert!(!overlay.contains("linux,default-trigger"));
    assert!(node("trunkguard:status").contains("default-state = \"on\""));
    assert!(node("trunkguard:alert").contains("panic-indicator"));
}
