import math

import numpy as np
import pytest
import yaml

from noisyseg.errors import InputError
from noisyseg.files import canonical_json
from noisyseg.noise.categories import Categories
from noisyseg.noise.draws import StepDraws
from noisyseg.noise.spec import make_step
from noisyseg.noise.types.matrix_noise import matrix_noise

CLASSES = ["cat", "dog", "cow"]
ROWS = [[0.7, 0.2, 0.1], [0.0, 1.0, 0.0], [0.25, 0.25, 0.5]]
MAPPING = {
    "cow": {"cow": 0.5, "dog": 0.25, "cat": 0.25},
    "cat": {"dog": 0.2, "cat": 0.7, "cow": 0.1},
    "dog": {"dog": 1},
}
CSV = "noisy →, cow, cat,dog\ncow,0.5,.25,25e-2\ncat,0.1,0.7,0.2\n\ndog,0,0,1\n"


def step(matrix, base=None, kind="matrix", classes=CLASSES):
    more = {} if base is None else {"base": base}
    return make_step(kind, matrix=matrix, classes=classes, where="suite.yaml, line 9", **more)


@pytest.mark.parametrize("kind", ["matrix", "confusion"])
def test_every_way_to_write_it_is_the_same_bytes(kind, tmp_path):
    (tmp_path / "m.csv").write_text(CSV, encoding="utf-8-sig")
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(MAPPING), encoding="utf-8")
    (tmp_path / "rows.yml").write_text(
        yaml.safe_dump({"classes": CLASSES, "rows": ROWS}), encoding="utf-8"
    )
    np.save(tmp_path / "m.npy", np.array(ROWS))
    turned = {"classes": CLASSES[::-1], "rows": [row[::-1] for row in ROWS[::-1]]}
    spellings = ["m.csv", "m.yaml", "rows.yml", "m.npy", str(tmp_path / "m.npy"), MAPPING, turned]
    found = {canonical_json(step(spelling, tmp_path, kind).resolved()) for spelling in spellings}
    wanted = {"matrix": {"classes": CLASSES, "rows": ROWS}, "crowds": False}
    assert found == {canonical_json({"type": kind, "version": 1, **wanted})}


def test_another_class_order_of_the_file_turns_rows_and_columns():
    categories = [{"id": n, "name": name} for n, name in enumerate(["dog", "cow", "cat"])]
    law = matrix_noise(
        step(MAPPING).parameters,
        Categories.of({"categories": categories}),
        StepDraws(seed=1, kind="matrix"),
    )
    wanted = [[1, 0, 0], [0.25, 0.5, 0.25], [0.2, 0.1, 0.7]]
    assert np.allclose(law.transition.matrix(), wanted, rtol=0, atol=1e-15)


def test_a_matrix_of_other_classes_than_the_files_is_refused():
    categories = [{"id": n, "name": name} for n, name in enumerate(["dog", "cow"])]
    with pytest.raises(InputError, match=r"matrix is of the classes cat, dog, cow; .*are dog, cow"):
        matrix_noise(
            step(MAPPING).parameters,
            Categories.of({"categories": categories}),
            StepDraws(seed=1, kind="matrix"),
        )


def rows(*changes):
    """The matrix by rows, with some entries changed."""
    found = [list(row) for row in ROWS]
    for i, j, value in changes:
        found[i][j] = value
    return {"classes": CLASSES, "rows": found}


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        pytest.param(
            rows((0, 0, 0.75)), r"row 'cat' .* sums to 1\.05, not to 1 \(off by \+0\.05\)", id="sum"
        ),
        pytest.param(rows((2, 2, 0.4)), r"row 'cow' .*sums to 0\.9, .*off by -0\.1\)", id="less"),
        pytest.param(
            {"cat": {"dog": 0.4}, "dog": {}, "cow": {}}, r"'cat' .*sums to 0\.4", id="part"
        ),
        pytest.param(rows((1, 0, -0.2)), r"row 'dog' of the matrix holds -0\.2", id="negative"),
        pytest.param(rows((0, 2, math.nan)), r"row 'cat' of the matrix holds nan", id="NaN"),
        pytest.param(rows((0, 2, math.inf)), r"row 'cat' of the matrix holds inf", id="infinite"),
        pytest.param(rows((0, 2, "many")), r"row 'cat' of the matrix holds 'many'", id="text"),
        pytest.param(rows((0, 2, True)), r"row 'cat' of the matrix holds True", id="flag"),
        pytest.param(rows((0, 2, None)), r"row 'cat' of the matrix holds None", id="null"),
        pytest.param(rows((0, 2, [0.1])), r"row 'cat' of the matrix holds \[0\.1\]", id="deep"),
        pytest.param(rows((0, 2, 10**400)), r"row 'cat' of the matrix holds 1000", id="huge"),
        pytest.param(
            {"classes": CLASSES, "rows": [[1, 0], [0, 1], [1, 0]]},
            r"must be 3 × 3, got 3 rows; row 'cat' has 2",
            id="narrow",
        ),
        pytest.param({"classes": CLASSES, "rows": ROWS[:2]}, "3 × 3, got 2 rows", id="short"),
        pytest.param({"classes": CLASSES, "rows": []}, "3 × 3, got 0 rows", id="empty"),
        pytest.param({"classes": CLASSES, "rows": [*ROWS, [0] * 3]}, "3 × 3, got 4", id="long"),
        pytest.param({"classes": CLASSES, "rows": [1, 2, 3]}, "'cat' has no list", id="flat"),
        pytest.param({"classes": CLASSES, "rows": 3}, "must be lists", id="no rows"),
        pytest.param(
            {"classes": ["cat", "dgo", "cow"], "rows": ROWS},
            r"unknown class of the matrix 'dgo'\. Did you mean 'dog'",
            id="unknown",
        ),
        pytest.param(
            {**MAPPING, "cat": {"dgo": 0.3, "cat": 0.7}},
            r"unknown class of the matrix 'dgo'\. Did you mean 'dog'",
            id="unknown column",
        ),
        pytest.param({**MAPPING, True: {}}, "unknown class of the matrix 'True'", id="not text"),
        pytest.param(
            {"classes": ["cat", "dog", ["cow"]], "rows": ROWS}, "unknown class", id="list as name"
        ),
        pytest.param(
            {"cat": {"dog": 1}, "dog": {"cat": 1}},
            "each of the 3 classes once; absent: cow",
            id="absent",
        ),
        pytest.param(
            {"classes": ["cat", "dog", "cow", "cat"], "rows": ROWS},
            "one is there twice",
            id="twice",
        ),
        pytest.param([[1, 0], [0, 1]], r"a matrix is a file, or a mapping .*got \[\[1", id="list"),
        pytest.param({}, r"got \{\}", id="nothing"),
        pytest.param(None, "got None", id="none"),
        pytest.param("gone.csv", r"matrix .*gone\.csv: cannot read the matrix: No such", id="gone"),
    ],
)
def test_bad_matrices_are_refused_with_their_place(matrix, message, tmp_path):
    with pytest.raises(InputError, match=message) as caught:
        step(matrix, tmp_path)
    assert str(caught.value).startswith("suite.yaml, line 9, matrix")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("m.csv", b"", "first row and the first column must name the same classes"),
        ("m.csv", b"x,cat,dog\ndog,1,0\ncat,0,1\n", r"same order, got \['cat', 'dog'\] and \['dog"),
        ("m.csv", b"x;cat;dog;cow\n", "must name the same classes"),
        ("m.csv", b"x,cat,dog,cow\ncat,1,0,0\ndog,,1,0\ncow,0,0,1\n", "row 'dog' .* holds ''"),
        ("m.csv", b"x,cat,dog,cow\ncat,1,0,0\ndog,0,1\ncow,0,0,1\n", "row 'dog' has 2"),
        ("m.csv", b"x,cat,dog,\xff\n", "not a readable CSV file"),
        ("m.csv", b"x,cat,dog\ncat,1,0\ndog,0,1\n", "absent: cow"),
        ("m.npy", b"", "not a readable NPY file"),
        ("m.npy", b"PK\x03\x04 an archive", "not a readable NPY file"),
        ("m.npy", b"\x93NUMPY\x01\x00v\x00{", "not a readable NPY file"),
        ("m.yaml", b"cat: [dog\n", r"m\.yaml, line 2: not valid YAML"),
        ("m.yaml", b"cat: {cat: 1}\ncat: {dog: 1}\n", "line 2: the key 'cat' stands here twice"),
        ("m.yaml", b"cat: {cat: 1, cat: 0}\n", "the key 'cat' stands here twice"),
        ("m.yaml", b"cat: 1\n", "a matrix is a file, or a mapping"),
        ("m.yaml", b"a: &a [*a]\n", "a recursive value"),
        ("m.yaml", b"[" * 900, "nested too deeply"),
        ("m.txt", b"1 0", r"a \.csv, \.npy or \.yaml file, not \.txt"),
        ("m", b"1 0", r"a \.csv, \.npy or \.yaml file, not this"),
    ],
)
def test_bad_files_are_refused(name, data, message, tmp_path):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=message) as caught:
        step(name, tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (3, 2), (4, 4), (3, 3, 3)])
def test_arrays_that_are_not_square_are_refused(shape, tmp_path):
    np.save(tmp_path / "m.npy", np.zeros(shape))
    with pytest.raises(InputError, match=r"must be 3 × 3|must be lists|holds \["):
        step("m.npy", tmp_path)


def test_a_truncated_array_is_refused(tmp_path):
    np.save(tmp_path / "m.npy", np.array(ROWS))
    (tmp_path / "m.npy").write_bytes((tmp_path / "m.npy").read_bytes()[:-8])
    with pytest.raises(InputError, match="not a readable NPY file"):
        step("m.npy", tmp_path)


def test_an_array_of_objects_is_never_unpickled(tmp_path):
    np.save(tmp_path / "m.npy", np.array([[print] * 3] * 3), allow_pickle=True)
    with pytest.raises(InputError, match="not a readable NPY file"):
        step("m.npy", tmp_path)


def test_rows_may_be_off_by_their_printing(tmp_path):
    third = 0.3333333
    named = {name: dict.fromkeys(CLASSES, third) for name in CLASSES}
    assert step(named).parameters["matrix"]["rows"] == [[third] * 3] * 3
    np.save(tmp_path / "m.npy", np.full((3, 3), 1 / 3, dtype=np.float32))
    step("m.npy", tmp_path)


def test_one_class_is_refused():
    with pytest.raises(InputError, match="matrix noise needs at least two classes, got 1"):
        step({"cat": {"cat": 1}}, classes=["cat"])
