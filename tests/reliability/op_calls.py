"""Random calls of the raw ops, good and bad ones: what `op_fuzz` runs."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

PASSES = ("forward", "input", "params")
DTYPES = ("float32", "float32", "float64", "float16", "bfloat16")
SPECIAL_VALUES = (np.nan, np.inf, -np.inf, 1e30, 1e-40, 3.4e38, 0.0)
# Beyond this the reference, which sees every pixel through every tap, would take hours.
SLOW_SIGMA = 10
# More elements than 2^31 and 2^63, in tensors without elements: shapes that cost no memory.
HUGE_EMPTY = (
    [2**40, 0, 2**20],
    [0, 2**40, 2**40, 2**40],
    [2**62, 0, 3],
    [2**62, 0, 3, 2],
    [2, 2**61, 0, 3],
    [0, 2**31, 2**31, 1],
)


@dataclass
class Call:
    """One call of one op; `refused`: whether it must be, None: it may be or not."""

    name: str
    inputs: dict[str, Any]
    attributes: dict[str, Any]
    refused: bool | None = False
    in_graph: bool = False
    engine: str = "auto"
    spoilt_images: set[int] = field(default_factory=set)
    note: str = ""

    def describe(self) -> str:
        """One line: the op, its attributes, shapes and dtypes."""
        inputs = {
            key: f"{value.dtype.name}{list(value.shape)}" if hasattr(value, "dtype") else value
            for key, value in self.inputs.items()
        }
        return f"{self.name} {inputs} {self.attributes} {self.engine} {self.note}"


def random_call(rng: np.random.Generator) -> Call:
    """A call that is good in half of all cases, and else bad in one or two of many ways."""
    call = good_call(rng)
    fate = rng.integers(8)
    if fate < 3:
        for _ in range(rng.integers(1, 3)):
            spoil(call, rng)
    elif fate == 3:
        spoil_values(call, rng)
    return call


def good_call(rng: np.random.Generator) -> Call:
    """Random shapes, dtypes, attributes and values that must be served."""

    def extent(most: int) -> int:
        return int(rng.integers(1, most + 1))

    learned, direction = rng.random() < 0.4, str(rng.choice(PASSES))
    dtype = tf.as_dtype(str(rng.choice(DTYPES)))
    real = dtype if dtype == tf.float64 else tf.float32
    n, h, w, s, f, k = (extent(3), extent(14), extent(14), extent(5), extent(5), extent(3))
    n = 0 if rng.random() < 0.05 else n
    valid, nchw = rng.random() < 0.3, rng.random() < 0.3
    strides = [extent(3), extent(3)] if rng.random() < 0.4 else [1, 1]
    sigma = float(rng.choice([0.3, 0.5, 0.8, 1.2]))
    reach = float(rng.choice([0.5, 2.0, 5.0, 40.0, 1e9], p=[0.3, 0.3, 0.2, 0.1, 0.1]))
    attributes = {
        "strides": strides,
        "padding": "VALID" if valid else "SAME",
        "data_format": "NCHW" if nchw else "NHWC",
        "max_displacement": 1.5 if valid else -1.0,
        "displacement_gradient": str(rng.choice(["gaussian", "exact"])),
    }
    margin = int(2 + np.ceil(3 * (1.5 if learned else sigma) - 1e-6)) if valid else 0
    if learned:
        attributes["max_sigma"] = 1.5
    elif rng.random() < 0.3:
        attributes["margin"] = margin if valid else -1
    h, w = h + 2 * margin, w + 2 * margin
    out = [-(-(h - 2 * margin) // strides[0]), -(-(w - 2 * margin) // strides[1])]

    def images(height: int, width: int, channels: int) -> tf.Tensor:
        shape = (n, channels, height, width) if nchw else (n, height, width, channels)
        return tf.cast(rng.uniform(-1, 1, shape), dtype)

    x, dy = images(h, w, s), images(*out, f)
    per_unit = learned and rng.random() < 0.5
    inputs = {
        "weight": tf.cast(rng.uniform(-1, 1, (k, s, f)), dtype),
        "displacement": tf.cast(rng.uniform(-reach, reach, (2, k, s, f)), real),
        "sigma": tf.cast(rng.uniform(0.2, 1.4, (k, s, f)) if per_unit else sigma, real),
    }
    inputs = {"input": x, **inputs}
    if direction == "input":
        inputs = {"input_sizes": tf.constant(x.shape.as_list(), tf.int32), **inputs}
        del inputs["input"]
    if direction != "forward":
        inputs["out_backprop"] = dy
    name = "dau_sigma_conv2d" if learned else "dau_conv2d"
    name += {"forward": "", "input": "_backprop_input", "params": "_backprop_params"}[direction]
    engine = str(rng.choice(["auto", "auto", "direct", "spectral", "reference"]))
    if reach > 50 and engine == "spectral":
        engine = "auto"
    return Call(name, inputs, attributes, in_graph=bool(rng.random() < 0.08), engine=engine)


def largest_sigma(call: Call) -> float:
    """Of the units, in pixels."""
    sigma = call.inputs["sigma"]
    largest = float(tf.reduce_max(tf.cast(sigma, tf.float64))) if tf.size(sigma) else 0.0
    return max(largest, call.attributes.get("max_sigma", 0.0))


def spoil(call: Call, rng: np.random.Generator) -> None:
    """Makes something wrong that the op, or TensorFlow before it, should refuse."""
    call.refused = None  # what is wrong may still be another good call
    name = str(rng.choice([key for key in call.inputs if key != "input_sizes"]))
    tensor = call.inputs[name]
    way = int(rng.integers(12))
    call.note += f" way {way} of {name}"
    if way == 0:  # another rank
        shape = tensor.shape.as_list()
        call.inputs[name] = tf.reshape(tensor, [1, *shape] if rng.random() < 0.5 else [-1])
    elif way in (1, 2) and tensor.shape.rank:  # another extent, none perhaps
        shape = tensor.shape.as_list()
        shape[rng.integers(len(shape))] = int(rng.choice([0, 1, 2, 7]))
        if max(shape) < 2**20:  # of the huge ones TensorFlow makes no other
            call.inputs[name] = tf.zeros(shape, tensor.dtype)
    elif way == 3:  # another dtype
        other = tf.as_dtype(str(rng.choice(["float32", "float64", "int32", "bfloat16"])))
        call.inputs[name] = tf.cast(tensor, other)
    elif way == 4:
        shape = HUGE_EMPTY[rng.integers(len(HUGE_EMPTY))]
        call.inputs[name] = tf.zeros(shape, tensor.dtype)
    elif way == 5:
        bad = ([0, 1], [-1, 1], [1], [1, 1, 1], [], [2**31 - 1, 2**31 - 1], [2**40, 1])
        call.attributes["strides"] = bad[rng.integers(len(bad))]
    elif way == 6:
        call.attributes["padding"] = "VALID"
        call.attributes["max_displacement"] = float(
            rng.choice([np.nan, np.inf, -1.0, 1e30, 1e18, 3.0, 0.0])
        )
    elif way == 7:
        values = [np.nan, 0.0, -1.0, np.inf, 1e30, 1e-30, 6.0, 1e5, 2e5]
        call.inputs["sigma"] = tf.fill(call.inputs["sigma"].shape, float(rng.choice(values)))
        call.inputs["sigma"] = tf.cast(call.inputs["sigma"], call.inputs["displacement"].dtype)
    elif way == 8:
        key = "max_sigma" if "sigma" in call.name else "margin"
        largest = [np.nan, -1.0, 0.0, 1e30, np.inf, 6.0, 1e5]
        values = largest if key == "max_sigma" else [7, -9, 2**62]
        call.attributes[key] = values[rng.integers(len(values))]
    elif way == 9 and "input_sizes" in call.inputs:
        bad = ([-1, 4, 4, 1], [2**31 - 1] * 4, [4, 4, 1], [], [0, 0, 0, 0], [1, 2**31 - 1, 1, 1])
        call.inputs["input_sizes"] = tf.constant(bad[rng.integers(len(bad))], tf.int32)
    elif way == 10:
        call.engine = str(rng.choice(["fast", "Direct", " "]))
    elif name != "sigma":  # non-finite displacements are refused
        call.inputs["displacement"] *= float(rng.choice([np.nan, np.inf]))
    if call.engine == "reference" and largest_sigma(call) > SLOW_SIGMA:
        call.engine = "auto"


def spoil_values(call: Call, rng: np.random.Generator) -> None:
    """Puts NaN, infinities and numbers near the ends of the range into images and weights."""
    name = str(rng.choice([key for key in ("input", "out_backprop") if key in call.inputs]))
    values = call.inputs[name].numpy()
    if values.size == 0:
        return
    call.note += f" special values in {name}"
    for _ in range(rng.integers(1, 4)):
        place = tuple(rng.integers(extent) for extent in values.shape)
        with np.errstate(over="ignore"):
            values[place] = rng.choice(SPECIAL_VALUES)
        call.spoilt_images.add(int(place[0]))
    call.inputs[name] = tf.constant(values)
