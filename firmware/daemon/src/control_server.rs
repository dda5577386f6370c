//! The daemon's end of the control socket: one question per connection.

use std::{
    collections::BTreeMap,
    io,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Arc, Mutex, TryLockError, atomic::Ordering},
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    time::timeout,
};
use tracing::{info, warn};
use trunkguard_core::policy::Mode;
use trunkguard_notify::Outcome;
use trunkguard_store::policy_store::{Origin, PolicyStore};

use crate::{
    alerts,
    clock::Clock,
    control::{self, Ask, Decision, LONGEST, Reply},
    daemon::Run,
    figures, firewall, health, policy, reasons, self_test,
};

/// Questions that are answered at a time.
const AT_ONCE: usize = 8;
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers on the control socket, which only the daemon's user may open. Where it cannot be made (a
/// read-only state directory), calls are answered all the same.
///
/// # Errors
/// When the socket ends.
pub async fn serve(run: Arc<Run>) -> io::Result<()> {
    let listener = match listen(&run.state) {
        Ok(listener) => listener,
        Err(problem) => {
            let path = control::socket(&run.state);
            warn!(%problem, "{}: no control socket; the command line cannot reach this daemon", path.display());
            return std::future::pending().await;
        }
    };
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let (stream, _) = listener.accept().await?;
        let Ok(place) = places.clone().acquire_owned().await else {
            return Ok(());
        };
        let run = run.clone();
        tokio::spawn(async move {
            if let Err(problem) = converse(stream, &run).await {
                warn!(%problem, "a question on the control socket was not answered");
            }
            drop(place);
        });
    }
}

fn listen(state: &Path) -> io::Result<UnixListener> {
    let path = control::socket(state);
    // A killed daemon leaves its socket behind; that none runs now, the lock on the state directory
    // says.
    match std::fs::remove_file(&path) {
        Err(problem) if problem.kind() != io::ErrorKind::NotFound => return Err(problem),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600))?;
    Ok(listener)
}

/// Takes the socket away at the end.
pub fn remove(state: &Path) {
    let _ = std::fs::remove_file(control::socket(state));
}

async fn converse(mut stream: UnixStream, run: &Arc<Run>) -> anyhow::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    timeout(
        PATIENCE,
        BufReader::new(reader.take(LONGEST)).read_line(&mut line),
    )
    .await??;
    let run = run.clone();
    // Stores and compiles a policy: not on the thread that serves connections.
    let mut answer = tokio::task::spawn_blocking(move || answer(&run, &line)).await?;
    answer.push(b'\n');
    timeout(PATIENCE, writer.write_all(&answer)).await??;
    Ok(())
}

fn answer(run: &Run, line: &str) -> Vec<u8> {
    match serde_json::from_str::<Ask>(line) {
        Ok(Ask::Status) => reply(Ok(health::status(run))),
        Ok(Ask::Figures) => reply(Ok(figures::of(run))),
        Ok(Ask::Reload) => reply(reload(run).map(|()| true)),
        Ok(Ask::Flush) => reply(Ok(run
            .shared
            .journal()
            .is_some_and(trunkguard_store::journal::Journal::flush))),
        Ok(Ask::Acknowledge { incident }) => reply(Ok(run
            .shared
            .journal()
            .is_some_and(|journal| journal.acknowledge(incident) && journal.flush()))),
        Ok(Ask::TestAlerts { channel }) => reply(test_alerts(run, channel.as_deref())),
        Ok(Ask::Explain(ask)) => {
            let desk = run.shared.lock();
            let mut clock = desk.clock.clone();
            let told = reasons::explain(&desk.gate, &mut clock, &ask);
            reply(told.map(|told| reasons::Explanation::from(&told)))
        }
        Ok(Ask::Tell(ask)) => {
            let desk = run.shared.lock();
            let mut clock = desk.clock.clone();
            reply(reasons::explain(&desk.gate, &mut clock, &ask))
        }
        Ok(Ask::Changes) => reply(Ok(health::changes(run))),
        Ok(Ask::Trace(order)) => reply(Ok(run.shared.recorder.order(order, Instant::now()))),
        Ok(Ask::CloseSetupWindow) => reply(Ok(run.setup_window.close(Instant::now()))),
        Ok(Ask::AdmitSelfTest { from }) => reply(self_test::admit(run, from)),
        Ok(Ask::Updates { order }) => reply(run.updates.order(order)),
        Ok(Ask::MeasurePops) => reply(measure(run)),
        Ok(Ask::Firewall) => reply(Ok(&*run.firewall.view())),
        Ok(Ask::Decide(decision)) => decide(run, decision, "command line"),
        Ok(Ask::DecideAs { by, decision }) => decide(run, decision, &by),
        Ok(Ask::ReplaceDecisions { decisions }) => reply(
            (run.firewall.replace_decisions(decisions))
                .map(|()| true)
                .map_err(anyhow::Error::msg),
        ),
        Err(problem) => reply::<()>(Err(anyhow::anyhow!(
            "the question is not understood: {problem}"
        ))),
    }
}

/// Measures on the runtime that this blocking thread belongs to; one measurement at a time.
fn measure(run: &Run) -> anyhow::Result<BTreeMap<String, Option<u32>>> {
    let _one = run
        .measures
        .try_lock()
        .map_err(|_| anyhow::anyhow!("the PoPs are being measured already; wait a few seconds"))?;
    let measurement = firewall::measure::all(crate::daemon::random()?);
    Ok(tokio::runtime::Handle::current().block_on(measurement))
}

fn decide(run: &Run, decision: Decision, by: &str) -> Vec<u8> {
    reply(
        run.firewall
            .decide(decision, by)
            .map_err(anyhow::Error::msg),
    )
}

/// Sends a test message by the policy in force. For each target, why it was not taken.
fn test_alerts(run: &Run, channel: Option<&str>) -> anyhow::Result<Vec<(String, Option<String>)>> {
    // Each holds a place of the control socket for as long as servers are silent.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = match ONE.try_lock() {
        Ok(one) => one,
        Err(TryLockError::Poisoned(one)) => one.into_inner(),
        Err(TryLockError::WouldBlock) => {
            anyhow::bail!("a test message is on its way already; wait for it")
        }
    };
    let (policy, mut clock) = {
        let desk = run.shared.lock();
        (desk.gate.policy().clone(), desk.clock.clone())
    };
    let random = crate::daemon::random()?;
    let outcomes = alerts::test(
        &policy.alerts,
        policy.settings.mode,
        channel,
        &mut clock,
        random,
    )?;
    let why = |outcome: Outcome| match outcome {
        Outcome::Accepted => None,
        Outcome::Later { why, .. } | Outcome::Never { why } => Some(why),
    };
    Ok(outcomes
        .into_iter()
        .map(|(target, outcome)| (target, why(outcome)))
        .collect())
}

fn reply<T: Serialize>(answer: anyhow::Result<T>) -> Vec<u8> {
    let reply = match answer {
        Ok(answer) => Reply::Ok(answer),
        Err(problem) => Reply::Error(format!("{problem:#}")),
    };
    serde_json::to_vec(&reply)
        .unwrap_or_else(|_| b"{\"error\": \"the answer cannot be written\"}".to_vec())
}

/// Takes over what the store holds now.
fn reload(run: &Run) -> anyhow::Result<()> {
    let (store, origin) = PolicyStore::open(&run.state)?;
    let compiled = policy::compile(&store.definition()?)?;
    let clock = Clock::new(&compiled.settings.time_zone).map_err(anyhow::Error::msg)?;
    let mode = crate::words::mode(compiled.settings.mode);
    let clients = compiled.clients().len();
    let compiled = Arc::new(compiled);
    // What the box's own network cannot be is refused before anything is changed.
    let wish = run.network.of(&compiled).map_err(anyhow::Error::msg)?;
    // Packets first: calls follow only where the rules are in force, so that both halves are of one
    // policy (docs/security.md F13).
    (run.firewall.replace_policy(compiled.clone()))
        .map_err(|problem| anyhow::anyhow!("the firewall does not take it over: {problem}"))?;
    run.syslog.set(compiled.syslog.clone());
    run.shared.replace_policy(compiled, &clock);
    run.policies.fetch_add(1, Ordering::Relaxed);
    run.network.write(wish, &run.shared);
    run.alerts.wake();
    run.updates.wake();
    crate::daemon::give_memory_back();
    if origin == Origin::Loaded {
        run.policy_is_sound();
    }
    info!(mode, clients, "policy in force");
    Ok(())
}

/// Stores another mode and takes it over.
///
/// # Errors
/// A store that cannot be written to, or rules that cannot be loaded: the mode stays what it was.
pub fn set_mode(run: &Run, mode: Mode) -> anyhow::Result<()> {
    let (mut store, _) = PolicyStore::open(&run.state)?;
    let before = store.definition()?.settings.mode;
    store.set_mode(mode)?;
    reload(run).inspect_err(|_| {
        // What is stored is what is in force.
        if let Err(problem) = store.set_mode(before) {
            warn!(%problem, "the mode that was not taken over stays stored");
        }
    })
}
