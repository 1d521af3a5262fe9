"""Fits the rates of an engine's cost model to what `engine_bench ENGINE --random` printed.

    engine_bench direct --random 100 > timings.txt      # cc/kernels/direct/work.cc
    engine_bench spectral --random 100 > timings.txt    # cc/kernels/spectral/cost.cc
    python cc/bench/fit_cost.py direct timings.txt [others to test on]

Least squares of the relative error with rates >= 0, reweighted so that a few odd timings don't
bend the fit.
"""

import sys
from pathlib import Path

import numpy as np

KINDS = {
    "direct": (
        "planes, gather",
        "lanes, gather",
        "planes, corners",
        "lanes, corners",
        "planes, gaussian",
        "lanes, gaussian",
    ),
    "spectral": ("forward", "input gradient", "parameters, exact", "parameters, gaussian"),
}


def read(paths: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Kind [n], counts [n, counts] and nanoseconds [n]."""
    rows = [line.split()[2:-2] for path in paths for line in Path(path).read_text().splitlines()]
    table = np.array(rows, float)
    return table[:, 0].astype(int), table[:, 1:-1], table[:, -1]


def fit(counts: np.ndarray, nanoseconds: np.ndarray) -> np.ndarray:
    """Rates >= 0 that minimise the sum of |log(estimate / measured)|, nearly."""
    relative = counts / nanoseconds[:, None]
    scale = np.maximum(relative.max(axis=0), 1e-30)
    a = relative / scale
    rates = np.full(a.shape[1], 0.1)
    weight = np.ones(len(a))
    for _ in range(30):
        for _ in range(300):  # coordinate descent
            for j in range(a.shape[1]):
                residual = 1 - a @ rates + a[:, j] * rates[j]
                weighted = weight * a[:, j]
                rates[j] = max(0.0, weighted @ residual / (weighted @ a[:, j] + 1e-12))
        ratio = np.maximum(a @ rates, 1e-3)
        # The square of the relative error, turned into that of |log|.
        weight = np.abs(np.log(ratio) / (ratio - 1 + 1e-9)) / np.maximum(np.abs(ratio - 1), 0.02)
    return rates / scale


def report(
    kinds: tuple[str, ...],
    kind: np.ndarray,
    counts: np.ndarray,
    nanoseconds: np.ndarray,
    rates: np.ndarray,
    what: str,
) -> None:
    for i, name in enumerate(kinds):
        chosen = kind == i
        ratio = counts[chosen] @ rates[i] / nanoseconds[chosen]
        off = np.maximum(ratio, 1 / ratio)
        print(
            f"{what:8} {name:20} n={chosen.sum():3}  off by: median {np.median(off):.2f}  "
            f"90 % {np.quantile(off, 0.9):.2f}  worst {off.max():.2f}"
        )


def main() -> None:
    kinds = KINDS[sys.argv[1]]
    kind, counts, nanoseconds = read(sys.argv[2:3])
    rates = np.array([fit(counts[kind == i], nanoseconds[kind == i]) for i in range(len(kinds))])
    for i, name in enumerate(kinds):
        print("      {" + ", ".join(f"{rate:.3g}" for rate in rates[i]) + "},  // " + name)
    report(kinds, kind, counts, nanoseconds, rates, "fitted")
    if len(sys.argv) > 3:
        report(kinds, *read(sys.argv[3:]), rates, "tested")


if __name__ == "__main__":
    main()
