//! Putting a backup back: first it is opened and shown, then its parts are put back.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};

use super::{Opened, Parts, make};
use crate::{
    Answer,
    accounts::Deed,
    shell::{Form, Frame, Fresh, Owner, Section, Shell, Upload},
    texts::{self, fill},
};

#[derive(Template)]
#[template(path = "backup/restore.html")]
struct Page {
    frame: Frame,
    t: &'static texts::Backup,
    opened: Opened,
    policy: String,
    lines: String,
    accounts: Vec<(String, &'static str)>,
    has_owner: bool,
}

/// `POST /box/backup/open`: a file and its password.
pub async fn upload(State(shell): State<Shell>, upload: Upload) -> Answer<Response> {
    let Upload {
        owner,
        mut fields,
        file,
    } = upload;
    let password = fields.remove("password").unwrap_or_default();
    let by = owner.session.name.clone();
    let opened = shell
        .ask(move |parts| Ok(parts.backup.open(&by, &file, &password)))
        .await?;
    match opened {
        Ok(_) => Ok(Redirect::to("/box/restore").into_response()),
        Err(fault) => {
            let t = texts::Backup::of(owner.look.lang);
            make::show(&owner, "", String::new(), fault.text(t))
        }
    }
}

/// `GET /box/restore`: what is in it.
pub async fn page(State(shell): State<Shell>, Owner(owner): Owner) -> Answer<Response> {
    let by = owner.session.name.clone();
    let opened = shell.ask(move |parts| parts.backup.opened(&by)).await?;
    let t = texts::Backup::of(owner.look.lang);
    let [clients, groups, callers, lists] = opened.policy;
    let role = |role: &str| {
        if role == "owner" {
            t.role_owner
        } else {
            t.role_viewer
        }
    };
    Frame::show(&Page {
        frame: owner.frame(Section::Box),
        t,
        policy: fill(t.policy_counts, &[&clients, &groups, &callers, &lists]),
        lines: match opened.lines {
            (0, 0) => t.policy_same.into(),
            (new, old) => fill(t.policy_lines, &[&new, &old]),
        },
        accounts: opened
            .accounts
            .iter()
            .map(|(name, of)| (name.clone(), role(of)))
            .collect(),
        has_owner: opened.accounts.iter().any(|(_, role)| role == "owner"),
        opened,
    })
}

/// What is put back.
#[derive(serde::Deserialize)]
pub struct Chosen {
    #[serde(default)]
    part: Vec<String>,
}

/// `POST /box/restore`
pub async fn restore(
    State(shell): State<Shell>,
    Fresh(Form { owner, fields }): Fresh<Chosen>,
) -> Answer<Response> {
    let takes = |part: &str| fields.part.iter().any(|chosen| chosen == part);
    let chosen = Parts {
        policy: takes("policy"),
        pops: takes("pops"),
        accounts: takes("accounts"),
        certificates: takes("certificates"),
    };
    if chosen == Parts::default() {
        return Ok(Redirect::to("/box/restore").into_response());
    }
    let (who, from, detail) = (
        owner.session.name.clone(),
        owner.ends.peer,
        fields.part.join(", "),
    );
    shell
        .ask(move |parts| {
            parts.backup.restore(&who, chosen)?;
            parts.accounts.note(&Deed {
                who,
                from,
                what: "restore".into(),
                detail,
            })
        })
        .await?;
    if chosen.accounts {
        // Nobody stays logged in whom the box does not know any more, or by a password that is another one now.
        shell.sessions(|sessions| sessions.end_everybodys());
        return Ok(Redirect::to("/login").into_response());
    }
    Ok(Redirect::to("/box/backup?said=restored").into_response())
}

/// Nothing is in the form but its mark.
#[derive(serde::Deserialize)]
pub struct Nothing {}

/// `POST /box/restore/drop`
pub async fn forget(State(shell): State<Shell>, form: Form<Nothing>) -> Answer<Response> {
    let by = form.owner.session.name.clone();
    shell
        .ask(move |parts| {
            parts.backup.forget(&by);
            Ok(())
        })
        .await?;
    Ok(Redirect::to("/box/backup?said=dropped").into_response())
}
