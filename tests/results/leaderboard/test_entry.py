"""An entry's file: read as it was written, and nothing else."""

import json

import msgspec
import numpy as np
import pytest

from noisyseg.errors import InputError
from noisyseg.results.leaderboard.entry import (
    BundleFile,
    Checks,
    Entry,
    EntryRun,
    MethodSpec,
    Protocol,
    Setting,
    decoded_draws,
    encoded_draws,
    encoded_entry,
    entry_id,
    ground_of,
    read_entry,
    slug,
    write_entry,
)
from noisyseg.results.records.metrics import METRICS

CARD = {
    "format": 1,
    "name": "CE <b>",
    "method": "ce",
    "authors": ["A. Author"],
    "paper": None,
    "code": None,
    "licence": "MIT",
    "summary": "A loss.",
    "parameters": {},
    "tuned_on": "nothing",
    "extra_data": None,
    "pretrained": None,
}


def entry(**changes):
    run = EntryRun(
        key="0123456789abcdef",
        noise_seed=0,
        train_seed=0,
        finished="2025-01-02T03:04:06Z",
        metrics={**dict.fromkeys(METRICS), "segm.AP": 18.25},
        per_class={},
        checksums={"predictions": "a" * 64, "manifest": None},
        draws=encoded_draws(np.linspace(10, 20, 500)),
    )
    fields = {
        "format": 1,
        "id": "ce-quick-0a1b2c3d",
        "kind": "verified",
        "date": "2025-01-02",
        "card": CARD,
        "bundle": BundleFile(sha256="b" * 64, bytes=12, included=True),
        "suite": "quick",
        "data": "shapes",
        "model": "mask-rcnn-tiny",
        "family": "Mask R-CNN",
        "protocol": Protocol(name="shapes-cpu", version=2),
        "method": MethodSpec(name="ce", version=1, file_sha256=None, parameters={}),
        "ground": "0" * 16,
        "versions": {"training": {"version": 1}, "eval": {"version": 1}, "noisyseg": "0.1.0"},
        "settings": {"sym40": Setting(noise={"steps": []}, rate=0.4, images=100, runs=[run])},
        "reported": {},
        "source": None,
        "checks": Checks(holds=3, remarks=[], unchecked=[], claimed=["…"]),
    }
    return Entry(**{**fields, **changes})


def test_an_entry_is_read_as_it_was_written(tmp_path):
    path = write_entry(tmp_path / "ce-quick-0a1b2c3d", entry())
    assert read_entry(path) == entry()
    assert json.loads(path.read_bytes())["settings"]["sym40"]["runs"][0]["metrics"]["segm.AP"] == (
        18.25
    )


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"id": "../../etc"},
        {"kind": "best"},
        {"more": 1},
        {"reported": {"sym40": {"segm.AP": 100.5}}},
        {"date": "today"},
    ],
)
def test_what_is_no_entry_is_refused(tmp_path, change):
    path = write_entry(tmp_path, entry())
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **change}))
    with pytest.raises(InputError, match="is not an entry"):
        read_entry(path)


def with_setting(**changes):
    return {"settings": {"sym40": msgspec.structs.replace(entry().settings["sym40"], **changes)}}


def with_run(**changes):
    run = entry().settings["sym40"].runs[0]
    return with_setting(runs=[msgspec.structs.replace(run, **changes)])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"card": {}}, "card"),
        ({"card": {**CARD, "authors": 5}}, "authors"),
        ({"card": {**CARD, "name": "red\u202e"}}, "U\\+202E"),
        ({"card": {**CARD, "code": "javascript:alert(1)"}}, "address of a page"),
        ({"settings": {}}, "settings"),
        ({"data": "a\u200bb"}, "U\\+200B"),
        ({"checks": Checks(holds=1, remarks=["\x1b[2J"], unchecked=[], claimed=[])}, "U\\+001B"),
        (with_setting(noise={"steps": [1]}), "noise"),
        (with_setting(noise={"steps": 5}), "noise"),
        (with_setting(noise={}), "noise"),
        (with_setting(noise={"steps": [{"type": "a\u202e"}]}), "U\\+202E"),
        (with_setting(runs=[]), "length >= 1"),
        (with_setting(rate=7.0), "<= 1"),
        (with_run(draws="AAAA"), "sym40.*draws"),
        (with_run(draws=encoded_draws(np.full(500, np.nan))), "sym40.*from 0 to 100"),
        (with_run(draws=encoded_draws(np.full(500, np.inf))), "from 0 to 100"),
        (with_run(draws=encoded_draws(np.full(500, -1.0))), "from 0 to 100"),
        (with_run(finished="\x1b"), "U\\+001B"),
    ],
)
def test_what_pages_could_not_show_is_refused_by_the_file_s_name(tmp_path, change, said):
    path = tmp_path / "entry.json"
    with pytest.raises(InputError, match=said):
        write_entry(tmp_path, entry(**change))
    assert not path.exists()
    path.write_bytes(encoded_entry(entry(**change)))
    with pytest.raises(InputError, match=said) as refused:
        read_entry(path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "entry.json").write_bytes(content)
    with pytest.raises(InputError, match="is not an entry"):
        read_entry(tmp_path / "entry.json")


def test_metrics_of_another_version_are_refused(tmp_path):
    path = write_entry(tmp_path, entry())
    path.write_bytes(path.read_bytes().replace(b'"segm.AP50":null,', b""))
    with pytest.raises(InputError, match=r"segm\.AP50"):
        read_entry(path)


def test_what_could_not_be_read_again_is_not_written(tmp_path):
    with pytest.raises(InputError, match="is not an entry"):
        write_entry(tmp_path, entry(date="yesterday"))
    assert not list(tmp_path.iterdir())


def test_draws_keep_their_numbers():
    drawn = np.random.default_rng(0).uniform(0, 100, 500)
    assert decoded_draws(encoded_draws(drawn)) == pytest.approx(drawn, rel=1e-6)
    for text in ("?", "AAAA", encoded_draws(drawn[:499])):
        with pytest.raises(InputError, match="draws"):
            decoded_draws(text)


def test_an_id_is_a_file_name_whatever_the_label():
    assert (
        entry_id("LNCIS (γ=4)/../x", "quick", "0a1b2c3d" + "e" * 56) == "lncis-4-x-quick-0a1b2c3d"
    )
    assert slug("…") == "unnamed"
    assert len(slug("a-" * 300)) <= 60


def test_method_noise_and_seeds_leave_the_ground():
    spec = {
        "data": {"name": "shapes", "classes": ["disk"]},
        "model": {},
        "protocol": {},
        "training": {"version": 1},
        "eval": {"version": 1},
        "method": {"name": "ce"},
        "train_seed": 0,
        "noise": None,
    }
    assert ground_of(spec) == ground_of({**spec, "method": {"name": "gce"}, "train_seed": 4})
    assert ground_of(spec) != ground_of({**spec, "data": {**spec["data"], "classes": ["star"]}})


def test_a_run_may_have_what_its_log_says_of_wrong_labels_and_no_other_metric(tmp_path):
    def with_metric(name):
        run = entry().settings["sym40"].runs[0]
        more = msgspec.structs.replace(run, metrics={**run.metrics, name: 40.0})
        setting = Setting(noise={"steps": []}, rate=0.4, images=100, runs=[more])
        return entry(settings={"sym40": setting})

    assert read_entry(write_entry(tmp_path, with_metric("memorised"))) == with_metric("memorised")
    with pytest.raises(InputError, match="'luck'"):
        read_entry(write_entry(tmp_path, with_metric("luck")))
