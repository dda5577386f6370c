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
    /// Long and compact names (RFC 3261 7.3.3); any other header is not read.
    pub fn of(name: &[u8]) -> Option<Self> {
        // Nearly always the first letter tells them apart.
        let is = |long: &[u8]| name[0] | 0x20 == long[0] && name.eq_ignore_ascii_case(long);
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
            2 if is(b"to") => Name::To,
            3 if is(b"via") => Name::Via,
            4 if is(b"from") => Name::From,
            4 if is(b"cseq") => Name::CSeq,
            4 if is(b"p-ua") => Name::PhoneAgent,
            6 if is(b"p-tfps") => Name::Tfps,
            6 if is(b"x-tfps") => Name::OlderTfps,
            7 if is(b"call-id") => Name::CallId,
            7 if is(b"contact") => Name::Contact,
            7 if is(b"expires") => Name::Expires,
            7 if is(b"require") => Name::Require,
            7 if is(b"p-calls") => Name::Calls,
            8 if is(b"p-source") => Name::Received,
            9 if is(b"timestamp") => Name::Timestamp,
            10 if is(b"user-agent") => Name::UserAgent,
            10 if is(b"p-received") => Name::Received,
            12 if is(b"max-forwards") => Name::MaxForwards,
            13 if is(b"authorization") => Name::Authorization,
            14 if is(b"content-length") => Name::ContentLength,
            19 if is(b"p-asserted-identity") => Name::Asserted,
            _ => return None,
        })
    }
}
