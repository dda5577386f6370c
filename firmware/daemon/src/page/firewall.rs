use trunkguard_page::{
    Answer,
    firewall::{Asked, Decided, Decision, Pop, Source, View},
};

use super::{Office, policy::minute};
use crate::{
    clock::Clock,
    control::{self, Ask},
    firewall::view,
    policy,
};

impl Source for Office {
    fn firewall(&self) -> Answer<View> {
        let view: view::View = self.ask(&Ask::Firewall)?;
        // Times in the office's zone; UTC where that cannot be read.
        let clock =
            policy::clock(self.state()).or_else(|_| Clock::new("UTC").map_err(anyhow::Error::msg));
        let at = |unix_ms| {
            clock
                .as_ref()
                .map_or_else(|_| String::new(), |clock| minute(unix_ms, clock))
        };
        let view::View {
            status,
            pops,
            bans,
            never,
            report,
            ruleset,
            ..
        } = view;
        Ok(View {
            driver: status.driver,
            topology: status.topology,
            enforces: status.enforces,
            in_force: status.in_force,
            problem: status.problem,
            dropped: status.dropped,
            allowed: pops.allowed,
            pops: pops.names.into_iter().map(pop).collect(),
            recommended: pops.recommended,
            asked: pops.asked.into_iter().map(asked).collect(),
            decided: pops
                .decisions
                .into_iter()
                .map(|decision| Decided {
                    subject: decision.subject.to_string(),
                    approved: decision.approved,
                    at: at(decision.unix_ms),
                    by: decision.by,
                })
                .collect(),
            bans,
            never: never
                .into_iter()
                .map(|line| (line.network, line.what))
                .collect(),
            report,
            ruleset,
        })
    }

    fn decide(&self, decision: Decision, by: &str) -> Answer<()> {
        let decision = match decision {
            Decision::Add(subject) => control::Decision::AddPop(subject),
            Decision::Approve(address) => control::Decision::ApprovePop(address),
            Decision::Refuse(address) => control::Decision::RefusePop(address),
            Decision::Forget(subject) => control::Decision::ForgetPop(subject),
            Decision::Refresh => control::Decision::RefreshPops,
            Decision::Ban {
                address,
                service,
                seconds,
                reason,
            } => control::Decision::Ban {
                address,
                service,
                seconds,
                reason,
            },
            Decision::Unban(address) => control::Decision::Unban {
                address,
                service: None,
            },
        };
        let said: String = self.ask(&Ask::DecideAs {
            by: by.into(),
            decision,
        })?;
        tracing::info!(by, said, "decided on the page");
        Ok(())
    }
}

fn pop(line: view::PopLine) -> Pop {
    Pop {
        name: line.name,
        city: line.city,
        built_in: line.built_in,
        addresses: line.addresses,
        failure: line.failure,
        round_trip_us: line.round_trip_us,
        loss_percent: line.loss_percent,
        dead: line.dead,
    }
}

fn asked(line: view::AskedLine) -> Asked {
    Asked {
        address: line.address,
        names: line.names,
        agreed: line.agreed,
    }
}
