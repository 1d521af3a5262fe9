"""Keeps the units of a filter apart."""

from typing import Any

import keras
import numpy as np

from dau_tf.ops import arguments


@keras.saving.register_keras_serializable(package="dau_tf")
class Repulsion(keras.regularizers.Regularizer):
    """Penalises units of one filter and channel that are closer than `distance`.

        penalty = strength * sum_{s,f} sum_{k<l} max(0, 1 - |mu_k - mu_l| / distance)^2

    Two units within a pixel read nearly the same values: the bilinear weights of the four pixels
    around them overlap, and one of the two is wasted. Nets with learned spacings use such a loss.
    Units at the very same place have no direction to part in and get no gradient; start them apart.

    Args:
        strength: Factor of the penalty, a finite number >= 0. The sum grows with the layer: it has
            at most S F K (K - 1) / 2 terms, each at most 1.
        distance: In pixels, a finite number > 0, from which on units ignore each other.

    Raises:
        ValueError: `strength` or `distance` is not such a number.

    Example:
        >>> import numpy as np
        >>> import dau_tf
        >>> mu = np.zeros((2, 2, 1, 1), "float32")  # two units
        >>> mu[1, 1] = 0.75  # the second 0.75 px to the right
        >>> float(dau_tf.regularizers.Repulsion(strength=2.0)(mu))
        0.125
        >>> apart = dau_tf.regularizers.Repulsion(1e-3)
        >>> layer = dau_tf.DAUConv2D(8, displacement_regularizer=apart)
    """

    def __init__(self, strength: float = 1e-3, distance: float = 1.0) -> None:
        self.strength = arguments.finite_number("strength", strength)
        self.distance = arguments.finite_number("distance", distance, "pixels", positive=True)

    def __call__(self, x: Any) -> Any:
        """Returns the penalty, a scalar, of displacements `x` of shape (2, K, S, F)."""
        first, second = np.triu_indices(x.shape[1], k=1)
        if not first.size:
            return keras.ops.zeros((), x.dtype)
        apart = keras.ops.take(x, first, axis=1) - keras.ops.take(x, second, axis=1)
        squared = keras.ops.sum(keras.ops.square(apart), axis=0)
        # The root's derivative at 0 is infinite, and infinity times 0 is NaN.
        same_place = squared == 0
        distances = keras.ops.sqrt(keras.ops.where(same_place, 1.0, squared))
        distances = keras.ops.where(same_place, 0.0, distances)
        overlap = keras.ops.relu(1.0 - distances / self.distance)
        return self.strength * keras.ops.sum(keras.ops.square(overlap))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {"strength": self.strength, "distance": self.distance}
