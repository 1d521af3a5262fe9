"""Displacements along one axis only, for signals."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="dau_tf")
class AlongWidth(keras.constraints.Constraint):
    """Keeps displacements on their row: mu_v <- 0.

    For images of one row, the place of a `Conv1D`: a unit that leaves the row sees nothing, and
    gets no gradient to come back.

    Example:
        >>> import numpy as np
        >>> from dau_tf.constraints import AlongWidth
        >>> mu = np.array([[1.5, -2.0], [3.0, 4.0]])  # vertical, horizontal, of two units
        >>> np.asarray(AlongWidth()(mu)).tolist()
        [[0.0, 0.0], [3.0, 4.0]]
    """

    def __call__(self, w: Any) -> Any:
        """Returns `w` of shape (2, ...) with zeros for the vertical coordinates."""
        horizontal = keras.ops.convert_to_tensor(w)[1]
        return tf.stack([tf.zeros_like(horizontal), horizontal])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments: none."""
        return {}
