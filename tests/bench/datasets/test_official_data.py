import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from noisyseg.bench.datasets import converted
from noisyseg.bench.datasets.data_format import DataOptions
from noisyseg.bench.datasets.formats.cityscapes import CITYSCAPES_CLASSES
from noisyseg.bench.datasets.formats.registry import FORMATS
from noisyseg.bench.datasets.named_data import named_data
from noisyseg.bench.datasets.voc_objects import VOC_CLASSES
from noisyseg.errors import InputError

CONVERTED = [("voc2012", "seg"), ("voc2012", "sbd"), ("voc2012", "box"), ("cityscapes", "box")]
EVERY = [*CONVERTED, ("coco2017", "box")]


def located(root, name, masks="box", **more):
    chosen = {"masks": masks} if name == "voc2012" else {}
    options = {"cache": root / "cache", "allow_partial": True, **chosen, **more}
    return named_data(FORMATS[name], root, DataOptions(**options))


def ready(root, name, masks="box", *, workers=1, progress=None, **more):
    return located(root, name, masks, **more).make(workers=workers, progress=progress)


def found(root, name, masks="box", **more):
    return located(root, name, masks, **more).find()


def content(made):
    return made.train.annotations.read_bytes(), made.eval.annotations.read_bytes()


def moments(made):
    """When the files were last written."""
    paths = (made.train.annotations, made.eval.annotations)
    return [path.stat().st_mtime_ns for path in paths]


def drawn_instances(drawn, name, masks, split):
    """By file name, in the file's order: class, box, area, mask, whether it is ignored."""
    by_image = drawn["voc2012"][masks] if name == "voc2012" else drawn["cityscapes"]
    for image, entries in sorted(by_image[split].items()):
        if name == "cityscapes":
            entries = sorted(entries, key=lambda entry: CITYSCAPES_CLASSES[entry["class"]])
        elif split == "train":
            entries = [entry for entry in entries if not entry["difficult"]]
        yield image if name == "cityscapes" else f"{image}.jpg", entries


@pytest.mark.parametrize(("name", "masks"), CONVERTED)
def test_pycocotools_loads_exactly_what_was_drawn(copied, drawn, capsys, name, masks):
    made = ready(copied, name, masks)
    for half, split in ((made.train, "train"), (made.eval, "val")):
        coco = COCO(str(half.annotations))
        names = {entry["id"]: entry["name"] for entry in coco.dataset["categories"]}
        assert list(names.values()) == made.classes
        expected = list(drawn_instances(drawn, name, masks, split))
        images = coco.dataset["images"]
        assert [image["file_name"] for image in images] == [image for image, _ in expected]
        assert [image["id"] for image in images] == list(range(1, len(images) + 1))
        for image, (_, entries) in zip(images, expected, strict=True):
            with Image.open(half.images / image["file_name"]) as picture:
                assert picture.size == (image["width"], image["height"])
            annotations = coco.imgToAnns[image["id"]]
            assert [
                (names[a["category_id"]], a["bbox"], a["area"], a["iscrowd"]) for a in annotations
            ] == [(e["class"], e["bbox"], e["area"], int(e["difficult"])) for e in entries]
            for annotation, entry in zip(annotations, entries, strict=True):
                assert np.array_equal(coco.annToMask(annotation), coco_mask.decode(entry["mask"]))
        number = sum(len(entries) for _, entries in expected)
        assert made.counts[split] == {"images": len(expected), "annotations": number}
        ids = [annotation["id"] for annotation in coco.dataset["annotations"]]
        assert ids == list(range(1, number + 1))
    assert made.notes == []


def test_coco_is_used_as_it_is(copied, drawn):
    made = ready(copied, "coco2017")
    coco = copied / "coco"
    assert made.train.annotations == coco / "annotations" / "instances_train2017.json"
    assert (made.train.images, made.eval.images) == (coco / "train2017", coco / "val2017")
    assert made.classes is None
    assert made.counts["val"]["images"] == len(drawn["coco2017"]["val"])


@pytest.mark.parametrize("name", ["voc2012", "cityscapes"])
def test_bytes_do_not_depend_on_the_number_of_processes(copied, tmp_path, monkeypatch, name):
    monkeypatch.setattr(converted, "_LEAST_FOR_PROCESSES", 2)
    monkeypatch.setattr(converted, "_CHUNK", 1)
    one, two = (
        ready(copied, name, "seg", out=tmp_path / str(workers), workers=workers)
        for workers in (1, 2)
    )
    assert content(one) == content(two)
    assert (one.counts, one.notes) == (two.counts, two.notes)


@pytest.mark.parametrize(("name", "masks"), EVERY)
def test_progress_goes_from_one_to_all(copied, name, masks):
    told = []
    made = ready(copied, name, masks, progress=lambda *numbers: told.append(numbers))
    total = sum(counts["images"] for counts in made.counts.values())
    if name == "coco2017":
        total = 2  # files
    assert told == [(number, total) for number in range(1, total + 1)]


# Found again, or made again


@pytest.mark.parametrize(("name", "masks"), EVERY)
def test_a_whole_conversion_is_used_again(copied, name, masks):
    assert found(copied, name, masks) is None
    made = ready(copied, name, masks)
    before = moments(made)
    assert found(copied, name, masks) == made
    assert ready(copied, name, masks) == made
    assert moments(made) == before


@pytest.mark.parametrize(("name", "masks"), CONVERTED)
@pytest.mark.parametrize("half", ["train", "eval"])
def test_an_output_that_was_damaged_or_lost_is_made_again(copied, name, masks, half):
    made = ready(copied, name, masks)
    whole = content(made)
    path = getattr(made, half).annotations
    edited = path.read_bytes().replace(b'"iscrowd":0', b'"iscrowd":1', 1)
    for damaged in (edited, path.read_bytes()[:-9], b""):
        assert damaged not in whole
        path.write_bytes(damaged)
        assert found(copied, name, masks) is None
        assert ready(copied, name, masks) == made
        assert content(made) == whole
    path.unlink()
    assert found(copied, name, masks) is None
    ready(copied, name, masks)
    assert content(made) == whole


def rewrite_list(root, kind, change):
    sets = root / "VOCdevkit" / "VOC2012" / "ImageSets" / kind
    lists = {split: (sets / f"{split}.txt").read_text().split() for split in ("train", "val")}
    change(lists)
    for split, names in lists.items():
        (sets / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))


def file_names(split):
    return [Path(image["file_name"]).stem for image in json.loads(split.read_bytes())["images"]]


@pytest.mark.parametrize(("masks", "kind"), [("seg", "Segmentation"), ("box", "Main")])
@pytest.mark.parametrize("change", ["drop", "reverse", "move"])
def test_another_list_is_noticed(copied, masks, kind, change):
    def apply(lists):
        if change == "drop":
            lists["train"].pop()
        elif change == "reverse":
            lists["val"].reverse()
        else:  # both lists, one after the other, are what they were
            lists["val"].insert(0, lists["train"].pop())

    ready(copied, "voc2012", masks)
    rewrite_list(copied, kind, apply)
    assert found(copied, "voc2012", masks) is None
    made = ready(copied, "voc2012", masks)
    sets = copied / "VOCdevkit" / "VOC2012" / "ImageSets" / kind
    for half, split in ((made.train, "train"), (made.eval, "val")):
        assert file_names(half.annotations) == (sets / f"{split}.txt").read_text().split()


def test_other_lists_of_sbd_are_noticed(copied):
    made = ready(copied, "voc2012", "sbd")
    names = file_names(made.train.annotations)
    for path in (copied / "benchmark_RELEASE" / "dataset").glob("*.txt"):
        path.write_text(path.read_text().replace(f"{names[0]}\n", ""))
    assert found(copied, "voc2012", "sbd") is None
    ready(copied, "voc2012", "sbd")
    assert file_names(made.train.annotations) == names[1:]


def test_another_image_of_cityscapes_is_noticed(copied):
    made = ready(copied, "cityscapes")
    names = file_names(made.eval.annotations)
    for path in (copied / "cityscapes").glob(f"*/val/*/{names[0].removesuffix('_leftImg8bit')}*"):
        path.unlink()
    assert found(copied, "cityscapes") is None
    ready(copied, "cityscapes")
    assert file_names(made.eval.annotations) == names[1:]


def test_another_annotation_file_of_coco_is_noticed(copied):
    made = ready(copied, "coco2017")
    document = json.loads(made.train.annotations.read_bytes())
    document["annotations"].pop()
    made.train.annotations.write_text(json.dumps(document))
    assert found(copied, "coco2017") is None
    again = ready(copied, "coco2017")
    number = made.counts["train"]["annotations"] - 1
    assert again.counts["train"]["annotations"] == number


STOPPED = """
import sys
import time
from dataclasses import replace
from pathlib import Path
from noisyseg.bench.datasets.data_format import DataOptions
from noisyseg.bench.datasets.formats.voc2012 import VOC2012
from noisyseg.bench.datasets.named_data import named_data

def stop(done, total):
    if done == int(sys.argv[3]):
        print("there", flush=True)
        sys.stdin.read()  # until it is killed

if __name__ == "__main__":
    root = Path(sys.argv[1])
    options = DataOptions(cache=root / "cache", masks=sys.argv[2], allow_partial=True)
    named_data(VOC2012, root, options).make(workers=1, progress=stop)
"""


@pytest.mark.parametrize("before", ["nothing", "another list's"])
@pytest.mark.parametrize("images", [2, 7])  # of six in train and six in val
def test_what_a_killed_process_leaves_is_never_used(copied, tmp_path, before, images):
    if before != "nothing":
        rewrite_list(copied, "Main", lambda lists: lists["val"].reverse())
        ready(copied, "voc2012")
        rewrite_list(copied, "Main", lambda lists: lists["val"].reverse())
    command = [sys.executable, "-c", STOPPED, str(copied), "box", str(images)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"there\n"
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert found(copied, "voc2012") is None
    made = ready(copied, "voc2012")
    assert content(made) == content(ready(copied, "voc2012", out=tmp_path / "clean"))
    assert found(copied, "voc2012") == made


def test_an_error_in_the_middle_leaves_nothing_that_passes_for_done(copied):
    made = ready(copied, "voc2012", "seg")
    whole = content(made)
    made.eval.annotations.unlink()
    masks = copied / "VOCdevkit" / "VOC2012" / "SegmentationObject"
    path = masks / f"{file_names(made.train.annotations)[-1]}.png"
    intact = path.read_bytes()
    path.write_bytes(intact[:-30])
    with pytest.raises(InputError, match=str(path)):
        ready(copied, "voc2012", "seg")
    assert found(copied, "voc2012", "seg") is None
    assert [entry.name for entry in made.train.annotations.parent.iterdir()] == [
        "instances_train.json"
    ]
    path.write_bytes(intact)
    assert content(ready(copied, "voc2012", "seg")) == whole


def test_a_damaged_file_is_named_through_other_processes(copied, monkeypatch):
    monkeypatch.setattr(converted, "_LEAST_FOR_PROCESSES", 2)
    path = copied / "VOCdevkit" / "VOC2012" / "Annotations" / "2008_000002.xml"
    path.write_text("<annotation>")
    with pytest.raises(InputError, match=str(path)):
        ready(copied, "voc2012", workers=2)


def test_remarks_of_a_conversion_stay_with_it(copied):
    path = copied / "VOCdevkit" / "VOC2012" / "Annotations" / "2008_000001.xml"
    path.write_text(path.read_text().replace("<name>aeroplane", "<name>sofa", 1))
    notes = ["val: 1 × an instance's class is not its XML object's (the mask's is kept): "]
    notes[0] += "2008_000001.jpg"
    assert ready(copied, "voc2012", "seg").notes == notes
    assert found(copied, "voc2012", "seg").notes == notes


# Where


def test_the_folder_is_in_the_root(copied):
    for name, masks in CONVERTED:
        folder = f"{name}-{masks}" if name == "voc2012" else name
        made = ready(copied, name, masks)
        assert made.train.annotations.is_relative_to(copied / "noisyseg" / folder)
    assert not (copied / "cache").exists()


def test_a_root_that_cannot_be_written_to_gives_way_to_the_cache(copied):
    (copied / "noisyseg").write_text("in the way")
    made = ready(copied, "cityscapes")
    assert made.train.annotations.is_relative_to(copied / "cache" / "prepared")
    assert made.train.images == copied / "cityscapes" / "leftImg8bit" / "train"
    assert found(copied, "cityscapes") == made


def test_two_roots_do_not_share_a_place_in_the_cache(copied, official, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "VOCdevkit").symlink_to(official / "VOCdevkit")
    roots = (copied, other)
    for root in roots:
        (root / "noisyseg").write_text("in the way")
    one, two = (ready(root, "voc2012", cache=tmp_path / "cache") for root in roots)
    assert one.train.annotations != two.train.annotations


def test_a_folder_that_was_named_is_used(copied, tmp_path):
    out = tmp_path / "out"
    made = ready(copied, "voc2012", out=out)
    assert made.train.annotations.is_relative_to(out)
    assert found(copied, "voc2012", out=out) == made
    assert found(copied, "voc2012") is None


@pytest.mark.parametrize("name", ["voc2012", "cityscapes", "coco2017"])
def test_no_place_to_write_is_said(copied, name):
    in_the_way = copied / "file"
    in_the_way.write_text("")
    with pytest.raises(InputError, match=f"cannot write .*{in_the_way}"):
        ready(copied, name, out=in_the_way / "below")


# Numbers of images


@pytest.mark.parametrize(("name", "masks"), EVERY)
def test_a_part_is_refused_unless_it_is_allowed(copied, name, masks):
    with pytest.raises(InputError, match=r"train has .* officially .*--allow-partial") as caught:
        ready(copied, name, masks, allow_partial=False)
    full = f"voc2012-{masks}" if name == "voc2012" else name
    official = located(copied, name, masks).files.official["train"]
    assert f"officially {official}:" in str(caught.value)
    assert f"{full}-partial" in str(caught.value)
    assert ready(copied, name, masks).name == f"{full}-partial"
    assert found(copied, name, masks).name == f"{full}-partial"
    with pytest.raises(InputError, match="--allow-partial"):
        ready(copied, name, masks, allow_partial=False)


def test_the_official_numbers_need_no_leave(copied):
    """Of a data set whose official number is the fixture's."""
    for name, masks in EVERY:
        data = located(copied, name, masks, allow_partial=False)
        number = data.files.listed() or {"train": 6, "val": 6}
        data = replace(data, files=replace(data.files, official=number))
        assert data.make(workers=1).name == data.files.name
        assert data.find().name == data.files.name


def test_the_official_numbers_are_the_papers_and_the_makers(official):
    """VOC's lists (its development kit), COCO's and Cityscapes' own pages."""
    for (name, masks), numbers in zip(
        EVERY, [(1464, 1449), (5717, 5823), (5717, 5823), (2975, 500), (118287, 5000)], strict=True
    ):
        counts = located(official, name, masks).files.official
        assert (counts["train"], counts["val"]) == numbers


def test_classes_are_in_the_order_of_the_makers(copied):
    assert ready(copied, "voc2012", "seg").classes == list(VOC_CLASSES)
    assert ready(copied, "cityscapes").classes == [
        *("person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle")
    ]


# Not there


def test_sbd_is_only_looked_for_where_it_is_needed(copied):
    (copied / "benchmark_RELEASE").rename(copied / "elsewhere")
    assert located(copied, "voc2012", "seg").files.sbd is None
    with pytest.raises(InputError, match=r"Semantic Boundaries Dataset .* found at .*elsewhere"):
        located(copied, "voc2012", "sbd")


@pytest.mark.parametrize("name", ["voc2012", "cityscapes", "coco2017"])
@pytest.mark.parametrize("allow", [True, False])
def test_nothing_there_is_said_and_not_found(tmp_path, name, allow):
    with pytest.raises(InputError, match=f"is not in {tmp_path}"):
        located(tmp_path, name, allow_partial=allow)


@pytest.mark.parametrize(
    ("masks", "path"),
    [
        ("seg", "VOCdevkit/VOC2012/SegmentationObject/2007_000001.png"),
        ("seg", "VOCdevkit/VOC2012/Annotations/2008_000001.xml"),
        ("sbd", "benchmark_RELEASE/dataset/inst/2007_000001.mat"),
        ("box", "VOCdevkit/VOC2012/Annotations/2007_000001.xml"),
    ],
)
def test_a_raw_file_that_changed_is_noticed(copied, masks, path):
    ready(copied, "voc2012", masks)
    assert found(copied, "voc2012", masks) is not None
    raw = copied / path
    raw.write_bytes(raw.read_bytes())  # a new time of change is enough
    assert found(copied, "voc2012", masks) is None


def test_one_folder_never_serves_two_roots(copied, official, tmp_path):
    other = Path(shutil.copytree(copied, tmp_path / "other", copy_function=shutil.copy))
    out = tmp_path / "out"
    ready(copied, "cityscapes", out=out)
    assert found(copied, "cityscapes", out=out) is not None
    assert found(other, "cityscapes", out=out) is None


def test_what_is_trained_on_is_never_evaluated_on(copied):
    lists = copied / "VOCdevkit" / "VOC2012" / "ImageSets" / "Main"
    (lists / "val.txt").write_text((lists / "train.txt").read_text())
    with pytest.raises(InputError, match=r"names 6 images of .*train.txt, too .2007_000001."):
        ready(copied, "voc2012")


def test_sbds_own_lists_are_counted(copied):
    lists = copied / "VOCdevkit" / "VOC2012" / "ImageSets" / "Main"
    for split, count in (("train", 5717), ("val", 5823)):
        names = (lists / f"{split}.txt").read_text().split()
        names += [f"{split}_{number}" for number in range(count - len(names))]
        (lists / f"{split}.txt").write_text("\n".join(names))
    with pytest.raises(InputError, match=r"SBD's train has 5 images .*officially 8498"):
        ready(copied, "voc2012", "sbd", allow_partial=False)


WORKERS = """
import multiprocessing, sys, time
from noisyseg.bench.datasets import converted
converted._LEAST_FOR_PROCESSES = 1
done = converted.convert_all(time.sleep, [0, 0, 60, 60, 60], workers=2, progress=lambda _: None)
converted._CHUNK = 1
if __name__ == "__main__":
    next(done)
    print(*[child.pid for child in multiprocessing.active_children()], flush=True)
    next(done), next(done)
"""


def test_workers_end_with_a_process_that_is_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(WORKERS)
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE) as process:
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 2
        os.kill(process.pid, signal.SIGKILL)
    for _ in range(100):
        alive = [pid for pid in pids if Path(f"/proc/{pid}").exists()]
        if not alive:
            return
        time.sleep(0.1)
    pytest.fail(f"workers {alive} live on")
