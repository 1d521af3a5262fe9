"""The plots of the benchmarks' JSON reports; each stays below 100 kB, so that docs can show it."""

import io
import pathlib

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from PIL import Image

_DPI = 90
# Enough for lines, text and their smooth edges; a third of the bytes of true colour.
_COLOURS = 64


def layer(report: dict, path: pathlib.Path) -> None:
    """How many times faster ours is than each rival: a panel for each shape and pass.

    Where there are targets, only what they name.
    """
    with_targets = any(c["target"] for case in report["cases"] for c in case["comparisons"])
    chosen = [
        [c for c in case["comparisons"] if c["ratio"] and (c["target"] or not with_targets)]
        for case in report["cases"]
    ]
    cases = [(case, bars) for case, bars in zip(report["cases"], chosen, strict=True) if bars]
    if not cases:
        return
    rows = [len(bars) for _, bars in cases]
    figure = Figure(figsize=(9, 0.7 * len(cases) + 0.2 * sum(rows)), layout="constrained")
    panels = figure.subplots(len(cases), 1, squeeze=False, sharex=True, height_ratios=rows)[:, 0]
    for panel, (case, bars) in zip(panels, cases, strict=True):
        _bars(panel, bars, [f"{c['ours']} : {c['against']}" for c in bars])
        _plain_log(panel.xaxis)
        panel.set_title(f"{case['label']}, {case['pass']}", fontsize=9)
    panels[-1].set_xlabel(f"times faster, {report['machine']['threads']} thread(s)")
    panels[0].legend(fontsize=7)
    _save(figure, path)


def scaling(report: dict, path: pathlib.Path) -> None:
    """Time over each studied quantity: forward solid, forward + backward dashed."""
    studies = report["studies"]
    figure = Figure(figsize=(9, 3.4 * ((len(studies) + 1) // 2)), layout="constrained")
    panels = figure.subplots((len(studies) + 1) // 2, 2, squeeze=False).ravel()
    for panel in panels[len(studies) :]:
        panel.set_visible(False)
    for panel, study in zip(panels, studies, strict=False):
        for number, name in enumerate(study["names"]):
            for direction, line in (("forward", "-o"), ("backward", "--o")):
                points = [
                    p for p in study["points"] if p["pass"] == direction and name in p["candidates"]
                ]
                times = [1e3 * p["candidates"][name]["median_seconds"] for p in points]
                panel.plot(
                    [p["value"] for p in points], times, line, ms=3, color=f"C{number}",
                    label=f"{name}{' + backward' if direction == 'backward' else ''}",
                )  # fmt: skip
        panel.set(xscale="log", xlabel=study["quantity"], ylabel="ms")
        _plain_log(panel.yaxis)
        values = sorted({p["value"] for p in study["points"]})
        panel.set_xticks(values, [f"{v:g}" for v in values], fontsize=7)
        panel.set_xticks([], minor=True)
        panel.set_title(study["fixed"], fontsize=9)
        panel.legend(fontsize=7)
    _save(figure, path)


def planner(report: dict, path: pathlib.Path) -> None:
    """chosen / best over the work of the shape, and how often it is at most that."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for direction in report["summary"]:
        done = [s for s in report["shapes"] if s["pass"] == direction and s["ratio"]]
        ratios = np.array([s["ratio"] for s in done])
        left.semilogx([s["multiply_adds"] for s in done], ratios, ".", label=direction)
        share = np.arange(1, len(done) + 1) / max(1, len(done))
        right.step(np.sort(ratios), share, where="post", label=direction)
    left.set(xlabel="multiply-adds of the obvious forward", ylabel="chosen / best")
    right.set(xlabel="chosen / best", ylabel="share of shapes")
    left.axhline(2, color="tab:red", lw=0.8)
    right.axvline(2, color="tab:red", lw=0.8)
    left.legend(fontsize=8)
    _save(figure, path)


def network(report: dict, path: pathlib.Path) -> None:
    """How many times faster, and less memory, the DAU network is, beside the targets."""
    rows = report["results"]
    figure = Figure(figsize=(7, 1 + 0.6 * len(rows)), layout="constrained")
    panel = figure.subplots()
    _bars(panel, rows, [row["name"] for row in rows])
    panel.set_xlabel(f"standard / DAU, {report['machine']['threads']} thread(s)")
    panel.legend(fontsize=8)
    _save(figure, path)


def _bars(panel: Axes, rows: list[dict], labels: list[str]) -> None:
    """A bar for each ratio with its spread, and a mark at each target."""
    at = np.arange(len(rows))
    p10, median, p90 = (
        np.array([row["ratio"][key] for row in rows]) for key in ("p10", "median", "p90")
    )
    panel.barh(at, median, xerr=[median - p10, p90 - median], label="median, p10-p90")
    targets = [(row["target"], i) for i, row in enumerate(rows) if row["target"]]
    if targets:
        panel.plot(*zip(*targets, strict=True), "|", color="tab:red", ms=11, mew=2, label="target")
    panel.axvline(1, color="black", lw=0.8)
    panel.set_yticks(at, labels, fontsize=7)
    panel.invert_yaxis()


def _plain_log(axis: Axis) -> None:
    """A logarithmic axis marked 1, 2, 5, 10, not with powers."""
    axes = axis.axes
    (axes.set_xscale if axis is axes.xaxis else axes.set_yscale)("log")
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())


def _save(figure: Figure, path: pathlib.Path) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=_DPI)
    Image.open(buffer).convert("RGB").quantize(_COLOURS).save(path, optimize=True)
