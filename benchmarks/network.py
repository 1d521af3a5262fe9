"""Times DAU-SRN-DeblurNet against the standard one, side by side in one run, at two threads.

A training step (width 32, one 256x256 crop, the paper's optimizer), inference of one 1280x720
frame, and the peak memory of the step in a process of its own for each variant. Prints a table
beside the targets, and writes network.json and network.png to --out.

  python -m benchmarks.network
  python -m benchmarks.network --width 16 --crop 128 --frame 640x360
"""

import argparse
import dataclasses
import json
import pathlib
import re
import subprocess
import sys
from typing import Any

from benchmarks import cli, machine, plots
from benchmarks.networks import VARIANTS, build, inference, training_step
from benchmarks.ratios import Ratio, median_seconds, paired_ratio
from benchmarks.targets import NETWORK, verdict
from benchmarks.timing import Candidate, Plan, time_interleaved

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_TARGET_THREADS = 2


def time_networks(arguments: argparse.Namespace) -> list[dict]:
    """The results "step" and "inference": raw times of both variants, and their ratio."""
    plan = Plan(arguments.rounds, arguments.budget, arguments.seed)
    models = {v: build(v, arguments.width, arguments.seed) for v in VARIANTS}
    width, height = arguments.frame
    calls = {
        "step": {
            v: training_step(m, arguments.batch, arguments.crop, arguments.seed)
            for v, m in models.items()
        },
        "inference": {v: inference(m, height, width, arguments.seed) for v, m in models.items()},
    }
    names = {
        "step": f"step {arguments.batch}x{arguments.crop}x{arguments.crop}",
        "inference": f"inference {width}x{height}",
    }
    results = []
    for kind, by_variant in calls.items():
        candidates = [Candidate(v, call) for v, call in by_variant.items()]
        samples = time_interleaved(candidates, plan, names[kind])
        ratio = paired_ratio(samples["standard"].seconds, samples["dau"].seconds)
        medians = {v: median_seconds(s.seconds) for v, s in samples.items()}
        raw = {v: dataclasses.asdict(s) for v, s in samples.items()}
        results.append(_result(kind, names[kind], "s", medians, ratio, arguments) | {"raw": raw})
    return results


def measure_memory(arguments: argparse.Namespace) -> dict:
    """The result "memory": peak MB of a process that does two steps."""
    raw = {}
    for variant in VARIANTS:
        numbers = ("width", "batch", "crop", "threads", "seed")
        command = [sys.executable, "-m", "benchmarks.network_memory", variant]
        command += [str(getattr(arguments, name)) for name in numbers]
        done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise cli.UserError(f"{' '.join(command)} failed:\n{done.stderr}")
        raw[variant] = json.loads(done.stdout.splitlines()[-1])
    peaks = {v: r["peak_bytes"] / 1e6 for v, r in raw.items()}
    one = peaks["standard"] / peaks["dau"]
    ratio = Ratio(one, one, one, 1)
    return _result("memory", "peak memory of the step", "MB", peaks, ratio, arguments) | {
        "raw": raw
    }


def _result(
    kind: str,
    name: str,
    unit: str,
    values: dict[str, float],
    ratio: Ratio | None,
    arguments: argparse.Namespace,
) -> dict:
    assert ratio is not None  # every variant is timed in at least three rounds in common
    like_the_target = (arguments.width, arguments.batch, arguments.crop) == (32, 1, 256)
    if kind == "inference":
        like_the_target = arguments.width == 32 and arguments.frame == (1280, 720)
    target = NETWORK[kind] if like_the_target and arguments.threads == _TARGET_THREADS else None
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
    parser.add_argument("--width", type=cli.positive_int, default=32, help="of the finest level")
    parser.add_argument("--batch", type=cli.positive_int, default=1, help="crops a step")
    parser.add_argument("--crop", type=cli.positive_int, default=256, help="side in pixels")
    parser.add_argument("--frame", type=_frame, default=(1280, 720), metavar="WxH", help="pixels")
    return parser.parse_args()


def _frame(text: str) -> tuple[int, int]:
    if not re.fullmatch(r"[1-9][0-9]*x[1-9][0-9]*", text):
        raise argparse.ArgumentTypeError(f"expected WxH in pixels, received {text!r}")
    width, height = map(int, text.split("x"))
    return width, height


def main() -> None:
    """Measures memory first, while this process holds no networks; then times."""
    arguments = parse_arguments()
    out = cli.results_folder(arguments.out)
    machine.use_threads(arguments.threads)
    report: dict[str, Any] = {
        "benchmark": "network",
        "command": cli.command("benchmarks.network"),
        "machine": machine.describe(arguments.threads),
        "fma_peak": machine.fma_peak(arguments.threads),
        "width": arguments.width,
        "results": [measure_memory(arguments)],
    }
    report["results"] = [*time_networks(arguments), *report["results"]]
    print(f"{report['machine']['cpu']}, threads: {arguments.threads}, width {arguments.width}\n")
    print_results(report["results"])
    cli.write_json(out / "network.json", report)
    plots.network(report, out / "network.png")
    print(f"\nwrote {out / 'network.json'} and {out / 'network.png'}")


if __name__ == "__main__":
    cli.run(main)
