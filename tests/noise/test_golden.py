import json
import shlex
from dataclasses import replace

import numpy as np
import pytest
import yaml

from noisyseg.annotation_files.document import read_annotations
from noisyseg.bench.cli.command_line import build_parser, main
from noisyseg.noise import golden
from noisyseg.noise.types.registry import NOISE_TYPES


@pytest.fixture(scope="module")
def made():
    return golden.make_golden()


def test_this_machine_makes_the_golden_noise(made):
    assert golden.differences(made) == []


def test_every_type_preset_and_seed_is_there(made):
    cases = {label.rsplit("/", 1)[0] for label in made}
    for kind in NOISE_TYPES.values():
        assert any(case == kind.name or case.startswith(f"{kind.name}-") for case in cases)
        assert {f"{kind.name}-{preset}" for preset in kind.presets} <= cases
    assert set(made) == {f"{case}/seed-{seed}" for case in cases for seed in golden.SEEDS}
    # Every case makes a file of its own, but for confusion noise: the same matrix by another name.
    files = {
        label: hashes.annotations for label, hashes in made.items() if "confusion" not in label
    }
    assert len(set(files.values())) == len(files)
    assert len({hashes.manifest for hashes in made.values()}) == len(made)


def test_a_new_type_is_a_case_at_once(monkeypatch):
    lost = replace(NOISE_TYPES["missing"], name="lost")
    monkeypatch.setitem(NOISE_TYPES, "lost", lost)
    labels = {label for label, _ in golden.golden_specs(read_annotations(golden.SAMPLE))}
    assert {f"lost-0.4/seed-{seed}" for seed in golden.SEEDS} <= labels


def test_a_hash_that_differs_is_named(made, tmp_path, monkeypatch, capsys):
    hashes = json.loads(golden.HASHES.read_text())
    hashes["symmetric-0.4/seed-1"][1] = "0" * 64
    changed = tmp_path / "hashes.json"
    changed.write_text(json.dumps(hashes))
    monkeypatch.setattr(golden, "make_golden", lambda: made)
    assert main(["noise", "golden"]) == 0
    monkeypatch.setattr(golden, "HASHES", changed)
    assert main(["noise", "golden"]) == 1
    printed = capsys.readouterr().out
    assert "symmetric-0.4/seed-1: the manifest differs" in printed
    assert f"with numpy {np.__version__}, opencv" in printed


def test_the_sample_holds_what_noise_may_stumble_over():
    document = read_annotations(golden.SAMPLE)
    masks = [entry["segmentation"] for entry in document["annotations"]]
    assert len(document["categories"]) == 80
    assert any(isinstance(mask, list) and len(mask) > 1 for mask in masks)
    assert any(isinstance(mask, dict) and isinstance(mask["counts"], str) for mask in masks)
    assert any(isinstance(mask, dict) and isinstance(mask["counts"], list) for mask in masks)
    assert any(entry["iscrowd"] for entry in document["annotations"])


def test_the_commands_of_the_papers_files_are_ones(tmp_path):
    paper = yaml.safe_load((golden.FOLDER / "paper.yaml").read_text())
    commands = [n["command"] for data in paper.values() for n in data["noisy"].values()]
    assert len(commands) == 18
    for command in commands:
        program, *words = shlex.split(command)
        assert program == "noisyseg"
        arguments = build_parser().parse_args(words)
        assert arguments.type in NOISE_TYPES
        assert 0 < arguments.rate < 1
