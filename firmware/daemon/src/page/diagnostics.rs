mod support;

use trunkguard_board::Profile;
use trunkguard_page::{
    Answer,
    diagnostics::{Finding, Message, Part, Severity, Source, Trace},
};

use super::{Office, times::Times};
use crate::{
    control::Ask,
    doctor,
    trace::{Order, Recorded},
};

impl Source for Office {
    fn doctor(&self) -> Answer<Vec<Finding>> {
        Ok(examine(self).into_iter().map(finding).collect())
    }

    fn trace(&self) -> Answer<Trace> {
        let recorded: Recorded = self.ask(&Ask::Trace(Order::Show))?;
        Ok(trace(recorded, &self.times()?))
    }

    fn record(&self, on: bool) -> Answer<()> {
        let order = if on { Order::Start } else { Order::Stop };
        self.ask::<Recorded>(&Ask::Trace(order)).map(|_| ())
    }

    fn support(&self) -> Answer<Vec<Part>> {
        Ok(support::parts(self))
    }
}

/// The command's own checks. Without a board's profile, those of its ports say nothing.
fn examine(office: &Office) -> Vec<doctor::Finding> {
    let board = Profile::load("auto").ok();
    doctor::examine(&doctor::gather::facts(office.state(), board.as_ref()))
}

fn finding(found: doctor::Finding) -> Finding {
    Finding {
        severity: match found.severity {
            doctor::Severity::Ok => Severity::Ok,
            doctor::Severity::Hint => Severity::Hint,
            doctor::Severity::Warning => Severity::Warning,
            doctor::Severity::Problem => Severity::Problem,
        },
        what: found.what,
        remedy: found.remedy,
    }
}

fn trace(recorded: Recorded, times: &Times) -> Trace {
    let messages = recorded.messages.into_iter().map(|message| Message {
        at: times.millisecond(message.at_ms),
        at_ms: message.at_ms,
        incoming: message.incoming,
        peer: message.peer.to_string(),
        transport: if message.stream { "TCP/TLS" } else { "UDP" }.into(),
        sign_of_life: message.sign_of_life,
        text: message.text,
    });
    Trace {
        left_s: recorded.left_s,
        messages: messages.collect(),
    }
}
