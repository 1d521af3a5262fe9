"""Displacements evenly spread over a square."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dau_tf.ops import arguments


@keras.saving.register_keras_serializable(package="dau_tf")
class DisplacementGrid(keras.initializers.Initializer):
    """The K units of every filter at the centres of K cells of equal area.

    round(sqrt(K)) rows share the units as evenly as they can. A row is as high as its share of the
    units and divided evenly among them, so that for every K, square or not, all cells have the same
    area and the units' mean is the filter's centre. 4 units stand on a 2 x 2 grid, 9 on 3 x 3 (at
    extent 1.5 where a 3 x 3 convolution has its weights), 2 side by side, 5 as 3 above 2.

    Args:
        extent: Half the side of the square in pixels, a finite number >= 0.

    Raises:
        ValueError: `extent` is not a finite number >= 0; when called, a shape that is not
            (2, K, ...).

    Example:
        >>> import dau_tf
        >>> mu = dau_tf.initializers.DisplacementGrid(extent=2.0)((2, 4, 3, 16)).numpy()
        >>> mu[:, :, 0, 0].tolist()  # rows, columns
        [[-1.0, -1.0, 1.0, 1.0], [-1.0, 1.0, -1.0, 1.0]]
    """

    def __init__(self, extent: float = 1.5) -> None:
        self.extent = arguments.finite_number("extent", extent, "pixels")

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> tf.Tensor:
        """Returns displacements of `shape` (2, K, ...), alike for each channel and filter."""
        shape = tuple(shape)
        if len(shape) < 2 or shape[0] != 2:
            raise ValueError(
                "DisplacementGrid is for displacements, of shape (2, K, S, F). "
                f"Received: shape={shape}"
            )
        centres = 2 * self.extent * _cell_centres(shape[1])
        values = np.broadcast_to(centres.reshape(2, shape[1], *[1] * (len(shape) - 2)), shape)
        return tf.constant(values, dtype or keras.config.floatx())

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {"extent": self.extent}


def _cell_centres(units: int) -> np.ndarray:
    """(2, units) in the unit square around 0; the longer rows first."""
    rows = round(units**0.5)
    lengths = [len(part) for part in np.array_split(np.arange(units), rows)]
    ends = np.cumsum(lengths) / units
    middles = ends - np.array(lengths) / (2 * units)
    vertical = np.repeat(middles, lengths)
    horizontal = np.concatenate([(np.arange(n) + 0.5) / n for n in lengths])
    return np.stack([vertical, horizontal]) - 0.5
