"""What the DAU layers of a network cost: counted (Eq. 17) and measured.

A dense kernel that holds the same units, of the general form (Eq. 2-10), takes side^2
multiply-adds for each pixel, channel and filter, side = 2 (ceil(max |mu|) + ceil(3 sigma)) + 1; the
displaced form (Eq. 11-14) four a unit. Their ratio is the speed-up

    gamma = side^2 / (4 units of a pair)
"""

import dataclasses
import time

import keras
import numpy as np
import tensorflow as tf

from dau_tf.analysis.layer_units import layer_units
from dau_tf.layers import DAUConv2D
from dau_tf.ops import geometry


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """What a layer costs.

    Args:
        name: Name of the layer.
        units: Units of a (channel, filter) pair, on average.
        side: Side of the dense kernel that holds them, pixels.
        gamma: Multiply-adds of that kernel over those of the displaced form.
        milliseconds: Of a forward pass of one image, measured; None where it was not.

    Example:
        >>> LayerCost("dau", 2.0, 13, 169 / 8, None).gamma
        21.125
    """

    name: str
    units: float
    side: int
    gamma: float
    milliseconds: float | None


def layer_costs(model: keras.Model, *, repeats: int = 5, size: int = 64) -> list[LayerCost]:
    """Counts and measures the forward pass of each DAU layer, one image at a time.

    Args:
        model: A built model.
        repeats: The fastest of so many calls counts; 0 for no measurement.
        size: Height and width in pixels where the model leaves a layer's input open.

    Returns:
        One entry a layer.

    Example:
        >>> import dau_tf
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), dau_tf.DAUConv2D(4, units=2)])
        >>> cost = layer_costs(model, repeats=0)[0]
        >>> cost.gamma == cost.side**2 / 8
        True
    """
    found = {id(part): part for part in model._flatten_layers() if isinstance(part, DAUConv2D)}
    costs = []
    for layer, units in zip(found.values(), layer_units(model), strict=True):
        reach = int(np.ceil(np.abs(units.displacement).max(initial=0.0)))
        side = 2 * (reach + geometry.support_radius(float(units.sigma.max(initial=0.1)))) + 1
        mean = units.weight.size / (layer.unit_weight.shape[1] * layer.unit_weight.shape[2])
        seconds = _seconds(layer, repeats, size) if repeats else None
        costs.append(
            LayerCost(
                layer.name,
                mean,
                side,
                side**2 / (4 * max(mean, np.finfo(float).tiny)),
                None if seconds is None else 1e3 * seconds,
            )
        )
    return costs


def _seconds(layer: DAUConv2D, repeats: int, size: int) -> float:
    built_for = layer.get_build_config()["input_shape"]
    shape = [1, *(size if n is None else n for n in built_for[1:])]
    images = tf.random.stateless_normal(shape, [0, 0], dtype=layer.compute_dtype)
    call = tf.function(lambda x: layer(x))
    call(images)  # traces
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        np.asarray(call(images)[0, 0, 0, 0])
        seconds.append(time.perf_counter() - start)
    return min(seconds)
