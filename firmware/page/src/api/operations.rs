//! The operations: one line each in the router, and the same in `openapi.json`.

use std::net::IpAddr;

use axum::{
    Json, Router,
    extract::{FromRequest, FromRequestParts, Path, Request, rejection::PathRejection},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
    routing::{MethodRouter, any, delete, get, post, put},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use trunkguard_core::{bans::Service, policy::Mode, pops::owner::Subject};

use super::{
    Ban, Calls, Explain, Fault, Question, Record, document, pbx_config, policy,
    token::{Reader, Writer},
    update,
};
use crate::{shell::Shell, updates::Order};

/// Its addresses; each is in `openapi.json`, too.
pub fn routes() -> Router<Shell> {
    let ask =
        |question: Question| get(async move |Reader(asker): Reader| asker.ask(question).await);
    Router::new()
        .route("/api/v1/status", ask(Question::Status))
        .route("/api/v1/calls", get(calls))
        .route("/api/v1/explain", get(explain))
        .route("/api/v1/mode", ask(Question::Mode).put(set_mode))
        .route("/api/v1/policy", policy::methods())
        .route("/api/v1/alerts", get(alerts))
        .route("/api/v1/alerts/acknowledge", post(acknowledge))
        .route(
            "/api/v1/alerts/{incident}/acknowledge",
            post(acknowledge_one),
        )
        .route("/api/v1/alerts/outbox", ask(Question::Outbox))
        .route("/api/v1/alerts/test", post(test_alerts))
        .route("/api/v1/pops", ask(Question::Pops))
        .route("/api/v1/pops/add", post(add_pop))
        .route("/api/v1/pops/approve", post(approve_pop))
        .route("/api/v1/pops/refuse", post(refuse_pop))
        .route("/api/v1/pops/forget", post(forget_pop))
        .route("/api/v1/pops/refresh", post(refresh_pops))
        .route("/api/v1/bans", ask(Question::Bans).post(ban))
        .route("/api/v1/bans/{address}", delete(unban))
        .route("/api/v1/ruleset", ask(Question::Ruleset))
        .route("/api/v1/firewall", ask(Question::Firewall))
        .route("/api/v1/suggest", get(suggest))
        .route("/api/v1/doctor", ask(Question::Doctor))
        .route("/api/v1/trace", get(trace))
        .route("/api/v1/trace/start", post(start_trace))
        .route("/api/v1/trace/stop", post(stop_trace))
        .route("/api/v1/pbx-config", get(pbx_config::setup))
        .route("/api/v1/update", ask(Question::Update(None)))
        .route("/api/v1/update/check", renew(Order::Check, "check"))
        .route("/api/v1/update/install", renew(Order::Install, "install"))
        .route("/api/v1/update/discard", renew(Order::Discard, "discard"))
        .route(
            "/api/v1/update/rollback",
            renew(Order::Rollback, "rollback"),
        )
        .route("/api/v1/update/postpone", post(postpone))
        .route("/api/v1/update/bundle", put(update::receive))
        .route("/api/v1/openapi.json", get(document::file))
        .route("/api/v1/{*nothing}", any(nothing))
        .method_not_allowed_fallback(async || {
            Fault::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "this cannot be done here; the header Allow says what can",
            )
        })
}

fn renew(order: Order, detail: &'static str) -> MethodRouter<Shell> {
    post(async move |Writer(asker): Writer| {
        asker
            .change(Question::Update(Some(order)), "update", detail.into())
            .await
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PostponeBody {
    days: u8,
}

async fn postpone(
    Writer(asker): Writer,
    Body(PostponeBody { days }): Body<PostponeBody>,
) -> Result<Response, Fault> {
    if days > 30 {
        return Err(Fault::refused("days is out of bounds; write 0 to 30"));
    }
    let wanted = Question::Update(Some(Order::Postpone(days)));
    asker
        .change(wanted, "update", format!("postpone {days} d"))
        .await
}

async fn nothing() -> Fault {
    Fault::new(
        StatusCode::NOT_FOUND,
        "there is nothing at this address; /api/v1/openapi.json lists what there is",
    )
}

/// An answer of the box: JSON, or a text.
pub fn said(answer: Value) -> Response {
    match answer {
        Value::String(text) => text.into_response(),
        answer => Json(answer).into_response(),
    }
}

async fn calls(Reader(asker): Reader, Params(calls): Params<Calls>) -> Result<Response, Fault> {
    if !(1..=1_000).contains(&calls.limit.unwrap_or(50)) {
        return Err(Fault::refused("limit is out of bounds; write 1 to 1000"));
    }
    asker.ask(Question::Calls(calls)).await
}

async fn explain(Reader(asker): Reader, Params(call): Params<Explain>) -> Result<Response, Fault> {
    asker.ask(Question::Explain(call)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModeBody {
    mode: Mode,
}

async fn set_mode(Writer(asker): Writer, Body(body): Body<ModeBody>) -> Result<Response, Fault> {
    let detail = format!("{:?}", body.mode).to_lowercase();
    asker
        .change(Question::SetMode(body.mode), "mode", detail)
        .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AlertsAsked {
    #[serde(default)]
    all: bool,
}

async fn alerts(
    Reader(asker): Reader,
    Params(asked): Params<AlertsAsked>,
) -> Result<Response, Fault> {
    asker.ask(Question::Alerts { all: asked.all }).await
}

async fn acknowledge(Writer(asker): Writer) -> Result<Response, Fault> {
    let all = Question::Acknowledge { incident: None };
    asker
        .change(all, "alerts-acknowledged", String::new())
        .await
}

async fn acknowledge_one(
    Writer(asker): Writer,
    incident: Result<Path<String>, PathRejection>,
) -> Result<Response, Fault> {
    let wrong = || Fault::refused("this is no incident's number; take `id` of /api/v1/alerts");
    let Path(incident) = incident.map_err(|_| wrong())?;
    let incident: i64 = incident.parse().map_err(|_| wrong())?;
    let one = Question::Acknowledge {
        incident: Some(incident),
    };
    asker
        .change(one, "alerts-acknowledged", incident.to_string())
        .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestAsked {
    channel: Option<String>,
}

async fn test_alerts(
    Writer(asker): Writer,
    Params(TestAsked { channel }): Params<TestAsked>,
) -> Result<Response, Fault> {
    let detail = channel.clone().unwrap_or_default();
    asker
        .change(Question::TestAlerts { channel }, "alerts-tested", detail)
        .await
}

/// What phones say is for who may change things, as on the page.
async fn trace(Writer(asker): Writer) -> Result<Response, Fault> {
    asker.ask(Question::Trace(Record::Show)).await
}

async fn start_trace(Writer(asker): Writer) -> Result<Response, Fault> {
    asker
        .change(Question::Trace(Record::Start), "record-sip", "start".into())
        .await
}

async fn stop_trace(Writer(asker): Writer) -> Result<Response, Fault> {
    asker
        .change(Question::Trace(Record::Stop), "record-sip", "stop".into())
        .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubjectBody {
    subject: String,
}

impl SubjectBody {
    fn subject(&self) -> Result<Subject, Fault> {
        Subject::parse(&self.subject).map_err(Fault::refused)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddressBody {
    address: IpAddr,
}

async fn add_pop(Writer(asker): Writer, Body(body): Body<SubjectBody>) -> Result<Response, Fault> {
    asker
        .change(Question::AddPop(body.subject()?), "pop-add", body.subject)
        .await
}

async fn forget_pop(
    Writer(asker): Writer,
    Body(body): Body<SubjectBody>,
) -> Result<Response, Fault> {
    asker
        .change(
            Question::ForgetPop(body.subject()?),
            "pop-forget",
            body.subject,
        )
        .await
}

async fn approve_pop(
    Writer(asker): Writer,
    Body(AddressBody { address }): Body<AddressBody>,
) -> Result<Response, Fault> {
    asker
        .change(
            Question::ApprovePop(address),
            "pop-approve",
            address.to_string(),
        )
        .await
}

async fn refuse_pop(
    Writer(asker): Writer,
    Body(AddressBody { address }): Body<AddressBody>,
) -> Result<Response, Fault> {
    asker
        .change(
            Question::RefusePop(address),
            "pop-refuse",
            address.to_string(),
        )
        .await
}

async fn refresh_pops(Writer(asker): Writer) -> Result<Response, Fault> {
    asker
        .change(Question::RefreshPops, "pops-refresh", String::new())
        .await
}

async fn ban(Writer(asker): Writer, Body(ban): Body<Ban>) -> Result<Response, Fault> {
    if !(60..=2_592_000).contains(&ban.seconds) {
        return Err(Fault::refused(
            "seconds is out of bounds; write 60 to 2592000 (30 days)",
        ));
    }
    let detail = format!("{} from {} for {} s", ban.address, ban.from, ban.seconds);
    asker.change(Question::Ban(ban), "ban", detail).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnbanAsked {
    from: Option<Service>,
}

async fn unban(
    Writer(asker): Writer,
    address: Result<Path<String>, PathRejection>,
    Params(asked): Params<UnbanAsked>,
) -> Result<Response, Fault> {
    let wrong = || Fault::refused("this is no address; write it such as 203.0.113.7");
    let Path(address) = address.map_err(|_| wrong())?;
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let from = asked.from;
    asker
        .change(
            Question::Unban { address, from },
            "unban",
            address.to_string(),
        )
        .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SuggestAsked {
    days: Option<u16>,
}

async fn suggest(
    Reader(asker): Reader,
    Params(asked): Params<SuggestAsked>,
) -> Result<Response, Fault> {
    let days = asked.days.unwrap_or(30);
    if !(1..=3_650).contains(&days) {
        return Err(Fault::refused("days is out of bounds; write 1 to 3650"));
    }
    asker.ask(Question::Suggest { days }).await
}

/// What stands after the `?`.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Shell> for Params<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &Shell) -> Result<Params<T>, Fault> {
        serde_html_form::from_str(parts.uri.query().unwrap_or_default())
            .map(Params)
            .map_err(|problem| {
                Fault::refused(format!(
                    "the query cannot be read: {problem}; /api/v1/openapi.json says what it takes"
                ))
            })
    }
}

/// What is sent: JSON, of a type that says so.
struct Body<T>(T);

impl<T: DeserializeOwned> FromRequest<Shell> for Body<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, shell: &Shell) -> Result<Body<T>, Fault> {
        let Json(body) = Json::from_request(request, shell)
            .await
            .map_err(|problem| {
                Fault::new(
                    problem.status(),
                    format!(
                        "{}; /api/v1/openapi.json says what is taken",
                        problem.body_text()
                    ),
                )
            })?;
        Ok(Body(body))
    }
}
