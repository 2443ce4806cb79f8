"""`noisyseg leaderboard serve`: a built site in the browser of this machine, and of no other."""

import argparse
import functools
import http.server
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisyseg.bench.cli.arguments import whole
from noisyseg.bench.cli.output import DONE, say
from noisyseg.errors import InputError

EXAMPLE = "noisyseg leaderboard serve site"
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What is asked for.

    Attributes:
        port: 0: any that is free.
    """

    site: Path
    port: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "site",
        type=Path,
        nargs="?",
        default=Path("site"),
        metavar="SITE",
        help="folder that `leaderboard build` wrote (default: site)",
    )
    parser.add_argument(
        "--port", type=whole, default=8000, metavar="N", help="0: any free one (default: 8000)"
    )


def run(options: Options) -> int:
    """Serve the site until it is interrupted.

    Raises:
        InputError: no site there, or the port is taken.
    """
    with server(options.site, options.port) as serving:
        say(f"http://{_LOOPBACK}:{serving.server_address[1]}/ (this machine alone; Ctrl-C ends it)")
        try:
            serving.serve_forever()
        except KeyboardInterrupt:
            say("ended")
    return DONE


def server(site: Path, port: int) -> http.server.ThreadingHTTPServer:
    """A server of the files in a folder, on the loopback device alone.

    Raises:
        InputError: no site there, or the port is taken.
    """
    if not (site / "index.html").is_file():
        raise InputError(f"{site} holds no site: noisyseg leaderboard build --out {site}")
    handler = functools.partial(_Handler, directory=str(site))
    try:
        return http.server.ThreadingHTTPServer((_LOOPBACK, port), handler)
    except (OSError, OverflowError) as error:
        raise InputError(f"cannot serve at port {port}: {error}. Choose another --port.") from error


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: whoever serves looks at the pages."""

    def translate_path(self, path: str) -> str:
        """The file of an address; one that is not there for whatever lies outside the site."""
        site = Path(self.directory).resolve()
        try:
            if Path(super().translate_path(path)).resolve().is_relative_to(site):
                return super().translate_path(path)
        except (ValueError, OSError, RuntimeError):  # a null byte; links in a circle
            pass
        return str(site / "outside the site")

    def list_directory(self, path: Any) -> None:
        """A folder has no page of its own."""
        self.send_error(http.HTTPStatus.NOT_FOUND)
