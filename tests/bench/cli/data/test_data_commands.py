import json
import os
import pty
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

COCO = Path(__file__).parents[3] / "data" / "coco_sample"
VOC = "VOCdevkit/VOC2012"


@pytest.fixture
def root(official, tmp_path):
    """Data sets in the official layouts, to be changed."""
    return Path(shutil.copytree(official, tmp_path / "data root"))


@pytest.fixture
def data(call, root):
    """Calls a `data` command with that root."""
    return lambda *arguments: call("data", *arguments, "--root", root)


@pytest.fixture
def validate(call, tmp_path):
    """Validates a suite that uses the `data` section that a command printed."""

    def run(printed, *options):
        section = yaml.safe_load(printed.partition("in a suite:\n")[2].partition("and on its")[0])
        suite = {"name": "mine", "model": "mask-rcnn-tiny", "protocol": "smoke"}
        suite |= {"methods": ["ce"], "noise": {"clean": None}, "seeds": [0]}
        file = tmp_path / "mine.yaml"
        file.write_text(yaml.safe_dump({**suite, **section}))
        return call("suite", "validate", file, *options)

    return run


def states(done):
    return {row["name"]: row["state"] for row in json.loads(done.out)}


# list


def test_where_nothing_is_every_row_says_what_to_do(call, tmp_path):
    done = call("data", "list", "--root", tmp_path)
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    names = ["shapes", "voc2012-seg", "voc2012-sbd", "voc2012-box", "coco2017", "cityscapes"]
    heads = [line for line in lines if not line.startswith(" ")]
    assert [line.split()[0] for line in heads] == names
    assert all(line.endswith("not there") for line in heads[1:])
    assert done.out.count("    noisyseg data download") == 5
    first = " ".join(lines[lines.index(heads[1]) : lines.index(heads[2])])
    assert "VOCtrainval_11-May-2012.tar" in first


def test_the_list_fits_100_columns_and_its_commands_can_be_copied(call, tmp_path):
    for folder in ("data", "a folder with a rather long name/of data sets that is " + "x" * 20):
        root = tmp_path / folder
        lines = call("data", "list", "--root", root).out.splitlines()
        for line in lines:
            assert len(line) <= 100 or len(line.split("'")[1]) > 60, line
        commands = "\n".join(lines).replace("\\\n", " ").splitlines()
        (command,) = [line for line in commands if "download coco2017" in line]
        assert shlex.split(command)[-2:] == ["--root", str(root)]


def test_list_tells_apart_what_is_there_and_what_is_ready(data):
    assert set(states(data("list", "--json")).values()) == {"not prepared"}
    assert "noisyseg data prepare voc2012" in data("list").out
    for name in ("voc2012", "coco2017", "cityscapes"):
        assert data("prepare", name, "--allow-partial").status == 0
    assert data("prepare", "shapes").status == 0
    assert states(data("list", "--json")) == {
        "shapes": "ready",
        "voc2012-seg": "not prepared",
        "voc2012-sbd": "not prepared",
        "voc2012-box-partial": "ready",
        "coco2017-partial": "ready",
        "cityscapes-partial": "ready",
    }


def test_list_says_where_a_half_extracted_archive_lacks_something(data, root):
    shutil.rmtree(root / "cityscapes" / "gtFine")
    row = next(row for row in json.loads(data("list", "--json").out) if row["name"] == "cityscapes")
    assert row["state"] == "not there"
    assert "gtFine is not there" in row["detail"]


# prepare


def test_another_number_of_images_than_the_official_one_is_refused(data, root):
    done = data("prepare", "voc2012", "--masks", "seg")
    assert (done.status, done.out) == (2, "")
    assert "officially 1464" in done.err
    assert "--allow-partial" in done.err
    assert not (root / "noisyseg").exists()


@pytest.mark.parametrize("masks", ["seg", "sbd", "box"])
def test_what_prepare_prints_can_be_used_in_a_suite(data, root, validate, masks):
    done = data("prepare", "voc2012", "--masks", masks, "--allow-partial")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"voc2012-{masks}-partial: ready: train ")
    assert f"--data-root {root} --allow-partial" in done.out
    checked = validate(done.out, "--data-root", root, "--allow-partial")
    assert checked.status == 0, checked.err


def test_files_that_go_elsewhere_can_be_used_too(data, root, validate, tmp_path):
    out = tmp_path / "else, where"
    done = data("prepare", "cityscapes", "--allow-partial", "--out", out)
    assert done.status == 0
    assert sorted(path.name for path in out.iterdir()) == ["annotations", "prepared.json"]
    assert not (root / "noisyseg").exists()
    checked = validate(done.out)
    assert checked.status == 0, checked.err


def test_prepare_tells_counts_and_places_as_json(data, root):
    done = data("prepare", "coco2017", "--allow-partial", "--json")
    told = json.loads(done.out)
    train = root / "coco" / "annotations" / "instances_train2017.json"
    document = json.loads(train.read_bytes())
    assert told["name"] == "coco2017-partial"
    assert told["train"] == {"annotations": str(train), "images": str(root / "coco/train2017")}
    assert told["counts"]["train"] == {
        "images": len(document["images"]),
        "annotations": len(document["annotations"]),
    }


def test_shapes_go_where_a_run_looks_for_them(call, validate, tmp_path):
    """Without a root that is the cache."""
    assert call("data", "check", "shapes").status == 2
    done = call("data", "prepare", "shapes")
    assert done.status == 0
    (folder,) = (tmp_path / "cache" / "noisyseg").iterdir()
    assert str(folder) in done.out
    assert "--data-root" not in done.out
    assert validate(done.out).status == 0
    checked = call("data", "check", "shapes")
    assert checked.status == 0
    assert "300 images" in checked.out
    assert list((tmp_path / "here").iterdir()) == []


def test_a_folder_in_cocos_layout_is_checked_and_its_section_printed(call, toy, validate):
    (toy.root / "annotations").mkdir()
    for split in ("train", "eval"):
        shutil.copy(
            toy.root / f"{split}.json", toy.root / "annotations" / f"instances_{split}.json"
        )
    done = call("data", "prepare", toy.root)
    assert done.status == 0, done.out
    checked = validate(done.out)
    assert checked.status == 0, checked.err
    (toy.root / "eval" / "1.png").unlink()
    broken = call("data", "prepare", toy.root)
    assert broken.status == 1
    assert "in a suite" not in broken.out


# check


def test_check_lists_what_is_wrong_and_what_to_do(data, root):
    names = (root / VOC / "ImageSets" / "Main" / "train.txt").read_text().split()
    for name in names:
        (root / VOC / "JPEGImages" / f"{name}.jpg").unlink()
    done = data("check", "voc2012", "--allow-partial")
    assert (done.status, done.err) == (1, "")
    lines = done.out.splitlines()
    assert f"  PROBLEM, {len(names)} ×: an image is not there" in lines
    assert sum("JPEGImages" in line for line in lines) == 3
    assert f"    … and {len(names) - 3} more" in lines
    assert any("what to do: unpack the archive again" in line for line in lines)
    assert lines[-1] == f"{len(names)} problems"


def test_check_as_json(data, root):
    (root / "coco" / "val2017").joinpath("more.txt").write_text("")
    done = data("check", "coco2017", "--json")
    told = json.loads(done.out)
    assert done.status == 1
    (problem,) = told["problems"]
    assert (problem["kind"], problem["count"]) == (
        "the number of images is not the official one",
        2,
    )
    assert any("more.txt" in remark for remark in told["remarks"])
    assert len(told["sha256"]) == 2


def test_a_single_annotation_file(call, toy):
    file = toy.root / "train.json"
    done = call("data", "check", file, "--images", toy.root / "train")
    assert done.status == 0, done.out
    assert "3 images, 6 annotations" in done.out
    for images in ((), ("--images", toy.root / "absent")):
        refused = call("data", "check", file, *images)
        assert refused.status == 2
        assert "--images FOLDER" in refused.err


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("check", "voc2013"), "Did you mean 'voc2012'?"),
        (("prepare", "voc2013"), "Did you mean 'voc2012'?"),
        (("check", "coco2017"), "COCO 2017 is not in ."),
        (("check", "coco2017", "--masks", "seg"), "--masks chooses VOC's masks"),
        (("prepare", "cityscapes", "--masks", "seg"), "--masks chooses VOC's masks"),
        (("check", "."), "annotations/instances_NAME.json"),
        (("prepare", ".", "--out", "x"), "--out"),
        (("check", "shapes"), "noisyseg data prepare shapes"),
    ],
)
def test_unusable_input(call, arguments, wanted):
    done = call("data", *arguments)
    assert (done.status, done.out) == (2, "")
    assert wanted in done.err


def test_the_wrong_folder_level_is_answered_with_the_right_one(call, root):
    done = call("data", "check", "voc2012", "--root", root.parent)
    assert done.status == 2
    assert str(root / VOC) in done.err


@pytest.fixture
def coco(tmp_path):
    """A part of COCO with its own annotations, and grey images of its images' sizes."""
    root = Path(shutil.copytree(COCO, tmp_path / "coco"))
    for split in ("train2017", "val2017"):
        (root / split).mkdir()
        document = json.loads((root / f"annotations/instances_{split}.json").read_bytes())
        for image in document["images"]:
            size = image["width"], image["height"]
            Image.new("L", size).save(root / split / image["file_name"])
    return root


def test_real_coco_is_in_order_but_for_its_counts(call, coco):
    sample = ("check", "coco2017", "--root", coco, "--json")
    done = call("data", *sample)
    assert done.status == 1
    (problem,) = json.loads(done.out)["problems"]
    assert "number of images" in problem["kind"]
    done = call("data", *sample, "--allow-partial")
    assert done.status == 0
    assert json.loads(done.out)["images"] == 92 + 66


def test_a_bar_is_drawn_on_a_terminal_alone(root):
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "noisyseg.bench.cli", "data", "check", "coco2017"]
    done = subprocess.run(
        [*command, "--allow-partial", "--root", root],
        stdout=subprocess.PIPE,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm"},
        text=True,
    )
    os.close(terminal)
    drawn = os.read(controller, 100_000).decode()
    os.close(controller)
    assert done.returncode == 0
    assert "checking coco2017" in drawn
    assert "checking" not in done.stdout


def test_the_commands_do_without_torch(root):
    arguments = ["data", "check", "voc2012", "--allow-partial", "--root", str(root)]
    script = (
        f"import sys\nfrom noisyseg.bench.cli import main\nassert main({arguments!r}) == 0\n"
        "assert not {'torch', 'mmdet', 'pandas', 'ray'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("voc.xml", b"<annotation><object/></annotation>", "Pascal VOC"),
        ("yolo.txt", b"0 0.5 0.5 0.25 0.125\n", "YOLO"),
        ("train.json.gz", b"\x1f\x8b\x08", "gunzip"),
        ("weights.bin", b"\x00\x01", "wanted a .json file"),
    ],
)
def test_check_says_what_a_file_of_another_kind_is(call, tmp_path, name, content, kind):
    (tmp_path / name).write_bytes(content)
    done = call("data", "check", tmp_path / name, "--images", tmp_path)
    assert done.status == 2
    assert f"{name}: no COCO annotation file" in done.err
    assert kind in done.err


def test_check_counts_nothing_in_a_file_that_is_no_coco_file(call, tmp_path):
    (tmp_path / "a.json").write_text("[1]")
    done = call("data", "check", tmp_path / "a.json", "--images", tmp_path)
    assert done.status == 1
    assert "PROBLEM, 1 ×: an annotation file cannot be used" in done.out
    assert "WARNING" not in done.out
