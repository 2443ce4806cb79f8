import copy
import hashlib
import json

import numpy as np
import pytest

from noisyseg.errors import InputError
from noisyseg.results.records.record import (
    CorruptRecordError,
    canonical_part,
    check_record,
    decode_record,
    encode_record,
    key_of_parts,
    run_key,
    seal,
)


def _spec(**changes):
    return {
        "schema": 1,
        "data": {"name": "shapes", "classes": ["Kreis ○", "square"], "image_limit": None},
        "protocol": {"name": "tiny", "version": 1, "lr": 0.02},
        "model": {"name": "mask-rcnn", "version": 1},
        "method": {"name": "gce", "version": 1, "q": 0.3},
        "noise": {"steps": [{"type": "symmetric", "rate": 0.4}], "seed": 1},
        "training": {"version": 1},
        "train_seed": 1,
        "eval": {"version": 1, "settings": {"max_detections": [1, 10, 100]}},
        **changes,
    }


def _fields(**changes):
    return {
        "status": "done",
        "spec": _spec(),
        "metrics": {"segm": {"AP": 29.123456789012345}},
        "failure": None,
        "checksums": {
            "manifest": "a" * 64,
            "predictions": "b" * 64,
            "log": "c" * 64,
            "noisy_annotations": None,
        },
        "lineage": {"initial_weights": None, "resumed_from_epoch": None},
        "environment": {"torch": "2.14"},
        "timings": {"train": 12.5},
        "started": "2025-01-02T03:04:05+00:00",
        "finished": "2025-01-02T03:14:05Z",
        **changes,
    }


@pytest.mark.parametrize(
    "changes",
    [{}, {"noise": None}, {"data": {10: (1, 2), 2: 1e-5}}, {"train_seed": 2**63 - 1}],
    ids=str,
)
def test_the_key_of_a_specs_parts_is_that_of_the_spec(changes):
    spec = _spec(**changes)
    parts = {part: canonical_part(spec[part]) for part in reversed(spec)}
    assert key_of_parts(parts) == run_key(spec)


FAILED = {
    "status": "failed",
    "metrics": None,
    "failure": {"type": "RuntimeError", "message": "out of memory", "log": "…"},
}


def test_the_key_is_the_hash_of_the_canonical_json_written_out_by_hand():
    spec = {"b": [1, 0.1, None, True], "a": {"ü": "x y"}}
    text = '{"a":{"ü":"x y"},"b":[1,0.1,null,true]}'
    assert run_key(spec) == hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def test_the_key_does_not_depend_on_how_the_spec_was_built():
    spec = _spec()
    assert run_key(dict(reversed(spec.items()))) == run_key(spec)
    assert run_key(json.loads(json.dumps(spec))) == run_key(spec)
    assert run_key({"m": {10: "j", 2: "b"}}) == run_key({"m": {"2": "b", "10": "j"}})
    assert run_key({"m": (1, 2)}) == run_key({"m": [1, 2]})


def test_the_key_tells_specs_apart():
    keys = {run_key(_spec(train_seed=seed)) for seed in range(100)}
    assert len(keys | {run_key(_spec()), run_key(_spec(noise=None))}) == 101


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.zeros(2), {1: 0, "1": 0}, {3}])
def test_a_key_of_what_json_cannot_hold_is_refused(value):
    with pytest.raises(InputError, match="JSON"):
        run_key({"value": value})


@pytest.mark.parametrize("changes", [{}, FAILED])
def test_a_record_survives_its_file(changes):
    record = seal(_fields(**changes))
    assert decode_record(encode_record(record)) == record
    assert record["format"] == 1
    assert record["key"] == run_key(record["spec"])
    rest = {name: value for name, value in record.items() if name != "checksum"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert record["checksum"] == hashlib.sha256(text.encode()).hexdigest()


def test_sealing_again_changes_nothing_and_takes_changes_in():
    record = seal(_fields())
    assert seal(record) == record
    changed = seal({**record, "timings": {}})
    assert changed["checksum"] != record["checksum"]


def test_the_checksum_of_matches_may_be_there_and_need_not():
    """Runs of earlier versions left none; the key is the same."""
    earlier = seal(_fields())
    record = seal(_fields(checksums={**_fields()["checksums"], "matches": "d" * 64}))
    assert decode_record(encode_record(record)) == record
    assert decode_record(encode_record(earlier)) == earlier
    assert record["key"] == earlier["key"]
    assert record["checksum"] != earlier["checksum"]


USAGE = {
    "device": "NVIDIA H100 80GB HBM3",
    "device_seconds": 40.5,
    "cpu_seconds": 80.25,
    "peak_device_bytes": 3_000_000_000,
    "peak_host_bytes": 2**31,
    "energy_joules": 12_000.125,
    "complete": True,
}


@pytest.mark.parametrize("unknown", [(), ("device",), set(USAGE) - {"device_seconds", "complete"}])
def test_what_a_run_took_may_be_there_and_need_not(unknown):
    """Runs of earlier versions told of none; the key is the same."""
    earlier = seal(_fields())
    record = seal(_fields(usage=USAGE | dict.fromkeys(unknown)))
    assert decode_record(encode_record(record)) == record
    assert decode_record(encode_record(earlier)) == earlier
    assert "usage" not in earlier
    assert record["key"] == earlier["key"]
    assert record["checksum"] != earlier["checksum"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"energy_joules": -1}, r"`float` >= 0.* - at `\$\.usage\.energy_joules`"),
        (
            {"peak_host_bytes": 0.5},
            r"Expected `int.*`, got `float` - at `\$\.usage\.peak_host_bytes",
        ),
        ({"device_seconds": None}, r"got `null` - at `\$\.usage\.device_seconds`"),
        ({"complete": None}, r"Expected `bool`, got `null` - at `\$\.usage\.complete`"),
        ({"host": "gpu-7"}, r"unknown field 'host' at \$\.usage"),
    ],
)
def test_what_a_run_took_has_no_other_form(changes, message):
    with pytest.raises(CorruptRecordError, match=f"^not a valid record: .*{message}"):
        seal(_fields(usage={**USAGE, **changes}))
    missing = {name: value for name, value in USAGE.items() if name not in changes}
    if len(missing) < len(USAGE):
        with pytest.raises(CorruptRecordError, match="missing required field"):
            seal(_fields(usage=missing))


def test_large_seeds_keep_every_digit():
    record = seal(_fields(spec=_spec(train_seed=2**100 + 1)))
    assert decode_record(encode_record(record))["spec"]["train_seed"] == 2**100 + 1


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "running"},
        {"status": "done", "metrics": None},
        {"failure": FAILED["failure"]},
        {**FAILED, "failure": None},
        {**FAILED, "failure": {"type": "RuntimeError"}},
        {"metrics": 29.1},
        {"checksums": {"manifest": None}},
        {"checksums": {**_fields()["checksums"], "log": "no digest"}},
        {"checksums": {**_fields()["checksums"], "matches": "no digest"}},
        {"checksums": {**_fields()["checksums"], "matches": None}},
        {"checksums": {**_fields()["checksums"], "more": "d" * 64}},
        {"timings": {"train": -1}},
        {"timings": {"train": "long"}},
        {"started": "2025-01-02 03:04:05"},
        {"finished": "2025-01-02T03:04:05+02:00"},
        {"lineage": None},
        {"environment": []},
        {"spec": {"method": {"name": "gce"}}},
        {"spec": {**_spec(), "host": "gpu-7"}},
        {"spec": {**_spec(), "data": {}}},
        {"unknown": 1},
        {"format": 2},
        {"key": "0" * 16},
        {"metrics": {"segm": {"AP": float("nan")}}},
        {"timings": {"train": float("nan")}},
    ],
)
def test_a_record_that_breaks_a_rule_cannot_be_made(changes):
    with pytest.raises(InputError):
        seal(_fields(**changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spec": {**_spec(), "host": "gpu-7"}}, r"unknown field 'host' at \$\.spec$"),
        ({"spec": _spec(train_seed="x")}, r"Expected `int`, got `str` - at `\$\.spec\.train_seed`"),
        ({"spec": _spec(data={})}, r"no name at \$\.spec\.data$"),
        ({"spec": _spec(training={"version": True})}, r"no version at \$\.spec\.training$"),
        ({**FAILED, "failure": {**FAILED["failure"], "host": "x"}}, r"'host' at \$\.failure$"),
        ({"timings": {"train": -1}}, r"`float` >= 0.* - at `\$\.timings"),
        ({"status": "done", "metrics": None}, r"Expected `object`, got `null` - at `\$\.metrics`"),
        ({**FAILED, "failure": None}, r"Expected `object`, got `null` - at `\$\.failure`"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(changes, message):
    with pytest.raises(CorruptRecordError, match=f"^not a valid record: .*{message}"):
        seal(_fields(**changes))


@pytest.mark.parametrize("name", sorted(_fields()))
def test_no_field_may_be_missing(name):
    fields = _fields()
    del fields[name]
    with pytest.raises(InputError, match=name):
        seal(fields)


def _leaves(value, path=()):
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(item, dict | list) and item:
            yield from _leaves(item, (*path, key))
        else:
            yield (*path, key)


def _tampered(value):
    if isinstance(value, str):
        return value[:-1] + ("1" if value[-1:] != "1" else "2")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value + 1
    return "tampered"


@pytest.mark.parametrize(
    "path", list(_leaves(seal(_fields()))), ids=lambda p: ".".join(map(str, p))
)
def test_a_change_of_any_value_is_found(path):
    record = copy.deepcopy(seal(_fields()))
    place = record
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = _tampered(place[path[-1]])
    with pytest.raises(CorruptRecordError):
        check_record(record)
    with pytest.raises(CorruptRecordError):
        encode_record(record)


def test_a_key_that_is_not_the_specs_is_found_even_under_a_fresh_checksum():
    record = seal(_fields())
    record["key"] = "0123456789abcdef"
    rest = {name: value for name, value in record.items() if name != "checksum"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    record["checksum"] = hashlib.sha256(text.encode()).hexdigest()
    with pytest.raises(CorruptRecordError, match="its spec gives"):
        check_record(record)


def test_a_record_torn_anywhere_is_found():
    data = encode_record(seal(_fields()))
    assert data.endswith(b"}\n")
    for length in range(len(data) - 1):  # without its last line break it is still whole
        with pytest.raises(CorruptRecordError):
            decode_record(data[:length])


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999"])
def test_numbers_that_are_none_are_refused_on_reading(text):
    data = encode_record(seal(_fields()))
    assert b": 12.5" in data
    with pytest.raises(CorruptRecordError):
        decode_record(data.replace(b": 12.5", b": " + text.encode()))


@pytest.mark.parametrize("data", [b"null", b"[]", b"{}", b"\xff\xfe", b"\x00" * 40])
def test_other_content_is_no_record(data):
    with pytest.raises(CorruptRecordError):
        decode_record(data)


@pytest.mark.parametrize("value", [1e-05, 1e16, 2.5e-300, 2**70, -(2**65), 0.1, "é\u2028\x1f"])
def test_numbers_that_programs_write_in_different_ways_hold_and_are_checked(value):
    record = seal(_fields(environment={"value": value}))
    data = encode_record(record)
    assert decode_record(data) == record
    text = data.decode().replace('"value":', '"value2":')
    with pytest.raises(CorruptRecordError, match="its checksum says"):
        decode_record(text.encode())
