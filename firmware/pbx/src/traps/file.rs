//! A configuration file of Asterisk, line by line: sip.conf, pjsip.conf, iax.conf, extensions.conf.

use super::Trap;

/// The largest file that is looked at, in octets.
pub const LARGEST: usize = 1 << 20;

/// What is read of one line: its number, its section, and `key = value` where it is one.
struct Line<'a> {
    number: usize,
    section: &'a str,
    text: &'a str,
    key: String,
    value: &'a str,
}

/// A kind of trap: whether a line is one, what is wrong, and what to do.
struct Rule {
    is: fn(&Line<'_>) -> bool,
    what: &'static str,
    remedy: &'static str,
}

/// Looks a file over. The text may be anything; what is larger than [`LARGEST`] is looked at that far.
pub fn look_over(text: &str) -> Vec<Trap> {
    let mut end = text.len().min(LARGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let (mut found, mut section) = (Vec::new(), "");
    for (n, raw) in text[..end].lines().enumerate() {
        let bare = without_comment(raw).trim();
        if let Some(rest) = bare.strip_prefix('[') {
            section = rest.split(']').next().unwrap_or_default();
        }
        // `exten => …` holds `=` of its own.
        let (key, value) = bare.split_once('=').unwrap_or((bare, ""));
        let line = Line {
            number: n + 1,
            section,
            text: raw.trim(),
            key: key.trim().to_ascii_lowercase(),
            value: value.trim_start_matches('>').trim(),
        };
        found.extend(
            RULES
                .iter()
                .filter(|rule| (rule.is)(&line))
                .map(|rule| Trap {
                    line: line.number,
                    what: rule.what.into(),
                    remedy: rule.remedy.into(),
                }),
        );
    }
    found
}

/// Asterisk's: from a `;` that no `\` hides.
fn without_comment(line: &str) -> &str {
    let mut hidden = false;
    for (at, c) in line.char_indices() {
        match c {
            ';' if !hidden => return &line[..at],
            _ => hidden = c == '\\' && !hidden,
        }
    }
    line
}

fn is_no(value: &str) -> bool {
    matches!(
        value.to_ascii_lowercase().as_str(),
        "no" | "false" | "0" | "off"
    )
}

fn is_yes(value: &str) -> bool {
    matches!(
        value.to_ascii_lowercase().as_str(),
        "yes" | "true" | "1" | "on"
    )
}

/// The number behind the slash of a register string.
fn registered(line: &Line<'_>) -> Option<String> {
    let (_, behind) = line.value.rsplit_once('@')?;
    let (_, number) = behind.split_once('/')?;
    Some(number.split('~').next().unwrap_or_default().to_owned())
}

const RULES: &[Rule] = &[
    Rule {
        // Asterisk sees what is in front of the comment, and there the brackets are still open.
        is: |l| {
            let seen = without_comment(l.text);
            let open = seen.matches('(').count() > seen.matches(')').count();
            seen.len() < l.text.len() && seen.contains("P-tfps") && open
        },
        what: "an unescaped `;` ends the line: the box gets the first field of P-tfps alone",
        remedy: "write `\\;` for each `;`",
    },
    Rule {
        is: |l| {
            (l.key.starts_with("exten") || l.key.starts_with("same"))
                && l.value.contains("${EXTEN:2}")
                && l.value.to_ascii_lowercase().contains("dial(")
        },
        what: "${EXTEN:2} takes two of the three digits of 011 off: 011 44 … becomes 1 44 …, which looks like North America",
        remedy: "send ${EXTEN} whole (number_format = \"dialled\"), or ${EXTEN:3} (number_format = \"e164\")",
    },
    Rule {
        is: |l| l.key == "promiscredir" && is_yes(l.value),
        what: "promiscredir=yes calls the host of a 302's Contact itself: the box's answer never reaches the dial plan",
        remedy: "take the line out; no is the default",
    },
    Rule {
        is: |l| l.key == "redirect_method" && l.value.starts_with("uri"),
        what: "redirect_method other than user calls the Contact itself: the box's answer never reaches the dial plan",
        remedy: "write redirect_method = user, or take the line out",
    },
    Rule {
        is: |l| {
            (l.key == "tlsdontverifyserver" && is_yes(l.value))
                || (l.key == "verify_server" && is_no(l.value) && !l.section.contains("trunkguard"))
        },
        what: "the other side's certificate is not verified: anybody on the way can be VoIP.ms",
        remedy: "verify it; only the transport to the box, whose certificate is its own, cannot",
    },
    Rule {
        is: |l| {
            matches!(l.key.as_str(), "secret" | "password" | "remotesecret")
                && l.text.trim_end() != without_comment(l.text).trim_end()
                && !without_comment(l.text).ends_with([' ', '\t'])
        },
        what: "a `;` in the password begins a comment, and the rest is lost",
        remedy: "take a password of letters and digits",
    },
    Rule {
        is: |l| {
            matches!(l.key.as_str(), "secret" | "password" | "remotesecret")
                && l.value.contains('#')
        },
        what: "`#` in the password: the login at VoIP.ms fails with it",
        remedy: "take a password of letters and digits",
    },
    Rule {
        is: |l| {
            l.key == "register"
                && l.value.matches(['@', ':']).count() > 3 + usize::from(l.value.contains("://"))
        },
        what: "too many `:` and `@` in the register string: the password has one of them",
        remedy: "take a password of letters and digits",
    },
    Rule {
        is: |l| {
            l.key == "register"
                && registered(l).is_some_and(|n| n.len() == 11 && n.starts_with('1'))
        },
        what: "VoIP.ms names its numbers with ten digits, without the 1",
        remedy: "take the 1 off, here and in the incoming route",
    },
    Rule {
        is: |l| l.key == "type" && l.value == "user" && !l.section.is_empty(),
        what: "a section of type user takes the provider's calls and asks them for a password (FreePBX: Incoming settings)",
        remedy: "leave Incoming blank; one peer is enough",
    },
    Rule {
        is: |l| l.key == "requirecalltoken" && is_no(l.value),
        what: "requirecalltoken=no opens IAX2 to floods with forged addresses (CVE-2009-2346)",
        remedy: "write requirecalltoken = auto",
    },
    Rule {
        is: |l| {
            l.key == "host"
                && l.value.ends_with(".voip.ms")
                && l.section.to_ascii_lowercase().contains("iax")
                && l.section != "voipms"
        },
        what: "VoIP.ms's calls by IAX2 come to a section named voipms; this one has another name",
        remedy: "name it [voipms]",
    },
    Rule {
        is: |l| l.key == "allowguest" && is_yes(l.value),
        what: "allowguest=yes lets anybody who reaches the PBX into its dial plan",
        remedy: "write allowguest = no",
    },
    Rule {
        is: |l| l.key == "allow" && l.value.contains('&'),
        what: "`&` separates nothing here: no codec of the line is allowed",
        remedy: "write commas",
    },
    Rule {
        is: |l| l.text.starts_with("same") && l.value.ends_with("),"),
        what: "a line without an application: the call ends here",
        remedy: "put the application on the line of its label",
    },
];

#[cfg(test)]
mod tests {
    use super::look_over;

    fn lines(text: &str) -> Vec<usize> {
        look_over(text).iter().map(|trap| trap.line).collect()
    }

    #[test]
    fn each_trap_is_found_and_its_cure_is_not() {
        for (bad, good) in [
            (
                "same=>n,SIPAddHeader(P-tfps: ${CALLERID(num)};${SIPDOMAIN})",
                "same=>n,SIPAddHeader(P-tfps: ${CALLERID(num)}\\;${SIPDOMAIN})   ; why",
            ),
            (
                "same=>n,dial(SIP/fps/${EXTEN:2})",
                "same=>n,dial(SIP/fps/${EXTEN:3})",
            ),
            ("promiscredir = yes", "promiscredir = no"),
            ("redirect_method=uri_pjsip", "redirect_method=user"),
            ("tlsdontverifyserver=yes", "tlsdontverifyserver=no"),
            (
                "[voipms-tls]\nverify_server=no",
                "[trunkguard-tls]\nverify_server=no",
            ),
            ("secret=abc;def", "secret=abcdef  ; here"),
            ("secret=abc#def", "secret=abcdef"),
            (
                "register => 100000:a:b@c@montreal10.voip.ms:5060",
                "register => tls://100000:ab@montreal10.voip.ms:5061/4165551234~300",
            ),
            (
                "register => 100000:ab@montreal10.voip.ms/14165551234",
                "register => 100000:ab@montreal10.voip.ms/4165551234",
            ),
            ("[voipms]\ntype=user", "[voipms]\ntype=peer"),
            ("requirecalltoken=no", "requirecalltoken=auto"),
            (
                "[iax-trunk]\nhost=montreal10.voip.ms",
                "[voipms]\nhost=montreal10.voip.ms",
            ),
            ("allowguest=yes", "allowguest=no"),
            ("allow=g729&ulaw", "allow=ulaw"),
            ("same=>n(CONGESTION),", "same=>n(CONGESTION),Hangup()"),
        ] {
            let traps = look_over(bad);
            assert_eq!(traps.len(), 1, "{bad}: {traps:?}");
            assert_eq!(traps[0].line, bad.lines().count(), "{bad}");
            assert!(!traps[0].remedy.is_empty());
            assert_eq!(look_over(good), [], "{good}");
        }
    }

    #[test]
    fn anything_can_be_looked_over() {
        assert_eq!(lines(""), [] as [usize; 0]);
        assert_eq!(lines("é;\\\\;[\n]=>=\n[[["), [] as [usize; 0]);
        let long = "é".repeat(super::LARGEST);
        assert_eq!(lines(&long), [] as [usize; 0]);
    }
}
