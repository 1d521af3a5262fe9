"""What pruning saves: a DAU layer's forward and file with a share of its units removed.

Weights are normal, displacements uniform; the units of least |w| go. Writes pruned.json to --out.

  python -m benchmarks.pruned
  python -m benchmarks.pruned --shape 1x27x27x96x256 --units 6 --removed 0.8 0.95
"""

import argparse
import dataclasses
import pathlib
import tempfile

import keras
import numpy as np
import tensorflow as tf

import dau_tf
from benchmarks import cli, machine
from benchmarks.operations import Call
from benchmarks.ratios import median_seconds, paired_ratio
from benchmarks.shapes import Shape
from benchmarks.timing import Candidate, Plan, time_interleaved


def pruned_layers(shape: Shape, units: int, shares: list[float], seed: int) -> dict:
    """Share removed -> a model of one layer; 0, all units, first."""
    rng = np.random.default_rng(seed)
    whole = keras.Sequential(
        [
            keras.Input((shape.height, shape.width, shape.channels)),
            dau_tf.DAUConv2D(shape.filters, units=units, use_bias=False),
        ]
    )
    weight = rng.normal(size=[units, shape.channels, shape.filters])
    whole.layers[0].unit_weight.assign(weight)
    size = np.abs(weight)
    models = {0.0: whole}
    for share in shares:
        threshold = float(np.quantile(size, share) / size.max())
        models[share] = dau_tf.pruning.prune_units(whole, threshold, print_fn=None)
    return models


def time_shape(shape: Shape, units: int, shares: list[float], plan: Plan) -> list[dict]:
    """Raw times, ratios to the whole layer, and sizes of files."""
    models = pruned_layers(shape, units, shares, plan.seed)
    rng = np.random.default_rng(plan.seed)
    x = tf.constant(rng.normal(size=shape.image_shape(shape.channels)), tf.float32)
    candidates = [Candidate(str(share), _forward(model, x)) for share, model in models.items()]
    samples = time_interleaved(candidates, plan, f"{shape.label}, K = {units}")
    whole = samples["0.0"].seconds
    rows = []
    for share, model in models.items():
        sample = samples[str(share)]
        ratio = paired_ratio(whole, sample.seconds)
        rows.append(
            {
                "removed": share,
                "units": dau_tf.pruning.unit_table(model)[0].units,
                "file_bytes": _file_bytes(model),
                "median_seconds": median_seconds(sample.seconds),
                "times_as_fast": ratio and dataclasses.asdict(ratio),
                **dataclasses.asdict(sample),
            }
        )
    return rows


def _forward(model: keras.Model, x: tf.Tensor) -> Call:
    call = tf.function(model.layers[0].call)
    return lambda: call(x).numpy()


def _file_bytes(model: keras.Model) -> int:
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "model.keras")
        model.save(file)
        return file.stat().st_size


def print_results(results: list[dict]) -> None:
    """The tables on the screen."""
    for result in results:
        rows = [
            [
                f"{row['removed']:.0%}",
                f"{row['units']:,}",
                f"{row['file_bytes'] / 1e6:.2f}",
                f"{1e3 * row['median_seconds']:.2f}",
                f"{row['times_as_fast']['median']:.2f}",
            ]
            for row in result["rows"]
        ]
        print(f"\n{result['label']}")
        cli.print_table(["removed", "units", "file, MB", "ms", "times as fast"], rows)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = cli.parser(__doc__, threads=1, rounds=15)
    parser.add_argument(
        "--shape", type=cli.shape, nargs="+", metavar="NxHxWxSxF", help="layers to time",
        default=[Shape.parse("16x13x13x384x384"), Shape.parse("1x27x27x96x256")],
    )  # fmt: skip
    parser.add_argument("--units", type=cli.positive_int, default=4, help="K of the whole layer")
    parser.add_argument(
        "--removed", type=cli.positive_float, nargs="+", default=[0.5, 0.75, 0.9, 0.97],
        help="shares of the units, below 1",
    )  # fmt: skip
    arguments = parser.parse_args()
    if max(arguments.removed) >= 1:
        parser.error(f"--removed: expected shares below 1, received {max(arguments.removed)}")
    return arguments


def main() -> None:
    """Times, prints, writes."""
    arguments = parse_arguments()
    out = cli.results_folder(arguments.out)
    machine.use_threads(arguments.threads)
    plan = Plan(arguments.rounds, arguments.budget, arguments.seed)
    results = [
        {
            "label": f"{shape.label}, K = {arguments.units}",
            "shape": shape.text,
            "rows": time_shape(shape, arguments.units, arguments.removed, plan),
        }
        for shape in arguments.shape
    ]
    print_results(results)
    report = {
        "benchmark": "pruned",
        "command": cli.command("benchmarks.pruned"),
        "machine": machine.describe(arguments.threads),
        "units": arguments.units,
        "results": results,
    }
    cli.write_json(out / "pruned.json", report)
    print(f"\nwrote {out / 'pruned.json'}")


if __name__ == "__main__":
    cli.run(main)
