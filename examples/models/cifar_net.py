"""The network of Sec. 4.1 (Table 1): which sigma, fixed or learned, is the right one.

image -> three times [DAU layer, batch norm, ReLU, max-pool /2] -> dense
"""

from collections.abc import Sequence

import keras

from dau_tf import DAUConv2D
from dau_tf.initializers import DisplacementUniform

LEARNED = "learned"
"""For `sigma`: a perimeter of its own for each unit, from U[0.3, 0.8] (Eq. 2-10)."""


def cifar_net(
    conv: str = "dau",
    classes: int = 10,
    shape: tuple[int, int, int] = (32, 32, 3),
    filters: Sequence[int] = (64, 64, 64),
    units: int = 4,
    sigma: float | str = 0.5,
    max_displacement: float = 4.0,
    name: str = "cifar_net",
) -> keras.Model:
    """Builds the network of Sec. 4.1.

    Args:
        conv: "dau", or "standard" with a 3x3 convolution of the same width in each place.
        classes: outputs, >= 1.
        shape: (height, width, channels) of the images.
        filters: of the three layers. The widths of the paper are not known here: 64 is ours.
        units: K of each DAU layer; the paper's 4.
        sigma: aggregation perimeter in pixels, or "learned".
        max_displacement: bound of |displacement|, pixels.
        name: name of the model.

    Returns:
        A functional model, [N, *shape] float32 to logits [N, classes].

    Raises:
        ValueError: `conv` or `sigma` is not one of the above.

    Example:
        >>> cifar_net(sigma="learned").output_shape
        (None, 10)
    """
    if conv not in ("dau", "standard"):
        raise ValueError(f"`conv` must be 'dau' or 'standard'. Received: conv={conv!r}")
    if isinstance(sigma, str) and sigma != LEARNED:
        raise ValueError(f"`sigma` must be a number or {LEARNED!r}. Received: sigma={sigma!r}")

    def layer(count: int, number: int) -> keras.Layer:
        if conv == "standard":
            return keras.layers.Conv2D(
                count,
                3,
                padding="same",
                use_bias=False,
                name=f"conv{number}",
            )
        return DAUConv2D(
            count,
            units=units,
            use_bias=False,
            max_displacement=max_displacement,
            displacement_initializer=DisplacementUniform(min(1.5, max_displacement)),
            name=f"dau{number}",
            **_sigma_arguments(sigma),
        )

    image = keras.Input(shape, name="image")
    x = image
    for number, count in enumerate(filters, 1):
        x = layer(count, number)(x)
        x = keras.layers.BatchNormalization(name=f"norm{number}")(x)
        x = keras.layers.ReLU(name=f"relu{number}")(x)
        x = keras.layers.MaxPooling2D(2, padding="same", name=f"pool{number}")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    return keras.Model(image, keras.layers.Dense(classes, name="dense")(x), name=name)


def _sigma_arguments(sigma: float | str) -> dict:
    if not isinstance(sigma, str):
        return {"sigma": sigma}
    return {
        "sigma_mode": "per_unit",
        "sigma_trainable": True,
        "sigma_initializer": keras.initializers.RandomUniform(0.3, 0.8),
        "min_sigma": 0.3,
        "max_sigma": 0.8,
    }
