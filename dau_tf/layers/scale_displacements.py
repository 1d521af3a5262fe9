"""Displacements for another resolution."""

from typing import Any

import keras
import numpy as np

from dau_tf.layers.dau_conv import DAUConv2D
from dau_tf.ops import arguments


def scale_displacements(layer: keras.Layer, factor: float) -> None:
    """Multiplies the displacements of DAU layers, and their limits, by `factor` (Sec. 4.3).

        mu <- factor * mu,    max_displacement <- factor * max_displacement

    A layer whose input has become twice as fine, because a pooling before it was removed, looks at
    the same places of the scene with `factor=2`, as a dilation of 2 does for a convolution. sigma
    stays. The limit is scaled with the displacements, or the next update would cut them off.

    Do it before `compile`: a training step that has been traced keeps the former limit.

    Args:
        layer: A built DAU layer, or a model or layer that holds some, nested ones included.
        factor: A finite number > 0.

    Raises:
        ValueError: `factor` is not such a number; `layer` holds no DAU layer, one that is not
            built, or one with padding `valid`, whose output would change its size.

    Example:
        >>> import keras
        >>> import dau_tf
        >>> model = keras.Sequential([keras.Input((None, None, 3)), dau_tf.DAUConv2D(8)])
        >>> dau_tf.scale_displacements(model, 2.0)
        >>> model.layers[0].max_displacement
        8.0
    """
    factor = arguments.finite_number("factor", factor, positive=True)
    layers = {id(part): part for part in layer._flatten_layers() if isinstance(part, DAUConv2D)}
    if not layers:
        raise ValueError(
            f"`layer` must be or hold a DAUConv2D. Received: layer={layer.name!r} without any"
        )
    for part in layers.values():
        _check(part)
    for part in layers.values():
        _scale(part, factor)


def _check(layer: Any) -> None:
    if not layer.built:
        raise ValueError(f"`layer` must be built. Received: {layer.name!r}, which is not")
    if layer.padding == "valid":
        raise ValueError(
            'Layers with padding="valid" drop a margin that their max_displacement fixes, so that '
            'scaling would change the size of the output. Expected padding="same". Received: '
            f'{layer.name!r} with padding="valid"'
        )


def _scale(layer: Any, factor: float) -> None:
    if layer.max_displacement is not None:
        layer.set_max_displacement(layer.max_displacement * factor)
    layer.displacement.assign(np.asarray(layer.displacement) * factor)
