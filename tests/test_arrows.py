"""Which module may import which: read from the source, imports within functions included."""

import ast
import os
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import noisyseg

ROOT = Path(noisyseg.__file__).parent

# Room → the rooms that its modules may import.
BELOW = {"noisyseg", "annotation_files"}
ARROWS = {
    "noisyseg": set(),
    "annotation_files": {"noisyseg"},
    "noise": BELOW,
    "methods": BELOW,
    "results": BELOW,
    "bench": set(),
    "bench.datasets": BELOW,
    "bench.config": {*BELOW, "methods", "results", "bench.datasets"},
    "bench.training": {*BELOW, "methods", "results"},
}
ARROWS["bench.first_suite"] = {*BELOW, "bench.config", "bench.datasets"}
ARROWS["bench.runs"] = ARROWS["bench.config"] | {"noise", "bench.config", "bench.training"}
ARROWS["bench.tracking"] = {*BELOW, "results", "bench.runs"}
ARROWS["bench.cluster"] = {*BELOW, "results", "bench.runs", "bench.tracking"}
ARROWS["bench.doctor"] = ARROWS["bench.runs"] | {"bench.runs", "bench.cluster"}
ARROWS["bench.reporting"] = (ARROWS["bench.runs"] | {"bench.runs"}) - {"bench.training"}
ARROWS["bench.leaderboard"] = ARROWS["bench.reporting"] | {"bench.reporting"}
ARROWS["bench.cli"] = ARROWS["bench.leaderboard"] | {
    *("bench.leaderboard", "bench.cluster", "bench.doctor", "bench.tracking"),
    "bench.first_suite",
}

# Package → the one room that imports it.
FOREIGN = {
    "mmdet": "bench.training",
    "mmcv": "bench.training",
    "mmengine": "bench.training",
    "ray": "bench.cluster",
    "tensorboard": "bench.tracking",
    "mlflow": "bench.tracking",
}


@cache
def modules():
    """Name below noisyseg → the names that it imports, noisyseg's own without that word."""
    found = {}
    for folder, _, names in os.walk(ROOT, followlinks=True):
        for path in (Path(folder, name) for name in names if name.endswith(".py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name or "noisyseg"] = ast.parse(path.read_bytes())
    return {name: imported(tree, found) for name, tree in found.items()}


def imported(tree, known):
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            deeper = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {name for name in deeper if name.removeprefix("noisyseg.") in known}
            names |= modules or {node.module}
    return {name.removeprefix("noisyseg.") for name in names}


def edges():
    """Every import of one module of noisyseg by another."""
    known = modules()
    return {(a, b) for a, names in known.items() for b in names if b in known and a != b}


def room(module):
    first, *rest = module.split(".")
    if first == "bench" and rest:
        return f"bench.{rest[0]}"
    return first if (ROOT / first).is_dir() else "noisyseg"


def in_folder(module):
    """The module's folder in its room; the module itself if it lies in none."""
    depth = module.count(".", 0, len(room(module))) + 2
    folder = ".".join(module.split(".")[:depth])
    return folder if (ROOT / folder.replace(".", "/")).is_dir() else module


def cycle(arrows):
    graph = {}
    for a, b in arrows:
        graph.setdefault(a, set()).add(b)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return " → ".join(error.args[1])
    return None


def test_the_source_is_read_whole():
    assert len(modules()) > 200
    assert ("bench.runs.execution", "bench.runs.session") in edges()  # within a function
    assert ("bench.runs.execution", "noisyseg") not in edges()
    assert "mmdet.models.backbones" in modules()["bench.training.detector"]
    assert {room(name) for name in modules()} == ARROWS.keys()
    assert in_folder("noise.types.registry") == in_folder("noise.types") == "noise.types"
    assert in_folder("noise.corrupt") == "noise.corrupt"
    assert in_folder("bench.cli.suite.show") == "bench.cli.suite"
    assert in_folder("bench.runs.grid") == "bench.runs.grid"


@pytest.mark.parametrize("name", ARROWS)
def test_a_room_imports_the_rooms_below_it_alone(name):
    wrong = [
        f"{a} imports {b}"
        for a, b in sorted(edges())
        if room(a) == name and room(b) not in ARROWS[name] | {name}
    ]
    assert wrong == []


def test_no_module_imports_itself_by_way_of_others():
    assert cycle({("a", "b"), ("b", "c"), ("c", "a")}) is not None
    assert cycle(edges()) is None


def test_no_folder_of_a_room_imports_itself_by_way_of_others():
    arrows = {(in_folder(a), in_folder(b)) for a, b in edges()}
    assert cycle({(a, b) for a, b in arrows if a != b}) is None


@pytest.mark.parametrize("package", FOREIGN)
def test_one_room_alone_imports_a_package(package):
    importers = {
        room(module)
        for module, names in modules().items()
        if package in {name.split(".")[0] for name in names}
    }
    assert importers <= {FOREIGN[package]}
