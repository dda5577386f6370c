//! The deserializer's messages as sentences for an owner: what is wrong; what to do.

/// A text that is not TOML.
pub(super) fn syntax(message: &str) -> String {
    match message {
        "duplicate key" => "this key is there twice; keep one of them".into(),
        other => format!("not TOML here ({other}); compare the line with the example policy"),
    }
}

/// A value that does not fit its key.
pub(super) fn value(message: &str, key: &str) -> String {
    if let Some((unknown, allowed)) = unknown(message, "unknown field ") {
        return unknown_name("is not a key", &unknown, &allowed);
    }
    if let Some((unknown, allowed)) = unknown(message, "unknown variant ") {
        return unknown_name("is not one of the words", &unknown, &allowed);
    }
    if let Some(name) = message.strip_prefix("missing field ") {
        return format!("{name} is missing; add it");
    }
    let typed = message
        .strip_prefix("invalid type: ")
        .or(message.strip_prefix("invalid value: "));
    if let Some((found, expected)) = typed.and_then(|rest| rest.rsplit_once(", expected ")) {
        // A password written without quotes must not end in a log.
        let found = if key.ends_with("password") {
            "something else"
        } else {
            found
        };
        return wanted(found, expected);
    }
    if message.contains(';') {
        message.into()
    } else {
        format!("{message}; correct it")
    }
}

/// Takes "unknown field `a`, expected one of `b`, `c`" apart.
fn unknown<'a>(message: &'a str, front: &str) -> Option<(String, Vec<&'a str>)> {
    let rest = message.strip_prefix(front)?.strip_prefix('`')?;
    // What was written may hold a back quote itself.
    let (unknown, rest) = rest.split_once("`, ").or_else(|| rest.rsplit_once('`'))?;
    let allowed = rest.split('`').skip(1).step_by(2).collect();
    Some((unknown.escape_debug().to_string(), allowed))
}

fn unknown_name(what: &str, unknown: &str, allowed: &[&str]) -> String {
    let list = allowed.join(", ");
    match nearest(unknown, allowed) {
        Some(near) => format!("`{unknown}` {what} here; did you mean `{near}`? (allowed: {list})"),
        None => format!("`{unknown}` {what} here; allowed: {list}"),
    }
}

fn wanted(found: &str, expected: &str) -> String {
    let most = match expected {
        "u8" => Some(u64::from(u8::MAX)),
        "u16" => Some(u64::from(u16::MAX)),
        "u32" => Some(u64::from(u32::MAX)),
        _ => None,
    };
    if let Some(most) = most {
        return format!("{found} does not fit; write a whole number from 0 to {most}");
    }
    let (what, remedy) = match expected {
        "a string" | "string" => ("a text", "put it in quotes"),
        "a sequence" => ("a list", "put it in brackets, such as [\"…\", \"…\"]"),
        "a boolean" => ("true or false", "write true or false"),
        e if e.starts_with("struct ") => {
            ("a table", "write { key = value } or a [table] of its own")
        }
        other => (other, "correct it"),
    };
    format!("{found} where {what} belongs; {remedy}")
}

/// The allowed name that differs least, if it differs in at most a third of its letters.
fn nearest<'a>(written: &str, allowed: &[&'a str]) -> Option<&'a str> {
    // A key has at most 64 letters worth comparing; longer ones are no slip of the pen.
    let written: Vec<char> = written
        .chars()
        .map(|c| {
            if c == '-' {
                '_'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .take(64)
        .collect();
    let score = |name: &str| {
        distance(
            &written,
            &name
                .chars()
                .map(|c| if c == '-' { '_' } else { c })
                .collect::<Vec<_>>(),
        )
    };
    let (near, off) = allowed
        .iter()
        .map(|name| (*name, score(name)))
        .min_by_key(|(_, off)| *off)?;
    (off <= near.len().div_ceil(3)).then_some(near)
}

/// Levenshtein's distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let best = (corner + usize::from(x != y))
                .min(row[j] + 1)
                .min(row[j + 1] + 1);
            corner = std::mem::replace(&mut row[j + 1], best);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found() {
        let names = ["mode", "time_zone", "country", "area_code"];
        assert_eq!(nearest("mod", &names), Some("mode"));
        assert_eq!(nearest("timezone", &names), Some("time_zone"));
        assert_eq!(nearest("Area-Code", &names), Some("area_code"));
        assert_eq!(nearest("colour", &names), None);
        assert_eq!(nearest("", &[]), None);
    }

    #[test]
    fn distance_counts_edits() {
        let count = |a: &str, b: &str| {
            distance(
                &a.chars().collect::<Vec<_>>(),
                &b.chars().collect::<Vec<_>>(),
            )
        };
        assert_eq!(count("", "abc"), 3);
        assert_eq!(count("kitten", "sitting"), 3);
        assert_eq!(count("same", "same"), 0);
    }
}
