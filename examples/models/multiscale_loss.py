"""The sum over scales of the mean squared error to the target resized to that scale."""

import keras
import tensorflow as tf

from examples.models.srn_deblur import SCALES


def multiscale_targets(sharp: tf.Tensor) -> dict[str, tf.Tensor]:
    """Resizes the target to each output of `srn_deblur`.

    Args:
        sharp: [N, H, W, 3] float32, in 0..1.

    Returns:
        "quarter", "half" and "full" as the model returns them: means of 4x4 and 2x2 pixels
        (at the far edge of a size that does not divide: of the pixels there are), and `sharp`.
    """
    return {
        name: sharp if scale == 1 else tf.nn.avg_pool2d(sharp, scale, scale, "SAME")
        for name, scale in SCALES.items()
    }


def multiscale_loss() -> dict[str, keras.losses.Loss]:
    """For `model.compile(loss=...)`, which adds the mean squared errors of the outputs up."""
    return {name: keras.losses.MeanSquaredError(name=f"{name}_mse") for name in SCALES}
