from pathlib import Path

import pytest

from noisyseg.bench.config.suite import MAX_RUN_SEED, Choices, load_suite
from noisyseg.bench.datasets.source import load_source
from noisyseg.errors import InputError


def test_a_suite_is_what_its_file_says(load, toy):
    suite = load()
    assert (suite.name, suite.title, suite.seeds) == ("toy", "toy", [(0, 0)])
    assert list(suite.methods) == ["ce", "lncis"]
    assert suite.noise == {"clean": None, "sym40": {"type": "symmetric", "rate": 0.4}}
    assert suite.noise_places == {
        label: f"{toy.file}, line {line}"
        for label, line in zip(suite.noise, _lines(toy.file, ("clean:", "sym40:")), strict=True)
    }
    assert suite.protocol["name"] == "smoke"
    assert suite.model.name == "mask-rcnn-tiny"
    assert load(title="A title").title == "A title"


def _lines(file, starts):
    lines = [line.strip() for line in file.read_text().splitlines()]
    return [next(n for n, line in enumerate(lines, 1) if line.startswith(s)) for s in starts]


def test_methods_by_label_take_a_name_and_parameters(load):
    suite = load(
        methods={"ce": None, "mild": {"name": "gce", "q": 0.7}, "gce": {"q": 1}, "ours": None}
    )
    assert {label: method.name for label, method in suite.methods.items()} == {
        "ce": "ce",
        "mild": "gce",
        "gce": "gce",
        "ours": "lncis",
    }
    assert suite.methods["mild"].parameters["q"] == 0.7


def test_relative_data_starts_from_the_suite_the_root_or_the_cache(toy):
    file = str(toy.file)
    assert load_suite(file, data_root=None, cache=Path("c")).data_root == toy.root
    assert load_suite(file, data_root=Path("d"), cache=Path("c")).data_root == Path("d")
    assert load_suite("smoke", data_root=None, cache=Path("c")).data_root == Path("c")
    assert load_suite("smoke", data_root=Path("d"), cache=Path("c")).data_root == Path("d")


VARIANTS = {
    "now": {"model": "mask-rcnn-tiny", "protocol": "smoke"},
    "then": {"model": "mask-rcnn-tiny", "protocol": "shapes-cpu"},
}
OWN = {"model": None, "protocol": None}


@pytest.mark.parametrize(
    ("wanted", "name", "protocol"),
    [(None, "now", "smoke"), ("now", "now", "smoke"), ("then", "then", "shapes-cpu")],
)
def test_a_variant_has_its_own_model_and_protocol(load, wanted, name, protocol):
    suite = load(Choices(variant=wanted), variants=VARIANTS, **OWN)
    assert (suite.variant, suite.protocol["name"]) == (name, protocol)


def test_a_variant_that_is_not_there_is_refused(load):
    with pytest.raises(InputError, match=r"unknown variant 'than'\. Did you mean 'then'"):
        load(Choices(variant="than"), variants=VARIANTS, **OWN)
    with pytest.raises(InputError, match="the suite has no variants, got --variant then"):
        load(Choices(variant="then"))


def test_masks_are_chosen_for_voc_alone(load):
    suite = load(Choices(masks="seg"))
    with pytest.raises(InputError, match="--masks chooses VOC's masks; the suite's data are coco"):
        load_source(suite.data, root=suite.data_root, options=suite.data_options)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"seeds": [0, 0]}, "seeds names 0 more than once"),
        ({"seeds": [0, -1]}, r"a seed must be from 0 to 2\^63-1, got -1"),
        ({"seeds": [MAX_RUN_SEED + 1]}, r"a seed must be from 0 to 2\^63-1"),
        ({"seeds": []}, "seeds must be a list of seeds with at least 1 entry"),
        ({"model": None}, "a suite needs the key 'model'"),
        ({"variants": VARIANTS}, "each of the suite's variants has its own model"),
        ({"variants": {}, **OWN}, "variants need at least one"),
        ({"variants": {"a": {"model": "mask-rcnn-tiny"}}, **OWN}, "needs the key 'protocol'"),
        ({"notes": "a text"}, "notes must be a list of texts"),
        ({"seeds": 3}, "seeds must be a list of seeds"),
        ({"seeds": [True]}, "seeds must be a list of seeds"),
        ({"seeds": ["0"]}, "seeds must be a list of seeds"),
        ({"seeds": None}, "a suite needs the key 'seeds'"),
        ({"sedes": [1]}, "unknown key of a suite 'sedes'. Did you mean 'seeds'"),
        ({"methods": []}, "methods must be a list of method names with at least 1 entry"),
        ({"methods": {}}, "a suite needs at least one method"),
        ({"methods": "ce"}, "methods must be a mapping"),
        ({"methods": ["ce", "ce"]}, "methods names ce more than once"),
        ({"methods": ["lcnis"]}, "unknown method 'lcnis'. Did you mean 'lncis'"),
        ({"methods": {"mine": None}}, "unknown method 'mine'"),
        ({"methods": {"mine": "ce"}}, "method mine must be a mapping"),
        ({"methods": {"gce": {"p": 1}}}, "unknown parameter of method 'gce' 'p'"),
        ({"methods": {"gce": {"q": 2}}}, "method 'gce'"),
        ({"noise": {}}, "a suite needs at least one noise setting"),
        ({"noise": ["clean"]}, "noise must be a mapping"),
        ({"noise": "clean"}, "noise must be a mapping"),
        ({"name": "../toy"}, "name names a file or a folder"),
        ({"name": 3}, "name must be a text"),
        ({"title": []}, "title must be a text"),
        ({"data": "shapes"}, "data must be a mapping"),
        ({"protocol": 1}, "wanted the name of a protocol or a mapping, got 1"),
        (
            {"model": "mask-rcnn-tin"},
            "unknown model 'mask-rcnn-tin'. Did you mean 'mask-rcnn-tiny'",
        ),
    ],
)
def test_each_unfit_part_is_refused_with_file_and_line(load, toy, changes, problem):
    with pytest.raises(InputError, match=problem) as caught:
        load(**changes)
    assert str(caught.value).startswith(f"{toy.file}, line ")


def test_unknown_suites_get_the_nearest_name():
    with pytest.raises(InputError, match=r"^unknown suite 'smokey'. Did you mean 'smoke'"):
        load_suite("smokey", data_root=None, cache=Path())
