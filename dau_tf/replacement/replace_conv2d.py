"""A Keras model with DAU layers in the place of its convolutions."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import keras

from dau_tf.replacement import conversion, rebuilding
from dau_tf.replacement.table import Row, parameters, table

Where = str | Iterable[str] | Callable[[keras.Layer], bool] | None


def replace_conv2d(
    model: keras.Model,
    where: Where = None,
    units: int = 2,
    *,
    fit_weights: bool = False,
    print_fn: Callable[[str], Any] | None = print,
    **options: Any,
) -> keras.Model:
    """Rebuilds a Keras model with DAU layers in the place of its k x k convolutions.

    Sizes stay what they are, with strides, `valid` padding and dilation too, so that the rest of
    the model fits; so do names, activations, biases, regularizers, dtype policies and what is
    frozen. Every other layer is copied with its weights. Shared layers stay shared, nested models
    are searched, `model` itself is left as it is. A compiled model's copy is compiled anew. Kernel
    constraints are dropped, because their axes are those of a kernel.

    Convolutions within a wrapper or a layer of one's own, such as `TimeDistributed`, are not
    reached.

    Args:
        model: A built functional or sequential model, those of `keras.applications` included.
        where: Which convolutions: a regular expression searched in the layer's name, the names, or
            a predicate from the layer to a bool. It may select any `Conv2D` or `DepthwiseConv2D`
            whose kernel is larger than one pixel; None selects every `Conv2D` of at least 3 x 3,
            below which two units have more parameters than the kernel.
        units: Number of units K in the place of the k x k weights.
        fit_weights: Set weights and displacements of the units to those closest to the kernel, by
            least squares; takes about a second for 15,000 (channel, filter) pairs. The network
            must be trained on all the same: two units keep some 70 % of the energy of a random
            3 x 3 kernel, more of a smooth one. False starts them from the initializers.
        print_fn: Called with a table of what was replaced and what it saved; None for no table.
        **options: Arguments of `DAUConv2D` for the new layers, such as `sigma`,
            `max_displacement` or `displacement_initializer`. By default units start uniformly
            within the former kernel, and the limit is 4 px or half of a larger kernel.

    Returns:
        A new model.

    Raises:
        ValueError: `model` is neither functional nor sequential, or is not built; or `where`
            selects nothing.

    Example:
        >>> import keras
        >>> import dau_tf
        >>> model = keras.applications.ResNet50V2(weights=None, input_shape=(64, 64, 3))
        >>> small = dau_tf.replace_conv2d(model, "2_conv$", print_fn=None)
        >>> model.count_params() - small.count_params()
        3772400
    """
    rebuilding.check(model)
    chosen = _selector(where)
    found = [layer for layer in rebuilding.layers(model) if conversion.is_convolution(layer)]
    selected = {id(layer) for layer in found if chosen(layer)}
    if not selected:
        raise ValueError(
            "`where` must select a convolution with a kernel larger than one pixel. Received: "
            f"where={where!r}, which selects none of {[layer.name for layer in found]}"
        )

    def make(layer: Any) -> Any:
        if id(layer) not in selected:
            return None
        return conversion.dau_layer(layer, units, dict(options))

    new_model, pairs = rebuilding.rebuild(model, make)
    rows = []
    for layer, copy in pairs:
        conversion.take_over(layer, copy, fit_weights)
        size = "x".join(map(str, layer.kernel_size))
        rows.append(Row(layer.name, size, parameters(layer), parameters(copy)))
    if print_fn is not None:
        print_fn(table(rows, parameters(model), parameters(new_model), len(found) - len(rows)))
    return new_model


def _selector(where: Where) -> Callable[[Any], bool]:
    if where is None:
        return lambda layer: isinstance(layer, keras.layers.Conv2D) and min(layer.kernel_size) >= 3
    if isinstance(where, str):
        pattern = where
        return lambda layer: re.search(pattern, layer.name) is not None
    if callable(where):
        return where
    names = set(where)
    return lambda layer: layer.name in names
