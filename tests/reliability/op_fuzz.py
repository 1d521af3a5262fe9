"""Calls the ops at random and holds every result to the reference, every refusal to an exception.

    python -m tests.reliability.op_fuzz --calls 10000 --seed 1

A call that crashes the process leaves its line in --log.
"""

import argparse
import collections
import faulthandler
import os
from pathlib import Path

import numpy as np
import tensorflow as tf

from dau_tf.ops import loader
from tests.reliability import op_calls

# What a caller may see of a call that is refused.
REFUSALS = (
    tf.errors.InvalidArgumentError,
    tf.errors.ResourceExhaustedError,
    tf.errors.NotFoundError,  # no kernel for these dtypes
    tf.errors.UnimplementedError,
    ValueError,
    TypeError,
)
# Of a sum of n terms, as in tests/cc/kernels/scales.h: 4·√(n + 9) roundings of their 2-norm,
# which is at most √n times the largest.
ROUNDINGS = 4


def run(call: op_calls.Call) -> list[np.ndarray]:
    """The call's outputs."""
    op = getattr(loader.load_library(), call.name)
    os.environ["DAU_ENGINE"] = call.engine
    if call.in_graph:
        result = tf.function(lambda: op(**call.inputs, **call.attributes))()
    else:
        result = op(**call.inputs, **call.attributes)
    outputs = result if isinstance(result, (tuple, list)) else [result]
    return [output.numpy() for output in outputs]


def in_double(call: op_calls.Call) -> list[np.ndarray]:
    """The same by the reference in float64."""
    inputs = {
        name: value if name == "input_sizes" else tf.cast(value, tf.float64)
        for name, value in call.inputs.items()
    }
    return run(op_calls.Call(call.name, inputs, call.attributes, engine="reference"))


def bounds(call: op_calls.Call) -> list[float]:
    """For each output what its terms, and the roundings of their sum, add up to at most."""

    def largest(name: str) -> float:
        value = tf.cast(call.inputs[name], tf.float64)
        return float(np.abs(value.numpy()).max(initial=0))

    units, channels, filters = call.inputs["weight"].shape
    if call.name.endswith("input"):
        return [largest("weight") * largest("out_backprop") * (units * filters + 9)]
    if not call.name.endswith("params"):
        return [largest("weight") * largest("input") * (units * channels + 9)]
    pixels = call.inputs["out_backprop"].shape.num_elements() / filters
    of_weight = largest("input") * largest("out_backprop") * (pixels + 9)
    # The taps of a derivative add up to less than 4/sigma, differences of neighbours to 2.
    of_unit = (
        of_weight * largest("weight") * max(2.0, 4 / float(tf.reduce_min(call.inputs["sigma"])))
    )
    return [of_weight, of_unit, of_unit * units * channels * filters]


def check_values(call: op_calls.Call, outputs: list[np.ndarray]) -> str:
    """Fails where an output is not the reference's; says whether there was one."""
    if op_calls.largest_sigma(call) > op_calls.SLOW_SIGMA:
        return "without reference"
    try:
        expected = in_double(call)
    except tf.errors.ResourceExhaustedError:  # it keeps planes that reach 3 sigma beyond the image
        return "without reference"
    for actual, wanted, bound in zip(outputs, expected, bounds(call), strict=False):
        assert actual.shape == wanted.shape, f"shape {actual.shape}, expected {wanted.shape}"
        info = tf.as_dtype(actual.dtype)
        computed = np.finfo(np.float64).eps if info == tf.float64 else 2.0**-23
        stored = {"float16": 2.0**-11, "bfloat16": 2.0**-8}.get(info.name, 0.0)
        least = {"float16": 2.0**-24, "float64": 0.0}.get(info.name, 1e-37)
        allowed = ROUNDINGS * computed * bound + stored * np.abs(wanted) + least
        error = np.abs(actual.astype(np.float64) - wanted)
        wrong = ~(error <= allowed)  # NaN is
        assert not wrong.any(), f"{actual[wrong]} {info.name}, expected {wanted[wrong]} ± {allowed}"
    return "right"


def check_neighbours(call: op_calls.Call, outputs: list[np.ndarray]) -> None:
    """Fails where an image has other bits than with zeros in the images that are spoilt."""
    if call.name.endswith("params"):
        return
    name = "out_backprop" if call.name.endswith("input") else "input"
    values = call.inputs[name].numpy()
    values[sorted(call.spoilt_images)] = 0
    inputs = {**call.inputs, name: tf.constant(values)}
    clean = run(op_calls.Call(call.name, inputs, call.attributes, engine=call.engine))[0]
    for image in set(range(len(clean))) - call.spoilt_images:
        assert outputs[0][image].tobytes() == clean[image].tobytes(), f"image {image} was reached"


def check(call: op_calls.Call) -> str:
    """What became of the call, in a word; raises AssertionError where that is wrong."""
    outputs, refusal = [], None
    try:
        outputs = run(call)
    except REFUSALS as error:
        refusal = error
    if refusal is not None:
        assert call.refused is not False, f"refused: {refusal}"
        assert len(str(refusal)) > 20, f"a refusal that says nothing: {refusal}"
        return type(refusal).__name__
    assert call.refused is not True, "not refused"
    if call.spoilt_images:
        check_neighbours(call, outputs)
        return "neighbours kept"
    return check_values(call, outputs)


def fuzz(calls: int, seed: int, first: int = 0, log: Path | None = None) -> dict[str, int]:
    """Checks calls `first`, `first` + 1, …; counts what became of them."""
    counts: collections.Counter[str] = collections.Counter()
    for i in range(first, first + calls):
        call = op_calls.random_call(np.random.default_rng([seed, i]))
        if log is not None:
            log.write_text(f"call {i}: {call.describe()}\n")
        try:
            counts[check(call)] += 1
        except AssertionError as error:
            raise AssertionError(f"call {i} of seed {seed}: {error}\n{call.describe()}") from error
    return dict(counts.most_common())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first call")
    parser.add_argument("--log", type=Path, help="file for the call that is running")
    arguments = parser.parse_args()
    faulthandler.enable()
    counts = fuzz(arguments.calls, arguments.seed, arguments.first, arguments.log)
    print(f"{sum(counts.values())} calls: {counts}")


if __name__ == "__main__":
    main()
