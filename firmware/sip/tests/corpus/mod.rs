//! Messages to start from, a source of numbers that is the same on every machine, and what must hold
//! whatever a message is. Shared with the fuzz target (`tests/fuzz`).
#![allow(dead_code, clippy::unwrap_used)]

mod sound;

use std::{fs, net::SocketAddr, path::Path};

use trunkguard_core::{gate::Gate, policy::Policy, time::Now};
use trunkguard_sip::{
    keys::Keys,
    read::Framing,
    stream::{Framer, Next},
    uas::{Handled, Seeds, Uas},
};

/// The messages of a folder, in order.
pub fn messages(folder: &Path) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "dat"))
        .collect();
    files.sort();
    files.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// An INVITE as chan_sip writes it, with credentials, and one as PJSIP does.
pub const ASTERISK: [&str; 2] = [
    "INVITE sip:2125550123@10.0.0.9:5060 SIP/2.0\r\n\
     Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK78ebbf84;rport\r\n\
     Max-Forwards: 70\r\n\
     From: \"Alice\" <sip:2001@10.0.0.5>;tag=as1f618ed5\r\n\
     To: <sip:2125550123@10.0.0.9:5060>\r\n\
     Contact: <sip:2001@10.0.0.5:5060>\r\n\
     Call-ID: 3f2b1c0a5d6e7f8091a2b3c4d5e6f708@10.0.0.5:5060\r\n\
     CSeq: 102 INVITE\r\n\
     User-Agent: Asterisk PBX 16.28.0\r\n\
     Date: Mon, 16 Nov 2026 12:00:00 GMT\r\n\
     Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO, PUBLISH, MESSAGE\r\n\
     Supported: replaces, timer\r\n\
     P-tfps: 2001;10.0.0.5;10.0.0.31;Yealink SIP-T46U 108.86.0.20;1\r\n\
     Authorization: Digest username=\"pbx\", realm=\"trunkguard\", algorithm=MD5, uri=\"sip:2125550123@10.0.0.9:5060\", \
     nonce=\"00000000000000010123456789abcdef01234567\", response=\"0123456789abcdef0123456789abcdef\", qop=auth, \
     cnonce=\"0a4f113b\", nc=00000001\r\n\
     Content-Type: application/sdp\r\n\
     Content-Length: 49\r\n\r\n\
     v=0\r\no=- 1 1 IN IP4 10.0.0.5\r\ns=-\r\nt=0 0\r\nm=a 1 x\r\n",
    "INVITE sip:011442071838750@10.0.0.9:5060 SIP/2.0\r\n\
     Via: SIP/2.0/UDP 10.0.0.5:5060;rport;branch=z9hG4bKPje51c0d97-4c5d-4f60-a1f8-3d0c5e4b7a21\r\n\
     From: \"Alice\" <sip:2001@10.0.0.5>;tag=9a33d179-6b8e-4a55-9d43-0f6f0a2e8c11\r\n\
     To: <sip:011442071838750@10.0.0.9>\r\n\
     Contact: <sip:asterisk@10.0.0.5:5060>\r\n\
     Call-ID: 0c1a9f2e-7a44-4f6e-8f0b-5f3f3d7a9b10\r\n\
     CSeq: 25331 INVITE\r\n\
     Allow: OPTIONS, REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, INVITE, ACK, BYE, CANCEL, UPDATE, PRACK\r\n\
     Supported: 100rel, timer, histinfo\r\n\
     Session-Expires: 1800\r\n\
     Min-SE: 90\r\n\
     P-Asserted-Identity: \"Alice\" <sip:2001@10.0.0.5>\r\n\
     P-tfps: 2001;10.0.0.5;10.0.0.31;Yealink SIP-T46U 108.86.0.20;1\r\n\
     Max-Forwards: 70\r\n\
     User-Agent: Asterisk PBX 22.10.1\r\n\
     Content-Type: application/sdp\r\n\
     Content-Length:    49\r\n\r\n\
     v=0\r\no=- 1 1 IN IP4 10.0.0.5\r\ns=-\r\nt=0 0\r\nm=a 1 x\r\n",
];

/// xorshift64* (Vigna, 2016).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() >> 16) as usize % end.max(1)
    }
}

/// A box whose clients are at 10.0.0.5, 10.0.0.6 and so on.
pub struct Bench {
    policy: std::sync::Arc<Policy>,
    gate: Gate,
    uas: Uas,
    pub now: Now,
    out: Vec<u8>,
    again: Vec<u8>,
}

/// What one message came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Silent,
    Answered(u16),
    Decided(u16),
}

impl Bench {
    /// With this policy.
    pub fn new(toml: &str) -> Self {
        let definition = toml::from_str(toml).expect("the policy is TOML");
        let policy =
            std::sync::Arc::new(Policy::compile(&definition).expect("the policy is sound"));
        Bench {
            gate: Gate::new(policy.clone(), (1, 2)),
            policy,
            uas: Uas::new(Seeds {
                keys: Keys {
                    transaction: (3, 4),
                    tag: (5, 6),
                },
                nonce: [7; 32],
            }),
            now: Now {
                mono_ms: Now::ORIGIN_MS,
                unix_ms: 1_795_000_000_000,
                local: None,
            },
            out: vec![0; 8 * 1024],
            again: vec![0; 8 * 1024],
        }
    }

    /// Handles a message twice, as UDP may bring it, and checks what must hold of any.
    pub fn check(&mut self, client: u16, bytes: &[u8], framing: Framing) -> Outcome {
        let port = if bytes.len().is_multiple_of(2) {
            5060
        } else {
            40_000
        };
        let source = SocketAddr::from(([10, 0, 0, 5 + client as u8], port));
        // More than the limit of refusals would be silence, which is right, and nothing to check.
        self.now.mono_ms += 1_000;
        self.now.unix_ms += 1_000;
        let mut out = std::mem::take(&mut self.out);
        let mut again = std::mem::take(&mut self.again);
        let first = self.handle(client, bytes, source, framing, &mut out);
        let second = self.handle(client, bytes, source, framing, &mut again);
        let outcome = match (&first, &second) {
            (None, None) => Outcome::Silent,
            (Some((len, decided)), Some((len_again, decided_again))) => {
                assert_eq!(
                    out[..*len],
                    again[..*len_again],
                    "the same request, another answer"
                );
                assert!(!decided_again, "decided twice");
                let status = sound::check(bytes, &out[..*len]);
                if *decided {
                    Outcome::Decided(status)
                } else {
                    Outcome::Answered(status)
                }
            }
            _ => panic!("answered once of twice"),
        };
        (self.out, self.again) = (out, again);
        let mut trying = [0; 2048];
        if let Some(len) = Uas::trying(bytes, source, framing, &mut trying) {
            assert!(trying[..len].starts_with(b"SIP/2.0 100 Trying\r\n"));
        }
        outcome
    }

    fn handle(
        &mut self,
        client: u16,
        bytes: &[u8],
        source: SocketAddr,
        framing: Framing,
        out: &mut [u8],
    ) -> Option<(usize, bool)> {
        let handled = self.uas.handle(
            &self.now,
            &mut self.gate,
            client,
            bytes,
            source,
            framing,
            out,
        );
        let (len, to, decided) = match handled {
            Handled::Silent => return None,
            Handled::Answer { len, to } => (len, to, false),
            Handled::Decided {
                len,
                to,
                record,
                ticket,
                ..
            } => {
                assert!(ticket.is_none(), "durability is relaxed");
                assert_eq!(record.client, client);
                (len, to, true)
            }
        };
        assert_eq!(to.ip(), source.ip(), "an answer goes to who asked");
        assert!(to.port() > 0);
        Some((len, decided))
    }

    /// Cuts a stream with pieces of these sizes, handles what comes out of it, and says how much that
    /// was.
    pub fn stream(&mut self, client: u16, bytes: &[u8], size: impl FnMut() -> usize) -> usize {
        let cut = cut(bytes, size);
        let whole = cut_whole(bytes);
        assert_eq!(cut.len(), whole.len(), "wherever the network cuts");
        for ((message, broken), (same, same_broken)) in cut.iter().zip(&whole) {
            assert_eq!(broken, same_broken);
            // How much is there of what can go no further depends on how it came.
            assert!(*broken || message == same, "wherever the network cuts");
            self.check(client, message, Framing::Stream);
        }
        cut.len()
    }

    pub fn clients(&self) -> u16 {
        self.policy.clients().len() as u16
    }

    /// How often the gate has decided.
    pub fn decided(&self) -> u64 {
        self.gate.figures().decided
    }
}

/// A policy for [`Bench`], as TOML.
pub const POLICY: &str = "
settings = {mode = 'prevent', area_code = 212, durability = 'relaxed'}
[[client]]
name = 'redirect'
addresses = ['10.0.0.5']
[[client]]
name = 'failover'
addresses = ['10.0.0.6']
profile = 'freepbx-trunk'
[[client]]
name = 'careful'
addresses = ['10.0.0.7']
credentials = {username = 'pbx', password = 'correct horse'}
";

/// Another one: whatever is dialled is approved, so that it stands in a Contact.
pub const DETECT: &str = "
settings = {mode = 'detect', durability = 'relaxed'}
[[client]]
name = 'redirect'
addresses = ['10.0.0.5']
";

fn cut_whole(bytes: &[u8]) -> Vec<(Vec<u8>, bool)> {
    cut(bytes, || bytes.len())
}

/// The messages of a stream; the last may be what broke it.
fn cut(mut bytes: &[u8], mut size: impl FnMut() -> usize) -> Vec<(Vec<u8>, bool)> {
    let (mut framer, mut messages) = (Framer::new(), Vec::new());
    while !bytes.is_empty() {
        let taken = framer.feed(&bytes[..size().clamp(1, bytes.len())]);
        assert!(taken > 0, "nothing fits and nothing comes out");
        bytes = &bytes[taken..];
        loop {
            match framer.next() {
                Next::More => break,
                Next::Pong => {}
                Next::Message(message) => messages.push((message.to_vec(), false)),
                Next::Broken(message) => {
                    messages.push((message.to_vec(), true));
                    assert_eq!(framer.next(), Next::More);
                    return messages;
                }
            }
        }
    }
    messages
}
