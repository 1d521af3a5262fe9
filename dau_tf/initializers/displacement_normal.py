"""Displacements around the filter's centre."""

from typing import Any

import keras

from dau_tf.ops import arguments


@keras.saving.register_keras_serializable(package="dau_tf")
class DisplacementNormal(keras.initializers.RandomNormal):
    """Both coordinates of every displacement normal: mu ~ N(0, stddev^2).

    What the paper starts its de-blurring network from, with 0.5 (Sec. 6.3). A layer with
    `max_displacement` clips what falls beyond it.

    Args:
        stddev: Standard deviation in pixels, a finite number >= 0.
        seed: An integer or a `keras.random.SeedGenerator`; None draws one.

    Raises:
        ValueError: `stddev` is not a finite number >= 0.

    Example:
        >>> import dau_tf
        >>> initializer = dau_tf.initializers.DisplacementNormal(0.5, seed=1)
        >>> layer = dau_tf.DAUConv2D(16, displacement_initializer=initializer)
    """

    def __init__(self, stddev: float = 0.5, seed: Any = None) -> None:
        super().__init__(0.0, arguments.finite_number("stddev", stddev, "pixels"), seed)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        config = super().get_config()
        return {"stddev": config["stddev"], "seed": config["seed"]}
