//! A phone behind the PBX: it registers, calls and hangs up, with Digest credentials.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    digest,
    sip::{Message, answer, bare_uri, description},
};

/// What the phone says it is, here and in what the PBX tells the box.
pub(crate) const AGENT: &str = "Yealink SIP-T46U 108.86.0.20";
/// Longest wait for a final answer: chan_sip takes 32 s to give a dead peer up.
const FINAL: Duration = Duration::from_secs(40);

/// One extension of the PBX. Its password is `s3cret-` and its name.
pub struct Phone {
    socket: UdpSocket,
    here: SocketAddr,
    pbx: SocketAddr,
    user: String,
    count: u32,
}

/// How a call ended, or that it was answered.
pub enum Outcome<'a> {
    /// 200: the call is up.
    Answered(Call<'a>),
    /// A final status other than 200, and the time it took.
    Refused(u16, Duration),
}

/// A call that is up.
pub struct Call<'a> {
    phone: &'a Phone,
    invite: Request,
    answer: Message,
}

#[derive(Clone)]
struct Request {
    method: &'static str,
    uri: String,
    call: String,
    tag: String,
    to: String,
    sequence: u32,
    body: String,
}

impl Phone {
    /// A phone that has not registered yet.
    ///
    /// # Errors
    /// When its socket cannot be opened.
    pub fn new(at: Ipv4Addr, pbx: SocketAddr, user: &str) -> Result<Phone> {
        let socket =
            UdpSocket::bind((at, 5060)).with_context(|| format!("the phone's socket {at}"))?;
        let here = socket.local_addr()?;
        Ok(Phone {
            socket,
            here,
            pbx,
            user: user.to_owned(),
            count: 0,
        })
    }

    /// Registers at the PBX.
    ///
    /// # Errors
    /// When the PBX refuses or does not answer.
    pub fn register(&mut self) -> Result<()> {
        let uri = format!("sip:{}", self.pbx.ip());
        let to = format!("<sip:{}@{}>", self.user, self.pbx.ip());
        let mut request = self.request("REGISTER", uri, to, String::new());
        let response = self.with_credentials(&mut request, Duration::from_secs(10))?;
        ensure!(
            response.status() == Some(200),
            "the PBX refuses the registration: {}",
            response.start
        );
        Ok(())
    }

    /// Dials a number and waits for the final answer.
    ///
    /// # Errors
    /// When there is none within 40 s.
    pub fn dial(&mut self, number: &str) -> Result<Outcome<'_>> {
        let uri = format!("sip:{number}@{}", self.pbx.ip());
        let to = format!("<{uri}>");
        let mut request = self.request("INVITE", uri, to, description(self.here.ip()));
        let started = Instant::now();
        let answer = self.with_credentials(&mut request, FINAL)?;
        match answer.status() {
            Some(200) => {
                self.acknowledge(&request, &answer)?;
                Ok(Outcome::Answered(Call {
                    phone: self,
                    invite: request,
                    answer,
                }))
            }
            status => Ok(Outcome::Refused(
                status.context("an answer without a status")?,
                started.elapsed(),
            )),
        }
    }

    /// Dials a number that must be answered, and hangs up.
    ///
    /// # Errors
    /// When the call is refused.
    pub fn call_through(&mut self, number: &str) -> Result<()> {
        match self.dial(number)? {
            Outcome::Answered(call) => call.hang_up(),
            Outcome::Refused(status, _) => bail!("the call to {number} was refused with {status}"),
        }
    }

    /// Dials a number that must be refused; returns the status and the time it took.
    ///
    /// # Errors
    /// When the call is answered.
    pub fn call_refused(&mut self, number: &str) -> Result<(u16, Duration)> {
        match self.dial(number)? {
            Outcome::Refused(status, took) => Ok((status, took)),
            Outcome::Answered(call) => {
                call.hang_up()?;
                bail!("the call to {number} was answered; it should have been refused")
            }
        }
    }

    fn request(&mut self, method: &'static str, uri: String, to: String, body: String) -> Request {
        self.count += 1;
        let call = format!(
            "{}-{}-{method}@{}",
            std::process::id(),
            self.count,
            self.here.ip()
        );
        Request {
            method,
            uri,
            call,
            tag: format!("t{}", self.count),
            to,
            sequence: 1,
            body,
        }
    }

    /// Sends a request; when it is challenged, once more with credentials.
    fn with_credentials(&self, request: &mut Request, limit: Duration) -> Result<Message> {
        let first = self.exchange(request, "", limit)?;
        let (challenge, header) = match first.status() {
            Some(401) => (first.header("WWW-Authenticate"), "Authorization"),
            Some(407) => (first.header("Proxy-Authenticate"), "Proxy-Authorization"),
            _ => return Ok(first),
        };
        let password = format!("s3cret-{}", self.user);
        let value = digest::credentials(
            challenge,
            &self.user,
            &password,
            request.method,
            &request.uri,
        )
        .with_context(|| format!("a challenge that the phone cannot answer: {challenge}"))?;
        request.sequence += 1;
        self.exchange(request, &format!("{header}: {value}\r\n"), limit)
    }

    /// Sends a request until something comes back, and waits for its final answer.
    fn exchange(&self, request: &Request, more: &str, limit: Duration) -> Result<Message> {
        let text = self.text(request, request.method, request.sequence, &request.to, more);
        let started = Instant::now();
        let (mut pause, mut again) = (Duration::from_millis(500), Some(Instant::now()));
        while started.elapsed() < limit {
            if again.is_some_and(|at| at <= Instant::now()) {
                self.socket.send_to(text.as_bytes(), self.pbx)?;
                again = Some(Instant::now() + pause);
                pause *= 2;
            }
            let Some(message) = self.receive(Duration::from_millis(100))? else {
                continue;
            };
            let ours = message.header("Call-ID") == request.call
                && message.header("CSeq") == format!("{} {}", request.sequence, request.method);
            match message.status() {
                Some(100..=199) if ours => again = None,
                Some(200) if ours => return Ok(message),
                Some(_) if ours => {
                    if request.method == "INVITE" {
                        self.acknowledge(request, &message)?;
                    }
                    return Ok(message);
                }
                _ => {}
            }
        }
        bail!(
            "no final answer to {} {} within {limit:?}",
            request.method,
            request.uri
        )
    }

    /// One message, or `None` after `wait`. Requests are answered 200 here.
    fn receive(&self, wait: Duration) -> Result<Option<Message>> {
        self.socket.set_read_timeout(Some(wait))?;
        let mut buffer = vec![0; 65_536];
        let (length, from) = match self.socket.recv_from(&mut buffer) {
            Ok(got) => got,
            Err(e)
                if matches!(
                    e.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::ConnectionRefused
                ) =>
            {
                return Ok(None);
            }
            Err(e) => return Err(e.into()),
        };
        let Some(message) = Message::read(&buffer[..length]) else {
            return Ok(None);
        };
        if !matches!(message.method(), "" | "ACK") {
            self.socket
                .send_to(answer(&message, "200 OK", "phone", "", "").as_bytes(), from)?;
        }
        Ok(Some(message))
    }

    fn acknowledge(&self, request: &Request, response: &Message) -> Result<()> {
        let mut ack = request.clone();
        if response.status() == Some(200) {
            ack.uri = bare_uri(response.header("Contact")).to_owned();
        }
        ack.body.clear();
        let text = self.text(&ack, "ACK", request.sequence, response.header("To"), "");
        self.socket.send_to(text.as_bytes(), self.pbx)?;
        Ok(())
    }

    fn text(&self, request: &Request, method: &str, sequence: u32, to: &str, more: &str) -> String {
        // The ACK of a refusal belongs to the INVITE's transaction and carries its branch.
        let branch = format!(
            "z9hG4bK{}{}",
            request.call.replace(['@', '.'], "-"),
            sequence
        );
        let kind = if request.body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch={branch};rport\r\n\
             From: <sip:{user}@{pbx}>;tag={tag}\r\nTo: {to}\r\nCall-ID: {call}\r\nCSeq: {sequence} {method}\r\n\
             Contact: <sip:{user}@{here}>\r\nMax-Forwards: 70\r\nExpires: 600\r\nUser-Agent: {AGENT}\r\n{more}{kind}\
             Content-Length: {length}\r\n\r\n{body}",
            uri = request.uri,
            here = self.here,
            user = self.user,
            pbx = self.pbx.ip(),
            tag = request.tag,
            call = request.call,
            length = request.body.len(),
            body = request.body,
        )
    }
}

impl Call<'_> {
    /// Checks that nobody has ended the call.
    ///
    /// # Errors
    /// When a BYE has come.
    pub fn still_up(&self) -> Result<()> {
        while let Some(message) = self.phone.receive(Duration::from_millis(20))? {
            ensure!(message.method() != "BYE", "the PBX has ended the call");
        }
        Ok(())
    }

    /// Waits until the other side ends the call.
    ///
    /// # Errors
    /// When it does not within `limit`.
    pub fn ended_by_peer(self, limit: Duration) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < limit {
            if let Some(message) = self.phone.receive(Duration::from_millis(100))?
                && message.method() == "BYE"
            {
                return Ok(());
            }
        }
        bail!("the call is still up after {limit:?}")
    }

    /// Ends the call and waits for the answer.
    ///
    /// # Errors
    /// When the PBX does not know the call.
    pub fn hang_up(self) -> Result<()> {
        let mut bye = self.invite;
        bye.method = "BYE";
        bye.sequence += 1;
        bye.uri = bare_uri(self.answer.header("Contact")).to_owned();
        bye.to = self.answer.header("To").to_owned();
        bye.body.clear();
        let answer = self.phone.exchange(&bye, "", Duration::from_secs(5))?;
        ensure!(
            answer.status() == Some(200),
            "BYE was answered {}",
            answer.start
        );
        Ok(())
    }
}
