from io import BytesIO

import numpy as np
import pytest
from matplotlib.image import imread

from noisyseg.results.figures.panels import Panel
from noisyseg.results.figures.style import FORMATS, own_style, rendered
from noisyseg.results.figures.training_figures import (
    detector_figure,
    fates_figure,
    histogram_figure,
    sizes_figure,
)
from noisyseg.results.records.loss_at_work import BINS, GROUPS, MARKS, SETS, with_statistics

FIGURES = (histogram_figure, sizes_figure, fates_figure, detector_figure)


def report(epoch=0, *, noisy=100, clean=200, unknown=0, gamma=6.0):
    """Noisy RoIs of which 30 lie in the bin from 6.0 on, the others of all groups in the first."""
    sizes = dict(zip(GROUPS, (clean, noisy, unknown), strict=True))
    entries = {}
    for name, rois in sizes.items():
        hard = min(30, rois) if name == "noisy" else 0
        histogram = [0] * (BINS + 1)
        histogram[0], histogram[24] = rois - hard, hard
        counts = {**dict.fromkeys(MARKS, 0), "rois": rois, "above_6": hard}
        counts |= {"potential_noisy": hard, "as_given": rois - hard, "as_true": hard}
        entries[name] = {**counts, "mean_loss": 1.0, "histogram": histogram}
    sets = {name: 10 ** (place + 1) + epoch for place, name in enumerate(SETS)}
    return with_statistics({"gamma": gamma, "bin_width": 0.25, "sets": sets, **entries})


def panel(label="ce", epochs=4, seeds=1, **counts):
    runs = [[report(epoch, **counts) for epoch in range(epochs)] for _ in range(seeds)]
    return Panel(label=label, runs=runs)


@pytest.mark.parametrize("make", FIGURES)
def test_equal_data_give_equal_bytes(make):
    first = rendered(lambda: make([panel()], "title"), FORMATS)
    assert first == rendered(lambda: make([panel()], "title"), FORMATS)
    assert first["png"].startswith(b"\x89PNG")
    assert first["svg"].startswith(b"<?xml")
    assert first["pdf"].startswith(b"%PDF")


@pytest.mark.parametrize("make", FIGURES)
@pytest.mark.parametrize("count", [1, 2, 3, 7, 22])
def test_each_method_has_a_panel_and_all_of_it_is_in_the_figure(make, count):
    panels = [panel(f"method {n}", epochs=2) for n in range(count)]
    with own_style():
        figure = make(panels, "a title")
        figure.draw_without_rendering()
    assert [axes.get_title(loc="left") for axes in figure.axes] == [p.label for p in panels]
    width, height = figure.bbox.width, figure.bbox.height
    box = figure.get_tightbbox()
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 * figure.dpi <= width
    assert box.y1 * figure.dpi <= height


def test_histograms_are_shares_of_their_own_kind():
    figure = histogram_figure([panel(seeds=3)], "title")
    steps = {patch.get_label(): patch.get_data() for patch in figure.axes[0].patches}
    assert set(steps) == {"clean RoIs", "noisy RoIs"}
    values, edges, _ = steps["noisy RoIs"]
    assert values[24] == pytest.approx(0.3)
    assert edges[24] == 6.0
    assert values.sum() == pytest.approx(1)
    assert steps["clean RoIs"][0][0] == pytest.approx(1)
    text = figure.axes[0].texts[0].get_text()
    assert "noisy 30.0 %" in text
    assert "clean 0.0 %" in text
    assert "88.5 % of noisy, 2.31 % of clean" in figure.get_suptitle()
    assert [line.get_xdata()[0] for line in figure.axes[0].lines] == [6.0]


def test_rois_of_unknown_labels_are_called_so():
    figure = histogram_figure([panel(clean=0, noisy=0, unknown=50)], "title")
    assert [patch.get_label() for patch in figure.axes[0].patches] == ["unknown RoIs"]
    assert "unknown 0.0 %" in figure.axes[0].texts[0].get_text()


def lines_of(figure):
    return {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].lines}


def test_curves_are_what_the_reports_say():
    assert lines_of(sizes_figure([panel(epochs=2)], "title")) == {
        "N": [10, 11],
        "PSN": [100, 101],
        "PON": [1000, 1001],
        "PSN and PON": [10_000, 10_001],
        "OS": [100_000, 100_001],
    }
    shares = lines_of(fates_figure([panel(epochs=2)], "title"))
    assert shares["given label (memorised)"] == [0.7, 0.7]
    assert shares["true label (recovered)"] == [0.3, 0.3]
    found = lines_of(detector_figure([panel(epochs=2)], "title"))
    assert found == {"precision": [1.0, 1.0], "recall": [0.3, 0.3]}


def test_precision_is_of_all_seeds_together_and_told_with_its_counts():
    """Of one seed 1 of 1 RoIs in PON has a wrong label, of the other 30 of 130."""
    seeds = [[report(noisy=1)], [report(noisy=100)]]
    for run, alarms in zip(seeds, (0, 100), strict=True):
        run[0]["clean"]["potential_noisy"] = alarms
        run[0] = with_statistics({k: v for k, v in run[0].items() if k != "detector"})
    figure = detector_figure([Panel(label="ce", runs=seeds)], "title")
    lines = lines_of(figure)
    assert lines["precision"] == [pytest.approx(31 / 131)]
    assert lines["recall"] == [pytest.approx(31 / 101)]
    (text,) = (text.get_text() for text in figure.axes[0].texts)
    assert "31 of 131 wrong labels" in text
    assert "largest epoch: 131 RoIs" in text


def test_bars_of_pon_are_by_the_root_of_the_largest():
    sizes = [400, 100, 0]
    epochs = []
    for size in sizes:
        epoch = report()
        epoch["noisy"]["potential_noisy"] = size
        epochs.append(with_statistics(epoch))
    figure = detector_figure([Panel(label="ce", runs=[epochs])], "title")
    (bars,) = figure.axes[0].patches
    assert list(bars.get_data().values) == [1.0, 0.5, 0.0]
    assert list(bars.get_data().edges) == [0.5, 1.5, 2.5, 3.5]


def test_curves_of_several_seeds_are_one_with_a_band():
    seeds = [[report(0), report(0)], [report(4), report(4)]]
    figure = sizes_figure([Panel(label="ce", runs=seeds)], "title")
    assert lines_of(figure)["PON"] == [1002.0, 1002.0]  # 1000 and 1004
    low, high = (
        extreme(figure.axes[0].collections[2].get_paths()[0].vertices[:, 1])
        for extreme in (min, max)
    )
    assert (low, high) == (1000, 1004)
    shares = fates_figure([Panel(label="ce", runs=[[report(noisy=60)], [report()]])], "title")
    memorised = (30 + 70) / 160  # 30 of 60 and 70 of 100 RoIs: of all of them
    assert lines_of(shares)["given label (memorised)"] == [pytest.approx(memorised)]


def test_what_is_unknown_is_a_gap():
    epochs = [report(noisy=noisy) for noisy in (0, 100, 0)]
    found = lines_of(detector_figure([Panel(label="ce", runs=[epochs])], "title"))
    assert np.isnan(found["recall"]).tolist() == [True, False, True]


def test_lines_differ_without_colour():
    for make in (sizes_figure, fates_figure, detector_figure):
        lines = make([panel()], "title").axes[0].lines
        looks = {(line.get_linestyle(), line.get_marker()) for line in lines}
        assert len(looks) == len(lines)


@pytest.mark.parametrize("label", ["x" * 300, "a$b$", "方法", ""])
def test_any_label_can_be_drawn(label):
    figure = [panel(label, epochs=1)], label[:20]
    picture = rendered(lambda: histogram_figure(*figure), ["png"])["png"]
    assert imread(BytesIO(picture)).std() > 0
