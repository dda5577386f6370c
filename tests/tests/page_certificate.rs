//! How the page proves itself, and how it is found (docs/security.md P2): TLS, its certificate, plain HTTP.
#![allow(clippy::unwrap_used)]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use trunkguard_tests::{
    Office, Process, address,
    page::{Answer, Ask, Browser, Page, connect, connect_by},
    tools,
};

const POLICY: &str = "[[client]]\nname = \"pbx\"\naddresses = [\"127.0.0.10\"]\n";

#[test]
fn tls_is_of_today_and_its_certificate_is_the_one_that_is_shown() {
    Office::run(|office| {
        let page = Page::open(office, POLICY)?;
        let owner = page.owner()?;
        for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
            connect_by(TcpStream::connect(page.at)?, &[version])?;
        }
        for old in ["-tls1", "-tls1_1"] {
            let at = page.at.to_string();
            let args = [
                "s_client",
                "-connect",
                &at,
                old,
                "-cipher",
                "ALL:@SECLEVEL=0",
            ];
            let mut process = office.start("openssl", &args)?;
            let status = process.wait(Duration::from_secs(20))?;
            ensure!(!status.success(), "{old}: {}", process.printed());
        }
        // Neither plain text nor anything else gets an answer there.
        let mut plain = TcpStream::connect(page.at)?;
        plain.set_read_timeout(Some(Duration::from_secs(20)))?;
        plain.write_all(b"GET / HTTP/1.1\r\nhost: 127.0.0.20\r\n\r\n")?;
        let mut said = Vec::new();
        let _ = plain.read_to_end(&mut said);
        ensure!(!said.starts_with(b"HTTP"), "{said:?}");

        let shown = |browser: &Browser| -> Result<String> {
            let text = browser.page("/settings/certificate")?.text();
            let code = text
                .split("<code id=\"fingerprint\">")
                .nth(1)
                .context("no fingerprint")?;
            Ok(code.replace("<wbr>", "")[..95].to_owned())
        };
        let real = |at: SocketAddr| -> Result<String> {
            let stream = connect(at)?;
            let chain = stream.conn.peer_certificates().context("no certificate")?;
            let der = chain.first().context("no certificate")?.to_vec();
            let file = office.folder().join("page.der");
            std::fs::write(&file, der)?;
            let path = file.to_string_lossy();
            let args = [
                "x509",
                "-inform",
                "DER",
                "-in",
                &path,
                "-noout",
                "-fingerprint",
                "-sha256",
            ];
            let said = tools::run("openssl", &args)?;
            let print = said.trim().rsplit('=').next().context("no fingerprint")?;
            Ok(print.to_owned())
        };
        let before = shown(&owner)?;
        ensure!(real(page.at)? == before, "{before}");
        let in_it = || -> Result<String> {
            let path = page.guard.state().join("page.pem");
            let args = [
                "x509",
                "-in",
                &path.to_string_lossy(),
                "-noout",
                "-ext",
                "subjectAltName",
            ];
            tools::run("openssl", &args)
        };
        ensure!(in_it()?.contains("IP Address:127.0.0.1"), "{}", in_it()?);
        ensure!(!in_it()?.contains("FD00:"), "{}", in_it()?);
        // Made anew with a name, which is then one of the box's.
        let named = [("host", "box.example.com")];
        let ask = Ask {
            path: "/",
            headers: &named,
            ..Ask::default()
        };
        ensure!(owner.ask(&ask)?.status == 421);
        let ip = |args: &str| tools::run("ip", &args.split(' ').collect::<Vec<_>>());
        ip("-6 address add fd00::20/128 dev lo")?;
        // Soon at its end: on its way out, as an old temporary one is.
        ip("-6 address add fd00::21/128 dev lo preferred_lft 0")?;
        let fields = [("names", "box.example.com")];
        let made = owner.submit("/settings/certificate", "/settings/certificate", &fields)?;
        ensure!(
            made.location() == Some("/settings/certificate?done=renewed"),
            "{made:?}"
        );
        // With the addresses of IPv6 that it has by now, but for those that pass.
        let said = in_it()?;
        ensure!(said.contains("IP Address:FD00:0:0:0:0:0:0:20"), "{said}");
        ensure!(!said.contains("FD00:0:0:0:0:0:0:21"), "{said}");
        let after = shown(&owner)?;
        ensure!(after != before && real(page.at)? == after);
        ensure!(owner.ask(&ask)?.status == 200);
        replace(office, &page, &owner)
    });
}

/// The owner's own certificate: tried before it is kept.
fn replace(office: &Office, page: &Page, owner: &Browser) -> Result<()> {
    let at = |name: &str| office.folder().join(name).to_string_lossy().into_owned();
    let make = |name: &str| -> Result<(String, String)> {
        let (key, cert) = (at(&format!("{name}.key")), at(&format!("{name}.crt")));
        tools::run(
            "openssl",
            &[
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-keyout",
                &key,
                "-out",
                &cert,
                "-days",
                "30",
                "-subj",
                "/CN=own",
                "-addext",
                "subjectAltName=DNS:own.example.com",
            ],
        )?;
        Ok((
            std::fs::read_to_string(cert)?,
            std::fs::read_to_string(key)?,
        ))
    };
    let (first, second) = (make("first")?, make("second")?);
    let send = |chain: &str, key: &str| {
        let here = "/settings/certificate/replace";
        owner.submit(here, here, &[("chain", chain), ("key", key)])
    };
    let real = || -> Result<Vec<u8>> {
        let stream = connect(page.at)?;
        let chain = stream.conn.peer_certificates().context("no certificate")?;
        Ok(chain.first().context("no certificate")?.to_vec())
    };
    let before = real()?;
    for (chain, key) in [
        ("", ""),
        ("nonsense", "nonsense"),
        (&*first.0, &*second.1),
        (&*first.1, &*first.0),
    ] {
        let answer = send(chain, key)?;
        ensure!(answer.status == 422, "{answer:?}");
        ensure!(real()? == before);
    }
    let answer = send(&first.0, &first.1)?;
    ensure!(
        answer.location() == Some("/settings/certificate?done=replaced"),
        "{answer:?}"
    );
    ensure!(real()? != before);
    Ok(())
}

/// The page in a process of its own, as on the box: by its own socket, and by HTTP only to be sent on.
#[test]
fn the_page_by_itself_sends_plain_http_on() {
    Office::run(|office| {
        let guard = office.guard(POLICY)?;
        let (web, plain) = (
            SocketAddr::from((address::BOX, 8443)),
            SocketAddr::from((address::BOX, 8080)),
        );
        let (state, at, from) = (
            guard.state().to_string_lossy().into_owned(),
            web.to_string(),
            plain.to_string(),
        );
        let args = [
            "page",
            "--state",
            &state,
            "--web",
            &at,
            "--plain",
            &from,
            "--setup-code",
        ];
        let mut process = Process::start(&tools::trunkguard()?, &args, &office.log("page"))?;
        process.wait_for("ready", Duration::from_secs(20), |log| {
            log.contains("ready")
        })?;
        ensure!(Browser::at(web).get("/")?.location() == Some("/login?next=/"));
        let ask = |host: &str, path: &str| -> Result<Answer> {
            let mut stream = TcpStream::connect(plain)?;
            stream.set_read_timeout(Some(Duration::from_secs(20)))?;
            write!(
                stream,
                "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
            )?;
            let mut said = Vec::new();
            stream.read_to_end(&mut said)?;
            Answer::read(&said)
        };
        let answer = ask("127.0.0.20:8080", "/calls?rule=country")?;
        ensure!(answer.status == 308, "{answer:?}");
        let to = answer.header("location");
        ensure!(
            to == Some("https://127.0.0.20:8443/calls?rule=country"),
            "{answer:?}"
        );
        ensure!(ask("evil.example", "/")?.status == 421);
        ensure!(process.terminate(Duration::from_secs(10)).is_ok());
        Ok(())
    });
}
