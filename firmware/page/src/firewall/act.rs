//! What an owner decides.

use std::net::IpAddr;

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use trunkguard_core::{bans::Service, pops::owner::Subject, unseen::is_unseen};

use super::Decision;
use crate::{
    Answer, Problem,
    accounts::Deed,
    shell::{Form, Shell, Visitor},
};

/// A decision on a PoP.
#[derive(serde::Deserialize)]
pub struct PopFields {
    act: String,
    #[serde(default)]
    subject: String,
}

/// `POST /firewall/pop`
pub async fn pop(
    State(shell): State<Shell>,
    Form { owner, fields }: Form<PopFields>,
) -> Answer<Response> {
    let text = fields.subject.trim();
    let decision = match fields.act.as_str() {
        "add" => Decision::Add(subject(text)?),
        "approve" => Decision::Approve(address(text)?),
        "refuse" => Decision::Refuse(address(text)?),
        "forget" => Decision::Forget(subject(text)?),
        "refresh" => Decision::Refresh,
        _ => return Err(Problem::Refused("this is not one of the choices".into())),
    };
    let detail = format!("{} {text}", fields.act);
    decide(&shell, &owner, decision, "pop", detail).await?;
    Ok(Redirect::to("/firewall/pops?said=done").into_response())
}

/// A ban by hand.
#[derive(serde::Deserialize)]
pub struct BanFields {
    address: String,
    service: String,
    hours: u32,
    #[serde(default)]
    reason: String,
}

/// `POST /firewall/ban`
pub async fn ban(
    State(shell): State<Shell>,
    Form { owner, fields }: Form<BanFields>,
) -> Answer<Response> {
    let address = address(fields.address.trim())?;
    if address == owner.ends.peer {
        return Err(Problem::Refused(
            "this is the address that you use the page from".into(),
        ));
    }
    let services = Service::ALL.into_iter();
    let service = services
        .rev()
        .find(|service| service.name() == fields.service)
        .ok_or_else(|| Problem::Refused("this is not one of the choices".into()))?;
    let decision = Decision::Ban {
        address,
        service,
        seconds: fields.hours.saturating_mul(3_600),
        reason: fields
            .reason
            .chars()
            .filter(|c| !is_unseen(*c))
            .take(100)
            .collect(),
    };
    let detail = format!("{address} from {service} for {} h", fields.hours);
    decide(&shell, &owner, decision, "ban", detail).await?;
    Ok(Redirect::to("/firewall?said=banned#bans").into_response())
}

/// Whose bans are lifted.
#[derive(serde::Deserialize)]
pub struct UnbanFields {
    address: String,
}

/// `POST /firewall/unban`
pub async fn unban(
    State(shell): State<Shell>,
    Form { owner, fields }: Form<UnbanFields>,
) -> Answer<Response> {
    let address = address(fields.address.trim())?;
    decide(
        &shell,
        &owner,
        Decision::Unban(address),
        "unban",
        address.to_string(),
    )
    .await?;
    Ok(Redirect::to("/firewall?said=unbanned#bans").into_response())
}

async fn decide(
    shell: &Shell,
    owner: &Visitor,
    decision: Decision,
    what: &'static str,
    detail: String,
) -> Answer<()> {
    let (by, from) = (owner.session.name.clone(), owner.ends.peer);
    shell
        .ask(move |parts| {
            parts.firewall.decide(decision, &by)?;
            parts.accounts.note(&Deed {
                who: by,
                from,
                what: what.into(),
                detail,
            })
        })
        .await
}

fn subject(text: &str) -> Answer<Subject> {
    Subject::parse(text).map_err(Problem::Refused)
}

fn address(text: &str) -> Answer<IpAddr> {
    text.parse().map_err(|_| {
        Problem::Refused(format!(
            "`{}` is not an address; write it such as 203.0.113.7",
            text.escape_debug().take(64).collect::<String>()
        ))
    })
}
