//! `update`: how things stand with updates, and what a person wants of them; and `update-service`, the process that does it.

use std::{
    fmt::Write as _,
    fs::File,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::Subcommand;
use jiff::{Timestamp, tz::TimeZone};
use tracing::warn;
use trunkguard_board::StatusLine;
use trunkguard_core::update::{
    plan::Why,
    report::{Activity, End, Status},
};
use trunkguard_store::schema::schema;
use trunkguard_update::{Places, client, service};

use super::{Answer, print, running::Asked};
use crate::{
    control::Ask,
    logs, operations, policy, sockets,
    updates::{Order, View},
};

const LOOK: Duration = Duration::from_millis(500);
/// A server is asked within so long.
const CHECK: Duration = Duration::from_secs(120);

/// What is wanted.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    asked: Asked,
    /// Where the process listens that installs them.
    #[arg(long, value_name = "SOCKET", default_value = client::SOCKET, global = true, hide = true)]
    socket: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// What runs, what is offered, what became of updates (this is also what `update` alone says).
    Status,
    /// Ask the server now, and say what it has.
    Check,
    /// Install now: this bundle, or what the server offers. The box restarts as soon as no call waits.
    Install {
        /// A bundle (`.raucb`).
        file: Option<PathBuf>,
    },
    /// Install nothing by itself for some days; 0 takes that back.
    Postpone {
        /// Days.
        #[arg(value_parser = clap::value_parser!(u8).range(0..=30))]
        days: u8,
    },
    /// Go back to the system before this one. It is tried as an update is.
    Rollback,
    /// Throw the bundle away that is here.
    Discard,
}

/// How to serve.
#[derive(clap::Args)]
pub struct Service {
    /// Where to listen, unless systemd hands a socket over (named `update`).
    #[arg(long, value_name = "SOCKET", default_value = client::SOCKET)]
    socket: PathBuf,
    /// Where the box's files are, for tests.
    #[arg(long, value_name = "DIR", hide = true)]
    root: Option<PathBuf>,
}

/// Serves.
pub fn serve(arguments: Service) -> anyhow::Result<Answer> {
    logs::start(&StatusLine::on_stderr());
    let mut listener = None;
    for (fd, name) in sockets::inherited()? {
        match name.as_str() {
            "update" => listener = Some(UnixListener::from(fd)),
            other => warn!(
                name = other,
                "a socket from systemd is not known here and is closed"
            ),
        }
    }
    let places = arguments
        .root
        .as_deref()
        .map_or_else(Places::default, Places::below);
    service::serve(service::Options {
        listener,
        socket: arguments.socket,
        places,
        data: schema().data,
    })
    .map_err(anyhow::Error::msg)?;
    Ok(Answer::Yes)
}

/// Does what is wanted.
pub fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    let state = arguments.asked.state()?;
    let json = arguments.asked.json();
    match arguments.command.unwrap_or(Command::Status) {
        Command::Status => show(state, &ask(state, None)?, json),
        Command::Check => {
            ask(state, Some(Order::Check))?;
            let until = Instant::now() + CHECK;
            let view = wait(state, until, |view, status| {
                status.activity == Activity::Idle && view.why != Why::Busy
            })?;
            let problem = view.status.as_ref().and_then(problem);
            show(state, &view, json)?;
            match problem {
                Some(problem) => bail!("{problem}"),
                None => Ok(Answer::Yes),
            }
        }
        Command::Install { file } => {
            if let Some(file) = file {
                bring(&arguments.socket, &file)?;
            }
            let before = ask(state, Some(Order::Now))?;
            follow(state, &before)
        }
        Command::Postpone { days } => {
            let view = ask(state, Some(Order::Postpone(i64::from(days) * 86_400)))?;
            show(state, &view, json)
        }
        Command::Rollback => {
            ask(state, Some(Order::Rollback))?;
            print(
                "the box restarts into the system before this one, and tries it as an update is tried\n",
            )
        }
        Command::Discard => show(state, &ask(state, Some(Order::Discard))?, json),
    }
}

fn ask(state: &Path, order: Option<Order>) -> anyhow::Result<View> {
    operations::ask(state, &Ask::Updates { order })
}

/// Hands a file over.
fn bring(socket: &Path, path: &Path) -> anyhow::Result<()> {
    let context = || format!("{}: the bundle cannot be read", path.display());
    let mut file = File::open(path).with_context(context)?;
    let size = file.metadata().with_context(context)?.len();
    client::send(socket, size, &mut file).map_err(anyhow::Error::msg)?;
    Ok(())
}

/// Waits until things stand so.
fn wait(
    state: &Path,
    until: Instant,
    stands: impl Fn(&View, &Status) -> bool,
) -> anyhow::Result<View> {
    loop {
        thread::sleep(LOOK);
        let view = ask(state, None)?;
        let Some(status) = &view.status else {
            bail!("{}", view.absent.unwrap_or_default());
        };
        if stands(&view, status) || Instant::now() > until {
            return Ok(view);
        }
    }
}

/// Says how an installation goes on, until the box restarts or it ends.
fn follow(state: &Path, before: &View) -> anyhow::Result<Answer> {
    let known = before
        .status
        .as_ref()
        .map_or(0, |status| status.outcomes.len());
    let mut said = String::new();
    loop {
        let view = ask(state, None)?;
        let Some(status) = &view.status else {
            bail!("{}", view.absent.unwrap_or_default());
        };
        let now = doing(status, view.why);
        if now != said {
            print(format!("{now}\n"))?;
            said = now;
        }
        if status.outcomes.len() > known
            && let Some(End::Failed { why }) = status.outcomes.first().map(|outcome| &outcome.end)
        {
            bail!("{why}");
        }
        if !view.wanted && status.activity == Activity::Idle && view.why != Why::Busy {
            let problem = problem(status);
            return match (status.pending.is_some(), problem) {
                (true, _) => Ok(Answer::Yes),
                (false, Some(problem)) => bail!("{problem}"),
                (false, None) => print("nothing newer is there for this box\n"),
            };
        }
        thread::sleep(LOOK);
    }
}

/// Why the server's word is not there, or of no use.
fn problem(status: &Status) -> Option<String> {
    let checked = status.checked.as_ref();
    checked
        .and_then(|checked| checked.problem.clone())
        .or_else(|| status.problem.clone())
}

fn doing(status: &Status, why: Why) -> String {
    let share = |octets: u64, of: u64| octets.saturating_mul(100) / of.max(1);
    match &status.activity {
        Activity::Checking => "asking the server".into(),
        Activity::Downloading { octets, of } => {
            format!("fetching: {} of 100", share(*octets, *of) / 10 * 10)
        }
        Activity::Receiving { octets, of } => {
            format!("taking the file: {} of 100", share(*octets, *of) / 10 * 10)
        }
        Activity::Installing { percent, message } => {
            format!("installing: {percent} of 100, {message}")
        }
        Activity::Idle => match (&status.pending, why) {
            (Some(pending), Why::Calls) => format!(
                "version {} is installed; waiting until no call is being decided",
                pending.version
            ),
            (Some(pending), _) => format!(
                "version {} is installed; the box restarts into it, tries it, and comes back if it does not do",
                pending.version
            ),
            (None, _) => "looking".into(),
        },
    }
}

fn show(state: &Path, view: &View, json: bool) -> anyhow::Result<Answer> {
    if json {
        return print(serde_json::to_string_pretty(view)? + "\n");
    }
    let zone = policy::zone(state).unwrap_or(TimeZone::UTC);
    print(text(view, &zone))
}

fn text(view: &View, zone: &TimeZone) -> String {
    let Some(status) = &view.status else {
        return format!(
            "{}\n",
            view.absent
                .as_deref()
                .unwrap_or("the process of updates has not been asked yet")
        );
    };
    let at = |s: i64| {
        let at = Timestamp::from_second(s).map(|at| at.to_zoned(zone.clone()));
        at.map_or_else(
            |_| s.to_string(),
            |at| at.strftime("%Y-%m-%d %H:%M").to_string(),
        )
    };
    let mut text = String::new();
    let slot = status.slot.as_deref().unwrap_or("none");
    let trial = if status.trial { ", on trial" } else { "" };
    // Writing to a String does not fail.
    let _ = writeln!(
        text,
        "runs        version {} in slot {slot}{trial}",
        status.version
    );
    if let Some(problem) = &status.problem {
        let _ = writeln!(text, "updates     {problem}");
    }
    match &status.checked {
        None => text += "server      not asked yet\n",
        Some(checked) => {
            let said = checked.problem.as_deref().unwrap_or("answered");
            let _ = writeln!(text, "server      {}: {said}", at(checked.at_s));
        }
    }
    if let Some(offer) = &status.offer {
        let share = if offer.in_share {
            ""
        } else {
            "; it goes to other boxes first"
        };
        let _ = writeln!(
            text,
            "offered     version {}, {} MB{share}",
            offer.release.version,
            offer.size.div_ceil(1_000_000)
        );
        for line in offer.notes.lines() {
            let _ = writeln!(text, "            {line}");
        }
    }
    if let Some(ready) = &status.ready {
        let version = ready
            .version
            .map_or_else(|| "a bundle".into(), |v| format!("version {v}"));
        let _ = writeln!(
            text,
            "here        {version}, {} MB",
            ready.size.div_ceil(1_000_000)
        );
    }
    if let Some(other) = status.other {
        let _ = writeln!(
            text,
            "before      version {other}; `update rollback` goes back to it"
        );
    }
    let _ = writeln!(text, "now         {}", waiting(view, status));
    if let Some(until) = view.postponed_until_s {
        let _ = writeln!(text, "postponed   until {}", at(until));
    }
    for outcome in &status.outcomes {
        let version = outcome
            .version
            .map_or_else(|| "a bundle".into(), |v| v.to_string());
        let end = match &outcome.end {
            End::Confirmed => "runs; it was looked over and confirmed".into(),
            End::CameBack { why } => format!("did not do, and {} came back: {why}", outcome.from),
            End::Failed { why } => format!("was not installed: {why}"),
        };
        let _ = writeln!(text, "{}  {version} {end}", at(outcome.at_s));
    }
    text
}

fn waiting(view: &View, status: &Status) -> String {
    if status.activity != Activity::Idle || status.pending.is_some() && view.wanted {
        return doing(status, view.why);
    }
    let hours = view.settings.hours;
    match view.why {
        Why::Nothing => match view.next_check_s {
            Some(s) => format!(
                "nothing to do; the server is asked in {} minutes",
                s.div_euclid(60) + 1
            ),
            None => "nothing to do".into(),
        },
        Why::Off => "nothing by itself: update.automatic is off".into(),
        Why::NoServer => "no server is named: write update.url, or bring a file".into(),
        Why::NoTime => {
            "waiting for the time: what is signed for a time cannot be judged without".into()
        }
        Why::Busy => "at work".into(),
        Why::NotNow => "no update can be taken now".into(),
        Why::ForAPerson => "waiting for you: `update install`".into(),
        Why::NotInShare => "other boxes go first; `update install` does not wait for them".into(),
        Why::Postponed => "postponed".into(),
        Why::Hours => format!(
            "waiting for the hours of updates, {} to {}",
            hours.from, hours.to
        ),
        Why::Calls => "waiting until no call is being decided".into(),
        Why::Again => "the last try failed; it is tried again by itself".into(),
    }
}
