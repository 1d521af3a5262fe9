"""Displacements anywhere in a square, all places alike."""

from typing import Any

import keras

from dau_tf.ops import arguments


@keras.saving.register_keras_serializable(package="dau_tf")
class DisplacementUniform(keras.initializers.RandomUniform):
    """Both coordinates of every displacement uniform: mu ~ U[-limit, limit].

    What the paper starts its ResNets from, with a limit of 1.5 (Sec. 5), and `DAUConv2D`'s default.

    Args:
        limit: Half the side of the square in pixels, a finite number >= 0.
        seed: An integer or a `keras.random.SeedGenerator`; None draws one.

    Raises:
        ValueError: `limit` is not a finite number >= 0.

    Example:
        >>> import dau_tf
        >>> initializer = dau_tf.initializers.DisplacementUniform(1.5, seed=1)
        >>> mu = initializer((2, 4, 3, 16))  # (2, K, S, F), float32
        >>> bool(abs(mu.numpy()).max() <= 1.5)
        True
    """

    def __init__(self, limit: float = 1.5, seed: Any = None) -> None:
        self.limit = arguments.finite_number("limit", limit, "pixels")
        super().__init__(-self.limit, self.limit, seed)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        seed = super().get_config()["seed"]
        return {"limit": self.limit, "seed": seed}
