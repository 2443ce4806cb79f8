"""Class noise by a transition matrix: given, or estimated from a model's confusions.

Sources: Patrini et al., CVPR 2017 (T[i, j] = P(noisy j | clean i)); a confusion matrix comes from
`noisyseg.results.evaluation.confusion`.
"""

import csv
import io
import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from noisyseg.errors import InputError, unknown_name
from noisyseg.located_yaml import parse_yaml
from noisyseg.noise.categories import Categories
from noisyseg.noise.draws import StepDraws
from noisyseg.noise.families.class_noise import ClassLaw, ClassNoise
from noisyseg.noise.families.family import Parameters
from noisyseg.noise.table import AnnotationTable
from noisyseg.noise.transition import MatrixTransition
from noisyseg.noise.types.class_noise import CROWDS, finish
from noisyseg.noise.types.exemption import EXEMPT, free_classes
from noisyseg.noise.types.noise_type import NoiseType
from noisyseg.noise.types.parameters import UNREADABLE_ARRAY, Parameter, Place

_NPY = b"\x93NUMPY"  # numpy.load takes other files for pickles or archives
_SUM_ERROR = 1e-6  # a matrix printed with seven digits still is one


def matrix_noise(parameters: Parameters, categories: Categories, _: StepDraws) -> ClassLaw:
    """A class j with probability T[i, j] for an annotation of class i, if neither is exempt.

    What T turns into an exempt class stays what it is; the manifest has the matrix that is left.

    Raises:
        InputError: the file has other classes than the matrix.
    """
    order = list(parameters["matrix"]["classes"])
    if sorted(order) != sorted(categories.names):
        raise InputError(
            f"the matrix is of the classes {', '.join(order)}; the annotations' categories are "
            f"{', '.join(categories.names)}."
        )
    rows = np.array(parameters["matrix"]["rows"], dtype=np.float64)
    places = [order.index(name) for name in categories.names]
    free = np.zeros(len(places), dtype=np.bool_)
    free[free_classes(parameters, categories)] = True
    rows = np.where(free[:, None] & free, rows[np.ix_(places, places)], 0.0)
    return ClassLaw(transition=MatrixTransition(rows=rows))


def parse_matrix(value: Any, place: Place) -> dict[str, Any]:
    """A K × K matrix in the run's class order, from a mapping or a CSV, NPY or YAML file.

    A mapping {class: {class: probability}} or {classes: [...], rows: [[...]]}; in the first, absent
    entries are 0. A CSV's first row and first column are class names; an NPY file has no names, so
    its rows are the run's classes in order.

    Raises:
        InputError: unreadable, not square, a negative or absent number, a row that does not sum to
            1, unknown class names.
    """
    where = place.where
    if isinstance(value, str):
        path = place.base / value
        where = f"{where} {path}"
        value = _read(path, where, place.classes)
    classes, rows = _named_rows(value, where, place.classes)
    absent = [name for name in place.classes if name not in classes]
    if absent or len(set(classes)) < len(classes):
        raise InputError(
            f"{where}: a matrix needs each of the {len(place.classes)} classes once; "
            f"{'absent: ' + ', '.join(absent) if absent else 'one is there twice'}."
        )
    matrix = _checked(classes, rows, where)
    places = [classes.index(name) for name in place.classes]
    return {"classes": list(place.classes), "rows": matrix[np.ix_(places, places)].tolist()}


def _read(path: Path, where: str, classes: Sequence[str]) -> Any:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{where}: cannot read the matrix: {error.strerror}. A relative path starts from the "
            f"folder of the file that names it."
        ) from error
    kind = path.suffix.lower()
    if kind not in (".csv", ".npy", ".yaml", ".yml"):
        raise InputError(f"{where}: a matrix is a .csv, .npy or .yaml file, not {kind or 'this'}.")
    try:
        if kind == ".npy":
            if not data.startswith(_NPY):
                raise ValueError("it does not begin as one")
            rows = np.load(io.BytesIO(data), allow_pickle=False).tolist()
            return {"classes": list(classes), "rows": rows}
        text = data.decode("utf-8-sig")
    except UNREADABLE_ARRAY as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{where}: not a readable {kind[1:].upper()} file: {reason}") from error
    return _csv(text, where) if kind == ".csv" else parse_yaml(text, where)


def _csv(text: str, where: str) -> dict[str, Any]:
    try:
        lines = [row for row in csv.reader(io.StringIO(text)) if row]
    except csv.Error as error:
        raise InputError(f"{where}: not a readable CSV file: {error}") from error
    header = [name.strip() for name in lines[0][1:]] if lines else []
    names = [row[0].strip() for row in lines[1:]]
    if not header or names != header:
        raise InputError(
            f"{where}: the first row and the first column must name the same classes in the same "
            f"order, got {header} and {names}."
        )
    return {"classes": header, "rows": [row[1:] for row in lines[1:]]}


def _named_rows(value: Any, where: str, known: Sequence[str]) -> tuple[list[str], list[Any]]:
    if isinstance(value, dict) and set(value) == {"classes", "rows"}:
        classes, rows = value["classes"], value["rows"]
        if not isinstance(classes, list) or not isinstance(rows, list):
            raise InputError(f"{where}: classes and rows must be lists.")
        _refuse_unknown(classes, known, where)
        return classes, rows
    if isinstance(value, dict) and value and all(isinstance(row, dict) for row in value.values()):
        _refuse_unknown([*value, *(name for row in value.values() for name in row)], known, where)
        classes = list(value)
        return classes, [[row.get(name, 0.0) for name in classes] for row in value.values()]
    raise InputError(
        f"{where}: a matrix is a file, or a mapping {{class: {{class: probability}}}}, got "
        f"{reprlib.repr(value)}."
    )


def _refuse_unknown(names: Sequence[Any], known: Sequence[str], where: str) -> None:
    for name in names:
        if name not in known:
            raise unknown_name("class of the matrix", name, known, where)


def _checked(classes: Sequence[str], rows: Sequence[Any], where: str) -> Any:
    k = len(classes)
    numbers = []
    for name, row in zip(classes, rows, strict=False):
        if not isinstance(row, list) or len(row) != k or len(rows) != k:
            width = len(row) if isinstance(row, list) else "no list"
            raise InputError(
                f"{where}: the matrix of {k} classes must be {k} × {k}, got {len(rows)} rows; row "
                f"{name!r} has {width}."
            )
        numbers.append([_probability(entry, name, where) for entry in row])
    if len(numbers) != k:
        raise InputError(
            f"{where}: the matrix of {k} classes must be {k} × {k}, got {len(rows)} rows."
        )
    matrix = np.array(numbers, dtype=np.float64)
    for name, total in zip(classes, matrix.sum(axis=1).tolist(), strict=True):
        if abs(total - 1.0) > _SUM_ERROR:
            raise InputError(
                f"{where}: row {name!r} of the matrix sums to {total:.9g}, not to 1 (off by "
                f"{total - 1.0:+.3g})."
            )
    return matrix


def _probability(entry: Any, row: str, where: str) -> float:
    try:
        value = float(entry) if not isinstance(entry, bool) else -1.0
    except (TypeError, ValueError, OverflowError):
        value = float("nan")
    if not 0.0 <= value <= 1.0 + _SUM_ERROR:
        raise InputError(
            f"{where}: row {row!r} of the matrix holds {entry!r}, wanted a probability from 0 to 1."
        )
    return value + 0.0


_MATRIX = Parameter(
    parse=parse_matrix,
    summary="K × K, rows sum to 1: a CSV, NPY or YAML file, or {class: {class: probability}}",
)


def _some_matrix(table: AnnotationTable) -> dict[str, Any]:
    """Three quarters stay; a quarter goes to the next two classes."""
    k = len(table.categories)
    rows = [[0.0] * k for _ in range(k)]
    for index in range(k):
        rows[index][index] = 0.75
        rows[index][(index + 1) % k] = 0.125
        rows[index][(index + 2) % k] = 0.125
    return {"matrix": {"classes": list(table.categories.names), "rows": rows}}


MATRIX_TYPES = tuple(
    NoiseType(
        name=name,
        version=1,
        family=ClassNoise(law=matrix_noise),
        summary=summary,
        source="Patrini et al., CVPR 2017",
        differs=differs,
        parameters={"matrix": _MATRIX, "crowds": CROWDS, "exempt": EXEMPT},
        finish=finish,
        trial=_some_matrix,
    )
    for name, summary, differs in (
        ("matrix", "by any transition matrix", ""),
        (
            "confusion",
            "by the row-normalised confusion matrix of a model",
            "The paper has T given, or estimated where a model is surest; a detector's confusions "
            "with its objects are noisyseg's own choice.",
        ),
    )
)
