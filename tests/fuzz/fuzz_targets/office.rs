//! A server and the gate behind it, for a PBX at 10.0.0.5.

use std::{net::SocketAddr, sync::Arc};

use trunkguard_core::{
    gate::Gate,
    policy::{Definition, Policy},
    time::Now,
};
use trunkguard_sip::{
    keys::Keys,
    read::Framing,
    stream::{Framer, Next},
    uas::{Handled, Seeds, Uas},
};

use crate::sound;

pub struct Office {
    gate: Gate,
    uas: Uas,
    now: Now,
    source: SocketAddr,
    out: Vec<u8>,
}

impl Office {
    /// With these lines in the client's table. Every call is approved, so that answers carry a
    /// Contact.
    pub fn new(client: &str) -> Self {
        let text = format!(
            "settings = {{mode = 'detect', durability = 'relaxed'}}\n\
             [[client]]\nname = 'pbx'\naddresses = ['10.0.0.5']\n{client}"
        );
        let definition: Definition = toml::from_str(&text).expect("the policy is TOML");
        let policy = Policy::compile(&definition).expect("the policy is sound");
        Office {
            gate: Gate::new(Arc::new(policy), (1, 2)),
            uas: Uas::new(Seeds {
                keys: Keys {
                    transaction: (3, 4),
                    tag: (5, 6),
                },
                nonce: [7; 32],
            }),
            now: Now {
                mono_ms: Now::ORIGIN_MS,
                unix_ms: 0,
                local: None,
            },
            source: SocketAddr::from(([10, 0, 0, 5], 5060)),
            out: vec![0; 8 * 1024],
        }
    }

    /// Longer than a transaction lives, so that what one input leaves behind does not change what the
    /// next one meets.
    pub fn pass(&mut self) {
        self.now.mono_ms += 40_000;
        self.uas.due(self.now.mono_ms, |_, _| {
            panic!("an answer that is over leaves")
        });
    }

    /// One datagram, and the same again.
    pub fn datagram(&mut self, bytes: &[u8]) {
        let first = self.handle(bytes, Framing::Datagram);
        let again = self.handle(bytes, Framing::Datagram);
        // What is no call may be refused less often than it comes.
        if sound::is_call(bytes) {
            assert_eq!(first, again, "the same request, the same answer");
        }
        if let Some(answer) = first {
            sound::check(bytes, &answer);
        }
    }

    fn handle(&mut self, bytes: &[u8], framing: Framing) -> Option<Vec<u8>> {
        let handled = self.uas.handle(
            &self.now,
            &mut self.gate,
            0,
            bytes,
            self.source,
            framing,
            &mut self.out,
        );
        let (len, to) = match handled {
            Handled::Silent => return None,
            Handled::Answer { len, to } => (len, to),
            Handled::Decided {
                len,
                to,
                transaction,
                ..
            } => {
                assert!(len > 0, "a decided call has an answer");
                self.uas
                    .sent(self.now.mono_ms, transaction, to, &self.out[..len]);
                (len, to)
            }
        };
        assert_eq!(to.ip(), self.source.ip(), "answers go to who asked");
        Some(self.out[..len].to_vec())
    }

    /// The octets of a connection, whole and in pieces: the same messages come out.
    pub fn stream(&mut self, bytes: &[u8]) {
        let whole = messages(bytes, bytes.len().max(1));
        let step = bytes.first().map_or(1, |b| usize::from(*b) + 1);
        assert_eq!(whole, messages(bytes, step), "wherever the network cuts");
        for message in whole {
            if let Some(answer) = self.handle(&message, Framing::Stream) {
                sound::check(&message, &answer);
            }
        }
    }
}

/// The whole messages of a stream that comes in pieces of this size.
fn messages(bytes: &[u8], step: usize) -> Vec<Vec<u8>> {
    let (mut framer, mut found, mut rest) = (Framer::new(), Vec::new(), bytes);
    while !rest.is_empty() {
        let taken = framer.feed(&rest[..step.min(rest.len())]);
        assert!(taken > 0, "a stream that is neither broken nor goes on");
        rest = &rest[taken..];
        loop {
            match framer.next() {
                Next::More => break,
                Next::Pong => {}
                Next::Message(message) => found.push(message.to_vec()),
                Next::Broken(_) => return found,
            }
        }
    }
    found
}
