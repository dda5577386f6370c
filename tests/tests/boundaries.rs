//! What the architecture promises about the shape of the code, held by a machine: which crate may
//! know which, that the core needs no std, and what licences come in.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Runs cargo in the project and returns what it prints.
fn cargo(arguments: &[&str]) -> String {
    let out = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--locked", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "cargo {arguments:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout).unwrap()
}

fn metadata() -> Value {
    serde_json::from_str(&cargo(&["metadata", "--format-version", "1"])).unwrap()
}

/// Names of the direct dependencies of a workspace crate, of one kind (`Value::Null` is the normal one).
fn dependencies(metadata: &Value, name: &str, kind: &Value) -> BTreeSet<String> {
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages
        .iter()
        .find(|p| p["name"] == name && p["source"].is_null())
        .unwrap_or_else(|| panic!("no crate {name}"));
    let all = package["dependencies"].as_array().unwrap().iter();
    all.filter(|d| d["kind"] == *kind)
        .map(|d| d["name"].as_str().unwrap().to_owned())
        .collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// core <- {sip, store, firewall, network, dns, notify, board, pbx, page, update} <- daemon, and boot <- daemon; nothing points back, and
/// shells do not know each other, but for the page, which shows what `pbx` writes.
#[test]
fn arrows_point_one_way() {
    let metadata = metadata();
    let shells = [
        "trunkguard-sip",
        "trunkguard-store",
        "trunkguard-firewall",
        "trunkguard-network",
        "trunkguard-board",
        "trunkguard-dns",
        "trunkguard-notify",
        "trunkguard-page",
        "trunkguard-update",
    ];
    let ours = |name: &str| -> BTreeSet<String> {
        let all = dependencies(&metadata, name, &Value::Null);
        all.into_iter()
            .filter(|d| d.starts_with("trunkguard"))
            .collect()
    };
    assert_eq!(ours("trunkguard-core"), set(&[]));
    for shell in shells {
        let mut known = ours(shell);
        // The page shows set-ups.
        known.retain(|name| shell != "trunkguard-page" || name != "trunkguard-pbx");
        assert_eq!(known, set(&["trunkguard-core"]), "{shell}");
    }
    // What a start of the box needs has nothing to do with calls.
    assert_eq!(ours("trunkguard-boot"), set(&[]));
    // Pure, like the core: from answers to a PBX's set-up.
    assert_eq!(ours("trunkguard-pbx"), set(&["trunkguard-core"]));
    let mut all = set(&shells);
    all.insert("trunkguard-core".into());
    all.insert("trunkguard-boot".into());
    all.insert("trunkguard-pbx".into());
    assert_eq!(ours("trunkguard"), all);
    assert!(
        !ours("trunkguard-tests").contains("trunkguard"),
        "tests use the binary, as everybody does"
    );
}

/// A foreign crate's types do not leave the one crate that may name it.
#[test]
fn foreign_crates_stay_in_their_shell() {
    let metadata = metadata();
    let ours = [
        "trunkguard-core",
        "trunkguard-sip",
        "trunkguard-store",
        "trunkguard-firewall",
        "trunkguard-network",
        "trunkguard-board",
        "trunkguard-dns",
        "trunkguard-notify",
        "trunkguard-boot",
        "trunkguard-page",
        "trunkguard-pbx",
        "trunkguard-update",
        "trunkguard",
    ];
    for (foreign, home) in [
        ("rusqlite", &["trunkguard-store"][..]),
        ("rusqlite_migration", &["trunkguard-store"]),
        ("embedded-hal", &["trunkguard-board"]),
        ("gpiocdev", &["trunkguard-board"]),
        ("gpiocdev-uapi", &[]),
        (
            "tokio",
            &["trunkguard", "trunkguard-dns", "trunkguard-page"],
        ),
        ("axum", &["trunkguard-page"]),
        ("askama", &["trunkguard-page"]),
        // The page's passwords, and the seal of a backup.
        ("argon2", &["trunkguard-page", "trunkguard-store"]),
        ("chacha20poly1305", &["trunkguard-store"]),
        ("hyper", &["trunkguard-page"]),
        ("hickory-net", &["trunkguard-dns"]),
        ("hickory-proto", &[]),
        ("hickory-resolver", &[]),
        (
            "rustls",
            &[
                "trunkguard",
                "trunkguard-notify",
                "trunkguard-page",
                "trunkguard-update",
            ],
        ),
        ("lettre", &["trunkguard-notify"]),
        ("ureq", &["trunkguard-notify", "trunkguard-update"]),
        ("ring", &["trunkguard-update"]),
        ("zbus", &["trunkguard-update"]),
        ("clap", &["trunkguard"]),
        // Composes the call attempts of `trunkguard call`, and is compared with in tests; it never
        // reads what a network sent to the box (docs/decisions/sip-reader.md).
        ("rsip", &["trunkguard-sip"]),
        ("rlibphonenumber", &[]),
    ] {
        for name in ours {
            let found = dependencies(&metadata, name, &Value::Null).contains(foreign);
            assert!(
                !found || home.contains(&name),
                "{name} must not depend on {foreign}"
            );
        }
    }
}

/// What the core is made of, with dependencies of dependencies. A new name here needs a reason.
const CORE: [(&str, &str); 18] = [
    ("allocator-api2", "of hashbrown"),
    ("byteorder", "of hash32"),
    ("equivalent", "of hashbrown"),
    (
        "foldhash",
        "of hashbrown; seeded by the daemon where strangers choose keys",
    ),
    ("hash32", "of heapless"),
    ("hashbrown", "tables of callers and figures"),
    ("heapless", "text and lists of fixed size"),
    ("ipnet", "networks of clients and phones"),
    ("memchr", "searching in bytes"),
    ("proc-macro2", "of serde_derive, at build time"),
    ("quote", "of serde_derive, at build time"),
    ("serde", "the policy as it is written"),
    ("serde_core", "of serde"),
    ("serde_derive", "of serde, at build time"),
    ("siphasher", "keyed names of transactions"),
    ("stable_deref_trait", "of heapless"),
    ("syn", "of serde_derive, at build time"),
    ("unicode-ident", "of syn, at build time"),
];

/// Works at build time and is not in the binary, so it may use std.
const BUILD_TIME: [&str; 5] = [
    "proc-macro2",
    "quote",
    "serde_derive",
    "syn",
    "unicode-ident",
];

#[test]
fn the_core_knows_only_what_it_says() {
    let tree = cargo(&[
        "tree",
        "-p",
        "trunkguard-core",
        "-e",
        "normal",
        "--prefix",
        "none",
        "-f",
        "{p}|{f}",
    ]);
    let mut found = BTreeMap::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let (package, features) = line.split_once('|').unwrap();
        let name = package.split(' ').next().unwrap();
        // Repeated lines are marked; the features are the same.
        let features = features.trim_end_matches(" (*)");
        found.insert(name.to_owned(), features.to_owned());
    }
    found.remove("trunkguard-core");
    for (name, features) in &found {
        assert!(
            CORE.iter().any(|(known, _)| known == name),
            "the core depends on {name}: say why in CORE, or do without"
        );
        let std = features.split(',').any(|f| f == "std");
        assert!(
            !std || BUILD_TIME.contains(&name.as_str()),
            "{name} comes into the core with std"
        );
    }
}

/// The proof: a program without std, with its own panic handler and allocator, takes the core in.
/// Were std anywhere below it, there would be two panic handlers, which the compiler refuses.
#[test]
fn the_core_builds_into_a_program_without_std() {
    let folder = tempfile::tempdir().unwrap();
    let core = root().join("firmware/core");
    let manifest = format!(
        "[package]\nname = \"without-std\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [lib]\ncrate-type = [\"staticlib\"]\n\n\
         [dependencies]\ntrunkguard-core = {{ path = {core:?} }}\n\n\
         [profile.dev]\npanic = \"abort\"\ndebug = false\n\n[workspace]\n"
    );
    let program = r#"#![no_std]
use core::alloc::{GlobalAlloc, Layout};
struct Nothing;
unsafe impl GlobalAlloc for Nothing {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 { core::ptr::null_mut() }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
#[global_allocator]
static ALLOCATOR: Nothing = Nothing;
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
#[unsafe(no_mangle)]
pub extern "C" fn lit(at_ms: u64) -> bool {
    trunkguard_core::panel::State::default().levels(None, at_ms)[0]
}
"#;
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.path().join("src/lib.rs"), program).unwrap();
    fs::copy(root().join("Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();
    let build = |target: &Path| {
        Command::new(env!("CARGO"))
            .args(["build", "--offline", "-q"])
            .current_dir(folder.path())
            .env("CARGO_TARGET_DIR", target)
            .env_remove("RUSTFLAGS")
            .output()
            .unwrap()
    };
    let target = folder.path().join("target");
    let out = build(&target);
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );

    // The same with std in it is refused; else the above would prove nothing.
    let lib = folder.path().join("src/lib.rs");
    fs::write(
        &lib,
        program.replace("#![no_std]", "#![no_std]\nextern crate std;"),
    )
    .unwrap();
    let out = build(&target);
    let says = String::from_utf8_lossy(&out.stderr);
    assert!(
        !out.status.success() && says.contains("panic_impl"),
        "{says}"
    );
}

/// B10: that somebody stands in front of the box is known where a button was read, and where the panel's
/// process has said so. That nothing outside the crate can make one, the compiler holds (its own
/// documentation tests); in it, these two files do.
#[test]
fn presence_is_made_where_a_button_is() {
    let mut makers = Vec::new();
    let mut folders = vec![root().join("board/src"), root().join("firmware")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let code = text
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"))
                    .any(|line| line.contains("Presence::of"));
                if code {
                    let path = path.strip_prefix(root()).unwrap();
                    makers.push(path.to_string_lossy().into_owned());
                }
            }
        }
    }
    makers.sort();
    assert_eq!(makers, ["board/src/panel.rs", "board/src/remote.rs"]);
    let definition = read("board/src/presence.rs");
    for forbidden in [
        "Deserialize",
        "Clone",
        "Copy",
        "Default",
        "pub fn of",
        "pub press",
    ] {
        let code = definition
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            assert!(!line.contains(forbidden), "{line}");
        }
    }
}

#[test]
fn crates_that_need_no_unsafe_code_forbid_it() {
    for path in [
        "firmware/core",
        "firmware/sip",
        "firmware/store",
        "firmware/dns",
        "firmware/notify",
        "firmware/network",
        "firmware/pbx",
        "board",
    ] {
        let text = read(&format!("{path}/src/lib.rs"));
        assert!(text.contains("#![forbid(unsafe_code)]"), "{path}");
    }
    assert!(read("firmware/core/src/lib.rs").contains("#![no_std]"));
}

/// Does an SPDX expression hold, given the licences that are allowed? `/` is the old spelling of OR.
fn allowed(expression: &str, licences: &BTreeSet<String>) -> bool {
    let text = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let (answer, rest) = either(&words, licences);
    assert!(rest.is_empty(), "not understood: {expression}");
    answer
}

fn either<'a>(words: &'a [&'a str], licences: &BTreeSet<String>) -> (bool, &'a [&'a str]) {
    let (mut answer, mut rest) = both(words, licences);
    while let ["OR", after @ ..] = rest {
        let (next, left) = both(after, licences);
        (answer, rest) = (answer | next, left);
    }
    (answer, rest)
}

fn both<'a>(words: &'a [&'a str], licences: &BTreeSet<String>) -> (bool, &'a [&'a str]) {
    let (mut answer, mut rest) = one(words, licences);
    while let ["AND", after @ ..] = rest {
        let (next, left) = one(after, licences);
        (answer, rest) = (answer & next, left);
    }
    (answer, rest)
}

fn one<'a>(words: &'a [&'a str], licences: &BTreeSet<String>) -> (bool, &'a [&'a str]) {
    match words {
        ["(", inner @ ..] => match either(inner, licences) {
            (answer, [")", rest @ ..]) => (answer, rest),
            (_, rest) => panic!("no closing bracket before {rest:?}"),
        },
        [licence, "WITH", exception, rest @ ..] => (
            licences.contains(&format!("{licence} WITH {exception}")),
            rest,
        ),
        [licence, rest @ ..] => (licences.contains(*licence), rest),
        [] => panic!("an expression ends too early"),
    }
}

#[test]
fn licence_expressions_are_read_as_spdx_says() {
    let licences = set(&["MIT", "Apache-2.0 WITH LLVM-exception", "Zlib"]);
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("MIT OR GPL-3.0-only", true),
        ("MIT/GPL-3.0", true),
        ("MIT AND GPL-3.0-only", false),
        ("(GPL-3.0-only OR MIT) AND Zlib", true),
        ("GPL-3.0-only OR MIT AND ISC", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0", false),
    ] {
        assert_eq!(allowed(expression, &licences), expected, "{expression}");
    }
}

/// The names in `allow = [ … ]` of deny.toml's `[licenses]`.
fn licences() -> BTreeSet<String> {
    let text = read("deny.toml");
    let section = text.split("\n[licenses]\n").nth(1).unwrap();
    let list = section
        .split("allow = [")
        .nth(1)
        .unwrap()
        .split("\n]")
        .next()
        .unwrap();
    let lines = list
        .lines()
        .map(|line| line.split('#').next().unwrap().trim());
    lines
        .filter(|line| !line.is_empty())
        .map(|line| line.trim_matches([',', '"']).to_owned())
        .collect()
}

/// Crates that ship their licence as a text without naming it, with the name of that text.
const UNNAMED: [(&str, &str); 2] = [("rsip", "MIT"), ("rsip-derives", "MIT")];

#[test]
fn licences_are_those_of_deny_toml() {
    let licences = licences();
    assert!(
        licences.contains("MIT") && licences.contains("Apache-2.0"),
        "{licences:?}"
    );
    for package in metadata()["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let unnamed = UNNAMED.iter().find(|(n, _)| *n == name).map(|(_, e)| *e);
        let expression = package["license"]
            .as_str()
            .or(unnamed)
            .unwrap_or_else(|| panic!("{name} names no licence"));
        assert!(
            allowed(expression, &licences),
            "{name} is under {expression}"
        );
        let source = package["source"].as_str().unwrap_or("registry+");
        assert!(
            source.starts_with("registry+"),
            "{name} comes from {source}"
        );
    }
}
