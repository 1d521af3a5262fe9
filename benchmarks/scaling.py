"""How the time of one DAU layer grows: in K, in displacement, in pixels and in channels.

Each study changes one quantity of 1x64x64 64->64, K = 2, |mu| <= 4. A 3x3 convolution of the same
channels is timed beside it, and in the displacement's study the dense kernel of the same reach.
Writes scaling.json and scaling.png to --out.

  python -m benchmarks.scaling
  python -m benchmarks.scaling --study units displacement --base 8x32x32x192x192
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import cli, machine, plots
from benchmarks.operations import SIGMA, conv, dau
from benchmarks.ratios import median_seconds, paired_ratio
from benchmarks.shapes import Shape, reach
from benchmarks.timing import Candidate, Plan, time_interleaved

UNITS, MAX_DISPLACEMENT = 2, 4.0


@dataclasses.dataclass(frozen=True)
class Point:
    """A layer to time."""

    shape: Shape
    units: int = UNITS
    max_displacement: float = MAX_DISPLACEMENT


@dataclasses.dataclass(frozen=True)
class Study:
    """What changes, its values, and how a value makes a point.

    Args:
        quantity: label of the axis.
        values: of the quantity.
        point: (shape to start from, value) -> what to time.
        dense: time the dense kernel of the same reach as well.
    """

    quantity: str
    values: Sequence[float]
    point: Callable[[Shape, float], Point]
    dense: bool = False


def _square(base: Shape, pixels: float) -> Shape:
    side = round(pixels**0.5)
    return dataclasses.replace(base, images=1, height=side, width=side)


def _channels(base: Shape, channels: float) -> Shape:
    return dataclasses.replace(base, channels=int(channels), filters=int(channels))


STUDIES = {
    "units": Study("units K", (1, 2, 3, 4, 6, 8), lambda s, v: Point(s, units=int(v))),
    "displacement": Study(
        "largest |displacement|, pixels", (0.5, 1, 2, 4, 8, 16, 32),
        lambda s, v: Point(s, max_displacement=v), dense=True,
    ),
    "pixels": Study(
        "pixels H x W", [side**2 for side in (8, 16, 32, 64, 128, 256, 512)],
        lambda s, v: Point(_square(s, v)),
    ),
    "channels": Study(
        "channels S = F", (8, 16, 32, 64, 128, 256, 512), lambda s, v: Point(_channels(s, v))
    ),
}  # fmt: skip


# Pixels of displacement up to which dense kernels are timed backward too: TensorFlow takes 23 s for
# one call at 8.
_DENSE_BACKWARD = 4


def time_point(point: Point, dense: bool, backward: bool, plan: Plan) -> dict:
    """Times ours, 3x3 and, if `dense`, the kernel of the same reach; raw times and ratios."""
    gradient = "gaussian" if backward else None
    limit, seed = point.max_displacement, plan.seed
    candidates = [
        Candidate("dau", dau(point.shape, point.units, limit, gradient, seed)),
        Candidate("conv3x3", conv(point.shape, 3, backward, seed)),
    ]
    if dense:
        candidates.append(Candidate("dense", conv(point.shape, reach(limit), backward, seed)))
    label = f"{point.shape.label} K={point.units} |mu|<={limit:g}"
    samples = time_interleaved(candidates, plan, label)
    result = {}
    for name, sample in samples.items():
        ratio = paired_ratio(sample.seconds, samples["dau"].seconds)
        result[name] = {
            "median_seconds": median_seconds(sample.seconds),
            "times_dau": dataclasses.asdict(ratio) if ratio else None,
            **dataclasses.asdict(sample),
        }
    return result


def run_study(name: str, base: Shape, largest: float, plan: Plan) -> dict:
    """One study's part of scaling.json; its table on the screen."""
    study = STUDIES[name]
    names = ["dau", "conv3x3", *(["dense"] if study.dense else [])]
    points, rows = [], []
    for value in study.values:
        point = study.point(base, value)
        if point.shape.multiply_adds(9) > largest:
            continue
        cells = [f"{value:g}"]
        for direction in ("forward", "backward"):
            backward = direction == "backward"
            dense = study.dense and not (backward and point.max_displacement > _DENSE_BACKWARD)
            timed = time_point(point, dense, backward, plan)
            points.append({"value": value, "pass": direction, "candidates": timed})
            cells += [
                f"{1e3 * timed[n]['median_seconds']:.2f}" if n in timed else "" for n in names
            ]
        rows.append(cells)
    print(f"\n{study.quantity}, from {base.label}: ms")
    cli.print_table(["", *names, *[f"{n} f+b" for n in names]], rows)
    fixed = [base.label, f"K={UNITS}", f"|mu|<={MAX_DISPLACEMENT:g}"]
    return {
        "study": name,
        "quantity": study.quantity,
        "fixed": "from " + ", ".join(fixed),
        "names": names,
        "points": points,
    }


def main() -> None:
    """Runs the studies; writes after each."""
    parser = cli.parser(__doc__, threads=1, rounds=9)
    parser.add_argument("--study", choices=STUDIES, nargs="+", default=list(STUDIES))
    parser.add_argument(
        "--base", type=cli.shape, default=Shape.parse("1x64x64x64x64"), metavar="NxHxWxSxF",
        help="the layer that each study starts from",
    )  # fmt: skip
    parser.add_argument(
        "--largest", type=cli.positive_float, default=2e10, metavar="FMAS",
        help="leave out points whose 3x3 convolution has more multiply-adds",
    )  # fmt: skip
    arguments = parser.parse_args()
    out = cli.results_folder(arguments.out)
    machine.use_threads(arguments.threads)
    plan = Plan(arguments.rounds, arguments.budget, arguments.seed)
    report: dict[str, Any] = {
        "benchmark": "scaling",
        "command": cli.command("benchmarks.scaling"),
        "machine": machine.describe(arguments.threads),
        "fma_peak": machine.fma_peak(arguments.threads),
        "sigma": SIGMA,
        "studies": [],
    }
    for name in dict.fromkeys(arguments.study):
        report["studies"].append(run_study(name, arguments.base, arguments.largest, plan))
        cli.write_json(out / "scaling.json", report)
    plots.scaling(report, out / "scaling.png")
    print(f"\nwrote {out / 'scaling.json'} and {out / 'scaling.png'}")


if __name__ == "__main__":
    cli.run(main)
