"""The pictures of the documentation can be drawn again."""

import importlib.util
from pathlib import Path

import numpy as np
from PIL import Image

TOOL = Path(__file__).resolve().parents[2] / "tools" / "docs_figures.py"


def tool():
    spec = importlib.util.spec_from_file_location("docs_figures", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_files(tmp_path, monkeypatch):
    drawn = tool()
    # docs_test.py runs the tutorial's examples, of which the second picture is one.
    monkeypatch.setattr(drawn, "tutorial", lambda: b"the second")
    drawn.main(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"filters.png", "tutorial_units.png"}
    pixels = np.asarray(Image.open(tmp_path / "filters.png").convert("RGB"), int)
    # The right panel has a red and a blue unit, whose middles are cells of some 20 x 20 pixels.
    red, _, blue = np.moveaxis(pixels[:, 2 * pixels.shape[1] // 3 :], 2, 0)
    assert (red - blue > 100).sum() > 200
    assert (blue - red > 100).sum() > 200
