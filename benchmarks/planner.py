"""Whether the engine that is chosen is the better one, on a random sample of shapes.

N*H*W is log-uniform in 1..10^6, S and F in 1..512, |mu| <= 0.5..32 (log-uniform), K uniform in
1..8. Each shape is timed with DAU_ENGINE unset, =direct and =spectral, forward and forward +
backward ("gaussian"), interleaved. Prints chosen / best (1 is ideal): median, 90th percentile,
worst; writes planner.json and planner.png to --out.

Shapes with 4 K S F N H W > --largest multiply-adds are drawn again, so that a run ends: by default
one in 250, those with both many pixels and many channels.

  python -m benchmarks.planner
  python -m benchmarks.planner --shapes 20 --largest 2e9 --seed 1
"""

import contextlib
import dataclasses
import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks import cli, machine, plots
from benchmarks.operations import SIGMA, Call, dau
from benchmarks.ratios import median_seconds, paired_ratio
from benchmarks.shapes import Shape
from benchmarks.timing import Candidate, Plan, Samples, time_interleaved

ENGINES = ("direct", "spectral")
CHOSEN = "chosen"
PASSES = ("forward", "backward")
_VARIABLE = "DAU_ENGINE"


@dataclasses.dataclass(frozen=True)
class Draw:
    """A layer of the sample."""

    shape: Shape
    units: int
    max_displacement: float

    @property
    def multiply_adds(self) -> int:
        """Of the obvious forward, 4 taps a unit."""
        return self.shape.multiply_adds(4 * self.units)

    @property
    def label(self) -> str:
        """For people."""
        return f"{self.shape.label} K={self.units} |mu|<={self.max_displacement:g}"


def sample(count: int, largest: float, seed: int) -> tuple[list[Draw], int]:
    """Draws `count` layers; returns them and how many were above `largest` and drawn again."""
    rng = np.random.default_rng(seed)
    draws: list[Draw] = []
    excluded = 0
    while len(draws) < count:
        draw = _draw(rng)
        if draw.multiply_adds <= largest:
            draws.append(draw)
        else:
            excluded += 1
    return draws, excluded


def _draw(rng: np.random.Generator) -> Draw:
    pixels = _log_uniform(rng, 1, 1e6)
    # Images of any aspect up to 2:1, in batches of up to 32.
    images = min(round(_log_uniform(rng, 1, 32)), max(1, round(pixels)))
    area = pixels / images
    height = max(1, round(math.sqrt(area * _log_uniform(rng, 0.5, 2))))
    width = max(1, round(area / height))
    channels, filters = (round(_log_uniform(rng, 1, 512)) for _ in range(2))
    limit = round(_log_uniform(rng, 0.5, 32), 2)
    return Draw(Shape(images, height, width, channels, filters), int(rng.integers(1, 9)), limit)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


@contextlib.contextmanager
def engine(name: str) -> Iterator[None]:
    """Sets DAU_ENGINE, which the op reads on each call; CHOSEN unsets it."""
    before = os.environ.pop(_VARIABLE, None)
    try:
        if name != CHOSEN:
            os.environ[_VARIABLE] = name
        yield
    finally:
        os.environ.pop(_VARIABLE, None)
        if before is not None:
            os.environ[_VARIABLE] = before


def engines_can_be_forced() -> bool:
    """Whether the op library reads DAU_ENGINE: it must refuse an engine that does not exist."""
    call = dau(Shape(1, 4, 4, 1, 1), 1, 1.0, None, 0)
    with engine("no such engine"):
        try:
            call()
        except tf.errors.OpError:
            return True
    return False


def time_draw(draw: Draw, direction: str, plan: Plan) -> dict:
    """Times one layer with each engine; an engine that refuses it is noted and left out."""
    gradient = "gaussian" if direction == "backward" else None
    call = dau(draw.shape, draw.units, draw.max_displacement, gradient, plan.seed)
    refused, candidates = {}, []
    for name in (CHOSEN, *ENGINES):
        forced = _forced(call, name)
        try:
            forced()
        except tf.errors.OpError as error:
            if name == CHOSEN:
                raise
            refused[name] = error.message
            continue
        candidates.append(Candidate(name, forced))
    samples = time_interleaved(candidates, plan, draw.label)
    medians = {name: median_seconds(s.seconds) for name, s in samples.items()}
    return {
        "shape": draw.shape.text,
        "units": draw.units,
        "max_displacement": draw.max_displacement,
        "multiply_adds": draw.multiply_adds,
        "pass": direction,
        "median_seconds": medians,
        "ratio": chosen_over_best(samples),
        "refused": refused,
        "samples": {name: dataclasses.asdict(s) for name, s in samples.items()},
    }


def _forced(call: Call, name: str) -> Call:
    def forced() -> object:
        with engine(name):
            return call()

    return forced


def chosen_over_best(samples: dict[str, Samples]) -> float | None:
    """The largest paired ratio of the choice to an engine; None if no engine was timed."""
    ratios = [
        paired_ratio(samples[CHOSEN].seconds, s.seconds)
        for name, s in samples.items()
        if name != CHOSEN
    ]
    return max((r.median for r in ratios if r), default=None)


def summarize(shapes: list[dict]) -> dict[str, dict]:
    """By pass: shapes, median, 90th percentile and worst of chosen / best, and the worst shape."""
    summary = {}
    for direction in PASSES:
        done = [s for s in shapes if s["pass"] == direction and s["ratio"] is not None]
        if not done:
            continue
        ratios = [s["ratio"] for s in done]
        worst = max(done, key=lambda s: s["ratio"])
        summary[direction] = {
            "shapes": len(done),
            "median": float(np.median(ratios)),
            "p90": float(np.percentile(ratios, 90)),
            "worst": worst["ratio"],
            "worst_shape": {k: worst[k] for k in ("shape", "units", "max_displacement")},
        }
    return summary


def print_summary(summary: dict[str, dict]) -> None:
    """The table; the targets are 1.15 in the median and 2 at worst."""
    rows = []
    for direction, s in summary.items():
        reached = s["median"] <= 1.15 and s["worst"] <= 2
        worst = s["worst_shape"]
        where = f"{worst['shape']} K={worst['units']} |mu|<={worst['max_displacement']:g}"
        cells = [f"{s[key]:.2f}" for key in ("median", "p90", "worst")]
        verdict = "reached" if reached else "missed"
        rows.append([direction, str(s["shapes"]), *cells, verdict, where])
    header = ["chosen / best", "shapes", "median", "p90", "worst", "<= 1.15, <= 2", "worst shape"]
    cli.print_table(header, rows)


def main() -> None:
    """Draws, times, prints and writes; after each shape, so that a run cut short has results."""
    parser = cli.parser(__doc__, threads=1, rounds=5)
    parser.set_defaults(budget=3.0)
    parser.add_argument("--shapes", type=cli.positive_int, default=100, help="in the sample")
    parser.add_argument(
        "--largest", type=cli.positive_float, default=2e11, metavar="FMAS",
        help="multiply-adds of a shape, at most",
    )  # fmt: skip
    arguments = parser.parse_args()
    if arguments.largest < 1e4:
        raise cli.UserError(f"--largest: expected at least 1e4, received {arguments.largest:g}")
    out = cli.results_folder(arguments.out)
    machine.use_threads(arguments.threads)
    draws, excluded = sample(arguments.shapes, arguments.largest, arguments.seed)
    forced = engines_can_be_forced()
    if not forced:
        print(f"this op library does not read {_VARIABLE}: all columns time the same engine")
    print(f"{len(draws)} shapes; {excluded} above {arguments.largest:g} FMAs were drawn again")
    plan = Plan(arguments.rounds, arguments.budget, arguments.seed)
    report: dict[str, Any] = {
        "benchmark": "planner",
        "command": cli.command("benchmarks.planner"),
        "machine": machine.describe(arguments.threads),
        "engines_can_be_forced": forced,
        "largest": arguments.largest,
        "excluded": excluded,
        "sigma": SIGMA,
        "shapes": [],
        "summary": {},
    }
    for draw in cli.progress(draws, len(draws), "shape"):
        report["shapes"] += [time_draw(draw, direction, plan) for direction in PASSES]
        report["summary"] = summarize(report["shapes"])
        cli.write_json(out / "planner.json", report)
    print_summary(report["summary"])
    plots.planner(report, out / "planner.png")
    print(f"\nwrote {out / 'planner.json'} and {out / 'planner.png'}")


if __name__ == "__main__":
    cli.run(main)
