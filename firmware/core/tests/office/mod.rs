//! An office for tests: a policy from TOML, a clock that is moved by hand, calls.
#![allow(dead_code, clippy::unwrap_used)]

use std::{net::IpAddr, sync::Arc};

use trunkguard_core::{
    gate::{Gate, Invite},
    policy::{Definition, Policy, Problem},
    record::Record,
    request::{Request, Said, Tampering},
    time::{Date, Local, Now},
    verdict::Answer,
};

pub struct Office {
    pub gate: Gate,
    pub now: Now,
    next: u128,
}

/// What a test says about a call; the rest is ordinary.
#[derive(Clone, Copy)]
pub struct Dial<'a> {
    pub from: &'a str,
    pub number: &'a str,
    pub phone: Option<&'a str>,
    pub agent: &'a str,
    pub calls: Option<u16>,
    pub tampering: Option<Tampering>,
}

pub fn dial<'a>(from: &'a str, number: &'a str) -> Dial<'a> {
    Dial {
        from,
        number,
        phone: None,
        agent: "",
        calls: None,
        tampering: None,
    }
}

pub fn compile(toml: &str) -> Result<Policy, Vec<Problem>> {
    Policy::compile(&toml::from_str::<Definition>(toml).unwrap())
}

/// A client `pbx` at 10.0.0.5 is added where the text names none.
pub fn office(toml: &str) -> Office {
    let client = if toml.contains("[[client]]") {
        ""
    } else {
        "[[client]]\nname = 'pbx'\naddresses = ['10.0.0.5']\n"
    };
    let settings = if toml.contains("settings") {
        ""
    } else {
        "settings = {mode = 'prevent', area_code = 212}\n"
    };
    let policy = compile(&format!("{settings}{toml}\n{client}"))
        .unwrap_or_else(|problems| panic!("{problems:?}"));
    Office {
        gate: Gate::new(Arc::new(policy), (1, 2)),
        now: monday_noon(),
        next: 1,
    }
}

pub fn monday_noon() -> Now {
    Now {
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
    }
}

impl Office {
    pub fn pass(&mut self, seconds: u64) {
        self.now.mono_ms += seconds * 1_000;
        self.now.unix_ms += seconds as i64 * 1_000;
    }

    pub fn at(&mut self, weekday: u8, minute: u16) {
        let local = self.now.local.as_mut().unwrap();
        (local.weekday, local.minute) = (weekday, minute);
    }

    /// A new call: the answer and the record.
    pub fn call(&mut self, dial: Dial<'_>) -> (Answer, Record) {
        self.next += 1;
        match self.invite(dial, self.next, 1_000_000 + self.next) {
            Invite::Decided {
                answer,
                record,
                ticket,
            } => {
                if let Some(ticket) = ticket {
                    self.gate.settle(ticket, None);
                }
                (answer, record)
            }
            other => panic!("a new call, but {other:?}"),
        }
    }

    pub fn invite(&mut self, dial: Dial<'_>, transaction: u128, merge: u128) -> Invite {
        let request = Request {
            source: "10.0.0.5".parse().unwrap(),
            transaction,
            merge,
            dialled: dial.number.as_bytes(),
            from: dial.from.as_bytes(),
            asserted: None,
            said: Said {
                fields: 5,
                caller: dial.from.as_bytes(),
                address: dial.phone.map(|p| p.parse::<IpAddr>().unwrap()),
                user_agent: dial.agent.as_bytes(),
                calls: dial.calls,
                ..Said::default()
            },
            user_agent: b"Asterisk PBX",
            tampering: dial.tampering,
        };
        let client = self
            .gate
            .policy()
            .client_of(request.source)
            .expect("the PBX is a client");
        self.gate.invite(&self.now, client, &request)
    }

    /// The rule that decides a new call, with `+` in front where it is approved.
    pub fn rule(&mut self, dial: Dial<'_>) -> String {
        let (_, record) = self.call(dial);
        format!(
            "{}{}",
            if record.verdict.approved { "+" } else { "-" },
            record.verdict.rule.name()
        )
    }
}
