"""Whatever is wrong is found before anything trains: status 2, one message, nothing written."""

import os
import tempfile

import pytest

from noisyseg.bench.cluster.scheduler import Done
from noisyseg.results.records.store import RunStore


def _everything(folder):
    """Every file and folder with its content, to see that nothing was written or changed."""
    return {
        path: path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if not path.is_symlink()
    }


def without_warnings(text):
    """The toy files hold a crowd each, which is told."""
    lines = text.splitlines(keepends=True)
    assert all("1 of 6 annotations are crowds" in e for e in lines if e.startswith("warning: "))
    return "".join(line for line in lines if not line.startswith("warning: "))


@pytest.fixture
def refused(call, tmp_path):
    """Calls a command that must refuse its input; returns the message."""

    def make(*arguments):
        before = _everything(tmp_path)
        done = call(*arguments)
        assert done.status == 2, done
        assert done.out == ""
        error = without_warnings(done.err)
        assert error.startswith("error: ")
        assert error.endswith("\n")
        assert "Traceback" not in done.err
        after = _everything(tmp_path)
        made = [path for path in after if path not in before and path != tmp_path / "runs"]
        assert made == [], "a refused suite leaves nothing but the empty out folder"
        assert all(after[path] == before[path] for path in before)
        return error.removeprefix("error: ").removesuffix("\n")

    return make


@pytest.fixture
def refuses(refused, toy, tmp_path):
    """Runs the toy suite as it is now; the one-line message must hold all of the given texts."""

    def make(*texts, suite=None, options=()):
        message = refused("run", suite or toy.file, "--out", tmp_path / "runs", *options)
        assert "\n" not in message
        assert len(message) < 700
        for text in texts:
            assert text in message
        return message

    return make


def _line(file, start):
    lines = file.read_text().splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.strip().startswith(start))


def test_the_toy_suite_itself_is_fine(call, toy, tmp_path):
    """Or every refusal below would prove nothing."""
    done = call("run", toy.file, "--out", tmp_path / "runs", "--dry-run")
    assert (done.status, len(done.out.splitlines()), without_warnings(done.err)) == (0, 4, "")


# Names


def test_an_unknown_suite(refuses):
    refuses("unknown suite 'smoek'", "Did you mean 'smoke'?", suite="smoek")


def test_an_unknown_method(refuses, toy):
    toy.suite["methods"] = ["ce", "lncsi"]
    toy.write()
    line = _line(toy.file, "methods:")
    refuses(f"{toy.file}, line {line}: unknown method 'lncsi'.", "Did you mean 'lncis'?")


def test_an_unknown_method_parameter(refuses, toy):
    toy.suite["methods"] = {"ce": None, "lncis": {"gama": 1}}
    toy.write()
    refuses(f"{toy.file}, line {_line(toy.file, 'lncis:')}: unknown parameter", "'gama'")


def test_an_unknown_noise_type(refuses, toy):
    toy.suite["noise"]["sym40"]["type"] = "symetric"
    toy.write()
    line = _line(toy.file, "type: symetric")
    refuses(f"{toy.file}, line {line}: unknown noise type 'symetric'.", "Did you mean 'symmetric'?")


@pytest.mark.parametrize(
    ("path", "key", "nearest"),
    [
        ((), "protcol", "protocol"),
        (("data",), "clases", "classes"),
        (("data", "train"), "limits", "limit"),
        (("model",), "weigths", "weights"),
        (("protocol",), "epoch", "epochs"),
        (("protocol", "schedule"), "gama", "gamma"),
        (("protocol", "optimizer"), "momentun", "momentum"),
        (("protocol", "image"), "scales", "scale"),
        (("noise", "sym40"), "rat", "rate"),
    ],
)
def test_an_unknown_key_at_any_depth(refuses, toy, path, key, nearest):
    toy.suite["model"] = {"extends": "mask-rcnn-tiny"}
    toy.suite["protocol"] = {"extends": "smoke", "schedule": {}, "optimizer": {}, "image": {}}
    section = toy.suite
    for name in path:
        section = section[name]
    section[key] = 1
    toy.write()
    message = refuses(f"{toy.file}, line ", f"'{key}'", f"Did you mean '{nearest}'?")
    assert f", line {_line(toy.file, key + ':')}: " in message


@pytest.mark.parametrize(
    ("option", "label", "nearest"),
    [("--methods", "lncs", "lncis"), ("--noise", "sym4", "sym40")],
)
def test_an_unknown_label_on_the_command_line(refuses, option, label, nearest):
    refuses("of suite toy", f"'{label}'", f"Did you mean '{nearest}'?", options=(option, label))


def test_an_unknown_map(refuses, toy):
    toy.suite["noise"] = {"a": {"type": "asymmetric", "rate": 0.2, "map": "vocc"}}
    toy.write()
    refuses(f"{toy.file}, line {_line(toy.file, 'map: vocc')}, map: ", "'vocc'", "mean 'voc'?")


# Values


@pytest.mark.parametrize(
    "rate", ["1.5", "-0.1", ".nan", ".inf", "'0.4'", "40 %", "true", "null", "[0.4]", "1e-1"]
)
def test_a_rate_that_is_none(refuses, toy, rate):
    text = toy.file.read_text().replace("rate: 0.4", f"rate: {rate}")
    toy.file.write_text(text)
    line = _line(toy.file, "rate:")
    refuses(f"{toy.file}, line {line}, rate: a noise rate must be a number from 0 to 1, got ")


def test_a_learning_rate_that_yaml_reads_as_text(refuses, toy):
    toy.suite["protocol"] = {"extends": "smoke", "optimizer": {"lr": "LR"}}
    toy.write()
    toy.file.write_text(toy.file.read_text().replace("LR", "1e-4"))
    line = _line(toy.file, "lr:")
    refuses(f"{toy.file}, line {line}: lr must be a number", "'1e-4'", "write 1.0e-4")


def test_milestones_that_are_no_epochs(refuses, toy):
    toy.suite["protocol"] = {"extends": "smoke", "schedule": {"milestones": [1.5]}}
    toy.write()
    line = _line(toy.file, "milestones:")
    refuses(f"{toy.file}, line {line}: milestones must be a list of epochs", "[1.5]")


@pytest.mark.parametrize(
    ("seeds", "problem"),
    [
        ([0, 0], "seeds names 0 more than once"),
        ([-1], "a seed must be from 0 to 2^63-1, got -1"),
        ([2**63], f"a seed must be from 0 to 2^63-1, got {2**63}"),
        (["zero"], "seeds must be a list of seeds"),
        ([], "seeds must be a list of seeds with at least 1 entry"),
    ],
)
def test_seeds_that_are_none(refuses, toy, seeds, problem):
    toy.suite["seeds"] = seeds
    toy.write()
    refuses(f"{toy.file}, line {_line(toy.file, 'seeds:')}: {problem}")


def test_a_seed_on_the_command_line_that_is_too_large(refuses):
    refuses("a seed must be from 0 to 2^63-1", options=("--seeds", f"0,{2**63}"))


@pytest.mark.parametrize("seeds", ["a", "0,a", "0,-1", "0..3", "", "0,0", "9" * 5000])
def test_seeds_on_the_command_line_that_are_none(call, toy, tmp_path, seeds):
    before = _everything(tmp_path)
    done = call("run", toy.file, "--out", tmp_path / "runs", f"--seeds={seeds}")
    assert done.status == 2
    assert done.err.splitlines()[-1].startswith("noisyseg run: error: argument --seeds: ")
    assert "Traceback" not in done.err
    assert _everything(tmp_path) == before


@pytest.mark.parametrize("section", ["methods", "noise"])
@pytest.mark.parametrize("empty", ["{}", "[]", "", "~"])
def test_an_empty_section(refuses, toy, section, empty):
    del toy.suite[section]
    toy.write()
    with toy.file.open("a") as file:
        file.write(f"{section}: {empty}\n")
    refuses(f"{toy.file}, line {_line(toy.file, section + ':')}: ")


@pytest.mark.parametrize(
    "section", ["data", "model", "protocol", "methods", "noise", "seeds", "name"]
)
def test_a_section_that_is_not_there(refuses, toy, section):
    del toy.suite[section]
    toy.write()
    refuses(f"{toy.file}, line 1: a suite needs the key '{section}'.")


@pytest.mark.parametrize("name", ["../../elsewhere", "/tmp/x", ".hidden"])
@pytest.mark.parametrize("section", [None, "data"])
def test_a_name_that_would_be_written_elsewhere(refuses, toy, name, section):
    (toy.suite if section is None else toy.suite[section])["name"] = name
    toy.write()
    refuses(f"{toy.file}, line {_line(toy.file, 'name: ' + name)}: ", repr(name))


# The suite's file


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (b"name: toy\nnoise:\n  a: 1\n  a: 2\n", ("line 4", "'a' stands here twice")),
        (b"name: toy\nseeds: [0\nnoise: {}\n", ("line 3", "not valid YAML")),
        (b"name: toy\n\tseeds: 0\n", ("line 2", "not valid YAML")),
        (b"name: Zo\xeb\n", ("is not UTF-8 text",)),
        (b"name: toy\nseeds: \x00\n", ("line 2", "not valid YAML")),
        (b"", ("wanted a mapping of keys to values",)),
        (b"- toy\n", ("wanted a mapping of keys to values",)),
        (b"\x93NUMPY" + bytes(range(256)), ("is not UTF-8 text",)),
        (b"name: !!python/object/apply:os.system [touch pwned]\n", ("line 1", "not valid YAML")),
    ],
)
def test_a_file_that_is_no_suite(refuses, toy, content, texts):
    toy.file.write_bytes(content)
    refuses(str(toy.file), *texts)


def test_a_suite_file_that_is_not_there(refuses, toy):
    refuses(f"cannot read {toy.root / 'gone.yaml'}: No such file", suite=toy.root / "gone.yaml")


def test_a_suite_that_is_a_folder(refuses, toy):
    (toy.root / "folder.yaml").mkdir()
    refuses("folder.yaml: Is a directory", suite=toy.root / "folder.yaml")


# Model


@pytest.mark.parametrize("part", ["os.system", "noisyseg.bench.cli.main", "subprocess:run", 3])
def test_a_part_named_by_an_import_path(refuses, toy, part):
    toy.suite["model"] = {"extends": "mask-rcnn-tiny", "detector": {"backbone": {"type": part}}}
    toy.write()
    line = _line(toy.file, "type: " + str(part))
    refuses(f"{toy.file}, line {line}: a part's type must be the plain name", repr(part))


def test_weights_that_are_required(refuses, toy):
    toy.suite["model"] = "mask-rcnn-mobilenetv2"
    toy.write()
    line = _line(toy.file, "model:")
    refuses(f"{toy.file}, line {line}: mask-rcnn-mobilenetv2 starts from pretrained", "FILE.pth")


def test_weights_that_are_not_there(refuses, toy):
    toy.suite["model"] = {"extends": "mask-rcnn-r50-fpn", "weights": "gone.pth"}
    toy.write()
    line = _line(toy.file, "weights:")
    refuses(f"{toy.file}, line {line}: no weights file at {toy.root / 'gone.pth'}")


# Data


def test_a_wrong_data_root(refuses, toy, tmp_path):
    options = ("--data-root", tmp_path / "wrong")
    line = _line(toy.file, "images:")
    refuses(f"{toy.file}, line {line}: no folder", str(tmp_path / "wrong"), options=options)


@pytest.mark.parametrize("split", ["train", "eval"])
def test_an_annotation_file_that_is_not_there(refuses, toy, split):
    (toy.root / f"{split}.json").unlink()
    refuses(f"cannot read the annotation file {toy.root / split}.json: No such file")


@pytest.mark.parametrize("split", ["train", "eval"])
@pytest.mark.parametrize("kept", [0, 1, 500, -1])
def test_an_annotation_file_that_is_cut_short(refuses, toy, split, kept):
    path = toy.root / f"{split}.json"
    path.write_bytes(path.read_bytes()[:kept])
    if kept:
        refuses(f"{path}: not valid JSON at line 1", "cut short")
    else:
        refuses(f"{path}: no COCO annotation file; it is empty", "export it again")


def _spoil(document, what):
    entries = document["annotations"]
    if what == "unknown image":
        entries[2]["image_id"] = 99
    elif what == "unknown category":
        entries[2]["category_id"] = 99
    elif what == "annotation id":
        entries[2]["id"] = entries[1]["id"]
    elif what == "image id":
        document["images"][2]["id"] = document["images"][1]["id"]
    elif what == "category id":
        document["categories"][2]["id"] = document["categories"][1]["id"]
    elif what == "category name":
        document["categories"][2]["name"] = "cat"
    elif what == "no box":
        del entries[2]["bbox"]
    elif what == "no list":
        del document["categories"]


@pytest.mark.parametrize("split", ["train", "eval"])
@pytest.mark.parametrize(
    ("what", "texts"),
    [
        ("unknown image", ("an annotation's image is not in the file", "image_id 99")),
        ("unknown category", ("an annotation's category is not in the file", "category_id 99")),
        ("annotation id", ("several annotations have the same id", "2 times")),
        ("image id", ("several images have the same id", "2 times")),
        ("category id", ("several categories have the same id", "90, 2 times")),
        ("category name", ("several categories have the same name", "'cat', 2 times")),
        ("no box", ("annotations[2]", "has no 'bbox'")),
        ("no list", ("no list 'categories'",)),
    ],
)
def test_annotations_that_contradict_themselves(refused, toy, tmp_path, split, what, texts):
    _spoil(toy.documents[split], what)
    toy.write()
    message = refused("run", toy.file, "--out", tmp_path / "runs")
    assert message.startswith(f"{toy.root / split}.json: ")
    for text in texts:
        assert text in message


def test_an_annotation_without_a_mask(refuses, toy):
    del toy.documents["train"]["annotations"][2]["segmentation"]
    toy.write()
    where = "an annotation has no mask: annotation 5034 of image 15 (1.png)"
    refuses(f"{toy.root / 'train.json'}: cannot be trained", where)


def test_a_class_that_the_file_lacks(refuses, toy):
    toy.suite["data"]["classes"] = ["cat", "fxo"]
    toy.write()
    refuses(f"{toy.root / 'train.json'} has no category 'fxo'", "Did you mean 'fox'?")


def test_a_class_that_the_evaluation_file_alone_lacks(refuses, toy):
    toy.documents["eval"]["categories"][0]["name"] = "wolf"
    toy.write()
    refuses(f"{toy.root / 'eval.json'} has no category 'fox'", "It has 3: wolf, cat, dog.")


def test_one_class_alone_cannot_be_noisy(refuses, toy):
    toy.suite["data"]["classes"] = ["cat"]
    toy.write()
    line = _line(toy.file, "sym40:") + 1  # the step's own first line
    refuses(f"{toy.file}, line {line}: symmetric noise needs at least two classes, got 1")


@pytest.mark.parametrize("split", ["train", "eval"])
@pytest.mark.parametrize("name", ["../train/0.png", "/etc/hostname", "a/../../x.png"])
def test_an_image_outside_the_folder(refuses, toy, split, name):
    toy.documents[split]["images"][1]["file_name"] = name
    toy.write()
    refuses(f"{toy.root / split}.json: the file name {name!r} leaves the images' folder")


@pytest.mark.parametrize("split", ["train", "eval"])
def test_images_that_are_not_there(refuses, toy, split):
    (toy.root / split / "1.png").unlink()
    refuses(f"1 of 3 images named in {toy.root / split}.json are not in", "'1.png'")


@pytest.mark.parametrize(
    ("pairs", "texts"),
    [
        ({"fox": "wolf", "lynx": "cat"}, ("names 'wolf', 'lynx'", "Its classes: fox, cat, dog.")),
        ({"fox": "fox"}, ("turns 'fox' into itself",)),
        ({}, ("must be a non-empty mapping",)),
        ("gone.yaml", ("gone.yaml: cannot read the class map: No such file",)),
        ("voc", ("voc.yaml: the class map names",)),
    ],
)
def test_a_map_that_does_not_fit_the_classes(refuses, toy, pairs, texts):
    toy.suite["noise"] = {"asym": {"type": "asymmetric", "rate": 0.2, "map": pairs}}
    toy.write()
    refuses(f"{toy.file}, line {_line(toy.file, 'map:')}, map", *texts)


def test_a_map_that_names_a_class_the_run_leaves_out(refuses, toy):
    toy.suite["data"]["classes"] = ["cat", "dog"]
    toy.suite["noise"] = {"asym": {"type": "asymmetric", "rate": 0.2, "map": {"cat": "fox"}}}
    toy.write()
    refuses("the class map names 'fox', which this run does not train. Its classes: cat, dog.")


@pytest.mark.parametrize("setting", [{"size": 8}, {"train_images": 0}, {"seed": "a"}])
def test_shapes_that_cannot_be_drawn(refuses, toy, setting):
    toy.suite["data"] = {"format": "shapes", **setting}
    toy.write()
    refuses(f"{toy.file}, line ", f"shapes: {next(iter(setting))} must be an integer of at least")


# Permissions


def _denied(*_, **__):
    raise PermissionError(13, os.strerror(13))


def test_an_out_folder_that_cannot_be_written_to(refused, toy, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", _denied)
    message = refused("run", toy.file, "--out", tmp_path / "runs")
    assert message.startswith(f"cannot write results to {tmp_path / 'runs'}: Permission denied")
    assert "--out" in message


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_an_out_folder_that_is_read_only(refused, toy, tmp_path):
    out = tmp_path / "runs"
    out.mkdir(mode=0o555)
    message = refused("run", toy.file, "--out", out)
    assert message.startswith(f"cannot write results to {out}: Permission denied")


@pytest.mark.parametrize("inside", ["", "deeper/runs"])
def test_an_out_folder_that_is_a_file(refused, toy, tmp_path, inside):
    (tmp_path / "file").write_text("mine")
    message = refused("run", toy.file, "--out", tmp_path / "file" / inside)
    assert message.startswith(f"cannot write results to {tmp_path / 'file'}")


def test_a_cache_that_cannot_be_written_to(refused, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    message = refused("run", "smoke", "--out", tmp_path / "runs")
    assert message.startswith(f"cannot write the shapes data set to {tmp_path / 'file'}")
    assert "--data-root" in message


def test_an_unknown_suite_does_not_even_make_the_out_folder(refused, tmp_path):
    refused("run", "smok", "--out", tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


# Records


def _torn(data):
    return data[: len(data) // 2]


def _changed(data):
    return data.replace(b"30.0", b"99.0")


@pytest.mark.parametrize("damage", [_torn, _changed, lambda _: b"", lambda _: b"\x00" * 64])
@pytest.mark.parametrize("command", ["dry", "run"])
def test_a_corrupted_record_is_named_and_set_aside_by_a_run_alone(
    call, toy, tmp_path, monkeypatch, record_of, damage, command
):
    out = tmp_path / "runs"
    store, runs = RunStore(out), toy.expand(out)
    paths = [store.save(record_of(run)) for run in runs]
    broken = damage(paths[1].read_bytes())
    assert broken != paths[1].read_bytes()
    paths[1].write_bytes(broken)
    trained = []

    def run_all(missing, store, settings, display, check, *_):
        trained.extend(run.key for run in missing)
        for run in missing:
            store.save(record_of(run))
        return Done(records={run.key: record_of(run) for run in missing})

    if command == "run":
        monkeypatch.setattr("noisyseg.bench.cluster.scheduler.run_all", run_all)
    done = call("run", toy.file, "--out", out, *(["--dry-run"] if command == "dry" else []))
    assert done.status == 0
    kept = paths[1].with_name("record.json.corrupt-1")
    named = [line for line in done.err.splitlines() if str(paths[1]) in line]
    assert len(named) == 1
    if command == "dry":
        states = {line.split()[0]: line[18:26] for line in done.out.splitlines()}
        assert [states[run.key] for run in runs] == ["done    ", "to train", *["done    "] * 2]
        assert paths[1].read_bytes() == broken
        assert not kept.exists()
    else:
        assert kept.read_bytes() == broken
        assert kept.name in named[0]
        assert trained == [runs[1].key]
        assert store.load(runs[1].spec) == record_of(runs[1])
        again = call("run", toy.file, "--out", out)
        assert "4 done, 0 to train" in again.err


def test_a_suite_whose_runs_are_done_is_still_checked(refused, toy, tmp_path, record_of):
    out = tmp_path / "runs"
    for run in toy.expand(out):
        RunStore(out).save(record_of(run))
    _spoil(toy.documents["train"], "unknown category")
    toy.write()
    assert "category_id 99" in refused("run", toy.file, "--out", out)


def test_the_same_holds_for_tables(refused, toy, tmp_path):
    toy.suite["noise"]["sym40"]["rate"] = 7
    toy.write()
    (tmp_path / "runs").mkdir()
    message = refused("table", toy.file, "--out", tmp_path / "runs")
    assert "a noise rate must be a number from 0 to 1, got 7" in message


# Building a detector takes mmdet's import, so it is tried only when a run is to be trained, after
# the annotation files have been written: whole ones, which any later run uses.


@pytest.fixture
def refuses_to_train(call, toy, tmp_path):
    def make(*texts):
        toy.write()
        done = call("run", toy.file, "--out", tmp_path / "runs")
        assert (done.status, done.out) == (2, "")
        (message,) = without_warnings(done.err).splitlines()
        assert message.startswith("error: ")
        for text in texts:
            assert text in message
        assert [path.name for path in (tmp_path / "runs").iterdir()] == [".annotations"]

    return make


@pytest.mark.parametrize(
    ("detector", "reason"),
    [
        ({"backbone": {"type": "ResNot"}}, "ResNot"),
        ({"rpn_head": {"feat_chanels": 24}}, "feat_chanels"),
        ({"neck": {"out_channels": "many"}}, "TypeError"),
    ],
)
def test_a_detector_that_mmdet_cannot_build(toy, refuses_to_train, detector, reason):
    toy.suite["model"] = {"extends": "mask-rcnn-tiny", "detector": detector}
    refuses_to_train("model mask-rcnn-tiny: mmdet cannot build its detector", reason)


@pytest.mark.parametrize("split", ["train", "eval"])
def test_an_image_of_another_size_than_the_annotation_file_says(toy, refuses_to_train, split):
    toy.documents[split]["images"][1]["width"] = 10
    refuses_to_train("1 of 3 images in", f"{split} cannot", "1.png has 20 × 10 pixels, not 10 × 10")


def test_weights_that_are_a_text(toy, refuses_to_train):
    (toy.root / "weights.pth").write_text("no tensors here")
    toy.suite["model"] = {"extends": "mask-rcnn-mobilenetv2", "weights": "weights.pth"}
    refuses_to_train("weights.pth cannot be read as weights")
