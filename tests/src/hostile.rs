//! What strangers, phones and a stolen PBX can write where the box shows it: markup, scripts, characters that turn lines around or
//! move a cursor, formulas, and far too much of it. Sent octet by octet; and the look at what comes out on the other side.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

/// A number that the last call of [`calls`] is to.
pub const LAST: &str = "12125550777";
/// Octets of the long ones.
const LONG: usize = 700;

/// What is written, as octets: not all of it is text.
pub fn payloads() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(2)>",
        "'/**/onfocus='alert(3)' autofocus='",
        "<svg/onload=alert(4)>",
        "</title></textarea></style><b>bold",
        // The direction of text (UAX 9), invisible joints, and a line separator.
        "\u{202e}gpj.exe\u{2066}\u{200f}\u{200b}\u{feff}\u{2028}end",
        // A terminal's orders, a bell, a backspace, DEL, a C1 order.
        "\u{1b}[31m\u{1b}]0;title\u{7}a\u{8}b\u{7f}\u{9b}2J",
        "nul\0nul",
        "=HYPERLINK(\"http://198.51.100.9/\",\"x\")",
        "{{7*7}}${7*7}%s%n&lt;&#60;\\u003c",
        "\tBcc: evil@example.com",
    ]
    .into_iter()
    .map(Into::into)
    .collect();
    all.push(b"\xff\xfe\xc0\xaf\xed\xa0\x80 no text".to_vec());
    all.push(vec![b'W'; LONG]);
    all.push("\u{301}\u{e0020}Z\u{489}".repeat(40).into_bytes());
    all
}

/// Calls and signs of life from an address, each payload in each place that is read, then one more to [`LAST`]. Returns how many
/// were answered.
///
/// # Errors
/// When nothing can be sent, or the box does not answer the last one.
pub fn calls(from: Ipv4Addr, to: SocketAddr) -> Result<usize> {
    let socket = UdpSocket::bind((from, 0))?;
    socket.connect(to)?;
    let here = socket.local_addr()?;
    let mut answered = 0;
    let mut ask = |message: &[u8], wait: u64| -> Result<bool> {
        socket.send(message)?;
        socket.set_read_timeout(Some(Duration::from_millis(wait)))?;
        let mut answer = vec![0; 65_536];
        while let Ok(length) = socket.recv(&mut answer) {
            if answer.starts_with(b"SIP/2.0 1") {
                continue;
            }
            answered += 1;
            if message.starts_with(b"INVITE") {
                // Or the box says it again and again.
                socket.send(&acknowledged(message, &answer[..length]))?;
            }
            return Ok(true);
        }
        Ok(false)
    };
    for (n, payload) in payloads().iter().enumerate() {
        for (place, message) in messages(here, n, payload).iter().enumerate() {
            ask(message, 250).with_context(|| format!("payload {n} in place {place}"))?;
        }
    }
    let last = message(
        "INVITE",
        LAST.as_bytes(),
        here,
        "last",
        b"1001",
        b"script",
        b"",
    );
    ensure!(ask(&last, 5_000)?, "the box has stopped answering");
    Ok(answered)
}

/// The same of somebody whom the box does not answer.
///
/// # Errors
/// When nothing can be sent.
pub fn knock(from: Ipv4Addr, to: SocketAddr) -> Result<()> {
    let socket = UdpSocket::bind((from, 0))?;
    socket.connect(to)?;
    let here = socket.local_addr()?;
    for (n, payload) in payloads().iter().enumerate() {
        for message in messages(here, n, payload) {
            socket.send(&message)?;
        }
    }
    Ok(())
}

/// One payload in every place.
fn messages(here: SocketAddr, n: usize, payload: &[u8]) -> Vec<Vec<u8>> {
    let id = |place: &str| format!("h{n}-{place}");
    let said = |fields: [&[u8]; 5]| [b"P-tfps: ", &fields.join(&b';')[..], b"\r\n"].concat();
    let quoted = String::from_utf8_lossy(payload).replace(['"', '\\'], "'");
    let percent: Vec<u8> = payload
        .iter()
        .flat_map(|octet| format!("%{octet:02X}").into_bytes())
        .collect();
    // Refused, so that alerts tell of them too; another number each, or one would stand for all.
    let abroad = format!("0115378301{n:03}");
    let plain: [&[u8]; 5] = [b"1001", b"domain", b"10.0.0.9", b"phone", b"1"];
    let with = |at: usize| {
        let mut fields = plain;
        fields[at] = payload;
        said(fields)
    };
    let invite = |number: &[u8], place: &str, user: &[u8], agent: &[u8], more: &[u8]| {
        message("INVITE", number, here, &id(place), user, agent, more)
    };
    let number = abroad.as_bytes();
    vec![
        invite(number, "caller", b"1001", b"script", &with(0)),
        invite(number, "domain", b"1001", b"script", &with(1)),
        invite(number, "phone", b"1001", b"script", &with(2)),
        invite(b"12125550123", "agent", b"1001", b"script", &with(3)),
        invite(b"12125550123", "from", &percent, b"script", b""),
        invite(b"12125550123", "raw-from", payload, b"script", b""),
        invite(payload, "raw-number", &percent, b"script", b""),
        invite(&percent, "number", b"1001", b"script", b""),
        invite(
            &[number, b";user=", payload].concat(),
            "after-number",
            b"1001",
            b"script",
            b"",
        ),
        invite(
            number,
            "subject",
            b"1001",
            b"script",
            &[b"Subject: ", payload, b"\r\n"].concat(),
        ),
        invite(
            number,
            "name",
            b"1001",
            b"script",
            &[
                b"Remote-Party-ID: \"",
                quoted.as_bytes(),
                b"\" <sip:1@x>\r\n",
            ]
            .concat(),
        ),
        message(
            "OPTIONS",
            b"ping",
            here,
            &id("options"),
            b"1001",
            payload,
            b"",
        ),
        message(
            "REGISTER",
            &percent,
            here,
            &id("register"),
            &percent,
            payload,
            b"",
        ),
        invite(
            number,
            &String::from_utf8_lossy(payload).replace(['\r', '\n', ' '], "_"),
            b"1001",
            b"script",
            b"",
        ),
        invite(number, "user-agent", b"1001", payload, b""),
    ]
}

fn message(
    method: &str,
    number: &[u8],
    here: SocketAddr,
    id: &str,
    user: &[u8],
    agent: &[u8],
    more: &[u8],
) -> Vec<u8> {
    let ip = here.ip();
    // A branch is a token (RFC 3261 25.1): it only has to be another one each time.
    let branch: String = id.bytes().map(|octet| format!("{octet:02x}")).collect();
    [
        format!("{method} sip:").as_bytes(),
        number,
        format!("@127.0.0.20 SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{branch:.60};rport\r\nFrom: <sip:").as_bytes(),
        user,
        format!("@{ip}>;tag=f\r\nTo: <sip:").as_bytes(),
        number,
        format!("@127.0.0.20>\r\nCall-ID: {id}@{ip}\r\nCSeq: 1 {method}\r\nContact: <sip:1001@{here}>\r\n").as_bytes(),
        b"Max-Forwards: 70\r\nUser-Agent: ",
        agent,
        b"\r\n",
        more,
        b"Content-Length: 0\r\n\r\n",
    ]
    .concat()
}

/// The ACK of an INVITE's answer: its method, and the To of the answer (RFC 3261 17.1.1.3).
fn acknowledged(invite: &[u8], answer: &[u8]) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = invite.split_inclusive(|octet| *octet == b'\n').collect();
    let to = answer
        .split_inclusive(|octet| *octet == b'\n')
        .find(|line| line.starts_with(b"To:"));
    for line in &mut lines {
        match (&line[..line.len().min(3)], to) {
            (b"To:", Some(to)) => *line = to,
            (b"CSe", _) => *line = b"CSeq: 1 ACK\r\n",
            _ => {}
        }
    }
    let ack = lines.concat();
    [b"ACK", ack.strip_prefix(b"INVITE").unwrap_or(&ack)].concat()
}

/// Is it a character that shows something else than it is: an order to a terminal, or one that turns what stands around it?
pub fn is_unseen(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Nothing of it reaches whoever looks at this text.
///
/// # Errors
/// When something does; with what stands around it.
pub fn visible(what: &str, text: &str) -> Result<()> {
    if let Some((at, c)) = text.char_indices().find(|(_, c)| is_unseen(*c)) {
        let before: String = text[..at].chars().rev().take(120).collect();
        let around: String = before
            .chars()
            .rev()
            .chain(text[at..].chars().take(60))
            .collect();
        anyhow::bail!("{what}: U+{:04X} in {around:?}", u32::from(c));
    }
    Ok(())
}

/// The same, and nothing of it is markup.
///
/// # Errors
/// When it is.
pub fn html(what: &str, text: &str) -> Result<()> {
    visible(what, text)?;
    for markup in [
        "<script>alert",
        "<img src=x",
        "<svg/",
        "<b>bold",
        "' autofocus='",
        "http://198.51.100.9/\",",
    ] {
        ensure!(
            !text.contains(markup),
            "{what}: {markup} is markup in {text}"
        );
    }
    Ok(())
}
