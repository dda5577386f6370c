//! Text that strangers chose, made harmless before anything is made of it: on one line, of bounded length, in the
//! order in which it is written.

use trunkguard_core::{
    alerts::{Content, Entry, Message},
    unseen::is_unseen,
};

/// Stands for what was taken out.
const GONE: char = '\u{fffd}';

/// One line of at most `most` characters, without anything that is not to be seen.
pub fn line(text: &str, most: usize) -> String {
    let mut line: String = text.chars().take(most).map(visible).collect();
    if text.chars().nth(most).is_some() {
        line.push('…');
    }
    line
}

/// The character, or what stands for one that nobody is to see.
fn visible(c: char) -> char {
    match c {
        '\t' => ' ',
        c if is_unseen(c) => GONE,
        c => c,
    }
}

/// The message with every text in it made harmless. All that renders begins with this.
pub fn message(message: &Message) -> Message {
    let entries = |list: &[Entry]| list.iter().map(entry).collect();
    Message {
        token: line(&message.token, 64),
        at: line(&message.at, 40),
        content: match &message.content {
            Content::Alert {
                entries: list,
                more,
            } => Content::Alert {
                entries: entries(list),
                more: *more,
            },
            Content::Digest(summary) => {
                let mut summary = summary.clone();
                summary.entries = entries(&summary.entries);
                Content::Digest(summary)
            }
            Content::Test => Content::Test,
        },
        ..message.clone()
    }
}

fn entry(entry: &Entry) -> Entry {
    Entry {
        kind: line(&entry.kind, 32),
        client: line(&entry.client, 64),
        caller: line(&entry.caller, 64),
        text: line(&entry.text, 400),
        first: line(&entry.first, 40),
        last: line(&entry.last, 40),
        ..entry.clone()
    }
}

/// Text in HTML (and in an attribute with double quotes).
pub fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The front of a text, at most so many octets, with a mark where it was cut.
pub fn front(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mut end = most.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_lines_or_turns_text_around_is_replaced() {
        assert_eq!(
            line("a\r\nBcc: x@y.z\0\u{1b}[31m", 99),
            "a\u{fffd}\u{fffd}Bcc: x@y.z\u{fffd}\u{fffd}[31m"
        );
        assert_eq!(
            line("\u{202e}gnp.exe\u{2066}\u{200b}", 99),
            "\u{fffd}gnp.exe\u{fffd}\u{fffd}"
        );
        assert_eq!(line("é\u{85}日本", 99), "é\u{fffd}日本");
        assert_eq!(line("abcdef", 3), "abc…");
        assert_eq!(line("abc", 3), "abc");
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(
            html("<a href=\"x\">'&"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;"
        );
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(front("ééééé", 10), "ééééé");
        assert_eq!(front("éééééé", 10), "ééé…");
        assert_eq!(front("", 0), "");
    }
}
