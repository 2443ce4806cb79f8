import pytest

from noisyseg.bench.datasets.shape_geometry import CLASSES
from noisyseg.bench.datasets.source import load_source
from noisyseg.bench.datasets.split import Split
from noisyseg.errors import InputError

COCO = """\
name: toy
train: {annotations: a.json, images: one}
eval: {annotations: b.json, images: two, limit: 5}
classes: [dog, cat]
images: only-these-classes
"""


@pytest.fixture
def root(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_a_coco_section_names_files_from_the_root(read, root):
    source = load_source(read(COCO), root=root)
    assert source.name == "toy"
    assert source.train == Split(annotations=root / "a.json", images=root / "one", limit=None)
    assert source.eval == Split(annotations=root / "b.json", images=root / "two", limit=5)
    assert source.classes == ["dog", "cat"]
    assert source.policy == "only-these-classes"


def test_what_a_coco_section_may_leave_out(read, root):
    text = COCO.replace("classes: [dog, cat]\nimages: only-these-classes\n", "format: coco\n")
    source = load_source(read(text.replace("limit: 5", "limit: null")), root=root)
    assert (source.classes, source.policy, source.eval.limit) == (None, "any", None)


def test_absolute_paths_stay(read, root, tmp_path):
    text = COCO.replace("images: one", f"images: {root / 'one'}")
    assert load_source(read(text), root=root / "two" / "..").train.images == root / "one"


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        (
            "name: toy",
            "format: voc",
            1,
            "format must be one of shapes, coco, voc2012, coco2017, cityscapes, got 'voc'",
        ),
        ("name: toy", "format: [coco]", 1, "format must be one of shapes, coco"),
        ("name: toy", "name: ../x", 1, "name names a file or a folder"),
        ("train:", "trian:", 2, "unknown key of data of format coco 'trian'. Did you mean 'train'"),
        ("annotations: a.json, ", "", 2, "train needs the key 'annotations'"),
        ("images: one", "image: one", 2, "unknown key of train 'image'. Did you mean 'images'"),
        ("images: one", "images: three", 2, "no folder of images at .*three.*--data-root"),
        ("{annotations: a.json, images: one}", "a.json", 2, "train must be a mapping"),
        ("limit: 5", "limit: 0", 3, "limit must be an integer of at least 1"),
        ("limit: 5", "limit: 2.5", 3, "limit must be an integer of at least 1"),
        ("[dog, cat]", "[]", 4, "classes must be a list of category names with at least 1"),
        ("[dog, cat]", "[dog, 3]", 4, "classes must be a list of category names"),
        ("[dog, cat]", "[dog, dog]", 4, "classes names dog more than once"),
        ("only-these-classes", "some", 5, "images must be one of any, only-these-classes"),
    ],
)
def test_each_unfit_value_is_refused_with_its_line(read, root, old, new, line, problem):
    assert old in COCO
    with pytest.raises(InputError, match=problem) as caught:
        load_source(read(COCO.replace(old, new, 1)), root=root)
    assert str(caught.value).startswith(f"{root / 'some.yaml'}, line {line}: ")


def test_shapes_are_generated_in_the_root(read, tmp_path):
    text = "format: shapes\nsize: 48\ntrain_images: 2\nval_images: 1\n"
    foreseen = load_source(read(text), root=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
    source = load_source(read(text), root=tmp_path / "cache", make=True)
    assert (source.name, source.policy) == ("shapes", "any")
    assert (source.contents, source.has_images) == ({}, True)
    assert (foreseen.contents, foreseen.has_images) == (
        {part: getattr(source, part).annotations.read_bytes() for part in ("train", "eval")},
        False,
    )
    assert load_source(read(text), root=tmp_path / "cache") == source
    assert source.classes == CLASSES
    for split, count in ((source.train, 2), (source.eval, 1)):
        assert tmp_path / "cache" in split.annotations.parents
        assert split.annotations.is_file()
        assert len(list(split.images.glob("*.png"))) == count
    assert load_source(read(f"{text}name: mine"), root=tmp_path / "cache").name == "mine"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("size: 20", "shapes: size must be an integer of at least 48, got 20"),
        ("size: 4000", "shapes: size must be at most 512, got 4000"),
        ("seed: -1", "shapes: seed must be an integer of at least 0, got -1"),
        ("train_image: 3", "unknown key .* 'train_image'. Did you mean 'train_images'"),
        ("classes: [disk]", "unknown key of data of format shapes 'classes'"),
        ("name: a/b", "name names a file or a folder"),
    ],
)
def test_unfit_shapes_are_refused_and_nothing_is_written(read, tmp_path, line, problem):
    with pytest.raises(InputError, match=rf"some\.yaml, line \d+: {problem}"):
        load_source(read(f"format: shapes\n{line}"), root=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
