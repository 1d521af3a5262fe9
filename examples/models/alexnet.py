"""AlexNet in one pipeline, with standard convolutions or displaced aggregation units (Sec. 4.2).

227x227 -> conv1 11x11 stride 4, 96 -> LRN -> pool -> layer 2, 256 -> LRN -> pool
        -> layers 3 and 4, 384 each -> layer 5, 256 -> pool -> 4096 -> 4096 -> classes

DAU layers take the place of the convolutions of layers 2 to 5; conv1 stays.
"""

from collections.abc import Collection

import keras

from dau_tf import DAUConv2D
from dau_tf.initializers import DisplacementGrid
from examples.models.local_response_norm import LocalResponseNormalization

UNITS = {"dau-large": (6, 4), "dau-medium": (4, 2), "dau-small": (2, 1)}
"""Variant -> units per input channel and filter, in layer 2 and in layers 3 to 5 (Table 2)."""

CONVS = ("standard", *UNITS)
_FILTERS = {2: 256, 3: 384, 4: 384, 5: 256}
_KERNELS = {2: 5, 3: 3, 4: 3, 5: 3}


def alexnet(
    conv: str = "standard",
    classes: int = 1000,
    size: int = 227,
    sigma: float = 0.5,
    max_displacement: float = 4.0,
    dropout: float = 0.5,
    name: str = "alexnet",
) -> keras.Model:
    """Builds AlexNet for classification.

    Args:
        conv: "standard", or "dau-small", "dau-medium" or "dau-large": 2, 4 or 6 units in layer 2
            and 1, 2 or 4 in layers 3 to 5.
        classes: outputs, >= 1.
        size: height and width of the images, pixels, >= 67.
        sigma: aggregation perimeter of the units, pixels, > 0.
        max_displacement: bound of |displacement|, pixels.
        dropout: share dropped before and after the first 4096, in [0, 1).
        name: name of the model.

    Returns:
        A functional model, [N, size, size, 3] float32 to logits [N, classes]. The convolutions of
        `alexnet()` have 3,745,824 weights; the DAU layers have 393,216, 786,432 and 1,523,712
        units (small, medium, large).

    Raises:
        ValueError: `conv` or `size` is not one of the above.

    Example:
        >>> alexnet("dau-small", classes=10, size=67).output_shape
        (None, 10)
    """
    if size < 67:
        raise ValueError(
            f"`size` must be an integer >= 67, or nothing is left to pool. Received: size={size}"
        )
    image = keras.Input((size, size, 3), name="image")
    x = alexnet_features(
        image,
        conv,
        sigma=sigma,
        max_displacement=max_displacement,
    )
    x = keras.layers.Flatten(name="flatten")(x)
    for number in (6, 7):
        x = keras.layers.Dropout(dropout, name=f"drop{number}")(x)
        x = keras.layers.Dense(4096, activation="relu", name=f"fc{number}")(x)
    x = keras.layers.Dense(classes, name="fc8")(x)
    return keras.Model(image, x, name=name)


def alexnet_features(
    image: keras.KerasTensor,
    conv: str = "standard",
    *,
    pools: Collection[int] = (1, 2, 5),
    padding: str = "valid",
    dilation: int = 1,
    sigma: float = 0.5,
    max_displacement: float = 4.0,
) -> keras.KerasTensor:
    """The five layers that see images; `alexnet` and networks for segmentation stand on them.

    Args:
        image: [N, H, W, 3]; H and W may be unknown.
        conv: as in `alexnet`.
        pools: after which of layers 1, 2 and 5 there is a max-pool, 3x3 with stride 2. For
            segmentation (1,), which leaves a stride of 8.
        padding: of conv1 and the pools, "valid" or "same"; layers 2 to 5 are always padded.
        dilation: of the standard convolutions of layers 3 to 5. DAU layers take no dilation: call
            `dau_tf.scale_displacements` on them instead.
        sigma: as in `alexnet`.
        max_displacement: as in `alexnet`.

    Returns:
        [N, h, w, 256] float32; layers are named "conv1" ... "conv5", in the DAU networks "conv1"
        and "dau2" ... "dau5".

    Raises:
        ValueError: `conv` or `pools` is not one of the above, or `dilation` with DAU layers.

    Example:
        >>> image = keras.Input((None, None, 3))
        >>> alexnet_features(image, "dau-small", pools=(1,), padding="same").shape
        (None, None, None, 256)
    """
    _check(conv, pools, dilation)
    x = keras.layers.Conv2D(96, 11, 4, padding, activation="relu", name="conv1")(image)
    x = LocalResponseNormalization(name="norm1")(x)
    x = _pool(x, 1, pools, padding)
    for number, filters in _FILTERS.items():
        if conv == "standard":
            layer = keras.layers.Conv2D(
                filters,
                _KERNELS[number],
                padding="same",
                dilation_rate=dilation if number > 2 else 1,
                activation="relu",
                name=f"conv{number}",
            )
        else:
            # Evenly spread over what the standard layer's kernel covers.
            grid = DisplacementGrid(_KERNELS[number] / 2)
            layer = DAUConv2D(
                filters,
                units=UNITS[conv][0 if number == 2 else 1],
                sigma=sigma,
                max_displacement=max_displacement,
                displacement_initializer=grid,
                activation="relu",
                name=f"dau{number}",
            )
        x = layer(x)
        if number == 2:
            x = LocalResponseNormalization(name="norm2")(x)
        x = _pool(x, number, pools, padding)
    return x


def _check(conv: str, pools: Collection[int], dilation: int) -> None:
    if conv not in CONVS:
        raise ValueError(f"`conv` must be one of {list(CONVS)}. Received: conv={conv!r}")
    if not set(pools) <= {1, 2, 5}:
        raise ValueError(f"`pools` must be some of 1, 2 and 5. Received: pools={pools!r}")
    if dilation != 1 and conv != "standard":
        raise ValueError(
            "DAU layers have no `dilation`: scale their displacements instead. "
            f"Expected dilation=1. Received: dilation={dilation}"
        )


def _pool(
    x: keras.KerasTensor, number: int, pools: Collection[int], padding: str
) -> keras.KerasTensor:
    if number not in pools:
        return x
    return keras.layers.MaxPooling2D(3, 2, padding, name=f"pool{number}")(x)
