"""`noisyseg init`, as it is called: what it writes, what it refuses."""

import json
import os
from pathlib import Path

import pytest

from noisyseg.bench.cli.command_line import main
from noisyseg.located_yaml import plain, read_yaml

SHARED = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


def init(folder, *words):
    return main(["init", str(folder.root.relative_to(Path.cwd())), *words])


def suite(name="my-data.yaml"):
    return plain(read_yaml(Path(name)))


def two_parts(folder, **keys):
    for part in ("train", "val"):
        folder.part(f"annotations/{part}.json", part, **keys)


def test_a_suite_that_is_valid(folder, capsys):
    two_parts(folder)
    assert init(folder) == 0
    said = capsys.readouterr().out
    assert "my-data.yaml: 3 classes, 18 runs" in said
    written = suite()
    assert written["data"]["train"]["annotations"] == "my data/annotations/train.json"
    assert written["data"]["eval"]["images"] == "my data/val"
    assert written["data"]["classes"] == ["cat", "dog", "horse"]
    assert list(written["noise"]) == ["clean", "sym20", "sym40"]  # no name is like another
    assert main(["suite", "validate", "my-data.yaml"]) == 0
    assert "6 cells, 18 runs" in capsys.readouterr().out
    lines = Path("my-data.yaml").read_text().splitlines()
    assert max(map(len, lines)) <= 130


def test_the_same_folder_gives_the_same_bytes(folder):
    two_parts(folder)
    for name in ("one", "other"):
        assert init(folder, "--name", "mine", "--write", f"{name}/mine.yaml") == 0
    assert Path("one/mine.yaml").read_bytes() == Path("other/mine.yaml").read_bytes()


def test_relative_paths_start_from_the_suites_folder(folder):
    two_parts(folder)
    assert init(folder, "--write", "suites/deep/mine.yaml") == 0
    written = suite("suites/deep/mine.yaml")
    assert written["data"]["train"]["images"] == "../../my data/train"
    assert main(["suite", "validate", "suites/deep/mine.yaml"]) == 0


def test_what_is_there_is_never_overwritten(folder, capsys):
    two_parts(folder)
    Path("my-data.yaml").write_text("mine")
    assert init(folder) == 2
    assert "my-data.yaml is there already" in capsys.readouterr().err
    assert Path("my-data.yaml").read_text() == "mine"


def test_one_file_is_no_suite_unless_images_are_held_out(folder, capsys):
    folder.part("result.json", "images", number=10, names="images/{}".format)
    assert init(folder) == 2
    said = capsys.readouterr().err
    assert "one annotation file that can be used, result.json" in said
    assert "--hold-out 0.2" in said
    assert not Path("my-data.yaml").exists()
    assert init(folder, "--hold-out", "0.2") == 0
    parts = [json.loads(Path(f"my-data-{part}.json").read_text()) for part in ("train", "eval")]
    names = [{image["file_name"] for image in part["images"]} for part in parts]
    assert [len(part) for part in names] == [8, 2]
    assert not names[0] & names[1]
    for part in parts:
        ids = {image["id"] for image in part["images"]}
        assert {entry["image_id"] for entry in part["annotations"]} == ids
    assert suite()["data"]["eval"]["annotations"] == "my-data-eval.json"
    assert main(["suite", "validate", "my-data.yaml"]) == 0


def test_a_held_out_part_that_is_there_stays(folder, capsys):
    folder.part("result.json", "images")
    Path("my-data-eval.json").write_text("mine")
    assert init(folder, "--hold-out", "0.5") == 2
    assert "my-data-eval.json is there already" in capsys.readouterr().err
    assert sorted(os.listdir()) == ["my data", "my-data-eval.json"]


def test_the_same_file_twice_is_said_loudly(folder, capsys):
    file = folder.part("train.json", "images")
    assert init(folder, "--eval", str(file)) == 2  # not by an oversight
    assert "say --train FILE" in capsys.readouterr().err
    assert init(folder, "--train", "train.json", "--eval", str(file)) == 0
    assert "AP will say nothing of new images" in capsys.readouterr().err
    assert "how well images are remembered" in Path("my-data.yaml").read_text()


@pytest.mark.parametrize(
    "name",
    [
        *("no", "on", "null", "1e3", "0x10", "3", "2026-11-28", "~", "y", "=", "<<"),
        *("a: b", "a #b", "it's", 'say "hi"', "- a", "{a}", "[a]", "*a", "&a", "!a", "%a", "@a"),
        *("back\\slash", " leading", "trailing ", "new\nline", "tab\there", "naïve", "猫", "🐈"),
        *("\x85next", "\u2028line", "soft\u00adhyphen", "-", "?", "|", ">", "a,b"),
    ],
)
def test_names_are_what_they_are_in_yaml(name):
    from noisyseg.bench.first_suite.yaml_text import scalar
    from noisyseg.located_yaml import parse_yaml

    text = f"- {scalar(name)}  # 1, 2\n- {{{scalar(name)}: {scalar(name)}}}\n"
    assert plain(parse_yaml(text, "names")) == [name, {name: name}]


def test_odd_names_go_all_the_way(folder):
    classes = ("no", "a: b #c", "new\nline", 'the "cat"', "1e3", " leading")
    two_parts(folder, classes=classes, number=12)
    assert init(folder) == 0
    assert suite()["data"]["classes"] == list(classes)
    assert main(["suite", "validate", "my-data.yaml"]) == 0


def test_a_root_class_is_left_out(folder):
    root = {"name": "animals", "supercategory": "none", "unused": True}
    below = ({"name": name, "supercategory": "animals"} for name in ("cat", "dog", "horse"))
    two_parts(folder, classes=(root, *below))
    assert init(folder) == 0
    assert suite()["data"]["classes"] == ["cat", "dog", "horse"]
    text = Path("my-data.yaml").read_text()
    assert 'Left out, since no annotation in the training file: "animals"' in text


def test_pairs_within_super_categories(folder):
    animals = [{"name": name, "supercategory": "animal"} for name in ("cat", "dog", "horse")]
    cars = [{"name": name, "supercategory": "vehicle"} for name in ("bus", "car")]
    two_parts(folder, classes=(*animals, *cars), number=10)
    assert init(folder) == 0
    noise = suite()["noise"]["asym40"]
    assert noise["map"]["bus"] == "car"
    assert noise["map"]["car"] == "bus"
    assert len(noise["map"]) == 4


def test_pairs_of_similar_names(folder):
    two_parts(folder, classes=("Pi-4-B", "Pi-5", "Nano red", "Nano blue"), number=8)
    assert init(folder) == 0
    assert suite()["noise"]["asym40"]["map"] == {"Nano red": "Nano blue", "Nano blue": "Nano red"}


def test_two_classes_have_no_pairs(folder):
    two_parts(folder, classes=("red car", "blue car"))
    assert init(folder) == 0
    assert list(suite()["noise"]) == ["clean", "sym20", "sym40"]


def test_one_class_has_no_class_noise(folder, capsys):
    two_parts(folder, classes=("cell",))
    assert init(folder) == 0
    assert list(suite()["noise"]) == ["clean"]
    assert "there is no class noise" in Path("my-data.yaml").read_text()
    assert "1 class, 6 runs" in capsys.readouterr().out
    assert main(["suite", "validate", "my-data.yaml"]) == 0


def test_several_that_may_be_meant_are_named(folder, capsys):
    for year in ("2014", "2017"):
        for part in ("train", "val"):
            folder.part(f"annotations/instances_{part}{year}.json", f"{part}{year}")
    assert init(folder) == 2
    said = capsys.readouterr().err
    assert "which file is trained on?" in said
    assert "annotations/instances_train2014.json (6 images)" in said
    assert "annotations/instances_train2017.json" in said
    train, val = ("annotations/instances_train2014.json", "annotations/instances_val2014.json")
    assert init(folder, "--train", train, "--eval", val) == 0
    assert suite()["data"]["train"]["images"] == "my data/train2014"


def test_files_without_a_part_in_their_names_are_asked_for(folder, capsys):
    for name in ("one", "other"):
        folder.part(f"{name}.json", name)
    assert init(folder) == 2
    assert "one.json (6 images), other.json (6 images)" in capsys.readouterr().err
    assert init(folder, "--train", "one.json", "--eval", "other.json") == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "COCO"),
        ("[]", "COCO"),
        ('{"shapes": [], "imagePath": "a.png"}', "LabelMe's JSON"),
        ('{"a.png1": {"filename": "a.png", "regions": []}}', "VGG Image Annotator"),
        ('{"images": [], "annotations": [], "categories": []}', "none of COCO's lists"),
    ],
)
def test_json_of_another_kind_is_said_to_be(folder, content, said, capsys):
    folder.root.mkdir()
    (folder.root / "some.json").write_text(content)
    assert init(folder) == 2
    error = capsys.readouterr().err
    assert "no annotation file in COCO's form" in error
    assert "some.json" in error
    assert said in error


def test_boxes_alone_are_said_to_be(folder, capsys):
    two_parts(folder, segmentation=[])
    assert init(folder) == 2
    assert "boxes without masks" in capsys.readouterr().err


def test_a_folder_that_is_none(folder, capsys):
    assert init(folder) == 2
    assert "there is no folder my data" in capsys.readouterr().err
    folder.root.mkdir()
    assert init(folder) == 2
    assert "my data is empty" in capsys.readouterr().err
    file = folder.part("train.json", "images")
    assert main(["init", str(file)]) == 2
    assert "is a file: name the folder" in capsys.readouterr().err


def test_images_that_are_not_there_are_named(folder, capsys):
    two_parts(folder)
    for path in (folder.root / "val").iterdir():
        path.unlink()
    assert init(folder) == 2
    said = capsys.readouterr().err
    assert "no image of my data/annotations/val.json was found" in said
    assert "--eval-images" in said
    next((folder.root / "train").iterdir()).unlink()
    folder.part("annotations/val.json", "val")
    assert init(folder) == 2
    assert "1 of 6 images" in capsys.readouterr().err
    assert not Path("my-data.yaml").exists()


def test_a_pipe_called_as_an_annotation_file_is_not_waited_for(folder):
    two_parts(folder)
    os.mkfifo(folder.root / "annotations" / "other_train.json")
    assert init(folder) == 0


def test_a_place_whose_name_is_no_text_is_refused(folder, capsys):
    two_parts(folder)
    odd = folder.root.with_name(os.fsdecode(b"caf\xe9"))
    folder.root.rename(odd)
    assert main(["init", str(odd)]) == 2
    assert "is not UTF-8" in capsys.readouterr().err
    assert os.listdir() == [odd.name]


def test_parts_without_a_class_in_common(folder, capsys):
    folder.part("train.json", "train", classes=("cat", "dog"))
    folder.part("val.json", "val", classes=("Cat", "Dog"))
    assert init(folder) == 2
    assert "share no class" in capsys.readouterr().err


def test_a_noisy_file_beside_its_manifest_is_not_trained_on(folder):
    two_parts(folder)
    clean = folder.root / "annotations" / "train.json"
    noisy = folder.root / "annotations" / "train-noisy.json"
    made = ["--type", "symmetric", "--rate", "0.4", "--seed", "1", "--out", str(noisy)]
    assert main(["noise", "make", "--annotations", str(clean), *made]) == 0
    assert init(folder) == 0
    assert suite()["data"]["train"]["annotations"] == "my data/annotations/train.json"


@pytest.mark.parametrize("words", [["--write", "mine.json"], ["--name", "a/b"], ["--name", ".a"]])
def test_names_that_a_suite_cannot_have(folder, words):
    two_parts(folder)
    assert init(folder, *words) == 2


def test_a_share_to_hold_out(folder, capsys):
    two_parts(folder)
    for share in ("0", "0.6", "nan", "some"):
        with pytest.raises(SystemExit):
            init(folder, "--hold-out", share)
    assert init(folder, "--hold-out", "0.2", "--eval", "annotations/val.json") == 2


def test_for_a_gpu(folder, capsys):
    two_parts(folder)
    assert init(folder, "--device", "gpu") == 0
    written = suite()
    assert written["model"] == "mask-rcnn-r50-fpn"
    assert written["protocol"]["extends"] == "paper-voc-mmdet3"
    assert "limit" not in written["data"]["train"]


def test_a_name_of_a_shipped_suite_is_another(folder, capsys):
    two_parts(folder)
    assert init(folder, "--name", "quick") == 2
    assert "a suite called quick comes with noisyseg" in capsys.readouterr().err
    folder.root.rename("quick")
    assert main(["init", "quick"]) == 0
    assert suite("quick-data.yaml")["name"] == "quick-data"


@pytest.mark.long
def test_what_it_writes_trains(folder):
    folder.part("result.json", "images", number=10, names="images/{}".format)
    assert init(folder, "--hold-out", "0.2") == 0
    assert main(["run", "my-data.yaml", "--rehearse", "--without-ray"]) == 0


@pytest.mark.parametrize(("name", "classes"), [("boards", 32), ("coco_sample", 67)])
def test_real_data(name, classes, capsys):
    if not (SHARED / name).is_dir():
        pytest.skip(f"needs the data set {name}, which is not shipped")
    assert main(["init", str(SHARED / name)]) == 0
    assert f"{classes} classes, 24 runs" in capsys.readouterr().out
    assert main(["suite", "validate", f"{name}.yaml"]) == 0
