"""AlexNet's normalisation across channels.

y[c] = x[c] / (2 + 1e-4 * sum of x[j]^2 over the five channels |j - c| <= 2) ^ 0.75
"""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="dau_examples")
class LocalResponseNormalization(keras.layers.Layer):
    """x: [N, H, W, C] -> the same shape and dtype; computed in float32.

    Args:
        depth_radius: channels to each side, >= 0.
        bias: added to the sum, > 0.
        alpha: weight of the sum.
        beta: exponent.

    Example:
        >>> float(LocalResponseNormalization(bias=1.0)(np.zeros([1, 1, 1, 8]))[0, 0, 0, 0])
        0.0
    """

    def __init__(
        self,
        depth_radius: int = 2,
        bias: float = 2.0,
        alpha: float = 1e-4,
        beta: float = 0.75,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._arguments = {
            "depth_radius": depth_radius, "bias": bias, "alpha": alpha, "beta": beta
        }  # fmt: skip

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Normalises."""
        x = tf.cast(inputs, tf.float32)
        return tf.cast(tf.nn.local_response_normalization(x, **self._arguments), inputs.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The same."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), **self._arguments}
