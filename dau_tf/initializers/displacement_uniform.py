"""Displacements anywhere in a rectangle, all places alike."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from dau_tf.ops import arguments


@keras.saving.register_keras_serializable(package="dau_tf")
class DisplacementUniform(keras.initializers.Initializer):
    """Both coordinates of every displacement uniform: mu ~ U[-limit, limit].

    What the paper starts its ResNets from, with a limit of 1.5 (Sec. 5), and `DAUConv2D`'s default.

    Args:
        limit: Half the side of the square in pixels, a finite number >= 0; or a pair of them
            (vertical, horizontal). (0, 3) is for signals along the width.
        seed: An integer or a `keras.random.SeedGenerator`; None draws one.

    Raises:
        ValueError: `limit` is not a finite number >= 0 or a pair of them.

    Example:
        >>> import dau_tf
        >>> initializer = dau_tf.initializers.DisplacementUniform(1.5, seed=1)
        >>> mu = initializer((2, 4, 3, 16))  # (2, K, S, F), float32
        >>> bool(abs(mu.numpy()).max() <= 1.5)
        True
    """

    def __init__(self, limit: float | tuple[float, float] = 1.5, seed: Any = None) -> None:
        pair = limit if isinstance(limit, (list, tuple)) else (limit, limit)
        vertical, horizontal = pair if len(pair) == 2 else (pair, pair)  # the latter is refused
        self.limit = (
            arguments.finite_number("limit", vertical, "pixels"),
            arguments.finite_number("limit", horizontal, "pixels"),
        )
        self._uniform = keras.initializers.RandomUniform(-1.0, 1.0, seed)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> tf.Tensor:
        """Returns displacements of `shape` (2, K, ...)."""
        values = self._uniform(shape, dtype)
        scale = tf.constant(self.limit, values.dtype)
        return values * tf.reshape(scale, [2] + [1] * (len(shape) - 1))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {"limit": self.limit, "seed": self._uniform.get_config()["seed"]}
