use trunkguard_page::{
    Answer,
    live::{Changes, Source},
};

use super::Office;
use crate::control::Ask;

impl Source for Office {
    fn changes(&self) -> Answer<Changes> {
        self.ask(&Ask::Changes)
    }
}
