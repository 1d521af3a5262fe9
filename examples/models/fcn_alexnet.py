"""AlexNet for segmentation: fully convolutional, with a stride of 8 (Sec. 4.3 and 6.1, Table 5).

image -> AlexNet's five layers without its last two max-pools -> conv6 6x6, 4096 -> conv7 1x1, 4096
      -> 1x1 to classes -> enlarged 8 times

What comes after a removed pooling looks at places of the scene as far apart as before: the standard
network is dilated, by 2 in layers 3 to 5 and by 4 in layer 6; displacements are scaled by 2.
"""

import keras

from dau_tf import scale_displacements
from examples.models.alexnet import alexnet_features
from examples.models.arguments import check_counts
from examples.models.pixel_logits import pixel_logits
from examples.models.resizing import PadToMultiple

_STRIDE = 8
# What AlexNet's first dense layer sees of 227 x 227 pixels, at a stride of 32.
_FC6_SIZE = 6


def fcn_alexnet(
    conv: str = "standard",
    classes: int = 21,
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    fc_filters: int = 4096,
    sigma: float = 0.5,
    max_displacement: float = 4.0,
    dropout: float = 0.5,
    name: str = "fcn_alexnet",
) -> keras.Model:
    """Builds the network. Layers are named as in `alexnet`, whose weights fit.

    The image is padded, by repeating its edge, to the next 8 k + 1 pixels, so that features lie on
    pixels; the result is cut back. Any size >= 1 x 1 is right.

    Args:
        conv: "standard", "dau-small", "dau-medium" or "dau-large", see `alexnet`.
        classes: outputs a pixel, >= 1; 21 in PASCAL VOC.
        input_shape: of an image, (height, width, 3); None for sizes that are not fixed.
        fc_filters: of layers 6 and 7, >= 1; 4096 in the paper.
        sigma: aggregation perimeter of the units, pixels, > 0.
        max_displacement: bound of |displacement| in layer 2, pixels; in 3 to 5 twice as much.
        dropout: share dropped before layers 6 and 7, in [0, 1).
        name: name of the model.

    Returns:
        A functional model, [N, H, W, 3] float32 to logits [N, H, W, classes] float32. Layers 1 to 5
        have as many weights and units as those of `alexnet`.

    Raises:
        ValueError: `conv`, `classes` or `fc_filters` is not one of the above.

    Example:
        >>> model = fcn_alexnet("dau-small", classes=2, fc_filters=4)
        >>> model(np.zeros([1, 45, 80, 3], "float32")).shape
        TensorShape([1, 45, 80, 2])
    """
    check_counts(classes=classes, fc_filters=fc_filters)
    image = keras.Input(input_shape, name="image")
    x = alexnet_features(
        PadToMultiple(_STRIDE, extra=1, name="pad")(image),
        conv,
        pools=(1,),
        padding="same",
        dilation=2 if conv == "standard" else 1,
        sigma=sigma,
        max_displacement=max_displacement,
    )
    for number, size, dilation in ((6, _FC6_SIZE, 4), (7, 1, 1)):
        x = keras.layers.Dropout(dropout, name=f"drop{number}")(x)
        x = keras.layers.Conv2D(
            fc_filters,
            size,
            padding="same",
            dilation_rate=dilation,
            activation="relu",
            name=f"fc{number}",
        )(x)
    model = keras.Model(image, pixel_logits(x, image, classes, _STRIDE), name=name)
    if conv != "standard":
        for number in (3, 4, 5):
            scale_displacements(model.get_layer(f"dau{number}"), 2.0)
    return model
