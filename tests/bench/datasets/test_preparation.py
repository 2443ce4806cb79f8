import json
from copy import deepcopy

import orjson
import pytest

from noisyseg.bench.datasets import annotation_looks, preparation, streamed_check
from noisyseg.bench.datasets.preparation import check_data, write_prepared
from noisyseg.bench.datasets.ready import Ready
from noisyseg.bench.datasets.selection import select, spread
from noisyseg.bench.datasets.split import Split
from noisyseg.errors import InputError


@pytest.fixture
def source(toy):
    """The toy data as a source, written with its changes first."""

    def make(classes=None, policy="any", limit=None):
        toy.write()
        splits = {
            name: Split(annotations=toy.root / f"{name}.json", images=toy.root / name, limit=limit)
            for name in ("train", "eval")
        }
        return Ready(name="toy", classes=classes, policy=policy, **splits)

    return make


def _selected(toy, classes, policy="any", limit=None):
    split = Split(annotations=toy.root / "train.json", images=toy.root / "train", limit=limit)
    return select(toy.documents["train"], classes, split=split, policy=policy)


def _ids(entries):
    return [entry["id"] for entry in entries]


def test_all_classes_keep_everything_in_the_file_s_order(toy):
    assert _selected(toy, ["fox", "cat", "dog"]) == toy.documents["train"]


def test_categories_follow_the_run_s_order_and_keep_the_file_s_ids(toy):
    document = _selected(toy, ["dog", "fox", "cat"])
    assert document["categories"] == [
        {"id": 3, "name": "dog"},
        {"id": 7, "name": "fox"},
        {"id": 90, "name": "cat"},
    ]
    assert document["annotations"] == toy.documents["train"]["annotations"]


def test_other_classes_annotations_go_and_their_images_stay(toy):
    before = deepcopy(toy.documents["train"])
    document = _selected(toy, ["cat", "dog"])
    assert _ids(document["annotations"]) == [5017, 5034, 5051, 5068, 5085]
    assert _ids(document["images"]) == [5, 15, 25]
    assert toy.documents["train"] == before


def test_images_with_other_classes_may_go_as_well(toy):
    document = _selected(toy, ["cat", "dog"], policy="only-these-classes")
    assert _ids(document["images"]) == [15, 25]
    assert _ids(document["annotations"]) == [5034, 5051, 5068, 5085]
    # A crowd of another class is in the image too.
    document = _selected(toy, ["fox", "cat"], policy="only-these-classes")
    assert _ids(document["images"]) == [5]


def test_a_limit_is_spread_over_a_sorted_file():
    assert spread("aaabbbcccd", 4) == list("aabc")
    assert spread("aaabbbccc", 3) == ["a", "b", "c"]
    assert spread("abc", 3) == spread("abc", 9) == ["a", "b", "c"]
    assert spread("", 3) == []


def test_a_limit_counts_the_images_that_are_left(toy):
    assert _ids(_selected(toy, ["fox", "cat", "dog"], limit=2)["images"]) == [5, 15]
    limited = _selected(toy, ["cat", "dog"], policy="only-these-classes", limit=1)
    assert _ids(limited["images"]) == [15]
    assert _ids(limited["annotations"]) == [5034, 5051, 5085]
    assert _ids(_selected(toy, ["fox"], limit=99)["images"]) == [5, 15, 25]


def test_a_class_that_the_file_lacks_gets_the_nearest_name(toy):
    with pytest.raises(
        InputError, match=r"train\.json has no category 'dgo'\. Did you mean 'dog'\?"
    ):
        _selected(toy, ["cat", "dgo"])
    with pytest.raises(InputError, match=r"no category 'Ω'\. It has 3: fox, cat, dog\."):
        _selected(toy, ["Ω"])


def test_a_file_with_nothing_left_is_refused(toy):
    with pytest.raises(
        InputError, match=r"no annotation of the run's 1 classes is left in 0 images"
    ):
        _selected(toy, ["fox"], policy="only-these-classes")
    toy.documents["train"]["images"].reverse()
    with pytest.raises(
        InputError, match=r"no annotation of the run's 1 classes .* 1 images .*limit: 1"
    ):
        _selected(toy, ["fox"], limit=1)


def test_classes_default_to_the_training_file_s(source):
    assert check_data(source()).classes == ["fox", "cat", "dog"]


def test_both_files_are_written_in_the_run_s_order_whatever_their_own(toy, source, tmp_path):
    toy.documents["eval"]["categories"] = [
        {"id": 1, "name": "cat"},
        {"id": 2, "name": "fox"},
        {"id": 4, "name": "dog"},
    ]
    renamed = {7: 2, 90: 1, 3: 4}
    for entry in toy.documents["eval"]["annotations"]:
        entry["category_id"] = renamed[entry["category_id"]]
    data = check_data(source(["dog", "cat"]))
    write_prepared(data, tmp_path / "out")
    train, evaluation = (
        json.loads(data.file(name, tmp_path / "out").read_bytes()) for name in ("train", "eval")
    )
    assert train["categories"] == [{"id": 3, "name": "dog"}, {"id": 90, "name": "cat"}]
    assert evaluation["categories"] == [{"id": 4, "name": "dog"}, {"id": 1, "name": "cat"}]


def test_the_folder_is_named_by_content(source, tmp_path):
    def folder(**choice):
        return check_data(source(**choice)).file("train", tmp_path / "out").parent

    first = folder()
    assert folder() == first
    assert folder(classes=["fox", "cat", "dog"]) == first
    others = [folder(classes=["cat"]), folder(limit=2), folder(classes=["cat"], limit=2)]
    assert len({first, *others}) == 4
    assert first.parent == tmp_path / "out"


def test_checking_writes_nothing(source, tmp_path):
    chosen = source()
    before = sorted(tmp_path.rglob("*"))
    check_data(chosen)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("split", ["train", "eval"])
@pytest.mark.parametrize("mask", [None, [], {}, "", 3])
def test_an_annotation_without_a_mask_is_refused(toy, source, split, mask):
    annotations = toy.documents[split]["annotations"]
    annotations[1]["segmentation"] = mask
    del annotations[3]["segmentation"]
    with pytest.raises(InputError, match=rf"{split}\.json: cannot be trained") as caught:
        check_data(source())
    kinds = {3: "1 × a mask is neither polygons", None: "2 × an annotation has no mask"}
    assert kinds.get(mask if mask == 3 else None) in str(caught.value)
    for place in (1, 3):
        image = next(
            e for e in toy.documents[split]["images"] if e["id"] == annotations[place]["image_id"]
        )
        named = (
            f"annotation {annotations[place]['id']} of image {image['id']} ({image['file_name']})"
        )
        assert named in str(caught.value)


def test_a_mask_may_be_run_lengths(toy, source):
    rle = {"size": [10, 20], "counts": [5, 10, 185]}
    toy.documents["train"]["annotations"][5]["segmentation"] = rle
    assert check_data(source()).classes == ["fox", "cat", "dog"]


@pytest.mark.parametrize("name", ["../0.png", "sub/../../0.png", "/etc/passwd", ".."])
def test_a_file_name_that_leaves_the_folder_is_refused(toy, source, name):
    toy.documents["eval"]["images"][1]["file_name"] = name
    with pytest.raises(InputError, match=r"eval\.json: the file name .* leaves the images' folder"):
        check_data(source())


@pytest.mark.parametrize("name", ["gone.png", "x" * 5000, "nul\0", "0.png/inside", "sub"])
def test_an_absent_image_is_named(toy, source, name):
    (toy.root / "train" / "sub").mkdir()
    toy.documents["train"]["images"][2]["file_name"] = name
    with pytest.raises(InputError, match=r"^1 of 3 images named in .*train\.json are not in "):
        check_data(source())


def test_images_in_folders_and_images_that_are_not_used_are_fine(toy, source):
    (toy.root / "train" / "sub").mkdir()
    (toy.root / "train" / "sub" / "a.png").touch()
    toy.documents["train"]["images"][0]["file_name"] = "sub/a.png"
    toy.documents["train"]["images"][2]["file_name"] = "gone.png"
    assert check_data(source(limit=2)).classes == ["fox", "cat", "dog"]


def test_only_the_first_absent_images_are_listed(toy, source):
    images = toy.documents["train"]["images"]
    images += [{**images[0], "id": 100 + n, "file_name": f"no{n}.png"} for n in range(50)]
    with pytest.raises(InputError, match=r"50 of 53 .*: 'no0.png', 'no1.png', 'no2.png', …\.$"):
        check_data(source())


@pytest.mark.parametrize("area", [None, "32", True])
def test_an_annotation_without_an_area_is_refused(toy, source, area):
    toy.documents["train"]["annotations"][2]["area"] = area
    with pytest.raises(InputError, match=r"1 × an annotation has no area, a number"):
        check_data(source())


@pytest.mark.parametrize(
    "mask", [[[1.0, 1.0, 2.0, 2.0]], [[1, 1, 2, 2, 3, 3, 4]], [["a"] * 6], {"foo": 1}, [1.0] * 6]
)
def test_a_malformed_mask_is_refused(toy, source, mask):
    toy.documents["eval"]["annotations"][0]["segmentation"] = mask
    with pytest.raises(InputError, match=r"1 × a mask is neither polygons of at least 3 points"):
        check_data(source())


@pytest.mark.parametrize("fault", [{"iscrowd": 1}, {"area": 0}, {"bbox": [1.0, 1.0, 0.5, 8.0]}])
def test_a_file_of_which_nothing_can_be_used_is_refused(toy, source, fault):
    annotations = toy.documents["train"]["annotations"]
    for annotation in annotations:
        annotation.update(fault)
    with pytest.raises(InputError, match=r"none of the 6 annotations .* can be used"):
        check_data(source())
    annotations[2].update(iscrowd=0, area=32.0, bbox=[1.0, 1.0, 8.0, 8.0])
    assert check_data(source()).classes == ["fox", "cat", "dog"]


def test_what_was_noted_is_what_would_be_found_again(toy, source, tmp_path, monkeypatch):
    toy.documents["train"]["annotations"][0]["iscrowd"] = 1
    image = toy.documents["eval"]["images"][0]
    (toy.root / "eval" / "sub").mkdir()
    (toy.root / "eval" / "sub" / "a.png").touch()
    image["coco_url"] = "http://images.cocodataset.org/sub/a.png"
    del image["file_name"]
    first = check_data(source(), tmp_path / "out")
    write_prepared(first, tmp_path / "out")
    for name in ("parse_annotations", "streamed_facts"):
        monkeypatch.setattr(preparation, name, lambda *_: pytest.fail("looked at again"))
    chosen = source()
    again = check_data(chosen, tmp_path / "out")
    assert again == first
    assert again.warnings != []
    (toy.root / "train" / "0.png").unlink()
    with pytest.raises(InputError, match=r"1 of 3 images named in .*train\.json are not in "):
        check_data(chosen, tmp_path / "out")


def test_a_prepared_file_that_is_damaged_is_written_again(source, tmp_path):
    data = check_data(source(), tmp_path)
    write_prepared(data, tmp_path)
    path = data.file("train", tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b" ")
    write_prepared(check_data(source(), tmp_path), tmp_path)
    assert path.read_bytes() == whole


def test_a_source_that_changes_while_it_is_prepared_is_told(toy, source, tmp_path):
    data = check_data(source())
    toy.documents["train"]["annotations"][0]["area"] = 31.0
    toy.write()
    with pytest.raises(InputError, match=r"train\.json has changed since it was checked"):
        write_prepared(data, tmp_path)


def test_a_file_made_in_parts_is_the_one_made_of_the_parsed(toy, source, tmp_path, monkeypatch):
    for document in toy.documents.values():
        document |= {"info": {"é": 1.0}, "z": [1]}
        document["annotations"][1] |= {"iscrowd": 0.0, "area": 3, "more": {"a": [None, 1.50]}}
    toy.write()
    data = check_data(source(["dog", "fox", "cat"]))
    parse = preparation.parse_annotations
    monkeypatch.setattr(annotation_looks, "AT_ONCE", 2)
    monkeypatch.setattr(
        preparation, "parse_annotations", lambda *_: pytest.fail("a file is parsed whole")
    )
    write_prepared(data, tmp_path / "parts")
    monkeypatch.setattr(preparation, "parse_annotations", parse)
    monkeypatch.setattr(preparation, "streamed_blocks", lambda *_: None)
    write_prepared(data, tmp_path / "whole")
    for part in ("train", "eval"):
        made = data.file(part, tmp_path / "parts").read_bytes()
        assert made == data.file(part, tmp_path / "whole").read_bytes()
        assert orjson.loads(made) == data.document(part)


@pytest.fixture
def processes(monkeypatch):
    """The processes that looked at a part each: from one annotation on they are started."""
    monkeypatch.setattr(annotation_looks, "_FEW_PARTS", 0)
    started = []
    look = annotation_looks.looks_beside
    monkeypatch.setattr(
        streamed_check, "looks_beside", lambda *args: started.append(1) or look(*args)
    )
    return started


@pytest.mark.parametrize(
    "changes", [{"id": -1}, {"id": 1 << 63}, {"image_id": 99}, {"category_id": 99}, {}, None]
)
def test_what_is_unusual_is_left_to_those_who_parse_the_file(toy, source, changes):
    entries = toy.documents["train"]["annotations"]
    if changes is None:
        entries[-1] = [entries[-1]]
    else:
        entries[0] |= changes or {"id": entries[1]["id"]}
    data = json.dumps(toy.documents["train"]).encode()
    assert streamed_check.streamed_facts(data, ["dog", "fox", "cat"], "train") is None


def test_what_is_unusual_to_another_process_is_left_to_them_too(toy, tmp_path, processes):
    toy.documents["train"]["annotations"][-1]["image_id"] = 99
    path = tmp_path / "train.json"
    path.write_bytes(json.dumps(toy.documents["train"]).encode())
    classes = ["dog", "fox", "cat"]
    assert streamed_check.streamed_facts(path.read_bytes(), classes, "train", path) is None
    assert processes


def test_where_processes_end_before_their_time_this_one_looks(toy, tmp_path, processes, capfd):
    """Here because the file that they are told of is not there."""
    data, classes = json.dumps(toy.documents["train"]).encode(), ["dog", "fox", "cat"]
    alone = streamed_check.streamed_facts(data, classes, "train")
    found = streamed_check.streamed_facts(data, classes, "train", tmp_path / "gone.json")
    assert processes
    assert "gone.json" in capfd.readouterr().err
    assert found == alone
    assert found is not None


def test_a_file_looked_at_by_processes_gives_what_one_process_gives(
    toy, source, monkeypatch, processes
):
    data = source(["dog", "fox", "cat"])
    monkeypatch.setattr(annotation_looks, "AT_ONCE", 2)
    by_processes = check_data(data)
    assert processes == [1, 1]
    monkeypatch.setattr(annotation_looks, "_FEW_PARTS", 32)
    assert check_data(data) == by_processes
    assert processes == [1, 1]


def test_a_file_looked_at_in_parts_gives_what_the_parsed_one_gives(toy, source, monkeypatch):
    for document in toy.documents.values():
        document |= {"info": {"é": 1.0}, "z": [1]}
        document["annotations"][1] |= {"ignore": 1, "bbox": [15, 1, 9.0, 8.0], "area": 3}
        document["annotations"][2]["segmentation"] = [[1, 1, 2, 2, 1, 1]]
        document["images"].append({**document["images"][0], "id": 9, "file_name": "./1/../0.png"})
        document["images"][-1]["file_name"] = "1.png"
        document["images"][1]["file_name"] = "sub.png"
    for part in ("train", "eval"):
        (toy.root / part / "sub.png").touch()
    monkeypatch.setattr(annotation_looks, "AT_ONCE", 4)
    parsed = []
    original = preparation.parse_annotations
    monkeypatch.setattr(
        preparation, "parse_annotations", lambda *args: parsed.append(1) or original(*args)
    )
    streamed = check_data(source(["dog", "fox", "cat"]))
    assert not parsed
    monkeypatch.setattr(preparation, "streamed_facts", lambda *_: None)
    assert check_data(source(["dog", "fox", "cat"])) == streamed
    assert parsed
    assert len(streamed.warnings) > 4
