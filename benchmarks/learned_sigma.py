"""What a learned sigma costs: one layer against a fixed sigma, a network against dense kernels.

Layers, forward and forward + backward: one sigma that stays (the layer's default, 0.5 px, and one
of the same reach as the learned ones, max_sigma), one that is learned, and one a unit. Network: a
training step of that of Sec. 4.1 with a sigma a unit (`examples.models.cifar_net`) on CIFAR's
sizes, by the compiled kernels and by dense ones. Writes learned_sigma.json to --out.

  python -m benchmarks.learned_sigma
  python -m benchmarks.learned_sigma --shape A --max-sigma 0.5 --batch 0
"""

import argparse
import dataclasses
from typing import Any

import keras
import numpy as np

import dau_tf
from benchmarks import cli, machine
from benchmarks.operations import SIGMA, Call, learned_sigma
from benchmarks.ratios import median_seconds, paired_ratio
from benchmarks.shapes import Shape
from benchmarks.timing import Candidate, Plan, time_interleaved
from examples.models.cifar_net import cifar_net

UNITS, MAX_DISPLACEMENT = 2, 4.0
PASSES = ("forward", "backward")


def time_layer(shape: Shape, max_sigma: float, backward: bool, plan: Plan) -> dict:
    """Raw times and ratios of the four layers."""

    def call(sigma: float | str, reach: float | None) -> Call:
        return learned_sigma(
            shape, UNITS, MAX_DISPLACEMENT, sigma, reach, backward=backward, seed=plan.seed
        )

    candidates = [
        Candidate("fixed", call(SIGMA, None)),
        Candidate("fixed_wide", call(max_sigma, None)),
        Candidate("shared", call(SIGMA, max_sigma)),
        Candidate("per_unit", call("per_unit", max_sigma)),
    ]
    label = f"{shape.label} {PASSES[backward]}"
    return _compared(candidates, ("fixed", "fixed_wide"), plan, label)


def time_network(batch: int, plan: Plan) -> dict:
    """Raw times and ratios of a step of the network, compiled and by dense kernels."""
    rng = np.random.default_rng(plan.seed)
    images = rng.random([batch, 32, 32, 3], np.float32)
    labels = rng.integers(10, size=batch)

    def step(dense: bool) -> Call:
        keras.utils.set_random_seed(plan.seed)
        model = cifar_net(sigma="learned")
        if dense:
            model = keras.models.clone_model(model, clone_function=_with_dense_kernels)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.01, 0.9), loss, jit_compile=False)
        return lambda: model.train_on_batch(images, labels)

    candidates = [Candidate("compiled", step(False)), Candidate("dense", step(True))]
    return _compared(candidates, ("compiled",), plan, f"network, {batch} images")


def _with_dense_kernels(layer: keras.Layer) -> keras.Layer:
    config = layer.get_config()
    if isinstance(layer, dau_tf.DAUConv2D):
        config["dense"] = True
    return type(layer).from_config(config)


def _compared(
    candidates: list[Candidate], to: tuple[str, ...], plan: Plan, label: str
) -> dict[str, Any]:
    samples = time_interleaved(candidates, plan, label)
    result: dict[str, Any] = {"label": label, "candidates": {}}
    for name, sample in samples.items():
        ratios = {other: paired_ratio(sample.seconds, samples[other].seconds) for other in to}
        result["candidates"][name] = {
            "median_seconds": median_seconds(sample.seconds),
            "times": {o: dataclasses.asdict(r) for o, r in ratios.items() if r},
            **dataclasses.asdict(sample),
        }
    return result


def print_results(results: list[dict]) -> None:
    """The tables on the screen: ms, and how many times the others."""
    for result in results:
        rows = []
        for name, candidate in result["candidates"].items():
            times = [
                f"{r['median']:.2f} ({r['p10']:.2f}-{r['p90']:.2f})"
                for r in candidate["times"].values()
            ]
            rows.append([name, f"{1e3 * candidate['median_seconds']:.1f}", *times])
        others = [f"times {o}" for o in next(iter(result["candidates"].values()))["times"]]
        print(f"\n{result['label']}")
        cli.print_table(["", "ms", *others], rows)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = cli.parser(__doc__, threads=1, rounds=9)
    parser.add_argument(
        "--shape", type=cli.shape, nargs="+", metavar="NxHxWxSxF",
        default=[Shape.parse("A"), Shape.parse("B")], help="layers to time",
    )  # fmt: skip
    parser.add_argument(
        "--max-sigma", type=cli.positive_float, default=1.0, help="largest learned sigma, pixels"
    )
    parser.add_argument("--batch", type=int, default=32, help="of the network's step; 0: none")
    return parser.parse_args()


def main() -> None:
    """Times, prints, writes."""
    arguments = parse_arguments()
    out = cli.results_folder(arguments.out)
    machine.use_threads(arguments.threads)
    plan = Plan(arguments.rounds, arguments.budget, arguments.seed)
    results = [
        time_layer(shape, arguments.max_sigma, backward, plan)
        for shape in arguments.shape
        for backward in (False, True)
    ]
    if arguments.batch > 0:
        results.append(time_network(arguments.batch, plan))
    print_results(results)
    report = {
        "benchmark": "learned_sigma",
        "command": cli.command("benchmarks.learned_sigma"),
        "machine": machine.describe(arguments.threads),
        "units": UNITS,
        "max_displacement": MAX_DISPLACEMENT,
        "max_sigma": arguments.max_sigma,
        "results": results,
    }
    cli.write_json(out / "learned_sigma.json", report)
    print(f"\nwrote {out / 'learned_sigma.json'}")


if __name__ == "__main__":
    cli.run(main)
