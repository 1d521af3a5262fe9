"""The two numbers the paper gives of a network: its weights without biases, and its units."""

import math

import keras


def weights_without_biases(model: keras.Model) -> int:
    """Trainable parameters except biases: kernels, unit weights and displacements."""
    return _count(model, ("kernel", "unit_weight", "displacement"))


def units(model: keras.Model) -> int:
    """K * S * F summed over DAU layers, plus the weights of the convolutions kept."""
    return _count(model, ("kernel", "unit_weight"))


def _count(model: keras.Model, names: tuple[str, ...]) -> int:
    return sum(math.prod(v.shape) for v in model.trainable_variables if v.name in names)
