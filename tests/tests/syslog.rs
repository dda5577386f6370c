//! What a real rsyslogd hears of calls and incidents: by UDP, by TCP and by TLS, and after it was away.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use trunkguard_tests::{Guard, Office, Process, address, tools, wire::Udp};

const POLICY: &str = r#"format = 1
[settings]
mode = "prevent"
country = "US"
[policy.allow]
countries = ["US"]
[[client]]
name = "of]fi\"ce"
addresses = ["127.0.0.50"]
"#;
const SERVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 77);
const PATIENCE: Duration = Duration::from_secs(20);

/// A log server.
struct Server<'a> {
    office: &'a Office,
    configuration: PathBuf,
    heard: PathBuf,
    port: u16,
    process: Option<Process>,
}

impl<'a> Server<'a> {
    /// One that listens by `input` (a part of rsyslog.conf).
    fn new(office: &'a Office, port: u16, input: &str) -> Result<Server<'a>> {
        let folder = office.folder().join(format!("rsyslog-{port}"));
        fs::create_dir_all(&folder)?;
        let heard = folder.join("heard");
        let configuration = folder.join("rsyslog.conf");
        let text = format!(
            "global(workDirectory=\"{folder}\" maxMessageSize=\"64k\")\n{input}\n\
             template(name=\"fields\" type=\"string\" string=\"%pri-text%|%app-name%|%msgid%|%structured-data%|%msg%\\n\")\n\
             action(type=\"omfile\" file=\"{heard}\" template=\"fields\")\n",
            folder = folder.display(),
            heard = heard.display()
        );
        fs::write(&configuration, text)?;
        let mut server = Server {
            office,
            configuration,
            heard,
            port,
            process: None,
        };
        server.start()?;
        Ok(server)
    }

    fn start(&mut self) -> Result<()> {
        let id = self.configuration.with_file_name("pid");
        let _ = fs::remove_file(&id);
        let (configuration, id_text) = (self.configuration.to_string_lossy(), id.to_string_lossy());
        let program = rsyslogd()?;
        let arguments = ["-n", "-f", &configuration, "-i", &id_text];
        let process = Process::start(&program, &arguments, &self.office.log("rsyslogd"))?;
        self.process = Some(process);
        // The file with its id comes when it has opened its sockets; one that takes connections says more.
        until("rsyslogd listens", || {
            let at = SocketAddr::from((SERVER, self.port));
            Ok(id.exists() && (self.port == 514 || TcpStream::connect(at).is_ok()))
        })
    }

    fn stop(&mut self) -> Result<()> {
        let mut process = self.process.take().context("it does not run")?;
        process.terminate(PATIENCE)?;
        Ok(())
    }

    /// Lines of one kind, once there are so many.
    fn heard(&self, id: &str, count: usize) -> Result<Vec<String>> {
        let lines = || -> Vec<String> {
            let text = fs::read_to_string(&self.heard).unwrap_or_default();
            let of_kind = text
                .lines()
                .filter(|line| line.split('|').nth(2) == Some(id));
            of_kind.map(Into::into).collect()
        };
        let what = format!("{count} messages {id}");
        until(&what, || Ok(lines().len() >= count))
            .with_context(|| fs::read_to_string(&self.heard).unwrap_or_default())?;
        let lines = lines();
        ensure!(lines.len() == count, "more than {count}: {lines:#?}");
        Ok(lines)
    }
}

fn rsyslogd() -> Result<PathBuf> {
    let usual = Path::new("/usr/sbin/rsyslogd");
    if usual.exists() {
        Ok(usual.to_owned())
    } else {
        tools::on_path("rsyslogd")
    }
}

fn until(what: &str, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    while !done()? {
        if began.elapsed() > PATIENCE {
            bail!("{what}: not within {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn with_syslog(settings: &str) -> String {
    format!("{POLICY}[syslog]\nserver = \"{SERVER}\"\nlocal = 3\n{settings}")
}

fn calls(guard: &Guard, numbers: &[&str], name: &str) -> Result<()> {
    let client = Udp::at(address::SCRIPT, guard.listens())?;
    for (n, number) in numbers.iter().enumerate() {
        client.ask(number, &format!("{name}-{n}"))?;
    }
    Ok(())
}

/// One call of each verdict and the incident that comes of them, field by field.
fn all_is_told(office: &Office, server: &Server<'_>, settings: &str) -> Result<()> {
    let guard = office.guard(&with_syslog(settings))?;
    calls(&guard, &["12125550123", "01126377123456", "911"], "told")?;
    let heard = server.heard("CALL", 3)?;
    for (line, facts) in heard.iter().zip([
        [
            "local3.info",
            "number=\"+12125550123\"",
            "verdict=\"approved\" rule=\"default\"",
            "call approved",
        ],
        [
            "local3.notice",
            "number=\"+26377123456\"",
            "verdict=\"denied\" rule=\"country\"",
            "call denied",
        ],
        [
            "local3.info",
            "number=\"911\"",
            "rule=\"emergency\"",
            "emergency calls are always approved",
        ],
    ]) {
        for fact in facts {
            ensure!(line.contains(fact), "no {fact} in {line}");
        }
        ensure!(
            line.contains(
                "|trunkguard|CALL|[call@32473 client=\"of\\]fi\\\"ce\" source=\"127.0.0.50\""
            ),
            "{line}"
        );
    }
    let incidents = server.heard("INCIDENT", 2)?;
    for (incident, kind) in incidents.iter().zip(["country", "emergency-call"]) {
        ensure!(
            incident.starts_with("local3.warning|trunkguard|INCIDENT|[incident@32473 id=")
                && incident.contains(&format!("kind=\"{kind}\"")),
            "{incident}"
        );
    }
    let said = guard.cli(&["status", "--json"])?;
    let status: serde_json::Value = serde_json::from_str(&said.out)?;
    ensure!(
        status["syslog"]["sent"] == 5 && status["syslog"]["lost"] == 0,
        "{status:#}"
    );
    Ok(())
}

#[test]
fn a_log_server_hears_of_calls_by_udp() {
    Office::run(|office| {
        let input = format!(
            "module(load=\"imudp\")\ninput(type=\"imudp\" address=\"{SERVER}\" port=\"514\")"
        );
        let server = Server::new(office, 514, &input)?;
        all_is_told(office, &server, "")
    });
}

#[test]
fn a_log_server_hears_by_tcp_what_was_decided_while_it_was_away() {
    Office::run(|office| {
        let input = format!(
            "module(load=\"imtcp\")\ninput(type=\"imtcp\" address=\"{SERVER}\" port=\"601\")"
        );
        let mut server = Server::new(office, 601, &input)?;
        let guard = office.guard(&with_syslog(
            "port = 601\ntransport = \"tcp\"\nincidents = false\n",
        ))?;
        calls(&guard, &["12125550123"], "before")?;
        server.heard("CALL", 1)?;
        server.stop()?;
        // Calls are answered as before, and the box says who is away.
        calls(&guard, &["911", "933", "18005550100"], "away")?;
        until("the box says who is away", || {
            Ok(guard
                .cli(&["status"])?
                .out
                .contains("127.0.0.77:601 by TCP is not reached"))
        })?;
        server.start()?;
        let heard = server.heard("CALL", 4)?;
        for (line, number) in heard
            .iter()
            .zip(["+12125550123", "911", "933", "+18005550100"])
        {
            ensure!(
                line.contains(&format!("number=\"{number}\"")),
                "{number}: {line}"
            );
        }
        until("the box is content again", || {
            Ok(!guard.cli(&["status"])?.out.contains("not reached"))
        })?;
        // Without a server nobody is told, and nobody is missed.
        guard.apply(POLICY)?;
        calls(&guard, &["988"], "nobody")?;
        ensure!(!guard.cli(&["status"])?.out.contains("syslog"));
        server.heard("CALL", 4)?;
        Ok(())
    });
}

/// A certificate of nobody's and its key, as files.
fn certificate(office: &Office) -> Result<(String, String)> {
    let path = |name: &str| office.folder().join(name).to_string_lossy().into_owned();
    let (certificate, key) = (path("server.crt"), path("server.key"));
    let made = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=logs -keyout";
    let made = made.split(' ').chain([&*key, "-out", &certificate]);
    tools::run("openssl", &made.collect::<Vec<_>>())?;
    Ok((certificate, key))
}

#[test]
fn a_log_server_is_known_by_its_certificate() {
    Office::run(|office| {
        let (certificate, key) = certificate(office)?;
        let printed = tools::run(
            "openssl",
            &[
                "x509",
                "-in",
                &certificate,
                "-noout",
                "-fingerprint",
                "-sha256",
            ],
        )?;
        let fingerprint = printed.trim().split('=').nth(1).context("no fingerprint")?;
        let input = format!(
            "global(defaultNetstreamDriver=\"ossl\" defaultNetstreamDriverCAFile=\"{certificate}\" \
             defaultNetstreamDriverCertFile=\"{certificate}\" defaultNetstreamDriverKeyFile=\"{key}\")\n\
             module(load=\"imtcp\" streamDriver.name=\"ossl\" streamDriver.mode=\"1\" streamDriver.authMode=\"anon\")\n\
             input(type=\"imtcp\" address=\"{SERVER}\" port=\"6514\")"
        );
        let server = Server::new(office, 6514, &input)?;
        all_is_told(
            office,
            &server,
            &format!("transport = \"tls\"\nfingerprint = \"{fingerprint}\"\n"),
        )?;
        Ok(())
    });
}

#[test]
fn a_log_server_with_another_certificate_hears_nothing() {
    Office::run(|office| {
        let (certificate, key) = certificate(office)?;
        let listener = office.start(
            "openssl",
            &[
                "s_server",
                "-accept",
                "127.0.0.77:6514",
                "-cert",
                &certificate,
                "-key",
                &key,
                "-quiet",
            ],
        )?;
        until("the server listens", || {
            Ok(TcpStream::connect((SERVER, 6514)).is_ok())
        })?;
        let another = "00".repeat(32);
        for settings in [
            format!("transport = \"tls\"\nfingerprint = \"{another}\"\n"),
            // By the system's authorities, which have signed no certificate of ours.
            "transport = \"tls\"\n".to_owned(),
        ] {
            let guard = office.guard(&with_syslog(&settings))?;
            calls(&guard, &["911"], "untrusted")?;
            until("the box says that it is another", || {
                let said = guard.cli(&["status"])?.out;
                Ok(said.contains("is not reached") && said.contains("certificate"))
            })?;
            let heard = listener.printed();
            ensure!(!heard.contains("trunkguard"), "{heard}");
        }
        Ok(())
    });
}
