"""Keeps displacements within a limit."""

from typing import Any

import keras

from dau_tf.ops import arguments


@keras.saving.register_keras_serializable(package="dau_tf")
class ClipDisplacement(keras.constraints.Constraint):
    """Clips both coordinates of every displacement: mu <- min(max(mu, -m), m).

    `DAUConv2D` applies it by itself, after the user's own `displacement_constraint`.

    Args:
        max_displacement: Limit m in pixels, a number >= 0; None or infinity for no limit.

    Raises:
        ValueError: `max_displacement` is negative or not a number.

    Example:
        >>> import numpy as np
        >>> from dau_tf.constraints import ClipDisplacement
        >>> np.asarray(ClipDisplacement(4.0)(np.array([-5.0, 1.5, 9.0]))).tolist()
        [-4.0, 1.5, 4.0]
    """

    def __init__(self, max_displacement: float | None = 4.0) -> None:
        self.max_displacement = arguments.max_displacement(max_displacement, "same")

    def __call__(self, w: Any) -> Any:
        """Returns `w` (any shape, in pixels) clipped to the limit; NaN stays NaN."""
        if self.max_displacement is None:
            return w
        return keras.ops.clip(w, -self.max_displacement, self.max_displacement)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {"max_displacement": self.max_displacement}
