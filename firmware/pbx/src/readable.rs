//! A set-up as one text.

use std::fmt::Write;

use crate::{Language, Setup, language::say, setup::Step};

pub fn text(setup: &Setup, l: Language) -> String {
    let mut out = format!("{}\n", setup.title);
    heading(
        &mut out,
        &say!(l, "VoIP.ms's pages", "Les pages de VoIP.ms"),
    );
    steps(&mut out, &setup.portal, l);
    heading(&mut out, &say!(l, "The PBX", "Le PBX"));
    steps(&mut out, &setup.steps, l);
    for file in &setup.files {
        heading(&mut out, &format!("{}: {}", file.name, file.place));
        out.push_str(&file.text);
    }
    heading(
        &mut out,
        &say!(
            l,
            "The box: this client in the policy (trunkguard apply)",
            "Le boîtier : ce client dans la politique (trunkguard apply)"
        ),
    );
    out.push_str(&setup.client);
    heading(&mut out, &say!(l, "Mind", "Attention"));
    for warning in &setup.warnings {
        line(&mut out, "! ", warning);
    }
    heading(
        &mut out,
        &say!(l, "Look at this when all is done", "À vérifier à la fin"),
    );
    for check in &setup.checks {
        line(&mut out, "[ ] ", &check.what);
        line(&mut out, "    -> ", &check.remedy);
    }
    heading(
        &mut out,
        &say!(
            l,
            "Where this departs from the guides",
            "Écarts par rapport aux guides"
        ),
    );
    for c in &setup.corrections {
        line(&mut out, "- ", &c.line);
        line(&mut out, "    ", &c.why);
        line(&mut out, "    -> ", &c.instead);
    }
    out
}

fn heading(out: &mut String, text: &str) {
    // Writing to a String cannot fail.
    let _ = write!(out, "\n== {text}\n\n");
}

fn line(out: &mut String, mark: &str, text: &str) {
    let _ = writeln!(out, "{mark}{text}");
}

fn steps(out: &mut String, steps: &[Step], l: Language) {
    let blank = say!(l, "(leave blank)", "(laissez vide)");
    for (n, step) in steps.iter().enumerate() {
        let _ = writeln!(out, "{}. {}", n + 1, step.what);
        let width = step
            .fields
            .iter()
            .map(|(name, _)| name.chars().count())
            .max();
        for (name, value) in &step.fields {
            let value = if value.is_empty() { &blank } else { value };
            let _ = writeln!(
                out,
                "     {name:<width$}  {value}",
                width = width.unwrap_or(0)
            );
        }
        for text in step.block.lines() {
            let _ = writeln!(out, "     {text}");
        }
    }
}
