//! An e-mail by SMTP (RFC 5321): one address, one connection, one answer.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs},
    time::{Duration, Instant, SystemTime},
};

use lettre::{
    Address,
    message::{
        Mailbox, MultiPart,
        header::{Header, HeaderName, HeaderValue},
    },
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{Certificate, CertificateStore, SmtpConnection, TlsParameters},
        commands::{Data, Mail as MailFrom, Rcpt},
        extension::ClientId,
    },
};
use trunkguard_core::{
    alerts::Message,
    policy::{Alerts, Mail, MailAddress, Security},
};

use crate::{
    LIMIT, Outcome, clean,
    pipe::{self, Cut},
    render, roots,
};

/// For the server to take the connection.
const CONNECT: Duration = Duration::from_secs(10);
/// For each answer.
const ANSWER: Duration = Duration::from_secs(20);

/// Sends it, and waits for the answer.
pub fn send(alerts: &Alerts, mail: &Mail, to: &MailAddress, message: &Message) -> Outcome {
    let until = Instant::now() + LIMIT;
    match written(alerts, mail, to, message) {
        Ok((from, to, octets)) => {
            deliver(mail, from, to, &octets, until).unwrap_or_else(|refusal| refusal)
        }
        Err(why) => Outcome::Never {
            why: format!("the e-mail cannot be written: {why}"),
        },
    }
}

/// "Sent by a program": nobody's absence note answers it (RFC 3834 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }
    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }
    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// The envelope and the octets. The same message has the same Message-ID and Date whenever it leaves, so that
/// a server, or a reader, that gets it twice can see it.
fn written(
    alerts: &Alerts,
    mail: &Mail,
    to: &MailAddress,
    message: &Message,
) -> Result<(Address, Address, Vec<u8>), String> {
    let rendered = render::mail(alerts, message);
    let address = |address: &MailAddress| {
        address
            .as_str()
            .parse::<Address>()
            .map_err(|e| e.to_string())
    };
    let (from, to) = (address(&mail.from)?, address(to)?);
    let name = clean::line(alerts.name.as_str(), 64);
    let made = Duration::from_millis(u64::try_from(message.unix_ms).unwrap_or(0));
    let token = message.token.chars().filter(char::is_ascii_alphanumeric);
    let id = format!("<{}@{}>", token.collect::<String>(), mail.from.domain());
    let mut builder = lettre::Message::builder()
        .from(Mailbox::new(Some(name), from.clone()))
        .subject(rendered.subject)
        .date(SystemTime::UNIX_EPOCH + made)
        .message_id(Some(id))
        .header(AutoSubmitted);
    for everybody in &mail.to {
        builder = builder.to(Mailbox::new(None, address(everybody)?));
    }
    let body = MultiPart::alternative_plain_html(rendered.text, rendered.html);
    let letter = builder.multipart(body).map_err(|e| e.to_string())?;
    Ok((from, to, letter.formatted()))
}

fn deliver(
    mail: &Mail,
    from: Address,
    to: Address,
    letter: &[u8],
    until: Instant,
) -> Result<Outcome, Outcome> {
    let server = connect(mail)?;
    let here = match server.local_addr().map(|here| here.ip().to_canonical()) {
        Ok(IpAddr::V4(here)) => ClientId::Ipv4(here),
        Ok(IpAddr::V6(here)) => ClientId::Ipv6(here),
        Err(_) => ClientId::Domain("localhost".into()),
    };
    let tls = match mail.security {
        Security::None => None,
        Security::Starttls | Security::Tls => Some(tls(mail)?),
    };
    let (at, cut) =
        pipe::open(server, until).map_err(|e| later(format!("no connection can be made ({e})")))?;
    let talk = Talk { mail, cut };
    let at_once = tls.as_ref().filter(|_| mail.security == Security::Tls);
    let mut smtp = SmtpConnection::connect(at, Some(ANSWER), &here, at_once, None)
        .map_err(|e| talk.refused(Step::Greeting, &e))?;
    if let (Security::Starttls, Some(tls)) = (mail.security, &tls) {
        if !smtp.can_starttls() {
            let why = format!(
                "{} does not offer STARTTLS; write security = \"tls\", or another port",
                talk.name()
            );
            smtp.abort();
            return Err(slow(why));
        }
        smtp.starttls(tls, &here)
            .map_err(|e| talk.refused(Step::Tls, &e))?;
    }
    if let (Some(user), Some(password)) = (&mail.username, &mail.password) {
        let login = Credentials::new(user.as_str().into(), password.reveal().into());
        smtp.auth(&[Mechanism::Plain, Mechanism::Login], &login)
            .map_err(|e| talk.refused(Step::Login, &e))?;
    }
    smtp.command(MailFrom::new(Some(from), Vec::new()))
        .map_err(|e| talk.refused(Step::From, &e))?;
    smtp.command(Rcpt::new(to, Vec::new()))
        .map_err(|e| talk.refused(Step::To, &e))?;
    smtp.command(Data)
        .map_err(|e| talk.refused(Step::Letter, &e))?;
    smtp.message(letter)
        .map_err(|e| talk.refused(Step::Letter, &e))?;
    // It is the server's now, whether or not it says goodbye.
    let _ = smtp.quit();
    Ok(Outcome::Accepted)
}

/// The channel is not to be used now.
fn later(why: String) -> Outcome {
    Outcome::Later {
        why,
        slow: false,
        whole: true,
    }
}

/// The channel is not to be used as it is set.
fn slow(why: String) -> Outcome {
    Outcome::Later {
        why,
        slow: true,
        whole: true,
    }
}

/// The connection to the server: the first of its addresses that takes one.
fn connect(mail: &Mail) -> Result<TcpStream, Outcome> {
    let (host, port) = (mail.server.as_str(), mail.port());
    let found: Vec<SocketAddr> = match (host, port).to_socket_addrs() {
        Ok(found) => found.take(4).collect(),
        Err(e) => {
            return Err(later(format!(
                "{host} has no address ({e}); look at alerts.mail.server, and at the box's DNS"
            )));
        }
    };
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for at in found {
        match TcpStream::connect_timeout(&at, CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(e) => last = e,
        }
    }
    Err(later(match last.kind() {
        io::ErrorKind::ConnectionRefused => {
            format!("nobody listens at {host} port {port}; look at alerts.mail.server and port")
        }
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => format!(
            "{host} port {port} does not answer; look at alerts.mail.server and port, and at what stands on the way"
        ),
        _ => format!("{host} port {port} cannot be reached ({last})"),
    }))
}

fn tls(mail: &Mail) -> Result<TlsParameters, Outcome> {
    let mut builder = TlsParameters::builder(mail.server.to_string());
    builder = match roots::pem().map_err(slow)? {
        None => builder.certificate_store(CertificateStore::WebpkiRoots),
        Some(pem) => {
            let listed = Certificate::from_pem(&pem)
                .map_err(|e| slow(format!("the list of certificates cannot be read ({e})")))?;
            (builder.certificate_store(CertificateStore::None)).add_root_certificate(listed)
        }
    };
    builder
        .build()
        .map_err(|e| slow(format!("TLS cannot be set up ({e})")))
}

/// Where a talk with a server ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Greeting,
    Tls,
    Login,
    From,
    To,
    Letter,
}

/// A talk with a server, for what is said of its end.
struct Talk<'a> {
    mail: &'a Mail,
    cut: Cut,
}

impl Talk<'_> {
    fn name(&self) -> String {
        format!("{} port {}", self.mail.server, self.mail.port())
    }

    /// What the end of a talk means. A server that has judged the letter itself (5xx to an address or to the
    /// text) will judge it so again; where it never came to that, another time may be better.
    fn refused(&self, step: Step, error: &Error) -> Outcome {
        let server = self.name();
        let said = clean::line(&words(error), 200);
        if let Some(why) = self.cut.why() {
            return later(format!("{server}: {why}"));
        }
        if said.contains("certificate") {
            let why = format!(
                "the certificate of {server} is not to be trusted ({said}); look at alerts.mail.server, the server's \
                 certificate, and the box's clock"
            );
            return slow(why);
        }
        if is_silence(error) {
            return later(format!(
                "{server} falls silent; look at alerts.mail.port and security"
            ));
        }
        let judged = error.is_permanent();
        match step {
            Step::Login if judged || error.is_client() => slow(format!(
                "{server} refuses the login ({said}); look at alerts.mail.username and password (many providers \
                     want a password for this program alone)"
            )),
            Step::From if judged => Outcome::Never {
                why: format!(
                    "{server} refuses the sender {} ({said}); look at alerts.mail.from",
                    self.mail.from
                ),
            },
            Step::To if judged => Outcome::Never {
                why: format!("{server} refuses the recipient ({said}); look at alerts.mail.to"),
            },
            Step::Letter if judged => Outcome::Never {
                why: format!("{server} refuses the text ({said}); ask who runs it"),
            },
            Step::Greeting | Step::Tls | Step::Login if judged => {
                slow(format!("{server} refuses the connection ({said})"))
            }
            Step::From | Step::To | Step::Letter if error.is_transient() => Outcome::Later {
                why: format!("{server} asks for another try ({said})"),
                slow: false,
                whole: false,
            },
            _ if error.is_transient() => later(format!("{server} asks for another try ({said})")),
            Step::Greeting | Step::Tls => later(format!(
                "no mail server answers at {server} ({said}); look at alerts.mail.port and security"
            )),
            _ => later(format!("{server} hung up ({said})")),
        }
    }
}

/// Nothing came in time. What a socket says then depends on the system (read(2): EAGAIN).
fn is_silence(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let kind = inner.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(
            kind,
            Some(io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
        ) {
            return true;
        }
        cause = inner.source();
    }
    error.is_timeout()
}

/// What the server said, or the innermost cause.
fn words(error: &Error) -> String {
    let mut said = match error.status() {
        Some(code) => format!("{code} "),
        None => String::new(),
    };
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    if cause.is_none() {
        said += &error.to_string();
    }
    while let Some(inner) = cause {
        cause = inner.source();
        if cause.is_none() {
            said += &inner.to_string();
        }
    }
    said.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use trunkguard_core::{alerts::Content, policy::Mode};

    use super::*;

    fn alerts(name: &str) -> Alerts {
        serde_json::from_value(serde_json::json!({
            "name": name,
            "mail": {"server": "a.example", "from": "box@a.example", "to": ["one@b.example", "two@b.example"]},
        }))
        .unwrap()
    }

    #[test]
    fn the_letter_has_the_headers_that_it_should_and_no_others() {
        let name = "Büro \"<x@y>\"\u{202e}, Ltd";
        let alerts = alerts(name);
        let mail = alerts.mail.as_ref().unwrap();
        let message = Message {
            token: "0123456789abcdef0123456789abcdef".into(),
            unix_ms: 1_800_000_000_000,
            at: "2027-01-15 08:00".into(),
            mode: Mode::Prevent,
            urgent: false,
            content: Content::Test,
        };
        let (from, to, octets) = written(&alerts, mail, &mail.to[1], &message).unwrap();
        assert_eq!(
            (from.to_string().as_str(), to.to_string().as_str()),
            ("box@a.example", "two@b.example")
        );
        assert!(octets.is_ascii());
        let text = String::from_utf8(octets).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let unfolded = head.replace("\r\n ", " ");
        let mut names: Vec<&str> = unfolded
            .lines()
            .map(|line| line.split(':').next().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "Auto-Submitted",
                "Content-Type",
                "Date",
                "From",
                "MIME-Version",
                "Message-ID",
                "Subject",
                "To"
            ]
        );
        assert!(unfolded.contains("Message-ID: <0123456789abcdef0123456789abcdef@a.example>"));
        assert!(unfolded.contains("Date: Fri, 15 Jan 2027 08:00:00"));
        assert!(unfolded.contains("To: one@b.example, two@b.example"));
    }
}
