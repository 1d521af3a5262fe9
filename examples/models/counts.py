"""The numbers the paper gives of a network: its parameters, its weights, its units."""

import math

import keras


def trainable_parameters(model: keras.Model) -> int:
    """All that is trained: kernels, unit weights, displacements, biases, batch norm's pairs."""
    return sum(math.prod(v.shape) for v in model.trainable_variables)


def weights_without_biases(model: keras.Model) -> int:
    """Trainable parameters except biases: kernels, unit weights and displacements."""
    return _count(model, ("kernel", "unit_weight", "displacement"))


def units(model: keras.Model) -> int:
    """K * S * F summed over DAU layers, plus the weights of the convolutions kept."""
    return _count(model, ("kernel", "unit_weight"))


def _count(model: keras.Model, names: tuple[str, ...]) -> int:
    return sum(math.prod(v.shape) for v in model.trainable_variables if v.name in names)
