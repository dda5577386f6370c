//! One question by UDP, and what became of it.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::super::facts::{DnsAnswer, Probe};

/// How long one answer is waited for; asked twice.
const PATIENCE: Duration = Duration::from_millis(1_000);
const TRIES: usize = 2;

/// Sends a question twice at most, and returns the first datagram that is an answer to it.
fn ask(to: SocketAddr, question: &[u8], fits: impl Fn(&[u8]) -> bool) -> io::Result<Vec<u8>> {
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    // Connected, so that ICMP errors come back, and nobody else's datagrams.
    socket.connect(to)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut buffer = [0; 2_048];
    for _ in 0..TRIES {
        // No way there: to be told apart from what comes back.
        let sent = socket.send(question);
        sent.map_err(|_| io::Error::from(io::ErrorKind::NetworkDown))?;
        match socket.recv(&mut buffer) {
            Ok(length) if fits(&buffer[..length]) => return Ok(buffer[..length].to_vec()),
            Ok(_) => {}
            Err(problem) if problem.kind() == io::ErrorKind::WouldBlock => {}
            Err(problem) => return Err(problem),
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// Asks a DNS server for the address of a name (RFC 1035 4.1).
pub fn dns(server: SocketAddr, name: &str) -> DnsAnswer {
    let id = (unique() as u16).to_be_bytes();
    let mut question = vec![id[0], id[1], 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        question.push(label.len() as u8);
        question.extend(label.as_bytes());
    }
    question.extend([0, 0, 1, 0, 1]);
    // QR is set, the id is ours.
    let fits = |answer: &[u8]| answer.len() >= 12 && answer[..2] == id && answer[2] & 0x80 != 0;
    match ask(server, &question, fits) {
        Ok(answer) => match answer[3] & 0x0f {
            0 => DnsAnswer::Found,
            code => DnsAnswer::Refused(code),
        },
        Err(_) => DnsAnswer::Silent,
    }
}

/// Asks a PBX whether SIP reaches it (RFC 3261 11).
pub fn options(pbx: SocketAddr) -> Probe {
    let unique = unique();
    let request = format!(
        "OPTIONS sip:{pbx} SIP/2.0\r\nVia: SIP/2.0/UDP trunkguard.invalid;branch=z9hG4bK{unique:x};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:trunkguard@trunkguard.invalid>;tag={unique:x}\r\nTo: <sip:{pbx}>\r\n\
         Call-ID: {unique:x}@trunkguard.invalid\r\nCSeq: 1 OPTIONS\r\nUser-Agent: trunkguard-doctor\r\n\
         Content-Length: 0\r\n\r\n"
    );
    match ask(pbx, request.as_bytes(), |answer| {
        answer.starts_with(b"SIP/2.0 ")
    }) {
        Ok(_) => Probe::Answered,
        Err(problem) => match problem.raw_os_error() {
            Some(libc::ECONNREFUSED) => Probe::NobodyListens,
            // ICMP "prohibited" (codes 9, 10 and 13; ICMPv6 code 1). That nobody is there, which has the same
            // name, the kernel does not tell a UDP socket.
            Some(libc::EHOSTUNREACH | libc::ENETUNREACH | libc::EACCES) => Probe::Forbidden,
            _ => Probe::Silent,
        },
    }
}

fn unique() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(1, |since| since.as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers one datagram on this machine.
    fn server(answer: impl FnOnce(&[u8]) -> Vec<u8> + Send + 'static) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 2_048];
            let (length, from) = socket.recv_from(&mut buffer).unwrap();
            socket.send_to(&answer(&buffer[..length]), from).unwrap();
        });
        at
    }

    #[test]
    fn dns_is_asked_as_servers_understand_it() {
        let answers = |code: u8| {
            server(move |question| {
                assert_eq!(question[12..], *b"\x04voip\x02ms\0\0\x01\0\x01");
                let mut answer = question.to_vec();
                (answer[2], answer[3]) = (0x81, 0x80 | code);
                answer
            })
        };
        assert_eq!(dns(answers(0), "voip.ms"), DnsAnswer::Found);
        assert_eq!(dns(answers(5), "voip.ms"), DnsAnswer::Refused(5));
    }

    #[test]
    fn any_sip_answer_is_one_and_a_closed_port_is_said() {
        let refuses = server(|_| b"SIP/2.0 401 Unauthorized\r\n\r\n".to_vec());
        assert_eq!(options(refuses), Probe::Answered);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let closed = socket.local_addr().unwrap();
        drop(socket);
        assert_eq!(options(closed), Probe::NobodyListens);
    }
}
