import hashlib
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from noisyseg.bench.config import weights
from noisyseg.bench.config.weights import checkpoints_folder, torchvision_weights
from noisyseg.errors import InputError

CONTENT = bytes(range(256)) * 9000  # more than two blocks
SHA = hashlib.sha256(CONTENT).hexdigest()
FILE = f"resnet50-{SHA[:8]}.pth"


class Server(ThreadingHTTPServer):
    """Serves one file, as `behave` says: whole, changed, cut short or not at all."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[str] = []
        self.behave = "whole"

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/models"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        if self.server.behave == "absent" or self.path != f"/models/{FILE}":
            self.send_error(404)
            return
        body = CONTENT[:-1] + b"x" if self.server.behave == "changed" else CONTENT
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.server.behave == "cut" else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty torch home and a table whose resnet50 is the served file."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(weights, "FILES", {"resnet50": FILE})
    return tmp_path / "torch" / "hub" / "checkpoints"


def fetch(server, **options):
    return torchvision_weights("torchvision://resnet50", where="s", base_url=server.url, **options)


def test_weights_are_downloaded_once_into_torchs_cache(server, folder):
    assert fetch(server) == folder / FILE
    assert (folder / FILE).read_bytes() == CONTENT
    assert fetch(server) == folder / FILE
    assert server.requests == [f"/models/{FILE}"]
    assert [path.name for path in folder.iterdir()] == [FILE]


def test_a_file_that_is_there_needs_no_network(folder):
    folder.mkdir(parents=True)
    (folder / FILE).write_bytes(CONTENT)
    unreachable = "http://127.0.0.1:1"
    found = torchvision_weights("torchvision://resnet50", where="s", base_url=unreachable)
    assert found == folder / FILE


@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        ("absent", "the server says 404"),
        ("changed", "SHA-256 [0-9a-f]{64}, wanted .*cut short or another file"),
        ("cut", "cut short|IncompleteRead"),
    ],
)
def test_what_cannot_be_had_leaves_no_file_and_says_what_to_do(server, folder, behave, reason):
    server.behave = behave
    with pytest.raises(InputError, match=reason) as caught:
        fetch(server)
    message = str(caught.value)
    assert message.startswith(f"s: cannot download {server.url}/{FILE} (")
    assert f"put it at {folder / FILE}" in message
    assert "weights: FILE.pth" in message
    assert "weights: none" in message
    assert list(folder.iterdir()) == []
    server.behave = "whole"
    assert fetch(server).read_bytes() == CONTENT


def test_without_a_network_the_url_and_the_place_are_named(tmp_path, monkeypatch):
    """The shipped table, and an address where nobody listens."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(weights, "BASE_URL", "http://127.0.0.1:1/models")
    with pytest.raises(InputError) as caught:
        torchvision_weights("torchvision://resnet50", where="m.yaml, line 8")
    message = str(caught.value)
    assert (
        "m.yaml, line 8: cannot download http://127.0.0.1:1/models/resnet50-0676ba61.pth" in message
    )
    assert f"put it at {tmp_path / 'hub/checkpoints/resnet50-0676ba61.pth'}" in message


def test_a_damaged_file_is_named_and_left_alone(server, folder):
    folder.mkdir(parents=True)
    (folder / FILE).write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"is damaged or another file.*Delete it") as caught:
        fetch(server)
    assert str(caught.value).startswith(f"s: {folder / FILE}")
    assert SHA[:8] in str(caught.value)
    assert (folder / FILE).read_bytes() == b"damaged"
    assert server.requests == []


def test_a_folder_in_the_file_s_place_is_refused(server, folder):
    (folder / FILE).mkdir(parents=True)
    with pytest.raises(InputError, match="a folder or a device is there, not a file"):
        fetch(server)


def test_planning_may_ask_without_downloading(server, folder):
    with pytest.raises(InputError, match=f"no file at {folder / FILE}"):
        fetch(server, download=False)
    assert server.requests == []
    assert not folder.exists()


def test_an_unknown_name_gets_the_nearest(tmp_path):
    with pytest.raises(
        InputError, match=r"^s: unknown weights .*'resnet5'\. Did you mean 'resnet50'"
    ):
        torchvision_weights("torchvision://resnet5", where="s")


@pytest.mark.parametrize(
    "variables",
    [
        {"TORCH_HOME": "/a/home"},
        {"TORCH_HOME": "~/a home", "XDG_CACHE_HOME": "/a/cache"},
        {"XDG_CACHE_HOME": "/a/cache"},
        {},
    ],
)
def test_the_folder_is_torchs(monkeypatch, variables):
    import torch

    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(checkpoints_folder()) == f"{torch.hub.get_dir()}/checkpoints"


def test_names_and_files_are_mmengines():
    from noisyseg.bench.training.stack import load_stack

    load_stack()
    from mmengine.runner.checkpoint import get_torchvision_models

    urls = get_torchvision_models()
    assert {name: f"{weights.BASE_URL}/{file}" for name, file in weights.FILES.items()} == {
        name: urls[name] for name in weights.FILES
    }


def test_the_name_is_known_without_torch():
    program = (
        "import sys; import noisyseg.bench.config.model, noisyseg.bench.config.weights; "
        "assert not {'torch', 'torchvision', 'mmengine'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
