//! The gate: one INVITE in, one answer out, decided once per transaction and counted once.

use alloc::{boxed::Box, sync::Arc};
use core::net::IpAddr;

use crate::{
    counters::{Agent, ClientId, Counted, Counters, Spelling, Tried},
    decide::{self, Call, Decided, NoTrace, Trace},
    number::{self, Dialled, Home, NotANumber},
    policy::{Client, CountryCode, Durability, Policy, Profile},
    record::{self, Record},
    request::Request,
    time::Now,
    transaction::{Known, Ticket, Transactions},
    verdict::{Answer, Rule, Verdict},
};

/// Policy, figures and transactions. One owner; the shells hand it everything.
pub struct Gate {
    policy: Arc<Policy>,
    /// The policy's clients as the counters know them.
    clients: Box<[ClientId]>,
    counters: Counters,
    transactions: Transactions,
    figures: Figures,
}

/// What the gate has done since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Calls decided.
    pub decided: u64,
    /// Of those, approved.
    pub approved: u64,
    /// Approved in Detect though the policy was against them.
    pub would_deny: u64,
    /// Requests that came again and got their answer again.
    pub repeated: u64,
}

/// What to do about an INVITE.
// Used at once; boxing the record would allocate on the path of every call.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
pub enum Invite {
    /// Decided now. The record goes to the journal; with a ticket, the answer waits until the
    /// journal says that the record is on disk.
    Decided {
        /// What goes back.
        answer: Answer,
        /// What the journal keeps.
        record: Record,
        /// The answer waits for [`Gate::settle`].
        ticket: Option<Ticket>,
    },
    /// Answered before: the same answer again.
    Again(Answer),
    /// Decided, and its answer waits for the disk: nothing goes back now.
    Waiting,
    /// The same call by another way: 482, or what refuses a call for this client.
    Merged(Answer),
}

impl Gate {
    /// A gate with this policy. `key` makes the tables' places unpredictable; the shell draws it.
    pub fn new(policy: Arc<Policy>, key: (u64, u64)) -> Self {
        let counters = Counters::new(key);
        Gate {
            clients: ids(&policy, &counters),
            policy,
            counters,
            transactions: Transactions::default(),
            figures: Figures::default(),
        }
    }

    /// The policy in force.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Puts another policy in force, from the next request on. Figures and transactions stay.
    pub fn replace_policy(&mut self, policy: Arc<Policy>) -> Arc<Policy> {
        self.clients = ids(&policy, &self.counters);
        core::mem::replace(&mut self.policy, policy)
    }

    /// The figures that limits are held against.
    pub fn counters_mut(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// What has been done since the start.
    pub fn figures(&self) -> Figures {
        self.figures
    }

    /// The table of transactions.
    pub fn transactions(&self) -> &Transactions {
        &self.transactions
    }

    /// Decides an INVITE of a client, once.
    pub fn invite(&mut self, now: &Now, client: u16, request: &Request<'_>) -> Invite {
        self.transactions.expire(now.mono_ms);
        match self.transactions.find(request.transaction, request.merge) {
            Known::Answered(answer) => {
                self.figures.repeated += 1;
                return Invite::Again(answer);
            }
            Known::Pending => return Invite::Waiting,
            Known::Merged => {
                return Invite::Merged(not_a_verdict(&self.policy.clients()[client as usize], 482));
            }
            Known::New => {}
        }
        let policy = self.policy.clone();
        let prepared = Prepared::new(
            &policy,
            &self.counters,
            self.clients[client as usize],
            client,
            request,
        );
        let settings = &policy.settings;
        let Decided { verdict, first } = decide::decide(
            settings.mode,
            prepared.assumed_ms,
            &self.counters,
            now,
            &prepared.call,
            &mut NoTrace,
        );
        self.count(now, &prepared, &verdict);
        let answer = answer_of(prepared.call.client, &verdict);
        let waits = verdict.chargeable && settings.durability == Durability::Strict;
        let ticket = self.transactions.insert(
            now.mono_ms,
            request.transaction,
            request.merge,
            answer,
            waits,
        );
        let record = record_of(now, client, settings.mode, prepared, verdict, first);
        Invite::Decided {
            answer,
            record,
            ticket: waits.then_some(ticket),
        }
    }

    /// The verdict that a call would get now, and its path; nothing is counted.
    pub fn explain(
        &self,
        now: &Now,
        client: u16,
        request: &Request<'_>,
        trace: &mut impl Trace,
    ) -> (Decided, Result<Dialled, NotANumber>) {
        let prepared = Prepared::new(
            &self.policy,
            &self.counters,
            self.clients[client as usize],
            client,
            request,
        );
        let mode = self.policy.settings.mode;
        let decided = decide::decide(
            mode,
            prepared.assumed_ms,
            &self.counters,
            now,
            &prepared.call,
            trace,
        );
        (decided, prepared.call.dialled)
    }

    /// Is this an emergency number for the client? Asked before anything that could stand in its way.
    pub fn is_emergency(&self, client: u16, dialled: &[u8]) -> bool {
        let client = &self.policy.clients()[client as usize];
        number::read(dialled, client.number_format, &home(&self.policy, client))
            == Ok(Dialled::Emergency)
    }

    fn count(&mut self, now: &Now, prepared: &Prepared<'_>, verdict: &Verdict) {
        self.figures.decided += 1;
        self.figures.approved += u64::from(verdict.approved);
        self.figures.would_deny += u64::from(verdict.approved && !verdict.allowed);
        if verdict.rule == Rule::Emergency {
            return;
        }
        let tried = Tried {
            who: prepared.call.who,
            at_ms: now.mono_ms,
            number: prepared.call.number,
            approved: verdict.approved,
        };
        let counted = verdict.chargeable.then(|| prepared.counted(now.mono_ms));
        self.counters.tried(&tried, counted.as_ref());
    }

    /// The record behind a ticket is on disk (`None`), or could not be stored and another answer
    /// leaves. Answers with what leaves; `None` when the transaction is gone.
    pub fn settle(&mut self, ticket: Ticket, instead: Option<Answer>) -> Option<Answer> {
        self.transactions.settle(ticket, instead)
    }

    /// Is there an INVITE with this key? (For CANCEL, RFC 3261 9.2.)
    pub fn knows(&self, transaction: u128) -> bool {
        self.transactions.contains(transaction)
    }
}

fn ids(policy: &Policy, counters: &Counters) -> Box<[ClientId]> {
    policy
        .clients()
        .iter()
        .map(|client| counters.client(client.name.as_str()))
        .collect()
}

fn home<'a>(policy: &'a Policy, client: &'a Client) -> Home<'a> {
    Home {
        country: policy.settings.country,
        area_code: policy.settings.area_code,
        outside_prefix: client.outside_prefix.as_bytes(),
        emergency: &policy.settings.emergency,
    }
}

/// A request with everything looked up that the rules ask for.
struct Prepared<'a> {
    call: Call<'a>,
    caller: &'a [u8],
    agent: Agent,
    assumed_ms: u64,
}

impl<'a> Prepared<'a> {
    fn new(
        policy: &'a Policy,
        counters: &Counters,
        id: ClientId,
        index: u16,
        request: &'a Request<'a>,
    ) -> Self {
        let client = &policy.clients()[index as usize];
        let caller = caller_of(request);
        let who = counters.who(id, caller);
        let agent = record::text(request.said.user_agent);
        let dialled = number::read(request.dialled, client.number_format, &home(policy, client));
        let country = match &dialled {
            Ok(Dialled::Number(number)) => number.country,
            _ => None,
        };
        Prepared {
            call: Call {
                who,
                client,
                view: policy.view(index, caller),
                request,
                dialled,
                number: Spelling::of(request.dialled),
                country: country.map(|country| counters.country(who, country)),
                phone: (request.said.address).map(|address| counters.phone(who, address, &agent)),
            },
            caller,
            agent,
            assumed_ms: u64::from(policy.settings.assumed_call_minutes) * 60_000,
        }
    }

    fn counted(&self, at_ms: u64) -> Counted {
        Counted {
            who: self.call.who,
            at_ms,
            abroad: decide::is_abroad(&self.call.dialled),
            open_ms: self.assumed_ms,
            country: self.call.country,
            phone: self.call.phone,
        }
    }
}

/// The extension: what the PBX says in P-tfps, else P-Asserted-Identity, else From. All three are
/// only as good as the PBX, which was told apart by its address.
fn caller_of<'a>(request: &Request<'a>) -> &'a [u8] {
    let named = [
        request.said.caller,
        request.asserted.unwrap_or_default(),
        request.from,
    ];
    let caller = named
        .into_iter()
        .find(|name| !name.is_empty())
        .unwrap_or_default();
    &caller[..caller.len().min(32)]
}

/// What a verdict is on the wire for this client.
fn answer_of(client: &Client, verdict: &Verdict) -> Answer {
    let redirects = matches!(
        client.profile,
        Profile::Redirect | Profile::Freeswitch | Profile::TfpsCodes
    );
    match (verdict.approved, client.profile) {
        (true, _) if redirects => Answer::Redirect(client.prefix.bytes()),
        (true, _) => Answer::Status(503),
        (false, _) if verdict.rule == Rule::Loop => not_a_verdict(client, 482),
        (false, Profile::TfpsCodes) => Answer::ReasonOnly(reason_code(verdict.rule)),
        (false, _) => Answer::Status(deny_status(client)),
    }
}

fn reason_code(rule: Rule) -> [u8; 3] {
    let code = rule.tfps_code().as_bytes();
    [code[0], code[1], code[2]]
}

/// The status that refuses a call of this client.
pub fn deny_status(client: &Client) -> u16 {
    client.deny_code.map_or(
        if client.profile == Profile::FreepbxTrunk {
            486
        } else {
            603
        },
        |code| code.status(),
    )
}

/// What refuses an INVITE for a reason of protocol. Where 503 approves, a PBX takes most other codes
/// for "try the next trunk", so that a request made unreadable on purpose would go out unseen: such a
/// client gets its refusal instead (docs/decisions/deny-code.md).
pub fn not_a_verdict(client: &Client, status: u16) -> Answer {
    match client.profile {
        Profile::Failover | Profile::FreepbxTrunk => Answer::Status(deny_status(client)),
        _ => Answer::Status(status),
    }
}

fn record_of(
    now: &Now,
    client: u16,
    mode: crate::policy::Mode,
    prepared: Prepared<'_>,
    verdict: Verdict,
    first: Option<Rule>,
) -> Record {
    let Call {
        request, dialled, ..
    } = &prepared.call;
    let number = match dialled {
        Ok(Dialled::Number(number)) => Some(number),
        _ => None,
    };
    Record {
        unix_ms: now.unix_ms,
        client,
        caller: record::text(prepared.caller),
        dialled: record::text(request.dialled),
        digits: number.map(|n| n.digits),
        country: number.and_then(|n| n.country),
        kind: number.map(|n| n.kind),
        mode,
        verdict,
        first,
        said_calls: request.said.calls,
        phone: request.said.address,
        phone_agent: prepared.agent,
        said_fields: request.said.fields,
    }
}

/// One call of the past, read back from the journal.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// Milliseconds since 1970.
    pub unix_ms: i64,
    /// Name of the client at the time.
    pub client: &'a str,
    /// The extension.
    pub caller: &'a [u8],
    /// As it was dialled.
    pub dialled: &'a [u8],
    /// Left home.
    pub abroad: bool,
}

impl<'a> Past<'a> {
    /// An approved call as the journal kept it.
    pub fn of(client: &'a str, record: &'a Record) -> Self {
        Past {
            unix_ms: record.unix_ms,
            client,
            caller: record.caller.as_bytes(),
            dialled: record.dialled.as_bytes(),
            abroad: record.kind.is_none_or(decide::kind_is_abroad),
        }
    }
}

/// What is known from before a restart.
impl Gate {
    /// Counts a call that was approved before a restart. A call from the future (the clock was
    /// wrong) counts as one of now: never forgotten too early.
    pub fn remember(&mut self, now: &Now, past: &Past<'_>) {
        let ago = u64::try_from(now.unix_ms.saturating_sub(past.unix_ms)).unwrap_or(0);
        if ago >= Now::ORIGIN_MS {
            return;
        }
        let at_ms = now.mono_ms.saturating_sub(ago);
        let who = self
            .counters
            .who(self.counters.client(past.client), past.caller);
        let tried = Tried {
            who,
            at_ms,
            number: Spelling::of(past.dialled),
            approved: true,
        };
        let counted = Counted {
            who,
            at_ms,
            abroad: past.abroad,
            open_ms: u64::from(self.policy.settings.assumed_call_minutes) * 60_000,
            country: None,
            phone: None,
        };
        self.counters.tried(&tried, Some(&counted));
    }

    /// This client has called this country before.
    pub fn knows_country(&mut self, client: &str, country: CountryCode) {
        let who = self.counters.who(self.counters.client(client), b"");
        self.counters
            .learn_country(self.counters.country(who, country));
    }

    /// This caller has called from this phone before.
    pub fn knows_phone(&mut self, client: &str, caller: &[u8], address: IpAddr, agent: &[u8]) {
        let who = self.counters.who(self.counters.client(client), caller);
        let phone = self.counters.phone(who, address, &record::text(agent));
        self.counters.learn_phone(phone);
    }
}
