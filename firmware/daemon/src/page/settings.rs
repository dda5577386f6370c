use trunkguard_page::{
    Answer, Problem,
    accounts::Deed,
    settings::{Line, Source},
    shell::Certificate,
};

use super::{Office, certificate, unkept};
use crate::policy;

/// Lines of the audit log on a page.
const LINES: u32 = 50;

impl Source for Office {
    fn deeds(&self, before: Option<i64>) -> Answer<Vec<Line>> {
        let stored = self.kept().deeds(before, LINES).map_err(unkept)?;
        let lines = stored.into_iter().map(|deed| {
            Ok(Line {
                id: deed.id,
                at: self.local(deed.at_ms.div_euclid(1_000))?,
                deed: Deed {
                    who: deed.who,
                    from: deed.from,
                    what: deed.what,
                    detail: deed.detail,
                },
            })
        });
        lines.collect()
    }

    fn certificate(&self) -> Answer<Certificate> {
        certificate::in_force(self.state()).map_err(unwritten)
    }

    fn is_made_here(&self) -> bool {
        certificate::is_ours(self.state())
    }

    fn renew(&self, names: &[String]) -> Answer<Certificate> {
        certificate::make(self.state(), names).map_err(unwritten)
    }

    fn replace(&self, other: &Certificate) -> Answer<()> {
        certificate::keep(self.state(), other).map_err(unwritten)
    }

    fn local(&self, unix_s: i64) -> Answer<String> {
        let zone = policy::zone(self.state()).map_err(unwritten)?;
        let at = jiff::Timestamp::from_second(unix_s)
            .map_err(|_| Problem::Unavailable("a time is out of all bounds".into()))?;
        Ok(at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string())
    }
}

fn unwritten(problem: anyhow::Error) -> Problem {
    Problem::Unavailable(format!("{problem:#}"))
}
