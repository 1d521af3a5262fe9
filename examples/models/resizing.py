"""Layers that let a network with strides take images of any height and width."""

from typing import Any

import keras
import tensorflow as tf

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable(package="dau_examples")
class PadToMultiple(keras.layers.Layer):
    """Repeats the last row and column until height and width are multiples of `multiple`.

    x: [N, H, W, C] -> [N, ceil(H / multiple) * multiple, ceil(W / multiple) * multiple, C], the
    same dtype. The edge is repeated rather than mirrored because a mirror needs more rows than
    it adds, and the image may have fewer.

    Args:
        multiple: int >= 1, pixels.

    Raises:
        ValueError: `multiple` is not an integer >= 1.
    """

    def __init__(self, multiple: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(multiple, int) or multiple < 1:
            raise ValueError(f"`multiple` must be an integer >= 1. Received: multiple={multiple}")
        self.multiple = multiple

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """inputs: [N, H, W, C] -> the padded images."""
        size = tf.shape(inputs)
        for axis in (1, 2):
            padded = -(-size[axis] // self.multiple) * self.multiple
            rows = tf.minimum(tf.range(padded), size[axis] - 1)
            inputs = tf.gather(inputs, rows, axis=axis)
        return inputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The padded shape; an unknown size stays unknown."""
        batch, *size, channels = input_shape
        size = [None if n is None else -(-n // self.multiple) * self.multiple for n in size]
        return (batch, *size, channels)

    def get_config(self) -> dict:
        """The arguments of the constructor."""
        return {**super().get_config(), "multiple": self.multiple}


@keras.saving.register_keras_serializable(package="dau_examples")
class CropLike(keras.layers.Layer):
    """Undoes `PadToMultiple`: cuts [image, like] to ceil(H / scale) x ceil(W / scale).

    image: [N, h, w, C]; like: [N, H, W, any], the image before padding, of which only the size
    is used. The result has the dtype of `image`.

    Args:
        scale: int >= 1, how many pixels of `like` one pixel of `image` covers.
    """

    def __init__(self, scale: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """inputs: [image, like] -> the cut image."""
        image, like = inputs
        size = tf.shape(like)
        return image[:, : -(-size[1] // self.scale), : -(-size[2] // self.scale)]

    def compute_output_shape(self, input_shape: list[Shape]) -> Shape:
        """The cut shape; an unknown size stays unknown."""
        image, like = input_shape
        size = [None if n is None else -(-n // self.scale) for n in like[1:3]]
        return (image[0], *size, image[3])

    def get_config(self) -> dict:
        """The arguments of the constructor."""
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable(package="dau_examples")
class Enlarge2x(keras.layers.Layer):
    """Bilinear, half-pixel centres: [N, h, w, C] -> [N, 2h, 2w, C] float32.

    Keras' `UpSampling2D` cannot be traced with unknown height and width.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """inputs: [N, h, w, C] -> the enlarged images."""
        return tf.image.resize(inputs, 2 * tf.shape(inputs)[1:3])

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The doubled shape; an unknown size stays unknown."""
        batch, *size, channels = input_shape
        return (batch, *(None if n is None else 2 * n for n in size), channels)


@keras.saving.register_keras_serializable(package="dau_examples")
class StopGradient(keras.layers.Layer):
    """The identity forward, nothing backward: the finer scale does not train the coarser one."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """inputs: any tensor -> the same tensor."""
        return keras.ops.stop_gradient(inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape of the input."""
        return input_shape
