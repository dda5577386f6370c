use serde::Serialize;
use serde_json::{Value, json};
use trunkguard_page::{
    Answer, Problem, alerts,
    api::{
        Access, Calls, Explain, Fault, Figures, Form, NewToken, Place, Question, Record, Source,
        Stored, Token,
    },
};
use trunkguard_store::{
    file::{self, FileError},
    history::{Cursor, Filter},
    policy_store::StoreError,
};

use super::{Office, figures, refused, tokens, unkept, updates::ordered};
use crate::{
    control::{Ask, Decision, ExplainAsk},
    health::Status,
    operations::{self, NotRunning, NotThere},
    policy, suggest,
    trace::{Order, Recorded},
    updates,
};

/// Calls on a page unless said.
const PAGE: u32 = 50;

impl Source for Office {
    fn answer(&self, question: &Question) -> Result<Value, Fault> {
        self.said(question).map_err(fault)
    }

    fn policy(&self, form: Form, access: Access) -> Result<Stored, Fault> {
        let definition = policy::definition(self.state()).map_err(fault)?;
        let text = match (form, access) {
            (Form::Toml, Access::Write) => Ok(file::render(&definition)),
            (Form::Toml, Access::Read) => Ok(file::blanked(&definition)),
            (Form::Json, Access::Write) => serde_json::to_string_pretty(&definition),
            (Form::Json, Access::Read) => {
                serde_json::to_string_pretty(&file::blanked_table(&definition))
            }
        };
        let text = text.map_err(|problem| fault(problem.into()))?;
        Ok(Stored {
            mark: operations::mark(&definition),
            text,
        })
    }

    fn set_policy(
        &self,
        text: &str,
        form: Form,
        expected: Option<&str>,
    ) -> Result<(String, String), Fault> {
        let set = || -> anyhow::Result<(String, String)> {
            let definition = match form {
                Form::Toml => policy::read_sent(text)?,
                Form::Json => policy::read_sent_json(text)?,
            };
            let force = operations::replace_policy(self.state(), &definition, expected)?;
            let stored = policy::definition(self.state())?;
            Ok((operations::mark(&stored), force.words().to_owned()))
        };
        set().map_err(fault)
    }

    fn figures(&self) -> Answer<Figures> {
        Ok(figures::of(self.ask(&Ask::Figures)?))
    }

    fn use_token(&self, hash: &[u8; 32]) -> Answer<Option<(String, Access)>> {
        let found = self.kept().use_token(hash).map_err(unkept)?;
        Ok(found.map(|token| (token.name, tokens::access(&token.role))))
    }

    fn tokens(&self) -> Answer<Vec<Token>> {
        let zone = self.zone()?;
        let stored = self.kept().tokens().map_err(unkept)?;
        Ok(stored
            .into_iter()
            .map(|token| tokens::listed(token, &zone))
            .collect())
    }

    fn add_token(&self, token: &NewToken) -> Answer<String> {
        let zone = self.zone()?;
        tokens::add(&mut self.kept(), token, &zone).map_err(|problem| refused(&problem))
    }

    fn remove_token(&self, name: &str) -> Answer<()> {
        self.kept().remove_token(name).map_err(unkept)
    }
}

impl Office {
    fn said(&self, question: &Question) -> anyhow::Result<Value> {
        let state = self.state();
        let view = || operations::view(state);
        let decided = |decision| {
            let said = operations::decide(state, decision)?;
            Ok(json!({ "said": said }))
        };
        match question.clone() {
            Question::Status => value(&operations::ask::<Status>(state, &Ask::Status)?),
            Question::Calls(asked) => self.calls(asked),
            Question::Explain(asked) => {
                value(&operations::explain(state, &self.explain_ask(asked)?)?)
            }
            Question::Mode => Ok(json!({ "mode": policy::definition(state)?.settings.mode })),
            Question::SetMode(mode) => {
                let force = policy::set_mode(state, mode)?;
                Ok(json!({ "said": force.words() }))
            }
            Question::Alerts { all } => value(&operations::incidents(&self.history()?, !all)?),
            Question::Acknowledge { incident } => {
                operations::acknowledge(state, incident)?;
                Ok(json!({ "said": "acknowledged" }))
            }
            Question::TestAlerts { channel } => {
                let outcomes = alerts::Source::test(self, channel.as_deref())?;
                Ok(operations::tested_json(outcomes))
            }
            Question::Outbox => value(&operations::outbox(state)?),
            Question::Pops => value(&view()?.pops),
            Question::AddPop(subject) => decided(Decision::AddPop(subject)),
            Question::ApprovePop(address) => decided(Decision::ApprovePop(address)),
            Question::RefusePop(address) => decided(Decision::RefusePop(address)),
            Question::ForgetPop(subject) => decided(Decision::ForgetPop(subject)),
            Question::RefreshPops => decided(Decision::RefreshPops),
            Question::Bans => value(&view()?.bans),
            Question::Ban(ban) => decided(Decision::Ban {
                address: ban.address,
                service: ban.from,
                seconds: ban.seconds,
                reason: ban.reason,
            }),
            Question::Unban { address, from } => {
                let is_meant = |ban: &trunkguard_core::bans::Banned| {
                    ban.address == address && from.is_none_or(|service| ban.service == service)
                };
                anyhow::ensure!(
                    view()?.bans.iter().any(is_meant),
                    NotThere("there is no such ban; /api/v1/bans lists those in force")
                );
                decided(Decision::Unban {
                    address,
                    service: from,
                })
            }
            Question::Ruleset => Ok(Value::String(operations::ruleset(state)?)),
            Question::Firewall => Ok(operations::report_json(&view()?)),
            Question::Suggest { days } => {
                Ok(operations::suggestion_json(&suggest::suggest(state, days)?))
            }
            Question::Doctor => {
                let (findings, facts) = operations::doctor(state, None);
                Ok(operations::doctor_json(&findings, &facts))
            }
            Question::Trace(record) => {
                let order = match record {
                    Record::Show => Order::Show,
                    Record::Start => Order::Start,
                    Record::Stop => Order::Stop,
                };
                value(&operations::ask::<Recorded>(state, &Ask::Trace(order))?)
            }
            Question::Update(order) => {
                let order = order.map(ordered);
                value(&operations::ask::<updates::View>(
                    state,
                    &Ask::Updates { order },
                )?)
            }
        }
    }

    fn calls(&self, asked: Calls) -> anyhow::Result<Value> {
        let after = (asked.after.as_deref())
            .map(|after| {
                after.parse::<Cursor>().map_err(|problem| {
                    anyhow::anyhow!("after: {problem}; take it from `next` of the page before")
                })
            })
            .transpose()?;
        let filter = Filter {
            client: asked.client,
            caller: asked.from,
            number: asked.number,
            rule: asked.rule.as_deref().map(operations::rule).transpose()?,
            approved: asked.approved,
            limit: asked.limit.unwrap_or(PAGE).clamp(1, 1_000),
            ..Filter::default()
        };
        let found = self.history()?.page(&filter, after.as_ref())?;
        let next = found.next.map(|next| next.to_string());
        Ok(json!({ "calls": found.calls, "next": next }))
    }

    fn explain_ask(&self, asked: Explain) -> anyhow::Result<ExplainAsk> {
        let at = asked.at.as_deref();
        Ok(ExplainAsk {
            client: asked.client,
            from: asked.from,
            number: asked.number,
            at_ms: at
                .map(|at| operations::instant(self.state(), at))
                .transpose()?,
            phone: asked.phone,
            calls: asked.calls,
        })
    }
}

fn value(answer: &impl Serialize) -> anyhow::Result<Value> {
    Ok(serde_json::to_value(answer)?)
}

/// What an operation says, as a status for programs.
fn fault(problem: anyhow::Error) -> Fault {
    if let Some(at) = problem.downcast_ref::<FileError>() {
        let place = Place {
            key: at.key.clone(),
            line: at.line,
            column: at.column,
        };
        return Fault {
            place,
            ..Fault::refused(at.message.clone())
        };
    }
    if let Some(problem) = problem.downcast_ref::<Problem>() {
        return problem.clone().into();
    }
    let said = format!("{problem:#}");
    if problem.is::<NotRunning>() {
        return Problem::Unavailable(
            "the daemon does not run at the moment; it is started again by itself, ask again in a moment".into(),
        )
        .into();
    }
    if problem.is::<NotThere>() {
        return Fault {
            said,
            ..Problem::NotFound.into()
        };
    }
    match problem.downcast_ref::<StoreError>() {
        Some(StoreError::Changed) => Fault::changed(said),
        Some(StoreError::Disk(_) | StoreError::Damaged(..)) => Problem::Unavailable(said).into(),
        Some(StoreError::Invalid(_)) | None => Fault::refused(said),
    }
}
