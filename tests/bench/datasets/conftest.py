"""A web server on this machine that breaks in the ways that real ones do; data sets to damage."""

import json
import shutil
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@dataclass
class Remote:
    """What a server holds and how it behaves; `requests` and `sent` are what happened.

    Attributes:
        content: bytes by path.
        tags: ETag by path; None sends none.
        drop_after: bytes of a body after which a connection is cut, one entry a connection.
        status: an error to answer with, one entry a request.
        hold_after: bytes of a body after which it waits for `held`.
    """

    content: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, str | None] = field(default_factory=dict)
    modified: str | None = None
    redirects: dict[str, str] = field(default_factory=dict)
    drop_after: list[int] = field(default_factory=list)
    status: list[int] = field(default_factory=list)
    ranges: bool = True
    announce: bool = True
    wrong_range: bool = False
    hold_after: int | None = None
    held: threading.Event = field(default_factory=threading.Event)
    requests: list[str | None] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    remote: Remote

    def do_GET(self):
        remote = self.remote
        remote.requests.append(self.headers.get("Range"))
        if self.path in remote.redirects:
            self.send_response(302)
            self.send_header("Location", remote.redirects[self.path])
            self.end_headers()
        elif remote.status:
            self.send_error(remote.status.pop(0))
        elif self.path not in remote.content:
            self.send_error(404)
        else:
            self._send(remote.content[self.path], remote.tags.get(self.path, '"one"'))

    def _send(self, content, tag):
        remote = self.remote
        asked = self.headers.get("Range")
        begin = 0
        if asked and remote.ranges and self.headers.get("If-Range") in (tag, remote.modified):
            begin = int(asked.removeprefix("bytes=").removesuffix("-"))
            if begin >= len(content):
                self.send_error(416)
                return
        body = content[begin:]
        self.send_response(206 if begin else 200)
        if begin:
            stated = begin + remote.wrong_range
            self.send_header("Content-Range", f"bytes {stated}-{len(content) - 1}/{len(content)}")
        if remote.announce:
            self.send_header("Content-Length", str(len(body)))
        if tag is not None:
            self.send_header("ETag", tag)
        if remote.modified is not None:
            self.send_header("Last-Modified", remote.modified)
        self.end_headers()
        self._send_body(body)

    def _send_body(self, body):
        remote = self.remote
        if remote.drop_after:
            body = body[: remote.drop_after.pop(0)]
        if remote.hold_after is not None:
            first, body = body[: remote.hold_after], body[remote.hold_after :]
            remote.hold_after = None
            self.wfile.write(first)
            self.wfile.flush()
            remote.sent.append(len(first))
            remote.held.wait(30)
        remote.sent.append(len(body))  # before whoever has read it can ask
        try:
            self.wfile.write(body)
        except ConnectionError:  # the other side was killed
            remote.sent.remove(len(body))

    def log_message(self, *_):
        pass


@pytest.fixture
def remote():
    """A server on 127.0.0.1: what it holds is to be filled, how it breaks to be set."""
    remote = Remote()
    handler = type("Handler", (_Handler,), {"remote": remote})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        remote.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield remote
        remote.held.set()
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def drawn(official):
    """What was drawn into the data sets of `official`, by data set, split and image."""
    return json.loads((official / "drawn.json").read_text())


@pytest.fixture
def copied(official, tmp_path):
    """The data sets of `official`, to be damaged."""
    return Path(shutil.copytree(official, tmp_path / "copied"))
