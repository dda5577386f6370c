//! SIP messages, put together by call.

use super::Message;

/// What was recorded of one call.
pub struct Dialog {
    /// Its Call-ID.
    pub id: String,
    /// When it began.
    pub at: String,
    /// Its first line.
    pub first: String,
    /// Its last answer.
    pub last: String,
    /// The PBX's end.
    pub peer: String,
    /// Messages.
    pub count: usize,
    /// Nothing but OPTIONS and answers to it.
    pub sign_of_life: bool,
}

/// One message in the ladder.
pub struct Rung {
    /// When, since the first.
    pub after: String,
    /// When.
    pub at: String,
    /// From the PBX to the box.
    pub incoming: bool,
    /// The start line.
    pub first: String,
    /// All of it.
    pub text: String,
}

/// The message's start line.
fn start(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_end()
}

/// The message's Call-ID (RFC 3261 20.8), or its compact form.
fn call_id(text: &str) -> &str {
    let headers = text.lines().skip(1).take_while(|line| !line.is_empty());
    let pairs = headers.filter_map(|line| line.split_once(':'));
    let id = pairs.into_iter().find_map(|(name, value)| {
        let name = name.trim();
        (name.eq_ignore_ascii_case("call-id") || name.eq_ignore_ascii_case("i"))
            .then(|| value.trim())
    });
    id.unwrap_or_default()
}

/// All calls, the newest first.
pub fn dialogs(messages: &[Message]) -> Vec<Dialog> {
    let mut dialogs: Vec<Dialog> = Vec::new();
    for message in messages {
        let id = call_id(&message.text);
        let first = start(&message.text);
        match dialogs.iter_mut().find(|dialog| dialog.id == id) {
            Some(dialog) => {
                dialog.count += 1;
                dialog.sign_of_life &= message.sign_of_life;
                if !message.incoming {
                    dialog.last = first.to_owned();
                }
            }
            None => dialogs.push(Dialog {
                id: id.to_owned(),
                at: message.at.clone(),
                first: first.to_owned(),
                last: String::new(),
                peer: format!("{} {}", message.peer, message.transport),
                count: 1,
                sign_of_life: message.sign_of_life,
            }),
        }
    }
    dialogs.reverse();
    dialogs
}

/// The messages of one call, oldest first.
pub fn rungs(messages: &[Message], id: &str) -> Vec<Rung> {
    let own = messages.iter().filter(|m| call_id(&m.text) == id);
    let mut begin = None;
    own.map(|message| {
        let since = message.at_ms - *begin.get_or_insert(message.at_ms);
        Rung {
            after: format!("+{}.{:03} s", since / 1_000, since.rem_euclid(1_000)),
            at: message.at.clone(),
            incoming: message.incoming,
            first: start(&message.text).to_owned(),
            text: message.text.clone(),
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(at_ms: i64, incoming: bool, text: &str) -> Message {
        Message {
            at_ms,
            incoming,
            text: text.replace('\n', "\r\n"),
            ..Message::default()
        }
    }

    #[test]
    fn messages_are_put_together_by_call() {
        let messages = [
            message(1_000, true, "INVITE sip:1 SIP/2.0\nCall-ID: a\n\n"),
            message(1_100, true, "OPTIONS sip:1 SIP/2.0\ni:b\n\nCall-ID: a\n"),
            message(1_150, false, "SIP/2.0 302 Moved\nCALL-ID : a\n\n"),
            message(2_250, true, "ACK sip:1 SIP/2.0\nCall-ID: a\n\n"),
            message(2_300, true, "nonsense"),
        ];
        let all = dialogs(&messages);
        let brief: Vec<_> = all
            .iter()
            .map(|d| (d.id.as_str(), d.count, d.last.as_str()))
            .collect();
        assert_eq!(
            brief,
            [("", 1, ""), ("b", 1, ""), ("a", 3, "SIP/2.0 302 Moved")]
        );
        let rungs = rungs(&messages, "a");
        let after: Vec<_> = rungs.iter().map(|r| r.after.as_str()).collect();
        assert_eq!(after, ["+0.000 s", "+0.150 s", "+1.250 s"]);
    }
}
