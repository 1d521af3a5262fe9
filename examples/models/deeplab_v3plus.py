"""DeepLabv3+ on ResNet v2, each of its parts with DAU layers, with convolutions, or left out.

head:    f = ResNet's features, stride 16
         h = dropout(1x1(1x1(f) ++ context(f) ++ 1x1(mean of f over the image)))
context: ASPP, a 3x3 convolution at each of the rates 6, 12, 18; or DAU-6U, one layer of six units
decoder: h <- c(c(up(h) ++ 1x1(features of stride 4))),  c: 3x3, or a DAU layer of two units
result:  1x1 to classes, enlarged to the image's size (paper, Sec. 6.2, Fig. 10)
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from dau_tf import DAUConv2D
from dau_tf.initializers import DisplacementUniform
from examples.models.arguments import check_counts
from examples.models.pixel_logits import pixel_logits
from examples.models.resizing import EnlargeAligned, PadToMultiple, SpreadLike
from examples.models.resnet_v2 import (
    INITIAL_SPREAD,
    MAX_DISPLACEMENT,
    bias_free_conv,
    resnet_v2,
)

BACKBONE = "backbone"
"""Name of the layer that holds the ResNet."""

SMALL: Mapping[str, Any] = {
    "depth": 26, "width": 16, "filters": 64, "low_level_filters": 16, "rates": (3, 6, 9),
}  # fmt: skip
"""`deeplab_v3plus(..., **SMALL)` trains on two cores, on images of 360 x 480 pixels or less; rates
are halved as such images' features have half the size of those of 769 x 769."""

_LOW_LEVEL_STRIDE = 4
_CHOICES: Mapping[str, Sequence[str | None]] = {
    "backbone_conv": ("dau", "standard"),
    "context": ("dau", "aspp", None),
    "decoder": ("dau", "standard", None),
}


def deeplab_v3plus(
    backbone_conv: str = "dau",
    context: str | None = "dau",
    image_pooling: bool = True,
    decoder: str | None = "dau",
    depth: int = 101,
    classes: int = 19,
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    output_stride: int = 16,
    width: int = 64,
    filters: int = 256,
    low_level_filters: int = 48,
    rates: Sequence[int] = (6, 12, 18),
    context_units: int = 6,
    pointwise: bool = True,
    units: int = 2,
    sigma: float = 0.5,
    dropout: float = 0.1,
    batch_norm_momentum: float = 0.99,
    name: str = "deeplab_v3plus",
) -> keras.Model:
    """Builds the network; every row of Table 7 is a call of it.

    The image is padded, by repeating its edge, to the next k * output_stride + 1 pixels, as 769 is
    48 * 16 + 1, so that features lie on pixels; the result is cut back. Any size >= 1 x 1 is right.

    Args:
        backbone_conv: "dau" or "standard", see `resnet_v2`.
        context: "aspp", "dau" for the single layer in the place of ASPP's 3x3 convolutions, or
            None.
        image_pooling: whether the head sees the mean over the whole image.
        decoder: "dau" or "standard", or None: classes from the head, at the features' resolution.
        depth: 50 or 101, as in the paper; 14 or 26 for trials.
        classes: outputs a pixel, >= 1.
        input_shape: of an image, (height, width, 3); None for sizes that are not fixed.
        output_stride: of the features, 8, 16 or 32 pixels; 16 in the paper.
        width: of the backbone, see `resnet_v2`; 64 in the paper.
        filters: of every layer of head and decoder, >= 1; 256 in the paper.
        low_level_filters: what the decoder keeps of the features of stride 4, >= 1; 48.
        rates: dilations of ASPP, one convolution each, pixels of the features. The units of the DAU
            layer start anywhere within the largest of them, which is also their limit.
        context_units: units per input channel and filter of that layer, >= 1.
        pointwise: whether ASPP's 1x1 branch is kept. The paper does not say whether it stands
            beside its DAU layer too; without `context` it is the head, and must be.
        units: units per input channel and filter of all other DAU layers, >= 1.
        sigma: aggregation perimeter of all units, pixels.
        dropout: share dropped before the classes (with a decoder: before it), in [0, 1).
        batch_norm_momentum: of the running means, in 0..1; short trainings need less.
        name: name of the model.

    Returns:
        A functional model, [N, H, W, 3] float32 to logits [N, H, W, classes] float32. Its layer
        "backbone" is the `resnet_v2`. ASPP's 3x3 convolutions have 14,155,776 weights, the DAU
        layer in their place 9,437,184 parameters.

    Raises:
        ValueError: an argument is not one of the above.

    Example:
        >>> model = deeplab_v3plus("standard", "aspp", decoder=None, depth=14, width=2, filters=4)
        >>> model(np.zeros([1, 45, 80, 3], "float32")).shape
        TensorShape([1, 45, 80, 19])
    """
    _check(backbone_conv=backbone_conv, context=context, decoder=decoder)
    check_counts(classes=classes, filters=filters, low_level_filters=low_level_filters)
    if not rates or min(rates) < 1:
        raise ValueError(f"`rates` must be integers >= 1, at least one. Received: rates={rates}")
    if context is None and not pointwise:
        raise ValueError(
            "`pointwise` must be True where there is no `context`, or nothing is left of the head. "
            "Received: pointwise=False, context=None"
        )

    def activated(x: keras.KerasTensor, layer: keras.Layer) -> keras.KerasTensor:
        norm = keras.layers.BatchNormalization(
            momentum=batch_norm_momentum, name=f"{layer.name}_bn"
        )
        return keras.layers.ReLU(name=f"{layer.name}_relu")(norm(layer(x)))

    def dau(name: str, count: int, spread: float, limit: float) -> keras.Layer:
        return DAUConv2D(
            filters,
            units=count,
            sigma=sigma,
            max_displacement=limit,
            displacement_initializer=DisplacementUniform(spread),
            weight_initializer="he_normal",
            use_bias=False,
            name=name,
        )

    def contexts() -> list[keras.Layer]:
        if context == "dau":
            return [dau("context_dau", context_units, max(rates), max(rates))]
        if context == "aspp":
            return [
                bias_free_conv(filters, 3, f"context_aspp{number}", dilation_rate=rate)
                for number, rate in enumerate(rates, 1)
            ]
        return []

    def head(x: keras.KerasTensor) -> keras.KerasTensor:
        branches = [bias_free_conv(filters, 1, "context_1x1")] if pointwise else []
        seen = [activated(x, layer) for layer in (*branches, *contexts())]
        if image_pooling:
            pooled = keras.layers.GlobalAveragePooling2D(keepdims=True, name="image_pooling")(x)
            pooled = activated(pooled, bias_free_conv(filters, 1, "image_pooling_1x1"))
            seen.append(SpreadLike(name="image_pooling_spread")([pooled, x]))
        if len(seen) > 1:
            seen = [keras.layers.Concatenate(name="context_all")(seen)]
        x = activated(seen[0], bias_free_conv(filters, 1, "head_1x1"))
        return keras.layers.Dropout(dropout, name="head_dropout")(x)

    def decoded(x: keras.KerasTensor, low_level: keras.KerasTensor) -> keras.KerasTensor:
        low_level = activated(low_level, bias_free_conv(low_level_filters, 1, "decoder_low_level"))
        x = EnlargeAligned(output_stride // _LOW_LEVEL_STRIDE, name="decoder_enlarge")(x)
        x = keras.layers.Concatenate(name="decoder_all")([x, low_level])
        for number in (1, 2):
            layer_name = f"decoder_conv{number}"
            if decoder == "dau":
                layer = dau(layer_name, units, INITIAL_SPREAD, MAX_DISPLACEMENT)
            else:
                layer = bias_free_conv(filters, 3, layer_name)
            x = activated(x, layer)
        return x

    backbone = resnet_v2(
        depth,
        backbone_conv,
        classes=None,
        output_stride=output_stride,
        width=width,
        units=units,
        sigma=sigma,
        batch_norm_momentum=batch_norm_momentum,
        name=BACKBONE,
    )
    image = keras.Input(input_shape, name="image")
    features = backbone(PadToMultiple(output_stride, extra=1, name="pad")(image))
    x, stride = head(features["features"]), output_stride
    if decoder is not None:
        x, stride = decoded(x, features["stride4"]), _LOW_LEVEL_STRIDE
    return keras.Model(image, pixel_logits(x, image, classes, stride), name=name)


def _check(**chosen: str | None) -> None:
    for argument, value in chosen.items():
        if value not in _CHOICES[argument]:
            raise ValueError(
                f"`{argument}` must be one of {list(_CHOICES[argument])}. "
                f"Received: {argument}={value!r}"
            )
