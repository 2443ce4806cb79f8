import json
from itertools import combinations

import pytest

from noisyseg.bench.config.suite import load_suite
from noisyseg.bench.config.suite_part import choose
from noisyseg.bench.runs.grid import expand
from noisyseg.bench.runs.inputs import SHARED
from noisyseg.errors import InputError
from noisyseg.results.records.store import RunStore


def _keys(runs):
    return [run.key for run in runs]


@pytest.fixture
def one(toy, tmp_path):
    """The toy suite cut to one run, with changes; returns that run."""

    def make(noise=None, seed=0, method="ce", parameters=None, **changes):
        toy.suite |= {
            "methods": {"m": {"name": method, **(parameters or {})}},
            "noise": {"n": noise},
            "seeds": [seed],
            **changes,
        }
        toy.write()
        (run,) = toy.expand(tmp_path / "runs")
        return run

    return make


def test_every_method_meets_every_noise_for_every_seed(toy, tmp_path):
    toy.suite |= {
        "methods": ["ce", "gce", "lncis"],
        "noise": {
            "clean": None,
            **{f"s{n}": {"type": "symmetric", "rate": n / 10} for n in (2, 4)},
        },
        "seeds": [3, 1],
    }
    toy.write()
    runs = toy.expand(tmp_path / "runs")
    cells = [(run.seed, run.noise_label, run.method_label) for run in runs]
    assert cells == [
        (seed, noise, method)
        for seed in (3, 1)
        for noise in ("clean", "s2", "s4")
        for method in ("ce", "gce", "lncis")
    ]
    assert len(set(_keys(runs))) == 18
    assert all(
        run.label == f"{run.method_label} · {run.noise_label} · seed {run.seed}" for run in runs
    )


def test_a_run_lies_under_data_method_and_key_and_its_folder_is_not_made(toy, tmp_path):
    for run in toy.expand(tmp_path / "runs"):
        name = run.spec["method"]["name"]
        assert run.folder == tmp_path / "runs" / "toy" / name / run.key
        assert not run.folder.exists()


def test_a_clean_run_has_no_noise_and_trains_on_the_prepared_file(one):
    clean = one(noise=None, seed=5)
    assert clean.spec["noise"] is None
    assert clean.manifest is None
    assert clean.spec["train_seed"] == 5
    assert clean.train_annotations.name == "train.json"


def test_a_noisy_run_s_seed_is_noise_seed_and_train_seed(one):
    noisy = one(noise={"type": "symmetric", "rate": 0.4}, seed=5)
    assert noisy.spec["train_seed"] == noisy.spec["noise"]["seed"] == 5
    manifest = json.loads(noisy.manifest.read_bytes())
    assert manifest["spec"] == noisy.spec["noise"]


def test_keys_do_not_depend_on_where_anything_lies(toy, tmp_path):
    here = _keys(toy.expand(tmp_path / "runs"))
    assert _keys(toy.expand(tmp_path / "elsewhere" / "runs")) == here
    moved = tmp_path / "moved"
    toy.root.rename(moved)
    suite = load_suite(str(moved / "toy.yaml"), data_root=None, cache=tmp_path)
    assert _keys(expand(suite, RunStore(tmp_path / "runs"))) == here
    # The suite's file in one place, the data in another.
    (tmp_path / "toy.yaml").write_bytes((moved / "toy.yaml").read_bytes())
    suite = load_suite(str(tmp_path / "toy.yaml"), data_root=moved, cache=tmp_path)
    assert _keys(expand(suite, RunStore(tmp_path / "runs"))) == here


def test_no_path_enters_a_spec(toy, tmp_path):
    (toy.root / "w.pth").write_bytes(b"weights")
    toy.suite["model"] = {"extends": "mask-rcnn-tiny", "weights": "w.pth"}
    toy.write()
    for run in toy.expand(tmp_path / "runs"):
        text = json.dumps(run.spec)
        assert str(tmp_path) not in text
        assert "w.pth" not in text
        assert set(run.spec) == {
            *(
                "schema",
                "data",
                "protocol",
                "model",
                "method",
                "noise",
                "training",
                "train_seed",
                "eval",
            ),
        }


def test_keys_do_not_depend_on_suite_labels_or_file_formatting(one, toy, tmp_path):
    noise = {"type": "symmetric", "rate": 0.4}
    first = one(noise=noise).key
    text = toy.file.read_text().replace("name: toy", "name: other", 1)
    for old, new in (("  m:\n", "  another label:\n"), ("  n:\n", "  other noise:\n")):
        assert old in text
        text = text.replace(old, new)
    toy.file.write_text(f"# a comment\n{text}")
    (again,) = toy.expand(tmp_path / "runs")
    assert (again.method_label, again.noise_label) == ("another label", "other noise")
    assert again.key == first


def test_the_key_changes_with_everything_that_decides_the_result(one, toy):
    noise = {"type": "symmetric", "rate": 0.4}
    base = {"noise": noise, "method": "gce"}
    extended = {"extends": "smoke", "name": "smoke"}
    keys = {"base": one(**base).key}
    keys["method"] = one(**base | {"method": "ce"}).key
    keys["parameter"] = one(**base, parameters={"q": 0.31}).key
    keys["no noise"] = one(**base | {"noise": None}).key
    keys["rate"] = one(**base | {"noise": {**noise, "rate": 0.41}}).key
    pairs = {"fox": "cat"}
    keys["type"] = one(**base | {"noise": {"type": "asymmetric", "rate": 0.4, "map": pairs}}).key
    keys["map"] = one(
        **base | {"noise": {"type": "asymmetric", "rate": 0.4, "map": {"fox": "dog"}}}
    ).key
    keys["steps"] = one(**base | {"noise": [noise, noise]}).key
    keys["seed"] = one(**base, seed=1).key
    keys["epochs"] = one(**base, protocol={**extended, "epochs": 3}).key
    keys["learning rate"] = one(**base, protocol={**extended, "optimizer": {"lr": 0.011}}).key
    keys["protocol version"] = one(**base, protocol={**extended, "version": 2}).key
    toy.suite["protocol"] = "smoke"
    keys["detector"] = one(
        **base, model={"extends": "mask-rcnn-tiny", "detector": {"neck": {"out_channels": 40}}}
    ).key
    weights = {"extends": "mask-rcnn-tiny", "weights": "w.pth"}
    (toy.root / "w.pth").write_bytes(b"weights")
    keys["weights"] = one(**base, model=weights).key
    (toy.root / "w.pth").write_bytes(b"other weights")
    keys["weights' content"] = one(**base, model=weights).key
    toy.suite["model"] = "mask-rcnn-tiny"
    data = toy.suite["data"]
    keys["classes"] = one(**base, data={**data, "classes": ["fox", "cat"]}).key
    keys["order"] = one(**base, data={**data, "classes": ["cat", "fox"]}).key
    keys["policy"] = one(
        **base, data={**data, "classes": ["cat", "fox"], "images": "only-these-classes"}
    ).key
    keys["limit"] = one(**base, data={**data, "train": {**data["train"], "limit": 2}}).key
    keys["eval limit"] = one(**base, data={**data, "eval": {**data["eval"], "limit": 2}}).key
    keys["data name"] = one(**base, data={**data, "name": "other"}).key
    toy.suite["data"] = data
    assert one(**base).key == keys["base"], "nothing of the above may stick"
    toy.documents["train"]["annotations"][0]["bbox"][0] = 1.5
    keys["training file"] = one(**base).key
    toy.documents["eval"]["annotations"][0]["bbox"][0] = 1.5
    keys["evaluation file"] = one(**base).key
    equal = [(a, b) for a, b in combinations(keys, 2) if keys[a] == keys[b]]
    assert equal == []


def test_a_default_that_is_spelled_out_changes_no_key(one):
    default = one(method="gce")
    value = default.spec["method"]["parameters"]["q"]
    assert one(method="gce", parameters={"q": value}).key == default.key
    rate = {"type": "symmetric", "rate": 1}
    assert one(noise=rate).key == one(noise={**rate, "rate": 1.0}).key == one(noise=[rate]).key
    pairs = {"type": "asymmetric", "rate": 0.4, "map": {"fox": "cat", "dog": "cat"}}
    turned = {**pairs, "map": {"dog": "cat", "fox": "cat"}}
    assert one(noise=pairs).key == one(noise=turned).key


def test_ours_and_lncis_are_one_run(toy, tmp_path):
    toy.suite["methods"] = ["ours", "lncis"]
    toy.write()
    runs = toy.expand(tmp_path / "runs")
    assert len(runs) == 4
    by_noise = {
        noise: {run.key for run in runs if run.noise_label == noise} for noise in toy.suite["noise"]
    }
    assert all(len(keys) == 1 for keys in by_noise.values())
    assert {run.folder.parent.name for run in runs} == {"lncis"}


def _shared_files(out):
    files = [path for path in (out / SHARED).rglob("*") if path.is_file()]
    return {path.relative_to(out): path.read_bytes() for path in files}


def test_noise_files_are_the_same_in_every_out_folder(toy, tmp_path):
    toy.expand(tmp_path / "a")
    toy.expand(tmp_path / "b")
    files = _shared_files(tmp_path / "a")
    assert files == _shared_files(tmp_path / "b")
    assert sorted(path.name for path in files) == [
        *("annotations.json", "annotations.json.index", "checked.json"),
        *("eval.json", "eval.json.index", "manifest.json", "train.json", "train.json.index"),
    ]


def test_suites_on_the_same_data_share_its_files(toy, tmp_path):
    out = tmp_path / "runs"
    first = toy.expand(out)
    written = {path: (out / path).stat().st_mtime_ns for path in _shared_files(out)}
    toy.suite |= {
        "name": "second",
        "methods": ["sce"],
        "protocol": {"extends": "smoke", "epochs": 5},
    }
    toy.write()
    second = toy.expand(out)
    assert not {run.key for run in first} & {run.key for run in second}
    assert {run.train_annotations for run in first} == {run.train_annotations for run in second}
    assert written == {path: (out / path).stat().st_mtime_ns for path in _shared_files(out)}


def test_a_damaged_shared_file_is_written_anew(toy, tmp_path):
    out = tmp_path / "runs"
    runs = toy.expand(out)
    files = _shared_files(out)
    for path in files:
        (out / path).write_bytes(files[path][:-9])
    assert _keys(toy.expand(out)) == _keys(runs)
    assert _shared_files(out) == files


def test_noise_flips_into_chosen_classes_alone(toy, tmp_path):
    toy.suite |= {
        "methods": ["ce"],
        "noise": {"all": {"type": "symmetric", "rate": 1}},
        "seeds": list(range(8)),
    }
    toy.suite["data"]["classes"] = ["dog", "cat"]
    toy.write()
    for run in toy.expand(tmp_path / "runs"):
        noisy = json.loads(run.train_annotations.read_bytes())
        # At rate 1 and two classes, every annotation takes the other class; crowds stay.
        assert [(a["id"], a["category_id"]) for a in noisy["annotations"]] == [
            *[(5017, 3), (5034, 3), (5051, 90), (5068, 90), (5085, 3)]
        ]
        assert [c["name"] for c in noisy["categories"]] == ["dog", "cat"]


def test_evaluation_is_never_noisy(toy, tmp_path):
    clean = {run.noise_label: run.eval_annotations for run in toy.expand(tmp_path / "runs")}
    assert len(set(clean.values())) == 1
    document = json.loads(clean["sym40"].read_bytes())
    assert document["annotations"] == toy.documents["eval"]["annotations"]


def test_a_map_beside_the_suite_is_found(toy, tmp_path):
    (toy.root / "pairs.yaml").write_text("fox: dog\n")
    toy.suite["noise"] = {"a": {"type": "asymmetric", "rate": 1.0, "map": "pairs.yaml"}}
    toy.write()
    run = toy.expand(tmp_path / "runs")[0]
    assert run.spec["noise"]["steps"][0]["map"] == {"fox": "dog"}
    changed = json.loads(run.manifest.read_bytes())["changes"]
    assert changed["classes"] == [[7, 3, [5000]]]


@pytest.mark.parametrize(
    "bad",
    [{"type": "symmetric", "rate": 2}, {"type": "asymmetric", "rate": 0.1, "map": {"fox": "wolf"}}],
)
def test_bad_noise_is_found_before_any_file_is_written(toy, tmp_path, bad):
    toy.suite["noise"]["bad"] = bad
    toy.write()
    with pytest.raises(InputError, match=r"toy\.yaml, line \d+, (rate|map): "):
        toy.expand(tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_every_noise_seed_meets_every_train_seed_and_clean_labels_each_train_seed_once(
    toy, tmp_path
):
    suite = load_suite(str(toy.file), data_root=None, cache=tmp_path)
    every = choose(suite, methods=["ce"], noise_seeds=[1, 2], train_seeds=[2, 3])
    runs = expand(every, RunStore(tmp_path / "runs"))
    assert [(run.noise_label, *run.seeds, run.seed_label) for run in runs] == [
        ("clean", None, 2, 2),
        ("sym40", 1, 2, "1/2"),
        ("clean", None, 3, 3),
        ("sym40", 1, 3, "1/3"),
        ("sym40", 2, 2, 2),
        ("sym40", 2, 3, "2/3"),
    ]
    assert len({run.key for run in runs}) == len(runs)
    for run in runs:
        assert run.spec["train_seed"] == run.seed
        if run.spec["noise"] is not None:
            assert run.spec["noise"]["seed"] == run.noise_seed
            assert run.manifest.is_file()
    files = {run.noise_seed: run.train_annotations for run in runs}
    assert len(set(files.values())) == 3
    pair = expand(choose(suite, methods=["ce"], seeds=[2]), RunStore(tmp_path / "runs"))
    assert {run.key for run in pair} <= {run.key for run in runs}
