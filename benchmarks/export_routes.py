"""Exports the de-blurring network by every route, and compares sizes, times and outputs.

Weights are the initial ones. Runtimes that are not installed are named and left out.

  python -m benchmarks.export_routes
"""

import argparse
import pathlib
import tempfile

import numpy as np

from benchmarks import cli, machine
from benchmarks.networks import NETWORKS, build
from benchmarks.ratios import median_seconds
from benchmarks.runtimes import NOT_INSTALLED, RUNTIMES, Exported, Source
from benchmarks.timing import Candidate, Plan, time_interleaved


def smooth_images(seed: int, size: int) -> np.ndarray:
    """Noise [1, size, size, 3] float32 with the falling spectrum of pictures, 0..1."""
    noise = np.random.default_rng(seed).normal(size=(1, size, size, 3))
    frequencies = np.fft.fftfreq(size)
    radius = np.hypot(frequencies[:, None], frequencies)[None, :, :, None]
    spectrum = np.fft.fft2(noise, axes=(1, 2)) / (radius + 1 / size)
    images = np.fft.ifft2(spectrum, axes=(1, 2)).real
    images -= images.min()
    return (images / images.max()).astype(np.float32)


def compare(routes: dict[str, Exported], images: np.ndarray, plan: Plan) -> list[dict]:
    """Size, median time and difference from the first of `routes`, which is the reference."""
    outputs = {name: route.call(images) for name, route in routes.items()}
    expected = next(iter(outputs.values()))
    largest = np.abs(expected).max()
    candidates = [Candidate(n, lambda r=r: r.call(images)) for n, r in routes.items()]  # type: ignore[misc]
    samples = time_interleaved(candidates, plan, "export")
    return [
        {
            "route": name,
            "bytes": route.bytes,
            "seconds": median_seconds(samples[name].seconds),
            "largest_difference": float(np.abs(outputs[name] - expected).max() / largest),
            "rms_difference": float(np.sqrt(np.mean((outputs[name] - expected) ** 2)) / largest),
        }
        for name, route in routes.items()
    ]


def print_results(results: list[dict], missing: dict[str, str]) -> None:
    """The table, and what is not in it."""
    rows = [
        [
            result["route"],
            f"{result['bytes'] / 1e3:,.0f}",
            f"{1e3 * result['seconds']:.1f}",
            f"{result['largest_difference']:.1e}",
            f"{result['rms_difference']:.1e}",
        ]
        for result in results
    ]
    cli.print_table(["route", "kB", "ms", "largest difference", "rms"], rows)
    for name, why in missing.items():
        print(f"{name}: {why}")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = cli.parser(__doc__, threads=1, rounds=9)
    parser.add_argument("--width", type=cli.positive_int, default=8, help="of the network")
    parser.add_argument("--size", type=cli.positive_int, default=256, help="of the image, pixels")
    return parser.parse_args()


def main() -> None:
    """Exports, times, prints, writes."""
    arguments = parse_arguments()
    out = cli.results_folder(arguments.out)
    machine.use_threads(arguments.threads)
    seeds = iter(range(arguments.seed + 1, 1 << 31))
    routes, missing = {}, {}
    model = NETWORKS["srn"].inference(build("srn", "dau", arguments.width, arguments.seed))
    with tempfile.TemporaryDirectory() as folder:
        source = Source.of(
            model,
            lambda: smooth_images(next(seeds), arguments.size),
            pathlib.Path(folder),
            arguments.threads,
        )
        for name, (export, packages) in RUNTIMES.items():
            try:
                routes[name] = export(source)
            except ImportError:
                missing[name] = NOT_INSTALLED.format(packages)
        plan = Plan(arguments.rounds, arguments.budget, arguments.seed)
        results = compare(routes, smooth_images(arguments.seed, arguments.size), plan)
    print_results(results, missing)
    report = {
        "benchmark": "export_routes",
        "command": cli.command("benchmarks.export_routes"),
        "machine": machine.describe(arguments.threads),
        "results": results,
        "missing": missing,
    }
    cli.write_json(out / "export_routes.json", report)


if __name__ == "__main__":
    cli.run(main)
