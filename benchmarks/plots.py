"""The plots of the benchmarks' JSON reports; each stays below 100 kB, so that docs can show it."""

import pathlib

import numpy as np
from matplotlib.figure import Figure

_DPI = 90


def layer(report: dict, path: pathlib.Path) -> None:
    """How many times faster ours is than each rival: a panel for each shape and pass."""
    cases = [case for case in report["cases"] if case["comparisons"]]
    if not cases:
        return
    rows = [max(1, len(case["comparisons"])) for case in cases]
    figure = Figure(figsize=(9, 0.9 * len(cases) + 0.2 * sum(rows)), layout="constrained")
    panels = figure.subplots(len(cases), 1, squeeze=False, sharex=True, height_ratios=rows)[:, 0]
    for panel, case in zip(panels, cases, strict=True):
        done = [c for c in case["comparisons"] if c["ratio"]]
        at = np.arange(len(done))
        median = np.array([c["ratio"]["median"] for c in done])
        spread = [
            median - [c["ratio"]["p10"] for c in done],
            np.array([c["ratio"]["p90"] for c in done]) - median,
        ]
        panel.barh(
            at, median, xerr=np.maximum(spread, 0), color="tab:blue", label="median, p10-p90"
        )
        targets = [(i, c["target"]) for i, c in enumerate(done) if c["target"]]
        if targets:
            places, values = zip(*targets, strict=True)
            panel.plot(values, places, "|", color="tab:red", ms=11, mew=2, label="target")
        panel.axvline(1, color="black", lw=0.8)
        panel.set(xscale="log", title=f"{case['label']}, {case['pass']}")
        panel.set_yticks(at, [f"{c['ours']} : {c['against']}" for c in done], fontsize=7)
        panel.invert_yaxis()
        panel.title.set_fontsize(9)
    panels[-1].set_xlabel(f"times faster, {report['machine']['threads']} thread(s)")
    panels[0].legend(fontsize=7)
    figure.savefig(path, dpi=_DPI)


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
                points = [p for p in study["points"] if p["pass"] == direction]
                times = [1e3 * p["candidates"][name]["median_seconds"] for p in points]
                panel.plot(
                    [p["value"] for p in points], times, line, ms=3, color=f"C{number}",
                    label=f"{name}{' + backward' if direction == 'backward' else ''}",
                )  # fmt: skip
        panel.set(xscale="log", yscale="log", xlabel=study["quantity"], ylabel="ms")
        values = sorted({p["value"] for p in study["points"]})
        panel.set_xticks(values, [f"{v:g}" for v in values], fontsize=7)
        panel.minorticks_off()
        panel.set_title(study["fixed"], fontsize=9)
        panel.legend(fontsize=7)
    figure.savefig(path, dpi=_DPI)


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
    figure.savefig(path, dpi=_DPI)


def network(report: dict, path: pathlib.Path) -> None:
    """How many times faster, and less memory, the DAU network is, beside the targets."""
    rows = report["results"]
    figure = Figure(figsize=(7, 1 + 0.6 * len(rows)), layout="constrained")
    panel = figure.subplots()
    at = np.arange(len(rows))
    median = np.array([row["ratio"]["median"] for row in rows])
    spread = [
        median - [row["ratio"]["p10"] for row in rows],
        np.array([row["ratio"]["p90"] for row in rows]) - median,
    ]
    panel.barh(at, median, xerr=np.maximum(spread, 0), label="median, p10-p90")
    panel.plot(
        [row["target"] for row in rows], at, "|", color="tab:red", ms=20, mew=2, label="target"
    )
    panel.axvline(1, color="black", lw=0.8)
    panel.set_yticks(at, [row["name"] for row in rows])
    panel.invert_yaxis()
    panel.set(xlabel=f"standard / DAU, {report['machine']['threads']} thread(s)")
    panel.legend(fontsize=8)
    figure.savefig(path, dpi=_DPI)
