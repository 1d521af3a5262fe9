"""SRN-DeblurNet without LSTM, with 5x5 convolutions or displaced aggregation units.

scale 1/4:  r4 = net(b4 ++ b4)                        b4, b2, b1: the blurred image
scale 1/2:  r2 = net(b2 ++ stop_gradient(up(r4)))     up: bilinear, x2
scale 1:    r1 = net(b1 ++ stop_gradient(up(r2)))     net: one set of weights
"""

from collections.abc import Callable
from typing import Any

import keras

from dau_tf import DAUConv2D
from examples.models.resizing import CropLike, Enlarge2x, PadToMultiple, StopGradient

SCALES = {"quarter": 4, "half": 2, "full": 1}
"""Output name -> pixels of the image that one pixel of that output covers, coarse to fine."""

MakeLayer = Callable[..., keras.Layer]

# Two halvings below the coarsest scale, which is itself a quarter of the image.
_SIZE_MULTIPLE = 16


def srn_deblur(
    conv: str = "dau",
    width: int = 32,
    sigma: float = 0.35,
    units: int = 2,
    max_displacement: float = 4.0,
    displacement_stddev: float = 0.5,
    input_skip: bool = False,
    name: str = "srn_deblur",
) -> keras.Model:
    """Builds the three-scale de-blurring network (paper, Sec. 6.3).

    The input is [N, H, W, 3] float32 in 0..1 with any N, H, W >= 1: a size that is no multiple
    of 16 is padded by repeating its edge, and the outputs are cut back.

    Args:
        conv: "dau" or "standard". The convolutions that the DAU network keeps (the first, the
            last and the two transposed ones) are the same in both.
        width: channels of the finest level, even or odd, >= 1; the next levels have 2x and 4x.
        sigma: aggregation perimeter of the units, pixels, > 0.
        units: units per input channel and filter, >= 1.
        max_displacement: bound of |displacement|, pixels.
        displacement_stddev: standard deviation of the initial displacements, pixels.
        input_skip: add each scale's blurred image to its output and start from a last layer
            near zero, so that training starts from the identity. Not in the paper.
        name: name of the model.

    Returns:
        A functional model whose output is a dict, coarse to fine: "quarter"
        [N, ceil(H/4), ceil(W/4), 3], "half" [N, ceil(H/2), ceil(W/2), 3] and "full"
        [N, H, W, 3], float32, not clipped. `srn_deblur()` has 1,780,768 weights without biases
        in 707,616 units, `srn_deblur("standard")` 6,878,240 weights.

    Raises:
        ValueError: `conv` or `width` is not one of the above.

    Example:
        >>> model = srn_deblur("standard", width=4)
        >>> model(np.zeros([1, 45, 80, 3], "float32"))["full"].shape
        TensorShape([1, 45, 80, 3])
    """
    if conv not in ("dau", "standard"):
        raise ValueError(f"`conv` must be 'dau' or 'standard'. Received: conv={conv!r}")
    if not isinstance(width, int) or width < 1:
        raise ValueError(f"`width` must be an integer >= 1. Received: width={width}")

    def layer(
        filters: int, strides: int = 1, activation: str | None = "relu", name: str = ""
    ) -> keras.Layer:
        if conv == "standard":
            return _conv(filters, 5, strides, activation, name)
        return DAUConv2D(
            filters,
            units=units,
            strides=strides,
            padding="same",
            sigma=sigma,
            max_displacement=max_displacement,
            displacement_initializer=keras.initializers.RandomNormal(stddev=displacement_stddev),
            activation=activation,
            name=name,
        )

    net = _one_scale(layer, width, last_stddev=1e-3 if input_skip else None)
    image = keras.Input((None, None, 3), name="blurred")
    padded = PadToMultiple(_SIZE_MULTIPLE, name="pad")(image)
    outputs, previous = {}, None
    for scale_name, scale in SCALES.items():
        blurred = padded
        if scale > 1:
            blurred = keras.layers.AveragePooling2D(scale, name=f"blurred_{scale_name}")(padded)
        if previous is None:
            previous = blurred
        else:
            previous = Enlarge2x(name=f"up_{scale_name}")(previous)
            previous = StopGradient(name=f"stop_{scale_name}")(previous)
        result = net(keras.layers.Concatenate(name=f"in_{scale_name}")([blurred, previous]))
        if input_skip:
            result = keras.layers.Add(name=f"skip_{scale_name}")([result, blurred])
        outputs[scale_name] = CropLike(scale, name=scale_name)([result, image])
        previous = result
    return keras.Model(image, outputs, name=name)


def restorer(model: keras.Model) -> keras.Model:
    """Keeps the finest output only: [N, H, W, 3] -> [N, H, W, 3], sharing the weights."""
    return keras.Model(model.input, model.output["full"], name=f"{model.name}_restorer")


def _conv(
    filters: int, size: int, strides: int, activation: str | None, name: str, **kwargs: Any
) -> keras.Layer:
    return keras.layers.Conv2D(
        filters, size, strides, padding="same", activation=activation, name=name, **kwargs
    )


def _residual_blocks(
    x: keras.KerasTensor, layer: MakeLayer, filters: int, stage: str
) -> keras.KerasTensor:
    """Three times x + conv(relu(conv(x))), without a ReLU after the sum."""
    for i in (1, 2, 3):
        block = f"{stage}_block{i}"
        y = layer(filters, name=f"{block}a")(x)
        y = layer(filters, activation=None, name=f"{block}b")(y)
        x = keras.layers.Add(name=f"{block}_sum")([x, y])
    return x


def _up(
    x: keras.KerasTensor, skip: keras.KerasTensor, filters: int, name: str
) -> keras.KerasTensor:
    """The transposed 4x4 convolution with ReLU, then the encoder's output of that level."""
    y = keras.layers.Conv2DTranspose(filters, 4, 2, padding="same", activation="relu", name=name)(x)
    return keras.layers.Add(name=f"{name}_sum")([y, skip])


def _one_scale(layer: MakeLayer, width: int, last_stddev: float | None) -> keras.Model:
    """[N, h, w, 6] -> [N, h, w, 3], h and w multiples of 4."""
    last = {}
    if last_stddev is not None:
        last["kernel_initializer"] = keras.initializers.RandomNormal(stddev=last_stddev)
    inputs = keras.Input((None, None, 6), name="blurred_and_previous")
    level1 = _residual_blocks(_conv(width, 5, 1, "relu", "enc1_1")(inputs), layer, width, "enc1")
    level2 = layer(2 * width, strides=2, name="enc2_1")(level1)
    level2 = _residual_blocks(level2, layer, 2 * width, "enc2")
    level3 = layer(4 * width, strides=2, name="enc3_1")(level2)
    level3 = _residual_blocks(level3, layer, 4 * width, "enc3")
    level3 = _residual_blocks(level3, layer, 4 * width, "dec3")
    x = _residual_blocks(_up(level3, level2, 2 * width, "dec2_4"), layer, 2 * width, "dec2")
    x = _residual_blocks(_up(x, level1, width, "dec1_4"), layer, width, "dec1")
    return keras.Model(inputs, _conv(3, 5, 1, None, "dec1_0", **last)(x), name="one_scale")
