//! `status`: the daemon's health and figures.

use std::path::Path;

use super::{Answer, print};
use crate::{
    control::{self, Ask},
    health::Status,
};

pub fn run(state: &Path, json: bool) -> anyhow::Result<Answer> {
    let Some(status): Option<Status> = control::ask(state, &Ask::Status)? else {
        let text = if json {
            "{\"running\": false}\n".into()
        } else {
            format!(
                "no daemon runs on {}; start it with `trunkguard run --state {0}`\n",
                state.display()
            )
        };
        print(text)?;
        return Ok(Answer::No);
    };
    if json {
        print(serde_json::to_string_pretty(&status)? + "\n")?;
    } else {
        print(status.to_string())?;
    }
    Ok(if status.healthy {
        Answer::Yes
    } else {
        Answer::No
    })
}
