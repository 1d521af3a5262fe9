"""The layers to time, each as a call without arguments that computes everything and returns.

forward   y
backward  y and, for a given dy, the gradients of the images and of all parameters
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

import dau_tf
from benchmarks.shapes import Shape

Call = Callable[[], object]

SIGMA = 0.5
GRADIENTS = ("exact", "gaussian")


def dau(
    shape: Shape,
    units: int,
    max_displacement: float,
    gradient: str | None,
    seed: int,
) -> Call:
    """`dau_tf.dau_conv2d`; forward, or with `gradient` ("exact", "gaussian") the gradients too."""
    rng = np.random.default_rng(seed)
    parameters = [units, shape.channels, shape.filters]
    displacement = rng.uniform(-max_displacement, max_displacement, [2, *parameters])
    x, w = _normal(rng, shape.image_shape(shape.channels)), _normal(rng, parameters)
    mu = tf.Variable(displacement, dtype=tf.float32)

    def forward() -> tf.Tensor:
        return dau_tf.dau_conv2d(
            x, w, mu, SIGMA,
            max_displacement=max_displacement, displacement_gradient=gradient or "gaussian",
        )  # fmt: skip

    return _call(forward, [x, w, mu], shape, rng, gradient is not None)


def learned_sigma(
    shape: Shape,
    units: int,
    max_displacement: float,
    sigma: float | str,
    max_sigma: float | None,
    *,
    backward: bool,
    seed: int,
) -> Call:
    """`dau_tf.dau_conv2d` with a sigma that is fixed, or with `max_sigma` learned.

    Args:
        shape: of the layer.
        units: K.
        max_displacement: displacements are uniform within it, pixels.
        sigma: one for all units, or "per_unit": one each, uniform in 0.3 to 1 of max_sigma.
        max_sigma: None for a sigma that gets no gradient.
        backward: the gradients too, "gaussian".
        seed: of all arrays.
    """
    rng = np.random.default_rng(seed)
    parameters = [units, shape.channels, shape.filters]
    displacement = rng.uniform(-max_displacement, max_displacement, [2, *parameters])
    x, w = _normal(rng, shape.image_shape(shape.channels)), _normal(rng, parameters)
    mu = tf.Variable(displacement, dtype=tf.float32)
    if isinstance(sigma, str):
        assert max_sigma is not None
        widths = tf.Variable(max_sigma * rng.uniform(0.3, 1, parameters), dtype=tf.float32)
    else:
        widths = tf.Variable(sigma, dtype=tf.float32)
    variables = [x, w, mu] if max_sigma is None else [x, w, mu, widths]

    def forward() -> tf.Tensor:
        return dau_tf.dau_conv2d(
            x, w, mu, widths, max_displacement=max_displacement, max_sigma=max_sigma
        )

    return _call(forward, variables, shape, rng, backward)


def conv(shape: Shape, size: int, backward: bool, seed: int) -> Call:
    """`tf.nn.conv2d` with size x size kernels."""
    rng = np.random.default_rng(seed)
    x = _normal(rng, shape.image_shape(shape.channels))
    kernel = _normal(rng, [size, size, shape.channels, shape.filters])
    return _call(lambda: tf.nn.conv2d(x, kernel, 1, "SAME"), [x, kernel], shape, rng, backward)


def _normal(rng: np.random.Generator, shape: Sequence[int]) -> tf.Variable:
    # A variable: TensorFlow may compute with a constant when it optimizes the graph.
    return tf.Variable(rng.standard_normal(shape, np.float32))


def _call(
    forward: Callable[[], tf.Tensor],
    variables: list[tf.Variable],
    shape: Shape,
    rng: np.random.Generator,
    backward: bool,
) -> Call:
    dy = _normal(rng, shape.image_shape(shape.filters)) if backward else None

    # One number of each result leaves the graph: what nobody asks for is pruned, and copying all
    # of it to Python would be timed.
    def compute() -> tf.Tensor:
        if dy is None:
            return _first(forward())
        with tf.GradientTape() as tape:
            y = forward()
        return tf.add_n([_first(t) for t in (y, *tape.gradient(y, variables, dy))])

    function = tf.function(compute).get_concrete_function()
    return lambda: function().numpy()


def _first(tensor: tf.Tensor) -> tf.Tensor:
    return tf.reshape(tensor, [-1])[0]
