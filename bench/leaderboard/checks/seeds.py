"""The seeds of a bundle: no pair twice, the same ones at every setting, enough to be ranked."""

from collections import Counter
from collections.abc import Sequence

from noisyseg.bench.leaderboard.checks.check import Check, held, named
from noisyseg.bench.leaderboard.checks.installed import Cell, Installed
from noisyseg.results.leaderboard.entry import LEAST_SEEDS


def check_noise_seeds(cells: Sequence[Cell], installed: Installed) -> Check:
    """Whether the noisy runs of trainings, and they alone, have a noise seed."""
    wrong = [_said(cell) for cell in cells if not installed.is_cell(cell)]
    what = "runs of noisy settings have a noise seed, clean ones have none"
    return held("seeds.noise", what, f"not so: {named(wrong)}" if wrong else None)


def check_no_noise_seeds(cells: Sequence[Cell]) -> Check:
    """Whether no run has a noise seed: nobody knows those of trainings elsewhere."""
    wrong = [_said(cell) for cell in cells if cell.noise_seed is not None]
    what = "runs that were trained elsewhere have no noise seed"
    return held("seeds.noise", what, f"not so: {named(wrong)}" if wrong else None)


def check_seeds(cells: Sequence[Cell], installed: Installed) -> list[Check]:
    """Hold a bundle's cells against each other and against the suite's."""
    counts = Counter(cells)
    twice = [_said(cell) for cell, count in counts.items() if count > 1]
    return [
        held(
            "seeds.once",
            "each setting and pair of seeds is there once",
            f"there several times: {named(twice)}" if twice else None,
        ),
        held(
            "seeds.same",
            "every setting has the same seeds",
            _unequal(cells, installed),
        ),
        *_remarks(cells, installed),
    ]


def suite_seed_remarks(cells: Sequence[Cell], installed: Installed) -> list[Check]:
    """Name the suite's seeds that a training's bundle lacks: somebody may have chosen the others.

    Settings without any runs are named by `check_seeds`.
    """
    clean = {label for label, steps in installed.settings.items() if steps is None}
    lacking = [
        pair
        for pair in installed.suite.seeds
        if not {
            Cell(label, None if label in clean else pair.noise, pair.train)
            for label in seeds_of(cells)
        }
        <= {*cells}
    ]
    if not lacking:
        return []
    trained = named(sorted({cell.train_seed for cell in cells}))
    text = (
        "not all of the suite's seeds, so perhaps chosen ones: "
        f"without {named(pair.label for pair in lacking)}; the train seeds are {trained}"
    )
    return [Check(id="seeds.suite", state="remark", what=text)]


def seeds_of(cells: Sequence[Cell]) -> dict[str, int]:
    """How many different pairs of seeds each setting has."""
    return dict(Counter(cell.noise for cell in {*cells}))


def _unequal(cells: Sequence[Cell], installed: Installed) -> str | None:
    noisy: dict[str, set[tuple[int | None, int]]] = {}
    trains: dict[str, set[int]] = {}
    for cell in cells:
        trains.setdefault(cell.noise, set()).add(cell.train_seed)
        if installed.settings[cell.noise] is not None:
            noisy.setdefault(cell.noise, set()).add((cell.noise_seed, cell.train_seed))
    every_train = set.union(*trains.values())
    every_pair = set.union(*noisy.values()) if noisy else set()
    lacking = [
        f"{label} lacks train seeds {named(sorted(every_train - found))}"
        for label, found in trains.items()
        if found != every_train
    ] + [
        f"{label} lacks noise/train seeds {named(sorted(every_pair - found, key=_order))}"
        for label, found in noisy.items()
        if found != every_pair
    ]
    return "; ".join(lacking) or None


def _remarks(cells: Sequence[Cell], installed: Installed) -> list[Check]:
    found = seeds_of(cells)
    remarks = []
    absent = [label for label in installed.settings if label not in found]
    if absent:
        remarks.append(("seeds.coverage", f"the suite's settings without runs: {named(absent)}"))
    few = [f"{label} {count}" for label, count in found.items() if count < LEAST_SEEDS]
    if few:
        remarks.append(
            ("seeds.count", f"fewer than {LEAST_SEEDS} seeds, so not ranked: {named(few)}")
        )
    return [Check(id=name, state="remark", what=text) for name, text in remarks]


def _order(pair: tuple[int | None, int]) -> tuple[int, int]:
    noise, train = pair
    return (-1 if noise is None else noise, train)


def _said(cell: Cell) -> str:
    seeds = f"{cell.noise_seed}/{cell.train_seed}"
    return f"{cell.noise} {cell.train_seed if cell.noise_seed is None else seeds}"
