//! Names of the headers that are read.

/// A header that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Via,
    From,
    To,
    CallId,
    CSeq,
    ContentLength,
    MaxForwards,
    Expires,
    UserAgent,
    Require,
    Timestamp,
    Authorization,
    Contact,
    Asserted,
    Tfps,
    OlderTfps,
    Received,
    PhoneAgent,
    Calls,
}

impl Name {
    /// The name and the value of a line that is written as nearly all of them are. `None` says nothing.
    pub fn usual(line: &[u8]) -> Option<(Self, &[u8])> {
        let is = |start: &'static [u8], name| Some((name, line.strip_prefix(start)?));
        match line.first()? {
            b'V' => is(b"Via: ", Name::Via),
            b'F' => is(b"From: ", Name::From),
            b'T' => is(b"To: ", Name::To),
            b'M' => is(b"Max-Forwards: ", Name::MaxForwards),
            b'U' => is(b"User-Agent: ", Name::UserAgent),
            b'C' => is(b"CSeq: ", Name::CSeq)
                .or_else(|| is(b"Call-ID: ", Name::CallId))
                .or_else(|| is(b"Contact: ", Name::Contact))
                .or_else(|| is(b"Content-Length: ", Name::ContentLength)),
            b'P' => {
                is(b"P-tfps: ", Name::Tfps).or_else(|| is(b"P-Asserted-Identity: ", Name::Asserted))
            }
            _ => None,
        }
    }

    /// Long and compact names (RFC 3261 7.3.3); any other header is not read.
    pub fn of(name: &[u8]) -> Option<Self> {
        // Nearly always the first letter tells them apart, and they are written as in their RFCs.
        let is = |usual: &[u8]| {
            name == usual || (name[0] ^ usual[0]) & 0xdf == 0 && name.eq_ignore_ascii_case(usual)
        };
        Some(match name.len() {
            1 => match name[0].to_ascii_lowercase() {
                b'v' => Name::Via,
                b'f' => Name::From,
                b't' => Name::To,
                b'i' => Name::CallId,
                b'l' => Name::ContentLength,
                b'm' => Name::Contact,
                _ => return None,
            },
            2 if is(b"To") => Name::To,
            3 if is(b"Via") => Name::Via,
            4 if is(b"From") => Name::From,
            4 if is(b"CSeq") => Name::CSeq,
            4 if is(b"P-UA") => Name::PhoneAgent,
            6 if is(b"P-tfps") => Name::Tfps,
            6 if is(b"X-tfps") => Name::OlderTfps,
            7 if is(b"Call-ID") => Name::CallId,
            7 if is(b"Contact") => Name::Contact,
            7 if is(b"Expires") => Name::Expires,
            7 if is(b"Require") => Name::Require,
            7 if is(b"P-Calls") => Name::Calls,
            8 if is(b"P-Source") => Name::Received,
            9 if is(b"Timestamp") => Name::Timestamp,
            10 if is(b"User-Agent") => Name::UserAgent,
            10 if is(b"P-Received") => Name::Received,
            12 if is(b"Max-Forwards") => Name::MaxForwards,
            13 if is(b"Authorization") => Name::Authorization,
            14 if is(b"Content-Length") => Name::ContentLength,
            19 if is(b"P-Asserted-Identity") => Name::Asserted,
            _ => return None,
        })
    }
}
