"""build, serve and show, as they are called."""

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest

from benchmarks.leaderboard_entries import made_entry
from noisyseg.bench.cli.leaderboard.serve import server
from noisyseg.errors import InputError
from noisyseg.results.leaderboard.entry import write_entry


@pytest.fixture
def published(tmp_path):
    entries = [made_entry("ce"), made_entry("gce", levels={"clean": 26.0, "sym40": 17.0})]
    hostile = made_entry("hostile", levels={"sym40": 30.0})
    hostile.card["name"] = "<b>[red](x)"
    for entry in [*entries, hostile]:
        write_entry(tmp_path / "published" / "entries" / entry.id, entry)
    return tmp_path / "published"


def test_build_writes_the_site_and_its_snapshot(call, published, tmp_path):
    done = call("leaderboard", "build", published, "--out", "site", "--snapshot", "site.zip")
    assert done.status == 0
    assert done.out == ""
    assert "the leaderboard as of 2026-11-27 is in site/index.html" in done.err
    here = tmp_path / "here"
    page = here / "site/settings/shapes-mask-rcnn-tiny-shapes-cpu-01234567/sym40.html"
    text = page.read_text(encoding="utf-8")
    assert "a different class, uniformly" in text
    assert "60.0" in text  # of 40 % symmetric noise of four classes: 60 % stay, 13.3 % each go
    assert "13.3" in text
    first = (here / "site.zip").read_bytes()
    assert first[:2] == b"PK"
    call("leaderboard", "build", published, "--out", "site", "--snapshot", "again.zip")
    assert (here / "again.zip").read_bytes() == first


def test_build_says_what_is_wrong(call, tmp_path):
    done = call("leaderboard", "build", tmp_path / "nothing")
    assert done.status == 2
    assert "no entries are published in" in done.err
    assert "Traceback" not in done.err


def test_what_stopped_publishing_left_is_passed_over(call, published):
    left = published / "entries" / ".publishing-x1"
    left.mkdir()
    (left / "bundle.zip").write_bytes(b"half of")
    assert call("leaderboard", "show", published).status == 0


def test_show_prints_the_boards(call, published):
    done = call("leaderboard", "show", published, "--noise", "clean")
    assert done.status == 0
    lines = done.out.splitlines()
    assert lines[0] == "clean on shapes (mask-rcnn-tiny)"
    assert lines[2].startswith("Noise floor: ")
    rows = [line.split() for line in lines[4:]]
    own = [run.metrics["segm.AP"] for run in made_entry("ce").settings["clean"].runs]
    ce = next(row for row in rows if "ce" in row)
    assert f"{sum(own) / 3:.1f}" in ce
    assert {row[-1] for row in rows} == {"ranked"}


def test_no_name_steers_the_terminal(call, published):
    done = call("leaderboard", "show", published)
    assert "<b>[red](x)" in done.out
    file = next(published.glob("entries/*hostile*/entry.json"))
    for name in ("\x1b[31mred", "red\u202e"):
        document = json.loads(file.read_bytes())
        document["card"]["name"] = name
        file.write_text(json.dumps(document))
        for more in ((), ("--json",)):
            done = call("leaderboard", "show", published, *more)
            assert done.status == 2
            assert str(file) in done.err
            assert "\x1b" not in done.out + done.err
            assert "\u202e" not in done.out + done.err


def test_show_as_json_and_with_the_paper(call, published):
    boards = json.loads(call("leaderboard", "show", published, "--json").out)
    assert [board["setting"] for board in boards] == ["clean", "sym40", "asym40"]
    done = call("leaderboard", "show", published, "--paper", "--data", "COCO", "--noise", "sym80")
    assert "sym80 on COCO 2017" in done.out
    assert "26.6" in done.out
    assert call("leaderboard", "show", published, "--noise", "sym99").status == 2


def test_serve_shows_the_site_to_this_machine_alone(call, published, tmp_path):
    call("leaderboard", "build", published, "--out", "site")
    outside, site = tmp_path / "outside", tmp_path / "here" / "site"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    (outside / "index.html").write_text("secret")
    (site / "folder").symlink_to(outside)
    (site / "file.txt").symlink_to(outside / "secret.txt")
    (site / "circle").symlink_to(site / "circle")
    with server(site, 0) as serving:
        host, port = serving.server_address[:2]
        assert host == "127.0.0.1"
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
                assert b"Instance segmentation with wrong labels" in answer.read()
            for path in (
                "boards/", "../../../etc/passwd", "%2e%2e/published", "%00", "style.css%00",
                "folder/secret.txt", "folder/", "folder", "file.txt", "circle",
            ):  # fmt: skip
                with pytest.raises(urllib.error.HTTPError, match="404"):
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}")
        finally:
            serving.shutdown()
            thread.join()


def test_serve_says_where_there_is_no_site_and_which_port_is_taken(call, published, tmp_path):
    with pytest.raises(InputError, match="holds no site"):
        server(tmp_path, 0)
    call("leaderboard", "build", published, "--out", "site")
    site = tmp_path / "here" / "site"
    with server(site, 0) as serving, pytest.raises(InputError, match="cannot serve at port"):
        server(site, serving.server_address[1])
    with pytest.raises(InputError, match="cannot serve at port 99999"):
        server(site, 99999)


def test_the_site_needs_neither_torch_nor_ray(published, tmp_path):
    program = (
        "import sys\nfrom noisyseg.bench.cli.command_line import main\n"
        f"assert main(['leaderboard', 'build', {str(published)!r}, '--out', 'site']) == 0\n"
        f"assert main(['leaderboard', 'show', {str(published)!r}]) == 0\n"
        "sys.exit(bool({'torch', 'ray', 'mmdet', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
