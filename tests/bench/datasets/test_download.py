import hashlib
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from noisyseg.bench.config import weights
from noisyseg.bench.datasets.download import Remote, fetch
from noisyseg.errors import InputError

SIZE = 600_000
CONTENT = random.Random(0).randbytes(SIZE)
OTHER = random.Random(1).randbytes(SIZE - 1000)


def md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


RIGHT = md5(CONTENT)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "archive.zip"


@pytest.fixture
def get(remote, path):
    """Fetches the server's archive without pauses."""
    remote.content["/archive.zip"] = CONTENT

    def call(*, checksum=RIGHT, **options):
        options = {"attempts": 3, "pause": 0, **options}
        fetch(Remote(url=f"{remote.url}/archive.zip", md5=checksum), path, **options)

    return call


def left(path):
    return sorted(entry.name for entry in path.parent.iterdir()) if path.parent.is_dir() else []


def test_a_file_comes_whole_and_alone(get, remote, path):
    told = []
    get(progress=lambda done, total: told.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert left(path) == ["archive.zip"]
    assert remote.requests == [None]
    assert told == sorted(told)
    assert told[-1] == (SIZE, SIZE)


def test_a_dropped_connection_goes_on_where_it_stopped(get, remote, path):
    remote.drop_after = [SIZE // 2]
    get()
    assert path.read_bytes() == CONTENT
    assert remote.requests == [None, f"bytes={SIZE // 2}-"]
    assert sum(remote.sent) == SIZE


def test_connections_that_bring_bytes_may_break_any_number_of_times(get, remote, path):
    remote.drop_after = [SIZE // 20] * 15
    get(attempts=2)
    assert path.read_bytes() == CONTENT
    assert sum(remote.sent) == SIZE


def test_a_later_call_goes_on_too(get, remote, path):
    remote.drop_after = [1000, 0, 0, 0]
    with pytest.raises(InputError, match=r"archive\.zip: .*1000 bytes are kept in .*\.part"):
        get()
    assert left(path) == ["archive.zip.part", "archive.zip.part.json"]
    get()
    assert path.read_bytes() == CONTENT
    assert sum(remote.sent) == SIZE


def test_a_server_without_ranges_starts_over(get, remote, path):
    remote.ranges = False
    remote.drop_after = [SIZE // 2]
    get()
    assert path.read_bytes() == CONTENT
    assert sum(remote.sent) == SIZE + SIZE // 2


@pytest.mark.parametrize("tag", [None, 'W/"weak"'])
def test_without_a_tag_that_promises_equal_bytes_it_starts_over(get, remote, path, tag):
    remote.tags["/archive.zip"] = tag
    remote.drop_after = [SIZE // 2]
    get()
    assert path.read_bytes() == CONTENT
    assert remote.requests == [None, None]


def test_a_server_that_can_never_go_on_is_given_up(get, remote):
    remote.tags["/archive.zip"] = None
    remote.drop_after = [SIZE // 2] * 50
    with pytest.raises(InputError, match="The same command starts from the beginning"):
        get()
    assert 3 <= len(remote.requests) <= 5


def test_the_date_of_change_is_as_good_as_a_tag(get, remote, path):
    remote.tags["/archive.zip"] = None
    remote.modified = "Fri, 11 May 2012 10:00:00 GMT"
    remote.drop_after = [SIZE // 2]
    get()
    assert path.read_bytes() == CONTENT
    assert sum(remote.sent) == SIZE


def test_a_file_that_has_changed_since_starts_over(get, remote, path):
    remote.drop_after = [SIZE // 2, 0, 0, 0]
    with pytest.raises(InputError):
        get()
    remote.content["/archive.zip"], remote.tags["/archive.zip"] = OTHER, '"two"'
    get(checksum=md5(OTHER))
    assert path.read_bytes() == OTHER


def test_another_address_starts_over(get, remote, path):
    remote.drop_after = [SIZE // 2, 0, 0, 0]
    with pytest.raises(InputError):
        get()
    remote.content["/mirror/archive.zip"] = OTHER
    fetch(Remote(url=f"{remote.url}/mirror/archive.zip", md5=md5(OTHER)), path)
    assert path.read_bytes() == OTHER


def test_another_range_than_asked_for_is_not_appended(get, remote, path):
    remote.wrong_range = True
    remote.drop_after = [SIZE // 2]
    get(checksum=None)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(("more", "requests"), [(CONTENT[1000:], 0), (CONTENT, 1)])
def test_nothing_is_left_to_send(get, remote, path, more, requests):
    """Status 416: the file is all there, or what is there is no part of it."""
    remote.drop_after = [1000, 0, 0, 0]
    with pytest.raises(InputError):
        get()
    with path.with_name("archive.zip.part").open("ab") as part:
        part.write(more)
    before = len(remote.sent)
    get()
    assert path.read_bytes() == CONTENT
    assert len(remote.sent) - before == requests


def test_a_wrong_byte_is_found_and_nothing_of_it_kept(get, remote, path):
    wrong = CONTENT[:-7] + bytes([CONTENT[-7] ^ 1]) + CONTENT[-6:]
    remote.content["/archive.zip"] = wrong
    with pytest.raises(InputError, match=f"{md5(wrong)}, wanted {RIGHT}"):
        get()
    assert left(path) == []
    remote.content["/archive.zip"] = CONTENT
    get()
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("status", [404, 410, 403, 401])
def test_a_file_that_is_not_given_is_asked_for_once(get, remote, path, status):
    remote.status = [status] * 9
    with pytest.raises(InputError, match=rf"archive\.zip: the server says {status} .*--mirror"):
        get()
    assert len(remote.requests) == 1
    assert left(path) == []


def test_a_busy_server_is_asked_again(get, remote, path):
    remote.status = [503, 429]
    get()
    assert path.read_bytes() == CONTENT
    remote.status = [500] * 9
    with pytest.raises(InputError, match="the server says 500"):
        get()


def test_without_a_length_what_comes_is_checked_by_its_sum(get, remote, path):
    remote.announce = False
    remote.drop_after = [1000]
    with pytest.raises(InputError, match="wanted"):
        get()
    get()
    assert path.read_bytes() == CONTENT


def test_a_redirect_leads_to_the_web_alone(get, remote, path, tmp_path):
    remote.content["/there/archive.zip"] = remote.content.pop("/archive.zip")
    remote.redirects["/archive.zip"] = "/there/archive.zip"
    get()
    assert path.read_bytes() == CONTENT
    path.unlink()
    secret = tmp_path / "secret"
    secret.write_bytes(CONTENT)
    for elsewhere in (f"file://{secret}", "ftp://127.0.0.1/archive.zip"):
        remote.redirects["/archive.zip"] = elsewhere
        with pytest.raises(InputError, match=r"(?i)says 302 .*redirect"):
            get()
    assert left(path) == []


def test_an_address_that_is_not_of_the_web_is_refused(path):
    with pytest.raises(InputError, match="http or https"):
        fetch(Remote(url="file:///etc/hostname", md5=None), path)


def test_nobody_answers(path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/archive.zip"
        with pytest.raises(InputError, match="refused"):
            fetch(Remote(url=url, md5=None), path, attempts=2, pause=0)


def test_who_comes_second_waits_and_takes_what_has_come(get, remote, path):
    remote.hold_after = SIZE // 3
    both = [threading.Thread(target=get) for _ in range(2)]
    both[0].start()
    while not remote.sent:
        time.sleep(0.01)
    both[1].start()
    time.sleep(0.2)
    assert both[1].is_alive()
    remote.held.set()
    for thread in both:
        thread.join()
    assert path.read_bytes() == CONTENT
    assert left(path) == ["archive.zip"]
    assert len(remote.requests) == 1


def test_weights_go_on_where_they_stopped(remote, tmp_path, monkeypatch):
    file = f"resnet50-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth"
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(weights, "FILES", {"resnet50": file})
    monkeypatch.setattr(weights, "_ATTEMPTS", 1)
    remote.content[f"/{file}"] = CONTENT
    remote.drop_after = [1000, 0]

    def get():
        return weights.torchvision_weights("torchvision://resnet50", where="s", base_url=remote.url)

    with pytest.raises(InputError, match=f"s: cannot download {remote.url}/{file} "):
        get()
    assert get().read_bytes() == CONTENT
    assert remote.requests == [None, "bytes=1000-", "bytes=1000-"]
    assert left(get()) == [file]


def test_a_full_disk_keeps_what_has_come(get, remote, path):
    """The system refuses to write a file beyond its limit as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE // 2, hard))
    try:
        with pytest.raises(InputError, match=r"cannot write .*archive\.zip\.part: File too large"):
            get()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.with_name("archive.zip.part").stat().st_size == SIZE // 2
    get()
    assert path.read_bytes() == CONTENT
    assert remote.requests[-1] == f"bytes={SIZE // 2}-"


def test_a_killed_process_goes_on_where_it_was(get, remote, path):
    remote.hold_after = SIZE // 3
    script = (
        "import sys; from pathlib import Path\n"
        "from noisyseg.bench.datasets.download import Remote, fetch\n"
        "tell = lambda done, total: print(done, flush=True)\n"
        "fetch(Remote(url=sys.argv[1], md5=None), Path(sys.argv[2]), progress=tell)"
    )
    arguments = [sys.executable, "-c", script, f"{remote.url}/archive.zip", str(path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if int(line) == SIZE // 3:
                break
        process.send_signal(signal.SIGKILL)
    remote.held.set()
    assert process.returncode == -signal.SIGKILL
    assert not path.exists()
    get()
    assert path.read_bytes() == CONTENT
    assert remote.requests == [None, f"bytes={SIZE // 3}-"]
