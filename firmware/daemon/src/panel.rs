//! What the LEDs show, from what is confirmed; and what the button asks for.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};
use trunkguard_board::{Front, Presence};
use trunkguard_core::{
    panel::{Press, Service, State, Why},
    policy::Mode,
};

use crate::{control_server, daemon::Run};

/// Calls are taken for not answered when the UDP thread has not taken a turn for so long.
const STALLED_MS: u64 = 5_000;

/// Drives the panel for ever.
pub async fn drive(mut front: Box<dyn Front>, run: Arc<Run>) {
    let (mut turn, mut moved_ms) = (0, 0);
    let mut tick = interval(Duration::from_millis(<dyn Front>::TICK_MS));
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut told, mut last) = (false, State::default());
    loop {
        tick.tick().await;
        let now_ms = run.start.elapsed().as_millis() as u64;
        let turns = run.turns.load(Ordering::Relaxed);
        if turns != turn {
            (turn, moved_ms) = (turns, now_ms);
        }
        let state = if now_ms - moved_ms >= STALLED_MS {
            State {
                service: Service::Fault,
                setup_window: run.setup_window.left(Instant::now()).is_some(),
                ..last
            }
        } else {
            state(&run).unwrap_or(last)
        };
        last = state;
        match front.tick(&state, now_ms) {
            Ok(Some(presence)) => pressed(&presence, &run),
            Ok(None) => told = false,
            Err(problem) if !told => {
                warn!(%problem, "the panel does not obey; calls go on");
                told = true;
            }
            Err(_) => {}
        }
    }
}

/// The state of the box, as it is in force; `None` while somebody holds the desk, for whom the panel
/// does not wait.
fn state(run: &Run) -> Option<State> {
    let (mode, local) = {
        let mut desk = run.shared.try_lock()?;
        (desk.gate.policy().settings.mode, desk.clock.now().local)
    };
    let figures = run
        .shared
        .journal()
        .map(trunkguard_store::journal::Journal::figures)
        .unwrap_or_default();
    let service = if run.updates.is_writing() {
        Service::Updating
    } else if figures.failing {
        Service::Degraded(Why::History)
    } else if run.policy_problem().is_some() {
        Service::Degraded(Why::Policy)
    } else if run.firewall.view().status.problem.is_some() {
        Service::Degraded(Why::Firewall)
    } else if local.is_none() {
        Service::Degraded(Why::Clock)
    } else {
        Service::Serving
    };
    Some(State {
        service,
        mode,
        alert: figures.open_incidents > 0,
        setup_window: run.setup_window.left(Instant::now()).is_some(),
    })
}

fn pressed(presence: &Presence, run: &Run) {
    match presence.press() {
        Press::Acknowledge => {
            if let Some(journal) = run.shared.journal() {
                journal.acknowledge(None);
            }
            info!("button: alerts acknowledged");
        }
        Press::ToggleMode => {
            let mode = match run.shared.lock().gate.policy().settings.mode {
                Mode::Detect => Mode::Prevent,
                Mode::Prevent | Mode::Lockdown => Mode::Detect,
            };
            match control_server::set_mode(run, mode) {
                Ok(()) => info!(mode = crate::words::mode(mode), "button: mode set"),
                Err(problem) => warn!(%problem, "button: the mode cannot be set"),
            }
        }
        Press::SetupWindow => {
            if run.setup_window.open(presence, Instant::now()) {
                info!("button: the set-up window is open for ten minutes");
            }
        }
        // On the box this never comes here: the panel's process asks for the reset itself.
        Press::FactoryReset => warn!(
            "button: nothing was done: a reset is a function of the box's image (`trunkguard panel`); here, stop the daemon and remove {}",
            run.state.display()
        ),
    }
}
