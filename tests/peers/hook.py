#!/usr/bin/env python3
"""A web server for the tests: takes webhooks, and answers as it is told.

Each request is a file NNN.json in its folder: path, headers and body. Answers are taken from answers.json
there, a list of statuses, one for each request; the last one stays.
"""
import argparse
import http.server
import json
import pathlib

arguments = argparse.ArgumentParser()
arguments.add_argument("--listen", required=True, help="ADDRESS:PORT")
arguments.add_argument("--folder", required=True, type=pathlib.Path)
said = arguments.parse_args()
host, port = said.listen.rsplit(":", 1)


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        number = len(list(said.folder.glob("[0-9]*.json")))
        request = {"path": self.path, "headers": {name.lower(): value for name, value in self.headers.items()}, "body": body.decode()}
        new = said.folder / "new"
        new.write_text(json.dumps(request))
        new.rename(said.folder / f"{number:03}.json")
        path = said.folder / "answers.json"
        answers = json.loads(path.read_text()) if path.exists() else [200]
        status = answers[min(number, len(answers) - 1)]
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", f"http://{said.listen}/elsewhere")
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"noted\n")

    do_GET = do_POST

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer((host, int(port)), Hook)
print("listens", flush=True)
server.serve_forever()
