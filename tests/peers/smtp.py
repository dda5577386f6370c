#!/usr/bin/env python3
"""A mail server for the tests: aiosmtpd, with the moods of real ones.

Each mail that it takes is a file NNN.eml in its folder, with the envelope in front as X-Peer-* headers. How
it behaves is in mood.json there, read anew for each connection:

  login    [user, password]; without it nobody logs in
  refuse   recipients that get 550
  later    how many RCPT get 450 before one is taken (greylisting)
  reply    what DATA is answered instead of 250
  hang_up  true: the connection ends at DATA
  kill     a process id that gets SIGKILL once a mail is taken, before its sender hears of it
"""
import argparse
import asyncio
import json
import os
import pathlib
import signal
import ssl

from aiosmtpd.smtp import SMTP, AuthResult

arguments = argparse.ArgumentParser()
arguments.add_argument("--listen", required=True, help="ADDRESS:PORT")
arguments.add_argument("--folder", required=True, type=pathlib.Path)
arguments.add_argument("--certificate", help="PEM file with certificate and key")
arguments.add_argument("--tls", action="store_true", help="TLS from the first octet")
arguments.add_argument("--silent", action="store_true", help="takes connections and says nothing")
arguments.add_argument("--endless", action="store_true", help="greets with a line that does not end")
said = arguments.parse_args()
host, port = said.listen.rsplit(":", 1)

context = None
if said.certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(said.certificate)


def mood():
    path = said.folder / "mood.json"
    return json.loads(path.read_text()) if path.exists() else {}


class Handler:
    later = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in mood().get("refuse", []):
            return "550 5.1.1 no such person here"
        if Handler.later < mood().get("later", 0):
            Handler.later += 1
            return "450 4.2.0 greylisted, come again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if mood().get("hang_up"):
            server.transport.abort()
            return "421 gone"
        if "reply" in mood():
            return mood()["reply"]
        number = len(list(said.folder.glob("*.eml")))
        lines = [
            f"X-Peer-To: {','.join(envelope.rcpt_tos)}",
            f"X-Peer-From: {envelope.mail_from}",
            f"X-Peer-Tls: {'yes' if server.transport.get_extra_info('ssl_object') else 'no'}",
            f"X-Peer-Login: {session.auth_data or '-'}",
        ]
        new = said.folder / f"{number:03}.new"
        new.write_bytes("".join(f"{line}\r\n" for line in lines).encode() + envelope.original_content)
        new.rename(said.folder / f"{number:03}.eml")
        if "kill" in mood():
            os.kill(mood()["kill"], signal.SIGKILL)
        return "250 OK taken"


def authenticate(server, session, envelope, mechanism, data):
    wanted = mood().get("login")
    given = [data.login.decode(), data.password.decode()]
    if wanted == given:
        return AuthResult(success=True, auth_data=given[0])
    return AuthResult(success=False, handled=False)


def protocol():
    return SMTP(
        Handler(),
        hostname="mail.test",
        tls_context=None if said.tls else context,
        authenticator=authenticate,
        auth_required="login" in mood(),
        auth_require_tls=not said.tls,
        enable_SMTPUTF8=False,
    )


async def still(reader, writer):
    try:
        if said.endless:
            while True:
                writer.write(b"x" * 4096)
                await writer.drain()
        await reader.read()
    except ConnectionError:
        pass
    writer.close()


async def main():
    loop = asyncio.get_running_loop()
    if said.silent or said.endless:
        server = await asyncio.start_server(still, host, int(port))
    else:
        outer = context if said.tls else None
        server = await loop.create_server(protocol, host, int(port), ssl=outer)
    print("listens", flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main())
