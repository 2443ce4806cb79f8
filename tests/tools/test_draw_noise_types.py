"""The pictures of noise types: one a built-in type, made anew from what their page shows."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from noisyseg.noise.types.registry import NOISE_TYPES

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location(
        "draw_noise_types", ROOT / "tools" / "draw_noise_types.py"
    )
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="module")
def drawn(script, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["draw_noise_types.py", str(folder)])
        script.main()
    return {path.stem: path for path in folder.iterdir()}


def test_every_built_in_type_has_its_section_and_its_picture(script, drawn):
    text = script.PAGE.read_text(encoding="utf-8")
    shown = [shown.name for shown in script.sections(text)]
    assert sorted(shown) == sorted(NOISE_TYPES)
    assert [shown.step["type"] for shown in script.sections(text)] == shown
    assert sorted(drawn) == sorted([*shown, "clean"])
    for name in drawn:
        assert f"](noise-types/{name}.webp)" in text


def test_the_pictures_of_the_page_are_these(script, drawn):
    for name, path in drawn.items():
        kept = script.PLACE / f"{name}.webp"
        assert kept.stat().st_size < 60_000
        new, old = (np.asarray(Image.open(file), dtype=float) for file in (path, kept))
        # Another FreeType or WebP draws a label's edges otherwise; an outline elsewhere is more.
        assert np.abs(new - old).mean() < 2, name
    clean = np.asarray(Image.open(drawn["clean"]), dtype=float)
    for name in NOISE_TYPES:
        assert np.abs(np.asarray(Image.open(drawn[name]), dtype=float) - clean).mean() > 1, name
