"""A DAU layer whose outputs stand where those of a convolution with stride or `valid` stand.

    output h of Conv2D looks at rows  h stride - before ... h stride - before + (size - 1)
    so it is centred at row           h stride + origin,   origin = (size - 1) // 2 - before

before: rows of zeros above the image: 0 for `valid`; for `same` it depends on the image's height.
size: (kernel_size - 1) dilation_rate + 1.
"""

from typing import Any

import keras
import tensorflow as tf

from dau_tf.layers import DAUConv2D
from dau_tf.ops import arguments, geometry


@keras.saving.register_keras_serializable(package="dau_tf")
class ReplacedConv2D(DAUConv2D):
    """A `DAUConv2D` with the output size and the alignment of the `Conv2D` that it replaces.

    `DAUConv2D` centres its first output at the first pixel. A `Conv2D` with padding `valid`, or
    with a stride on an image whose size the stride divides, does not. This layer does what that one
    does; beyond the kernel's former place its units see the pixels that are there, or zeros.

    `replace_conv2d` makes these layers.

    Args:
        filters: Number of output channels F, >= 1.
        kernel_size: That of the convolution, an int or (vertical, horizontal).
        strides: As of the convolution.
        dilation_rate: As of the convolution.
        conv_padding: "same" or "valid", as of the convolution.
        **kwargs: The other arguments of `DAUConv2D`, except `padding`.

    Raises:
        ValueError: An argument is not allowed.

    Example:
        >>> import keras
        >>> import dau_tf
        >>> inputs = keras.Input((224, 224, 3))
        >>> dau_tf.replacement.ReplacedConv2D(64, 7, 2, conv_padding="valid")(inputs).shape
        (None, 109, 109, 64)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int] = 3,
        strides: int | tuple[int, int] = 1,
        dilation_rate: int | tuple[int, int] = 1,
        conv_padding: str = "same",
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, strides=strides, **kwargs)
        self.kernel_size = arguments.int_pair("kernel_size", kernel_size)
        self.dilation_rate = arguments.int_pair("dilation_rate", dilation_rate)
        self.conv_padding = arguments.padding(conv_padding)

    def call(self, inputs: Any) -> Any:
        """Returns the layer's output for `inputs` of shape (N, H, W, S) or (N, S, H, W)."""
        first = 1 if self.data_format == "channels_last" else 2
        static, dynamic = inputs.shape, tf.shape(inputs)
        paddings, starts, sizes = [[0, 0]] * 4, [0] * 4, [-1] * 4
        for axis, place in enumerate((first, first + 1)):
            size = dynamic[place] if static[place] is None else static[place]
            outputs, origin = self._outputs_and_origin(size, axis)
            # With zeros above, the first output falls on a row that the stride visits.
            above = -origin % self.strides[axis]
            paddings[place] = [above, 0]
            starts[place] = (origin + above) // self.strides[axis]
            sizes[place] = outputs
        outputs = super().call(tf.pad(inputs, paddings))
        outputs = tf.slice(outputs, starts, sizes)
        return tf.ensure_shape(outputs, self.compute_output_shape(tuple(static)))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the output's shape, that of the convolution; unknown dimensions are None.

        Raises:
            ValueError: `input_shape` is not of rank 4, or the kernel does not fit into the image.
        """
        shape = list(super().compute_output_shape(input_shape))
        first = 1 if self.data_format == "channels_last" else 2
        for axis, place in enumerate((first, first + 1)):
            size = input_shape[place]
            if size is not None:
                outputs, _ = self._outputs_and_origin(size, axis)
                shape[place] = outputs
                if outputs < 0 or (outputs == 0 and size > 0):
                    raise ValueError(
                        f"The kernel of size {self._size(axis)} must fit into the image. "
                        f"Received: input_shape={input_shape}"
                    )
        return tuple(shape)

    @property
    def extents(self) -> tuple[int, int]:
        """Rows and columns from the first to the last weight of the kernel that it replaced."""
        return self._size(0), self._size(1)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        config = super().get_config()
        del config["padding"]
        return {
            **config,
            "kernel_size": self.kernel_size,
            "dilation_rate": self.dilation_rate,
            "conv_padding": self.conv_padding,
        }

    def _size(self, axis: int) -> int:
        return (self.kernel_size[axis] - 1) * self.dilation_rate[axis] + 1

    def _outputs_and_origin(self, size: Any, axis: int) -> tuple[Any, Any]:
        """Number of outputs and the first one's row, for an image size or a scalar tensor of it."""
        extent, stride = self._size(axis), self.strides[axis]
        if self.conv_padding == "valid":
            return geometry.output_size(size - (extent - 1), stride), (extent - 1) // 2
        outputs = geometry.output_size(size, stride)
        missing = (outputs - 1) * stride + extent - size
        missing = tf.maximum(missing, 0) if tf.is_tensor(missing) else max(missing, 0)
        return outputs, (extent - 1) // 2 - missing // 2
