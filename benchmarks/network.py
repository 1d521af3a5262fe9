"""Times the examples' networks with DAU layers against the standard ones, side by side in one run.

Of each network a training step (full width, one crop, the paper's optimizer), inference of one
frame, and the peak memory of the step in a process of its own for each variant. Prints a table,
for the de-blurring network beside the targets, and writes network.json and network.png to --out.

  python -m benchmarks.network
  python -m benchmarks.network --network deeplab50 deeplab101 --crop 321 --frame 512x256
"""

import argparse
import dataclasses
import json
import pathlib
import re
import subprocess
import sys
from typing import Any

import keras

from benchmarks import cli, machine, plots
from benchmarks.networks import NETWORKS, VARIANTS, build, inference, training_step
from benchmarks.ratios import Ratio, median_seconds, paired_ratio
from benchmarks.targets import NETWORK, verdict
from benchmarks.timing import Candidate, Plan, time_interleaved

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_TARGET_THREADS = 2


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What one network is timed at; the arguments' sizes, or else the network's own."""

    network: str
    width: int
    batch: int
    crop: int
    frame: tuple[int, int]

    @staticmethod
    def of(network: str, arguments: argparse.Namespace) -> "Sizes":
        """The arguments' sizes, where they name any."""
        own = NETWORKS[network]
        return Sizes(
            network,
            arguments.width or own.width,
            arguments.batch,
            arguments.crop or own.crop,
            arguments.frame or own.frame,
        )

    def target(self, kind: str, threads: int) -> float | None:
        """What is to be reached; known for the de-blurring network at its own sizes."""
        like_the_target = (self.width, self.batch, self.crop) == (32, 1, 256)
        if kind == "inference":
            like_the_target = (self.width, self.frame) == (32, (1280, 720))
        known = self.network == "srn" and like_the_target and threads == _TARGET_THREADS
        return NETWORK[kind] if known else None


def time_network(sizes: Sizes, arguments: argparse.Namespace) -> list[dict]:
    """The results "step" and "inference": raw times of both variants, and their ratio."""
    plan = Plan(arguments.rounds, arguments.budget, arguments.seed)
    network, seed = sizes.network, arguments.seed
    models = {v: build(network, v, sizes.width, seed) for v in VARIANTS}
    width, height = sizes.frame
    calls = {
        "step": {
            v: training_step(network, m, sizes.batch, sizes.crop, seed) for v, m in models.items()
        },
        "inference": {v: inference(network, m, height, width, seed) for v, m in models.items()},
    }
    names = {
        "step": f"{network} step {sizes.batch}x{sizes.crop}x{sizes.crop}",
        "inference": f"{network} inference {width}x{height}",
    }
    results = []
    for kind, by_variant in calls.items():
        candidates = [Candidate(v, call) for v, call in by_variant.items()]
        samples = time_interleaved(candidates, plan, names[kind])
        ratio = paired_ratio(samples["standard"].seconds, samples["dau"].seconds)
        medians = {v: median_seconds(s.seconds) for v, s in samples.items()}
        raw = {v: dataclasses.asdict(s) for v, s in samples.items()}
        target = sizes.target(kind, arguments.threads)
        results.append(_result(kind, names[kind], "s", medians, ratio, target) | {"raw": raw})
    return results


def measure_memory(sizes: Sizes, arguments: argparse.Namespace) -> dict:
    """The result "memory": peak MB of a process that does two steps."""
    raw = {}
    for variant in VARIANTS:
        numbers = (sizes.width, sizes.batch, sizes.crop, arguments.threads, arguments.seed)
        command = [sys.executable, "-m", "benchmarks.network_memory", sizes.network, variant]
        command += [str(number) for number in numbers]
        done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise cli.UserError(f"{' '.join(command)} failed:\n{done.stderr}")
        raw[variant] = json.loads(done.stdout.splitlines()[-1])
    peaks = {v: r["peak_bytes"] / 1e6 for v, r in raw.items()}
    one = peaks["standard"] / peaks["dau"]
    name, target = f"{sizes.network} peak memory", sizes.target("memory", arguments.threads)
    return _result("memory", name, "MB", peaks, Ratio(one, one, one, 1), target) | {"raw": raw}


def _result(
    kind: str,
    name: str,
    unit: str,
    values: dict[str, float],
    ratio: Ratio | None,
    target: float | None,
) -> dict:
    assert ratio is not None  # every variant is timed in at least three rounds in common
    return {
        "kind": kind,
        "name": name,
        "unit": unit,
        "values": values,
        "ratio": dataclasses.asdict(ratio),
        "target": target,
        "verdict": verdict(ratio.median, target),
    }


def print_results(results: list[dict]) -> None:
    """The table on the screen."""
    rows = []
    for r in results:
        digits = 3 if r["unit"] == "s" else 0
        values = [f"{r['values'][v]:.{digits}f} {r['unit']}" for v in VARIANTS]
        ratio, target = r["ratio"], f">= {r['target']:g}" if r["target"] else ""
        spread = f"{ratio['p10']:.2f}-{ratio['p90']:.2f}"
        pairs = str(ratio["rounds"])
        median = f"{ratio['median']:.2f}"
        rows.append([r["name"], *values, median, spread, pairs, target, r["verdict"]])
    header = ["", *VARIANTS, "standard / dau", "p10-p90", "pairs", "target", ""]
    cli.print_table(header, rows)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = cli.parser(__doc__, threads=_TARGET_THREADS, rounds=9)
    parser.set_defaults(budget=60.0)
    parser.add_argument(
        "--network",
        nargs="+",
        choices=list(NETWORKS),
        default=["srn"],
        help="srn: de-blurring; deeplab50 and deeplab101: DeepLabv3+ on ResNets of these depths",
    )
    parser.add_argument(
        "--width",
        type=cli.positive_int,
        help="of the finest level; of each network its own if not given",
    )
    parser.add_argument("--batch", type=cli.positive_int, default=1, help="crops a step")
    parser.add_argument("--crop", type=cli.positive_int, help="side in pixels; as for --width")
    parser.add_argument("--frame", type=_frame, metavar="WxH", help="pixels; as for --width")
    return parser.parse_args()


def _frame(text: str) -> tuple[int, int]:
    if not re.fullmatch(r"[1-9][0-9]*x[1-9][0-9]*", text):
        raise argparse.ArgumentTypeError(f"expected WxH in pixels, received {text!r}")
    width, height = map(int, text.split("x"))
    return width, height


def main() -> None:
    """Measures memory first, while this process holds no networks; then times one by one."""
    arguments = parse_arguments()
    out = cli.results_folder(arguments.out)
    machine.use_threads(arguments.threads)
    sizes = {network: Sizes.of(network, arguments) for network in arguments.network}
    report: dict[str, Any] = {
        "benchmark": "network",
        "command": cli.command("benchmarks.network"),
        "machine": machine.describe(arguments.threads),
        "fma_peak": machine.fma_peak(arguments.threads),
        "networks": {n: dataclasses.asdict(s) for n, s in sizes.items()},
        "results": [],
    }
    memory = {n: measure_memory(s, arguments) for n, s in sizes.items()}
    for network, its_sizes in sizes.items():
        report["results"] += [*time_network(its_sizes, arguments), memory[network]]
        keras.backend.clear_session()
    print(f"{report['machine']['cpu']}, threads: {arguments.threads}\n")
    print_results(report["results"])
    cli.write_json(out / "network.json", report)
    plots.network(report, out / "network.png")
    print(f"\nwrote {out / 'network.json'} and {out / 'network.png'}")


if __name__ == "__main__":
    cli.run(main)
