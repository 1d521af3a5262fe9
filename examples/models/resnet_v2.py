"""ResNet v2, pre-activation bottlenecks, with 3x3 convolutions or displaced aggregation units.

block:  p = relu(bn(x));  y = 1x1(relu(bn(conv(relu(bn(1x1(p)))))));  x <- y + (x, or 1x1(p) first)
conv:   3x3, or a DAU layer of `units` units with mu ~ U[-1.5, 1.5], |mu| <= 4 (paper, Sec. 5.2)
"""

import keras

from dau_tf import DAUConv2D
from dau_tf.initializers import DisplacementUniform

BLOCKS = {14: (1, 1, 1, 1), 26: (2, 2, 2, 2), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
"""Depth -> blocks of the four stages; 14 and 26 are for small machines, not in the paper."""

OUTPUT_STRIDES = (8, 16, 32)
INITIAL_SPREAD = 1.5
MAX_DISPLACEMENT = 4.0

_EPSILON = 1.001e-5  # that of keras.applications, whose weights can be loaded


def resnet_v2(
    depth: int = 50,
    conv: str = "dau",
    classes: int | None = 1000,
    output_stride: int = 32,
    width: int = 64,
    units: int = 2,
    sigma: float = 0.5,
    batch_norm_momentum: float = 0.99,
    name: str | None = None,
) -> keras.Model:
    """Builds the network, for classification or as the trunk of another one.

    The input is [N, H, W, 3] float32 with any N, H, W >= 1; the paper's is 224 x 224. Resolution
    falls in the stem (7x7 with stride 2, then max-pooling) and by 3x3 max-pooling in front of the
    stages 2 to 4, in both variants, because the paper's DAU layers had no stride. Layers are named
    as in keras.applications.

    Args:
        depth: 50 or 101, as in the paper; 14 or 26 for trials.
        conv: "dau" or "standard": what every 3x3 convolution of a bottleneck is.
        classes: outputs of the classifier; None for the features instead.
        output_stride: pixels of the image that one pixel of the last stage covers, 32, 16 or 8. The
            last poolings are left out for less than 32, and what comes after them looks as far as
            before: 3x3 convolutions are dilated, displacements and their limit scaled (Sec. 4.3).
        width: channels inside the first stage's bottlenecks, >= 1; 64 in the paper. Later stages
            have 2x, 4x and 8x as many, and a stage's output 4x as many as its bottlenecks.
        units: units per input channel and filter, >= 1.
        sigma: aggregation perimeter of the units, pixels.
        batch_norm_momentum: of the running means, in 0..1; short trainings need less.
        name: name of the model; None: `resnet<depth>_v2`.

    Returns:
        A functional model. With `classes` its output is [N, classes] float32, logits. Else it is a
        dict: "stride4" [N, ceil(H/4), ceil(W/4), 4 width], the first stage's, not activated; and
        "features" [N, ceil(H/output_stride), ceil(W/output_stride), 32 width], activated.
        `resnet_v2(50)` has 21,776,936 trainable parameters, with conv="standard" 25,549,352.

    Raises:
        ValueError: an argument is not one of the above.

    Example:
        >>> model = resnet_v2(14, "standard", classes=10, width=2)
        >>> model(np.zeros([1, 45, 80, 3], "float32")).shape
        TensorShape([1, 10])
    """
    _check(depth, conv, classes, output_stride, width)
    image = keras.Input((None, None, 3), name="image")
    momentum = batch_norm_momentum

    def batch_norm(name: str) -> keras.Layer:
        return keras.layers.BatchNormalization(epsilon=_EPSILON, momentum=momentum, name=name)

    def activated(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        return keras.layers.ReLU(name=name.replace("_bn", "_relu"))(batch_norm(name)(x))

    def spatial(x: keras.KerasTensor, filters: int, dilation: int, name: str) -> keras.KerasTensor:
        if conv == "standard":
            return bias_free_conv(filters, 3, name, dilation_rate=dilation)(x)
        return DAUConv2D(
            filters,
            units=units,
            sigma=sigma,
            max_displacement=MAX_DISPLACEMENT * dilation,
            displacement_initializer=DisplacementUniform(INITIAL_SPREAD * dilation),
            weight_initializer="he_normal",
            use_bias=False,
            name=name,
        )(x)

    def block(
        x: keras.KerasTensor, filters: int, first: bool, dilation: int, name: str
    ) -> keras.KerasTensor:
        before = activated(x, f"{name}_preact_bn")
        shortcut = bias_free_conv(4 * filters, 1, f"{name}_0_conv")(before) if first else x
        y = activated(bias_free_conv(filters, 1, f"{name}_1_conv")(before), f"{name}_1_bn")
        y = activated(spatial(y, filters, dilation, f"{name}_2_conv"), f"{name}_2_bn")
        y = bias_free_conv(4 * filters, 1, f"{name}_3_conv")(y)
        return keras.layers.Add(name=f"{name}_out")([shortcut, y])

    x = bias_free_conv(width, 7, "conv1_conv", strides=2)(image)
    x = keras.layers.MaxPooling2D(3, 2, "same", name="pool1")(x)
    stride, dilation = 4, 1
    outputs: dict[str, keras.KerasTensor] = {}
    for stage, blocks in enumerate(BLOCKS[depth], start=2):
        if stage > 2 and stride < output_stride:
            x = keras.layers.MaxPooling2D(3, 2, "same", name=f"pool{stage - 1}")(x)
            stride *= 2
        elif stage > 2:
            dilation *= 2
        for number in range(1, blocks + 1):
            filters = width * 2 ** (stage - 2)
            x = block(x, filters, number == 1, dilation, f"conv{stage}_block{number}")
        outputs.setdefault("stride4", x)
    outputs["features"] = activated(x, "post_bn")
    if classes is None:
        return keras.Model(image, outputs, name=name or f"resnet{depth}_v2")
    x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(outputs["features"])
    x = keras.layers.Dense(classes, name="predictions")(x)
    return keras.Model(image, x, name=name or f"resnet{depth}_v2")


def bias_free_conv(filters: int, size: int, name: str, **kwargs: int) -> keras.Layer:
    """A padded convolution for batch norm to follow, which has the bias."""
    return keras.layers.Conv2D(
        filters,
        size,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
        **kwargs,
    )


def _check(depth: int, conv: str, classes: int | None, output_stride: int, width: int) -> None:
    if depth not in BLOCKS:
        raise ValueError(f"`depth` must be one of {list(BLOCKS)}. Received: depth={depth}")
    if conv not in ("dau", "standard"):
        raise ValueError(f"`conv` must be 'dau' or 'standard'. Received: conv={conv!r}")
    if classes is not None and (not isinstance(classes, int) or classes < 1):
        raise ValueError(f"`classes` must be an integer >= 1 or None. Received: classes={classes}")
    if output_stride not in OUTPUT_STRIDES:
        raise ValueError(
            f"`output_stride` must be one of {OUTPUT_STRIDES}. "
            f"Received: output_stride={output_stride}"
        )
    if not isinstance(width, int) or width < 1:
        raise ValueError(f"`width` must be an integer >= 1. Received: width={width}")
