"""One convolution and the DAU layer that takes its place."""

from typing import Any

import keras
import numpy as np

from dau_tf.initializers import DisplacementUniform
from dau_tf.layers import DAUConv2D
from dau_tf.replacement.fit_units import fit_units
from dau_tf.replacement.replaced_conv2d import ReplacedConv2D


def is_convolution(layer: Any) -> bool:
    """Whether `layer` is a Conv2D or DepthwiseConv2D with a kernel of more than one pixel."""
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
    return type(layer) in kinds and max(layer.kernel_size) > 1


def dau_layer(conv: Any, units: int, options: dict[str, Any]) -> DAUConv2D:
    """Returns a new layer with the name, the output size and the settings of `conv`.

    Units start uniformly within the kernel's place: within 1.5 px for a 3x3 kernel (Sec. 5).

    Args:
        conv: What `is_convolution` accepts, built.
        units: K.
        options: Arguments of `DAUConv2D` that replace those taken from `conv`.
    """
    depthwise = isinstance(conv, keras.layers.DepthwiseConv2D)
    kind = "depthwise" if depthwise else "kernel"
    half = (_extent(conv, 0) / 2, _extent(conv, 1) / 2)
    limit = options.get("max_displacement", max(4.0, float(np.ceil(max(half)))))
    spread = half if limit is None else (min(half[0], limit), min(half[1], limit))
    settings = {
        "name": conv.name,
        "dtype": conv.dtype_policy,
        "trainable": conv.trainable,
        "strides": conv.strides,
        "data_format": conv.data_format,
        "groups": input_channels(conv) if depthwise else conv.groups,
        "max_displacement": limit,
        "activation": conv.activation,
        "use_bias": conv.use_bias,
        "weight_initializer": _copy(keras.initializers, getattr(conv, f"{kind}_initializer")),
        "displacement_initializer": DisplacementUniform(spread),
        "bias_initializer": _copy(keras.initializers, conv.bias_initializer),
        "weight_regularizer": getattr(conv, f"{kind}_regularizer"),
        "bias_regularizer": conv.bias_regularizer,
        "activity_regularizer": conv.activity_regularizer,
        "bias_constraint": conv.bias_constraint,
        **options,
    }
    filters = output_channels(conv)
    if conv.padding == "same" and max(conv.strides) == 1:
        return DAUConv2D(filters, units, **settings)
    return ReplacedConv2D(
        filters,
        kernel_size=conv.kernel_size,
        dilation_rate=conv.dilation_rate,
        conv_padding=conv.padding,
        units=units,
        **settings,
    )


def take_over(conv: Any, layer: DAUConv2D, fit_weights: bool) -> None:
    """Copies the bias of `conv`, and, to fit, sets the units to the closest to its kernel."""
    if layer.bias is not None and conv.use_bias:
        layer.bias.assign(conv.bias)
    if fit_weights:
        if layer.sigma_mode != "shared":
            raise ValueError(
                'fit_weights=True fits units that share one sigma. Expected sigma_mode="shared". '
                f"Received: sigma_mode={layer.sigma_mode!r}"
            )
        kernel = np.asarray(conv.kernel, np.float64)
        if isinstance(conv, keras.layers.DepthwiseConv2D):
            kernel = kernel.reshape(*conv.kernel_size, 1, -1)
        offsets = (_offsets(conv, 0), _offsets(conv, 1))
        weight, displacement = fit_units(kernel, offsets, layer.units, layer.initial_sigma)
        layer.unit_weight.assign(weight)
        layer.displacement.assign(displacement)
        layer.displacement.assign(layer.displacement.constraint(layer.displacement))


def input_channels(conv: Any) -> int:
    """The channels S of the images that `conv` was built for."""
    channels = conv.kernel.shape[2]
    return channels * getattr(conv, "groups", 1)


def output_channels(conv: Any) -> int:
    """The channels F of what `conv` returns."""
    if isinstance(conv, keras.layers.DepthwiseConv2D):
        return conv.kernel.shape[2] * conv.kernel.shape[3]
    return conv.filters


def _extent(conv: Any, axis: int) -> int:
    return (conv.kernel_size[axis] - 1) * conv.dilation_rate[axis] + 1


def _offsets(conv: Any, axis: int) -> np.ndarray:
    """Rows or columns of the kernel's weights from the filter's centre, in pixels."""
    rate = conv.dilation_rate[axis]
    return np.arange(0, _extent(conv, axis), rate) - (_extent(conv, axis) - 1) // 2


def _copy(registry: Any, thing: Any) -> Any:
    """A copy with a seed state of its own: Keras warns where one initializer serves twice."""
    return registry.get(registry.serialize(thing))
