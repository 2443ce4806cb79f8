"""Which entries stand on which board."""

from statistics import fmean, stdev

import msgspec
import pytest

from benchmarks.leaderboard_entries import made_entry
from noisyseg.results.leaderboard.arrangement import grounds_of
from noisyseg.results.leaderboard.entry import MethodSpec, Protocol
from noisyseg.results.leaderboard.published import paper_entries
from noisyseg.results.records.metrics import METRICS
from noisyseg.results.statistics.crossed import describe_runs


def aps(entry, label):
    return [run.metrics["segm.AP"] for run in entry.settings[label].runs]


def test_a_ground_has_a_board_for_each_setting_clean_first():
    levels = {"sym80": 9.0, "sym20": 24.0, "clean": 28.0, "asym40": 20.0}
    (ground,) = grounds_of([made_entry("ce", levels=levels), made_entry("gce")])
    assert [board.setting for board in ground.boards] == [
        "clean",
        "sym20",
        "sym40",
        "sym80",
        "asym40",
    ]
    assert [len(board.rows) for board in ground.boards] == [2, 1, 1, 1, 2]
    assert ground.slug == "shapes-mask-rcnn-tiny-shapes-cpu-01234567"
    assert ground.archived == ""


def test_a_row_has_mean_spread_and_interval_of_its_runs():
    entry = made_entry("ce", seeds=range(4))
    (ground,) = grounds_of([entry])
    row = ground.boards[0].rows[0]
    own, told = aps(entry, "clean"), row.numbers["segm.AP"]
    assert (told.n, told.mean, told.sd) == (4, fmean(own), pytest.approx(stdev(own)))
    half = 3.182446 * stdev(own) / 2  # Student's t of 3 degrees of freedom
    assert (told.low, told.high) == pytest.approx((fmean(own) - half, fmean(own) + half))
    box = [run.metrics["bbox.AP50"] for run in entry.settings["clean"].runs]
    assert row.numbers["bbox.AP50"].mean == pytest.approx(fmean(box))
    assert row.numbers["bbox.AP50"].sd == pytest.approx(stdev(box))


def test_entries_with_few_seeds_are_provisional_and_imported_ones_have_no_rank():
    entries = [
        made_entry("ce"),
        made_entry("few", seeds=[0, 1], levels={"clean": 60.0}),
        made_entry("from-elsewhere", kind="imported", levels={"clean": 70.0}),
    ]
    clean = grounds_of(entries)[0].boards[0]
    assert [(row.entry.method.name, row.kind) for row in clean.rows] == [
        ("ce", "ranked"), ("few", "provisional"), ("from-elsewhere", "imported"),
    ]  # fmt: skip
    assert [row.standing is None for row in clean.rows] == [False, True, True]
    assert clean.rows[0].standing.high == 1


def test_the_noise_floor_is_the_spread_of_ce_over_its_seeds():
    one, other = made_entry("ce"), made_entry("ce", spread=1, seeds=range(5))
    clean = grounds_of([one, other, made_entry("gce")])[0].boards[0]
    pooled = (2 * stdev(aps(one, "clean")) ** 2 + 4 * stdev(aps(other, "clean")) ** 2) / 6
    assert clean.floor.sd == pytest.approx(pooled**0.5)
    assert clean.floor.runs == 8
    assert grounds_of([made_entry("gce")])[0].boards[0].floor is None


def test_older_versions_are_archived_on_a_ground_of_their_own():
    old = made_entry(
        "ce", spread=1, ground="f" * 16, protocol=Protocol(name="shapes-cpu", version=1)
    )
    current, archived = grounds_of([old, made_entry("ce"), made_entry("gce")])
    assert [entry.id for entry in archived.entries] == [old.id]
    assert archived.archived == "of an older version"
    assert current.archived == ""
    assert archived.slug != current.slug


def test_an_older_version_of_a_method_is_not_compared_with_its_newer_one():
    own = made_entry("ce").method
    newer = made_entry("ce", spread=1, method=msgspec.structs.replace(own, version=2))
    current, archived = grounds_of([made_entry("ce"), newer, made_entry("gce")])
    assert {entry.method.version for entry in current.entries if entry.method.name == "ce"} == {2}
    assert [entry.method.version for entry in archived.entries] == [1]
    assert archived.slug == f"{current.slug}-older"


def test_a_version_that_came_with_other_parameters_is_no_newer_one():
    as_coded = MethodSpec(
        name="ce", version=2, file_sha256=None, parameters={"convention": "lncis-code"}
    )
    (ground,) = grounds_of([made_entry("ce"), made_entry("coded", method=as_coded)])
    assert sorted(entry.method.version for entry in ground.entries) == [1, 2]


@pytest.mark.parametrize("kind", ["verified", "imported"])
def test_somebody_s_method_named_ce_moves_neither_the_floor_nor_the_versions(kind):
    sha256 = "a" * 64 if kind == "verified" else None
    named = MethodSpec(name="ce", version=999, file_sha256=sha256, parameters={})
    other = made_entry("theirs", kind=kind, method=named, spread=9)
    genuine = grounds_of([made_entry("ce"), made_entry("gce")])[0].boards[0].floor
    (ground,) = grounds_of([made_entry("ce"), other, made_entry("gce")])
    assert len(ground.entries) == 3
    assert ground.boards[0].floor == genuine


def test_other_data_of_the_same_name_and_version_are_not_archived():
    grounds = grounds_of([made_entry("ce"), made_entry("ce", spread=1, ground="e" * 16)])
    assert [ground.archived for ground in grounds] == ["", ""]


def test_one_label_of_two_noises_makes_two_boards():
    other = made_entry("gce")
    noise = {"steps": [{**other.settings["sym40"].noise["steps"][0], "convention": "lncis-code"}]}
    setting = other.settings["sym40"]
    changed = {"sym40": type(setting)(noise=noise, rate=0.4, images=100, runs=setting.runs)}
    boards = grounds_of([made_entry("ce"), made_entry("gce", settings=changed)])[0].boards
    of_sym40 = [board for board in boards if board.setting.startswith("sym40")]
    assert len({board.slug for board in of_sym40}) == 2
    assert [len(board.rows) for board in of_sym40] == [1, 1]


def test_the_paper_s_tables_are_grounds_without_ranks():
    grounds = {ground.slug: ground for ground in grounds_of([made_entry("ce"), *paper_entries()])}
    table = grounds["paper-table1"]
    sym80 = next(board for board in table.boards if board.setting == "sym80")
    assert [(row.entry.method.name, row.mean) for row in sym80.rows][:2] == [
        ("lncis", 25.5), ("sce", 21.2),
    ]  # fmt: skip
    assert {row.kind for row in sym80.rows} == {"reported"}
    assert {row.standing for row in sym80.rows} == {None}
    parts = grounds["paper-table4"].boards[0]
    assert {name for row in parts.rows for name in row.numbers} <= METRICS.keys()
    assert sum("segm.AP75" in row.numbers for row in parts.rows) == 7


def test_a_row_of_runs_that_share_seeds_has_the_interval_of_crossed_seeds():
    entry = made_entry("ce", seeds=range(4), levels={"sym40": 20.0})
    setting = entry.settings["sym40"]
    pairs = [(0, 0), (0, 1), (1, 0), (1, 1)]
    runs = [
        msgspec.structs.replace(run, noise_seed=noise, train_seed=train)
        for run, (noise, train) in zip(setting.runs, pairs, strict=True)
    ]
    crossed = msgspec.structs.replace(setting, runs=runs)
    numbers = (
        grounds_of([made_entry("ce", settings={"sym40": crossed})])[0].boards[0].rows[0].numbers
    )
    told = describe_runs(
        {pair: run.metrics["segm.AP"] for pair, run in zip(pairs, runs, strict=True)}
    )
    assert numbers["segm.AP"][:2] == (4, told.mean)
    assert numbers["segm.AP"].low == told.low
    alone = describe_runs({(k, k): run.metrics["segm.AP"] for k, run in enumerate(runs)})
    assert told.low != alone.low
