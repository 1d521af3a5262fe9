"""The loss and the metrics of segmentation; pixels of class 255 are not there for any of them.

confusion: [classes, classes], pixels of a true class (row) that were given a class (column)
IoU of c = confusion[c, c] / (row c + column c - confusion[c, c]);  accuracy of c: / row c
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

IGNORED = 255


@keras.saving.register_keras_serializable(package="dau_examples")
class PixelCrossentropy(keras.losses.Loss):
    """Cross-entropy, mean over the pixels of an image that have a class, then over the images.

    y_true: [N, H, W], 0 ... classes - 1 or 255; y_pred: [N, H, W, classes] logits. An image without
    a class counts 0. The mean of each image by itself does not depend on which images share a
    replica.
    """

    def __init__(self, name: str = "pixel_crossentropy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """As above -> [N] float32."""
        counted = tf.cast(y_true != IGNORED, tf.float32)
        labels = tf.where(y_true != IGNORED, y_true, tf.zeros_like(y_true))
        pixels = tf.nn.sparse_softmax_cross_entropy_with_logits(
            tf.cast(labels, tf.int32), tf.cast(y_pred, tf.float32)
        )
        total = tf.reduce_sum(pixels * counted, axis=[1, 2])
        return total / tf.maximum(tf.reduce_sum(counted, axis=[1, 2]), 1.0)


@keras.saving.register_keras_serializable(package="dau_examples")
class MeanIoU(keras.metrics.MeanIoU):
    """Keras' mean IoU of logits, mean over the classes that appear; counts of any size.

    Args:
        classes: number of classes.
        name: of the metric.
    """

    def __init__(self, classes: int, name: str = "miou", dtype: Any = None) -> None:
        # int64: Cityscapes' validation alone has 10^9 pixels.
        super().__init__(
            classes, name=name, dtype="int64", ignore_class=IGNORED, sparse_y_pred=False
        )

    def get_config(self) -> dict:
        """The arguments of the constructor."""
        return {"classes": self.num_classes, "name": self.name}

    @property
    def confusion(self) -> np.ndarray:
        """[classes, classes] int64: what was counted since the last reset."""
        return np.asarray(self.total_cm)


@keras.saving.register_keras_serializable(package="dau_examples")
class MeanAccuracy(MeanIoU):
    """The mean over the classes that appear of the share of their pixels that are right.

    Args:
        classes: number of classes.
        name: of the metric.
    """

    def __init__(self, classes: int, name: str = "mean_accuracy", dtype: Any = None) -> None:
        super().__init__(classes, name)

    def result(self) -> Any:
        """Scalar, 0 where no class appears."""
        counts = keras.ops.cast(self.total_cm, "float32")
        pixels = keras.ops.sum(counts, axis=1)
        share = keras.ops.diagonal(counts) / keras.ops.maximum(pixels, 1)
        return keras.ops.sum(share) / keras.ops.maximum(
            keras.ops.sum(keras.ops.cast(pixels > 0, "float32")), 1
        )


def iou_per_class(confusion: np.ndarray) -> np.ndarray:
    """[classes] float64; NaN of classes that neither appear nor are given."""
    counts = np.asarray(confusion, np.float64)
    right = counts.diagonal()
    union = counts.sum(axis=0) + counts.sum(axis=1) - right
    return np.divide(right, union, out=np.full(len(counts), np.nan), where=union > 0)
