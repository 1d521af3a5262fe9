"""The kernel of a DAU layer: its units summed, cut to where they are."""

import dataclasses
import math
from typing import Any

import numpy as np

from dau_tf.layers import DAUConv2D
from dau_tf.ops import geometry
from dau_tf.ops.dense import dense_kernel

MAX_WEIGHTS = 1 << 27
"""Weights of a kernel as far as units reach: 1 GiB in the float64 that they are summed in."""


@dataclasses.dataclass(frozen=True)
class Kernel:
    """Weights and where they look.

    Args:
        weights: (rows, columns, S / groups, F) float64.
        low: Rows and columns of the first weight from the filter's centre, <= 0.
        high: Those of the last one, >= 0.

    Example:
        >>> Kernel(np.ones((3, 2, 1, 1)), (-1, 0), (1, 1)).size
        (3, 2)
    """

    weights: np.ndarray
    low: tuple[int, int]
    high: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.weights.shape[:2]
        return rows, columns

    def enlarged(self, low: tuple[int, int], high: tuple[int, int]) -> "Kernel":
        """The same with zeros around it, from `low` to `high`."""
        before = [mine - new for mine, new in zip(self.low, low, strict=True)]
        after = [new - mine for mine, new in zip(self.high, high, strict=True)]
        zeros = [*zip(before, after, strict=True), (0, 0), (0, 0)]
        return Kernel(np.pad(self.weights, zeros), low, high)


def kernel_of(layer: DAUConv2D) -> Kernel:
    """Sums the units of a built layer, in float64.

    Returns:
        The smallest kernel that holds every weight that is not 0, and the centre.

    Raises:
        ValueError: A variable is not finite, or the kernel would have over MAX_WEIGHTS weights.

    Example:
        >>> import dau_tf
        >>> layer = dau_tf.DAUConv2D(1, units=1, displacement_initializer="zeros")
        >>> layer.build((None, 8, 8, 1))
        >>> kernel_of(layer).low
        (-2, -2)
    """
    w, mu, sigma = (
        np.asarray(v, np.float64) for v in (layer.unit_weight, layer.displacement, layer.sigma)
    )
    for name, values in (("unit_weight", w), ("displacement", mu), ("sigma", sigma)):
        if not np.isfinite(values).all():
            raise ValueError(
                f"The layer {layer.name!r} must have finite variables. Received: {name} with "
                f"{np.count_nonzero(~np.isfinite(values))} values that are not"
            )
    # Units of weight 0 see nothing, those left over in ragged layers too, which stand far away.
    mu = np.where(w == 0, 0.0, mu)
    # The op takes the support of a fixed sigma from its value.
    widest = layer.max_sigma if layer.sigma_varies else float(sigma)
    _check_size(layer, mu, geometry.support_radius(widest))
    dense = np.asarray(dense_kernel(w, mu, sigma, max_sigma=widest))
    low, high = zip(*(_extent(dense, axis) for axis in (0, 1)), strict=True)
    middle = [size // 2 for size in dense.shape[:2]]
    rows, columns = (
        slice(centre + first, centre + last + 1)
        for centre, first, last in zip(middle, low, high, strict=True)
    )
    return Kernel(dense[rows, columns], low, high)


def _check_size(layer: Any, mu: np.ndarray, radius: int) -> None:
    sides = [2 * (math.ceil(np.abs(axis).max()) + radius) + 1 for axis in mu]
    pairs = math.prod(layer.unit_weight.shape[1:])
    if math.prod(sides) * pairs > MAX_WEIGHTS:
        raise ValueError(
            f"The units of the layer {layer.name!r} must fit into a kernel of {MAX_WEIGHTS:,} "
            f"weights. Received: {sides[0]:,} x {sides[1]:,} pixels for {pairs:,} pairs of "
            "channels and filters"
        )


def _extent(dense: np.ndarray, axis: int) -> tuple[int, int]:
    """The first and last place on an axis that is not all zeros, from the middle."""
    others = tuple(other for other in range(4) if other != axis)
    used = np.flatnonzero(dense.any(axis=others)) - dense.shape[axis] // 2
    return int(min(0, used.min(initial=0))), int(max(0, used.max(initial=0)))
