"""A network of stock Keras layers that computes what a network with DAU layers does."""

from typing import Any

import keras

from dau_tf.export.kernel import kernel_of
from dau_tf.export.placement import Placement, place
from dau_tf.layers import DAUConv2D
from dau_tf.replacement import ReplacedConv2D, rebuilding

_TO_LAST, _TO_FIRST = (2, 3, 1), (3, 1, 2)


def to_standard(model: keras.Model) -> keras.Model:
    """Rebuilds a model with convolutions in the place of its DAU layers.

    Each DAU layer becomes a `Conv2D` whose kernel holds the sum of its units, cut to where they
    are. Outputs are the same up to rounding, borders, strides and groups included, and the copy
    needs neither the op nor `dau_tf`: it can go where stock layers go (docs/export.md). It is for
    inference. It has more parameters and costs more time the further units reach, and what it
    would learn is no longer a DAU network; regularizers and constraints are left out.

    A layer whose borders `Conv2D` does not have becomes a `Sequential` of the layer's name:
    `ZeroPadding2D` or `Cropping2D` before the `Conv2D`. `channels_first`, which `Conv2D` does not
    know on CPUs, becomes `channels_last` between two `Permute`. `groups` = channels becomes
    `DepthwiseConv2D` where both strides are the same, as it demands. All other layers are copied
    as they are, layers of your own too.

    Args:
        model: A built functional or sequential model; it is left as it is.

    Returns:
        A new model, not compiled.

    Raises:
        ValueError: `model` is neither functional nor sequential, or not built, or has no DAU layer;
            a DAU layer stands within a wrapper or a layer of another kind, where it is not reached,
            or is of a class of your own; its variables are not finite; its kernel would have more
            than 134 million weights; or it is a `ReplacedConv2D` of padding `same` and a stride
            larger than the kernel it replaced. The message names the layer.

    Example:
        >>> import keras
        >>> import dau_tf
        >>> keras.utils.set_random_seed(0)
        >>> model = keras.Sequential([keras.Input((32, 32, 3)), dau_tf.DAUConv2D(8, name="dau")])
        >>> standard = dau_tf.export.to_standard(model)
        >>> type(standard.get_layer("dau")).__name__, standard.output_shape
        ('Conv2D', (None, 32, 32, 8))
    """
    rebuilding.check(model)
    found = [part for part in rebuilding.layers(model) if isinstance(part, DAUConv2D)]
    _check_reached(model, found)
    converted = {id(layer): _Converted(layer) for layer in found}

    def make(layer: Any) -> Any:
        new = converted.get(id(layer))
        return None if new is None else new.layer

    new_model, pairs = rebuilding.rebuild(model, make, compiled=False)
    for layer, _ in pairs:
        converted[id(layer)].assign()
    return new_model


def _check_reached(model: keras.Model, found: list[DAUConv2D]) -> None:
    every = [part for part in model._flatten_layers() if isinstance(part, DAUConv2D)]
    if not every:
        raise ValueError(f"`model` must hold a DAUConv2D. Received: {model.name!r} without any")
    reached = {id(layer) for layer in found}
    hidden = sorted({layer.name for layer in every if id(layer) not in reached})
    if hidden:
        raise ValueError(
            "DAU layers must be layers of the model or of a model within it. Received: "
            f"{hidden} within a wrapper or a layer of another kind"
        )
    for layer in found:
        if type(layer) not in (DAUConv2D, ReplacedConv2D):
            raise ValueError(
                f"The layer {layer.name!r} must be a DAUConv2D or a ReplacedConv2D, whose "
                f"computation is known. Received: {type(layer).__name__}"
            )


class _Converted:
    """The stock layers in the place of a DAU layer."""

    def __init__(self, dau: DAUConv2D) -> None:
        self._dau = dau
        self._placement = place(dau, kernel_of(dau))
        self._depthwise = dau.unit_weight.shape[1] == 1 and dau.groups > 1
        self._depthwise &= dau.strides[0] == dau.strides[1]
        self._conv = self._convolution()
        self.layer = self._conv
        parts = self._parts()
        if len(parts) > 1:
            self.layer = keras.Sequential(parts, name=dau.name, trainable=dau.trainable)

    def assign(self) -> None:
        """Sets the weights, once the convolution is built."""
        weights = self._placement.kernel.weights
        if self._depthwise:
            # Filters of a channel are neighbours: (rows, columns, 1, F) -> (rows, columns, S, F/S).
            weights = weights.reshape(*weights.shape[:2], self._dau.groups, -1)
        self._conv.kernel.assign(weights)
        if self._dau.bias is not None:
            self._conv.bias.assign(self._dau.bias)

    def _convolution(self) -> Any:
        dau, kernel = self._dau, self._placement.kernel
        settings = {
            "kernel_size": kernel.size,
            "strides": dau.strides,
            "padding": self._placement.padding,
            "data_format": "channels_last",
            "activation": dau.activation if dau.data_format == "channels_last" else None,
            "use_bias": dau.use_bias,
            "name": dau.name,
            "dtype": dau.dtype_policy,
            "trainable": dau.trainable,
        }
        if self._depthwise:
            multiplier = dau.filters // dau.groups
            return keras.layers.DepthwiseConv2D(depth_multiplier=multiplier, **settings)
        return keras.layers.Conv2D(dau.filters, groups=dau.groups, **settings)

    def _parts(self) -> list[Any]:
        parts = [*_border(self._placement, self._dau.dtype_policy), self._conv]
        if self._dau.data_format == "channels_last":
            return parts
        dtype = self._dau.dtype_policy
        last = keras.layers.Permute(_TO_LAST, dtype=dtype, name="to_channels_last")
        first = keras.layers.Permute(_TO_FIRST, dtype=dtype, name="to_channels_first")
        # After the channels are back: the axis of a softmax is that of the layer's output.
        activation = keras.layers.Activation(self._dau.activation, dtype=dtype, name="activation")
        return [last, *parts, first, activation]


def _border(placement: Placement, dtype: Any) -> list[Any]:
    layers = []
    for name, kind, amounts in (
        ("zeros", keras.layers.ZeroPadding2D, placement.zeros),
        ("cut", keras.layers.Cropping2D, placement.cut),
    ):
        if any(map(any, amounts)):
            layers.append(kind(amounts, data_format="channels_last", dtype=dtype, name=name))
    return layers
