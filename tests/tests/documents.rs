//! The documents are true: what they show and name is there, and nothing was left for later.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Every text file of the project, without what is built and what the daemon writes.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_symlink()
            || (name.starts_with('.') && name != ".ci")
            || ["target", "var", "node_modules"].contains(&&*name)
        {
            continue;
        }
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn nothing_is_left_for_later() {
    let mut all = Vec::new();
    files(&root(), &mut all);
    // Put together, so that this file does not find itself.
    let words = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!("));
    let marks = ["TO", "FIX"].iter().zip(["DO", "ME"]);
    let marks: Vec<String> = marks.map(|(a, b)| format!("{a}{b}")).collect();
    for path in all {
        let Some("rs" | "sh" | "py" | "toml" | "sql" | "md") =
            path.extension().and_then(|e| e.to_str())
        else {
            continue;
        };
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let at = || format!("{}:{}: {line}", path.display(), number + 1);
            assert!(
                !words.iter().any(|word| line.contains(word.as_str())),
                "{}",
                at()
            );
            let mark = |word: &str| {
                line.split(|c: char| !c.is_alphanumeric())
                    .any(|w| w == word)
            };
            assert!(!marks.iter().any(|word| mark(word)), "{}", at());
        }
    }
}

#[test]
fn the_readme_shows_the_panel_as_it_is() {
    let readme = read("README.md");
    for table in trunkguard_core::panel::markdown().split("\n\n") {
        assert!(
            readme.contains(table.trim()),
            "README.md lacks this table:\n\n{table}"
        );
    }
}

/// The documents that a person reads.
fn documents() -> Vec<(PathBuf, String)> {
    let mut all = Vec::new();
    files(&root(), &mut all);
    all.retain(|path| path.extension().is_some_and(|e| e == "md"));
    all.into_iter()
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect()
}

#[test]
fn links_between_documents_lead_somewhere() {
    for (path, text) in documents() {
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let target = link.split('#').next().unwrap();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let to = path.parent().unwrap().join(target);
            assert!(to.exists(), "{}: {link} leads nowhere", path.display());
        }
    }
}

#[test]
fn commands_in_documents_exist() {
    let makefile = read("Makefile");
    let help = std::env::var_os("TRUNKGUARD_BIN").map(|binary| {
        let out = Command::new(binary).arg("--help").output().unwrap();
        String::from_utf8(out.stdout).unwrap()
    });
    for (path, text) in documents() {
        for (command, argument) in commands(&text) {
            let known = match command {
                "make" => makefile
                    .lines()
                    .any(|line| line.starts_with(&format!("{argument}:"))),
                // What follows may be no subcommand (`trunkguard.service`): those begin with a letter.
                _ => help.as_ref().is_none_or(|help| {
                    help.lines()
                        .any(|line| line.trim_start().split(' ').next() == Some(argument))
                }),
            };
            assert!(
                known,
                "{}: there is no `{command} {argument}`",
                path.display()
            );
        }
    }
}

/// `make X` and `trunkguard X` in code: fenced blocks and between backticks.
fn commands(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
            continue;
        }
        let pieces: Vec<&str> = if fenced {
            vec![line]
        } else {
            line.split('`').skip(1).step_by(2).collect()
        };
        for piece in pieces {
            let mut words = piece.trim_start_matches("$ ").split_whitespace();
            let command = match words.next() {
                Some("make") => "make",
                Some("trunkguard" | "./trunkguard") => "trunkguard",
                _ => continue,
            };
            if let Some(argument) = words.next().filter(|w| {
                w.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') && !w.starts_with('-')
            }) {
                found.push((command, argument));
            }
        }
    }
    found
}

#[test]
fn every_folder_at_the_top_is_in_the_readme() {
    let readme = read("README.md");
    let listed = Command::new("git")
        .args(["ls-tree", "-d", "--name-only", "HEAD"])
        .current_dir(root())
        .output();
    // Where the project came without its history, there is nothing to compare.
    let Ok(out) = listed else { return };
    for folder in String::from_utf8(out.stdout)
        .unwrap()
        .lines()
        .filter(|name| !name.starts_with('.'))
    {
        assert!(
            readme.contains(&format!("| [{folder}/]({folder}/)")),
            "README.md does not say what {folder}/ is"
        );
    }
}

/// A code block that names a file after its language is a part of that file, word by word: what a
/// person copies is what the tests run.
#[test]
fn excerpts_are_parts_of_the_files_they_name() {
    let mut found = 0;
    for (path, text) in documents() {
        for block in text.split("\n```").skip(1).step_by(2) {
            let (head, excerpt) = block.split_once('\n').unwrap_or((block, ""));
            let Some((_, file)) = head.split_once(' ') else {
                continue;
            };
            found += 1;
            assert!(
                read(file.trim()).contains(excerpt),
                "{}: not in {file} any more:\n{excerpt}",
                path.display()
            );
        }
    }
    assert!(found > 0);
}

/// The table of kinds of incident in docs/alerts.md is that of the code.
#[test]
fn the_table_of_kinds_is_true() {
    let text = read("docs/alerts.md");
    let section = text.split("\n## Kinds\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let mut told = Vec::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
        let [kinds, _, when] = cells[..] else {
            panic!("{row}");
        };
        let words = |cell: &str| {
            cell.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let when = words(when).remove(0);
        told.extend(words(kinds).into_iter().map(|kind| (kind, when.clone())));
    }
    told.sort();
    let kinds = trunkguard_core::alerts::KINDS;
    let mut known: Vec<_> = kinds
        .iter()
        .map(|(kind, when)| (kind.to_string(), when.name().to_owned()))
        .collect();
    known.sort();
    assert_eq!(told, known);
}

/// What architecture.md says of capacities, and where the code has it.
const CAPACITIES: &[(&str, &str)] = &[
    ("firmware/core/src/transaction.rs", "CAPACITY"),
    ("firmware/core/src/counters/mod.rs", "CALLERS"),
    ("firmware/core/src/counters/mod.rs", "COUNTRIES"),
    ("firmware/core/src/counters/mod.rs", "PHONES"),
    ("firmware/core/src/counters/recent.rs", "KEPT"),
    ("firmware/core/src/screen.rs", "PLACES"),
    ("firmware/core/src/policy/compile.rs", "LIST_NUMBERS"),
    ("firmware/core/src/policy/compile.rs", "PATTERNS"),
    ("firmware/daemon/src/held.rs", "PLACES"),
    ("firmware/daemon/src/held.rs", "LONGEST"),
    ("firmware/daemon/src/streams.rs", "CONNECTIONS"),
    ("firmware/daemon/src/streams.rs", "CONNECTIONS_PER_ADDRESS"),
    ("firmware/daemon/src/control_server.rs", "AT_ONCE"),
    ("firmware/daemon/src/logs.rs", "CALL_LINES_PER_SECOND"),
    ("firmware/daemon/src/desk.rs", "WITNESSED_PER_SECOND"),
    ("firmware/daemon/src/firewall/mod.rs", "QUEUE"),
    ("board/src/frames.rs", "LONGEST"),
    ("firmware/store/src/outbox/mod.rs", "MOST_WAITING"),
    ("firmware/store/src/outbox/mod.rs", "MOST_DONE"),
    ("firmware/store/src/outbox/mod.rs", "MOST_TOLD"),
    ("firmware/core/src/bans/ledger.rs", "BANS"),
    ("firmware/core/src/bans/ledger.rs", "ENDED"),
    ("firmware/core/src/pops/answers.rs", "MOST_ADDRESSES"),
    ("firmware/core/src/pops/answers.rs", "MOST_PER_NAME"),
    ("firmware/core/src/pops/owner.rs", "MOST_DECISIONS"),
    ("firmware/firewall/src/render/table.rs", "BAN_PLACES"),
    ("firmware/sip/src/retransmit.rs", "PLACES"),
    ("firmware/sip/src/retransmit.rs", "LONGEST"),
    ("firmware/sip/src/digest.rs", "USED"),
    ("firmware/sip/src/digest.rs", "GIVEN"),
    ("firmware/sip/src/uas.rs", "REFUSALS_PER_SECOND"),
    ("firmware/store/src/journal/queue.rs", "ASIDE"),
    ("firmware/store/src/journal/refusals.rs", "APART"),
    ("firmware/store/src/journal/incidents.rs", "KEPT"),
    ("firmware/store/src/journal/writer/mod.rs", "TICKETS"),
    ("firmware/store/src/journal/packed.rs", "MOST"),
    ("firmware/page/src/live.rs", "VIEWERS"),
    ("firmware/daemon/src/trace.rs", "MESSAGES"),
    ("firmware/store/src/page_store/tokens.rs", "MOST_TOKENS"),
    ("firmware/daemon/src/syslog/mod.rs", "QUEUE"),
    ("firmware/daemon/src/syslog/mod.rs", "WAITING"),
    ("firmware/page/src/api/limit.rs", "STRANGERS"),
];

#[test]
fn capacities_are_those_of_the_code() {
    let page = read("docs/architecture.md");
    let figures: Vec<String> = page
        .split(|c: char| !c.is_ascii_digit() && c != ',')
        .map(|figure| figure.replace(',', ""))
        .collect();
    for (file, name) in CAPACITIES {
        let source = read(file);
        let head = format!("const {name}: ");
        let value = source
            .lines()
            .find_map(|line| line.trim_start_matches("pub ").trim().split_once(&head))
            .and_then(|(_, rest)| rest.split_once(" = "))
            .and_then(|(_, value)| value.split(';').next())
            .map(|value| value.replace('_', ""))
            .unwrap_or_else(|| panic!("{file} has no {name} any more"));
        assert!(
            figures.contains(&value),
            "docs/architecture.md does not say that {name} of {file} is {value}"
        );
    }
}

#[test]
fn the_policy_page_names_every_rule() {
    let page = read("docs/policy.md");
    for rule in trunkguard_core::verdict::Rule::ALL {
        let name = rule.name();
        // What decides when no rule does is none to be named.
        assert!(
            name == "default" || page.contains(&format!("`{name}`")),
            "docs/policy.md does not name the rule {name}"
        );
    }
}
