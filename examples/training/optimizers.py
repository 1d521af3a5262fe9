"""The optimizers of the paper's trainings, and the decay that leaves displacements alone."""

from typing import TypeAlias

import keras
import numpy as np

from dau_tf.optimizers import ParameterGroups

Schedule: TypeAlias = keras.optimizers.schedules.LearningRateSchedule

DECAYED = ("kernel", "unit_weight")
"""Names of the variables that decay; displacements, sigma, biases and batch norm do not."""


def sgd(
    rate: float | Schedule, displacement_rate: float | Schedule | None, momentum: float
) -> keras.optimizers.Optimizer:
    """SGD with momentum; displacements in a group of their own where they have a rate of their own.

    Args:
        rate: learning rate, or how it falls.
        displacement_rate: the same for displacements; None where none has a rate of its own.
        momentum: of both.
    """
    default = keras.optimizers.SGD(rate, momentum)
    if displacement_rate is None:
        return default
    group = keras.optimizers.SGD(displacement_rate, momentum)
    return ParameterGroups([("displacement$", group)], default=default)


def steps_done(model: keras.Model) -> int:
    """Steps of a compiled model's optimizer, under any strategy."""
    return int(np.asarray(model.optimizer.iterations))


def not_finite(model: keras.Model) -> str | None:
    """The first variable of a compiled model or of its optimizer that holds a NaN or an infinity.

    Returns:
        Its path, such as "srn/dau_conv2d/unit_weight"; None where all are finite.
    """
    for variable in (*model.variables, *model.optimizer.variables):
        if not np.isfinite(np.asarray(variable)).all():
            return str(variable.path)
    return None


def poly(rate: float, steps: int, power: float) -> Schedule:
    """`rate` (1 - step / steps) ** power."""
    return keras.optimizers.schedules.PolynomialDecay(rate, steps, 0.0, power)


def set_decay(model: keras.Model, weight_decay: float) -> None:
    """Adds weight_decay / 2 |w|^2 of kernels and unit weights to a built model's loss.

    Files do not keep it: to be called after loading, too.
    """
    for variable in model.trainable_variables if weight_decay else ():
        if variable.name in DECAYED:
            variable.regularizer = keras.regularizers.L2(weight_decay / 2)
