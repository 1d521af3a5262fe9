"""The units of a model's layers as plain arrays."""

import dataclasses

import keras
import numpy as np

from dau_tf.layers import DAUConv2D, ragged


@dataclasses.dataclass(frozen=True)
class LayerUnits:
    """The units of a layer; of a ragged one those that it has.

    Args:
        name: Name of the layer.
        weight: (n,) float64.
        displacement: (2, n) float64, pixels: [0] vertical, [1] horizontal.
        sigma: (n,) float64, pixels.
        limit: max_displacement in pixels, or None.

    Example:
        >>> units = LayerUnits("a", np.ones(3), np.zeros((2, 3)), np.full(3, 0.5), 4.0)
        >>> units.strongest(1 / 3).weight.shape
        (1,)
    """

    name: str
    weight: np.ndarray
    displacement: np.ndarray
    sigma: np.ndarray
    limit: float | None

    def strongest(self, share: float) -> "LayerUnits":
        """The given share of the units, those with the largest |weight|; at least one.

        Raises:
            ValueError: `share` is not within 0 ... 1.
        """
        if not 0 <= share <= 1:
            raise ValueError(f"`share` must be within 0 ... 1. Received: share={share!r}")
        count = max(1, round(share * self.weight.size))
        kept = np.sort(np.argsort(-np.abs(self.weight), kind="stable")[:count])
        return dataclasses.replace(
            self,
            weight=self.weight[kept],
            displacement=self.displacement[:, kept],
            sigma=self.sigma[kept],
        )


def layer_units(model: keras.Layer) -> list[LayerUnits]:
    """Returns the units of each DAU layer of a model, nested ones included.

    Args:
        model: A built model or layer.

    Returns:
        One entry a layer, in the model's order; empty where there is none.

    Raises:
        ValueError: A DAU layer is not built.

    Example:
        >>> import keras
        >>> import dau_tf
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), dau_tf.DAUConv2D(4, name="dau")])
        >>> [(units.name, units.weight.size) for units in layer_units(model)]
        [('dau', 24)]
    """
    found = {id(part): part for part in model._flatten_layers() if isinstance(part, DAUConv2D)}
    return [_units(layer) for layer in found.values()]


def _units(layer: DAUConv2D) -> LayerUnits:
    if not layer.built:
        raise ValueError(f"`model` must be built. Received: {layer.name!r}, which is not")
    shape = layer.unit_weight.shape
    counts = np.full(shape[1:], shape[0])
    if layer.units_per_pair is not None:
        counts = np.asarray(layer.units_per_pair)
    weight, displacement = (
        ragged.pack(np.asarray(v, np.float64), counts)
        for v in (layer.unit_weight, layer.displacement)
    )
    sigma = np.broadcast_to(np.asarray(layer.sigma, np.float64), shape)
    return LayerUnits(
        layer.name, weight, displacement, ragged.pack(sigma, counts), layer.max_displacement
    )
