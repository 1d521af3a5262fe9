"""Times one DAU layer against what a user would pick instead, side by side in one run.

Complete calls through TensorFlow: forward, and forward + backward (gradients of images, weights
and displacements; of images and kernels for convolutions) with `displacement_gradient` exact and
gaussian. Rivals: tf.nn.conv2d 3x3 and 5x5, the dense kernel of the same reach (9x9 for |mu| <= 4),
and the package dcls where it is installed (the extra `bench`).

Prints a table of paired ratios beside their targets, and writes layer.json and layer.png to --out.

  python -m benchmarks.layer
  python -m benchmarks.layer --shape C2 --units 2 --against conv3x3 conv5x5
  python -m benchmarks.layer --shape 4x56x56x64x64 --max-displacement 8 --threads 2
"""

import argparse
import dataclasses
import itertools
from typing import Any

from benchmarks import cli, machine, plots
from benchmarks.dcls_operation import NOT_INSTALLED, available, dcls
from benchmarks.operations import GRADIENTS, SIGMA, conv, dau
from benchmarks.ratios import median_seconds, paired_ratio
from benchmarks.shapes import Shape, reach
from benchmarks.targets import BACKWARD, FORWARD, layer_target, verdict
from benchmarks.timing import Candidate, Plan, Samples, time_interleaved

RIVALS = ("conv3x3", "conv5x5", "dense", "dcls")
# One call of dcls with 33 x 33 kernels takes 10 to 40 s on the shapes of the table.
_DCLS_MAX_DISPLACEMENT = 8.0


@dataclasses.dataclass(frozen=True)
class Ours:
    """A DAU layer, and the name it has in tables."""

    units: int
    max_displacement: float
    gradient: str | None

    @property
    def name(self) -> str:
        """Such as "dau K=2 |mu|<=4 exact"."""
        name = f"dau K={self.units} |mu|<={self.max_displacement:g}"
        return f"{name} {self.gradient}" if self.gradient else name


@dataclasses.dataclass(frozen=True)
class Rival:
    """What a DAU layer is compared with.

    Args:
        kind: one of RIVALS.
        size: side of the kernel, pixels.
        units, max_displacement: for dcls, whose time depends on them.
    """

    kind: str
    size: int
    units: int = 0
    max_displacement: float = 0.0

    @property
    def target_name(self) -> str:
        """As the targets call it: "conv3x3", "dense9x9", "dcls9x9"."""
        stem = "conv" if self.kind.startswith("conv") else self.kind
        return f"{stem}{self.size}x{self.size}"

    @property
    def name(self) -> str:
        """Unique among those timed together."""
        return f"{self.target_name} K={self.units}" if self.units else self.target_name


def rival_of(kind: str, ours: Ours) -> Rival:
    """The rival of a kind that fits a DAU layer."""
    if kind in ("conv3x3", "conv5x5"):
        return Rival(kind, int(kind[-1]))
    size = reach(ours.max_displacement)
    if kind == "dense":
        return Rival(kind, size)
    return Rival(kind, size, ours.units, ours.max_displacement)


def time_shape(
    shape: Shape, backward: bool, arguments: argparse.Namespace, against: list[str]
) -> dict:
    """Times all candidates of one shape and pass together.

    Args:
        shape: images and channels.
        backward: forward + backward, else forward.
        arguments: of the command line.
        against: the rivals' kinds, without those that cannot be timed.

    Returns:
        The part of layer.json for this shape and pass.
    """
    direction = BACKWARD if backward else FORWARD
    gradients = GRADIENTS if backward else (None,)
    layers = [
        Ours(units, limit, gradient)
        for limit, units, gradient in itertools.product(
            arguments.max_displacement, arguments.units, gradients
        )
    ]
    pairs = [
        (ours, rival_of(kind, ours))
        for ours in layers
        for kind in against
        if kind != "dcls"
        or arguments.against is not None
        or ours.max_displacement <= _DCLS_MAX_DISPLACEMENT
    ]
    seed = arguments.seed
    candidates = [
        Candidate(o.name, dau(shape, o.units, o.max_displacement, o.gradient, seed)) for o in layers
    ]
    for rival in dict.fromkeys(rival for _, rival in pairs):
        if rival.kind == "dcls":
            call = dcls(
                shape, rival.units, rival.max_displacement, backward, arguments.threads, seed
            )
        else:
            call = conv(shape, rival.size, backward, seed)
        candidates.append(Candidate(rival.name, call))
    plan = Plan(arguments.rounds, arguments.budget, seed)
    peak = machine.fma_peak(arguments.threads)
    samples = time_interleaved(candidates, plan, f"{shape.label} {direction}")
    peak_after = machine.fma_peak(arguments.threads)
    return {
        "shape": shape.text,
        "label": shape.label,
        "pass": direction,
        "fma_peak": [peak, peak_after],
        "candidates": _candidates(shape, layers, pairs, samples, backward, peak, peak_after),
        "comparisons": [
            _comparison(shape, ours, rival, direction, samples, arguments.threads)
            for ours, rival in pairs
        ],
    }


def _candidates(
    shape: Shape,
    layers: list[Ours],
    pairs: list[tuple[Ours, Rival]],
    samples: dict[str, Samples],
    backward: bool,
    *peaks: dict,
) -> dict[str, dict]:
    """Medians and raw times by name.

    "of_peak" is the rate of the obvious algorithm (4 taps a unit, size^2 a kernel, three times
    that for forward + backward) as a fraction of the peak: above 1 where fewer operations are done.
    """
    taps = {ours.name: 4 * ours.units for ours in layers}
    taps |= {rival.name: rival.size**2 for _, rival in pairs}
    peak = max(p["gfma_per_second"] for p in peaks) * 1e9
    result = {}
    for name, sample in samples.items():
        median = median_seconds(sample.seconds)
        work = shape.multiply_adds(taps[name]) * (3 if backward else 1)
        result[name] = {
            "median_seconds": median,
            "of_peak": work / median / peak,
            **dataclasses.asdict(sample),
        }
    return result


def _comparison(
    shape: Shape,
    ours: Ours,
    rival: Rival,
    direction: str,
    samples: dict[str, Samples],
    threads: int,
) -> dict:
    ratio = paired_ratio(samples[rival.name].seconds, samples[ours.name].seconds)
    target = None
    if threads == 1:
        target = layer_target(
            rival.target_name, ours.units, ours.max_displacement, direction, shape.name
        )
    return {
        "ours": ours.name,
        "against": rival.name,
        "ratio": dataclasses.asdict(ratio) if ratio else None,
        "target": target,
        "verdict": verdict(ratio.median if ratio else None, target),
    }


def print_case(case: dict) -> None:
    """The times of one shape and pass, and how many times faster ours is than each rival."""
    rates = [p["gfma_per_second"] for p in case["fma_peak"]]
    print(
        f"\n{case['label']}, {case['pass']}; "
        f"peak {rates[0]:.0f} and {rates[1]:.0f} GFMA/s ({case['fma_peak'][0]['method']})"
    )
    rows = [
        [name, f"{1e3 * c['median_seconds']:.2f}", f"{c['of_peak']:.2f}",
         str(sum(s is not None for s in c["seconds"]))]
        for name, c in case["candidates"].items()
    ]  # fmt: skip
    cli.print_table(["", "ms", "of peak", "rounds"], rows)
    rows = []
    for comparison in case["comparisons"]:
        ratio, target = comparison["ratio"], comparison["target"]
        rows.append([
            f"{comparison['ours']} against {comparison['against']}",
            f"{ratio['median']:.2f}" if ratio else "-",
            f"{ratio['p10']:.2f}-{ratio['p90']:.2f}" if ratio else "-",
            str(ratio["rounds"]) if ratio else "0",
            f">= {target:g}" if target else "",
            comparison["verdict"],
        ])  # fmt: skip
    print()
    cli.print_table(["times faster", "median", "p10-p90", "pairs", "target", ""], rows)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = cli.parser(__doc__, threads=1, rounds=15)
    parser.add_argument(
        "--shape", type=cli.shape, nargs="+", metavar="NxHxWxSxF",
        default=[Shape.parse(name) for name in ("A", "B", "C1", "C2")],
        help="images, height, width, channels, filters; A, B, C1, C2 are those of the targets",
    )  # fmt: skip
    parser.add_argument("--units", type=cli.positive_int, nargs="+", default=[2, 6], help="K")
    parser.add_argument(
        "--max-displacement", type=cli.displacement, nargs="+", default=[4.0, 16.0],
        help="pixels; displacements are uniform within; dcls is left out above 8 unless asked for",
    )  # fmt: skip
    parser.add_argument("--against", choices=RIVALS, nargs="+", help="rivals; default: all")
    parser.add_argument(
        "--passes", choices=["forward", "backward"], nargs="+", default=["forward", "backward"],
        help="backward is forward + backward",
    )  # fmt: skip
    arguments = parser.parse_args()
    for name in ("shape", "units", "max_displacement", "passes"):
        setattr(arguments, name, list(dict.fromkeys(getattr(arguments, name))))
    return arguments


def main() -> None:
    """Times, prints and writes; after each shape, so that a run cut short has results."""
    arguments = parse_arguments()
    out = cli.results_folder(arguments.out)
    machine.use_threads(arguments.threads)
    against = list(dict.fromkeys(arguments.against or RIVALS))
    missing = {}
    if "dcls" in against and not available():
        missing["dcls"] = NOT_INSTALLED
        against.remove("dcls")
    report: dict[str, Any] = {
        "benchmark": "layer",
        "command": cli.command("benchmarks.layer"),
        "machine": machine.describe(arguments.threads),
        "rounds": arguments.rounds,
        "seed": arguments.seed,
        "sigma": SIGMA,
        "missing": missing,
        "cases": [],
    }
    print(f"{report['machine']['cpu']}, threads: {arguments.threads}, sigma {SIGMA}")
    for shape, direction in itertools.product(arguments.shape, arguments.passes):
        case = time_shape(shape, direction == "backward", arguments, against)
        report["cases"].append(case)
        cli.write_json(out / "layer.json", report)
        print_case(case)
        for name, why in missing.items():
            print(f"against {name}: {why}")
    plots.layer(report, out / "layer.png")
    print(f"\nwrote {out / 'layer.json'} and {out / 'layer.png'}")


if __name__ == "__main__":
    cli.run(main)
