"""Layers that let a network with strides take images of any height and width."""

from typing import Any

import keras
import tensorflow as tf

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable(package="dau_examples")
class PadToMultiple(keras.layers.Layer):
    """Repeats the last row and column until height and width are k * multiple + extra.

    x: [N, H, W, C] -> [N, H', W', C] of the same dtype, the next such numbers from H and W on. The
    edge is repeated rather than mirrored because a mirror needs more rows than it adds, and the
    image may have fewer.

    Args:
        multiple: int >= 1, pixels.
        extra: 0 or 1. With 1 the two border pixels lie a multiple apart, so that a stride that
            divides it has samples on both: see `EnlargeAligned`.

    Raises:
        ValueError: `multiple` is not an integer >= 1, or `extra` is neither 0 nor 1.
    """

    def __init__(self, multiple: int, extra: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(multiple, int) or multiple < 1:
            raise ValueError(f"`multiple` must be an integer >= 1. Received: multiple={multiple}")
        if extra not in (0, 1):
            raise ValueError(f"`extra` must be 0 or 1. Received: extra={extra}")
        self.multiple = multiple
        self.extra = extra

    def _padded(self, size: Any) -> Any:
        return -((self.extra - size) // self.multiple) * self.multiple + self.extra

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """inputs: [N, H, W, C] -> the padded images."""
        size = tf.shape(inputs)
        for axis in (1, 2):
            rows = tf.minimum(tf.range(self._padded(size[axis])), size[axis] - 1)
            inputs = tf.gather(inputs, rows, axis=axis)
        return inputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The padded shape; an unknown size stays unknown."""
        batch, *size, channels = input_shape
        return (batch, *(None if n is None else self._padded(n) for n in size), channels)

    def get_config(self) -> dict:
        """The arguments of the constructor."""
        return {**super().get_config(), "multiple": self.multiple, "extra": self.extra}


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
class EnlargeAligned(keras.layers.Layer):
    """Bilinear, corners on corners: [N, h, w, C] -> [N, (h-1) factor + 1, (w-1) factor + 1, C].

    Output pixel p is the input at p / factor. What strided layers made of an image of
    k * stride + 1 pixels has its samples at multiples of the stride exactly; half-pixel centres
    would move them by up to half a stride at the borders. The result is float32.

    Args:
        factor: int >= 1.

    Raises:
        ValueError: `factor` is not an integer >= 1.
    """

    def __init__(self, factor: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(factor, int) or factor < 1:
            raise ValueError(f"`factor` must be an integer >= 1. Received: factor={factor}")
        self.factor = factor

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """inputs: [N, h, w, C] -> the enlarged images."""
        size = (tf.shape(inputs)[1:3] - 1) * self.factor + 1
        return tf.compat.v1.image.resize(inputs, size, align_corners=True)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The enlarged shape; an unknown size stays unknown."""
        batch, *size, channels = input_shape
        size = [None if n is None else (n - 1) * self.factor + 1 for n in size]
        return (batch, *size, channels)

    def get_config(self) -> dict:
        """The arguments of the constructor."""
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(package="dau_examples")
class SpreadLike(keras.layers.Layer):
    """Repeats one pixel: [pixel [N, 1, 1, C], like [N, h, w, any]] -> [N, h, w, C]."""

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """inputs: [pixel, like] -> the pixel everywhere, in its own dtype."""
        pixel, like = inputs
        size = tf.shape(like)
        return tf.tile(pixel, tf.stack([1, size[1], size[2], 1]))

    def compute_output_shape(self, input_shape: list[Shape]) -> Shape:
        """The size of `like`; an unknown size stays unknown."""
        pixel, like = input_shape
        return (pixel[0], *like[1:3], pixel[3])


@keras.saving.register_keras_serializable(package="dau_examples")
class StopGradient(keras.layers.Layer):
    """The identity forward, nothing backward: the finer scale does not train the coarser one."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """inputs: any tensor -> the same tensor."""
        return keras.ops.stop_gradient(inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape of the input."""
        return input_shape
