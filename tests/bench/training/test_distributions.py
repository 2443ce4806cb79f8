"""Which installed packages overwrite one another."""

from pathlib import Path

import pytest

from noisyseg.bench.training.distributions import conflict_message, conflicting_distributions


def install(folder: Path, name: str, version: str) -> None:
    """What an installer leaves for importlib.metadata to find."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


@pytest.fixture
def maintained(tmp_path: Path) -> Path:
    install(tmp_path, "onedl-mmdetection", "3.5.1")
    install(tmp_path, "onedl-mmcv", "2.3.6")
    install(tmp_path, "onedl-mmengine", "0.10.12")
    return tmp_path


def test_the_maintained_packages_alone_do_not_conflict(maintained: Path) -> None:
    assert conflicting_distributions([str(maintained)]) == []


def test_each_original_is_named_with_its_version(maintained: Path) -> None:
    install(maintained, "mmengine", "0.10.7")
    install(maintained, "mmdet", "3.3.0")
    assert conflicting_distributions([str(maintained)]) == ["mmdet 3.3.0", "mmengine 0.10.7"]


@pytest.mark.parametrize("name", ["mmcv", "mmcv-full", "mmcv_full", "MMCV-lite", "mmengine-lite"])
def test_every_spelling_of_an_original_is_found(maintained: Path, name: str) -> None:
    install(maintained, name, "1.0")
    found = conflicting_distributions([str(maintained)])
    assert found == [f"{name.lower().replace('_', '-')} 1.0"]


def test_a_folder_searched_twice_is_reported_once(maintained: Path) -> None:
    install(maintained, "mmcv", "2.1.0")
    assert conflicting_distributions([str(maintained)] * 2) == ["mmcv 2.1.0"]


def test_this_environment_is_not_a_mixture() -> None:
    assert conflicting_distributions() == []


def test_the_message_removes_the_originals_and_restores_what_they_took_along() -> None:
    message = conflict_message(["mmcv-full 1.7.2", "mmdet 3.3.0"])
    assert "mmcv-full 1.7.2, mmdet 3.3.0" in message
    assert "pip uninstall -y mmcv-full mmdet " in message
    assert "--force-reinstall --no-deps onedl-mmdetection onedl-mmcv onedl-mmengine" in message
