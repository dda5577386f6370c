//! An office for tests: a policy from TOML, a clock that is moved by hand, a PBX at 10.0.0.5 and the
//! real server and gate that answer it.
#![allow(dead_code, clippy::unwrap_used)]

use std::{net::SocketAddr, sync::Arc};

use trunkguard_core::{
    gate::Gate,
    policy::{Definition, Policy},
    record::Record,
    time::{Date, Local, Now},
    transaction::Ticket,
};
use trunkguard_sip::{
    keys::Keys,
    read::Framing,
    uas::{Handled, Seeds, Uas},
};

pub struct Office {
    pub gate: Gate,
    pub uas: Uas,
    pub now: Now,
    pub source: SocketAddr,
    pub framing: Framing,
    out: Vec<u8>,
}

/// What came back for one message.
#[derive(Clone, Debug)]
pub struct Reply {
    pub bytes: Vec<u8>,
    pub to: SocketAddr,
    pub record: Option<Box<Record>>,
    pub ticket: Option<Ticket>,
    pub transaction: u128,
}

pub const PREVENT: &str =
    "settings = {mode = 'prevent', area_code = 212, durability = 'relaxed'}\n";

/// Mode prevent and one client, `pbx` at 10.0.0.5, with this in its table.
pub fn office_with(client: &str) -> Office {
    office(&format!(
        "{PREVENT}[[client]]\nname = 'pbx'\naddresses = ['10.0.0.5', '2001:db8::5']\n{client}\n"
    ))
}

pub fn office(toml: &str) -> Office {
    let definition = toml::from_str::<Definition>(toml).unwrap();
    let policy = Policy::compile(&definition).unwrap_or_else(|problems| panic!("{problems:?}"));
    Office {
        gate: Gate::new(Arc::new(policy), (1, 2)),
        uas: uas(3),
        now: Now {
            mono_ms: Now::ORIGIN_MS,
            unix_ms: 1_795_000_000_000,
            local: Some(Local {
                date: Date {
                    year: 2026,
                    month: 11,
                    day: 16,
                },
                weekday: 0,
                minute: 720,
            }),
        },
        source: "10.0.0.5:5060".parse().unwrap(),
        framing: Framing::Datagram,
        out: vec![0; 8 * 1024],
    }
}

/// A server with the draws of one boot.
pub fn uas(boot: u64) -> Uas {
    Uas::new(Seeds {
        keys: Keys {
            transaction: (boot, 4),
            tag: (5, boot),
        },
        nonce: [6; 32],
    })
}

impl Office {
    pub fn pass_ms(&mut self, ms: u64) {
        self.now.mono_ms += ms;
        self.now.unix_ms += ms as i64;
    }

    /// One message from the PBX.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Option<Reply> {
        let client = self
            .gate
            .policy()
            .client_of(self.source.ip())
            .expect("the PBX is a client");
        let handled = self.uas.handle(
            &self.now,
            &mut self.gate,
            client,
            bytes.as_ref(),
            self.source,
            self.framing,
            &mut self.out,
        );
        match handled {
            Handled::Silent => None,
            Handled::Answer { len, to } => Some(Reply {
                bytes: self.out[..len].to_vec(),
                to,
                record: None,
                ticket: None,
                transaction: 0,
            }),
            Handled::Decided {
                len,
                to,
                record,
                ticket,
                transaction,
            } => Some(Reply {
                bytes: self.out[..len].to_vec(),
                to,
                record: Some(Box::new(record)),
                ticket,
                transaction,
            }),
        }
    }

    /// One message that must be answered.
    pub fn ask(&mut self, bytes: impl AsRef<[u8]>) -> Reply {
        let bytes = bytes.as_ref();
        self.send(bytes)
            .unwrap_or_else(|| panic!("no answer to:\n{}", String::from_utf8_lossy(bytes)))
    }

    /// The status of the answer.
    pub fn status(&mut self, bytes: impl AsRef<[u8]>) -> u16 {
        self.ask(bytes).status()
    }
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn status(&self) -> u16 {
        let text = self.text();
        assert!(text.starts_with("SIP/2.0 "), "{text}");
        assert!(text.ends_with("\r\n\r\n"), "{text}");
        text[8..11].parse().unwrap()
    }

    /// All values of a header, in order.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.text()
            .split("\r\n")
            .skip(1)
            .filter_map(|line| line.split_once(": "))
            .filter(|(n, _)| *n == name)
            .map(|(_, value)| value.to_owned())
            .collect()
    }

    /// The one value of a header that stands once.
    pub fn one(&self, name: &str) -> String {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name} in {}", self.text());
        all[0].clone()
    }

    pub fn rule(&self) -> &'static str {
        self.record
            .as_ref()
            .expect("decided now")
            .verdict
            .rule
            .name()
    }

    pub fn dialled(&self) -> &str {
        self.record.as_ref().expect("decided now").dialled.as_str()
    }
}

/// An INVITE as chan_sip writes it; `id` makes it a call of its own.
pub fn invite(number: &str, id: u64) -> String {
    request("INVITE", number, id, "")
}

/// A request like [`invite`] with header lines of its own, each with its end.
pub fn request(method: &str, user: &str, id: u64, headers: &str) -> String {
    let body = if method == "INVITE" {
        "v=0\r\no=root 1 1 IN IP4 10.0.0.5\r\ns=-\r\nc=IN IP4 10.0.0.5\r\nt=0 0\r\nm=audio 10000 RTP/AVP 0\r\n"
    } else {
        ""
    };
    format!(
        "{method} sip:{user}@10.0.0.9:5060 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK{id:08x};rport\r\n\
         Max-Forwards: 70\r\n\
         From: \"Alice\" <sip:2001@10.0.0.5>;tag=as{id:08x}\r\n\
         To: <sip:{user}@10.0.0.9:5060>\r\n\
         Contact: <sip:2001@10.0.0.5:5060>\r\n\
         Call-ID: {id:032x}@10.0.0.5:5060\r\n\
         CSeq: 102 {method}\r\n\
         User-Agent: Asterisk PBX 16.28.0\r\n\
         {headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// An INVITE as PJSIP writes it: `rport` before `branch`, several spaces before the length.
pub fn pjsip_invite(number: &str, id: u64) -> String {
    format!(
        "INVITE sip:{number}@10.0.0.9:5060 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.0.0.5:5060;rport;branch=z9hG4bKPje51c0d97-0000-4000-8000-{id:012x}\r\n\
         From: \"Alice\" <sip:2001@10.0.0.5>;tag=9a33d179-{id:012x}\r\n\
         To: <sip:{number}@10.0.0.9>\r\n\
         Contact: <sip:asterisk@10.0.0.5:5060>\r\n\
         Call-ID: 0c1a9f2e-{id:012x}\r\n\
         CSeq: 25331 INVITE\r\n\
         Allow: OPTIONS, REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, INVITE, ACK, BYE, CANCEL, UPDATE, PRACK\r\n\
         Supported: 100rel, timer, histinfo\r\n\
         Session-Expires: 1800\r\n\
         Min-SE: 90\r\n\
         P-tfps: 2001;10.0.0.5;10.0.0.31;Yealink SIP-T46U 108.86.0.20;1\r\n\
         Max-Forwards: 70\r\n\
         User-Agent: Asterisk PBX 22.10.1\r\n\
         Content-Type: application/sdp\r\n\
         Content-Length:    49\r\n\r\n\
         v=0\r\no=- 1 1 IN IP4 10.0.0.5\r\ns=-\r\nt=0 0\r\nm=a 1 x\r\n"
    )
}

/// A number that the policy of [`office_with`] approves, and one that it refuses.
pub const YES: &str = "2125550123";
pub const NO: &str = "19005550123";
