"""Draws the pictures of docs/: python tools/docs_figures.py [FOLDER]; docs/images unless told."""

import doctest
import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dau_tf.analysis.figures import png
from dau_tf.ops.dense import dense_kernel

DOCS = Path(__file__).resolve().parent.parent / "docs"
REACH = 6.5  # pixels from the filter's centre to the frame
START = np.array([[0.9, -0.8], [-1.1, 0.6]])  # two units: down, right
LEARNED = np.array([[3.3, -4.4], [-2.4, 3.7]])
WEIGHTS = np.array([1.0, -0.8])


def filters() -> Figure:
    """A convolution's places beside a dilated one's and those of two displaced units."""
    figure = Figure(figsize=(8.4, 3.1), layout="constrained")
    panels = figure.subplots(1, 3)
    for panel, dilation, title in zip(
        panels,
        (1, 4, None),
        ("3×3: 9 weights", "3×3, dilated by 4: 9 weights", "DAU, 2 units: 6 parameters"),
        strict=True,
    ):
        panel.set(xlim=(-REACH, REACH), ylim=(REACH, -REACH), aspect="equal", title=title)
        panel.set(xticks=[-4, 0, 4], yticks=[-4, 0, 4])
        panel.set_xticks(np.arange(-REACH, REACH + 1), minor=True)
        panel.set_yticks(np.arange(-REACH, REACH + 1), minor=True)
        panel.grid(which="minor", color="0.85", linewidth=0.6)
        panel.tick_params(which="minor", length=0)
        if dilation:
            rows, columns = dilation * (np.mgrid[-1:2, -1:2].reshape(2, -1))
            panel.scatter(columns, rows, marker="s", s=115, color="tab:blue")
    _displaced(panels[2])
    return figure


def _displaced(panel: Any) -> None:
    """The kernel as the layer applies it, and how the units came there."""
    kernel = dense_kernel(
        WEIGHTS.reshape(2, 1, 1), LEARNED.reshape(2, 2, 1, 1), 0.5, max_sigma=0.5
    ).numpy()[:, :, 0, 0]
    down, right = np.array(kernel.shape) / 2
    panel.imshow(kernel, "RdBu", extent=(-right, right, down, -down), vmin=-0.4, vmax=0.4)
    panel.set(xlim=(-REACH, REACH), ylim=(REACH, -REACH))
    for start, end in zip(START.T, LEARNED.T, strict=True):
        panel.annotate(
            "",
            xy=end[::-1],
            xytext=start[::-1],
            arrowprops={"arrowstyle": "->", "color": "0.25", "linewidth": 1},
        )
        panel.plot(*start[::-1], "o", color="white", markeredgecolor="0.25", markersize=5)


def tutorial() -> bytes:
    """Runs the tutorial's examples, which draw the figure."""
    text = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for example in doctest.DocTestParser().get_examples(text):
        exec(example.source, names)
        if "png" in names:
            break
    return bytes(names["png"])


def main(folder: Path) -> None:
    """Writes the files."""
    (folder / "filters.png").write_bytes(png(filters()))
    (folder / "tutorial_units.png").write_bytes(tutorial())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS / "images")
