//! The command line. Each subcommand is a file that asks the running daemon, or the state directory
//! where no daemon runs.

mod alerts;
mod appliance;
mod backup;
mod bans;
mod board;
mod call;
mod doctor;
mod explain;
mod firewall;
mod history;
mod network;
mod page;
mod panel;
mod pbx_config;
mod policy;
mod pops;
mod running;
mod status;
mod token;
mod trace;
mod update;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::daemon;

/// Toll-fraud protection for an office PBX: a SIP redirect server that approves or refuses calls.
#[derive(Parser)]
#[command(name = "trunkguard", version, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answer the PBX's calls until told to stop.
    Run(RunArguments),
    /// Set clients, policies and settings from a file: all of it or nothing.
    Apply {
        #[command(flatten)]
        state: State,
        /// The policy file (TOML).
        file: PathBuf,
    },
    /// Write the policy in force in the format of `apply`.
    Export(State),
    /// Write everything that makes this box this box into one encrypted file.
    Backup(backup::BackupArguments),
    /// Put a backup back, on this or another box: all of it or nothing.
    Restore(backup::RestoreArguments),
    /// Print the example policy.
    Example,
    /// Say what a call would get now, by which rule, and the path to it.
    Explain(explain::Arguments),
    /// Place one real call attempt at the running daemon and show the answer and why.
    Call(call::Arguments),
    /// Serve as the privileged helper that loads firewall rules for the daemon.
    Firewall(firewall::Arguments),
    /// What the box's units do at a start, and what a person asks of them.
    Box(appliance::Arguments),
    /// Render how the box is to be reached for systemd-networkd, and end.
    Network(network::Arguments),
    /// Take the port towards the PBX down while the other one has no link (bridge only).
    Ports,
    /// Serve the local page as a process of its own.
    Page(page::Arguments),
    /// Serve as the process that has the box's LEDs and button.
    Panel(panel::Arguments),
    /// Profiles of boards: list them, look one over, name the ports.
    Board {
        #[command(subcommand)]
        command: board::Command,
    },
    /// Show the daemon's health and figures.
    Status(Output),
    /// List decided calls, the newest first.
    Calls(history::Arguments),
    /// List what needs a look: one line per incident; try the channels that tell of it.
    Alerts(alerts::Arguments),
    /// Show or set the mode.
    Mode {
        #[command(flatten)]
        output: Output,
        /// detect, prevent or lockdown; without it the mode is shown.
        mode: Option<ModeArgument>,
    },
    /// VoIP.ms's points of presence: list them, and decide on them.
    Pops(pops::Arguments),
    /// Who is kept out: list, add, remove.
    Bans(bans::Arguments),
    /// Who may ask the HTTP API: list, add, remove.
    Token(token::Arguments),
    /// Print the nft script of the rules that are to be in force.
    Ruleset(State),
    /// Record what the PBX and the box say to each other by SIP, and show it.
    Trace(trace::Arguments),
    /// Look for the usual mistakes of an installation.
    Doctor(doctor::Arguments),
    /// Say how to set a PBX up: files to paste, click paths, the policy's client, what to look at.
    PbxConfig(Box<pbx_config::Arguments>),
    /// Updates of the box: how things stand, look for one, install one, go back.
    Update(update::Arguments),
    /// Serve as the process that looks for updates, fetches them, and has RAUC install them.
    UpdateService(update::Service),
    /// Propose a policy from what the office has called.
    Suggest {
        #[command(flatten)]
        output: Output,
        /// Days looked back.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3_650))]
        days: u16,
    },
}

/// Where the state is.
#[derive(Args, Clone)]
struct State {
    /// The state directory.
    #[arg(long = "state", value_name = "DIR")]
    dir: PathBuf,
}

/// Where the state is, and how to print.
#[derive(Args, Clone)]
struct Output {
    #[command(flatten)]
    state: State,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How to run.
#[derive(Args, Clone)]
pub struct RunArguments {
    /// The state directory; made where it is missing.
    #[arg(long, value_name = "DIR")]
    pub state: PathBuf,
    /// Where SIP is answered, by UDP and TCP.
    #[arg(long, value_name = "ADDR:PORT", default_value = "0.0.0.0:5060")]
    pub sip: SocketAddr,
    /// Where SIP over TLS is answered. Not at all unless said.
    #[arg(long, value_name = "ADDR:PORT")]
    pub sips: Option<SocketAddr>,
    /// Where the local page is served in this process (HTTPS). Not at all unless said.
    #[arg(long, value_name = "ADDR:PORT")]
    pub web: Option<SocketAddr>,
    /// A port at which another process serves the page (`trunkguard page`): the firewall opens it to the office. May be said
    /// several times.
    #[arg(long = "page-port", value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..), conflicts_with = "web")]
    pub page_ports: Vec<u16>,
    /// The board's profile: LEDs, button, ports. `auto` takes the one for this machine's device tree.
    #[arg(long, value_name = "PROFILE", default_value = "sim")]
    pub board: String,
    /// Where the process listens that has LEDs and button (`trunkguard panel`). Without it, the daemon
    /// drives them itself.
    #[arg(long, value_name = "SOCKET")]
    pub panel_socket: Option<PathBuf>,
    /// The user that the panel's process runs as; root is always believed.
    #[arg(long, value_name = "NAME", default_value = "trunkguard-panel")]
    pub panel_user: String,
    /// What becomes of firewall rules.
    #[arg(long, value_enum, default_value_t = Firewall::DryRun)]
    pub firewall: Firewall,
    /// Where the helper listens that loads them (`trunkguard firewall`).
    #[arg(long, value_name = "SOCKET", default_value = trunkguard_firewall::protocol::SOCKET)]
    pub firewall_socket: PathBuf,
    /// Where to write how the box itself is to be reached (`trunkguard network`). Not at all unless said.
    #[arg(long, value_name = "FILE")]
    pub network_wish: Option<PathBuf>,
    /// Where the process listens that installs updates (`trunkguard update-service`). Without it there are none.
    #[arg(long, value_name = "SOCKET")]
    pub update_socket: Option<PathBuf>,
    /// Policy to begin with where the state directory has none: a file, or `example`.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
}

/// Firewall drivers.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Firewall {
    /// Have the helper load them with nftables.
    Nft,
    /// Load nothing.
    DryRun,
}

#[derive(Clone, Copy, ValueEnum)]
enum ModeArgument {
    Detect,
    Prevent,
    Lockdown,
}

/// What a command answers, as an exit code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Done, or yes.
    Yes,
    /// The answer is no: denied, unhealthy.
    No,
}

impl From<Answer> for ExitCode {
    fn from(answer: Answer) -> ExitCode {
        match answer {
            Answer::Yes => ExitCode::SUCCESS,
            Answer::No => ExitCode::from(1),
        }
    }
}

/// Runs one command.
///
/// # Errors
/// Bad input or a state directory that cannot be used, with the remedy.
pub fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    match arguments.command {
        Command::Run(run) => daemon::run(&run).map(|()| Answer::Yes),
        Command::Apply { state, file } => policy::apply(&state.dir, &file),
        Command::Export(state) => policy::export(&state.dir),
        Command::Backup(arguments) => backup::make(&arguments),
        Command::Restore(arguments) => backup::restore(&arguments),
        Command::Example => print(crate::policy::EXAMPLE),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Call(arguments) => call::run(&arguments),
        Command::Firewall(arguments) => firewall::run(arguments),
        Command::Box(arguments) => appliance::run(arguments),
        Command::Network(arguments) => network::run(&arguments),
        Command::Ports => network::ports(),
        Command::Page(arguments) => page::serve(&arguments),
        Command::Panel(arguments) => panel::run(arguments),
        Command::Board { command } => board::run(command),
        Command::Status(output) => status::run(&output.state.dir, output.json),
        Command::Calls(arguments) => history::calls(&arguments),
        Command::Alerts(arguments) => alerts::run(&arguments),
        Command::Mode { output, mode } => {
            let mode = mode.map(|mode| match mode {
                ModeArgument::Detect => trunkguard_core::policy::Mode::Detect,
                ModeArgument::Prevent => trunkguard_core::policy::Mode::Prevent,
                ModeArgument::Lockdown => trunkguard_core::policy::Mode::Lockdown,
            });
            policy::mode(&output.state.dir, mode, output.json)
        }
        Command::Pops(arguments) => pops::run(arguments),
        Command::Bans(arguments) => bans::run(arguments),
        Command::Token(arguments) => token::run(arguments),
        Command::Ruleset(state) => running::ruleset(&state.dir),
        Command::Trace(arguments) => trace::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::PbxConfig(arguments) => pbx_config::run(*arguments),
        Command::Update(arguments) => update::run(arguments),
        Command::UpdateService(arguments) => update::serve(arguments),
        Command::Suggest { output, days } => history::suggest(&output.state.dir, days, output.json),
    }
}

/// Prints to standard output. A reader that went away (`| head`) is no error.
fn print(text: impl AsRef<str>) -> anyhow::Result<Answer> {
    use std::io::Write;
    match std::io::stdout().lock().write_all(text.as_ref().as_bytes()) {
        Err(problem) if problem.kind() != std::io::ErrorKind::BrokenPipe => Err(problem.into()),
        _ => Ok(Answer::Yes),
    }
}
