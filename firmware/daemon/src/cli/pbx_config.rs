//! `pbx-config`: how to set a PBX up for the box.

use std::{
    fs::{self, OpenOptions},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use trunkguard_pbx::{Form, Language, Setup, Wrong, form::KINDS, traps};

use super::{Answer, print};

/// The answers, and what to do with the set-up. Empty answers have the default in brackets.
#[derive(Args)]
#[command(next_line_help = true)]
pub struct Arguments {
    /// List the kinds of PBX, and end.
    #[arg(long, exclusive = true)]
    list: bool,
    /// Look over a password, which is read from standard input and neither kept nor shown.
    #[arg(long, exclusive = true)]
    check_password: bool,
    /// Look over a configuration file of an Asterisk for the usual traps.
    #[arg(long, value_name = "FILE", exclusive = true)]
    check_file: Option<PathBuf>,
    #[command(flatten)]
    answers: Answers,
    /// Write the files to this folder instead of printing them.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write over files that are there.
    #[arg(long, requires = "out")]
    force: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// The language of steps, warnings and checks.
    #[arg(long, value_enum, default_value_t = Spoken::English)]
    language: Spoken,
}

#[derive(Clone, Copy, ValueEnum)]
enum Spoken {
    English,
    French,
}

/// One flag for each field of [`Form`].
#[derive(Args)]
struct Answers {
    /// The kind of PBX, see --list.
    #[arg(long, value_name = "KIND")]
    pbx: Option<String>,
    /// FreePBX: its major version, 13 to 17 [17].
    #[arg(long, value_name = "VERSION")]
    freepbx: Option<String>,
    /// FreePBX: the driver of its trunks, pjsip or chan-sip [pjsip].
    #[arg(long, value_name = "DRIVER")]
    driver: Option<String>,
    /// redirect or failover [redirect].
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    /// How SIP gets to the box: udp, tcp or tls [udp].
    #[arg(long, value_name = "TRANSPORT")]
    to_box: Option<String>,
    /// How calls get to VoIP.ms: udp, tcp, tls or iax2 [udp].
    #[arg(long, value_name = "TRANSPORT")]
    to_voipms: Option<String>,
    /// How VoIP.ms knows the PBX: register or address [register].
    #[arg(long, value_name = "HOW")]
    login: Option<String>,
    /// The box's IPv4 address [port 5060, with TLS 5061].
    #[arg(long = "box", value_name = "ADDR[:PORT]")]
    the_box: Option<String>,
    /// The PBX's IPv4 address.
    #[arg(long, value_name = "ADDR")]
    pbx_address: Option<String>,
    /// The client's name in the policy [office].
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The VoIP.ms sub-account, such as 100000_office. Its password is not asked for.
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// The point of presence, such as montreal10.voip.ms.
    #[arg(long, value_name = "HOST")]
    pop: Option<String>,
    /// The office's number, ten digits.
    #[arg(long, value_name = "NUMBER")]
    did: Option<String>,
    /// What called people see, ten digits [the office's number].
    #[arg(long, value_name = "NUMBER")]
    caller_id: Option<String>,
    /// The extension that rings [1001].
    #[arg(long, value_name = "EXTENSION")]
    ring: Option<String>,
    /// The context of the PBX's phones [from-internal; FreeSWITCH: default].
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
    /// Where the office is, two letters [US].
    #[arg(long, value_name = "COUNTRY")]
    country: Option<String>,
    /// Completes seven dialled digits [nobody dials seven].
    #[arg(long, value_name = "CODE")]
    area_code: Option<String>,
    /// Digits for an outside line, such as 9 [none].
    #[arg(long, value_name = "DIGITS")]
    outside_prefix: Option<String>,
    /// Calls while the box is away: closed or open [closed]. Emergency calls go out either way.
    #[arg(long, value_name = "WHAT")]
    when_away: Option<String>,
    /// Status of a refusal [by method].
    #[arg(long, value_name = "STATUS")]
    deny_code: Option<String>,
    /// Three characters in front of an approved number [A00].
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// Emergency numbers beside 911, 933, 988 and 112, with commas between them.
    #[arg(long, value_name = "NUMBERS")]
    emergency: Option<String>,
    /// An extension that calls out by an account of its own.
    #[arg(long, value_name = "EXTENSION:ACCOUNT")]
    own_trunk: Option<String>,
}

impl From<Answers> for Form {
    fn from(a: Answers) -> Form {
        let text = Option::unwrap_or_default;
        Form {
            pbx: text(a.pbx),
            freepbx: text(a.freepbx),
            driver: text(a.driver),
            method: text(a.method),
            to_box: text(a.to_box),
            to_voipms: text(a.to_voipms),
            login: text(a.login),
            the_box: text(a.the_box),
            pbx_address: text(a.pbx_address),
            name: text(a.name),
            account: text(a.account),
            pop: text(a.pop),
            did: text(a.did),
            caller_id: text(a.caller_id),
            ring: text(a.ring),
            context: text(a.context),
            country: text(a.country),
            area_code: text(a.area_code),
            outside_prefix: text(a.outside_prefix),
            when_away: text(a.when_away),
            deny_code: text(a.deny_code),
            prefix: text(a.prefix),
            emergency: text(a.emergency),
            own_trunk: text(a.own_trunk),
        }
    }
}

pub fn run(arguments: Arguments) -> anyhow::Result<Answer> {
    if arguments.list {
        let line = |(name, about): &(&str, &str)| format!("{name:<18} {about}\n");
        return print(KINDS.iter().map(line).collect::<String>());
    }
    if arguments.check_password {
        return found(&traps::password(&password()?));
    }
    if let Some(path) = &arguments.check_file {
        return found(&traps::look_over(&file(path)?));
    }
    let language = match arguments.language {
        Spoken::English => Language::English,
        Spoken::French => Language::French,
    };
    let setup = match Form::from(arguments.answers).check_in(language) {
        Ok(answers) => Setup::new(&answers, language),
        Err(wrong) => bail!("{}", refusal(&wrong)),
    };
    if let Some(folder) = &arguments.out {
        let written = write(folder, &setup, language, arguments.force)?;
        if !arguments.json {
            return print(written);
        }
    }
    if arguments.json {
        print(serde_json::to_string_pretty(&setup)? + "\n")
    } else {
        print(setup.readable(language))
    }
}

/// Everything that is wrong, by the flag.
fn refusal(wrong: &[Wrong]) -> String {
    let mut text = match wrong.len() {
        1 => "one answer is not right (trunkguard pbx-config --help)".to_owned(),
        n => format!("{n} answers are not right (trunkguard pbx-config --help)"),
    };
    for one in wrong {
        let flag = match one.field {
            "the_box" => "box".to_owned(),
            field => field.replace('_', "-"),
        };
        text += &format!("\n  --{flag}: {}", one.message);
    }
    text
}

fn found(traps: &[traps::Trap]) -> anyhow::Result<Answer> {
    let mut text = String::new();
    for trap in traps {
        if trap.line > 0 {
            text += &format!("line {}: ", trap.line);
        }
        text += &format!("{}\n  -> {}\n", trap.what, trap.remedy);
    }
    if traps.is_empty() {
        return print("nothing found\n");
    }
    print(text)?;
    Ok(Answer::No)
}

fn password() -> anyhow::Result<String> {
    let mut text = String::new();
    let longest = traps::LONGEST_PASSWORD as u64;
    let mut input = std::io::stdin().lock().take(longest + 1);
    input
        .read_to_string(&mut text)
        .context("the password cannot be read")?;
    let line = text.lines().next().unwrap_or_default();
    if text.len() as u64 > longest {
        bail!("standard input is longer than any password; write one line");
    }
    Ok(line.to_owned())
}

fn file(path: &Path) -> anyhow::Result<String> {
    let name = path.display();
    let open = fs::File::open(path).with_context(|| format!("{name}: cannot be read"))?;
    if !open.metadata()?.is_file() {
        bail!("{name}: not a plain file; name a configuration file");
    }
    let mut bytes = Vec::new();
    let largest = traps::LARGEST_FILE as u64;
    open.take(largest + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{name}: cannot be read"))?;
    if bytes.len() as u64 > largest {
        bail!(
            "{name}: larger than {} MiB; name a configuration file",
            largest >> 20
        );
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes the files, the steps and the client, all or none where one is there already. A person types a
/// password into them: only their owner may read them.
fn write(folder: &Path, setup: &Setup, language: Language, force: bool) -> anyhow::Result<String> {
    let mut files: Vec<(PathBuf, &str)> = setup
        .files
        .iter()
        .map(|f| (folder.join(&f.name), f.text.as_str()))
        .collect();
    let steps = setup.readable(language);
    files.push((folder.join("steps.txt"), &steps));
    files.push((folder.join("client.toml"), &setup.client));
    if let Some((there, _)) = files.iter().find(|(path, _)| path.exists() && !force) {
        bail!(
            "{} is there already, and nothing was written; name another folder, or say --force",
            there.display()
        );
    }
    let mut said = String::new();
    for (path, text) in files {
        let written = put(&path, text);
        written.with_context(|| format!("{}: cannot be written", path.display()))?;
        said += &format!("{}\n", path.display());
    }
    Ok(said)
}

fn put(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup() -> Setup {
        let form = Form {
            pbx: "freeswitch".into(),
            the_box: "192.168.1.20".into(),
            pbx_address: "192.168.1.10".into(),
            account: "100000_office".into(),
            pop: "montreal10.voip.ms".into(),
            did: "4165551234".into(),
            ..Form::default()
        };
        Setup::new(&form.check().unwrap(), Language::English)
    }

    #[test]
    fn nothing_is_written_over_unless_said() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("new");
        let said = write(&out, &setup(), Language::English, false).unwrap();
        assert_eq!(said.lines().count(), 6, "{said}");
        let held = out.join("dialplan/trunkguard.xml");
        fs::write(&held, "mine").unwrap();
        let problem = write(&out, &setup(), Language::English, false).unwrap_err();
        assert!(problem.to_string().contains("--force"), "{problem}");
        assert_eq!(fs::read_to_string(&held).unwrap(), "mine");
        write(&out, &setup(), Language::English, true).unwrap();
        assert!(fs::read_to_string(&held).unwrap().starts_with("<include>"));
    }

    #[test]
    fn every_wrong_answer_is_named_by_its_flag() {
        let wrong = Form {
            the_box: "x".into(),
            ..Form::default()
        }
        .check()
        .unwrap_err();
        let text = refusal(&wrong);
        assert!(
            text.starts_with("6 answers")
                && text.contains("\n  --box: `x`")
                && text.contains("\n  --pbx-address: "),
            "{text}"
        );
    }
}
