"""The numbers the paper gives of a network: its weights without biases, and its units."""

import math
from collections.abc import Callable

import keras


def weights_without_biases(model: keras.Model) -> int:
    """Trainable parameters except biases: kernels, unit weights and displacements."""
    return _count(model, ("kernel", "unit_weight", "displacement"))


def units(model: keras.Model) -> int:
    """K * S * F summed over DAU layers, plus the weights of the convolutions kept."""
    return _count(model, ("kernel", "unit_weight"))


def dau_units(model: keras.Model) -> int:
    """K * S * F summed over DAU layers; each has three parameters, its weight and mu."""
    return _count(model, ("unit_weight",))


def dau_parameters(model: keras.Model) -> int:
    """Weights and displacements of the DAU layers."""
    return _count(model, ("unit_weight", "displacement"))


def convolution_weights(model: keras.Model) -> int:
    """Kernels of the convolutions, without those of dense layers."""
    return _count(model, ("kernel",), lambda variable: len(variable.shape) == 4)


def weights_3x3(model: keras.Model) -> int:
    """Kernels of the 3x3 convolutions."""
    return _count(model, ("kernel",), lambda variable: tuple(variable.shape[:-2]) == (3, 3))


def weights_of(model: keras.Model, *names: str) -> int:
    """Kernels, unit weights and displacements of the layers of these names."""
    parts = [model.get_layer(name) for name in names]
    return sum(_count(part, ("kernel", "unit_weight", "displacement")) for part in parts)


def trainable_parameters(model: keras.Model) -> int:
    """All that is trained, biases and batch norm's gamma and beta included."""
    return sum(math.prod(v.shape) for v in model.trainable_variables)


def _count(
    model: keras.Layer,
    names: tuple[str, ...],
    counts: Callable[[keras.Variable], bool] | None = None,
) -> int:
    return sum(
        math.prod(v.shape)
        for v in model.trainable_variables
        if v.name in names and (counts is None or counts(v))
    )
