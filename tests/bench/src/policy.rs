//! The policy file that the measured Trunkguard runs with.

use std::fmt::Write as _;

use crate::call::{AREAS, CALLERS, FIRST_CALLER, listed};

/// How much policy.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Rules for everybody: allowed and blocked prefixes and patterns, and blocked kinds.
    pub rules: u32,
    /// Entries of the number list.
    pub listed: u32,
}

impl Size {
    /// What the targets are stated for.
    pub const FULL: Size = Size {
        rules: 1_000,
        listed: 100_000,
    };
}

/// A client: its name, its address, and whether its answers are sent again until it sends the ACK.
pub type Pbx<'a> = (&'a str, &'a str, bool);

/// Two clients: 127.0.0.1 sends ACKs; 127.0.0.2 sends none, so its answers are not sent again.
const LOOPBACK: [Pbx<'_>; 2] = [
    ("pbx", "127.0.0.1/32", true),
    ("pbx-without-ack", "127.0.0.2/32", false),
];

/// Writes the policy for clients on loopback: `durability` is `strict` or `relaxed`.
pub fn write(size: Size, durability: &str) -> String {
    write_for(size, durability, &LOOPBACK, "")
}

/// Writes the policy for these clients, with further tables of TOML.
///
/// The limits of a caller are all set, and as high as they can be: a run of twelve rounds does not meet
/// them, and every refusal is the destination's. Those of a whole client are left out, as no figure
/// that they can have is out of a second's reach; its calls are counted all the same.
pub fn write_for(size: Size, durability: &str, clients: &[Pbx<'_>], more: &str) -> String {
    let mut text = format!(
        "format = 1\n\n[settings]\nmode = \"prevent\"\ntime_zone = \"America/New_York\"\ncountry = \"US\"\n\
         area_code = 212\ndurability = \"{durability}\"\n\n{more}"
    );
    everybody(&mut text, size.rules);
    for (name, address, retransmit) in clients {
        let _ = write!(
            text,
            "[[client]]\nname = \"{name}\"\naddresses = [\"{address}\"]\nretransmit = {retransmit}\n\n"
        );
    }
    for caller in FIRST_CALLER..FIRST_CALLER + CALLERS {
        let _ = write!(
            text,
            "[[caller]]\nname = \"{caller}\"\n[caller.policy]\nnetworks = [\"192.168.0.0/16\"]\n\
             [caller.policy.allow]\nnumbers = [\"+1212500{caller}\", \"+1213500{caller}\"]\n\
             [caller.policy.limits]\nper_minute = 65534\n\n"
        );
    }
    text.push_str("[[list]]\nname = \"customers\"\nnumbers = [\n");
    for n in 0..size.listed {
        let number = listed(n);
        let _ = writeln!(text, "\"+{}\",", String::from_utf8_lossy(&number));
    }
    text.push_str("]\n");
    text
}

fn everybody(text: &mut String, rules: u32) {
    let _ = write!(
        text,
        "[policy]\nsame_number = {{ calls = 16, seconds = 1 }}\nspellings = {{ calls = 16, seconds = 1 }}\n\
         sequential = {{ calls = 16, seconds = 1 }}\nnew_country = \"alert\"\nnew_phone = \"alert\"\n\
         [[policy.hours]]\ndays = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"]\n\
         from = \"00:00\"\nto = \"24:00\"\n\
         [policy.limits]\nsimultaneous = 65535\nper_minute = 65535\nper_hour = 65535\nper_day = 65535\n"
    );
    let (mut allowed, mut blocked, mut patterns) = (Vec::new(), Vec::new(), Vec::new());
    // The refused fifth of the calls, and two kinds, are there in the smallest policy.
    blocked.push(String::from("+1900"));
    for n in 0..rules.saturating_sub(3) {
        rule(n, &mut allowed, &mut blocked, &mut patterns);
    }
    let list = |items: &[String]| {
        items
            .iter()
            .map(|item| format!("\"{item}\""))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let _ = write!(
        text,
        "[policy.allow]\nlists = [\"customers\"]\nprefixes = [{}]\n[policy.block]\nkinds = [\"premium\", \"satellite\"]\n\
         prefixes = [{}]\npatterns = [{}]\n\n",
        list(&allowed),
        list(&blocked),
        list(&patterns)
    );
}

/// The `n`th rule. Of ten, two allow and four block a prefix, and four block a pattern; half of
/// them are about numbers near those dialled (exchanges 500 … 599, which no call goes to).
fn rule(n: u32, allowed: &mut Vec<String>, blocked: &mut Vec<String>, patterns: &mut Vec<String>) {
    let area = AREAS[(n / 10) as usize % AREAS.len()];
    // Different for every rule of one place in the ten.
    let turn = n / 10 / AREAS.len() as u32;
    let serial = n / 10;
    match n % 10 {
        0 if turn == 0 => allowed.push(format!("+1{area}")),
        0 => allowed.push(format!("+1{area}5{:02}", turn % 100)),
        1 => allowed.push(format!("+4420{serial:04}")),
        2 => blocked.push(format!("+1{area}50{:02}", turn % 100)),
        3 => blocked.push(format!("+1{area}51{:02}", turn % 100)),
        4 => blocked.push(format!("+53{serial:04}")),
        5 => blocked.push(format!("+2526{serial:04}")),
        6 => patterns.push(format!("_1{area}5{:02}ZXXX", turn % 100)),
        7 => patterns.push(format!("_1NXX5{:02}{:02}XX", serial % 100, serial / 100)),
        8 => patterns.push(format!("_01137{serial:04}.")),
        _ => patterns.push(format!("_+371{serial:04}X!")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_rule_is_there_twice() {
        let (mut allowed, mut blocked, mut patterns) = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..10_000 {
            rule(n, &mut allowed, &mut blocked, &mut patterns);
        }
        let all: HashSet<_> = allowed.iter().chain(&blocked).chain(&patterns).collect();
        assert_eq!(all.len(), 10_000);
    }

    #[test]
    fn the_file_grows_with_what_is_asked() {
        let small = write(
            Size {
                rules: 10,
                listed: 100,
            },
            "strict",
        );
        assert!(small.contains("durability = \"strict\""));
        assert_eq!(small.matches("\"+1646").count(), 100);
        assert_eq!(small.matches("[[caller]]").count(), 200);
        assert_eq!(
            write(Size::FULL, "relaxed").matches("\"+1646").count(),
            100_000
        );
    }
}
