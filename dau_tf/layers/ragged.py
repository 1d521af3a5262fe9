"""Layers with fewer units in some (channel, filter) pairs than in others.

Their variables keep a place for K units in every pair, so that a call costs nothing more. A place
left over has weight 0 and stands at FAR_AWAY, from where it sees no pixel: its output and gradients
are exactly 0, and the engines leave it out. Files hold the units that there are:

    packed: [..., n], pair after pair in the order s F + f, of a pair k = 0, 1, ...
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

FAR_AWAY = 6e4
"""Pixels; as far as float16 holds."""


def taken(counts: Any, units: int) -> tf.Tensor:
    """Returns which places have a unit: (K, S, F) bool, from the counts (S, F)."""
    return tf.reshape(tf.range(units), [-1, 1, 1]) < tf.cast(tf.convert_to_tensor(counts), tf.int32)


def even_counts(count: int, units: int, pairs: tuple[int, int]) -> np.ndarray:
    """Returns the units of each pair of a new layer, as even as they can be: (S, F).

    Raises:
        ValueError: There are more units than places for them.
    """
    number = pairs[0] * pairs[1]
    if count > units * number:
        raise ValueError(
            f"`unit_count` must be at most {units * number}, the places of units={units} in "
            f"{pairs[0]} x {pairs[1]} pairs of channels and filters. Received: unit_count={count}"
        )
    return (count // number + (np.arange(number) < count % number)).reshape(pairs)


class _Filler:
    """Holds a function to a variable (..., K, S, F), and fills places left over.

    Args:
        function: An initializer, a constraint or a regularizer.
        layer: Gives `units_per_pair` and `units`.
        fill: What places left over hold.
    """

    def __init__(self, function: Callable[..., Any] | None, layer: Any, fill: float) -> None:
        self._function, self._layer, self._fill = function, layer, fill

    def _filled(self, value: Any) -> tf.Tensor:
        value = tf.convert_to_tensor(value)
        mask = taken(self._layer.units_per_pair, self._layer.units)
        return tf.where(mask, value, tf.cast(self._fill, value.dtype))


class FilledInitializer(_Filler):
    """An initializer whose value is filled."""

    def __call__(self, shape: Any, **kwargs: Any) -> Any:
        """Calls and fills."""
        assert self._function is not None
        return self._filled(self._function(shape, **kwargs))


# Keras 3.12, the last for Python 3.10, takes no other callables than of these two classes.
class FilledConstraint(_Filler, keras.constraints.Constraint):
    """A constraint, or None, whose value is filled."""

    def __call__(self, w: Any) -> Any:
        """Calls and fills."""
        return self._filled(self._function(w) if self._function else w)


class FilledRegularizer(_Filler, keras.regularizers.Regularizer):
    """A regularizer to which places left over hold what costs nothing."""

    def __call__(self, x: Any) -> Any:
        """Fills and calls."""
        assert self._function is not None
        return self._function(self._filled(x))


def pack(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(..., K, S, F) -> (..., n).

    Example:
        >>> pack(np.array([[[1, 2]], [[3, 0]]]), np.array([[2, 1]])).tolist()
        [1, 3, 2]
    """
    return np.moveaxis(values, -3, -1)[..., _mask(counts, values.shape[-3])]


def unpack(packed: np.ndarray, counts: np.ndarray, units: int, fill: float) -> np.ndarray:
    """(..., n) -> (..., K, S, F) with `fill` in the places left over.

    Example:
        >>> unpack(np.array([1, 3, 2]), np.array([[2, 1]]), 2, 0).tolist()
        [[[1, 2]], [[3, 0]]]
    """
    values = np.full((*packed.shape[:-1], *counts.shape, units), fill, packed.dtype)
    values[..., _mask(counts, units)] = packed
    return np.moveaxis(values, -1, -3)


def _mask(counts: np.ndarray, units: int) -> np.ndarray:
    """(S, F, K) bool."""
    return np.arange(units) < np.asarray(counts, int)[..., np.newaxis]
