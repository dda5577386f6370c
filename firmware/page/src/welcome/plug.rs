//! How the box is plugged in: what its ports allow.

use askama::Template;
use axum::{extract::State, response::Response};
use serde::Deserialize;
use trunkguard_core::policy::{Definition, HostAddress, Topology};

use super::{Stage, Step, change, on, stages_at};
use crate::{
    Answer, Problem,
    shell::{Form, Frame, Owner, Section, Shell},
    texts,
};

#[derive(Template)]
#[template(path = "welcome/plug.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Welcome,
    stages: Vec<Stage>,
    choices: Vec<Choice>,
    why: String,
    two: bool,
    inside: String,
}

struct Choice {
    word: &'static str,
    title: &'static str,
    about: &'static str,
    chosen: bool,
    possible: bool,
}

pub async fn page(State(shell): State<Shell>, Owner(visitor): Owner) -> Answer<Response> {
    let t = texts::Welcome::of(visitor.look.lang);
    let stages = stages_at(&shell, &visitor, Step::Plug).await?;
    let (policy, ports) = shell
        .ask(|parts| Ok((parts.welcome.stored()?, parts.welcome.ports()?)))
        .await?;
    let two = has_two(&policy, ports.len());
    let choice = |topology, word, title, about, possible| Choice {
        word,
        title,
        about,
        chosen: policy.firewall.topology == topology,
        possible,
    };
    let choices = vec![
        choice(Topology::Side, "side", t.side, t.side_about, true),
        choice(Topology::Bridge, "bridge", t.bridge, t.bridge_about, two),
        choice(Topology::Router, "router", t.router, t.router_about, two),
    ];
    Frame::show(&Page {
        frame: visitor.frame(Section::None),
        t,
        stages,
        choices,
        why: texts::fill(t.plug_why, &[&ports.join(", ")]),
        two,
        inside: (policy.network.inside).map_or(String::new(), |inside| inside.to_string()),
    })
}

/// Ports of the board, or that the policy names.
fn has_two(policy: &Definition, ports: usize) -> bool {
    let named = [&policy.firewall.outside, &policy.firewall.inside];
    ports >= 2 || named.iter().all(|port| port.is_some())
}

#[derive(Deserialize)]
pub struct Fields {
    topology: Topology,
    #[serde(default)]
    inside: String,
}

pub async fn save(State(shell): State<Shell>, form: Form<Fields>) -> Answer<Response> {
    let Form { owner, fields } = form;
    let t = texts::Welcome::of(owner.look.lang);
    let ports = shell.ask(|parts| parts.welcome.ports()).await?;
    change(&shell, &owner, "plugged", move |policy| {
        if fields.topology != Topology::Side && !has_two(policy, ports.len()) {
            return Err(Problem::Refused(t.one_port.into()));
        }
        policy.firewall.topology = fields.topology;
        if fields.topology == Topology::Router {
            let inside = fields.inside.trim();
            if !inside.is_empty() {
                policy.network.inside = Some(HostAddress::parse(inside).map_err(Problem::Refused)?);
            }
            if policy.network.inside.is_none() {
                return Err(Problem::Refused(t.inside_wanted.into()));
            }
        }
        Ok(format!("{:?}", fields.topology).to_lowercase())
    })
    .await?;
    on(&shell, Step::Plug).await
}
