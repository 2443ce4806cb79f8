"""Commands that only look write nothing beside data and cache, and download nothing."""

import pytest

from noisyseg.bench.cluster.scheduler import Done
from noisyseg.bench.config import weights

DATA = {
    "shapes": {"format": "shapes", "train_images": 4, "val_images": 3, "size": 48},
    "voc2012-seg": {"format": "voc2012", "masks": "seg"},
    "voc2012-sbd": {"format": "voc2012", "masks": "sbd"},
    "voc2012-box": {"format": "voc2012"},
    "coco2017": {"format": "coco2017"},
    "cityscapes": {"format": "cityscapes"},
}
LOOKING = (["suite", "validate"], ["plan"], ["run", "--dry-run"])
PAPERS = ("paper-table1-voc", "paper-table2-coco", "paper-table3-cityscapes")


@pytest.fixture
def suite(toy):
    """Writes a suite of a data set, and returns the words that name both."""

    def write(data, root):
        toy.suite |= {"data": data}
        toy.write()
        return [toy.file, "--data-root", root, "--allow-partial"]

    return write


@pytest.fixture
def torch_home(remote, tmp_path, monkeypatch):
    """An empty folder of weights; their server is the local one, which has none."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(weights, "BASE_URL", remote.url)
    return tmp_path / "torch"


def files(*folders):
    return {
        path: path.stat().st_mtime_ns
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", DATA)
def test_nothing_is_written_and_the_keys_are_those_of_prepared_data(
    call, suite, copied, tmp_path, name
):
    words = suite(DATA[name], copied)
    cache = tmp_path / "cache" / "noisyseg"
    before = files(copied, cache)
    outcomes = []
    for command in LOOKING:
        done = call(*command, *words)
        assert done.status == 0, done.err
        outcomes.append(done)
    assert files(copied, cache, tmp_path / "here") == before
    data = DATA[name]
    toy_keys = {line.split()[0] for line in outcomes[-1].out.splitlines()}
    assert len(toy_keys) == 4
    if name != "shapes":
        masks = ["--masks", data.get("masks", "box")] if "voc" in name else []
        prepare = ["data", "prepare", data["format"], "--root", copied, "--allow-partial", *masks]
        assert call(*prepare).status == 0
        assert files(copied) != before
    assert [call(*command, *words) for command in LOOKING] == outcomes


def test_what_is_drawn_has_the_keys_that_were_foreseen(call, suite, copied, monkeypatch):
    words = suite(DATA["shapes"], copied)
    foreseen = call("run", *words, "--dry-run").out
    trained = []
    monkeypatch.setattr(
        "noisyseg.bench.cluster.scheduler.run_all",
        lambda runs, *_: trained.extend(run.key for run in runs) or Done(),
    )
    call("run", *words, "--no-sharing")  # else those that others begin from come first
    assert trained
    assert [line.split()[0] for line in foreseen.splitlines()] == trained
    assert list(copied.glob("shapes-*"))


@pytest.mark.parametrize("name", PAPERS)
def test_a_suite_is_validated_without_its_weights(call, copied, remote, torch_home, name):
    before = files(copied)
    words = [name, "--data-root", copied, "--allow-partial"]
    done = call("suite", "validate", *words)
    assert done.status == 0, done.err
    assert "valid: " in done.out
    assert "the weights torchvision://resnet50 are not there" in done.err
    listed = call("run", *words, "--dry-run")
    assert listed.status == 2
    assert "the weights torchvision://resnet50 are not there" in listed.err
    assert (files(copied), remote.requests) == (before, [])
    assert not torch_home.exists()
    assert call("run", *words).status == 2
    assert remote.requests != []


def test_weights_that_are_there_and_damaged_are_no_valid_suite(call, copied, torch_home):
    file = torch_home / "hub" / "checkpoints" / weights.FILES["resnet50"]
    file.parent.mkdir(parents=True)
    file.write_bytes(b"damaged")
    words = [PAPERS[0], "--data-root", copied, "--allow-partial"]
    done = call("suite", "validate", *words)
    assert done.status == 2
    assert f"{file} is damaged" in done.err


def test_a_number_of_images_that_is_not_the_official_one_is_refused_unconverted(
    call, suite, copied
):
    for name in ("voc2012-seg", "coco2017", "cityscapes"):
        words = suite(DATA[name], copied)[:-1]
        done = call("suite", "validate", *words)
        assert done.status == 2
        assert "--allow-partial" in done.err
