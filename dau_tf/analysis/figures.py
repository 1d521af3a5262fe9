"""The paper's figures 4 and 6 to 8 of one's own network, as matplotlib figures.

matplotlib is asked for when something is drawn, and its state is left alone: no pyplot.
"""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from dau_tf.analysis.displacements import displacement_density, displacement_map
from dau_tf.analysis.layer_units import LayerUnits
from dau_tf.analysis.receptive_field import SHARES, contour_levels

Figure = Any
_SHARES = {1.0: "all", 0.9: "top 90 %", 0.75: "top 75 %"}
_AXES = ("vertical", "horizontal")


def density_figure(units: LayerUnits, bin_width: float = 0.1) -> Figure:
    """Draws the 1-D distributions of a layer: all units, top 90 % and top 75 % (Fig. 6).

    Args:
        units: Of `layer_units`.
        bin_width: Pixels.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: matplotlib is not installed.
    """
    figure = _figure(7, 2.4)
    for axis, name in enumerate(_AXES):
        plot = figure.add_subplot(1, 2, axis + 1)
        for share, label in _SHARES.items():
            centres, density = displacement_density(units, axis, share, bin_width)
            plot.step(centres, density, where="mid", label=label, linewidth=1)
        plot.set(xlabel=f"{name} displacement, px", ylabel="density of |w|" if axis == 0 else "")
    plot.legend(fontsize=8)
    return figure


def map_figure(units: LayerUnits, bin_width: float = 0.1) -> Figure:
    """Draws the 2-D distributions of a layer, like `density_figure` (Fig. 7)."""
    figure = _figure(7, 2.7)
    for number, (share, label) in enumerate(_SHARES.items(), 1):
        plot = figure.add_subplot(1, 3, number)
        centres, mass = displacement_map(units, share, bin_width)
        edge = centres[-1] + bin_width / 2
        # The root: a spike at the initial places would hide all else.
        plot.imshow(np.sqrt(mass), extent=(-edge, edge, edge, -edge), cmap="magma")
        plot.set(title=label, xlabel="horizontal, px")
        if number == 1:
            plot.set_ylabel("vertical, px")
    return figure


def sigma_figure(after: LayerUnits, before: LayerUnits | None = None) -> Figure:
    """Draws the distribution of sigma, after learning and before it (Fig. 4)."""
    figure = _figure(4.5, 2.4)
    plot = figure.add_subplot()
    drawn = {"before": before, "after": after}
    values = [units.sigma for units in drawn.values() if units is not None]
    low, high = min(v.min() for v in values), max(v.max() for v in values)
    bins = np.linspace(low - 0.01, high + 0.01, 41)
    for label, units in drawn.items():
        if units is not None:
            plot.hist(units.sigma, bins, histtype="step", density=True, label=label)
    plot.set(xlabel="sigma, px", ylabel="density")
    plot.legend(fontsize=8)
    return figure


def receptive_field_figure(
    fields: dict[str, np.ndarray], shares: Sequence[float] = SHARES
) -> Figure:
    """Draws effective receptive fields side by side with the contours of shares (Fig. 8).

    Args:
        fields: Title -> what `receptive_field` returned.
        shares: Which contours, within 0 ... 1.
    """
    figure = _figure(2.6 * len(fields) + 0.6, 2.9)
    for number, (title, field) in enumerate(fields.items(), 1):
        plot = figure.add_subplot(1, len(fields), number)
        plot.imshow(np.sqrt(field), cmap="gray")
        levels = np.unique(contour_levels(field, shares))
        if levels[-1] > levels[0]:
            plot.contour(field, levels=levels, cmap="autumn", linewidths=0.8)
        plot.set(title=title, xticks=[], yticks=[])
    return figure


def movement_figure(
    start: Sequence[LayerUnits], now: Sequence[LayerUnits], title: str, most: int = 300
) -> Figure:
    """Draws where units stand, and from where they came: the frames of `LiveView`.

    Args:
        start: The layers' units at the start.
        now: The same units now.
        title: Above all.
        most: Draw at most so many units of a layer, those with the largest |w| now.
    """
    figure = _figure(3.0 * len(now), 3.3)
    figure.suptitle(title, fontsize=10)
    for number, (first, units) in enumerate(zip(start, now, strict=True), 1):
        plot = figure.add_subplot(1, len(now), number)
        size = np.abs(units.weight)
        kept = np.argsort(-size, kind="stable")[:most]
        old, new = first.displacement[::-1, kept], units.displacement[::-1, kept]
        plot.plot(np.stack([old[0], new[0]]), np.stack([old[1], new[1]]), "0.75", linewidth=0.6)
        area = 30 * size[kept] / max(size.max(initial=0), np.finfo(float).tiny)
        sign = np.where(units.weight[kept] < 0, "tab:red", "tab:blue")
        plot.scatter(*new, s=area, c=sign, linewidths=0)
        farthest = max(np.abs(units.displacement).max(initial=1.0), 1.0)
        reach = 1.05 * (units.limit or farthest)
        plot.set(xlim=(-reach, reach), ylim=(reach, -reach), title=units.name, aspect="equal")
        plot.axhline(0, color="0.9", zorder=0)
        plot.axvline(0, color="0.9", zorder=0)
    return figure


def png(figure: Figure, dpi: int = 110) -> bytes:
    """Returns a figure as the bytes of a PNG file."""
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=dpi)
    return target.getvalue()


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure as MatplotlibFigure
    except ImportError as error:
        raise ImportError(
            "Figures need matplotlib, Pillow and jinja2: pip install dau-tf[analysis]"
        ) from error
    return MatplotlibFigure(figsize=(width, height), layout="constrained")
