use trunkguard_page::{
    Answer,
    home::{Home, Source},
};

use super::Office;
use crate::{control::Ask, health::Status};

impl Source for Office {
    fn home(&self) -> Answer<Home> {
        let status: Status = self.ask(&Ask::Status)?;
        Ok(Home {
            problems: status.problems,
            mode: status.mode,
            decided: status.calls.decided,
            refused: status.calls.decided.saturating_sub(status.calls.approved),
        })
    }
}
